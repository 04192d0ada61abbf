"""The modes a program can set, by number, and which of them we keep.

What a mode does is in modal. A number that is not here is ignored, so a hostile program
cannot fill memory with modes.
Source: xterm ctlseqs, "Private Mode Set (DECSET)"; VT510 manual.
"""

from __future__ import annotations

import enum
from typing import Final

_SHIFT: Final = 5
"""pyte keeps private modes in the same set as ANSI ones, shifted by this much."""


class Mode(enum.IntEnum):
    """Modes that are flags, under pyte's numbers: private ones are shifted."""

    KEYBOARD_LOCKED = 2
    INSERT = 4
    SEND_RECEIVE = 12
    NEW_LINE = 20

    APPLICATION_CURSOR = 1 << _SHIFT
    COLUMNS_132 = 3 << _SHIFT
    SMOOTH_SCROLL = 4 << _SHIFT
    REVERSE_SCREEN = 5 << _SHIFT
    ORIGIN = 6 << _SHIFT
    AUTOWRAP = 7 << _SHIFT
    CURSOR_BLINK = 12 << _SHIFT
    PRINT_FORM_FEED = 18 << _SHIFT
    PRINT_EXTENT = 19 << _SHIFT
    CURSOR_VISIBLE = 25 << _SHIFT
    HEBREW_KEYBOARD = 35 << _SHIFT
    ALLOW_132 = 40 << _SHIFT
    MORE_FIX = 41 << _SHIFT
    NATIONAL_CHARSETS = 42 << _SHIFT
    REVERSE_WRAP = 45 << _SHIFT
    APPLICATION_KEYPAD = 66 << _SHIFT
    BACKARROW = 67 << _SHIFT
    SIDE_MARGINS = 69 << _SHIFT
    SIXEL_DISPLAY = 80 << _SHIFT
    KEEP_ON_COLUMN_CHANGE = 95 << _SHIFT
    FOCUS_REPORTS = 1004 << _SHIFT
    ALTERNATE_SCROLL = 1007 << _SHIFT
    META_EIGHT_BIT = 1034 << _SHIFT
    META_ESCAPE = 1036 << _SHIFT
    ALT_ESCAPE = 1039 << _SHIFT
    BELL_URGENT = 1042 << _SHIFT
    BELL_RAISES = 1043 << _SHIFT
    REVERSE_WRAP_EXTENDED = 1045 << _SHIFT
    BRACKETED_PASTE = 2004 << _SHIFT
    SYNCHRONIZED = 2026 << _SHIFT
    THEME_REPORTS = 2031 << _SHIFT
    SIZE_REPORTS = 2048 << _SHIFT
    SIXEL_RIGHT = 8452 << _SHIFT


FLAGS: Final = frozenset(int(mode) for mode in Mode)
DEFAULT_MODES: Final = frozenset(
    {
        Mode.SEND_RECEIVE,
        Mode.AUTOWRAP,
        Mode.CURSOR_BLINK,
        Mode.CURSOR_VISIBLE,
        Mode.ALTERNATE_SCROLL,
        Mode.META_ESCAPE,
        Mode.ALT_ESCAPE,
    }
)
PLAIN_FLAGS: Final = frozenset(
    int(mode)
    for mode in (
        Mode.APPLICATION_CURSOR,
        Mode.CURSOR_BLINK,
        Mode.CURSOR_VISIBLE,
        Mode.FOCUS_REPORTS,
        Mode.BRACKETED_PASTE,
        Mode.SYNCHRONIZED,
    )
)
"""Modes of every day that nothing on the screen depends on: to set one is to keep its number."""
ANSI_NEVER: Final = frozenset({1, 5, 7, 10, 11, 13, 14, 15, 16, 17, 18, 19})
"""ANSI modes that exist and cannot be set: DECRQM answers "permanently reset"."""
PRIVATE_NEVER: Final = frozenset(
    {8, 34, 36, 57, 60, 61, 64, 68, 73, 81, 96, 97, 98, 99, 100, 101, 102, 103, 104, 106}
)
"""Private modes of the VT520 that cannot be set here."""
PRIVATE_ALWAYS: Final = frozenset({2027})
"""Grapheme clusters: "permanently set"."""

WIDE_COLUMNS: Final = 132
NARROW_COLUMNS: Final = 80
"""The two widths of DECCOLM."""


def private(number: int) -> int:
    """The number under which pyte's ``mode`` set holds a private mode."""
    return number << _SHIFT


def is_private(mode: int) -> bool:
    return mode >= 1 << _SHIFT


def number_of(mode: int) -> int:
    """What the program calls it."""
    return mode >> _SHIFT if is_private(mode) else mode


class Alternate(enum.IntEnum):
    """Private modes that change screens."""

    SWITCH = 47
    SWITCH_CLEARING = 1047
    SAVE_CURSOR = 1048
    SAVE_AND_SWITCH = 1049


class MouseTracking(enum.IntEnum):
    """Which mouse events the program asked for; at most one at a time."""

    OFF = 0
    PRESS = 9
    BUTTONS = 1000
    DRAG = 1002
    MOTION = 1003


class MouseEncoding(enum.IntEnum):
    """How mouse events are written; the mode's number."""

    DEFAULT = 0
    UTF8 = 1005
    SGR = 1006
    URXVT = 1015
    SGR_PIXELS = 1016


class Keyboard(enum.IntFlag):
    """The kitty keyboard protocol's progressive enhancements."""

    DISAMBIGUATE = 1
    EVENT_TYPES = 2
    ALTERNATES = 4
    ALL_KEYS = 8
    TEXT = 16


class CursorShape(enum.Enum):
    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"
