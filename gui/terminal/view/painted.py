"""What is seen of a terminal: rows, marks, cursor, preedit, bell.

Owns painting, and of it only what changed: rows whose Line or marks are others
than before. Does not own font, theme and cells (surface), which rows are in view
(scrolling), nor when a frame is due (view).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QRegion

from engine.emulator import CursorShape, Line, Run
from gui.terminal.input.preedit import Preedit
from gui.terminal.paint.blink import Blink
from gui.terminal.paint.painter import Mark, MarkKind, Marks, dimmed
from gui.terminal.text.find import Find
from gui.terminal.text.selection import Selection
from gui.terminal.view.scrolling import ScrolledTerminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from gui.terminal.text.links import Link

FLASH_MS = 120
"""How long the bell is seen."""

_Shown = tuple[int, Line, Marks]
"""A row's name, what is in it, and what is marked of it."""
_CursorPlace = tuple[int, int, Run | None, CursorShape]
"""Row in view, column, the character there, shape."""


class PaintedTerminal(ScrolledTerminal):
    """Shows what its terminal holds whenever refresh() is called."""

    def __init__(self, parent: QWidget | None = None, *, scrollback: int | None = None) -> None:
        super().__init__(parent, scrollback=scrollback)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.selection = Selection(self.terminal)
        self.finder = Find(self.terminal, self)
        self.preedit = Preedit()
        self.flashes = True
        """Whether the bell is seen."""
        self._ended = False
        self._hovered: Link | None = None
        self._shown: list[_Shown] = []
        self._cursor: _CursorPlace | None = None
        self._cursor_rect = QRect()
        self._flashing = False
        self._flash_timer = self._single_shot(self._unflash)
        self._cursor_blink = Blink(self)
        self._cursor_blink.changed.connect(self._update_cursor)
        self._text_blink = Blink(self)
        self._text_blink.changed.connect(self._update_blinking)
        self._blinking: tuple[int, ...] = ()
        """Rows in view with text that blinks."""

    def _single_shot(self, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    # -- what changed

    def view_moved(self) -> None:
        self._update_changed()

    def refresh(self) -> None:
        """Show what changed now that is no output: a selection, matches, settings."""
        self._update_changed()
        self._sync_blink()

    def _visible(self) -> list[_Shown]:
        """Name, line and selected columns of each row in view."""
        terminal = self.terminal
        # The history may be shorter than the bar, which follows once per frame.
        first = min(self.verticalScrollBar().value() - len(terminal.scrollback), 0)
        rows: list[_Shown] = []
        for index in range(first, first + terminal.rows):
            name = terminal.scrolled + index
            line = terminal.line(index)
            rows.append((name, line, self._marks(name, line)))
        return rows

    def _marks(self, name: int, line: Line) -> Marks:
        """What is marked of a row; () nearly always, and then at no cost."""
        marks: list[Mark] = []
        if self.finder.active:
            for start, end, current in self.finder.on_row(name):
                marks.append(Mark(start, end, MarkKind.CURRENT if current else MarkKind.MATCH))
        if self.selection.range is not None:
            columns = self.selection.columns(name, line)
            if columns is not None:
                marks.append(Mark(*columns, MarkKind.SELECTED))
        if self._hovered is not None:
            for row, start, end in self._hovered.spans:
                if row == name:
                    marks.append(Mark(start, end, MarkKind.LINK))
        return tuple(marks)

    def set_hovered(self, link: Link | None) -> None:
        """Underline this link while the mouse is over it."""
        if link != self._hovered:
            self._hovered = link
            self._update_changed()

    def _update_changed(self) -> None:
        shown = self._visible()
        region = QRegion()
        for row, now in enumerate(shown):
            if row >= len(self._shown) or self._shown[row][1:] != now[1:]:
                region += self.row_rect(row)
        self._shown = shown
        self._blinking = tuple(
            row for row, (_, line, _) in enumerate(shown) if any(r.style.blink for r in line.runs)
        )
        cursor = self._cursor_place()
        if cursor != self._cursor:
            region += self._cursor_rect
            self._cursor = cursor
            self._cursor_rect = QRect()
            if cursor is not None:
                self._cursor_rect = self.cell_rect(*cursor[:2], 2).toAlignedRect()
            region += self._cursor_rect
            self.updateMicroFocus()
        if not region.isEmpty():
            self.viewport().update(region)

    # -- cursor, bell

    def _cursor_place(self) -> _CursorPlace | None:
        """Where the cursor is in view, None when it is not."""
        if not self.terminal.cursor_visible:
            return None
        row, column = self.terminal.cursor()
        line = self.terminal.line(row)
        column = line.cell_start(column)
        bar = self.verticalScrollBar()
        row += bar.maximum() - bar.value()
        if row >= self.terminal.rows:
            return None
        return row, column, line.at(column), self.terminal.cursor_shape

    def _sync_blink(self) -> None:
        may = self.hasFocus() and self.terminal.cursor_blink and not self._ended
        self._cursor_blink.set_running(may)
        self._text_blink.set_running(bool(self._blinking) and self.isVisible() and not self._ended)

    def cursor_typed(self) -> None:
        """Someone typed: the cursor does not blink away meanwhile."""
        self._cursor_blink.restart()

    def _update_cursor(self) -> None:
        self.viewport().update(self._cursor_rect)

    def _update_blinking(self) -> None:
        for row in self._blinking:
            self.viewport().update(self.row_rect(row))

    def _flash(self) -> None:
        if not self.flashes:
            return
        self._flashing = True
        self._flash_timer.start(FLASH_MS)
        self.viewport().update()

    def _unflash(self) -> None:
        self._flashing = False
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._focus_changed(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._focus_changed(False)

    def _focus_changed(self, focused: bool) -> None:
        self._sync_blink()
        self._update_cursor()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        try:
            self.paint(painter, event.rect())
        finally:
            # A painter left open on a widget would take the process down with it.
            painter.end()

    def paint(self, painter: QPainter, area: QRect) -> None:
        """Paint what lies in ``area`` of the viewport, onto whatever ``painter`` paints on."""
        theme = self.painter.theme
        height, origin = self.cell_size[1], self.origin
        first = max(0, int((area.top() - origin) // height))
        last = min(int((area.bottom() - origin) // height) + 1, len(self._shown))
        self.painter.begin(last - first)
        painter.save()
        # Whole device pixels from here on: rows meet without a seam at any scale.
        ratio = self.painter.grid.ratio
        painter.scale(1 / ratio, 1 / ratio)
        self._paint_rows(painter, self._in_pixels(area), first, last)
        if self._cursor is not None:
            self._paint_cursor(painter, *self._cursor)
        painter.restore()
        if self._ended:
            painter.fillRect(area, dimmed(theme))
        if self._flashing:
            flash = QColor.fromRgb(theme.foreground)
            flash.setAlpha(28)
            painter.fillRect(area, flash)

    def _in_pixels(self, area: QRect) -> QRect:
        """An area of the viewport in device pixels, rounded outwards."""
        ratio = self.painter.grid.ratio
        left, top = math.floor(area.left() * ratio), math.floor(area.top() * ratio)
        right = math.ceil((area.left() + area.width()) * ratio)
        bottom = math.ceil((area.top() + area.height()) * ratio)
        return QRect(left, top, right - left, bottom - top)

    def _paint_rows(self, painter: QPainter, area: QRect, first: int, last: int) -> None:
        """Rows first..last-1, and background where there are none; in device pixels.

        No pixel is painted twice: a screen is many megabytes of them.
        """
        background = QColor.fromRgb(self.painter.theme.background)
        columns, height = self.terminal.cols, self.painter.grid.height
        origin = round(self.origin * self.painter.grid.ratio)
        left, right = area.left(), area.left() + area.width()
        # The rows' own part of the area is filled row by row, right of their pixmaps.
        top, bottom = origin + first * height, origin + max(first, last) * height
        above, below = top - area.top(), area.top() + area.height() - bottom
        painter.fillRect(left, area.top(), right - left, max(above, 0), background)
        painter.fillRect(left, top, max(origin - left, 0), bottom - top, background)
        painter.fillRect(left, bottom, right - left, max(below, 0), background)
        draw, fill, pixmap_of = painter.drawPixmap, painter.fillRect, self.painter.row
        show_blinking = self._text_blink.on
        # Rows of one width have one piece of background right of them.
        edge, since, y = origin, top, top
        for row in range(first, last):
            _, line, marks = self._shown[row]
            start = origin
            if line.runs or marks:
                blinked = not show_blinking and row in self._blinking
                pixmap = pixmap_of(line, columns, marks, blinked=blinked)
                draw(origin, y, pixmap)
                start += pixmap.width()
            if start != edge:
                fill(edge, since, max(right - edge, 0), y - since, background)
                edge, since = start, y
            y += height
        fill(edge, since, max(right - edge, 0), y - since, background)

    def _place_in_pixels(self, row: int, column: int) -> QPoint:
        grid = self.painter.grid
        origin = round(self.origin * grid.ratio)
        return QPoint(origin + column * grid.width, origin + row * grid.height)

    def _paint_cursor(
        self, painter: QPainter, row: int, column: int, under: Run | None, shape: CursorShape
    ) -> None:
        if self.preedit.cells:
            self._paint_preedit(painter, row, column)
            return
        focused = self.hasFocus() and not self._ended
        if self._cursor_blink.on or not focused:
            pixmap = self.painter.cursor(under, shape, focused)
            painter.drawPixmap(self._place_in_pixels(row, column), pixmap)

    def _paint_preedit(self, painter: QPainter, row: int, column: int) -> None:
        """The composition where the text will be, moved left where it would leave the grid."""
        preedit = self.preedit
        first = max(0, min(column, self.terminal.cols - preedit.cells - 1))
        pixmap = self.painter.row(preedit.line, preedit.cells)
        painter.drawPixmap(self._place_in_pixels(row, first), pixmap)
        caret = self.painter.cursor(None, CursorShape.BAR, focused=True)
        painter.drawPixmap(self._place_in_pixels(row, first + preedit.caret), caret)

    def set_preedit(self, preedit: Preedit) -> None:
        """Show what an input method composes; an empty one ends it."""
        self.preedit = preedit
        self.viewport().update()
        self.updateMicroFocus()

    @property
    def caret_rect(self) -> QRect:
        """Where text will go next, in the viewport: for an input method's window."""
        if self._cursor is None or not self.preedit.cells:
            return self._cursor_rect
        row, column = self._cursor[:2]
        first = max(0, min(column, self.terminal.cols - self.preedit.cells - 1))
        return self.cell_rect(row, first + self.preedit.caret).toAlignedRect()

    def cursor_point(self) -> QPoint:
        """The bottom left of the cursor's cell, for what opens beside it."""
        return self._cursor_rect.bottomLeft()
