"""The host is warned before an idle guest is disconnected, without a key being taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow, QPushButton, QStatusBar

from engine.control.commands import KeepOpen
from engine.core.events import SessionClosed, SessionCreated, SessionIdle
from engine.core.model import Guest
from gui.kit.attention import Attention
from gui.panels.approvals.idle import IdleStrip, IdleWarnings
from gui.panels.sessions.panel import SessionsPanel
from tests.gui.keyboard import activate, press, spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from engine.core.events import EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.fake_control import FakeControl


class Host:
    def __init__(self, qtbot: QtBot, adapter: EngineAdapter, icons: Icons) -> None:
        self.window = QMainWindow()
        self.field = QLineEdit()
        self.window.setCentralWidget(self.field)
        bar = QStatusBar()
        self.window.setStatusBar(bar)
        self.attention = Attention(icons, bar)
        self.panel = SessionsPanel(adapter, icons)
        qtbot.addWidget(self.panel)
        self.warnings = IdleWarnings(adapter, icons, self.attention, self.panel.model)
        self.window.resize(800, 300)
        qtbot.addWidget(self.window)
        activate(self.window)
        self.field.setFocus()

    def idle_cell(self, role: Qt.ItemDataRole) -> object:
        model = self.panel.model
        return model.index(0, model.columnCount() - 1).data(role)


@pytest.fixture
def host(qtbot: QtBot, adapter: EngineAdapter, icons: Icons, bus: EventBus) -> Host:
    host = Host(qtbot, adapter, icons)
    bus.publish(SessionCreated(session_id="s1", device_id="web-1", guest=Guest("Maria")))
    return host


def test_it_says_whose_terminal_closes_when_and_keeps_it(
    host: Host, control: FakeControl, bus: EventBus, settle: Callable[[], None]
) -> None:
    bus.publish(SessionIdle(session_id="s1", seconds=30.5))
    strip = host.attention.shown
    assert isinstance(strip, IdleStrip)
    assert strip.title.text() == "The terminal of Maria in web-1"
    assert strip.ends.text() == "closes in 30 s, no activity"
    press(host.window, "a", Qt.Key.Key_Space)
    assert host.field.text() == "a "
    (keep,) = strip.findChildren(QPushButton)
    spin(keep.isEnabled)
    QTest.mouseClick(keep, Qt.MouseButton.LeftButton)
    settle()
    assert control.commands == [KeepOpen("s1")]
    assert host.field.hasFocus()
    assert not host.attention.isVisible()


def test_the_table_marks_it_until_it_is_used_again(host: Host, bus: EventBus) -> None:
    assert host.idle_cell(Qt.ItemDataRole.DecorationRole) is None
    bus.publish(SessionIdle(session_id="s1", seconds=30))
    assert host.idle_cell(Qt.ItemDataRole.DecorationRole) is not None
    assert host.idle_cell(Qt.ItemDataRole.ToolTipRole) == "Closes soon: no activity"
    bus.publish(SessionIdle(session_id="s1", seconds=None))
    assert host.idle_cell(Qt.ItemDataRole.DecorationRole) is None
    assert not host.attention.isVisible()


def test_it_goes_with_the_session_and_unknown_ones_are_nothing(host: Host, bus: EventBus) -> None:
    bus.publish(SessionIdle(session_id="unknown", seconds=30))
    assert not host.attention.isVisible()
    bus.publish(SessionIdle(session_id="s1", seconds=30))
    bus.publish(SessionClosed(session_id="s1", reason="Session timed out"))
    assert not host.attention.isVisible()


def test_a_key_meant_for_it_goes_to_nobody_when_it_is_in_use_again(
    host: Host, bus: EventBus
) -> None:
    bus.publish(SessionIdle(session_id="s1", seconds=30))
    host.attention.enter()
    bus.publish(SessionIdle(session_id="s1", seconds=None))
    press(host.window, Qt.Key.Key_Return, "x")
    assert host.field.text() == ""
    press(host.window, Qt.Key.Key_Escape, "y")
    assert host.field.text() == "y"
