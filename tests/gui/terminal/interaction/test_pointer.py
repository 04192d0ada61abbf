"""The real widget: selecting by mouse, and what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import (
    CTRL_SHIFT,
    LEFT,
    LINES,
    SHIFT,
    cell,
    drag,
    move_held,
    show,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_dragging_selects_characters(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "hello world\r\nsecond")
    drag(qtbot, widget, cell(widget, 0, 6), cell(widget, 1, 3))
    assert widget.selected_text() == "world\nsec"
    qtbot.keyClick(widget, Qt.Key.Key_C, CTRL_SHIFT)
    assert QGuiApplication.clipboard().text() == "world\nsec"


def test_wrapped_lines_are_one_line_again(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "x" * 45 + "\r\nnext   \r\n")
    widget.select_all()
    assert widget.selected_text().rstrip("\n") == "x" * 45 + "\nnext"


def test_wide_characters_are_selected_whole(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "a日本b")
    drag(qtbot, widget, cell(widget, 0, 1), cell(widget, 0, 3))
    assert widget.selected_text() == "日"


def test_double_click_selects_a_word_and_triple_the_line(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    show(qtbot, widget, "see (/usr/share/doc-1.txt) " + "y" * 20)
    place = cell(widget, 0, 8)
    qtbot.mouseClick(widget.viewport(), LEFT, pos=place)
    qtbot.mouseDClick(widget.viewport(), LEFT, pos=place)
    assert widget.selected_text() == "/usr/share/doc-1.txt"
    qtbot.mouseClick(widget.viewport(), LEFT, pos=place)
    assert widget.selected_text() == "see (/usr/share/doc-1.txt) " + "y" * 20


def test_shift_click_extends(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "hello world")
    qtbot.mouseClick(widget.viewport(), LEFT, pos=cell(widget, 0, 2))
    assert widget.selected_text() == ""
    qtbot.mouseClick(widget.viewport(), LEFT, SHIFT, pos=cell(widget, 0, 8))
    assert widget.selected_text() == "llo wo"


def test_dragging_out_of_the_window_scrolls(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES)
    qtbot.mousePress(widget.viewport(), LEFT, pos=cell(widget, 5, 0))
    move_held(widget, QPoint(20, -30))
    bar = widget.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() < 80)
    qtbot.mouseRelease(widget.viewport(), LEFT, pos=QPoint(20, -30))
    value = bar.value()
    assert len(widget.selected_text().splitlines()) >= 91 - value
    assert not widget.pointer.auto_scrolling


def test_a_selection_stays_on_its_text_and_goes_when_that_changes(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    show(qtbot, widget, "one two\r\n")
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 3))
    show(qtbot, widget, b"more\r\n" * 30)
    assert widget.selected_text() == "one"
    widget.verticalScrollBar().setValue(widget.verticalScrollBar().maximum())
    drag(qtbot, widget, cell(widget, 0, 3), cell(widget, 0, 1))
    assert widget.selected_text() == "or"
    show(qtbot, widget, b"\x1b[1;2HX")
    assert widget.selected_text() == ""
