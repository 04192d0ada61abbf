"""Pens: one for each style in use, and the sweep that frees the others bit by bit."""

from __future__ import annotations

import pytest

from engine.emulator import TRUECOLOR
from engine.emulator.cells.pens import Pens
from engine.emulator.cells.rows import DEFAULT_PEN
from engine.emulator.cells.style import DEFAULT_STYLE, Style


def some(pens: Pens, count: int) -> list[str]:
    return [pens.pen(Style(fg=TRUECOLOR | number)) for number in range(count)]


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
    assert pens.style(made[4]).fg == TRUECOLOR | 4
    again = some(pens, 10)
    assert again[4] == made[4]
    assert len(set(again)) == 10
    assert [pens.style(pen).fg for pen in again] == [TRUECOLOR | n for n in range(10)]
    assert len(pens) == 11


@pytest.mark.parametrize("after", range(0, 12, 3))
def test_what_is_asked_for_meanwhile_stays(after: int) -> None:
    pens = Pens()
    made = some(pens, 10)
    pens.begin_sweep(set())
    for _ in range(after // 3):
        pens.sweep(3)
    old, new = pens.pen(Style(fg=TRUECOLOR | 9)), pens.pen(Style(bg=TRUECOLOR | 1, link=7))
    while not pens.sweep(3):
        pass
    assert pens.style(old).fg == TRUECOLOR | 9
    assert pens.style(new) == Style(bg=TRUECOLOR | 1, link=7)
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
