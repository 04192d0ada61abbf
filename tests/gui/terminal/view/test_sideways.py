"""Which columns are in view of a wide terminal."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QScrollBar
from pytestqt.qtbot import QtBot

from engine.emulator import Terminal
from gui.terminal.source import Viewed
from gui.terminal.view.appearance import Appearance
from gui.terminal.view.sideways import Sideways


class Parts(NamedTuple):
    terminal: Terminal
    viewed: Viewed
    appearance: Appearance
    bar: QScrollBar
    sideways: Sideways

    def cursor(self, column: int) -> int:
        """Put the cursor into a column; the first column in view afterwards."""
        self.terminal.feed(f"\x1b[{column + 1}G".encode())
        self.sideways.sync()
        return self.appearance.cells.left


@pytest.fixture
def parts(qtbot: QtBot) -> Parts:
    terminal = Terminal(100, 10)
    viewed = Viewed(terminal)
    viewed.crop((40, 10))
    appearance = Appearance(QPalette(), 1.0)
    bar = QScrollBar()
    qtbot.addWidget(bar)
    sideways = Sideways(viewed, appearance, bar)
    sideways.sync()
    return Parts(terminal, viewed, appearance, bar, sideways)


def test_the_view_moves_only_when_the_cursor_leaves_it(parts: Parts) -> None:
    assert parts.cursor(39) == 0
    left = parts.cursor(40)
    assert 0 < left <= 40 < left + 40
    assert parts.cursor(left) == left
    assert parts.cursor(left + 39) == left
    assert parts.cursor(99) == 60
    assert parts.cursor(0) == 0


def test_who_scrolls_away_is_left_there_until_the_cursor_is_followed_again(parts: Parts) -> None:
    parts.cursor(99)
    parts.bar.setValue(0)
    assert parts.cursor(98) == 0
    parts.sideways.follow()
    assert parts.appearance.cells.left == 60
    # Whoever scrolls back to the cursor follows it as well.
    parts.sideways.by(-60)
    parts.sideways.by(60)
    assert parts.cursor(0) == 0


def test_a_hidden_cursor_is_not_followed(parts: Parts) -> None:
    parts.terminal.feed(b"\x1b[?25l")
    assert parts.cursor(99) == 0


def test_a_terminal_that_fits_has_its_first_column_in_view(parts: Parts) -> None:
    parts.cursor(99)
    parts.viewed.crop(None)
    parts.sideways.sync()
    assert parts.appearance.cells.left == 0
    assert parts.bar.maximum() == 0
    # And the cursor is followed when it no longer fits.
    parts.viewed.crop((40, 10))
    assert parts.cursor(99) == 60


def test_a_column_is_revealed_only_where_it_must_be(parts: Parts) -> None:
    parts.sideways.reveal(39)
    assert parts.appearance.cells.left == 0
    parts.sideways.reveal(70)
    left = parts.appearance.cells.left
    assert left <= 70 < left + 40
    parts.sideways.restart()
    assert parts.appearance.cells.left == 0
