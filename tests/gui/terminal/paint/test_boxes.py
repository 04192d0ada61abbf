"""Lines reach exactly where they should, at any size of cell."""

from __future__ import annotations

import unicodedata

import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from gui.terminal.paint import boxes

CELL = boxes.Cell(0, 0, 9, 17, 1)
SIZES = [(9, 17, 1), (10, 20, 1), (13, 25, 2), (18, 34, 2), (27, 51, 3)]


def drawn(char: str, cell: boxes.Cell = CELL) -> QImage:
    image = QImage(cell.width, cell.height, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    boxes.draw(painter, char, cell, QColor("white"))
    painter.end()
    return image


def lit(image: QImage, x: int, y: int) -> bool:
    return image.pixelColor(x, y).lightness() > 60


def touches(char: str, cell: boxes.Cell = CELL) -> set[str]:
    """The edges of the cell that the character reaches."""
    image = drawn(char, cell)
    edges = {
        "up": [(x, 0) for x in range(cell.width)],
        "down": [(x, cell.height - 1) for x in range(cell.width)],
        "left": [(0, y) for y in range(cell.height)],
        "right": [(cell.width - 1, y) for y in range(cell.height)],
    }
    return {edge for edge, pixels in edges.items() if any(lit(image, *at) for at in pixels)}


def meant(char: str) -> set[str]:
    """The edges the character's Unicode name says it reaches."""
    words = (
        unicodedata.name(char).replace("VERTICAL", "UP DOWN").replace("HORIZONTAL", "LEFT RIGHT")
    )
    return {edge for edge in ("up", "down", "left", "right") if edge.upper() in words.split()}


LINES = [
    chr(code)
    for code in range(0x2500, 0x2580)
    if "DASH" not in unicodedata.name(chr(code)) and "DIAGONAL" not in unicodedata.name(chr(code))
]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_lines_reach_exactly_the_edges_their_names_say(size: tuple[int, int, int]) -> None:
    cell = boxes.Cell(0, 0, *size)
    for char in LINES:
        assert touches(char, cell) == meant(char), unicodedata.name(char)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("pair", ["─┼", "━╋", "═╬", "─╴", "╶─", "╌─", "━┿", "═╪", "╭╮", "╰╯"])
def test_neighbours_meet_at_the_same_height(pair: str, size: tuple[int, int, int]) -> None:
    cell = boxes.Cell(0, 0, *size)
    left, right = (drawn(char, cell) for char in pair)
    if "╌" not in pair:
        ends = [lit(left, cell.width - 1, y) for y in range(cell.height)]
        begins = [lit(right, 0, y) for y in range(cell.height)]
        assert ends == begins


def test_every_line_draws_something() -> None:
    for code in (*range(0x2500, 0x2580), 0x23BA, 0x23BB, 0x23BC, 0x23BD):
        char = chr(code)
        assert boxes.covers(char)
        image = drawn(char)
        assert any(lit(image, x, y) for x in range(CELL.width) for y in range(CELL.height)), char


@pytest.mark.parametrize("text", ["a", "█", "", "─\u0301", "日"])
def test_what_is_left_to_others(text: str) -> None:
    assert not boxes.covers(text)


def test_a_double_line_is_two_lines() -> None:
    image = drawn("═")
    column = [lit(image, 4, y) for y in range(CELL.height)]
    assert column.count(True) == 2
    assert not column[CELL.height // 2]


def test_a_double_corner_does_not_cross_itself() -> None:
    image = drawn("╔")
    middle = (CELL.width - 1) // 2, (CELL.height - 1) // 2
    assert not lit(image, *middle)
    assert lit(image, middle[0] - 1, middle[1] - 1)
    assert lit(image, middle[0] + 1, middle[1] + 1)


def test_dashes_have_gaps() -> None:
    for char, dashes in (("╌", 2), ("┄", 3), ("┈", 4)):
        image = drawn(char, boxes.Cell(0, 0, 24, 24, 1))
        row = [lit(image, x, 11) for x in range(24)]
        assert sum(now and not before for before, now in zip([False, *row], row, strict=False)) == (
            dashes
        )
