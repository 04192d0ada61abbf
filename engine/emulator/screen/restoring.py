"""OSC 7797: what only a snapshot says, because no sequence of a program leads to it at once.

Other terminals ignore it. From a program it does nothing that other sequences could not do.
"""

from __future__ import annotations

from typing import Final

from engine.emulator.cells.rows import WRAPPED
from engine.emulator.screen.modes import FLAGS, Mode, MouseEncoding, MouseTracking, private
from engine.emulator.screen.screen import Screen

CODE: Final = 7797
ROW: Final = "row"
"""The cursor's row goes on in the next one."""
WRAP: Final = "wrap"
"""A wrap is pending where the cursor is."""
SAVED: Final = "saved"
"""XTSAVE of a mode with a value: ``saved;number;1`` or ``0``."""
MODE: Final = "mode"
"""Sets a mode, without what else that would do: ``mode;number``."""
MODES: Final[frozenset[int]] = frozenset({Mode.COLUMNS_132, Mode.SIZE_REPORTS})
"""Modes that can be set like this: the first erases the screen, the second answers."""

_SAVED_NUMBERS: Final = frozenset(
    {number for number in range(10_000) if private(number) in FLAGS}
    | (set(map(int, MouseTracking)) - {0})
    | (set(map(int, MouseEncoding)) - {0})
)


def sequence(*parts: object) -> str:
    """What makes a terminal of ours do it."""
    return f"\x1b]{CODE};{';'.join(map(str, parts))}\x1b\\"


def command(screen: Screen, body: str) -> None:
    """OSC 7797 ; word ; number ; value."""
    word, *rest = body.split(";", 3)
    numbers = [int(part) for part in rest if part.isascii() and part.isdigit() and len(part) <= 4]
    if word == ROW:
        text, pens, flags = screen.rows[screen.cursor.y]
        screen.rows[screen.cursor.y] = (text, pens, flags | WRAPPED)
    elif word == WRAP:
        screen.wrap_next = True
        screen.wrap_away = not screen.at_edge()
    elif word == MODE and numbers and private(numbers[0]) in MODES:
        screen.set_flag(private(numbers[0]), True)
    elif word == SAVED and len(numbers) == 2 and numbers[0] in _SAVED_NUMBERS:
        screen.saved_modes[numbers[0]] = numbers[1] == 1
    screen.refresh()
