"""Underlines of all kinds go on from run to run without a step."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from gui.terminal.paint import decorations
from gui.terminal.paint.grid import Grid

WHITE = QColor("white")


def underlined(grid: Grid, kind: int, pieces: list[tuple[int, int]]) -> QImage:
    image = QImage(grid.width * 12, grid.height, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    for column, cells in pieces:
        decorations.underline(painter, grid, column, cells, kind, WHITE)
    painter.end()
    return image


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("kind", range(1, 6))
def test_two_runs_look_like_one(kind: int, ratio: float) -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 11), ratio)
    whole = underlined(grid, kind, [(1, 10)])
    assert whole == underlined(grid, kind, [(1, 3), (4, 1), (5, 6)])


def test_the_kinds_differ() -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 11), 2.0)
    images = [underlined(grid, kind, [(0, 12)]) for kind in range(1, 6)]
    for at, image in enumerate(images):
        assert all(image != other for other in images[at + 1 :])
