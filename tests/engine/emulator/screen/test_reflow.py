"""At another size: all of the text, the cursors where they were in it, the same history back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from tests.engine.emulator.inputs import PIECES, check


def terminal_of(cols: int, rows: int, *steps: str | tuple[int, int]) -> Terminal:
    """Fed with texts, resized to (rows, cols)."""
    terminal = Terminal(cols, rows)
    for step in steps:
        if isinstance(step, str):
            terminal.feed(step.encode())
        else:
            terminal.resize(*step)
    return terminal


def everything(terminal: Terminal) -> list[str]:
    return [line.text for line in terminal.scrollback] + terminal.text()


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        (("1A2B\x1b7", (3, 5), "\x1b8X"), ["1A2BX", "", ""]),
        (("1A2B3\x1b7\x1b[H", (3, 4), "\x1b8X"), ["1A2B", "3X", ""]),
        (("1A2B\x1b7", (3, 4), "\x1b8X"), ["1A2B", "X", ""]),
        (("1A2B\x1b7\x1b[?1049hfull", (3, 5), "\x1b[?1049lX"), ["1A2BX", "", ""]),
    ],
)
def test_a_saved_cursor_stays_at_its_character(
    steps: tuple[str | tuple[int, int], ...], shown: list[str]
) -> None:
    assert terminal_of(2, 3, *steps).text() == shown


def test_blanks_that_were_typed_are_text() -> None:
    terminal = terminal_of(10, 4, "$ ls     ", (4, 5), "x")
    assert terminal.text() == ["$ ls", "    x", "", ""]
    terminal.resize(4, 10)
    assert terminal.text() == ["$ ls     x", "", "", ""]


def test_what_is_blank_without_being_typed_is_not() -> None:
    terminal = terminal_of(10, 4, "abc\x1b[1;2H\x1b[@\x1b[9X\x1b[P\r\nend", (4, 3))
    assert terminal.text() == ["a", "end", "", ""]


@pytest.mark.parametrize("color", ["", "\x1b[31m", "\x1b[44m", "\x1b[4m"])
def test_no_blank_comes_before_a_wide_character(color: str) -> None:
    for step in (1, 100):
        terminal = Terminal(5, 4)
        data = f"{color}abcd日ef\r\nx\r\nabcd日".encode()
        for start in range(0, len(data), step):
            terminal.feed(data[start : start + step])
        copy = Terminal(5, 4)
        copy.feed(terminal.snapshot_writer().whole().encode())
        for each in (terminal, copy):
            each.resize(4, 10)
            assert everything(each)[:3] == ["abcd日ef", "x", "abcd日"]


def test_a_blank_that_was_typed_before_a_wide_character_stays() -> None:
    terminal = terminal_of(5, 4, "\x1b[31mabcd 日", (4, 10))
    assert terminal.text()[0] == "abcd 日"


def test_text_below_the_cursor_is_not_lost() -> None:
    terminal = terminal_of(5, 5, "1\r\n2\r\n3\r\n4\r\n5\x1b[1;1H", (3, 5))
    assert everything(terminal) == ["1", "2", "3", "4", "5"]
    terminal.resize(5, 5)
    assert everything(terminal)[:5] == ["1", "2", "3", "4", "5"]
    assert len(terminal.scrollback) == 2
    terminal.resize(2, 3)
    assert [text for text in everything(terminal) if text] == ["1", "2", "3", "4", "5"]


def test_history_comes_back_when_the_cursor_is_at_the_bottom() -> None:
    away = terminal_of(5, 3, "1\r\n2\r\n3\r\n4\x1b[1;1H", (5, 5))
    assert away.text() == ["2", "3", "4", "", ""]
    assert away.cursor() == (0, 0)
    there = terminal_of(5, 3, "1\r\n2\r\n3\r\n4", (5, 5))
    assert there.text() == ["1", "2", "3", "4", ""]
    assert there.cursor() == (3, 1)


def test_the_same_history_comes_back() -> None:
    terminal = Terminal(100, 24, scrollback=900)
    terminal.feed(b"".join(b"%0300d\r\n" % n for n in range(400)))
    before = [line.text for line in terminal.scrollback]
    assert len(before) == 900
    for columns in (99, 80, 70, 100):
        terminal.resize(24, columns)
        assert len(terminal.scrollback) <= 900
    assert [line.text for line in terminal.scrollback] == before
    terminal.resize(24, 50)
    terminal.feed(b"more\r\n")
    terminal.resize(24, 100)
    assert len(terminal.scrollback) < 900
    assert everything(terminal)[-24 - 1 :][-2] == "more"
    terminal.resize(24, 50)
    terminal.clear_scrollback()
    terminal.resize(24, 100)
    assert len(terminal.scrollback) == 0


def test_a_line_is_found_at_another_width() -> None:
    terminal = Terminal(20, 5)
    terminal.feed(b"".join(b"line %d %s\r\n" % (n, b"x" * 30) for n in range(50)))
    for columns in (7, 40, 20):
        names = {
            terminal.line(index).text.split("x")[0].strip(): terminal.scrolled + index
            for index in range(-len(terminal.scrollback), terminal.rows)
            if terminal.line(index).text.startswith("line")
        }
        terminal.resize(5, columns)
        for text, name in names.items():
            index = terminal.renumbered(name) - terminal.scrolled
            assert terminal.line(index).text.startswith(text[:columns])
    assert terminal.widths == 3
    terminal.resize(9, 20)
    assert terminal.widths == 3


def test_at_the_same_width_history_is_moved_and_not_made_anew() -> None:
    terminal = terminal_of(5, 3, "1\r\n2\r\n3\r\n4\r\n5")
    terminal.resize(1, 5)
    assert everything(terminal) == ["1", "2", "3", "4", "5"]
    assert (terminal.scrolled, len(terminal.scrollback)) == (4, 4)
    terminal.resize(4, 5)
    assert everything(terminal) == ["1", "2", "3", "4", "5"]
    assert (terminal.scrolled, len(terminal.scrollback)) == (1, 1)
    terminal.resize(9, 5)
    assert terminal.text() == ["1", "2", "3", "4", "5", "", "", "", ""]
    assert terminal.cursor() == (4, 1)


def test_what_would_come_back_is_bounded() -> None:
    terminal = Terminal(1000, 2, scrollback=10)
    terminal.feed(b"".join(b"%01000d\r\n" % n for n in range(100)))
    terminal.resize(2, 1)
    terminal.resize(2, 1000)
    assert len(everything(terminal)) <= 4


def words(terminal: Terminal) -> str:
    return "".join("".join(everything(terminal)).split())


SIZES = st.tuples(st.integers(1, 9), st.integers(2, 12))


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("ab 日\u0301👍\r\n"), max_size=80),
    SIZES,
    st.lists(SIZES, min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_no_character_is_lost(
    text: str, first: tuple[int, int], sizes: list[tuple[int, int]], row: int
) -> None:
    terminal = Terminal(first[1], first[0])
    terminal.feed(f"{text}\x1b[{row}H".encode())
    before = words(terminal)
    for size in sizes:
        terminal.resize(*size)
        assert words(terminal) == before
        check(terminal)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30), st.lists(SIZES, min_size=1, max_size=4))
def test_any_screen_at_any_size(pieces: list[bytes], sizes: list[tuple[int, int]]) -> None:
    terminal = Terminal(8, 4, scrollback=6)
    for piece in pieces:
        terminal.feed(piece)
    for size in sizes:
        terminal.resize(*size)
        check(terminal)
        terminal.feed(b"\x1b8x\r\n")
        check(terminal)
