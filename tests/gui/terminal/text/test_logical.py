"""Rows joined to lines, and characters found back in their cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.emulator import Terminal
from gui.terminal.text.logical import MAX_ROWS, logical
from gui.terminal.text.selection import Place


def test_wrapped_rows_are_one_line() -> None:
    terminal = Terminal(10, 6)
    terminal.feed(b"first\r\n" + b"0123456789abcdefghijXY\r\nlast")
    line = logical(terminal, 2)
    assert line is not None
    assert (line.first, line.text) == (1, "0123456789abcdefghijXY")
    assert line == logical(terminal, 1) or line.text == "0123456789abcdefghijXY"
    assert line.place(10) == Place(2, 0)
    assert line.place(22, end=True) == Place(3, 2)
    assert line.offset(Place(3, 1)) == 21
    assert logical(terminal, 6) is None


@given(st.text(st.sampled_from("ab 日é"), min_size=1, max_size=60))
def test_a_character_is_found_where_it_is_shown(text: str) -> None:
    terminal = Terminal(9, 20)
    terminal.feed(text.encode())
    line = logical(terminal, 0)
    assert line is not None
    for offset, char in enumerate(line.text):
        place = line.place(offset)
        run = terminal.line(place.line).at(place.column)
        shown = " " if run is None else run.text
        assert shown == char
        assert line.offset(place) == offset


def test_a_line_without_end_is_cut() -> None:
    terminal = Terminal(4, 5)
    terminal.feed(b"x" * 4 * 3000)
    line = logical(terminal, terminal.scrolled)
    assert line is not None
    assert len(line.lines) <= MAX_ROWS + 2
