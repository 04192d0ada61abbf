"""Mouse events as every encoding writes them, for every tracking mode."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from engine.emulator import MouseEncoding, MouseTracking, Terminal
from gui.terminal.input import mouse
from gui.terminal.input.mouse import Action, Button, Spot
from gui.terminal.source import Viewed

AT = Spot(2, 1, 25, 31)
E = MouseEncoding


@pytest.mark.parametrize(
    ("action", "button", "encoding", "expected"),
    [
        (Action.PRESS, Button.LEFT, E.SGR, b"\x1b[<0;3;2M"),
        (Action.RELEASE, Button.RIGHT, E.SGR, b"\x1b[<2;3;2m"),
        (Action.MOVE, Button.NONE, E.SGR, b"\x1b[<35;3;2M"),
        (Action.MOVE, Button.LEFT, E.SGR, b"\x1b[<32;3;2M"),
        (Action.PRESS, Button.WHEEL_UP, E.SGR, b"\x1b[<64;3;2M"),
        (Action.PRESS, Button.WHEEL_RIGHT, E.SGR, b"\x1b[<67;3;2M"),
        (Action.PRESS, Button.BACK, E.SGR, b"\x1b[<128;3;2M"),
        (Action.PRESS, Button.LEFT, E.SGR_PIXELS, b"\x1b[<0;26;32M"),
        (Action.PRESS, Button.LEFT, E.DEFAULT, b'\x1b[M #"'),
        (Action.RELEASE, Button.LEFT, E.DEFAULT, b'\x1b[M##"'),
        (Action.PRESS, Button.MIDDLE, E.URXVT, b"\x1b[33;3;2M"),
        (Action.RELEASE, Button.MIDDLE, E.URXVT, b"\x1b[35;3;2M"),
        (Action.PRESS, Button.LEFT, E.UTF8, b'\x1b[M #"'),
    ],
)
def test_encoding(action: Action, button: Button, encoding: MouseEncoding, expected: bytes) -> None:
    assert mouse.encode(action, button, AT, 0, encoding) == expected


def test_the_old_encodings_have_an_end() -> None:
    def press(column: int, encoding: MouseEncoding) -> bytes:
        return mouse.encode(Action.PRESS, Button.LEFT, Spot(column, 0), 0, encoding)

    assert press(222, E.DEFAULT) == b"\x1b[M \xff!"
    assert press(223, E.DEFAULT) == b""
    assert press(223, E.UTF8) == b"\x1b[M " + chr(256).encode() + b"!"
    assert press(2014, E.UTF8) == b"\x1b[M " + chr(2047).encode() + b"!"
    assert press(2015, E.UTF8) == b""


@pytest.mark.parametrize(
    ("tracking", "wanted"),
    [
        (MouseTracking.OFF, []),
        (MouseTracking.PRESS, ["press"]),
        (MouseTracking.BUTTONS, ["press", "release"]),
        (MouseTracking.DRAG, ["press", "release", "drag"]),
        (MouseTracking.MOTION, ["press", "release", "drag", "move"]),
    ],
)
def test_which_events_a_program_gets(tracking: MouseTracking, wanted: list[str]) -> None:
    events = {
        "press": (Action.PRESS, Button.LEFT),
        "release": (Action.RELEASE, Button.LEFT),
        "drag": (Action.MOVE, Button.LEFT),
        "move": (Action.MOVE, Button.NONE),
    }
    assert [name for name, event in events.items() if mouse.wanted(tracking, *event)] == wanted


def test_a_move_within_a_cell_is_reported_once() -> None:
    terminal = Terminal(20, 5)
    terminal.feed(b"\x1b[?1003h\x1b[?1006h")
    reporter = mouse.Reporter(Viewed(terminal))

    def move(spot: Spot) -> bytes:
        return reporter.report(Action.MOVE, Button.NONE, spot, alt=False, ctrl=True)

    assert move(Spot(1, 1, 10, 10)) == b"\x1b[<51;2;2M"
    assert move(Spot(1, 1, 11, 10)) == b""
    assert move(Spot(2, 1, 20, 10)) == b"\x1b[<51;3;2M"


def test_shift_takes_the_mouse_back() -> None:
    terminal = Terminal(20, 5)
    reporter = mouse.Reporter(Viewed(terminal))
    assert not reporter.wanted(Qt.KeyboardModifier.NoModifier)
    terminal.feed(b"\x1b[?1000h")
    assert reporter.wanted(Qt.KeyboardModifier.NoModifier)
    assert not reporter.wanted(Qt.KeyboardModifier.ShiftModifier)


def test_the_wheel_keeps_fractions() -> None:
    wheel = mouse.Wheel()
    assert [wheel.steps(0, 40, 17.0) for _ in range(3)] == [1, 1, 1]
    assert [wheel.steps(0, 8, 17.0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert [wheel.steps(-10, 0, 20.0) for _ in range(2)] == [0, -1]


def test_the_wheel_of_a_program_turns_by_whole_steps() -> None:
    wheel = mouse.Wheel(mouse.WHEEL_LINES)
    assert [wheel.steps(0, 40, 17.0) for _ in range(6)] == [0, 0, 1, 0, 0, 1]
    assert [wheel.steps(-20, 0, 20.0) for _ in range(4)] == [0, 0, -1, 0]
    assert wheel.steps(0, 360, 20.0) == 2
