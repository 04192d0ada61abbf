"""The screen's other half: modes, the alternate screen, sizes, and answers to questions.

Owns what a mode does and what the terminal says back. Does not own text and
editing (screen). Nothing a program sent is ever part of an answer, so output
cannot type. Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.emulator.cells import DEFAULT_STYLE, Row
from engine.emulator.modes import (
    ANSI_MODES,
    DEFAULT_PRIVATE,
    Alternate,
    CursorShape,
    MouseTracking,
    Private,
    private,
)
from engine.emulator.page import Page, SavedCursor
from engine.emulator.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

PRIMARY_ATTRIBUTES = "\x1b[?62;22c"
"""DA1: a VT220 with colours."""
SECONDARY_ATTRIBUTES = "\x1b[>0;277;0c"
"""DA2: programs read the middle number as xterm's patch level; from 277 on they use SGR mouse."""

_ORIGIN = private(Private.ORIGIN)
_ALTERNATES = frozenset(Alternate)
_TRACKINGS = frozenset(MouseTracking) - {MouseTracking.OFF}
_FLAGS = frozenset(Private)
_SHAPES = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)
_TEXT_AREA_IN_CELLS = 18


class ModalScreen(Screen):
    """``answer`` is called with what the terminal says back to the program."""

    def __init__(
        self, columns: int, lines: int, history_limit: int, answer: Callable[[str], None]
    ) -> None:
        self._answer = answer
        super().__init__(columns, lines, history_limit)

    def soft_reset(self) -> None:
        """DECSTR: modes, margins, style and saved cursor; the text stays."""
        self.mode = set(DEFAULT_PRIVATE)
        self.margins = None
        self.style = DEFAULT_STYLE
        self.charsets, self.charset = ["B", "B"], 0
        self.page.saved = None

    # -- saved cursor

    def save_cursor(self) -> None:
        cursor = self.cursor
        origin = _ORIGIN in self.mode
        g0, g1 = self.charsets
        self.page.saved = SavedCursor(cursor.x, cursor.y, self.style, g0, g1, self.charset, origin)

    def restore_cursor(self) -> None:
        saved = self.page.saved or SavedCursor()
        self.cursor.x = min(saved.x, self.columns - 1)
        self.cursor.y = min(saved.y, self.lines - 1)
        self.style, self.charset = saved.style, saved.charset
        self.charsets = [saved.g0, saved.g1]
        self._set_flag(Private.ORIGIN, saved.origin)

    def cursor_shape(self, style: int) -> None:
        """DECSCUSR: 0 the default, 1 blinking block, 2 steady block, 3/4 underline, 5/6 bar."""
        if style == 0:
            self.use_default_cursor()
        elif style <= 6:
            self.cursor_style = _SHAPES[(style - 1) // 2]
            self._set_flag(Private.CURSOR_BLINK, style % 2 == 1)

    # -- modes

    def set_mode(self, *modes: int, **_: Any) -> None:
        self.mode.update(ANSI_MODES.intersection(modes))

    def reset_mode(self, *modes: int, **_: Any) -> None:
        self.mode.difference_update(ANSI_MODES.intersection(modes))

    def set_private_mode(self, *modes: int) -> None:
        for mode in modes:
            self._private_mode(mode, True)

    def reset_private_mode(self, *modes: int) -> None:
        for mode in modes:
            self._private_mode(mode, False)

    def application_keypad(self) -> None:
        self._set_flag(Private.APPLICATION_KEYPAD, True)

    def normal_keypad(self) -> None:
        self._set_flag(Private.APPLICATION_KEYPAD, False)

    def _private_mode(self, mode: int, on: bool) -> None:
        if mode in _ALTERNATES:
            self._switch(Alternate(mode), on)
        elif mode in _TRACKINGS:
            self.mouse = MouseTracking(mode) if on else MouseTracking.OFF
        elif mode in _FLAGS:
            self._set_flag(Private(mode), on)
            if mode == Private.ORIGIN:
                self.cursor_position()

    def _set_flag(self, mode: Private, on: bool) -> None:
        (self.mode.add if on else self.mode.discard)(private(mode))

    def _switch(self, mode: Alternate, on: bool) -> None:
        if mode is Alternate.SAVE_CURSOR:
            (self.save_cursor if on else self.restore_cursor)()
        elif on and self.alternate is None:
            if mode is Alternate.SAVE_AND_SWITCH:
                self.save_cursor()
            # Always blank: what leaving forgets cannot come back half drawn.
            self.alternate = Page(self.cells)
            self.show(self.alternate)
        elif not on and self.alternate is not None:
            self.alternate = None
            self.show(self.normal)
            if mode is Alternate.SAVE_AND_SWITCH:
                self.restore_cursor()

    # -- size

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Fit to a new size. Lines that no longer fit above the cursor become history,
        and come back from it when there is room again; text is not wrapped anew."""
        lines, columns = lines or self.lines, columns or self.columns
        if (lines, columns) == (self.lines, self.columns):
            return
        self.settle()
        if self.alternate is None:
            self.cursor.y += self._fit_normal(lines, columns, self.cursor.y)
        else:
            saved = self.normal.saved or SavedCursor()
            moved = self._fit_normal(lines, columns, saved.y)
            self.normal.saved = saved._replace(y=min(saved.y + moved, lines - 1))
            kept = min(lines, self.lines)
            self.alternate.fit([self.alternate[y] for y in range(kept)], columns)
        grown = range(self.columns, columns)
        self.tabstops.update(stop for stop in grown if stop % 8 == 0)
        self.lines, self.columns = lines, columns
        self.margins = None
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.cursor.y = min(self.cursor.y, lines - 1)

    def _fit_normal(self, lines: int, columns: int, cursor_y: int) -> int:
        """Resize the normal page; returns by how many rows the text moved down."""
        rows = [self.normal[y] for y in range(self.lines)]
        moved = 0
        if lines < self.lines:
            moved = -max(0, cursor_y - lines + 1)
            self.remember(rows[:-moved] if moved else [])
            rows = rows[-moved : lines - moved]
        elif cursor_y == self.lines - 1:
            moved = min(lines - self.lines, len(self.history))
            back = [self.history.pop() for _ in range(moved)]
            self.scrolled -= moved
            rows = [Row.thaw(line, self.cells) for line in reversed(back)] + rows
        self.normal.fit(rows, columns)
        return moved

    # -- answers

    def report_device_attributes(self, mode: int = 0, **_: Any) -> None:
        if mode == 0:
            self._answer(PRIMARY_ATTRIBUTES)

    def report_secondary_attributes(self, mode: int = 0) -> None:
        if mode == 0:
            self._answer(SECONDARY_ATTRIBUTES)

    def report_device_status(self, mode: int) -> None:
        if mode == 5:
            self._answer("\x1b[0n")
        elif mode == 6:
            self._answer(f"\x1b[{self._reported_position()}R")

    def report_private_status(self, mode: int) -> None:
        if mode == 6:
            self._answer(f"\x1b[?{self._reported_position()}R")

    def _reported_position(self) -> str:
        top = self.region[0] if _ORIGIN in self.mode else 0
        return f"{self.cursor.y - top + 1};{min(self.cursor.x, self.columns - 1) + 1}"

    def report_private_mode(self, mode: int) -> None:
        """DECRQM: 0 unknown, 1 set, 2 reset."""
        if mode in _FLAGS:
            state = 1 if self.flag(Private(mode)) else 2
        elif mode in _TRACKINGS:
            state = 1 if self.mouse == mode else 2
        elif mode in _ALTERNATES and mode != Alternate.SAVE_CURSOR:
            state = 2 if self.alternate is None else 1
        else:
            state = 0
        self._answer(f"\x1b[?{mode};{state}$y")

    def window_report(self, what: int) -> None:
        """XTWINOPS 18 only: titles are never read back, windows never moved."""
        if what == _TEXT_AREA_IN_CELLS:
            self._answer(f"\x1b[8;{self.lines};{self.columns}t")
