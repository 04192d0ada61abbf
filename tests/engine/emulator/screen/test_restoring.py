"""OSC 7797, from a program: it says what only snapshots need, and does no more than others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.emulator import Terminal
from engine.emulator.screen import restoring
from tests.engine.emulator.inputs import check


def fed(*texts: str, said: list[bytes] | None = None) -> Terminal:
    terminal = Terminal(10, 3, said.append if said is not None else None)
    for text in texts:
        terminal.feed(text.encode())
    return terminal


def test_a_row_goes_on_in_the_next() -> None:
    terminal = fed("short", restoring.sequence(restoring.ROW), "\r\nrest")
    assert [terminal.line(row).wrapped for row in range(3)] == [True, False, False]
    terminal.resize(3, 20)
    assert terminal.text()[0] == "short     rest"


@pytest.mark.parametrize("column", [1, 4, 10])
def test_a_wrap_is_pending_anywhere(column: int) -> None:
    terminal = fed(f"\x1b[1;{column}H", restoring.sequence(restoring.WRAP), "x")
    assert terminal.cursor() == (1, 1)
    assert terminal.text()[1] == "x"


def test_a_mode_is_set_without_its_answer() -> None:
    said: list[bytes] = []
    fed(restoring.sequence(restoring.MODE, 2048), "\x1b[?2048$p", said=said)
    assert said == [b"\x1b[?2048;1$y"]


def test_other_modes_have_their_own_sequences() -> None:
    said: list[bytes] = []
    fed(restoring.sequence(restoring.MODE, 2004), "\x1b[?2004$p", said=said)
    assert said == [b"\x1b[?2004;2$y"]


def test_a_saved_mode_is_restored() -> None:
    terminal = fed(restoring.sequence(restoring.SAVED, 2004, 1), "\x1b[?2004r")
    assert terminal.bracketed_paste


@given(st.lists(st.text(max_size=6), max_size=5))
def test_nonsense_does_nothing_bad(parts: list[str]) -> None:
    terminal = fed("text")
    for word in (restoring.ROW, restoring.WRAP, restoring.SAVED, restoring.MODE):
        terminal.feed(restoring.sequence(word, *parts).encode("utf-8", "replace"))
        terminal.feed(b"more\r\n")
        check(terminal)
