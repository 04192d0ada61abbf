"""The hint over a terminal: there for a moment, within what it lies over, in nobody's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from gui.terminal.interaction.hint import Hint
from gui.terminal.paint.themes import DARK

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def over(qtbot: QtBot) -> QWidget:
    over = QWidget()
    qtbot.addWidget(over)
    over.resize(300, 200)
    over.show()
    return over


def test_it_is_shown_for_a_moment(qtbot: QtBot, over: QWidget) -> None:
    hint = Hint(over, milliseconds=1)
    assert not hint.isVisible()
    hint.present("You view this terminal.")
    assert hint.isVisible()
    assert hint.accessibleName() == "You view this terminal."
    qtbot.waitUntil(lambda: not hint.isVisible())


def test_it_can_be_dismissed(over: QWidget) -> None:
    hint = Hint(over)
    hint.present("You view this terminal.")
    hint.dismiss()
    assert not hint.isVisible()


@pytest.mark.parametrize("text", ["Short.", "A long reason that needs several lines. " * 4])
def test_it_lies_within_its_parent_at_any_size(over: QWidget, text: str) -> None:
    hint = Hint(over)
    hint.set_theme(DARK)
    for width in (600, 300, 150):
        over.resize(width, 400)
        hint.present(text)
        assert over.rect().contains(hint.geometry())
        assert hint.width() >= min(hint.minimumSizeHint().width(), width - 24)
