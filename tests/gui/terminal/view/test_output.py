"""Frames: one paint at most in each, the loop free while output floods, held-back frames."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt

from gui.terminal.view.output import FRAME_MS
from tests.gui.terminal.acts import CTRL, show

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


class Paints(QObject):
    """When a widget was painted, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.times.append(time.perf_counter())
        return False


def test_there_is_at_most_one_paint_a_frame(qtbot: QtBot, widget: TerminalWidget) -> None:
    paints = Paints()
    widget.viewport().installEventFilter(paints)
    began = QElapsedTimer()
    began.start()
    for _ in range(200):
        show(qtbot, widget, b"y\r\n" * 50)
    frames = began.elapsed() / FRAME_MS
    assert 1 <= len(paints.times) <= frames + 2
    close = [after - before for before, after in pairwise(paints.times)]
    # Two of them come nearer only when the first was late.
    assert sum(close) / len(close) >= FRAME_MS * 0.9 / 1000


def test_nothing_is_painted_when_nothing_changes(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "\x1b[2 qtext")
    paints = Paints()
    widget.viewport().installEventFilter(paints)

    def frame_without_paint() -> bool:
        before = len(paints.times)
        show(qtbot, widget, "\x1b[1;5H" * 20)
        return len(paints.times) == before

    # The window system may still ask for one or two of its own after showing it.
    qtbot.waitUntil(frame_without_paint)
    assert all(frame_without_paint() for _ in range(5))


def test_keys_menu_and_ctrl_c_work_at_once_while_yes_runs(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    data = b"y\r\n" * 2_000_000
    widget.feed(data)
    slices = 0

    def count(_: int) -> None:
        nonlocal slices
        slices += 1

    widget.rendered.connect(count)
    qtbot.waitUntil(lambda: slices >= 3)
    asked = QElapsedTimer()
    asked.start()
    qtbot.keyClick(widget, Qt.Key.Key_A)
    qtbot.keyClick(widget, Qt.Key.Key_C, CTRL)
    menu = widget.context_menu()
    menu.popup(widget.mapToGlobal(widget.rect().center()))
    qtbot.waitUntil(menu.isVisible)
    took = asked.elapsed()
    assert widget.output.queued > 0, "the flood was over too soon to test anything"
    assert typed == [b"a", b"\x03"]
    assert took < 500
    menu.close()
    # As when the program dies of Ctrl+C: what is still queued goes, and counts.
    widget.clear()


def test_a_frame_is_held_back_but_not_for_long(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "\x1b[?2026hhalf")
    qtbot.waitUntil(lambda: widget.rows.shown[0][1].text == "half", timeout=2000)
