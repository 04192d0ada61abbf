"""A viewport, a terminal of its own or a shell's, and what there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QWidget

from engine.core.model import MAX_DIMENSION
from engine.emulator import Terminal
from gui.terminal.source import Viewed
from gui.terminal.view.appearance import Appearance
from gui.terminal.view.cells import PADDING
from gui.terminal.view.fit import Fit, Oversize

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


class Parts(NamedTuple):
    own: Terminal
    viewed: Viewed
    appearance: Appearance
    viewport: QWidget
    fit: Fit
    sizes: list[tuple[int, int]]
    rewraps: list[bool]

    def room(self, cols: int, rows: int) -> None:
        """Make the viewport fit so many cells in the font that was set."""
        chosen = self.appearance.chosen
        self.viewport.resize(
            int(cols * chosen.width) + 2 * PADDING + 1, int(rows * chosen.height) + 2 * PADDING + 1
        )


@pytest.fixture
def parts(qtbot: QtBot) -> Parts:
    own = Terminal(80, 24)
    viewed = Viewed(own)
    viewport = QWidget()
    qtbot.addWidget(viewport)
    appearance = Appearance(QPalette(), viewport.devicePixelRatioF())
    fit = Fit(viewed, appearance, viewport)
    parts = Parts(own, viewed, appearance, viewport, fit, [], [])
    fit.resized.connect(lambda cols, rows: parts.sizes.append((cols, rows)))
    fit.rewrapped.connect(lambda: parts.rewraps.append(True))
    parts.room(40, 10)
    fit.now()
    return parts


def test_the_own_terminal_gets_the_size(parts: Parts) -> None:
    assert (parts.own.cols, parts.own.rows) == (40, 10)
    assert parts.sizes == [(40, 10)]
    assert parts.rewraps == [True]
    parts.fit.now()
    assert parts.sizes == [(40, 10)]
    assert parts.rewraps == [True]


def test_several_requests_are_one(qtbot: QtBot, parts: Parts) -> None:
    for cols in (41, 42, 43):
        parts.room(cols, 10)
        parts.fit.soon()
    qtbot.waitUntil(lambda: len(parts.sizes) == 2)
    assert parts.sizes[1] == (43, 10)


def test_a_shells_terminal_keeps_its_size_and_rewraps_with_it(parts: Parts) -> None:
    shell = Terminal(60, 20)
    parts.viewed.show(shell)
    assert parts.fit.stale
    parts.fit.now()
    assert (shell.cols, shell.rows) == (60, 20)
    assert not parts.fit.stale
    assert parts.rewraps == [True] * 2
    shell.resize(21, 60)
    assert parts.fit.stale
    parts.fit.now()
    assert parts.rewraps == [True] * 3
    # The request is about the viewport, and that is as it was.
    assert parts.sizes == [(40, 10)]


def test_it_is_cropped_in_the_font_that_was_set_or_shown_whole_in_a_smaller_one(
    parts: Parts,
) -> None:
    parts.viewed.show(Terminal(60, 14))
    parts.fit.set_oversize(Oversize.SCROLL)
    parts.fit.now()
    assert (parts.viewed.columns, parts.viewed.rows) == (40, 10)
    assert parts.appearance.cells.width == parts.appearance.chosen.width
    parts.fit.set_oversize(Oversize.FIT)
    parts.fit.now()
    assert (parts.viewed.columns, parts.viewed.rows) == (60, 14)
    assert parts.appearance.cells.width < parts.appearance.chosen.width
    parts.viewed.show(None)
    parts.fit.now()
    assert parts.appearance.cells.width == parts.appearance.chosen.width
    assert (parts.own.cols, parts.own.rows) == (40, 10)


def test_no_more_is_requested_than_a_terminal_can_have(parts: Parts) -> None:
    parts.appearance.zoom(-100)
    parts.viewed.show(Terminal(10, 10))
    parts.viewport.resize(30_000, 30_000)
    parts.fit.now()
    assert parts.sizes[-1] == (MAX_DIMENSION, MAX_DIMENSION)
