"""Cells and positions: what lies where, in logical and in device pixels."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QFont

from gui.terminal.paint.grid import Grid
from gui.terminal.view.cells import PADDING, Cells


@pytest.fixture(params=[1.0, 1.25, 1.5, 2.0])
def cells(qapp: object, request: pytest.FixtureRequest) -> Cells:
    return Cells(Grid(QFont("DejaVu Sans Mono", 11), request.param))


def test_the_middle_of_a_cell_is_in_that_cell(cells: Cells) -> None:
    row, column = cells.at(cells.rect(3, 5).center())
    assert row == 3
    assert column == pytest.approx(5.5)


def test_outside_the_grid_rows_and_columns_go_on(cells: Cells) -> None:
    row, column = cells.at(cells.rect(-1, -2).center())
    assert (row, int(column - 1)) == (-1, -2)


def test_what_fits_is_found_and_never_nothing(cells: Cells) -> None:
    corner = cells.rect(9, 39).bottomRight()
    size = QSize(round(corner.x()) + PADDING + 2, round(corner.y()) + PADDING + 2)
    assert cells.fitting(size) == (40, 10)
    assert cells.fitting(QSize(0, 0)) == (1, 1)


def test_a_band_holds_its_row_and_touches_no_other(cells: Cells) -> None:
    band = cells.band(4, 500)
    assert band.contains(cells.rect(4, 0, 3).toRect())
    first, last = cells.rows_of(cells.rect(4, 0).toRect().adjusted(0, 1, 0, -1))
    assert (first, last) == (4, 5)


def test_cells_begin_on_device_pixels(cells: Cells) -> None:
    rect, corner = cells.rect(2, 7), cells.corner(2, 7)
    assert corner.x() == pytest.approx(rect.left() * cells.ratio)
    assert corner.y() == pytest.approx(rect.top() * cells.ratio)


def test_an_area_is_rounded_outwards(cells: Cells) -> None:
    area = QRect(3, 5, 7, 11)
    device = cells.device_rect(area)
    assert device.left() <= 3 * cells.ratio
    assert device.top() <= 5 * cells.ratio
    assert device.left() + device.width() >= 10 * cells.ratio
    assert device.top() + device.height() >= 16 * cells.ratio
