"""The sequences read once: their kinds and numbers, and what is remembered of them."""

from __future__ import annotations

import pytest

from engine.emulator.parse.heads import (
    COLUMN,
    ERASE_RIGHT,
    FLAG,
    FORWARD,
    LINE,
    MAX_HEADS,
    MAX_TEXTS,
    OTHER,
    POSITION,
    REVERSE_INDEX,
    SHORT_PIECE,
    SHORT_TEXT,
    STYLE,
    Head,
    Heads,
)
from engine.emulator.screen.modes import Mode


@pytest.mark.parametrize(
    ("piece", "head"),
    [
        ("[H", (POSITION, 0, 0, "[H", "")),
        ("[3;7Hx", (POSITION, 2, 6, "[3;7H", "x")),
        ("[0;0f", (POSITION, 0, 0, "[0;0f", "")),
        ("[;5H", (POSITION, 0, 4, "[;5H", "")),
        ("[Ky\r\n", (ERASE_RIGHT, 0, 0, "[K", "y\r\n")),
        ("[1K", (OTHER, 0, 0, "[1K", "")),
        ("[9G|", (COLUMN, 0, 8, "[9G", "|")),
        ("[0C", (FORWARD, 0, 1, "[0C", "")),
        ("[4d", (LINE, 3, 0, "[4d", "")),
        ("[1;31mred", (STYLE, 0, 0, "[1;31m", "red")),
        ("[4:3m", (STYLE, 0, 0, "[4:3m", "")),
        ("[3:7H", (OTHER, 0, 0, "[3:7H", "")),
        ("[1234567890H", (OTHER, 0, 0, "[1234567890H", "")),
        ("[?25lx", (FLAG, Mode.CURSOR_VISIBLE, 0, "[?25l", "x")),
        ("[?2004h", (FLAG, Mode.BRACKETED_PASTE, 1, "[?2004h", "")),
        ("[?7l", (OTHER, 0, 0, "[?7l", "")),
        ("[?1;25h", (OTHER, 0, 0, "[?1;25h", "")),
        ("[25h", (OTHER, 0, 0, "[25h", "")),
        ("[?3H", (OTHER, 0, 0, "[?3H", "")),
        ("[>4;2m", (OTHER, 0, 0, "[>4;2m", "")),
        ("Mtext", (REVERSE_INDEX, 0, 0, "M", "text")),
        ("[ q", (OTHER, 0, 0, "", "")),
        ("[", (OTHER, 0, 0, "", "")),
        ("", (OTHER, 0, 0, "", "")),
        ("]0;title\a", (OTHER, 0, 0, "", "")),
    ],
)
def test_a_piece_is_a_kind_its_numbers_and_the_text_after_it(piece: str, head: Head) -> None:
    assert Heads().read(piece) == head


def test_what_is_short_and_a_sequence_is_remembered_but_no_sgr() -> None:
    heads = Heads()
    text = "x" * (SHORT_PIECE - 2)
    for piece in ("[H" + text, "[H" + text + "x", "]0;title", "[1mx"):
        heads.read(piece)
    assert list(heads.known) == ["[H" + text]


def test_the_memory_is_bounded() -> None:
    heads = Heads()
    for number in range(MAX_HEADS + 10):
        heads.read(f"[{number}G")
    assert len(heads.known) == 10


def test_the_cells_of_what_is_not_ascii_without_its_line_ends() -> None:
    heads = Heads()
    assert heads.cells("é", joins=False) == ("é", "é")
    assert heads.cells("日本\r\n", joins=False) == ("日本", "日\0本\0")
    assert heads.cells("▀▄", joins=False) == ("▀▄", "▀▄")
    assert heads.texts == {"é": "é", "▀▄": "▀▄"}


@pytest.mark.parametrize("text", ["é\b", "日\tx", "e\u0301", "👍🏽", "é\n\x07"])
def test_no_cells_where_there_are_other_controls_or_clusters(text: str) -> None:
    heads = Heads()
    assert heads.cells(text, joins=False) == (text, "")
    assert not heads.texts


def test_no_cells_after_a_joiner_and_nothing_remembered_of_long_texts() -> None:
    heads = Heads()
    assert heads.cells("é", joins=True) == ("é", "")
    long = "é" * (SHORT_TEXT + 1)
    assert heads.cells(long, joins=False) == (long, long)
    assert not heads.texts
    for number in range(MAX_TEXTS + 3):
        heads.cells(f"é{number}", joins=False)
    assert len(heads.texts) == 3
