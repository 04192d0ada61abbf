"""Answers: what the terminal says about itself.

DA1 to DA3, XTVERSION, the DSR family, DECRQM, DECRQSS, XTGETTCAP and size reports. Of what
a program sent, an answer repeats only numbers and names that are in our tables, so
output cannot type. What belongs to a feature that ``Screen.features`` lacks (see features) is
answered like what does not exist. Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import sgr
from engine.emulator.screen import features
from engine.emulator.screen.modes import (
    ANSI_NEVER,
    FLAGS,
    PRIVATE_ALWAYS,
    PRIVATE_NEVER,
    Alternate,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
    private,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

PRIMARY_ATTRIBUTES: Final = (65, 1, 2, 4, 6, 9, 15, 16, 17, 18, 21, 22, 28, 29)
"""DA1: a VT525 in xterm's words (132 columns, sixel, selective erase, rectangles, colors...)."""
SECONDARY_ATTRIBUTES: Final = "\x1b[>64;400;0c"
"""DA2: programs read the middle number as xterm's patch level; from 277 on they use SGR mouse."""
TERTIARY_ATTRIBUTES: Final = "\x1bP!|00000000\x1b\\"
"""DA3: no serial number."""
VERSION: Final = "\x1bP>|Hatchway\x1b\\"
_SET: Final = 1
_RESET: Final = 2
_ALWAYS: Final = 3
_NEVER: Final = 4
_UNKNOWN: Final = 0
_DECRQM_LEVEL: Final = 3
_CURSOR_CODES: Final = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}

MAX_NAMES: Final = 64
"""Capabilities one XTGETTCAP may ask for."""
CAPABILITIES: Final = {
    "TN": "xterm-256color",
    "name": "xterm-256color",
    "Co": "256",
    "colors": "256",
    "RGB": "8/8/8",
    "Tc": "",
    "Su": "",
    "Sync": "\x1b[?2026%?%p1%{1}%-%tl%eh%;",
    "Ss": "\x1b[%p1%d q",
    "Se": "\x1b[2 q",
    "Ms": "\x1b]52;%p1%s;%p2%s\x07",
    "smxx": "\x1b[9m",
    "rmxx": "\x1b[29m",
    "Smulx": "\x1b[4:%p1%dm",
    "setrgbf": "\x1b[38:2:%p1%d:%p2%d:%p3%dm",
    "setrgbb": "\x1b[48:2:%p1%d:%p2%d:%p3%dm",
}
"""What XTGETTCAP answers, by terminfo or termcap name."""


def _has(screen: Screen, feature: str | None) -> bool:
    return feature is None or feature in screen.features


def primary(screen: Screen, what: int) -> None:
    """DA1."""
    if what == 0:
        identify(screen)


def identify(screen: Screen) -> None:
    """DECID: ESC Z."""
    known = (str(one) for one in PRIMARY_ATTRIBUTES if _has(screen, features.ATTRIBUTES.get(one)))
    screen.answer(f"\x1b[?{';'.join(known)}c")


def secondary(screen: Screen, params: Params) -> None:
    if params.get(0) == 0:
        screen.answer(SECONDARY_ATTRIBUTES)


def tertiary(screen: Screen, params: Params) -> None:
    if params.get(0) == 0:
        screen.answer(TERTIARY_ATTRIBUTES)


def version(screen: Screen, params: Params) -> None:
    if params.get(0) == 0:
        screen.answer(VERSION)


def terminal_parameters(screen: Screen, params: Params) -> None:
    """DECREQTPARM."""
    if params.get(0) <= 1:
        screen.answer(f"\x1b[{params.get(0) + 2};1;1;128;128;1;0x")


_STATUS: Final = {
    15: "13",  # No printer.
    25: "21",  # User-defined keys are locked.
    26: "27;1;0;0",  # A North American keyboard.
    53: "53",  # No locator.
    55: "53",
    56: "57;0",
    75: "70",  # No transmission errors.
    85: "83",  # One session.
}


def status(screen: Screen, what: int) -> None:
    """DSR: CSI what n."""
    if what == 5:
        screen.answer("\x1b[0n")
    elif what == 6:
        screen.answer(f"\x1b[{_position(screen)}R")


def _position(screen: Screen) -> str:
    origin = Mode.ORIGIN in screen.mode
    y = screen.cursor.y - (screen.top if origin else 0)
    x = screen.cursor.x - (screen.left if origin else 0)
    return f"{y + 1};{x + 1}"


def private_status(screen: Screen, params: Params) -> None:
    """DECDSR: CSI ? what n."""
    what = params.get(0)
    if what == 6:
        screen.answer(f"\x1b[?{_position(screen)}{';1' if screen.level >= 4 else ''}R")
    elif what in _STATUS:
        screen.answer(f"\x1b[?{_STATUS[what]}n")
    elif what == 62:
        screen.answer("\x1b[0*{")
    elif what == 63:
        screen.answer(f"\x1bP{params.get(1)}!~0000\x1b\\")
    elif what == 996:
        screen.answer(f"\x1b[?997;{1 if screen.host.dark else 2}n")


