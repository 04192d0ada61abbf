"""The screen read as pyte's: ``buffer``, ``display`` and the cursor."""

from __future__ import annotations

import pyte
import pytest

from engine.emulator import Host
from engine.emulator.parse.stream import Stream
from engine.emulator.screen.screen import Screen

COLS, ROWS = 12, 4
BOTH = {
    "text": b"hello\r\nworld",
    "styles": b"\x1b[1;31mred\x1b[0m \x1b[3;4;7;9;44mmany\x1b[m",
    "256 colors": b"\x1b[38;5;100;48;5;200mx",
    "true colors": b"\x1b[38;2;1;2;3;48;2;4;5;255mx",
    "wide": "日本x".encode(),
    "scrolled": b"a\r\nb\r\nc\r\nd\r\ne",
    "erased": b"abcdef\x1b[1;3H\x1b[K",
    "moved": b"\x1b[3;5Hx\x1b[A\x1b[2Dy",
}
"""What pyte does as xterm does."""


@pytest.mark.parametrize("name", BOTH)
def test_it_reads_as_a_screen_of_pytes_own(name: str) -> None:
    ours = Screen(COLS, ROWS, 10, lambda _: None, Host)
    Stream(ours).feed(BOTH[name])
    theirs = pyte.Screen(COLS, ROWS)
    pyte.ByteStream(theirs).feed(BOTH[name])
    assert ours.display == theirs.display
    assert (ours.cursor.x, ours.cursor.y) == (theirs.cursor.x, theirs.cursor.y)
    cells = [(y, x) for y in range(ROWS) for x in range(COLS)]
    assert [ours.buffer[y][x] for y, x in cells] == [theirs.buffer[y][x] for y, x in cells]


def test_what_is_read_cannot_change_the_screen() -> None:
    screen = Screen(COLS, ROWS, 10, lambda _: None, Host)
    Stream(screen).feed(b"text")
    screen.buffer[0][0] = screen.buffer[0][1]
    assert screen.buffer[0][0].data == "t"
