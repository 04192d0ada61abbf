"""Mouse events to bytes, for programs that asked for them.

Owns the encoding and which events each tracking mode wants. Does not own
selecting text, which happens when no program asked or Shift is held.
Source: xterm ctlseqs, "Mouse Tracking".
"""

from __future__ import annotations

import enum

from PySide6.QtCore import QPoint, Qt

from engine.emulator import MouseTracking, Terminal

WHEEL_LINES = 3
"""Lines per notch of the wheel."""
NOTCH = 120
"""Qt's angle for one notch, in eighths of a degree."""
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


def button_of(buttons: Qt.MouseButton) -> Button:
    """The first of Qt's buttons that terminals know."""
    known = {
        Qt.MouseButton.LeftButton: Button.LEFT,
        Qt.MouseButton.MiddleButton: Button.MIDDLE,
        Qt.MouseButton.RightButton: Button.RIGHT,
    }
    return next((button for qt, button in known.items() if buttons & qt), Button.NONE)


class Reporter:
    """What to tell one terminal's program; moves within a cell are told once."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last: tuple[Button, int, int] | None = None

    def wanted(self, held: Qt.KeyboardModifier) -> bool:
        """Whether the mouse is the program's. Shift takes it back for selecting."""
        tracking = self._terminal.mouse_tracking is not MouseTracking.OFF
        return tracking and not held & Qt.KeyboardModifier.ShiftModifier

    def report(
        self, action: Action, button: Button, row: int, column: int, *, alt: bool, ctrl: bool
    ) -> bytes:
        """The bytes for an event; b"" when the program did not ask for it."""
        terminal = self._terminal
        now = (button, row, column)
        repeated = action is Action.MOVE and now == self._last
        self._last = now if action is Action.MOVE else None
        if repeated or not wanted(terminal.mouse_tracking, action, button):
            return b""
        modifiers = 8 * alt + 16 * ctrl
        return encode(action, button, column, row, modifiers, sgr=terminal.mouse_sgr)


class Wheel:
    """Turns wheel and touchpad movement into whole lines; fractions wait for the next event."""

    def __init__(self) -> None:
        self._lines = 0.0

    def lines(self, pixels: QPoint, angle: QPoint, cell_height: float) -> int:
        """Lines up (negative: down). Pixels count where the device knows them."""
        if pixels.y():
            self._lines += pixels.y() / cell_height
        else:
            self._lines += angle.y() / NOTCH * WHEEL_LINES
        whole = int(self._lines)
        self._lines -= whole
        return whole
