"""A combo box that follows a list: what is chosen stays chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QComboBox

from gui.kit import choices

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

A, B, C = ("a", "Ant", 1), ("b", "Bee", 2), ("c", "Cat", 3)


@pytest.fixture
def box(qtbot: QtBot) -> QComboBox:
    box = QComboBox()
    qtbot.addWidget(box)
    choices.update(box, (A, B, C))
    return box


def texts(box: QComboBox) -> list[str]:
    return [box.itemText(at) for at in range(box.count())]


def test_nothing_is_chosen_by_itself(box: QComboBox) -> None:
    assert texts(box) == ["Ant", "Bee", "Cat"]
    assert choices.key(box) == ""
    choices.choose(box, "b")
    assert (choices.key(box), box.currentData(), box.currentText()) == ("b", 2, "Bee")
    choices.choose(box, "nothing")
    assert choices.key(box) == ""


@pytest.mark.parametrize(
    "later",
    [
        (A, B, C),
        (("0", "Aal", 0), A, B, C),
        (B,),
        (C, B, A),
        (A, C, ("b", "Wasp", 2)),
        (("b", "Aardvark", 9), A, C),
    ],
)
def test_what_is_chosen_stays(
    box: QComboBox, later: tuple[choices.Choice, ...], qtbot: QtBot
) -> None:
    choices.choose(box, "b")
    choices.update(box, later)
    assert texts(box) == [text for _, text, _ in later]
    assert [box.itemData(at) for at in range(box.count())] == [data for *_, data in later]
    assert choices.key(box) == "b"
    assert box.currentText() == next(text for name, text, _ in later if name == "b")


def test_when_it_is_gone_nothing_is_chosen(box: QComboBox) -> None:
    choices.choose(box, "b")
    choices.update(box, (A, C))
    assert (choices.key(box), box.currentIndex()) == ("", -1)


def test_an_open_list_stays_open(box: QComboBox) -> None:
    choices.choose(box, "b")
    box.show()
    box.showPopup()
    changed = QSignalSpy(box.currentIndexChanged)
    choices.update(box, (A, B, C, ("d", "Dog", 4)))
    assert box.view().isVisible()
    assert changed.count() == 0
    box.hidePopup()
