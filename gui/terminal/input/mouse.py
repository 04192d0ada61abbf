"""Mouse events to bytes, for programs that asked for them.

Source: xterm ctlseqs, "Mouse Tracking".
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt

from engine.emulator import MouseEncoding, MouseTracking

if TYPE_CHECKING:
    from gui.terminal.source import Viewed

WHEEL_LINES = 3
"""Lines per notch of the wheel."""
NOTCH = 120
"""Qt's angle for one notch, in eighths of a degree."""
_MOTION = 32
_OFFSET = 32
_X10_LIMIT = 223
"""The last column and row the old encoding can express."""
_UTF8_LIMIT = 2015
"""The last one its UTF-8 form can express, in two bytes."""


class Button(enum.IntEnum):
    LEFT = 0
    MIDDLE = 1
    RIGHT = 2
    NONE = 3
    WHEEL_UP = 64
    WHEEL_DOWN = 65
    WHEEL_LEFT = 66
    WHEEL_RIGHT = 67
    BACK = 128
    FORWARD = 129


class Action(enum.Enum):
    PRESS = "press"
    RELEASE = "release"
    MOVE = "move"


class Spot(NamedTuple):
    """Where the mouse is: the cell from 0, and the device pixel within the grid from 0."""

    column: int
    row: int
    x: int = 0
    y: int = 0


def wanted(tracking: MouseTracking, action: Action, button: Button) -> bool:
    """Whether a program that asked for ``tracking`` wants this event."""
    match tracking:
        case MouseTracking.OFF:
            return False
        case MouseTracking.PRESS:
            return action is Action.PRESS and button <= Button.RIGHT
        case MouseTracking.BUTTONS:
            return action is not Action.MOVE
        case MouseTracking.DRAG:
            return action is not Action.MOVE or button is not Button.NONE
        case MouseTracking.MOTION:
            return True


def encode(
    action: Action, button: Button, spot: Spot, modifiers: int, encoding: MouseEncoding
) -> bytes:
    """One event, b"" if ``encoding`` cannot express it.

    ``modifiers``: 4 Shift + 8 Alt + 16 Ctrl.
    """
    code = button + modifiers + (_MOTION if action is Action.MOVE else 0)
    released = action is Action.RELEASE
    if encoding in (MouseEncoding.SGR, MouseEncoding.SGR_PIXELS):
        pixels = encoding is MouseEncoding.SGR_PIXELS
        x, y = (spot.x, spot.y) if pixels else (spot.column, spot.row)
        return f"\x1b[<{code};{x + 1};{y + 1}{'m' if released else 'M'}".encode()
    if released:
        # These do not say which button was released.
        code = Button.NONE + modifiers
    if encoding is MouseEncoding.URXVT:
        return f"\x1b[{_OFFSET + code};{spot.column + 1};{spot.row + 1}M".encode()
    numbers = (_OFFSET + code, _OFFSET + 1 + spot.column, _OFFSET + 1 + spot.row)
    if encoding is MouseEncoding.UTF8:
        if max(spot.column, spot.row) >= _UTF8_LIMIT:
            return b""
        return b"\x1b[M" + "".join(map(chr, numbers)).encode()
    if max(spot.column, spot.row) >= _X10_LIMIT:
        return b""
    return b"\x1b[M" + bytes(numbers)


def button_of(buttons: Qt.MouseButton) -> Button:
    """The first of Qt's buttons that terminals know."""
    known = {
        Qt.MouseButton.LeftButton: Button.LEFT,
        Qt.MouseButton.MiddleButton: Button.MIDDLE,
        Qt.MouseButton.RightButton: Button.RIGHT,
        Qt.MouseButton.BackButton: Button.BACK,
        Qt.MouseButton.ForwardButton: Button.FORWARD,
    }
    return next((button for qt, button in known.items() if buttons & qt), Button.NONE)


class Reporter:
    """Mouse reports for one terminal's program; moves within a cell are reported once."""

    def __init__(self, viewed: Viewed) -> None:
        self._viewed = viewed
        self._last: tuple[Button, Spot] | None = None

    def wanted(self, held: Qt.KeyboardModifier) -> bool:
        """Whether the mouse is the program's. Shift takes it back for selecting."""
        tracking = self._viewed.terminal.mouse_tracking is not MouseTracking.OFF
        return tracking and not held & Qt.KeyboardModifier.ShiftModifier

    def report(self, action: Action, button: Button, spot: Spot, *, alt: bool, ctrl: bool) -> bytes:
        """The bytes for an event; b"" when the program did not ask for it."""
        terminal = self._viewed.terminal
        encoding = terminal.mouse_encoding
        pixels = encoding is MouseEncoding.SGR_PIXELS
        now = (button, spot if pixels else Spot(spot.column, spot.row))
        repeated = action is Action.MOVE and now == self._last
        self._last = now if action is Action.MOVE else None
        if repeated or not wanted(terminal.mouse_tracking, action, button):
            return b""
        # X10's mode knows no modifiers.
        plain = terminal.mouse_tracking is MouseTracking.PRESS
        modifiers = 0 if plain else 8 * alt + 16 * ctrl
        return encode(action, button, spot, modifiers, encoding)


class Wheel:
    """Turns wheel and touchpad movement into whole steps; fractions wait for the next event.

    A step is a line, or ``lines_a_step`` of them.
    """

    def __init__(self, lines_a_step: int = 1) -> None:
        self._lines = 0.0
        self._step = lines_a_step

    def steps(self, pixels: int, angle: int, cell_height: float) -> int:
        """Steps up (negative: down). Pixels count where the device knows them."""
        if pixels:
            self._lines += pixels / cell_height
        else:
            self._lines += angle / NOTCH * WHEEL_LINES
        whole = int(self._lines / self._step)
        self._lines -= whole * self._step
        return whole
