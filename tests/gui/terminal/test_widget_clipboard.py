"""The real widget: copying, pasting, and the menu that offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QMessageBox, QPushButton

from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import (
    CTRL_SHIFT,
    show,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_paste_by_key_is_cleaned(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    QGuiApplication.clipboard().setText("echo \x1b[31mhi")
    qtbot.keyClick(widget, Qt.Key.Key_V, CTRL_SHIFT)
    assert typed == [b"echo [31mhi"]


def test_bracketed_paste(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    show(qtbot, widget, b"\x1b[?2004h")
    widget.clipboard.paste_text("a\nb\x1b[201~c")
    assert typed == [b"\x1b[200~a\rb[201~c\x1b[201~"]


@pytest.mark.parametrize("accept", [True, False])
def test_several_lines_are_asked_about(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes], accept: bool
) -> None:
    widget.clipboard.paste_text("one\ntwo\n")
    box = widget.clipboard.question
    assert isinstance(box, QMessageBox)
    assert "2 lines" in box.text()
    assert not box.isModal()
    # Enter, typed for the shell, pastes nothing.
    assert box.defaultButton().text() != "Paste"
    assert typed == []
    with qtbot.waitSignal(box.finished):
        if accept:
            button = next(b for b in box.findChildren(QPushButton) if b.text() == "Paste")
        else:
            buttons = box.findChild(QDialogButtonBox)
            assert isinstance(buttons, QDialogButtonBox)
            button = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        button.click()
    assert typed == ([b"one\rtwo\r"] if accept else [])
    assert widget.clipboard.question is None


def test_copy_without_a_selection_leaves_the_clipboard(widget: TerminalWidget) -> None:
    QGuiApplication.clipboard().setText("before")
    widget.clipboard.copy()
    assert QGuiApplication.clipboard().text() == "before"


def test_menu_names_actions_and_shortcuts(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "text")
    menu = widget.context_menu()
    actions = [action for action in menu.actions() if not action.isSeparator()]
    texts = [a.text().replace("&", "") for a in actions]
    assert texts == [
        *("Copy", "Copy as HTML", "Paste", "Select All", "Find…"),
        *("Previous Prompt", "Next Prompt", "Clear Scrollback", "Reset Terminal"),
    ]
    assert [a.shortcut().toString() for a in actions if not a.shortcut().isEmpty()] == [
        *("Ctrl+Shift+C", "Ctrl+Shift+V", "Ctrl+Shift+A", "Ctrl+Shift+F"),
        *("Ctrl+Shift+Up", "Ctrl+Shift+Down", "Ctrl+Shift+K"),
    ]
    off = [text for text, action in zip(texts, actions, strict=True) if not action.isEnabled()]
    assert off == ["Copy", "Copy as HTML", "Previous Prompt", "Next Prompt"]
    menu.aboutToHide.emit()
    assert all(action.isEnabled() for action in actions)
    menu.deleteLater()
