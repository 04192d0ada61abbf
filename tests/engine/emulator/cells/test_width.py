"""The fast ways to a text's cells give what looking at each character gives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from engine.emulator.cells.width import (
    _SHORT,
    CELLS,
    LONG,
    MAX_SHORT,
    NARROW_LINES,
    NARROW_RANGES,
    SIMPLE_LINES,
    WIDE_RANGES,
    cells_of,
    cells_of_lines,
    width,
)


@pytest.mark.parametrize(("ranges", "cells"), [(NARROW_RANGES, 1), (WIDE_RANGES, 2)])
def test_the_ranges_hold_only_characters_of_that_width_that_join_nothing(
    ranges: str, cells: int
) -> None:
    inside = re.compile(f"[{ranges}]").match
    chars = [char for char in map(chr, range(0x20, 0x10000)) if inside(char)]
    assert len(chars) > 1000
    for char in chars:
        assert CELLS[ord(char)] == char + "\0" * (cells - 1), hex(ord(char))
        assert width(char) == cells, hex(ord(char))
        # What widening a whole text at once goes by.
        assert (char >= "\u3000") == (cells == 2), hex(ord(char))


@settings(max_examples=300, deadline=None)
@given(st.text("a日ｱ가─é\u0301👍🏽\u200d", max_size=30) | st.text(max_size=30))
def test_cells_are_those_of_the_table(text: str) -> None:
    assert cells_of(text) == text.translate(CELLS)


@pytest.mark.parametrize("text", ["日本語中文字符端末表示", "─" * 20, "größe is größer than"])
def test_long_text_of_one_kind(text: str) -> None:
    assert cells_of(text) == text.translate(CELLS)


SIMPLE = "a日─é본ー\xff\u3001"


@pytest.mark.parametrize(
    "text", [SIMPLE * 5, "a" * LONG + "日", "日" * LONG + "a", "日" + "é" * LONG]
)
def test_long_mixed_text(text: str) -> None:
    assert SIMPLE_LINES.fullmatch(text)
    assert cells_of(text) == text.translate(CELLS)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(SIMPLE + "\t", max_size=30)))
def test_the_cells_of_many_lines(lines: list[str]) -> None:
    assert cells_of_lines(lines) == [line.translate(CELLS) for line in lines]


OTHERS = "\0\x1b\x7f\x9b\xad\u0301\u200d\uff71\ud800\ue000\ufe0f\ufffd😀\U00020000"


@pytest.mark.parametrize("char", OTHERS)
def test_what_is_not_simple(char: str) -> None:
    assert not SIMPLE_LINES.fullmatch(f"日{char}")
    assert not NARROW_LINES.fullmatch(f"a{char}")


def test_what_is_remembered_is_bounded() -> None:
    for number in range(MAX_SHORT + 100):
        cells_of(f"é{number}")
    assert len(_SHORT) <= MAX_SHORT


C1_SPLIT = "a\u009b3Cb".encode()


@pytest.mark.parametrize("at", range(len(C1_SPLIT) + 1))
def test_an_eight_bit_control_may_be_split_anywhere(at: int) -> None:
    terminal = Terminal(10, 2)
    terminal.feed(C1_SPLIT[:at])
    terminal.feed(C1_SPLIT[at:])
    assert terminal.text()[0] == "a   b"


@pytest.mark.parametrize(
    "emoji",
    [
        "\u26f9\U0001f3ff\u200d\u2642\ufe0f",
        "\u26f9\U0001f3ff\u200d\u2642",
        "\u26f9\ufe0f\u200d\u2640\ufe0f",
        "\u2764\u200d\U0001f525",
        "\u2764\ufe0f\u200d\U0001f525",
        "\u26d3\ufe0f\u200d\U0001f4a5",
        "\U0001f441\u200d\U0001f5e8",
        "\U0001f575\U0001f3fd\u200d\u2640\ufe0f",
        "\U0001f3f3\u200d\U0001f308",
        "\u261d\U0001f3fb",
        "1\ufe0f\u20e3",
        "\U0001f1e9\U0001f1ea",
    ],
)
def test_an_emoji_takes_two_cells_in_whatever_parts_it_comes(emoji: str) -> None:
    for parts in ([f"{emoji}X"], [*emoji, "X"]):
        terminal = Terminal(10, 2)
        for part in parts:
            terminal.feed(part.encode())
        assert terminal.text() == [f"{emoji}X", ""]
        assert terminal.cursor() == (0, 3)
