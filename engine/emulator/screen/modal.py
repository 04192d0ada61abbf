"""Modes: what setting and resetting them does.

Owns SM, RM, DECSET, DECRST, XTSAVE and XTRESTORE, the saved cursor and the soft
reset. Does not own the numbers (modes) nor what is answered about them (reports).
Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import Any, Final

from engine.emulator.cells.charsets import Charsets
from engine.emulator.cells.page import SavedCursor
from engine.emulator.cells.rows import DEFAULT_PEN
from engine.emulator.screen.editing import Editing
from engine.emulator.screen.modes import (
    DEFAULT_MODES,
    FLAGS,
    Alternate,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
    is_private,
    private,
)

_ALTERNATES: Final = frozenset(Alternate)
_TRACKINGS: Final = frozenset(MouseTracking) - {MouseTracking.OFF}
_ENCODINGS: Final = frozenset(MouseEncoding) - {MouseEncoding.DEFAULT}
_SHAPES: Final = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)
PRIMARY_ATTRIBUTES: Final = "\x1b[?65;1;2;4;6;9;15;16;17;18;21;22;28;29c"
"""DA1: a VT525 in xterm's words (132 columns, sixel, selective erase, rectangles, colours...)."""
MAX_TITLE: Final = 256
"""Characters kept of a title."""
_WIDE_COLUMNS: Final = 132
_NARROW_COLUMNS: Final = 80
SIDE_MARGINS_LEVEL: Final = 4
KEEP_LEVEL: Final = 5
"""The DEC conformance levels (DECSCL) from which DECLRMM and DECNCSM are known."""


