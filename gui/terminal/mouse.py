"""Mouse events to bytes, for programs that asked for them.

Owns the encoding and which events each tracking mode wants. Does not own
selecting text, which happens when no program asked or Shift is held.
Source: xterm ctlseqs, "Mouse Tracking".
"""

from __future__ import annotations

import enum

from engine.emulator import MouseTracking

_MOTION = 32
_X10_LIMIT = 223
"""The last column and row the old encoding can say."""


class Button(enum.IntEnum):
    LEFT = 0
    MIDDLE = 1
    RIGHT = 2
    NONE = 3
    WHEEL_UP = 64
    WHEEL_DOWN = 65


class Action(enum.Enum):
    PRESS = "press"
    RELEASE = "release"
    MOVE = "move"


def wanted(tracking: MouseTracking, action: Action, button: Button) -> bool:
    """Whether a program that asked for ``tracking`` wants this event."""
    match tracking:
        case MouseTracking.OFF:
            return False
        case MouseTracking.PRESS:
            return action is Action.PRESS
        case MouseTracking.BUTTONS:
            return action is not Action.MOVE
        case MouseTracking.DRAG:
            return action is not Action.MOVE or button is not Button.NONE
        case MouseTracking.MOTION:
            return True


def encode(
    action: Action, button: Button, column: int, row: int, modifiers: int, *, sgr: bool
) -> bytes:
    """One event at a cell from 0. ``modifiers`` is 4 Shift + 8 Alt + 16 Ctrl."""
    code = button + modifiers + (_MOTION if action is Action.MOVE else 0)
    if sgr:
        final = "m" if action is Action.RELEASE else "M"
        return f"\x1b[<{code};{column + 1};{row + 1}{final}".encode()
    if action is Action.RELEASE:
        code = Button.NONE + modifiers
    if column >= _X10_LIMIT or row >= _X10_LIMIT:
        return b""
    return b"\x1b[M" + bytes([32 + code, 33 + column, 33 + row])
