"""The terminal's window onto the emulator: output in, frames, size, end.

Owns when output is parsed and shown: at most one frame in FRAME_MS. Does not own
what is painted (painted), nor keys, mouse and clipboard (widget).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, Qt, Signal
from PySide6.QtGui import (
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication

from gui.terminal.view.ended import EndedBar
from gui.terminal.view.feeder import Feeder
from gui.terminal.view.painted import PaintedTerminal
from gui.terminal.view.surface import Changes

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.paint.theme import Theme

FRAME_MS = 16
SYNCHRONIZED_MS = 150
"""How long a program may hold back a frame (mode 2026); then it is shown half done."""


class TerminalView(PaintedTerminal):
    """Shows one Terminal. ``rendered(n)``: n more bytes of output have been dealt with."""

    typed = Signal(bytes)
    resized = Signal(int, int)
    """Columns, rows."""
    rendered = Signal(int)
    titleChanged = Signal(str)
    bell = Signal()

    def __init__(self, parent: QWidget | None = None, *, scrollback: int | None = None) -> None:
        super().__init__(parent, scrollback=scrollback)
        self.ended_bar = EndedBar(self.viewport())
        self.finder.changed.connect(self._schedule)
        self._title, self._bells = "", 0
        self._alternate = False
        self._told_size: tuple[int, int] | None = None
        self._feeder = Feeder(self._parse, self)
        self._feeder.progressed.connect(self._schedule)
        self._since_frame = QElapsedTimer()
        self._since_frame.start()
        self._frame_timer = self._single_shot(self._frame_due)
        self._resize_timer = self._single_shot(self._fit)
        self._held_back = QElapsedTimer()
        self.ended_bar.set_theme(self.theme)

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
        focus = QApplication.focusWidget()
        if focus is not None and self.ended_bar.isAncestorOf(focus):
            # Its button was pressed: hidden with the keyboard, it would hand it to anyone.
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._ended = False
        self.terminal.muted = False
        self.ended_bar.hide()
        self._sync_blink()

    # -- from bytes to a frame

    def _parse(self, data: bytes) -> bool:
        return self.terminal.feed_some(data)

    def reply(self, data: bytes) -> None:
        self.typed.emit(data)

    def _schedule(self) -> None:
        """Have a frame soon: at once after a pause, else a frame's time after the last one."""
        if not self._frame_timer.isActive():
            wait = max(0, FRAME_MS - self._since_frame.elapsed())
            self._frame_timer.start(wait)

    def _frame_due(self) -> None:
        """Parsing and painting never share a turn of the loop: its turns would be twice as long."""
        if self._feeder.take_worked():
            self._feeder.give_way()
            self._frame_timer.start(0)
        else:
            self.frame()

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
            self._feeder.give_way()
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

    def use_theme(self, theme: Theme) -> None:
        super().use_theme(theme)
        self.ended_bar.set_theme(theme)
