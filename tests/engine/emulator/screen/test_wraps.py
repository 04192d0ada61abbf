"""Rows are marked as wrapped as long as their text goes on in the next one, and no longer."""

from __future__ import annotations

import pytest

from engine.emulator import Terminal

JOINED = {
    "printed": "ABCDE123",
    "ICH": "ABCDE123\x1b[1;1H\x1b[@",
    "DCH": "ABCDE123\x1b[1;1H\x1b[P",
    "an inserted character": "ABCDE123\x1b[1;1H\x1b[4h!",
    "EL to the left": "ABCDE123\x1b[1;3H\x1b[1K",
    "ECH": "ABCDE123\x1b[1;3H\x1b[X",
    "a part of the next row erased": "ABCDE123\x1b[2;2H\x1b[K",
    "both moved down": "ABCDE123\x1b[1;1H\x1b[L",
    "both moved up": "x\r\nABCDE123\x1b[S",
    "a region around them": "ABCDE123\x1b[1;3r\x1b[1;1H\x1bM",
    "a status line below": "\x1b[1;3r\x1b[3;1HABCDE123",
    "with blanks erased below": "ABCDE \r\x1b[K123",
    "one in the history": "ABCDE123\r\n\n\n\n",
    "what scrolls": "\x1b[5;1HABCDE123",
    "left of side margins": "\x1b[?69h\x1b[1;3s\x1b[1;5HA123",
}
PARTED = {
    "the continuation deleted": "ABCDE123\r\nnext\x1b[2;1H\x1b[M",
    "a row inserted between": "ABCDE123\x1b[2;1H\x1b[Lnext",
    "the continuation erased by EL 2": "ABCDE123\x1b[2K\rnext",
    "the continuation erased by EL": "ABCDE123\r\x1b[Knext",
    "the continuation erased by EL 1": "ABCDE123\x1b[1K\rnext",
    "the continuation erased by ECH": "ABCDE123\r\x1b[9Xnext",
    "the continuation erased by DECERA": "ABCDE123\x1b[2;1;2;5$z\rnext",
    "the continuation erased in color": "ABCDE123\r\x1b[41m\x1b[K\x1b[mnext",
    "the screen erased below": "ABCDE123\r\x1b[Jnext",
    "the screen erased above": "ABCDE123\x1b[1J\rnext",
    "the row erased": "ABCDE123\x1b[1;1H\x1b[Kfirst",
    "scrolled up below": "ABCDE123\r\nnext\x1b[2;4r\x1b[S\x1b[r",
    "scrolled down below": "ABCDE123\x1b[2;4r\x1b[T\x1b[r",
    "scrolled up above": "x\r\nABCDE123\x1b[1;2r\x1b[S\x1b[r",
    "scrolled down above": "ABCDE123\x1b[1;1H\x1b[1;2r\x1b[T\x1b[r\x1b[1;1H\x1b[T",
    "RI in a region below": "ABCDE123\x1b[2;4r\x1b[2;1H\x1bMnext\x1b[r",
    "LF in a region below": "ABCDE123\r\nnext\x1b[2;3r\x1b[3;1H\n\x1b[r",
    "the end of the screen": "\x1b[4;1HABCDE123\x1b[1;1H\x1b[T",
    "a wrap at side margins": "\x1b[?69h\x1b[2;5s\x1b[1;2HABCD123\x1b[?69l",
    "a wrap at a right margin": "\x1b[?69h\x1b[1;3sABC123\x1b[?69l",
    "a part that scrolls": "ABCDE123\x1b[?69h\x1b[1;3s\x1b[S\x1b[?69l",
    "history that goes on": "ABCDE123\x1b[5;1H\n\x1b[2J\x1b[1;1Hnext",
    "history whose continuation is deleted": "ABCDE123\x1b[5;1H\n\x1b[1;1H\x1b[Mnext",
}


def wrapped(terminal: Terminal) -> list[bool]:
    lines = [terminal.line(row) for row in range(-len(terminal.scrollback), terminal.rows)]
    return [line.wrapped for line in lines]


@pytest.mark.parametrize("name", JOINED)
def test_what_belongs_together_stays_so(name: str) -> None:
    for step in (1, 1000):
        terminal = Terminal(5, 5)
        data = JOINED[name].encode()
        for start in range(0, len(data), step):
            terminal.feed(data[start : start + step])
        assert wrapped(terminal).count(True) == 1


@pytest.mark.parametrize("name", PARTED)
def test_strangers_are_not_joined(name: str) -> None:
    for step in (1, 1000):
        terminal = Terminal(5, 5)
        data = PARTED[name].encode()
        for start in range(0, len(data), step):
            terminal.feed(data[start : start + step])
        assert not any(wrapped(terminal))


def test_many_lines_below_a_wrapped_row_that_stays() -> None:
    terminal = Terminal(5, 5)
    terminal.feed(b"ABCDE123\x1b[2;5r\x1b[5;1H" + b"line\r\n" * 200)
    assert terminal.text() == ["ABCDE", "line", "line", "line", ""]
    assert not terminal.line(0).wrapped
