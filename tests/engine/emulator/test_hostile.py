"""Any bytes: no exception, nothing lost after them, nothing that grows without bound."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from engine.emulator.parse.parser import MAX_SEQUENCE, MAX_STRING
from tests.engine.emulator.inputs import PIECES, check

LINE = st.one_of(
    st.text("ab \t", max_size=14),
    st.text("a\t\n\r日e\u0301👍", max_size=8),
    st.sampled_from(["\x1b[m", "\x1b[7m", "\x1b[41m", "\x1b[?41h", "\x1b[3g", "\x1b[2;3r"]),
)
"""One of many to be printed in bulk. Tabs stand anywhere in them, at their ends too; CR and LF
alone are controls."""


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
    assert terminal.text() == ["x" * 10, "x" * 10]
    assert terminal.scrolled == 1


def test_setting_both_colors_breaks_off_a_string_as_every_sequence_does() -> None:
    terminal = Terminal(10, 2)
    terminal.feed(b"\x1bPq\x1b[38;5;1;48;5;2m\tx")
    assert terminal.text()[0] == "        x"


def test_repeating_ends_where_it_would_by_printing_all() -> None:
    terminal = Terminal(10, 2)
    terminal.feed("日\x1b[13b".encode())
    assert terminal.text() == ["日" * 5, "日" * 4]
    terminal.feed(b"\x1b[2J\x1b[Hx\x1b[1003b")
    assert terminal.text() == ["x" * 10, "x" * 4]


def test_repeating_between_margins_fills_them_and_no_more() -> None:
    terminal = Terminal(6, 3)
    terminal.feed(b"......\r\n......\r\n......\x1b[?69h\x1b[2;3s\x1b[1;2Hx\x1b[99999b")
    assert terminal.text() == [".xx...", ".xx...", ".xx..."]
