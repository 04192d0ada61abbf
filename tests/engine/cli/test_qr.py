"""A QR code made of characters has the modules of the code."""

from __future__ import annotations

import pytest
import segno

from engine.cli.qr import QUIET, qr_lines, qr_width

LINK = "https://relay.example.org/s/9xOkUdS0IJoHf-t9#c1t2FXJJs5tgRzUdzoOxBA"


def test_the_modules_are_those_of_the_code() -> None:
    lines = qr_lines(LINK)
    halves = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
    rows: list[list[int]] = []
    for line in lines:
        cells = [halves[char] for char in line.removesuffix("\x1b[m").rpartition("m")[2]]
        rows += [[cell[half] for cell in cells] for half in (0, 1)]
    matrix = [list(map(int, row)) for row in segno.make(LINK, error="l", micro=False).matrix]
    size = len(matrix)
    assert [row[QUIET : QUIET + size] for row in rows[QUIET : QUIET + size]] == matrix
    assert not any(map(any, rows[:QUIET] + rows[QUIET + size :]))
    assert {len(row) for row in rows} == {size + 2 * QUIET} == {qr_width(lines)}


def test_a_link_s_code_fits_into_the_usual_terminal() -> None:
    lines = qr_lines(LINK)
    assert qr_width(lines) <= 80
    assert len(lines) <= 22


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match=r"too large|fit"):
        qr_lines("x" * 5000)
