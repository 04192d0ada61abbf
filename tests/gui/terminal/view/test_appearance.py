"""The font of a terminal that has to fit, at every size and scale."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QSize
from PySide6.QtGui import QFont, QFontInfo, QPalette

from gui.terminal.view.appearance import MIN_PIXELS, Appearance


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cols=st.integers(1, 300),
    rows=st.integers(1, 100),
    width=st.integers(1, 2000),
    height=st.integers(1, 1200),
    ratio=st.sampled_from([1.0, 1.25, 2.0]),
)
def test_it_fits_or_the_font_is_the_smallest(
    qapp: object, cols: int, rows: int, width: int, height: int, ratio: float
) -> None:
    appearance = Appearance(QPalette(), ratio)
    size = QSize(width, height)
    appearance.shrink(cols, rows, size)
    room = appearance.cells.fitting(size)
    fits = cols <= room[0] and rows <= room[1]
    smallest = Appearance(QPalette(), ratio)
    smallest.shrink(1000, 1000, QSize(1, 1))
    assert fits or appearance.cells.height == smallest.cells.height
    assert smallest.cells.height <= appearance.cells.height <= appearance.chosen.height


def test_the_smallest_font_can_be_read(qapp: object) -> None:
    appearance = Appearance(QPalette(), 1.0)
    appearance.shrink(1000, 1000, QSize(10, 10))
    assert appearance.cells.height >= MIN_PIXELS
    # A smaller one that somebody set stays.
    font = QFont(appearance.font_family)
    font.setPointSizeF(5)
    appearance.set_font(font)
    assert QFontInfo(font).pixelSize() < MIN_PIXELS
    appearance.shrink(1000, 1000, QSize(10, 10))
    assert appearance.cells.height == appearance.chosen.height


def test_rows_painted_before_are_kept_while_the_size_stays(qapp: object) -> None:
    appearance = Appearance(QPalette(), 1.0)
    size = QSize(500, 300)
    appearance.shrink(100, 40, size)
    painter = appearance.painter
    appearance.shrink(100, 40, size)
    appearance.set_left(7)
    assert appearance.painter is painter
    assert appearance.cells.left == 7
    appearance.restore()
    assert appearance.painter is not painter


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
def test_columns_are_counted_from_the_terminals_edge(qapp: object, ratio: float) -> None:
    appearance = Appearance(QPalette(), ratio)
    before = appearance.cells.rect(2, 3)
    appearance.set_left(10)
    cells = appearance.cells
    assert cells.rect(2, 13) == before
    assert cells.at(before.center()) == (2, pytest.approx(13.5))
    assert cells.corner(2, 13).x() == pytest.approx(before.left() * ratio)