def locator(screen: Screen, params: Params) -> None:
    """DECRQLP: there is none."""
    screen.answer("\x1b[0&w")


def size(screen: Screen) -> None:
    """Mode 2048: the size in cells and pixels, now and whenever it changes."""
    cell = screen.host.cell
    height, width = screen.lines * cell.height, screen.columns * cell.width
    screen.answer(f"\x1b[48;{screen.lines};{screen.columns};{height};{width}t")


# -- modes


def mode(screen: Screen, params: Params) -> None:
    """DECRQM for ANSI modes."""
    number = params.get(0)
    if screen.level >= _DECRQM_LEVEL:
        state = _NEVER if number in ANSI_NEVER else _UNKNOWN
        if number in FLAGS and number < private(1):
            state = _SET if number in screen.mode else _RESET
        screen.answer(f"\x1b[{number};{state}$y")


def private_mode(screen: Screen, params: Params) -> None:
    """DECRQM for private modes."""
    if screen.level >= _DECRQM_LEVEL:
        number = params.get(0)
        screen.answer(f"\x1b[?{number};{_private_state(screen, number)}$y")


def _private_state(screen: Screen, number: int) -> int:
    if not _has(screen, features.PRIVATE_MODES.get(number)):
        return _UNKNOWN
    if private(number) in FLAGS:
        return _SET if private(number) in screen.mode else _RESET
    if number in frozenset(MouseTracking) and number:
        return _SET if screen.mouse == number else _RESET
    if number in frozenset(MouseEncoding) and number:
        return _SET if screen.mouse_encoding == number else _RESET
    if number == Alternate.SAVE_CURSOR:
        return _SET if screen.page.saved is not None else _RESET
    if number in frozenset(Alternate):
        return _RESET if screen.page is screen.normal else _SET
    if number in PRIVATE_ALWAYS:
        return _ALWAYS
    return _NEVER if number in PRIVATE_NEVER else _UNKNOWN


# -- settings


def setting(screen: Screen, what: str) -> None:
    """DECRQSS: DCS $ q what ST."""
    found = _SETTINGS.get(what)
    known = found is not None and _has(screen, features.SETTINGS.get(what))
    value = found(screen) if found and known else None
    screen.answer("\x1bP0$r\x1b\\" if value is None else f"\x1bP1$r{value}{what}\x1b\\")


def _cursor_code(screen: Screen) -> int:
    return _CURSOR_CODES[screen.cursor_style] - (Mode.CURSOR_BLINK in screen.mode)


_SETTINGS: dict[str, Callable[[Screen], str | None]] = {
    '"q': lambda screen: str(
        int(screen.pens.style(screen.pen).protected and not screen.iso_protection)
    ),
    '"p': lambda screen: f"{60 + screen.level};{0 if screen.eight_bit else 1}",
    "r": lambda screen: f"{screen.top + 1};{screen.bottom + 1}",
    "s": lambda screen: f"{screen.left + 1};{screen.right + 1}" if screen.level >= 4 else None,
    "m": lambda screen: ";".join(sgr.codes(screen.pens.style(screen.pen))),
    " q": lambda screen: str(_cursor_code(screen)),
    "t": lambda screen: str(max(screen.lines, 24)),
    "$|": lambda screen: str(screen.columns),
    "*|": lambda screen: str(screen.lines),
    "*x": lambda screen: "2" if screen.exact_rectangles else "0",
    "$}": lambda screen: "0",
    "$~": lambda screen: "0",
}


def capabilities(screen: Screen, names: str) -> None:
    """XTGETTCAP: DCS + q hexadecimal names ST; answered one by one."""
    for name in names.split(";", MAX_NAMES)[:MAX_NAMES]:
        try:
            key = bytes.fromhex(name).decode("ascii")
        except ValueError:
            screen.answer("\x1bP0+r\x1b\\")
            return
        if key not in CAPABILITIES or not _has(screen, features.CAPABILITIES.get(key)):
            screen.answer(f"\x1bP0+r{key.encode().hex().upper()}\x1b\\")
            return
        value = CAPABILITIES[key].encode().hex().upper()
        answer = key.encode().hex().upper() + (f"={value}" if value else "")
        screen.answer(f"\x1bP1+r{answer}\x1b\\")


CSI: dict[str, Callable[[Screen, Params], None]] = {
    ">c": secondary,
    "=c": tertiary,
    ">q": version,
    "x": terminal_parameters,
    "?n": private_status,
    "$p": mode,
    "?$p": private_mode,
    "'|": locator,
}
