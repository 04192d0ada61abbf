"""Pens: one for each style in use, and the sweep that frees the others bit by bit."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from engine.emulator import TRUECOLOUR, Terminal
from engine.emulator.cells.pens import MAX_PENS, NEAR_FULL, Pens
from engine.emulator.cells.rows import DEFAULT_PEN
from engine.emulator.cells.style import DEFAULT_STYLE, Style
from engine.emulator.screen.collector import CODES_PER_FEED


def some(pens: Pens, count: int) -> list[str]:
    return [pens.pen(Style(fg=TRUECOLOUR | number)) for number in range(count)]


def swept(pens: Pens, used: set[str]) -> None:
    pens.begin_sweep(used)
    while not pens.sweep(3):
        pass


def test_a_sweep_frees_what_is_not_used_and_keeps_the_default() -> None:
    pens = Pens()
    made = some(pens, 10)
    swept(pens, {made[4]})
    assert len(pens) == 2
    assert pens.style(DEFAULT_PEN) == DEFAULT_STYLE
    assert pens.style(made[4]).fg == TRUECOLOUR | 4
    again = some(pens, 10)
    assert again[4] == made[4]
    assert len(set(again)) == 10
    assert [pens.style(pen).fg for pen in again] == [TRUECOLOUR | n for n in range(10)]
    assert len(pens) == 11


@pytest.mark.parametrize("after", range(0, 12, 3))
def test_what_is_asked_for_meanwhile_stays(after: int) -> None:
    pens = Pens()
    made = some(pens, 10)
    pens.begin_sweep(set())
    for _ in range(after // 3):
        pens.sweep(3)
    old, new = pens.pen(Style(fg=TRUECOLOUR | 9)), pens.pen(Style(bg=TRUECOLOUR | 1, link=7))
    while not pens.sweep(3):
        pass
    assert pens.style(old).fg == TRUECOLOUR | 9
    assert pens.style(new) == Style(bg=TRUECOLOUR | 1, link=7)
    assert len(pens) == 3
    assert old == made[9] or after > 9
    assert pens.links() == {0, 7}


def test_results_of_sgr_are_not_taken_from_before_the_sweep() -> None:
    pens = Pens()
    red, _ = pens.step(DEFAULT_PEN, "31", "[31")
    both, _ = pens.step(DEFAULT_PEN, "38;5;1;48;5;2", "[38;5;1;48;5;2")
    grey = pens.erasing(both)
    swept(pens, set())
    assert len(pens) == 1
    some(pens, 5)
    assert pens.style(pens.step(DEFAULT_PEN, "31", "[31")[0]).fg == 1
    found, _ = pens.step(DEFAULT_PEN, "38;5;1;48;5;2", "[38;5;1;48;5;2")
    assert pens.style(found) == Style(fg=1, bg=2)
    assert pens.style(pens.erasing(found)) == Style(bg=2)
    assert red != both != grey


def test_lines_printed_with_an_empty_one_before_them_keep_their_colour() -> None:
    terminal = Terminal(40, 3, scrollback=300)
    lines = b"\r\n\r\n\r\n" + b"hello\r\n" * 5
    terminal.feed(b"\r\n" * 5 + b"\x1b[38;2;1;2;3m" + lines + b"\x1b[m" + b"\r\n" * 4)
    hello = [line for line in range(len(terminal.scrollback)) if terminal.scrollback[line].text]
    pens = terminal._screen.pens
    terminal.feed(b"\x1b[?1049h")
    most = number = 0
    while len(pens) >= most:
        most = len(pens)
        number += 1
        colours = [f"\x1b[38;2;{number >> 8};{number & 255};{n};48;2;9;9;9mx" for n in range(100)]
        terminal.feed("".join(["\x1b[H", *colours]).encode())
    for _ in range(2 * MAX_PENS // CODES_PER_FEED):
        # To the end of the sweep.
        terminal.feed(b"")
    assert len(pens) < NEAR_FULL // 2
    colours_shown = {terminal.scrollback[line].runs[0].style.fg for line in hello}
    assert (len(hello), colours_shown) == (5, {TRUECOLOUR | 0x010203})


def test_colours_without_end_are_right_while_pens_are_swept() -> None:
    """More styles than there are pens, few of them at one time on the screen or in the history."""
    chance = random.Random(5)
    terminal = Terminal(100, 4, scrollback=20)
    shown: list[list[int]] = []
    numbers: list[int] = []
    for _ in range(2 * MAX_PENS // 100):
        colours = [chance.randrange(1 << 24) for _ in range(100)]
        shown = [*shown[-3:], colours]
        line = "".join(
            f"\x1b[38;2;{c >> 16};{c >> 8 & 255};{c & 255};48;2;{c & 255};0;{c >> 16}mx"
            for c in colours
        )
        terminal.feed(f"\r\n{line}".encode())
        numbers.append(len(terminal._screen.pens))
        if len(numbers) % 40 == 0:
            for row, expected in enumerate(shown[-4:], 4 - len(shown[-4:])):
                found = [run.style.fg for run in terminal.line(row).runs for _ in range(run.cells)]
                assert found == [TRUECOLOUR | colour for colour in expected]
    assert NEAR_FULL < max(numbers) < MAX_PENS
    # Never all at once: what one feed frees is bounded.
    assert max(a - b for a, b in pairwise(numbers)) <= CODES_PER_FEED
    assert numbers[-1] < NEAR_FULL
