"""The modes a program can set, by number, and which of them we keep.

Owns the numbers. Does not own what a mode does. A number that is not here is
ignored, so a hostile program cannot fill memory with modes.
Source: xterm ctlseqs, "Private Mode Set (DECSET)".
"""

from __future__ import annotations

import enum

INSERT = 4
NEW_LINE = 20
ANSI_MODES = frozenset({INSERT, NEW_LINE})

_SHIFT = 5
"""pyte keeps private modes in the same set as ANSI ones, shifted by this much."""


def private(number: int) -> int:
    """The number under which pyte's ``mode`` set holds a private mode."""
    return number << _SHIFT


class Private(enum.IntEnum):
    """Private modes that are flags: set and reset, and asked about with DECRQM."""

    APPLICATION_CURSOR = 1
    REVERSE_SCREEN = 5
    ORIGIN = 6
    AUTOWRAP = 7
    CURSOR_BLINK = 12
    CURSOR_VISIBLE = 25
    REVERSE_WRAP = 45
    APPLICATION_KEYPAD = 66
    FOCUS_REPORTS = 1004
    MOUSE_SGR = 1006
    BRACKETED_PASTE = 2004


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


DEFAULT_PRIVATE = frozenset(
    private(mode) for mode in (Private.AUTOWRAP, Private.CURSOR_VISIBLE, Private.CURSOR_BLINK)
)

# DEC Special Graphics, 0x5F..0x7E: the line-drawing set of the VT100.
SPECIAL_GRAPHICS = dict(zip(range(0x5F, 0x7F), " ◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))
BRITISH = {0x23: "£"}
CHARSETS: dict[str, dict[int, str]] = {"0": SPECIAL_GRAPHICS, "A": BRITISH}
"""Final byte of the designation to translation; every other set counts as ASCII."""
