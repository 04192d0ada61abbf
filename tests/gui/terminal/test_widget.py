"""The real widget: typing, pasting, resizing, scrolling, selecting, ending."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QDialogButtonBox, QMessageBox, QPushButton

from engine.emulator import CursorShape
from engine.settings import UiSettings
from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import (
    CTRL,
    CTRL_SHIFT,
    LEFT,
    LINES,
    NONE,
    SHIFT,
    cell,
    drag,
    move_held,
    show,
    sized,
    wheel,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

# -- keys


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
    assert place.left() == int(widget.cell_rect(0, 2).left())


def test_focus_is_reported_when_asked_for(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"\x1b[?1004h")
    widget.clearFocus()
    widget.setFocus()
    assert typed == [b"\x1b[O", b"\x1b[I"]


# -- clipboard


def test_paste_by_key_is_cleaned(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    QGuiApplication.clipboard().setText("echo \x1b[31mhi")
    qtbot.keyClick(widget, Qt.Key.Key_V, CTRL_SHIFT)
    assert typed == [b"echo [31mhi"]


def test_bracketed_paste(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    show(qtbot, widget, b"\x1b[?2004h")
    widget.paste_text("a\nb\x1b[201~c")
    assert typed == [b"\x1b[200~a\rb[201~c\x1b[201~"]


@pytest.mark.parametrize("accept", [True, False])
def test_several_lines_are_asked_about(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes], accept: bool
) -> None:
    widget.paste_text("one\ntwo\n")
    box = widget.clipboard.question
    assert isinstance(box, QMessageBox)
    assert "2 lines" in box.text()
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
    widget.copy()
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


# -- size


def test_resizing_tells_the_new_size_once(qtbot: QtBot, widget: TerminalWidget) -> None:
    sizes: list[tuple[int, int]] = []
    widget.resized.connect(lambda cols, rows: sizes.append((cols, rows)))
    for cols in (41, 42, 43, 44, 50):
        sized(widget, cols, 12)
    qtbot.waitUntil(lambda: bool(sizes))
    assert sizes == [(50, 12)]
    assert (widget.terminal.cols, widget.terminal.rows) == (50, 12)


def test_the_first_size_is_told_when_shown(qtbot: QtBot) -> None:
    widget = TerminalWidget()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.resized):
        widget.show()


def test_zoom_by_keys_and_wheel_changes_the_grid(qtbot: QtBot, widget: TerminalWidget) -> None:
    points = widget.font_points
    qtbot.keyClick(widget, Qt.Key.Key_Plus, CTRL)
    qtbot.keyClick(widget, Qt.Key.Key_Plus, CTRL)
    assert widget.font_points == points + 2
    qtbot.waitUntil(lambda: widget.terminal.cols < 40)
    wheel(widget, angle=-120, held=CTRL)
    assert widget.font_points == points + 1
    qtbot.keyClick(widget, Qt.Key.Key_0, CTRL)
    assert widget.font_points == points
    qtbot.waitUntil(lambda: widget.terminal.cols == 40)
    for _ in range(100):
        widget.zoom(-1)
    assert widget.font_points == 5


# -- scrolling


def top_text(widget: TerminalWidget) -> str:
    bar = widget.verticalScrollBar()
    index = bar.value() - len(widget.terminal.scrollback)
    return widget.terminal.line(index).text


def test_wheel_scrolls_history_and_typing_returns(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES)
    bar = widget.verticalScrollBar()
    assert bar.value() == bar.maximum() == 91
    wheel(widget, angle=120)
    assert bar.value() == 88
    wheel(widget, angle=40)
    assert bar.value() == 87
    height = round(widget.cell_size[1])
    wheel(widget, pixels=-height)
    assert bar.value() == 88
    assert typed == []
    qtbot.keyClicks(widget, "x")
    assert bar.value() == bar.maximum()


def test_pages_by_key(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    show(qtbot, widget, LINES)
    bar = widget.verticalScrollBar()
    qtbot.keyClick(widget, Qt.Key.Key_PageUp, SHIFT)
    assert bar.value() == 91 - 9
    qtbot.keyClick(widget, Qt.Key.Key_PageDown, SHIFT)
    assert bar.value() == 91
    assert typed == []


def test_the_text_in_view_stays_while_more_arrives(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES)
    widget.scroll_lines(-20)
    before = top_text(widget)
    show(qtbot, widget, LINES)
    assert top_text(widget) == before
    widget.scroll_to_bottom()
    show(qtbot, widget, LINES)
    bar = widget.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_the_text_in_view_goes_when_history_forgets_it(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    show(qtbot, widget, LINES)
    widget.verticalScrollBar().setValue(0)
    show(qtbot, widget, LINES * 101)
    assert widget.verticalScrollBar().value() == 0


def test_wheel_in_the_alternate_screen_sends_arrows(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES + b"\x1b[?1049h")
    bar = widget.verticalScrollBar()
    assert bar.minimum() == bar.maximum()
    wheel(widget, angle=-120)
    wheel(widget, angle=120)
    assert typed == [b"\x1b[B" * 3, b"\x1b[A" * 3]


def test_wheel_and_clicks_go_to_a_program_that_asks(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"\x1b[?1000h\x1b[?1006h")
    wheel(widget, angle=120)
    assert typed[0].startswith(b"\x1b[<64;")
    typed.clear()
    qtbot.mouseClick(widget.viewport(), LEFT, pos=cell(widget, 1, 2))
    assert typed == [b"\x1b[<0;3;2M", b"\x1b[<0;3;2m"]
    typed.clear()
    qtbot.mouseClick(widget.viewport(), LEFT, SHIFT, pos=cell(widget, 1, 2))
    assert typed == []


# -- selection


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
    assert not widget.pointer.auto_scroll.isActive()


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


# -- title, bell, end


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
    widget.paste_text("x")
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
    widget.set_alive()
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


# -- what programs set


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


def test_releases_are_told_to_those_who_ask(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, "\x1b[>3u")
    qtbot.keyClick(widget, Qt.Key.Key_Up)
    assert typed == [b"\x1b[A", b"\x1b[1;1:3A"]


def test_colours_are_answered_and_changed(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    widget.set_theme(dark=True)
    show(qtbot, widget, "\x1b]11;?\x1b\\")
    rgb = widget.theme.background
    parts = "/".join(f"{rgb >> shift & 255:02x}" * 2 for shift in (16, 8, 0))
    assert parts.replace("/", "") in typed[0].decode().replace("/", "")
    show(qtbot, widget, "\x1b]11;#102030\x1b\\")
    qtbot.waitUntil(lambda: widget.painter.theme.background == 0x102030)
    show(qtbot, widget, "\x1b]111\x1b\\")
    qtbot.waitUntil(lambda: widget.painter.theme.background == rgb)


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
