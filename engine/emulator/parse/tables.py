"""What each sequence is called: the terminal's table of contents.

Owns the maps from sequence to event or function. Does not own what they do.
Keys of control sequences are prefix, intermediates and final byte. pyte's tables
are the base; an event is a method of the screen, a function takes the screen and
the parameters. Source: ECMA-48, xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyte

from engine.emulator.screen import graphics, keyboard, rectangles, reports, window
from engine.emulator.screen.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.modal import Screen
    from engine.emulator.screen.params import Params

BASIC: dict[str, str] = dict(pyte.ByteStream.basic)
SHARP: dict[str, str] = dict(pyte.ByteStream.sharp)
ESCAPE: dict[str, str] = {
    **pyte.ByteStream.escape,
    "E": "next_line",
    "6": "back_index",
    "9": "forward_index",
    "=": "application_keypad",
    ">": "normal_keypad",
    "c": "full_reset",
}
# pyte's "'" for HPA is a slip: it is "`".
PLAIN_CSI: dict[str, str] = {
    **{key: event for key, event in pyte.ByteStream.csi.items() if key != "'"},
    "e": "cursor_down_anywhere",
    "a": "cursor_forward_anywhere",
    "`": "cursor_to_column",
    "I": "tab_forward",
    "Z": "tab_back",
    "S": "scroll_up",
    "T": "scroll_down",
    "^": "scroll_down",
    "b": "repeat",
    "u": "restore_cursor",
    " q": "cursor_shape",
    " @": "scroll_left",
    " A": "scroll_right",
    "'}": "insert_columns",
    "'~": "delete_columns",
    "!p": "soft_reset",
}
EVENTS: Final = frozenset({*ESCAPE.values(), *PLAIN_CSI.values()})

_LEAST_LEVEL: Final = 1
_MOST_LEVEL: Final = 5
MAX_PENS_SAVED: Final = 10
"""XTPUSHSGR's stack; pushing more forgets the oldest."""


def _set_private(screen: Screen, params: Params) -> None:
    screen.set_mode(*params.all(), private=True)


def _reset_private(screen: Screen, params: Params) -> None:
    screen.reset_mode(*params.all(), private=True)


def _save_modes(screen: Screen, params: Params) -> None:
    screen.save_modes(params.all())


def _restore_modes(screen: Screen, params: Params) -> None:
    screen.restore_modes(params.all())


def _erase_display_selectively(screen: Screen, params: Params) -> None:
    screen.erase_in_display(params.get(0), private=True)


def _erase_line_selectively(screen: Screen, params: Params) -> None:
    screen.erase_in_line(params.get(0), private=True)


def _save_or_margins(screen: Screen, params: Params) -> None:
    """CSI s: DECSLRM while side margins are on, else the cursor is saved."""
    if Mode.SIDE_MARGINS in screen.mode:
        screen.set_side_margins(params.get(0), params.get(1))
    else:
        screen.save_cursor()


def _protect(screen: Screen, params: Params) -> None:
    """DECSCA."""
    screen.protect(params.get(0) == 1, iso=False)


def _level(screen: Screen, params: Params) -> None:
    """DECSCL."""
    level = params.get(0) - 60
    if _LEAST_LEVEL <= level <= _MOST_LEVEL:
        screen.level = level
        screen.eight_bit = params.get(1) in (0, 2)
        screen.soft_reset()


def _default_tabs(screen: Screen, params: Params) -> None:
    """DECST8C."""
    if params.get(0) == 5:
        screen.tabstops = set(range(8, screen.columns, 8))


def _push_pen(screen: Screen, params: Params) -> None:
    """XTPUSHSGR."""
    screen.pen_stack.append(screen.pen)
    del screen.pen_stack[:-MAX_PENS_SAVED]


def _pop_pen(screen: Screen, params: Params) -> None:
    """XTPOPSGR."""
    if screen.pen_stack:
        screen.pen = screen.pen_stack.pop()


def _no_locator(screen: Screen, params: Params) -> None:
    """DECRQLP."""
    screen.answer("\x1b[0&w")


FUNCTIONS: dict[str, Callable[[Screen, Params], None]] = {
    **graphics.CSI,
    **keyboard.CSI,
    **rectangles.CSI,
    **reports.CSI,
    **window.CSI,
    "?h": _set_private,
    "?l": _reset_private,
    "?s": _save_modes,
    "?r": _restore_modes,
    "?J": _erase_display_selectively,
    "?K": _erase_line_selectively,
    "s": _save_or_margins,
    '"q': _protect,
    '"p': _level,
    "?W": _default_tabs,
    "#{": _push_pen,
    "#p": _push_pen,
    "#}": _pop_pen,
    "#q": _pop_pen,
    "'|": _no_locator,
}


def _iso_protect(screen: Screen) -> None:
    screen.protect(True, iso=True)


def _iso_unprotect(screen: Screen) -> None:
    screen.protect(False, iso=True)


def _identify(screen: Screen) -> None:
    screen.report_device_attributes()


def _seven_bits(screen: Screen) -> None:
    screen.eight_bit = False


def _eight_bits(screen: Screen) -> None:
    """Noted for DECRQSS. Answers stay in seven bits: every program reads those, and an
    eight-bit control by itself is no UTF-8, which is what goes over the wire."""
    screen.eight_bit = True


ESCAPE_FUNCTIONS: dict[str, Callable[[Screen], None]] = {
    "N": lambda screen: screen.shift_once(2),
    "O": lambda screen: screen.shift_once(3),
    "n": lambda screen: screen.lock_shift(2),
    "o": lambda screen: screen.lock_shift(3),
    "V": _iso_protect,
    "W": _iso_unprotect,
    "Z": _identify,
    " F": _seven_bits,
    " G": _eight_bits,
}
DESIGNATIONS: Final = frozenset("()*+-./")
"""Intermediates that designate a character set, the set's own intermediates apart."""
