"""Any bytes: no exception, nothing lost after them, nothing that grows without bound."""

from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.emulator import Host, Terminal
from engine.emulator.parse import tables
from engine.emulator.parse.parser import MAX_SEQUENCE, MAX_STRING
from engine.emulator.parse.stream import Stream
from engine.emulator.screen import reflow
from engine.emulator.screen.screen import Screen
from engine.emulator.screen.work import AT_ONCE

FINALS = "".join(map(chr, range(0x40, 0x7F)))
NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([255, 1049, 2004, 9999, 10**30]))
SEQUENCES = st.builds(
    lambda prefix, numbers, middle, final: (
        f"\x1b[{prefix}{';'.join(map(str, numbers))}{middle}{final}".encode()
    ),
    st.sampled_from(["", "?", ">", "="]),
    st.lists(NUMBERS, max_size=6),
    st.sampled_from(["", "", "", " ", "$", "!", "'"]),
    st.sampled_from(FINALS),
)
PIECES = st.one_of(
    SEQUENCES,
    st.text(max_size=15).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text("ab 日e\u0301─", min_size=1, max_size=15).map(str.encode),
    st.sampled_from([b"\r\n", b"\n", b"\t", b"\b", b"\x1bM", b"\x1bD", b"\x1b7", b"\x1b8"]),
    st.sampled_from([b"\x1b(0", b"\x1b)A", b"\x0e", b"\x0f", b"\x1b=", b"\x1b#8", b"\x1b[?1049h"]),
    st.sampled_from([b"\x1b]0;t\x07", b"\x1bPq\x1b\\", b"\x1b_", b"\x1b", b"\x1b[", b"\x9b"]),
    st.sampled_from(
        [b"\x1b]8;id=a;http://x/\x07", b"\x1b]8;;\x07", b"\x1b]133;A\x07", b'\x1b[1"q']
    ),
    st.sampled_from([b"\x1b[?69h\x1b[2;7s", b"\x1b[?6h", b"\x1b[?45h", b"\x1b[4h", b"\x1b[?7l"]),
    st.sampled_from([b"\x1b]4;1;#123456\x07", b"\x1b[>5u", b"\x1bV", b"\x1bN", b"\x1bo", b"\x1bH"]),
    st.sampled_from(["👍🏽", "🇩🇪", "👩\u200d💻", "❤\ufe0f", "\u200d", "🏽"]).map(str.encode),
    st.binary(max_size=12),
)

LINE = st.one_of(
    st.text("ab \t", max_size=14),
    st.text("a\t\n\r日e\u0301👍", max_size=8),
    st.sampled_from(["\x1b[m", "\x1b[7m", "\x1b[41m", "\x1b[?41h", "\x1b[3g", "\x1b[2;3r"]),
)
"""One of many to be printed in bulk. Tabs stand anywhere in them, at their ends too; CR and LF
alone are controls."""


def check(terminal: Terminal) -> None:
    """The promises every screen keeps."""
    row, column = terminal.cursor()
    assert 0 <= row < terminal.rows
    assert 0 <= column < terminal.cols
    for index in range(terminal.rows):
        end = 0
        for run in terminal.line(index).runs:
            assert run.column >= end
            assert run.cells >= 1
            assert run.cluster or len(run.text) == run.cells
            end = run.column + run.cells
        assert end <= terminal.cols


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES, max_size=40),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(1, 6),
)
def test_any_bytes_in_any_pieces(pieces: list[bytes], size: int, cols: int, rows: int) -> None:
    whole, cut = Terminal(cols, rows), Terminal(cols, rows)
    data = b"".join(pieces)
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    check(whole)
    assert cut.text() == whole.text()
    assert cut.cursor() == whole.cursor()
    assert [line.text for line in cut.scrollback] == [line.text for line in whole.scrollback]
    assert cut.snapshot() == whole.snapshot()
    for each in (whole, cut):
        each.resize(cols, rows)
        check(each)
    assert cut.text() == whole.text()
    assert cut.cursor() == whole.cursor()
    assert [line.text for line in cut.scrollback] == [line.text for line in whole.scrollback]
    whole.feed(b"\x18\x1bc!")
    assert whole.text()[0] == "!"


@settings(max_examples=300, deadline=None)
@example(["\n", "\n", "e\u0301", ""], 1, 5)
@given(st.lists(LINE, min_size=8, max_size=40), st.integers(1, 6), st.integers(1, 20))
def test_lines_in_bulk_are_as_those_that_come_byte_by_byte(
    lines: list[str], size: int, cols: int
) -> None:
    whole, cut = Terminal(cols, 3), Terminal(cols, 3)
    data = "\r\n".join(lines).encode()
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    check(whole)
    assert [line.runs for line in cut.scrollback] == [line.runs for line in whole.scrollback]
    assert cut.snapshot() == whole.snapshot()


