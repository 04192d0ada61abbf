"""However much a sequence asks for, one call does a bounded part of it; the rest follows."""

from __future__ import annotations

import pytest

from engine.emulator import Terminal
from engine.emulator.screen.work import AT_ONCE
from tests.engine.emulator.inputs import check

FULL = b"".join(b"\x1b[%d;1H\x1b[4%dm" % (row + 1, row % 8) + b"word " * 48 for row in range(67))
MARGINS = b"\x1b[?69h\x1b[2;3s\x1b[67;2H"
FLOODS = {
    "DECRQCRA": (b"", b"\x1b[1;1*y"),
    "DECRARA": (b"", b"\x1b[1;1;999;999;0$t"),
    "DECCARA": (b"\x1b[2*x", b"\x1b[1;1;999;999;7$r"),
    "DECCRA": (b"", b"\x1b[1;1;999;999;1;2;2$v"),
    "DECFRA": (b"", b"\x1b[65;1;1;999;999$x"),
    "DECERA": (b"", b"\x1b[$z"),
    "DECSERA": (b'\x1b[1"qx', b"\x1b[${"),
    "DECSED": (b'\x1b[1"qx', b"\x1b[?2J"),
    "ED of what is protected": (b"\x1bVx", b"\x1b[2J"),
    "SL": (b"", b"\x1b[ @"),
    "SR": (b"", b"\x1b[9 A"),
    "DECIC": (b"", b"\x1b['}"),
    "DECDC": (b"", b"\x1b['~"),
    "DECBI": (b"\x1b[H", b"\x1b6"),
    "REP": (b"", b"x\x1b[99999b"),
    "REP between margins": (MARGINS, b"x\x1b[99999b"),
    "wide REP between margins": (MARGINS, "日\x1b[99999b".encode()),
    "text between margins": (MARGINS, b"x" * 1000),
    "line feeds between margins": (MARGINS, b"\n"),
    "line feeds in a sequence": (MARGINS, b"\x1b[" + b"\n" * 1000 + b"m"),
    "line feeds in a long sequence": (MARGINS, b"\x1b[" + b"1" * 600 + b"\n" * 1000 + b"m"),
    "RI between margins": (MARGINS + b"\x1b[H", b"\x1bM"),
    "RI": (b"\x1b[H", b"\x1bM"),
    "SU between margins": (MARGINS, b"\x1b[S"),
    "new styles": (
        b"",
        b"".join(b"\x1b[4;58;2;%d;%d;7m" % (n // 256, n % 256) for n in range(800)),
    ),
    "lines with tabs and marks": (b"", "\t\u0301\r\n".encode()),
    "color queries": (b"", b"\x1b]4" + b";1;?" * 15_000 + b"\x07"),
}
"""What to say first, and what to say again and again."""
MOST_AT_ONCE = AT_ONCE + 1500
"""A step, or a string of colors, may go beyond the bound."""


@pytest.mark.parametrize("name", FLOODS)
def test_no_flood_is_more_work_at_once_than_the_bound(name: str) -> None:
    terminal = Terminal(240, 67, scrollback=0)
    setup, flood = FLOODS[name]
    terminal.feed(FULL + setup)
    data = flood * max(1, 16_384 // len(flood))
    calls = 0
    for start in range(0, len(data), 16_384):
        done = terminal.feed_some(data[start : start + 16_384])
        while not done and calls < 20:
            assert terminal.work <= MOST_AT_ONCE
            done = terminal.feed_some(b"")
            calls += 1
    assert calls
    check(terminal)


@pytest.mark.parametrize("name", FLOODS)
def test_what_is_left_off_and_taken_up_again_is_the_same_as_byte_by_byte(name: str) -> None:
    whole, cut = (Terminal(30, 9, reply=lambda _: None) for _ in range(2))
    setup, flood = FLOODS[name]
    flood = flood[:2000] + b"\x18" if len(flood) > 2000 else flood
    head = FULL.replace(b"\x1b[10;1H", b"\x1b[3;7r\x1b[10;1H") + setup
    data = head + (flood + b"ab\x1b[m\x1b[b\x1b[4b\x1b[3;2Hc\r\nd\x1b[4;7m\t") * 40
    pauses = 0
    done = whole.feed_some(data)
    while not done:
        pauses += 1
        done = whole.feed_some(b"")
    for start in range(len(data)):
        cut.feed(data[start : start + 1])
    assert cut.text() == whole.text()
    assert cut.cursor() == whole.cursor()
    assert cut.snapshot() == whole.snapshot()


def test_a_resize_and_a_reset_in_the_midst_of_a_sequence() -> None:
    terminal = Terminal(240, 67)
    terminal.feed(FULL)
    assert not terminal.feed_some(b"\x1b[1;1;999;999;0$t" * 50)
    terminal.resize(5, 10)
    check(terminal)
    while not terminal.feed_some(b""):
        pass
    terminal.resize(67, 240)
    assert not terminal.feed_some(b"\x1b[2*x" + b"\x1b[1;1;999;999;0$t" * 50)
    terminal.reset()
    assert terminal.feed_some(b"new")
    assert terminal.text()[0] == "new"
