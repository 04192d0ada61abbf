"""Copying with colors, dropping, pasting: what reaches the clipboard and the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QMessageBox

from tests.gui.terminal.acts import ALT, cell, drag, show

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


# Qt 6.12 has other constructors than the Qt of Python 3.11's lock.
pytestmark = pytest.mark.filterwarnings("ignore:Function. 'Q(Drag|Drop):DeprecationWarning")


def dropped(widget: TerminalWidget, data: QMimeData) -> bool:
    """Drag ``data`` in and let go; whether it was taken."""
    at, action = QPoint(30, 30), Qt.DropAction.CopyAction
    buttons, held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(at, action, data, buttons, held)
    enter.ignore()
    widget.dragEnterEvent(enter)
    if enter.isAccepted():
        widget.dropEvent(QDropEvent(QPointF(at), action, data, buttons, held))
    return enter.isAccepted()


def test_copy_as_html_brings_text_too(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "a\x1b[31mred\x1b[m")
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 4))
    widget.clipboard.copy_html()
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "ared"
    assert ">red</span>" in data.html()
    assert widget.appearance.font_family in data.html()


def test_a_rectangle_is_dragged_with_alt(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "abcdef\r\nghijkl")
    drag(qtbot, widget, cell(widget, 0, 1), cell(widget, 1, 3), ALT)
    assert widget.selected_text() == "bc\nhi"


def test_copy_on_select_is_a_setting(qtbot: QtBot, widget: TerminalWidget) -> None:
    QGuiApplication.clipboard().setText("before")
    show(qtbot, widget, "abcdef")
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 3))
    assert QGuiApplication.clipboard().text() == "before"
    widget.clipboard.set_habits(warns=True, copies_on_select=True)
    drag(qtbot, widget, cell(widget, 0, 3), cell(widget, 0, 6))
    assert QGuiApplication.clipboard().text() == "def"


def test_dropped_files_are_quoted_and_text_is_text(
    widget: TerminalWidget, typed: list[bytes]
) -> None:
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/tmp/a b"), QUrl.fromLocalFile("/tmp/c")])
    assert dropped(widget, files)
    text = QMimeData()
    text.setText("echo hi")
    assert dropped(widget, text)
    assert typed == [b"'/tmp/a b' /tmp/c ", b"echo hi"]


def test_what_is_dragged_here_is_copied(widget: TerminalWidget, typed: list[bytes]) -> None:
    text = QMimeData()
    text.setText("echo hi")
    either = Qt.DropAction.MoveAction | Qt.DropAction.CopyAction
    buttons, held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), either, text, buttons, held)
    enter.setDropAction(Qt.DropAction.MoveAction)
    widget.dragEnterEvent(enter)
    drop = QDropEvent(QPointF(9, 9), either, text, buttons, held)
    drop.setDropAction(Qt.DropAction.MoveAction)
    widget.dropEvent(drop)
    assert typed == [b"echo hi"]
    for event in (enter, drop):
        assert event.isAccepted()
        assert event.dropAction() == Qt.DropAction.CopyAction


def test_nothing_is_dropped_on_an_ended_terminal(widget: TerminalWidget) -> None:
    widget.set_ended("Over.")
    text = QMimeData()
    text.setText("echo hi")
    assert not dropped(widget, text)
    widget.clear()
    assert not dropped(widget, QMimeData())


def test_the_warning_shows_what_would_be_pasted_and_can_be_off(
    widget: TerminalWidget, typed: list[bytes]
) -> None:
    widget.clipboard.paste_text("\n".join(f"line {n} " + "x" * 200 for n in range(20)))
    box = widget.clipboard.question
    assert isinstance(box, QMessageBox)
    assert "line 7 " in box.informativeText()
    assert "line 8 " not in box.informativeText()
    box.reject()
    widget.clipboard.set_habits(warns=False, copies_on_select=False)
    widget.clipboard.paste_text("a\nb")
    assert typed == [b"a\rb"]


@pytest.mark.parametrize("text", ["", "\x00\x1b"])
def test_nothing_is_pasted_of_nothing(
    widget: TerminalWidget, typed: list[bytes], text: str
) -> None:
    widget.clipboard.paste_text(text)
    assert typed == []