SEQUENCES_AGAIN = (
    "[m [0m [1m [31m [38;5;1;48;5;2m [38;2;1;2;3;48;2;4;5;6m [2;3H [K [1K [4G [C [2d [2b [2X (B "
    '(0 [?7l [?7h [4h [4l [1"q ]8;;x\x07 P ]'
)
TEXTS_AGAIN = ("", "ab", "#", "─", "日本", "e\u0301", "👍", "🏽", "\u200d", "x\r\n", "\t", "\x0f")
AGAIN = st.builds(
    "\x1b{}{}".format, st.sampled_from(SEQUENCES_AGAIN.split()), st.sampled_from(TEXTS_AGAIN)
)
"""A sequence and its text, of so few that most of them come again."""


@settings(max_examples=300, deadline=None)
@given(st.lists(AGAIN, min_size=1, max_size=12), st.integers(1, 20))
def test_what_has_come_before_does_the_same_again(pieces: list[str], cols: int) -> None:
    whole, cut = Terminal(cols, 3), Terminal(cols, 3)
    data = ("".join(pieces) * 4).encode()
    whole.feed(data)
    for start in range(len(data)):
        cut.feed(data[start : start + 1])
    check(whole)
    assert [line.runs for line in cut.scrollback] == [line.runs for line in whole.scrollback]
    assert cut.snapshot() == whole.snapshot()


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=20))
def test_no_handler_fails(pieces: list[bytes]) -> None:
    # The safety net is for mistakes of ours; no input may need it.
    stream = Stream(screen := Screen(9, 4, 50, lambda _: None, Host))
    stream.feed(b"".join(pieces))
    reflow.resize(screen, 2, 5)
    stream.feed(b"".join(pieces))
    assert stream.failed == set()


def test_a_failing_handler_costs_one_sequence_and_one_log_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(screen: Screen, count: int) -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(tables.CSI_OF_ONE, "S", broken)
    terminal = Terminal(10, 2)
    with caplog.at_level(logging.ERROR):
        terminal.feed(b"a\x1b[Sb\x1b[Sc")
    assert terminal.text()[0] == "abc"
    assert len(caplog.records) == 1
    caplog.clear()


def test_a_failing_reply_does_not_stop_the_screen(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(data: bytes) -> None:
        raise ConnectionError("gone")

    terminal = Terminal(10, 2, refuse)
    terminal.feed(b"a\x1b[6nb")
    assert terminal.text()[0] == "ab"
    assert "gone" in caplog.text
    caplog.clear()


ENDLESS = {
    "OSC": b"\x1b]2;" + b"x" * 1_000_000,
    "DCS": b"\x1bP" + b"x" * 1_000_000,
    "APC": b"\x1b_" + b"x" * 1_000_000,
    "CSI": b"\x1b[" + b"1;" * 500_000,
    "intermediates": b"\x1b" + b"(" * 1_000_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_sequence_is_bounded_and_can_be_left(name: str) -> None:
    terminal = Terminal(10, 2)
    data = ENDLESS[name]
    for start in range(0, len(data), 65_536):
        terminal.feed(data[start : start + 65_536])
    assert terminal.pending <= max(MAX_SEQUENCE, MAX_STRING)
    terminal.feed(b"\x18ok")
    assert terminal.text()[0] == "ok"


def test_marks_and_modes_and_savepoints_do_not_pile_up() -> None:
    terminal = Terminal(10, 2)
    terminal.feed(b"e" + "\u0301".encode() * 50_000)
    assert len(terminal.line(0).text) <= 16
    before = sys.getsizeof(terminal.snapshot())
    terminal.feed(b"".join(b"\x1b[?%dh\x1b[%dh\x1b7" % (n, n + 30) for n in range(3000, 9000)))
    assert sys.getsizeof(terminal.snapshot()) <= before + 100


def test_repeating_costs_no_more_than_a_screen() -> None:
    terminal = Terminal(10, 2)
    terminal.feed(b"x\x1b[9999b")
    assert terminal.text() == ["x" * 10, "x"]
    assert terminal.scrolled == 1


def test_setting_both_colours_breaks_off_a_string_as_every_sequence_does() -> None:
    terminal = Terminal(10, 2)
    terminal.feed(b"\x1bPq\x1b[38;5;1;48;5;2m\tx")
    assert terminal.text()[0] == "        x"


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
    "colour queries": (b"", b"\x1b]4" + b";1;?" * 15_000 + b"\x07"),
}
"""What to say first, and what to say again and again."""
MOST_AT_ONCE = AT_ONCE + 1500
"""A step, or a string of colours, may go beyond the bound."""


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
            assert terminal._screen.work.done <= MOST_AT_ONCE
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


def test_repeating_between_margins_fills_them_and_no_more() -> None:
    terminal = Terminal(6, 3)
    terminal.feed(b"......\r\n......\r\n......\x1b[?69h\x1b[2;3s\x1b[1;2Hx\x1b[99999b")
    assert terminal.text() == [".xx...", ".xx...", ".x ..."]
