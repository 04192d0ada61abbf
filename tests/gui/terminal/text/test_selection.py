"""What is selected by characters, words, lines and rectangles."""

from __future__ import annotations

import pytest

from engine.emulator import Terminal
from gui.terminal.source import Viewed
from gui.terminal.text.selection import Place, Selection, Unit


def selected(
    text: str, start: tuple[int, int], end: tuple[int, int], unit: Unit, *, rectangle: bool = False
) -> str:
    terminal = Terminal(20, 5)
    terminal.feed(text.encode())
    selection = Selection(Viewed(terminal))
    selection.start(Place(*start), unit, rectangular=rectangle)
    selection.extend(Place(*end))
    return selection.text()


GRID = "abcdef\r\nghijkl\r\nmnopqr"


def test_characters_in_both_directions() -> None:
    assert selected(GRID, (0, 2), (1, 3), Unit.CHARACTER) == "cdef\nghi"
    assert selected(GRID, (1, 3), (0, 2), Unit.CHARACTER) == "cdef\nghi"
    assert selected(GRID, (1, 3), (1, 3), Unit.CHARACTER) == ""


@pytest.mark.parametrize("corners", [((0, 1), (2, 3)), ((2, 3), (0, 1)), ((0, 3), (2, 1))])
def test_a_rectangle_from_any_corner(corners: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert selected(GRID, *corners, Unit.CHARACTER, rectangle=True) == "bc\nhi\nno"


def test_a_rectangle_takes_wide_characters_whole() -> None:
    assert selected("a日本b\r\ncdefgh", (0, 2), (1, 4), Unit.CHARACTER, rectangle=True) == (
        "日本\nef"
    )


@pytest.mark.parametrize(
    ("column", "word"),
    [(0, "ls"), (3, "~/a-b.txt"), (12, "  "), (14, "("), (15, "x=1,"), (19, ")")],
)
def test_words(column: int, word: str) -> None:
    assert selected("ls ~/a-b.txt  (x=1,)", (0, column), (0, column), Unit.WORD) == word


def test_words_grow_by_words_and_lines_by_lines() -> None:
    assert selected("one two three", (0, 5), (0, 9), Unit.WORD) == "two three"
    assert selected("one two three", (0, 5), (0, 1), Unit.WORD) == "one two"
    assert selected(GRID, (1, 2), (2, 0), Unit.LINE) == "ghijkl\nmnopqr"


def test_a_word_and_a_line_go_on_where_the_terminal_wrapped() -> None:
    text = "x" * 18 + "/wrapped-word end"
    assert selected(text, (1, 3), (1, 3), Unit.WORD) == "x" * 18 + "/wrapped-word"
    assert selected(text, (0, 0), (0, 0), Unit.LINE) == text


def test_which_signs_are_of_a_word_is_a_setting() -> None:
    terminal = Terminal(20, 2)
    terminal.feed(b"a-b.c")
    selection = Selection(Viewed(terminal))
    selection.set_word_signs("-")
    selection.start(Place(0, 0), Unit.WORD)
    assert selection.text() == "a-b"


def test_everything_with_history() -> None:
    terminal = Terminal(20, 2)
    terminal.feed(b"1\r\n2\r\n3\r\n4")
    selection = Selection(Viewed(terminal))
    selection.all()
    assert selection.text() == "1\n2\n3\n4"


def test_what_history_forgot_is_not_selected_any_more() -> None:
    terminal = Terminal(20, 2, scrollback=2)
    terminal.feed(b"1\r\n2")
    selection = Selection(Viewed(terminal))
    selection.all()
    terminal.feed(b"\r\n3\r\n4\r\n5")
    assert selection.text() == "2"


def test_a_wide_character_that_did_not_fit_leaves_no_blank() -> None:
    terminal = Terminal(5, 3)
    terminal.feed("日本語と".encode())
    selection = Selection(Viewed(terminal))
    selection.all()
    assert selection.text().rstrip() == "日本語と"
