"""Pictures in the real widget: pixels, text over them, zoom, selection and copying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QFont, QImage, QPainter, QPixmap

from engine.emulator import Line, Picture, Piece, Run, Strip, Style
from engine.emulator.cells.pictures import NO_BITMAP
from engine.emulator.cells.sixel import Bitmap
from gui.terminal.paint.grid import Grid
from gui.terminal.paint.painter import Mark, MarkKind, RowPainter
from gui.terminal.paint.themes import DARK
from tests.gui.terminal.acts import colors, show

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget

RED, GREEN = 0xFF0000, 0x00FF00


def sixel(widget: TerminalWidget, across: int, down: int) -> str:
    """So many cells, the left half of all red and the right half green."""
    cell = widget.host.cell
    width = cell.width * across // 2
    bands, rest = divmod(cell.height * down, 6)
    band = "#1!{0}{1}#2!{0}{1}-"
    last = band.format(width, chr(63 + (1 << rest) - 1)) if rest else ""
    return '\x1bPq"1;1#1;2;100;0;0#2;2;0;100;0' + band.format(width, "~") * bands + last + "\x1b\\"


@pytest.fixture
def dark(widget: TerminalWidget) -> TerminalWidget:
    widget.set_theme(dark=True)
    return widget


def test_its_pixels_are_in_its_cells_and_nowhere_else(qtbot: QtBot, dark: TerminalWidget) -> None:
    show(qtbot, dark, "\x1b[2;3H" + sixel(dark, 4, 2) + "\x1b[9H")
    for row in (1, 2):
        assert [colors(dark, row, column) for column in range(2, 6)] == [
            {RED},
            {RED},
            {GREEN},
            {GREEN},
        ]
        assert colors(dark, row, 0, 2) == colors(dark, row, 6, 2) == {DARK.background}
    assert colors(dark, 0, 0, 10) == colors(dark, 3, 0, 10) == {DARK.background}


def test_text_over_it_and_erasing_take_its_cells(qtbot: QtBot, dark: TerminalWidget) -> None:
    show(
        qtbot,
        dark,
        sixel(dark, 4, 2) + "\x1b[1;1H\x1b[31m█\x1b[m\x1b[2;4H\x1b[K\x1b[2;1H\x1b[X\x1b[9H",
    )
    assert colors(dark, 0, 0) == {DARK.palette[1]}
    assert [colors(dark, 0, column) for column in (1, 2, 3)] == [{RED}, {GREEN}, {GREEN}]
    assert [colors(dark, 1, column) for column in (1, 2)] == [{RED}, {GREEN}]
    assert colors(dark, 1, 0) == colors(dark, 1, 3, 4) == {DARK.background}


def test_it_scrolls_into_the_history(qtbot: QtBot, dark: TerminalWidget) -> None:
    show(qtbot, dark, sixel(dark, 4, 2) + "\r\n" * 12)
    assert colors(dark, 0, 0, 10) == {DARK.background}
    dark.scrolling.to_top()
    assert colors(dark, 1, 1) == {RED}
    assert colors(dark, 1, 2) == {GREEN}


def test_it_keeps_to_its_cells_when_the_font_grows(qtbot: QtBot, dark: TerminalWidget) -> None:
    show(qtbot, dark, sixel(dark, 4, 1) + "\x1b[9H")
    before = dark.cell_size
    dark.zoom(7)
    assert dark.cell_size > before
    show(qtbot, dark, "")
    assert [colors(dark, 0, column) for column in (0, 3)] == [{RED}, {GREEN}]
    assert colors(dark, 0, 4, 2) == colors(dark, 1, 0, 6) == {DARK.background}


def test_it_is_copied_as_spaces(qtbot: QtBot, dark: TerminalWidget) -> None:
    show(qtbot, dark, "a" + sixel(dark, 2, 1) + "\x1b[1;4Hb\x1b[9H")
    dark.select_all()
    assert dark.selected_text().startswith("a  b\n")


@pytest.fixture
def painter(qapp: object) -> RowPainter:
    return RowPainter(Grid(QFont("DejaVu Sans Mono", 11), 1.0), DARK)


def _line(painter: RowPainter, pixel: bytes) -> Line:
    grid = painter.grid
    bitmap = Bitmap(2 * grid.width, grid.height, (pixel * (2 * grid.width),) * grid.height)
    picture = Picture(bitmap if pixel else NO_BITMAP, (grid.width, grid.height))
    run = Run(0, 2, "  ", Style())
    return Line((run,), pieces=(Piece(0, 2, Strip(picture, 0), 0),))


def _pixel(pixmap: QPixmap, x: int = 0) -> int:
    image = QImage(pixmap.size(), QImage.Format.Format_RGB32)
    with QPainter(image) as onto:
        onto.drawPixmap(0, 0, pixmap)
    return image.pixel(x, 0) & 0xFFFFFF


def test_a_selected_picture_is_still_seen(painter: RowPainter) -> None:
    grid = painter.grid
    line = _line(painter, b"\xff\0\0\xff")
    pixmap = painter.row(line, 16, (Mark(0, 1, MarkKind.SELECTED),))
    selected, beside = _pixel(pixmap), _pixel(pixmap, grid.width)
    assert beside == RED
    assert selected not in (RED, DARK.selection)
    assert selected >> 16 > DARK.selection >> 16


def test_a_picture_that_was_let_go_is_blank(painter: RowPainter) -> None:
    assert _pixel(painter.row(_line(painter, b""), 16)) == DARK.background


def test_transparent_pixels_show_the_background(painter: RowPainter) -> None:
    line = _line(painter, bytes(4))
    assert _pixel(painter.row(line, 16)) == DARK.background
