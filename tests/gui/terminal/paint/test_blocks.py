"""Blocks fill their part of the cell: halves meet, nothing overlaps, at any size."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from gui.terminal.paint import blocks, boxes

SIZES = [(9, 17, 1), (10, 20, 1), (13, 25, 2), (7, 15, 1), (27, 51, 3)]


def filled(char: str, cell: boxes.Cell) -> set[tuple[int, int]]:
    """The pixels the character fills."""
    image = QImage(cell.width, cell.height, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    blocks.draw(painter, char, cell, QColor("white"))
    painter.end()
    return {
        (x, y)
        for x in range(cell.width)
        for y in range(cell.height)
        if image.pixelColor(x, y).lightness() > 20
    }


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("parts", ["▀▄", "▌▐", "▘▝▖▗", "▚▞", "▙▝", "▟▘", "▛▗", "▜▖", "🬀🬻"], ids=str)
def test_parts_make_up_the_whole_without_overlap(parts: str, size: tuple[int, int, int]) -> None:
    cell = boxes.Cell(0, 0, *size)
    pixels = [filled(part, cell) for part in parts]
    assert sum(map(len, pixels)) == cell.width * cell.height
    assert set.union(*pixels) == filled("█", cell)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_eighths_grow(size: tuple[int, int, int]) -> None:
    cell = boxes.Cell(0, 0, *size)
    for bars in ("▁▂▃▄▅▆▇█", "▏▎▍▌▋▊▉█"):
        sets = [filled(bar, cell) for bar in bars]
        for less, more in pairwise(sets):
            assert less < more or less == more
        assert sets[0]
        assert len(sets[-1]) == cell.width * cell.height


def test_all_sextants_differ() -> None:
    cell = boxes.Cell(0, 0, 10, 21, 1)
    seen = {frozenset(filled(chr(code), cell)) for code in range(0x1FB00, 0x1FB3C)}
    assert len(seen) == 60


def test_all_braille_differs_and_its_dots_count() -> None:
    cell = boxes.Cell(0, 0, 8, 16, 1)
    one = len(filled("\u2801", cell))
    for code in range(0x2800, 0x2900):
        assert len(filled(chr(code), cell)) == one * (code - 0x2800).bit_count()


def test_shades_are_even_and_between() -> None:
    cell = boxes.Cell(0, 0, 9, 17, 1)
    for shade in "░▒▓":
        assert filled(shade, cell) == filled("█", cell)


def test_an_arrow_reaches_from_edge_to_edge() -> None:
    cell = boxes.Cell(0, 0, 10, 20, 1)
    pixels = filled("\ue0b0", cell)
    assert {(0, 0), (0, 19), (0, 10)} <= pixels
    assert (9, 0) not in pixels
    assert (8, 10) in pixels
    mirrored = filled("\ue0b2", cell)
    assert len(mirrored) == pytest.approx(len(pixels), rel=0.1)


def test_everything_covered_draws_something() -> None:
    cell = boxes.Cell(0, 0, 9, 17, 1)
    codes = (*range(0x2580, 0x25A0), *range(0x2801, 0x2900), *range(0xE0B0, 0xE0C0))
    for code in (*codes, *range(0x1FB00, 0x1FB8C)):
        if blocks.covers(chr(code)):
            assert filled(chr(code), cell), hex(code)
    assert all(blocks.covers(chr(code)) for code in codes)


@pytest.mark.parametrize("text", ["a", "─", "", "█\u0301", "🬼"])
def test_what_is_left_to_others(text: str) -> None:
    assert not blocks.covers(text)
