"""The real widget: wheel, pages, and what stays in view while more arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import (
    LEFT,
    LINES,
    SHIFT,
    cell,
    show,
    wheel,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


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
    widget.scrolling.by(-20)
    before = top_text(widget)
    show(qtbot, widget, LINES)
    assert top_text(widget) == before
    widget.scrolling.to_bottom()
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


def test_a_fine_wheel_is_reported_by_whole_steps(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"\x1b[?1000h\x1b[?1006h")
    for _ in range(6):
        wheel(widget, angle=40)
    assert len(typed) == 2
    typed.clear()
    height = round(widget.cell_size[1])
    for _ in range(6):
        wheel(widget, pixels=-height)
    assert len(typed) == 2
    assert all(data.startswith(b"\x1b[<65;") for data in typed)


def test_a_release_goes_where_its_press_went(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    show(qtbot, widget, b"\x1b[?1002h\x1b[?1006h")
    place = cell(widget, 1, 2)
    qtbot.mousePress(widget.viewport(), LEFT, pos=place)
    qtbot.mouseRelease(widget.viewport(), LEFT, SHIFT, pos=place)
    assert typed == [b"\x1b[<0;3;2M", b"\x1b[<0;3;2m"]
    typed.clear()
    qtbot.mousePress(widget.viewport(), LEFT, SHIFT, pos=place)
    qtbot.mouseRelease(widget.viewport(), LEFT, pos=place)
    assert typed == []
