"""The terminal's window onto the emulator: frames, painting, scrolling, cursor.

Owns what is seen and when it is painted: at most once per frame, and of that
only rows whose Line changed. Does not own font, theme and cells (surface),
nor keys, mouse and clipboard (widget).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QPoint, QPointF, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QShowEvent,
)
from wcwidth import wcwidth

from engine.emulator import CursorShape, Line, Run, Style, Terminal
from gui.terminal.blink import Blink
from gui.terminal.ended import EndedBar
from gui.terminal.feeder import Feeder
from gui.terminal.painter import Span, dimmed
from gui.terminal.selection import Selection
from gui.terminal.surface import PADDING, Surface

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.theme import Theme

FRAME_MS = 16
FLASH_MS = 120
"""How long the bell is seen."""

_Shown = tuple[int, Line, Span | None]
_CursorPlace = tuple[int, int, Run | None, CursorShape]
"""Row in view, column, the character there, shape."""


class TerminalView(Surface):
    """Shows one Terminal. ``rendered(n)``: n more bytes of output have been dealt with."""

    typed = Signal(bytes)
    resized = Signal(int, int)
    """Columns, rows."""
    rendered = Signal(int)
    titleChanged = Signal(str)
    bell = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.terminal = Terminal(reply=self._reply)
        self.selection = Selection(self.terminal)
        self.ended_bar = EndedBar(self.viewport())
        self._ended = False
        self._preedit = ""
        self._shown: list[_Shown] = []
        self._cursor: _CursorPlace | None = None
        self._cursor_rect = QRect()
        self._flashing = False
        self._title, self._bells = "", 0
        self._alternate = False
        self._told_size: tuple[int, int] | None = None
        self._following, self._top = True, 0
        self._feeder = Feeder(self._parse, self)
        self._feeder.progressed.connect(self._schedule)
        self._since_frame = QElapsedTimer()
        self._since_frame.start()
        self._frame_timer = self._single_shot(self._frame)
        self._resize_timer = self._single_shot(self._fit)
        self._flash_timer = self._single_shot(self._unflash)
        self._cursor_blink = Blink(self)
        self._cursor_blink.changed.connect(self._update_cursor)
        self.verticalScrollBar().valueChanged.connect(self._scrolled_to)
        self.ended_bar.set_theme(self.theme)

    def _single_shot(self, slot: object) -> QTimer:
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

    def _reply(self, data: bytes) -> None:
        self.typed.emit(data)

    def _schedule(self) -> None:
        """Have a frame soon: at once after a pause, else a frame's time after the last one."""
        if not self._frame_timer.isActive():
            wait = max(0, FRAME_MS - self._since_frame.elapsed())
            self._frame_timer.start(wait)

    def _frame(self) -> None:
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
        self.reverse_colours(terminal.reverse_screen)
        self._sync_bar()
        self._forget_changed_selection()
        self._update_changed()
        self._sync_blink()
        consumed = self._feeder.take_consumed()
        if consumed:
            self.rendered.emit(consumed)

    def _visible(self) -> list[_Shown]:
        """Name, line and selected columns of each row in view."""
        terminal = self.terminal
        # The history may be shorter than the bar, which follows once per frame.
        first = min(self.verticalScrollBar().value() - len(terminal.scrollback), 0)
        rows: list[_Shown] = []
        for index in range(first, first + terminal.rows):
            name = terminal.scrolled + index
            rows.append((name, terminal.line(index), self.selection.columns(name, terminal.cols)))
        return rows

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
        self.terminal.resize(rows, cols)
        self._sync_bar()
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

    # -- scrolling

    def _sync_bar(self) -> None:
        """Fit the bar to the history; the text in view stays, or the newest does."""
        terminal, bar = self.terminal, self.verticalScrollBar()
        history = len(terminal.scrollback)
        bar.blockSignals(True)
        bar.setRange(history if terminal.alternate_screen else 0, history)
        bar.setPageStep(terminal.rows)
        if self._following:
            bar.setValue(history)
        else:
            bar.setValue(self._top - (terminal.scrolled - history))
        bar.blockSignals(False)
        self._note_place()

    def _note_place(self) -> None:
        bar, terminal = self.verticalScrollBar(), self.terminal
        self._following = bar.value() >= bar.maximum()
        self._top = terminal.scrolled - len(terminal.scrollback) + bar.value()

    def _scrolled_to(self) -> None:
        self._note_place()
        self._update_changed()

    def scroll_to_bottom(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def scroll_lines(self, lines: int) -> None:
        """Towards the end of the text; negative towards its beginning."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + lines)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Rows are painted where they belong; pixels are not moved."""

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

    def _update_cursor(self) -> None:
        self.viewport().update(self._cursor_rect)

    def _flash(self) -> None:
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
        theme = self.painter.theme
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor.fromRgb(theme.background))
        height = self.cell_size[1]
        for row, (_, line, selected) in enumerate(self._shown):
            if event.region().intersects(self.row_rect(row)) and (line.runs or selected):
                pixmap = self.painter.row(line, self.terminal.cols, selected)
                painter.drawPixmap(QPointF(PADDING, PADDING + row * height), pixmap)
        if self._cursor is not None:
            self._paint_cursor(painter, *self._cursor)
        if self._ended:
            painter.fillRect(event.rect(), dimmed(theme))
        if self._flashing:
            flash = QColor.fromRgb(theme.foreground)
            flash.setAlpha(28)
            painter.fillRect(event.rect(), flash)
        painter.end()

    def _paint_cursor(
        self, painter: QPainter, row: int, column: int, under: Run | None, shape: CursorShape
    ) -> None:
        if self._preedit:
            cells = sum(max(0, wcwidth(char)) for char in self._preedit)
            under = Run(column, max(1, cells), self._preedit, Style(underline=1), cluster=True)
        focused = self.hasFocus() and not self._ended
        if self._cursor_blink.on or not focused or self._preedit:
            pixmap = self.painter.cursor(under, shape, focused)
            painter.drawPixmap(self.cell_rect(row, column).topLeft(), pixmap)

    def cursor_point(self) -> QPoint:
        """The bottom left of the cursor's cell, for what opens beside it."""
        return self._cursor_rect.bottomLeft()
