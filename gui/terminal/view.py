"""The terminal's window onto the emulator: frames, painting, marks, cursor.

Owns what is seen and when it is painted: at most once per frame, and of that
only rows whose Line changed. Does not own font, theme and cells (surface),
which rows are in view (scrolling), nor keys, mouse and clipboard (widget).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QShowEvent,
)

from engine.emulator import CursorShape, Line, Run
from gui.terminal.blink import Blink
from gui.terminal.ended import EndedBar
from gui.terminal.feeder import Feeder
from gui.terminal.find import Find
from gui.terminal.painter import Mark, MarkKind, Marks, dimmed
from gui.terminal.preedit import Preedit
from gui.terminal.scrolling import ScrolledTerminal
from gui.terminal.selection import Selection
from gui.terminal.surface import Changes

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from gui.terminal.links import Link
    from gui.terminal.theme import Theme

FRAME_MS = 16
FLASH_MS = 120
"""How long the bell is seen."""

SYNCHRONIZED_MS = 150
"""How long a program may hold back a frame (mode 2026); then it is shown half done."""

_Shown = tuple[int, Line, Marks]
"""A row's name, what is in it, and what is marked of it."""
_CursorPlace = tuple[int, int, Run | None, CursorShape]
"""Row in view, column, the character there, shape."""


