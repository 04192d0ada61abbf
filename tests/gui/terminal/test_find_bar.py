"""The find bar as it is used: typed into, stepped, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from gui.terminal.painter import MarkKind
from tests.gui.terminal.acts import CTRL_SHIFT, LINES, SHIFT, cell, drag, show

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


def test_typing_finds_marks_and_counts(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES)
    qtbot.keyClick(widget, Qt.Key.Key_F, CTRL_SHIFT)
    bar = widget.find_bar
    assert bar.isVisible()
    assert bar.text.hasFocus()
    qtbot.keyClicks(bar.text, "line 9")
    qtbot.waitUntil(lambda: bar.count.text() == "11 / 11")
    kinds = [mark.kind for _, _, marks in widget._shown for mark in marks]
    assert kinds == [MarkKind.MATCH] * 8 + [MarkKind.CURRENT]
    assert typed == []


def test_steps_go_to_the_match_and_escape_goes_back(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES)
    widget.open_find()
    bar = widget.find_bar
    qtbot.keyClicks(bar.text, "line 1")
    qtbot.waitUntil(lambda: bar.count.text() == "11 / 11")
    assert any(line.text == "line 19" for _, line, _ in widget._shown)
    qtbot.keyClick(bar.text, Qt.Key.Key_Return)
    assert bar.count.text() == "1 / 11"
    assert any(line.text == "line 1" for _, line, _ in widget._shown)
    qtbot.keyClick(bar.text, Qt.Key.Key_Return, SHIFT)
    assert bar.count.text() == "11 / 11"
    bar.previous.click()
    assert bar.count.text() == "10 / 11"
    qtbot.keyClick(bar.text, Qt.Key.Key_Escape)
    assert bar.isHidden()
    assert widget.hasFocus()
    assert not any(marks for _, _, marks in widget._shown)
    assert typed == []


def test_a_selection_is_what_it_begins_with(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "needle in hay, needle")
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 6))
    widget.open_find()
    bar = widget.find_bar
    assert bar.text.text() == "needle"
    qtbot.waitUntil(lambda: bar.count.text() == "2 / 2")


def test_case_and_expressions(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "Aa aA a.")
    widget.open_find()
    bar = widget.find_bar
    qtbot.keyClicks(bar.text, "a.")
    qtbot.waitUntil(lambda: bar.count.text() == "1 / 1")
    bar.regex.click()
    qtbot.waitUntil(lambda: bar.count.text().endswith("/ 3"))
    bar.case.click()
    qtbot.waitUntil(lambda: bar.count.text().endswith("/ 3"))
    bar.text.setText("(")
    bar.search()
    assert bar.problem.isVisible()
    assert bar.problem.text()
    bar.text.setText("nothing")
    bar.search()
    qtbot.waitUntil(lambda: bar.count.text() == "No match")
    assert not bar.next.isEnabled()


def test_the_bar_keeps_to_its_corner(qtbot: QtBot, widget: TerminalWidget) -> None:
    widget.open_find()
    bar = widget.find_bar
    widget.resize(widget.width() + 200, widget.height())
    assert bar.geometry().right() <= widget.viewport().width()
    assert bar.geometry().right() > widget.viewport().width() - 30
