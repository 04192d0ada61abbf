"""A font's cell at any scale: whole pixels, every style alike, no ligatures."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont, QFontInfo, QFontMetricsF, QImage, QPainter

from engine.emulator import Style
from gui.terminal.paint.grid import Grid, monospace

BOTH = (False, True)
RATIOS = (1.0, 1.25, 1.5, 1.75, 2.0, 3.0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_cell_begins_on_a_whole_pixel(ratio: float) -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 11), ratio)
    text = "M" * 200
    for style in (Style(bold=bold, italic=italic) for bold in BOTH for italic in BOTH):
        width = QFontMetricsF(grid.font(style)).horizontalAdvance(text)
        drift = abs(width - 200 * grid.width)
        assert drift < 1, style


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_lines_are_inside_the_cell(ratio: float) -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 9), ratio)
    for y in (grid.underline, grid.strike, 0):
        assert 0 <= y <= grid.height - grid.line
    assert 0 < grid.ascent < grid.height


def test_a_proportional_font_is_replaced() -> None:
    assert QFontInfo(monospace(QFont("DejaVu Serif", 12))).fixedPitch()
    assert monospace(QFont("DejaVu Serif", 12)).pointSizeF() == 12


def test_no_ligatures() -> None:
    """A run is drawn as its letters one by one are."""
    grid = Grid(QFont("DejaVu Sans Mono", 24), 1.0)

    def drawn(pieces: list[str]) -> QImage:
        image = QImage(grid.width * 8, grid.height, QImage.Format.Format_RGB32)
        image.fill(0)
        painter = QPainter(image)
        painter.setPen("white")
        painter.setFont(grid.font(Style()))
        column = 0
        for piece in pieces:
            painter.drawText(column * grid.width, grid.ascent, piece)
            column += len(piece)
        painter.end()
        return image

    assert drawn(["fi", "ff", "->", "!="]) == drawn(list("fiff->!="))


def test_what_the_font_has() -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 11), 1.0)
    assert grid.has("a")
    assert grid.has("é")
    assert not grid.has("日")
