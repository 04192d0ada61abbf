"""Strips ask without taking the keyboard, and nothing answers them by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QPushButton, QStatusBar

from gui.kit.attention import MAX_UNDOS, Attention
from tests.gui.keyboard import activate, press, spin

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.kit.icons import Icons
    from gui.kit.strips import Notice, Strip

LEFT = Qt.MouseButton.LeftButton


class Desk:
    """A window with a field one types into, and the place where strips are shown."""

    def __init__(self, qtbot: QtBot, icons: Icons) -> None:
        self.window = QMainWindow()
        self.field = QLineEdit()
        self.window.setCentralWidget(self.field)
        bar = QStatusBar()
        self.window.setStatusBar(bar)
        self.attention = Attention(icons, bar)
        self.window.resize(900, 300)
        qtbot.addWidget(self.window)
        activate(self.window)
        self.field.setFocus()
        self.said: list[str] = []

    def ask(self, name: str = "yes") -> Notice:
        return self.attention.ask("Do it?", "It matters.", name, lambda: self.said.append(name))

    def undo(self, name: str, seconds: float = 60.0) -> Notice:
        return self.attention.undo(
            f"Did {name}",
            lambda: self.said.append(f"undone {name}"),
            lambda: self.said.append(f"final {name}"),
            seconds=seconds,
            now="Now",
        )

    def button(self, text: str, strip: Strip | None = None) -> QPushButton:
        shown = strip or self.attention.shown
        assert shown is not None
        return next(b for b in shown.findChildren(QPushButton) if b.text() == text)

    def live(self) -> None:
        spin(lambda: all(c.isEnabled() for c in self._controls()))

    def held(self) -> bool:
        return not any(c.isEnabled() for c in self._controls())

    def _controls(self) -> list[QPushButton]:
        assert self.attention.shown is not None
        return self.attention.shown.findChildren(QPushButton)


@pytest.fixture
def desk(qtbot: QtBot, icons: Icons) -> Desk:
    return Desk(qtbot, icons)


def test_a_strip_takes_no_key_and_moves_nothing(desk: Desk) -> None:
    before = desk.field.geometry()
    press(desk.window, "a")
    desk.ask()
    assert desk.attention.isVisible()
    press(desk.window, "b", Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Escape, "c")
    desk.live()
    press(desk.window, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Escape, "d")
    assert desk.field.text() == "ab c d"
    assert desk.field.hasFocus()
    assert desk.said == []
    assert desk.field.geometry() == before


def test_a_press_aimed_at_what_was_there_before_answers_nothing(desk: Desk) -> None:
    desk.ask()
    QTest.mouseClick(desk.button("yes"), LEFT)
    assert desk.said == []
    desk.live()
    QTest.mouseClick(desk.button("yes"), LEFT)
    assert desk.said == ["yes"]
    # The keyboard stayed where it was.
    assert desk.field.hasFocus()
    assert not desk.attention.isVisible()


def test_while_keys_are_pressed_nothing_can_be_clicked(desk: Desk) -> None:
    desk.ask()
    for _ in range(8):
        # Each is earlier than the guard's end, together they are later.
        QTest.qWait(100)
        press(desk.window, "x")
    assert desk.held()
    desk.live()


def test_a_strip_that_changed_places_is_held_again(desk: Desk) -> None:
    desk.ask()
    desk.live()
    desk.window.resize(700, 300)
    QApplication.processEvents()
    assert desk.held()


def test_a_press_that_began_on_another_strip_answers_nothing(desk: Desk) -> None:
    desk.ask("first")
    desk.live()
    button = desk.button("first")
    QTest.mousePress(button, LEFT)
    desk.ask("second")
    QTest.mouseRelease(desk.button("second"), LEFT)
    QTest.mouseRelease(button, LEFT)
    assert desk.said == []


def test_one_goes_there_by_key_and_back_by_escape(desk: Desk) -> None:
    desk.ask()
    desk.live()
    assert desk.attention.enter()
    # Nothing that can be pressed has the keyboard at first.
    press(desk.window, Qt.Key.Key_Space, Qt.Key.Key_Return, "y")
    assert desk.said == []
    assert desk.field.text() == ""
    press(desk.window, Qt.Key.Key_Escape, "z")
    assert desk.field.text() == "z"
    assert desk.said == []
    desk.attention.enter()
    press(desk.window, Qt.Key.Key_Tab, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is desk.button("yes")
    press(desk.window, Qt.Key.Key_Return)
    assert desk.said == ["yes"]
    press(desk.window, "!")
    assert desk.field.text() == "z!"


def test_tab_stays_there(desk: Desk) -> None:
    desk.ask()
    desk.ask()
    desk.live()
    desk.attention.enter()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        for _ in range(7):
            press(desk.window, key)
            assert desk.attention.has_focus()


def test_nothing_to_go_to(desk: Desk) -> None:
    assert not desk.attention.enter()
    assert desk.field.hasFocus()


def test_several_are_counted_and_turned_over(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.ask(name)
    assert desk.attention.count.text() == "1 of 3"
    desk.attention.step(-1)
    assert desk.attention.count.text() == "3 of 3"
    assert desk.button("a").isVisible()
    desk.attention.enter()
    press(desk.window, Qt.Key.Key_Right)
    assert desk.button("c").isVisible()
    desk.live()
    press(desk.window, Qt.Key.Key_Tab)
    # The control that had the keyboard is disabled with the next strip: it stays there.
    desk.attention.step(1)
    assert desk.attention.has_focus()
    assert desk.said == []


def test_an_act_is_undone_or_final_and_never_both(desk: Desk) -> None:
    notice = desk.undo("it")
    desk.live()
    QTest.mouseClick(desk.button("Undo"), LEFT)
    notice.finish()
    assert desk.said == ["undone it"]
    desk.undo("that")
    desk.live()
    QTest.mouseClick(desk.button("Now"), LEFT)
    assert desk.said == ["undone it", "final that"]
    desk.undo("this", seconds=0.05)
    spin(lambda: len(desk.said) == 3)
    assert desk.said[-1] == "final this"
    assert not desk.attention.isVisible()


def test_acts_to_undo_are_bounded_and_the_oldest_becomes_final(desk: Desk) -> None:
    for at in range(MAX_UNDOS + 2):
        desk.undo(str(at))
    assert desk.said == ["final 0", "final 1"]
    assert len(desk.attention.strips) == MAX_UNDOS
    desk.attention.finish()
    assert len(desk.said) == MAX_UNDOS + 2


def test_time_that_runs_out_while_one_is_there_hands_no_key_on(desk: Desk) -> None:
    desk.undo("it", seconds=0.05)
    desk.attention.enter()
    spin(lambda: desk.said == ["final it"])
    press(desk.window, Qt.Key.Key_Space, "x")
    assert desk.field.text() == ""
    assert desk.attention.has_focus()
    press(desk.window, Qt.Key.Key_Escape, "y")
    assert desk.field.text() == "y"
    QApplication.processEvents()
    assert not desk.attention.isVisible()


def test_who_had_the_keyboard_is_gone_and_nobody_else_gets_it(desk: Desk) -> None:
    other = QLineEdit(desk.window)
    other.setGeometry(0, 0, 50, 20)
    other.show()
    desk.ask()
    desk.live()
    desk.attention.enter()
    desk.field.hide()
    press(desk.window, Qt.Key.Key_Escape, "x")
    assert other.text() == ""
    assert not other.hasFocus()


def test_a_click_beside_the_buttons_is_nothing(desk: Desk) -> None:
    desk.ask()
    desk.live()
    QTest.mouseClick(desk.attention, LEFT, pos=QPoint(200, 5))
    assert desk.field.hasFocus()
    assert desk.said == []
