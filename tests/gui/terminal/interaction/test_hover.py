"""Links under the mouse: marked with Ctrl, opened by Ctrl+click, asked about when odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QPushButton, QToolTip

from gui.terminal.paint.painter import MarkKind
from gui.terminal.text import links
from tests.gui.terminal.acts import CTRL, LEFT, NONE, cell, show

if TYPE_CHECKING:
    from PySide6.QtCore import QUrl
    from pytestqt.qtbot import QtBot

    from engine.emulator import Terminal
    from gui.terminal.text.links import Link
    from gui.terminal.text.selection import Place
    from gui.terminal.widget import TerminalWidget

TEXT = "see https://example.org now"


@pytest.fixture
def opened(widget: TerminalWidget) -> list[str]:
    urls: list[str] = []

    def note(url: QUrl) -> bool:
        urls.append(url.toString())
        return True

    widget.hover.open_url = note
    return urls


def move(widget: TerminalWidget, column: float, held: Qt.KeyboardModifier = NONE) -> None:
    at = QPointF(cell(widget, 0, column))
    buttons = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, at, at, buttons, buttons, held)
    QCoreApplication.sendEvent(widget.viewport(), event)


def marks(widget: TerminalWidget) -> list[tuple[int, int]]:
    return [
        (mark.start, mark.end)
        for _, _, marks in widget.rows.shown
        for mark in marks
        if mark.kind is MarkKind.LINK
    ]


def test_ctrl_marks_the_link_under_the_mouse(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, TEXT)
    move(widget, 8)
    assert marks(widget) == []
    # As a window system says it: with what was held before.
    press = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Control, NONE)
    QCoreApplication.sendEvent(widget, press)
    assert marks(widget) == [(4, 23)]
    assert widget.viewport().cursor().shape() is Qt.CursorShape.PointingHandCursor
    release = QKeyEvent(QEvent.Type.KeyRelease, Qt.Key.Key_Control, CTRL)
    QCoreApplication.sendEvent(widget, release)
    assert marks(widget) == []
    move(widget, 8, CTRL)
    assert marks(widget) == [(4, 23)]
    move(widget, 1, CTRL)
    assert marks(widget) == []


def test_within_a_cell_nothing_is_searched(
    qtbot: QtBot, widget: TerminalWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[object] = []

    def at(terminal: Terminal, place: Place) -> Link | None:
        searched.append(place)
        return find(terminal, place)

    find = links.at
    monkeypatch.setattr(links, "at", at)
    show(qtbot, widget, TEXT)
    for part in range(10):
        move(widget, 8 + part / 20, CTRL)
    assert len(searched) == 1
    assert marks(widget) == [(4, 23)]
    # What is under it has changed.
    show(qtbot, widget, "\r\x1b[Kno link at all here")
    move(widget, 8, CTRL)
    assert len(searched) == 2
    assert marks(widget) == []


def test_what_an_address_hides_is_shown(
    qtbot: QtBot, widget: TerminalWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _at, text, _of: tips.append(text))
    show(qtbot, widget, "https://example.org/\u202egnp.exe&amp;")
    move(widget, 1)
    assert "https://example.org/\\u202egnp.exe&amp;amp" in tips[0]


def test_ctrl_click_opens(qtbot: QtBot, widget: TerminalWidget, opened: list[str]) -> None:
    show(qtbot, widget, TEXT)
    qtbot.mouseClick(widget.viewport(), LEFT, pos=cell(widget, 0, 8))
    assert opened == []
    qtbot.mouseClick(widget.viewport(), LEFT, CTRL, pos=cell(widget, 0, 8))
    assert opened == ["https://example.org"]
    qtbot.mousePress(widget.viewport(), LEFT, CTRL, pos=cell(widget, 0, 8))
    qtbot.mouseRelease(widget.viewport(), LEFT, CTRL, pos=cell(widget, 0, 1))
    assert len(opened) == 1


def test_an_odd_address_is_asked_about(
    qtbot: QtBot, widget: TerminalWidget, opened: list[str]
) -> None:
    widget.hover.open("ssh://host/")
    box = widget.hover.question
    assert box is not None
    assert "ssh://host/" in box.informativeText()
    assert opened == []
    with qtbot.waitSignal(box.finished):
        next(b for b in box.findChildren(QPushButton) if b.text() == "Open").click()
    assert opened == ["ssh://host/"]
    assert widget.hover.question is None


def test_a_harmful_one_is_not_opened(
    qtbot: QtBot, widget: TerminalWidget, opened: list[str]
) -> None:
    widget.hover.open("javascript:alert(1)\x1b")
    box = widget.hover.question
    assert box is not None
    assert "javascript:alert(1)\\x1b" in box.informativeText()
    with qtbot.waitSignal(box.finished):
        box.reject()
    assert opened == []


def test_the_menu_has_the_link(qtbot: QtBot, widget: TerminalWidget, opened: list[str]) -> None:
    show(qtbot, widget, TEXT)
    menu = widget.context_menu(cell(widget, 0, 8))
    actions = {action.text().replace("&", ""): action for action in menu.actions()}
    actions["Copy Link Address"].trigger()
    assert QGuiApplication.clipboard().text() == "https://example.org"
    actions["Open Link"].trigger()
    assert opened == ["https://example.org"]
    menu.deleteLater()
    menu = widget.context_menu(cell(widget, 0, 1))
    assert "Open Link" not in [action.text().replace("&", "") for action in menu.actions()]
    menu.deleteLater()


def test_a_marked_link_is_one_wherever_its_cells_are(
    qtbot: QtBot, widget: TerminalWidget, opened: list[str]
) -> None:
    link = "\x1b]8;id=x;https://example.org/marked\x1b\\"
    show(qtbot, widget, f"{link}one\x1b]8;;\x1b\\ and {link}two\x1b]8;;\x1b\\")
    move(widget, 1)
    # Marked links show what they are without Ctrl: their text may say anything.
    assert marks(widget) == [(0, 3), (8, 11)]
    qtbot.mouseClick(widget.viewport(), LEFT, CTRL, pos=cell(widget, 0, 9))
    assert opened == ["https://example.org/marked"]