class TerminalView(ScrolledTerminal):
    """Shows one Terminal. ``rendered(n)``: n more bytes of output have been dealt with."""

    typed = Signal(bytes)
    resized = Signal(int, int)
    """Columns, rows."""
    rendered = Signal(int)
    titleChanged = Signal(str)
    bell = Signal()

    def __init__(self, parent: QWidget | None = None, *, scrollback: int | None = None) -> None:
        super().__init__(parent, scrollback=scrollback)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.selection = Selection(self.terminal)
        self.ended_bar = EndedBar(self.viewport())
        self._ended = False
        self.finder = Find(self.terminal, self)
        self.finder.changed.connect(self._schedule)
        self.preedit = Preedit()
        self.flashes = True
        """Whether the bell is seen."""
        self._hovered: Link | None = None
        self._shown: list[_Shown] = []
        self._cursor: _CursorPlace | None = None
        self._cursor_rect = QRect()
        self._flashing = False
        self._title, self._bells = "", 0
        self._alternate = False
        self._told_size: tuple[int, int] | None = None
        self._feeder = Feeder(self._parse, self)
        self._feeder.progressed.connect(self._schedule)
        self._since_frame = QElapsedTimer()
        self._since_frame.start()
        self._frame_timer = self._single_shot(self.frame)
        self._resize_timer = self._single_shot(self._fit)
        self._flash_timer = self._single_shot(self._unflash)
        self._cursor_blink = Blink(self)
        self._cursor_blink.changed.connect(self._update_cursor)
        self._text_blink = Blink(self)
        self._text_blink.changed.connect(self._update_blinking)
        self._blinking: tuple[int, ...] = ()
        """Rows in view with text that blinks."""
        self._held_back = QElapsedTimer()
        self.ended_bar.set_theme(self.theme)

    def _single_shot(self, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    # -- what callers do

    def feed(self, data: bytes) -> None:
        """Output of the program; parsed soon, in slices. ``rendered`` tells how much is done."""
        self._feeder.feed(bytes(data))

    def clear(self) -> None:
        """As new: screen, history, modes and title; an ended terminal lives again."""
        self._feeder.clear()
        self.terminal.reset()
        self.terminal.clear_scrollback()
        self.selection.clear()
        self._set_alive()
        self._schedule()

    def reset(self) -> None:
        """Out of a mess a program left: screen and modes as new, history kept."""
        self.terminal.reset()
        self._schedule()

    def clear_scrollback(self) -> None:
        self.terminal.clear_scrollback()
        self.selection.clear()
        self.scroll_to_bottom()
        self._schedule()

    def set_ended(self, text: str, action_label: str = "", action: object = None) -> None:
        """Dim the grid and say so in a bar; a button when there is a label and an action.

        The program is gone: typing and answers stop until clear() or set_alive().
        """
        self._ended = True
        self.terminal.muted = True
        self.ended_bar.tell(text, action_label, action if callable(action) else None)
        self._sync_blink()
        self.viewport().update()

    @property
    def ended(self) -> bool:
        return self._ended

    def set_alive(self) -> None:
        """Undo set_ended(), keeping the screen: the same program goes on."""
        self._set_alive()
        self.viewport().update()

    def _set_alive(self) -> None:
        self._ended = False
        self.terminal.muted = False
        self.ended_bar.hide()
        self._sync_blink()

    # -- from bytes to a frame

    def _parse(self, data: bytes) -> None:
        self.terminal.feed(data)

    def reply(self, data: bytes) -> None:
        self.typed.emit(data)

    def view_moved(self) -> None:
        self._update_changed()

    def refresh(self) -> None:
        """Show what changed now that is no output: a selection, matches, settings."""
        self._update_changed()
        self._sync_blink()

    def _schedule(self) -> None:
        """Have a frame soon: at once after a pause, else a frame's time after the last one."""
        if not self._frame_timer.isActive():
            wait = max(0, FRAME_MS - self._since_frame.elapsed())
            self._frame_timer.start(wait)

    def frame(self) -> None:
        """Bring the view up to date with the emulator, and tell who counts."""
        self._since_frame.restart()
        terminal = self.terminal
        if terminal.title != self._title:
            self._title = terminal.title
            self.titleChanged.emit(self._title)
        if terminal.bells != self._bells:
            self._bells = terminal.bells
            self._flash()
            self.bell.emit()
        if terminal.alternate_screen != self._alternate:
            self._alternate = terminal.alternate_screen
            self.selection.clear()
        if not self._is_held_back():
            self.change_colours(
                Changes.of(
                    terminal.reverse_screen,
                    terminal.foreground,
                    terminal.background,
                    terminal.cursor_colour,
                    terminal.palette,
                )
            )
            self.sync_bar()
            self._forget_changed_selection()
            self._update_changed()
            self._sync_blink()
        consumed = self._feeder.take_consumed()
        if consumed:
            self.finder.refresh()
            self.rendered.emit(consumed)

    def _is_held_back(self) -> bool:
        """Whether the program is in the middle of a frame, and has not been for too long."""
        if not self.terminal.synchronized:
            self._held_back.invalidate()
            return False
        if not self._held_back.isValid():
            self._held_back.start()
        if self._held_back.elapsed() >= SYNCHRONIZED_MS:
            return False
        self._schedule()
        return True

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

    def _forget_changed_selection(self) -> None:
        """A selection whose text was written over is a selection of nothing."""
        selected = self.selection.range
        if selected is None:
            return
        before = {name: line for name, line, _ in self._shown}
        for name, line, _ in self._visible():
            old = before.get(name, line)
            if selected[0].line <= name <= selected[1].line and old.runs != line.runs:
                self.selection.clear()
                return

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

    # -- size

    def grid_changed(self) -> None:
        self._fit_soon()

    def _fit_soon(self) -> None:
        if not self._resize_timer.isActive():
            self._resize_timer.start(FRAME_MS)

    def _fit(self) -> None:
        """Give the terminal the size that fits, and tell."""
        self.match_scale()
        cols, rows = self.fitting()
        if (cols, rows) != (self.terminal.cols, self.terminal.rows):
            # Lines are wrapped anew: what was named is elsewhere.
            self.selection.clear()
            self._hovered = None
            self.terminal.resize(rows, cols)
            self.finder.restart()
        self.sync_bar()
        self._update_changed()
        self.viewport().update()
        told = (self.terminal.cols, self.terminal.rows)
        if told != self._told_size:
            self._told_size = told
            self.resized.emit(*told)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_soon()
        if self._ended:
            self.ended_bar.place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

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

    def use_theme(self, theme: Theme) -> None:
        super().use_theme(theme)
        self.ended_bar.set_theme(theme)

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
        for row in range(first, last):
            _, line, marks = self._shown[row]
            start, y = origin, origin + row * height
            if line.runs or marks:
                blinked = not self._text_blink.on and row in self._blinking
                pixmap = self.painter.row(line, columns, marks, blinked=blinked)
                painter.drawPixmap(origin, y, pixmap)
                start += pixmap.width()
            painter.fillRect(start, y, max(right - start, 0), height, background)

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
