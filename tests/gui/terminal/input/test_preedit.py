"""Text being composed: cells, caret, and where it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QInputMethodEvent

from gui.terminal.input.preedit import MAX_CELLS, Preedit
from tests.gui.terminal.acts import show

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


@pytest.mark.parametrize(
    ("text", "caret", "cells", "column"),
    [
        ("", 0, 0, 0),
        ("abc", 2, 3, 2),
        ("にほ", 1, 4, 2),
        ("e\u0301x", 2, 2, 1),
        ("a\x1bb", 3, 2, 2),
    ],
)
def test_layout(text: str, caret: int, cells: int, column: int) -> None:
    preedit = Preedit.of_text(text, caret)
    assert (preedit.cells, preedit.caret) == (cells, column)
    assert preedit.line.width == cells


def test_a_composition_has_an_end() -> None:
    assert Preedit.of_text("x" * 10_000, 10_000).cells == MAX_CELLS


def compose(widget: TerminalWidget, text: str) -> None:
    cursor = QInputMethodEvent.Attribute(QInputMethodEvent.AttributeType.Cursor, 1, 1, None)
    QCoreApplication.sendEvent(widget, QInputMethodEvent(text, [cursor]))


def test_it_is_painted_at_the_cursor_and_goes(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "ab")
    before = widget.viewport().grab().toImage()
    compose(widget, "にほ")
    during = widget.viewport().grab().toImage()
    assert during != before
    rect = widget.appearance.cells.rect(0, 2, 4).toRect()
    assert during.copy(0, 0, rect.left(), 60) == before.copy(0, 0, rect.left(), 60)
    place = widget.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
    assert abs(place.left() - widget.appearance.cells.rect(0, 4).left()) <= 1
    QCoreApplication.sendEvent(widget, QInputMethodEvent())
    assert widget.viewport().grab().toImage() == before


def test_at_the_right_edge_it_moves_left(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "x" * 39)
    compose(widget, "にほん")
    assert widget.text_cursor.caret_rect.right() <= widget.appearance.cells.rect(0, 39).right() + 1


def test_an_ended_terminal_composes_nothing(widget: TerminalWidget) -> None:
    widget.set_ended("Over.")
    before = widget.viewport().grab().toImage()
    compose(widget, "にほ")
    assert widget.viewport().grab().toImage() == before
