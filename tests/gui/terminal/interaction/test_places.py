"""From the mouse's position to a place in the text and to what programs are sent."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QScrollBar
from pytestqt.qtbot import QtBot

from engine.emulator import Terminal
from gui.terminal.host import WindowHost
from gui.terminal.input.mouse import Spot
from gui.terminal.interaction.places import Places
from gui.terminal.source import Viewed
from gui.terminal.text.selection import Place, Unit
from gui.terminal.view.appearance import Appearance
from gui.terminal.view.cells import Cells
from gui.terminal.view.scrolling import Scrolling

COLS, ROWS = 20, 5


@pytest.fixture
def bar(qtbot: QtBot) -> QScrollBar:
    bar = QScrollBar()
    qtbot.addWidget(bar)
    return bar


@pytest.fixture
def appearance(qapp: object) -> Appearance:
    return Appearance(QPalette(), 1.0)


@pytest.fixture
def cells(appearance: Appearance) -> Cells:
    return appearance.cells


@pytest.fixture
def places(bar: QScrollBar, appearance: Appearance, cells: Cells) -> Places:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"\r\n" * (ROWS + 9))
    terminal.host = WindowHost(lambda *_: None)
    terminal.host.shown((cells.width, cells.height), 1.0, dark=True)
    viewed = Viewed(terminal)
    scrolling = Scrolling(viewed, bar)
    scrolling.sync()
    return Places(viewed, appearance, scrolling)


def test_places_are_named_as_the_text_is(places: Places, cells: Cells, bar: QScrollBar) -> None:
    at = cells.rect(2, 3).center()
    assert places.cell(at) == Place(12, 3)
    bar.setValue(bar.maximum() - 4)
    assert places.cell(at) == Place(8, 3)


def test_outside_the_nearest_place_counts(places: Places, cells: Cells) -> None:
    assert places.cell(QPointF(-50, -50)) == Place(10, 0)
    beyond = cells.rect(ROWS + 3, COLS + 3).center()
    assert places.cell(beyond) == Place(14, COLS - 1)
    assert places.boundary(beyond, Unit.CHARACTER) == Place(14, COLS)
    assert places.lines_outside(beyond) == 4
    assert places.lines_outside(cells.rect(-2, 0).center()) == -2
    assert places.lines_outside(cells.rect(1, 0).center()) == 0


def test_a_character_is_reached_from_its_middle_on(places: Places, cells: Cells) -> None:
    rect = cells.rect(0, 3)
    early, late = rect.center() - QPointF(2, 0), rect.center() + QPointF(2, 0)
    assert places.boundary(early, Unit.CHARACTER).column == 3
    assert places.boundary(late, Unit.CHARACTER).column == 4
    assert places.boundary(late, Unit.WORD).column == 3


def test_programs_get_cell_and_pixel_within_the_grid(places: Places, cells: Cells) -> None:
    inside = cells.rect(2, 3).topLeft() + QPointF(1, 2)
    x, y = int(3 * cells.width) + 1, int(2 * cells.height) + 2
    assert places.spot(inside) == Spot(3, 2, x, y)
    last = places.spot(QPointF(9999, 9999))
    assert (last.column, last.row) == (COLS - 1, ROWS - 1)
    assert (last.x, last.y) == (int(COLS * cells.width) - 1, int(ROWS * cells.height) - 1)


def test_in_a_cropped_view_rows_and_columns_are_those_in_view(
    bar: QScrollBar, appearance: Appearance
) -> None:
    viewed = Viewed(Terminal(COLS, ROWS))
    viewed.terminal.feed(b"\x1b[5;1H")
    viewed.crop((8, 3))
    scrolling = Scrolling(viewed, bar)
    scrolling.sync()
    appearance.set_left(6)
    places, cells = Places(viewed, appearance, scrolling), appearance.cells
    at = cells.rect(1, 7).center()
    assert places.cell(at) == Place(3, 7)
    assert (places.spot(at).column, places.spot(at).row) == (7, 3)
    assert places.lines_outside(cells.rect(3, 7).center()) == 1
    assert places.columns_outside(cells.rect(0, 4).center()) == -2
    assert places.columns_outside(cells.rect(0, 6).center()) == 0
    assert places.columns_outside(cells.rect(0, 14).center()) == 1
    viewed.crop(None)
    assert places.columns_outside(cells.rect(0, 40).center()) == 0
