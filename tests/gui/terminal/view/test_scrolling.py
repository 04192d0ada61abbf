"""Which rows are in view: ends, reveals, and what stays while text comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from tests.gui.terminal.acts import CTRL_SHIFT, LINES, SHIFT, show, sized

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


def texts(widget: TerminalWidget) -> list[str]:
    return [line.text for _, line, _ in widget.rows.shown]


def test_to_the_ends_by_key(qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]) -> None:
    show(qtbot, widget, LINES)
    qtbot.keyClick(widget, Qt.Key.Key_Home, SHIFT)
    assert texts(widget)[0] == "line 0"
    assert not widget.scrolling.following
    qtbot.keyClick(widget, Qt.Key.Key_End, SHIFT)
    assert texts(widget)[-1] == "end"
    assert widget.scrolling.following
    assert typed == []


def test_on_the_alternate_screen_these_keys_are_the_programs(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, LINES + b"\x1b[?1049h")
    qtbot.keyClick(widget, Qt.Key.Key_Home, SHIFT)
    qtbot.keyClick(widget, Qt.Key.Key_PageUp, SHIFT)
    assert typed == [b"\x1b[1;2H", b"\x1b[5;2~"]


def test_reveal_scrolls_only_when_it_must(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES)
    top = widget.scrolling.top
    widget.scrolling.reveal(top + 3)
    assert widget.scrolling.top == top
    widget.scrolling.reveal(20)
    assert "line 20" in texts(widget)
    assert texts(widget)[0] != "line 20"


def test_without_marked_prompts_there_is_no_jump(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES)
    top = widget.scrolling.top
    assert not widget.scrolling.to_prompt(-1)
    assert widget.scrolling.top == top


def test_jumps_from_prompt_to_prompt(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    shell = "".join(
        f"\x1b]133;A\x07$ run {n}\r\n" + "".join(f"out {n}.{k}\r\n" for k in range(15))
        for n in range(4)
    )
    show(qtbot, widget, shell + "\x1b]133;A\x07$ ")
    for expected in ("$ run 3", "$ run 2"):
        qtbot.keyClick(widget, Qt.Key.Key_Up, CTRL_SHIFT)
        assert texts(widget)[0] == expected
    qtbot.keyClick(widget, Qt.Key.Key_Down, CTRL_SHIFT)
    assert texts(widget)[0] == "$ run 3"
    qtbot.keyClick(widget, Qt.Key.Key_Down, CTRL_SHIFT)
    qtbot.keyClick(widget, Qt.Key.Key_Down, CTRL_SHIFT)
    assert texts(widget)[-1] == "$"
    assert typed == []


def test_the_line_at_the_top_of_the_view_stays_there_at_another_width(
    qtbot: QtBot, widget: TerminalWidget
) -> None:
    show(qtbot, widget, b"".join(b"line %d %s\r\n" % (n, b"x" * 60) for n in range(100)))
    widget.scrolling.by(-91)
    cols, rows = widget.terminal.cols, widget.terminal.rows
    top = texts(widget)[0].split()[:2]
    assert top[0] == "line"
    for width in (30, 71, 100, 20, cols):
        sized(widget, width, rows)
        qtbot.waitUntil(lambda width=width: widget.terminal.cols == width)
        qtbot.waitUntil(lambda: texts(widget)[0].split()[:2] == top)
    assert not widget.scrolling.following
