"""The real widget: keys, size, title, bell, end, and what programs set."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction, QGuiApplication, QInputMethodEvent, QKeyEvent, QKeySequence

from engine.core.settings import UiSettings
from engine.emulator import CursorShape
from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import (
    CTRL,
    CTRL_SHIFT,
    LINES,
    NONE,
    SHIFT,
    show,
    sized,
    wheel,
)

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


def test_typing_reaches_typed(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    qtbot.keyClicks(widget, "ls -l")
    qtbot.keyClick(widget, Qt.Key.Key_Return)
    assert b"".join(typed) == b"ls -l\r"


def test_ctrl_c_interrupts_even_with_a_selection(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, "text")
    widget.select_all()
    QGuiApplication.clipboard().setText("before")
    qtbot.keyClick(widget, Qt.Key.Key_C, CTRL)
    assert typed == [b"\x03"]
    assert QGuiApplication.clipboard().text() == "before"


def test_arrows_in_both_modes(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    qtbot.keyClick(widget, Qt.Key.Key_Up)
    show(qtbot, widget, b"\x1b[?1h")
    qtbot.keyClick(widget, Qt.Key.Key_Up)
    assert typed == [b"\x1b[A", b"\x1bOA"]


def test_tab_and_backtab_are_keys(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    qtbot.keyClick(widget, Qt.Key.Key_Tab)
    qtbot.keyClick(widget, Qt.Key.Key_Backtab, SHIFT)
    assert typed == [b"\t", b"\x1b[Z"]
    assert widget.hasFocus()


@pytest.mark.parametrize(
    ("key", "modifiers", "kept"),
    [
        (Qt.Key.Key_C, CTRL, True),
        (Qt.Key.Key_T, CTRL, True),
        (Qt.Key.Key_W, CTRL, True),
        (Qt.Key.Key_F1, NONE, True),
        (Qt.Key.Key_T, CTRL_SHIFT, False),
        (Qt.Key.Key_PageDown, CTRL, False),
        (Qt.Key.Key_Plus, CTRL, False),
        (Qt.Key.Key_Minus, CTRL, False),
        (Qt.Key.Key_Underscore, CTRL_SHIFT, True),
    ],
)
def test_which_keys_the_windows_shortcuts_may_have(
    widget: TerminalWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier, kept: bool
) -> None:
    command = QAction("New tab", widget.window())
    command.setShortcuts([QKeySequence("Ctrl+Shift+T"), QKeySequence("Ctrl+PgDown")])
    command.setEnabled(False)
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers)
    event.ignore()
    QCoreApplication.sendEvent(widget, event)
    assert event.isAccepted() is kept


def test_answers_to_the_program_leave_as_typed(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"ab\x1b[6n")
    assert typed == [b"\x1b[1;3R"]


def test_input_method_text_is_typed_and_its_place_known(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, "ab")
    event = QInputMethodEvent("にほ", [])
    QCoreApplication.sendEvent(widget, event)
    assert typed == []
    event = QInputMethodEvent()
    event.setCommitString("日本")
    QCoreApplication.sendEvent(widget, event)
    assert typed == ["日本".encode()]
    place = widget.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
    assert place.left() == int(widget.appearance.cells.rect(0, 2).left())


def test_focus_is_reported_when_asked_for(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"\x1b[?1004h")
    widget.clearFocus()
    widget.setFocus()
    assert typed == [b"\x1b[O", b"\x1b[I"]


def test_resizing_reports_the_new_size_once(qtbot: QtBot, widget: TerminalWidget) -> None:
    sizes: list[tuple[int, int]] = []
    widget.resized.connect(lambda cols, rows: sizes.append((cols, rows)))
    for cols in (41, 42, 43, 44, 50):
        sized(widget, cols, 12)
    qtbot.waitUntil(lambda: bool(sizes))
    assert sizes == [(50, 12)]
    assert (widget.terminal.cols, widget.terminal.rows) == (50, 12)


def test_the_first_size_is_reported_when_shown(qtbot: QtBot) -> None:
    widget = TerminalWidget()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.resized):
        widget.show()


def test_zoom_by_keys_and_wheel_changes_the_grid(qtbot: QtBot, widget: TerminalWidget) -> None:
    points = widget.appearance.font_points
    qtbot.keyClick(widget, Qt.Key.Key_Plus, CTRL)
    qtbot.keyClick(widget, Qt.Key.Key_Plus, CTRL)
    assert widget.appearance.font_points == points + 2
    qtbot.waitUntil(lambda: widget.terminal.cols < 40)
    wheel(widget, angle=-120, held=CTRL)
    assert widget.appearance.font_points == points + 1
    qtbot.keyClick(widget, Qt.Key.Key_0, CTRL)
    assert widget.appearance.font_points == points
    qtbot.waitUntil(lambda: widget.terminal.cols == 40)
    for _ in range(100):
        widget.zoom(-1)
    assert widget.appearance.font_points == 5


def test_title_and_bell(qtbot: QtBot, widget: TerminalWidget) -> None:
    titles: list[str] = []
    widget.titleChanged.connect(titles.append)
    with qtbot.waitSignal(widget.bell):
        widget.feed(b"\x1b]0;make\x07\x07")
    assert titles == ["make"]


def test_an_ended_terminal_is_quiet_until_cleared(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    pressed: list[bool] = []
    widget.set_ended("The shell ended.", "Reconnect", lambda: pressed.append(True))
    assert widget.ended_bar.isVisible()
    assert widget.ended_bar.label.text() == "The shell ended."
    qtbot.keyClicks(widget, "x")
    widget.clipboard.paste_text("x")
    show(qtbot, widget, b"\x1b[6n")
    assert typed == []
    widget.ended_bar.button.click()
    assert pressed == [True]
    widget.clear()
    assert not widget.ended_bar.isVisible()
    qtbot.keyClicks(widget, "x")
    assert typed == [b"x"]


def test_no_action_no_button(widget: TerminalWidget) -> None:
    widget.set_ended("Over.")
    assert not widget.ended_bar.button.isVisible()
    widget.clear()
    assert not widget.ended


def test_clear_forgets_all_and_reset_keeps_history(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES + b"\x1b[?1h")
    widget.reset()
    assert widget.terminal.text() == [""] * 10
    assert not widget.terminal.application_cursor
    assert widget.terminal.scrollback
    widget.clear()
    assert not widget.terminal.scrollback


def test_clear_counts_what_was_not_parsed_as_rendered(qtbot: QtBot, widget: TerminalWidget) -> None:
    counted: list[int] = []
    widget.rendered.connect(counted.append)
    widget.feed(b"x" * 1000)
    widget.clear()
    qtbot.waitUntil(lambda: sum(counted) == 1000)
    assert widget.terminal.text()[0] == ""


def test_it_has_a_name_for_screen_readers(widget: TerminalWidget) -> None:
    assert widget.accessibleName() == "Terminal"


@pytest.mark.parametrize(
    ("output", "key", "held", "sent"),
    [
        ("\x1b[20h", Qt.Key.Key_Return, NONE, b"\r\n"),
        ("\x1b[?67h", Qt.Key.Key_Backspace, NONE, b"\b"),
        ("\x1b[>4;2m", Qt.Key.Key_I, CTRL, b"\x1b[27;5;105~"),
        ("\x1b[>4;2m\x1b[>4;1f", Qt.Key.Key_I, CTRL, b"\x1b[105;5u"),
        ("\x1b[>1u", Qt.Key.Key_I, CTRL, b"\x1b[105;5u"),
        ("\x1b[>1u\x1b[<u", Qt.Key.Key_I, CTRL, b"\t"),
    ],
)
def test_modes_of_the_keyboard(
    qtbot: QtBot,
    widget: TerminalWidget,
    typed: list[bytes],
    output: str,
    key: Qt.Key,
    held: Qt.KeyboardModifier,
    sent: bytes,
) -> None:
    show(qtbot, widget, output)
    qtbot.keyClick(widget, key, held)
    assert typed == [sent]


def test_releases_are_reported_to_programs_that_ask(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, "\x1b[>3u")
    qtbot.keyClick(widget, Qt.Key.Key_Up)
    assert typed == [b"\x1b[A", b"\x1b[1;1:3A"]


def test_colors_are_answered_and_changed(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    widget.set_theme(dark=True)
    show(qtbot, widget, "\x1b]11;?\x1b\\")
    rgb = widget.theme.background
    parts = "/".join(f"{rgb >> shift & 255:02x}" * 2 for shift in (16, 8, 0))
    assert parts.replace("/", "") in typed[0].decode().replace("/", "")
    show(qtbot, widget, "\x1b]11;#102030\x1b\\")
    qtbot.waitUntil(lambda: widget.appearance.painter.theme.background == 0x102030)
    show(qtbot, widget, "\x1b]111\x1b\\")
    qtbot.waitUntil(lambda: widget.appearance.painter.theme.background == rgb)


def test_the_cursor_is_the_persons_until_a_program_chooses(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    widget.apply(UiSettings(cursor_shape="bar", cursor_blink=False))
    assert widget.terminal.cursor_shape is CursorShape.BAR
    assert not widget.terminal.cursor_blink
    show(qtbot, widget, "\x1b[1 q")
    widget.apply(UiSettings(cursor_shape="underline"))
    assert widget.terminal.cursor_shape is CursorShape.BLOCK
    show(qtbot, widget, "\x1b[0 q")
    assert widget.terminal.cursor_shape is CursorShape.UNDERLINE
    show(qtbot, widget, "\x1b[1 q\x1bc")
    assert widget.terminal.cursor_shape is CursorShape.UNDERLINE


def test_the_clipboard_is_a_programs_only_with_permission(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    QGuiApplication.clipboard().setText("before")
    show(qtbot, widget, "\x1b]52;c;aGk=\x07")
    assert QGuiApplication.clipboard().text() == "before"
    widget.apply(UiSettings(clipboard_write=True))
    show(qtbot, widget, "\x1b]52;c;aGk=\x07")
    assert QGuiApplication.clipboard().text() == "hi"


def test_whoever_lets_programs_copy_sees_why_a_text_was_not(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    QGuiApplication.clipboard().setText("before")
    much = f"\x1b]52;c;{'QUJD' * 70_000}\x07"
    show(qtbot, widget, much)
    assert not widget.hint.isVisible()
    widget.apply(UiSettings(clipboard_write=True))
    show(qtbot, widget, f"\x1b]52;c;{'QUJD' * 65_000}\x07")
    assert QGuiApplication.clipboard().text() == "ABC" * 65_000
    assert not widget.hint.isVisible()
    show(qtbot, widget, much)
    assert QGuiApplication.clipboard().text() == "ABC" * 65_000
    assert "192 KiB" in widget.hint.text()
    assert widget.hint.isVisible()


def test_a_deleted_terminal_frees_its_history(qapp: QApplication) -> None:
    widget = TerminalWidget()
    widget.context_menu().deleteLater()
    # The widget owns the emulator, which cannot be referenced weakly where it is compiled.
    owner = weakref.ref(widget)
    widget.deleteLater()
    del widget
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert owner() is None