class Screen(Editing):
    """All of pyte's events, and everything the tables of the stream call."""

    # -- modes

    def set_mode(self, *modes: int, private: bool = False, **_: Any) -> None:
        self._change(modes, True, private)

    def reset_mode(self, *modes: int, private: bool = False, **_: Any) -> None:
        self._change(modes, False, private)

    def _change(self, modes: tuple[int, ...], on: bool, is_private_one: bool) -> None:
        for mode in modes:
            if is_private_one:
                self.private_mode(mode, on)
            elif mode in FLAGS and not is_private(mode):
                self.set_flag(Mode(mode), on)
        self.refresh()

    def private_mode(self, mode: int, on: bool) -> None:
        if mode in _ALTERNATES:
            self._switch(Alternate(mode), on)
        elif mode in _TRACKINGS:
            self.mouse = MouseTracking(mode) if on else MouseTracking.OFF
        elif mode in _ENCODINGS:
            self.mouse_encoding = MouseEncoding(mode) if on else MouseEncoding.DEFAULT
        elif private(mode) in FLAGS:
            self._change_flag(Mode(private(mode)), on)

    def _change_flag(self, flag: Mode, on: bool) -> None:
        if flag is Mode.SIDE_MARGINS and self.level < SIDE_MARGINS_LEVEL:
            return
        if flag is Mode.KEEP_ON_COLUMN_CHANGE and self.level < KEEP_LEVEL:
            return
        if flag is Mode.COLUMNS_132:
            self._columns_mode(on)
            return
        self.set_flag(flag, on)
        if flag is Mode.ORIGIN:
            self.move_to(0, 0)
        elif flag is Mode.SIDE_MARGINS:
            self.left, self.right, self.full_width = 0, self.columns - 1, True
        elif flag is Mode.SIZE_REPORTS and on:
            self.report_size()

    def set_flag(self, mode: Mode, on: bool) -> None:
        (self.mode.add if on else self.mode.discard)(mode)

    def report_size(self) -> None:
        """Mode 2048: the size in cells and pixels, now and whenever it changes."""
        cell = self.host.cell
        height, width = self.lines * cell.height, self.columns * cell.width
        self.answer(f"\x1b[48;{self.lines};{self.columns};{height};{width}t")

    def _columns_mode(self, on: bool) -> None:
        """DECCOLM, where mode 40 allows it: the host may change the width; the rest is done."""
        if Mode.ALLOW_132 not in self.mode:
            return
        self.set_flag(Mode.COLUMNS_132, on)
        if Mode.KEEP_ON_COLUMN_CHANGE not in self.mode:
            self.erase_rows(range(self.lines), selective=False)
        self.reset_margins()
        self.set_flag(Mode.SIDE_MARGINS, False)
        self.move_to(0, 0)
        columns = _WIDE_COLUMNS if on else _NARROW_COLUMNS
        if columns != self.columns:
            self.host.resize(self.lines, columns)

    def save_modes(self, modes: list[int]) -> None:
        """XTSAVE."""
        for mode in modes:
            if private(mode) in FLAGS:
                self.saved_modes[mode] = private(mode) in self.mode
            elif mode in _TRACKINGS:
                self.saved_modes[mode] = self.mouse == mode
            elif mode in _ENCODINGS:
                self.saved_modes[mode] = self.mouse_encoding == mode

    def restore_modes(self, modes: list[int]) -> None:
        """XTRESTORE."""
        for mode in modes:
            if mode in self.saved_modes:
                self.private_mode(mode, self.saved_modes[mode])
        self.refresh()

    def application_keypad(self) -> None:
        self.set_flag(Mode.APPLICATION_KEYPAD, True)

    def normal_keypad(self) -> None:
        self.set_flag(Mode.APPLICATION_KEYPAD, False)

    def cursor_shape(self, style: int = 0) -> None:
        """DECSCUSR: 0 the default, 1 blinking block, 2 steady block, 3/4 underline, 5/6 bar."""
        if style == 0:
            self.use_default_cursor()
        elif style <= 6:
            self.cursor_style = _SHAPES[(style - 1) // 2]
            self.set_flag(Mode.CURSOR_BLINK, style % 2 == 1)

    def use_default_cursor(self) -> None:
        self.cursor_style, blink = self.default_cursor
        self.set_flag(Mode.CURSOR_BLINK, blink)

    # -- the alternate screen

    def _switch(self, mode: Alternate, on: bool) -> None:
        if mode is Alternate.SAVE_CURSOR:
            (self.save_cursor if on else self.restore_cursor)()
            return
        if on and self.page is self.normal:
            if mode is Alternate.SAVE_AND_SWITCH:
                self.save_cursor()
            self._show_alternate(clear=mode is Alternate.SAVE_AND_SWITCH)
        elif not on:
            if self.page is self.alternate:
                if mode is Alternate.SWITCH_CLEARING:
                    self.erase_rows(range(self.lines), selective=False)
                self.page, self.rows = self.normal, self.normal.rows
            if mode is Alternate.SAVE_AND_SWITCH:
                self.restore_cursor()

    def _show_alternate(self, *, clear: bool) -> None:
        self.page, self.rows = self.alternate, self.alternate.rows
        if clear:
            self.erase_rows(range(self.lines), selective=False)

    # -- saved cursor

    def save_cursor(self) -> None:
        self.page.saved = SavedCursor(
            self.cursor.x,
            self.cursor.y,
            self.wrap_next,
            self.pen,
            self.charsets,
            Mode.ORIGIN in self.mode,
        )

    def restore_cursor(self) -> None:
        saved = self.page.saved or SavedCursor()
        self.set_flag(Mode.ORIGIN, saved.origin)
        if saved.origin:
            self.move_to(saved.y - self.top, saved.x - self.left)
        else:
            self.move_to(saved.y, saved.x)
        self.wrap_next = saved.wrap and self.cursor.x in (self.right, self.columns - 1)
        self.pen, self.charsets = saved.pen, saved.charsets
        self.link = self.pens.style(self.pen).link
        self.refresh()

    # -- charsets

    def define_charset(self, code: str, mode: str) -> None:
        """SCS: ``mode`` is the intermediate that names G0..G3."""
        slot = {"(": 0, ")": 1, "*": 2, "+": 3, "-": 1, ".": 2, "/": 3}.get(mode)
        if slot is not None:
            self.charsets = self.charsets.designate(slot, code)
            self.refresh()

    def shift_out(self) -> None:
        self.lock_shift(1)

    def shift_in(self) -> None:
        self.lock_shift(0)

    def lock_shift(self, slot: int) -> None:
        self.charsets = self.charsets._replace(left=slot)
        self.refresh()

    def shift_once(self, slot: int) -> None:
        """SS2 and SS3: the next character only."""
        self.single_shift = slot
        self.refresh()

    # -- attributes

    def select_graphic_rendition(self, *attrs: int, private: bool = False) -> None:
        if not private:
            self.sgr(";".join(map(str, attrs)))

    def sgr(self, parameters: str) -> None:
        self.pen = self.pens.step(self.pen, parameters, f"[{parameters}")[0]

    def change_pen(self, **changes: Any) -> None:
        """Fields of the style that are no renditions: link and protection."""
        self.pen = self.pens.pen(self.pens.style(self.pen)._replace(**changes))

    def protect(self, on: bool, *, iso: bool) -> None:
        """DECSCA, or SPA and EPA with ``iso``."""
        self.change_pen(protected=on)
        if on or not iso:
            self.iso_protection = iso and on

    # -- resets

    def full_reset(self) -> None:
        """RIS."""
        wide = Mode.COLUMNS_132 in self.mode
        self.reset()
        if wide:
            self.host.resize(self.lines, _NARROW_COLUMNS)

    def soft_reset(self) -> None:
        """DECSTR: modes, margins, style and saved cursor; text and cursor stay."""
        kept = {Mode.REVERSE_SCREEN, Mode.BRACKETED_PASTE, Mode.FOCUS_REPORTS} & self.mode
        kept |= {Mode.ALLOW_132, Mode.COLUMNS_132} & self.mode
        self.mode = set(DEFAULT_MODES) | kept
        self.reset_margins()
        self.pen = DEFAULT_PEN
        self.link = 0
        self.iso_protection = False
        self.charsets, self.single_shift = Charsets(), None
        self.page.saved = None
        self.page.keyboard[:] = [0]
        self.key_options.clear()
        self.key_formats.clear()
        self.use_default_cursor()
        self.exact_rectangles = False
        self.wrap_next = False
        self.refresh()

    # -- titles

    def set_title(self, param: str) -> None:
        self.title = printable(param)

    def set_icon_name(self, param: str) -> None:
        self.icon_name = printable(param)

    def bell(self, *_: Any) -> None:
        self.bells += 1

    # -- answers that pyte names

    def report_device_attributes(self, mode: int = 0, **_: Any) -> None:
        if mode == 0:
            self.answer(PRIMARY_ATTRIBUTES)

    def report_device_status(self, mode: int = 0, **_: Any) -> None:
        if mode == 5:
            self.answer("\x1b[0n")
        elif mode == 6:
            self.answer(f"\x1b[{self.reported_position()}R")

    def reported_position(self) -> str:
        origin = Mode.ORIGIN in self.mode
        y = self.cursor.y - (self.top if origin else 0)
        x = self.cursor.x - (self.left if origin else 0)
        return f"{y + 1};{x + 1}"


def printable(text: str) -> str:
    """Without anything a window's title bar could trip over, bounded."""
    return "".join(filter(str.isprintable, text[: MAX_TITLE * 4]))[:MAX_TITLE]
