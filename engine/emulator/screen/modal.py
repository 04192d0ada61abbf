"""What setting and resetting modes does: also the alternate screen and the saved cursor.

SM, RM, DECSET, DECRST, XTSAVE, XTRESTORE, DECSC, DECRC and DECSCUSR. The numbers are in
modes, what is answered about them in reports. Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells.page import SavedCursor
from engine.emulator.screen import editing, motion, reports
from engine.emulator.screen.modes import (
    FLAGS,
    NARROW_COLUMNS,
    WIDE_COLUMNS,
    Alternate,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
    is_private,
    private,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

_ALTERNATES: Final = frozenset(Alternate)
_TRACKINGS: Final = frozenset(MouseTracking) - {MouseTracking.OFF}
_ENCODINGS: Final = frozenset(MouseEncoding) - {MouseEncoding.DEFAULT}
_SHAPES: Final = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)
_SIDE_MARGINS_LEVEL: Final = 4
_KEEP_LEVEL: Final = 5
"""The DEC conformance levels (DECSCL) from which DECLRMM and DECNCSM are known."""

# -- modes


def set_modes(screen: Screen, params: Params) -> None:
    """SM."""
    _change(screen, params, True)


def reset_modes(screen: Screen, params: Params) -> None:
    """RM."""
    _change(screen, params, False)


def _change(screen: Screen, params: Params, on: bool) -> None:
    for mode in params.all():
        if mode in FLAGS and not is_private(mode):
            screen.set_flag(Mode(mode), on)
    screen.refresh()


def set_private_modes(screen: Screen, params: Params) -> None:
    """DECSET."""
    _change_private(screen, params, True)


def reset_private_modes(screen: Screen, params: Params) -> None:
    """DECRST."""
    _change_private(screen, params, False)


def _change_private(screen: Screen, params: Params, on: bool) -> None:
    for mode in params.all():
        _set_private(screen, mode, on)
    screen.refresh()


def _set_private(screen: Screen, mode: int, on: bool) -> None:
    if mode in _ALTERNATES:
        _switch(screen, Alternate(mode), on)
    elif mode in _TRACKINGS:
        screen.mouse = MouseTracking(mode) if on else MouseTracking.OFF
    elif mode in _ENCODINGS:
        screen.mouse_encoding = MouseEncoding(mode) if on else MouseEncoding.DEFAULT
    elif private(mode) in FLAGS:
        _change_flag(screen, Mode(private(mode)), on)


def _change_flag(screen: Screen, flag: Mode, on: bool) -> None:
    if flag is Mode.SIDE_MARGINS and screen.level < _SIDE_MARGINS_LEVEL:
        return
    if flag is Mode.KEEP_ON_COLUMN_CHANGE and screen.level < _KEEP_LEVEL:
        return
    if flag is Mode.COLUMNS_132:
        _columns_mode(screen, on)
        return
    known = flag in screen.mode
    screen.set_flag(flag, on)
    if flag is Mode.ORIGIN:
        screen.move_to(0, 0)
    elif flag is Mode.SIDE_MARGINS and known != on:
        screen.reset_side_margins()
        screen.wrap_away = screen.wrap_away or (screen.wrap_next and not screen.at_edge())
    elif flag is Mode.SIZE_REPORTS and on:
        reports.size(screen)


def _columns_mode(screen: Screen, on: bool) -> None:
    """DECCOLM, where mode 40 allows it: the host may change the width; the rest is done."""
    if Mode.ALLOW_132 not in screen.mode:
        return
    screen.set_flag(Mode.COLUMNS_132, on)
    if Mode.KEEP_ON_COLUMN_CHANGE not in screen.mode:
        editing.erase_rows(screen, range(screen.lines), selective=False)
    screen.reset_margins()
    screen.set_flag(Mode.SIDE_MARGINS, False)
    screen.move_to(0, 0)
    columns = WIDE_COLUMNS if on else NARROW_COLUMNS
    if columns != screen.columns:
        screen.host.resize(screen.lines, columns)


def save_modes(screen: Screen, params: Params) -> None:
    """XTSAVE."""
    for mode in params.all():
        if private(mode) in FLAGS:
            screen.saved_modes[mode] = private(mode) in screen.mode
        elif mode in _TRACKINGS:
            screen.saved_modes[mode] = screen.mouse == mode
        elif mode in _ENCODINGS:
            screen.saved_modes[mode] = screen.mouse_encoding == mode


def restore_modes(screen: Screen, params: Params) -> None:
    """XTRESTORE."""
    for mode in params.all():
        if mode in screen.saved_modes:
            _set_private(screen, mode, screen.saved_modes[mode])
    screen.refresh()


def application_keypad(screen: Screen) -> None:
    screen.set_flag(Mode.APPLICATION_KEYPAD, True)


def normal_keypad(screen: Screen) -> None:
    screen.set_flag(Mode.APPLICATION_KEYPAD, False)


def cursor_shape(screen: Screen, style: int) -> None:
    """DECSCUSR: 0 the default, 1 blinking block, 2 steady block, 3/4 underline, 5/6 bar."""
    if style == 0:
        screen.use_default_cursor()
    elif style <= 6:
        screen.cursor_style = _SHAPES[(style - 1) // 2]
        screen.set_flag(Mode.CURSOR_BLINK, style % 2 == 1)


# -- the alternate screen


def _switch(screen: Screen, mode: Alternate, on: bool) -> None:
    if mode is Alternate.SAVE_CURSOR:
        if on:
            save_cursor(screen)
        else:
            restore_cursor(screen)
        return
    clears = False
    if on:
        if mode is Alternate.SAVE_AND_SWITCH:
            save_cursor(screen)
            clears = True
        screen.show(screen.alternate)
    else:
        clears = mode is Alternate.SWITCH_CLEARING and screen.page is screen.alternate
    if clears:
        editing.erase_rows(screen, range(screen.lines), selective=False)
        screen.wrap_next = False
    if not on:
        screen.show(screen.normal)
        if mode is Alternate.SAVE_AND_SWITCH:
            restore_cursor(screen)


# -- saved cursor


def save_cursor(screen: Screen) -> None:
    screen.page.saved = SavedCursor(
        screen.cursor.x,
        screen.cursor.y,
        screen.wrap_next,
        screen.pen,
        screen.charsets,
        Mode.ORIGIN in screen.mode,
    )


def restore_cursor(screen: Screen) -> None:
    saved = screen.page.saved or SavedCursor()
    screen.set_flag(Mode.ORIGIN, saved.origin)
    if saved.origin:
        screen.move_to(saved.y - screen.top, saved.x - screen.left)
    else:
        screen.move_to(saved.y, saved.x)
    screen.wrap_next = saved.wrap and screen.at_edge()
    screen.pen, screen.charsets = saved.pen, saved.charsets
    screen.link = screen.pens.style(screen.pen).link
    screen.refresh()


def save_cursor_or_set_margins(screen: Screen, params: Params) -> None:
    """CSI s: DECSLRM while side margins are on, else the cursor is saved."""
    if Mode.SIDE_MARGINS in screen.mode:
        motion.set_side_margins(screen, params.get(0), params.get(1))
    else:
        save_cursor(screen)


CSI: dict[str, Callable[[Screen, Params], None]] = {
    "h": set_modes,
    "l": reset_modes,
    "?h": set_private_modes,
    "?l": reset_private_modes,
    "?s": save_modes,
    "?r": restore_modes,
    "s": save_cursor_or_set_margins,
}
