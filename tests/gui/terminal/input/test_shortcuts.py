"""Which keys scroll, zoom and jump, and which are the window's."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from gui.terminal.input import shortcuts
from tests.gui.terminal.acts import ALT, CTRL, CTRL_SHIFT, NONE, SHIFT

K = Qt.Key


def press(key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, held)


@pytest.mark.parametrize(
    ("key", "held", "points"),
    [
        (K.Key_Plus, CTRL, 1.0),
        (K.Key_Plus, CTRL_SHIFT, 1.0),
        (K.Key_Minus, CTRL, -1.0),
        (K.Key_Minus, CTRL_SHIFT, None),
        (K.Key_0, CTRL, 0.0),
        (K.Key_0, NONE, None),
        (K.Key_Plus, CTRL | ALT, None),
        (K.Key_A, CTRL, None),
    ],
)
def test_zoom(key: Qt.Key, held: Qt.KeyboardModifier, points: float | None) -> None:
    assert shortcuts.zoom(press(key, held)) == points


def test_steps() -> None:
    assert shortcuts.pages(press(K.Key_PageUp, SHIFT)) == -1
    assert shortcuts.pages(press(K.Key_PageUp, CTRL_SHIFT)) == 0
    assert shortcuts.ends(press(K.Key_End, SHIFT)) == 1
    assert shortcuts.ends(press(K.Key_End)) == 0
    assert shortcuts.prompts(press(K.Key_Up, CTRL_SHIFT)) == -1
    assert shortcuts.prompts(press(K.Key_Down, CTRL_SHIFT)) == 1


@pytest.mark.parametrize(
    ("key", "held", "windows"),
    [
        (K.Key_F, CTRL_SHIFT, True),
        (K.Key_Comma, CTRL, True),
        (K.Key_Comma, CTRL | ALT, False),
        (K.Key_PageUp, CTRL, True),
        (K.Key_C, CTRL, False),
        (K.Key_Z, ALT, False),
        (K.Key_Underscore, CTRL_SHIFT, False),
    ],
)
def test_whose_key_it_is(key: Qt.Key, held: Qt.KeyboardModifier, windows: bool) -> None:
    assert shortcuts.is_for_window(press(key, held)) is windows
