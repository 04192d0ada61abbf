"""The find bar as it is used: typed into, stepped, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from gui.terminal.paint.painter import MarkKind
from tests.gui.keyboard import press
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
    kinds = [mark.kind for _, _, marks in widget.rows.shown for mark in marks]
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
    assert any(line.text == "line 19" for _, line, _ in widget.rows.shown)
    qtbot.keyClick(bar.text, Qt.Key.Key_Return)
    assert bar.count.text() == "1 / 11"
    assert any(line.text == "line 1" for _, line, _ in widget.rows.shown)
    qtbot.keyClick(bar.text, Qt.Key.Key_Return, SHIFT)
    assert bar.count.text() == "11 / 11"
    bar.previous.click()
    assert bar.count.text() == "10 / 11"
    qtbot.keyClick(bar.text, Qt.Key.Key_Escape)
    assert bar.isHidden()
    assert widget.hasFocus()
    assert not any(marks for _, _, marks in widget.rows.shown)
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


BAR_BUTTONS = ("case", "regex", "previous", "next")


@pytest.mark.parametrize("name", BAR_BUTTONS)
def test_what_is_typed_after_a_button_is_looked_for(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes], name: str
) -> None:
    show(qtbot, widget, LINES)
    widget.open_find()
    bar = widget.find_bar
    press(widget, *"line")
    qtbot.waitUntil(lambda: bar.next.isEnabled())
    qtbot.mouseClick(getattr(bar, name), Qt.MouseButton.LeftButton)
    press(widget, " ", "1")
    assert bar.text.text() == "line 1"
    assert typed == []


@pytest.mark.parametrize("where", ["the bar", "a disabled button", "the count"])
def test_a_click_on_anything_else_of_the_bar_goes_on_typing_there(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes], where: str
) -> None:
    show(qtbot, widget, LINES)
    widget.open_find()
    bar = widget.find_bar
    press(widget, *"absent")
    qtbot.waitUntil(lambda: bar.count.text() == "No match")
    target = {"the bar": bar, "a disabled button": bar.next, "the count": bar.count}[where]
    at = QPoint(2, 2) if target is bar else target.rect().center()
    qtbot.mouseClick(target, Qt.MouseButton.LeftButton, pos=at)
    press(widget, "x", Qt.Key.Key_Return, "y")
    assert bar.text.text() == "absentxy"
    assert typed == []


def test_keys_on_a_button_and_tab_stay_in_the_bar(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES)
    widget.open_find()
    bar = widget.find_bar
    press(widget, *"line 19")
    qtbot.waitUntil(lambda: bar.next.isEnabled())
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        for _ in range(8):
            press(widget, key, "q", Qt.Key.Key_Return)
            focus = QApplication.focusWidget()
            assert focus is not None
            assert bar.isAncestorOf(focus)
    assert typed == []
    # The button that has the keyboard is disabled when nothing is found any more.
    bar.next.setFocus()
    bar.text.setText("absent")
    bar.search()
    qtbot.waitUntil(lambda: not bar.next.isEnabled())
    press(widget, "z")
    assert typed == []
    press(widget, Qt.Key.Key_Escape, "t")
    assert not bar.isVisible()
    assert typed == [b"t"]


def test_a_click_on_the_cross_gives_the_keyboard_back(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    widget.open_find()
    press(widget, "a")
    qtbot.mouseClick(widget.find_bar.close_button, Qt.MouseButton.LeftButton)
    press(widget, "b")
    assert typed == [b"b"]


def test_one_comes_back_to_the_bar_one_typed_into(qtbot: QtBot, typed: list[bytes],
    widget: TerminalWidget) -> None:  # fmt: skip
    widget.open_find()
    widget.take_focus()
    assert widget.find_bar.text.hasFocus()
    widget.setFocus()
    widget.take_focus()
    assert widget.hasFocus()
    widget.find_bar.text.setFocus()
    widget.find_bar.close_bar()
    widget.take_focus()
    assert widget.hasFocus()


def test_the_reconnect_button_hands_the_keyboard_to_its_own_terminal(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    widget.set_ended("Over.", "Reconnect", widget.clear)
    qtbot.mouseClick(widget.ended_bar.button, Qt.MouseButton.LeftButton)
    assert not widget.ended
    assert widget.hasFocus()
