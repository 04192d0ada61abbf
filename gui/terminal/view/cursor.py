"""The cursor in view, and what an input method composes at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, Signal

from engine.emulator import CursorShape, Run
from gui.terminal.input.preedit import Preedit
from gui.terminal.paint.blink import Blink

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPainter

    from gui.terminal.source import Viewed
    from gui.terminal.view.appearance import Appearance
    from gui.terminal.view.scrolling import Scrolling

_Place = tuple[int, int, "Run | None", CursorShape]
"""Row in view, column, the character there, shape."""


class Cursor(QObject):
    """``focused`` is asked whether the terminal has the keyboard and a program to type to.

    ``turned``: it blinked; ``rect`` is to be painted.
    """

    turned = Signal()

    def __init__(
        self,
        viewed: Viewed,
        scrolling: Scrolling,
        appearance: Appearance,
        focused: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewed = viewed
        self._scrolling = scrolling
        self._appearance = appearance
        self._focused = focused
        self._place: _Place | None = None
        self._rect = QRect()
        self._preedit = Preedit()
        self._blink = Blink(self)
        self._blink.changed.connect(self.turned)

    @property
    def rect(self) -> QRect:
        """Where it is painted in the viewport; empty where it is out of view."""
        return self._rect

    @property
    def blinking(self) -> bool:
        return self._blink.running

    def refresh(self) -> bool:
        """Look where the cursor is; False if it is as before."""
        place, rect = self._find_place(), QRect()
        if place is not None:
            rect = self._appearance.cells.rect(place[0], place[1], 2).toAlignedRect()
        # The same cell is elsewhere in another font, or when other columns are in view.
        if place == self._place and rect == self._rect:
            return False
        self._place, self._rect = place, rect
        return True

    def _find_place(self) -> _Place | None:
        """None: out of view."""
        terminal = self._viewed.terminal
        if not terminal.cursor_visible:
            return None
        row, column = terminal.cursor()
        line = terminal.line(row)
        column = line.cell_start(column)
        row -= self._scrolling.first
        left = self._appearance.cells.left
        if not 0 <= row < self._viewed.rows or not 0 <= column - left < self._viewed.columns:
            return None
        return row, column, line.at(column), terminal.cursor_shape

    # -- blinking

    def sync_blink(self) -> None:
        """Blink or not, as focus and the program want it now."""
        self._blink.set_running(self._viewed.terminal.cursor_blink and self._focused())

    def show_steadily(self) -> None:
        """Visible for a whole phase from now: it does not blink away while someone types."""
        self._blink.restart()

    # -- composing

    def compose(self, preedit: Preedit) -> None:
        """Show what an input method composes; an empty one ends it."""
        self._preedit = preedit

    @property
    def caret_rect(self) -> QRect:
        """Where text will go next, in the viewport: for an input method's window."""
        if self._place is None or not self._preedit.cells:
            return self._rect
        column = self._preedit_column(self._place[1]) + self._preedit.caret
        return self._appearance.cells.rect(self._place[0], column).toAlignedRect()

    @property
    def point(self) -> QPoint:
        """The bottom left of its cell, for what opens beside it."""
        return self._rect.bottomLeft()

    def _preedit_column(self, column: int) -> int:
        """Where the composition starts: left of the cursor where it would leave the view."""
        left = self._appearance.cells.left
        return max(left, min(column, left + self._viewed.columns - self._preedit.cells - 1))

    # -- painting

    def paint(self, painter: QPainter) -> None:
        """In device pixels."""
        if self._place is None:
            return
        row, column, under, shape = self._place
        if self._preedit.cells:
            self._paint_preedit(painter, row, self._preedit_column(column))
            return
        focused = self._focused()
        if self._blink.on or not focused:
            pixmap = self._appearance.painter.cursor(under, shape, focused)
            painter.drawPixmap(self._appearance.cells.corner(row, column), pixmap)

    def _paint_preedit(self, painter: QPainter, row: int, first: int) -> None:
        preedit, rows, cells = self._preedit, self._appearance.painter, self._appearance.cells
        painter.drawPixmap(cells.corner(row, first), rows.row(preedit.line, preedit.cells))
        caret = rows.cursor(None, CursorShape.BAR, focused=True)
        painter.drawPixmap(cells.corner(row, first + preedit.caret), caret)
