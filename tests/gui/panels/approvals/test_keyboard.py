"""Guests who ask for the keyboard: the host answers when it wants to, and by no stray key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QMainWindow, QStatusBar

from engine.control.commands import DenyKeyboard, GrantKeyboard
from engine.core.events import KeyboardAsked
from engine.core.model import KeyboardState, ParticipantInfo, ParticipantKind, Role
from gui.control.shells import ShellBook
from gui.kit.attention import Attention
from gui.panels.approvals.keyboard import KeyboardRequests
from tests.gui.keyboard import activate, press, spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]

ANN = ParticipantInfo("ann", "Ann", ParticipantKind.GUEST, Role.VIEW, "s-ann")


class Host:
    """A window whose status bar shows the requests, and a shell with Ann in it."""

    def __init__(
        self, qtbot: QtBot, adapter: EngineAdapter, icons: Icons, control: FakeControl
    ) -> None:
        self.window = QMainWindow()
        self.field = QLineEdit()
        self.window.setCentralWidget(self.field)
        bar = QStatusBar()
        self.window.setStatusBar(bar)
        self.attention = Attention(icons, bar)
        self.requests = KeyboardRequests(adapter, icons, ShellBook(adapter), self.attention)
        self.window.resize(800, 300)
        qtbot.addWidget(self.window)
        activate(self.window)
        self.field.setFocus()
        self.control = control
        self.shell_id = control.start_shell("web-1")
        control.come(self.shell_id, ANN)

    def ask(self, name: str = "Ann", who: str = "ann") -> None:
        self.control.publish(KeyboardAsked(shell_id=self.shell_id, participant=who, name=name))
        self.control.change_shell(self.shell_id, asking=(who,))


@pytest.fixture
def host(qtbot: QtBot, adapter: EngineAdapter, icons: Icons, control: FakeControl) -> Host:
    return Host(qtbot, adapter, icons, control)


@pytest.mark.parametrize("gives", [True, False])
def test_it_says_who_asks_where_and_is_answered_once(
    host: Host, control: FakeControl, settle: Settle, gives: bool
) -> None:
    host.ask()
    host.ask()
    (strip,) = host.requests.waiting
    assert strip.accessibleName() == "Ann asks for the keyboard in web-1"
    button = strip.give if gives else strip.refuse
    spin(button.isEnabled)
    button.click()
    settle()
    expected = GrantKeyboard if gives else DenyKeyboard
    assert control.commands == [expected(host.shell_id, "ann")]
    assert not host.requests.waiting
    assert not host.attention.strips


def test_no_key_that_is_being_typed_answers_it(
    host: Host, control: FakeControl, settle: Settle
) -> None:
    host.ask()
    press(host.window, "y", Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Tab)
    settle()
    assert control.commands == []
    assert len(host.requests.waiting) == 1
    assert host.field.text() == "y "


@pytest.mark.parametrize(
    "facts",
    [
        {"asking": ()},
        {"asking": (), "participants": ()},
        {"asking": (), "keyboard": KeyboardState.TAKEN, "holder": "ann"},
    ],
    ids=["withdrawn", "left", "given elsewhere"],
)
def test_it_goes_when_there_is_nothing_left_to_answer(host: Host, facts: dict[str, object]) -> None:
    host.ask()
    host.control.change_shell(host.shell_id, title="vim")
    assert host.requests.waiting, "she still asks"
    host.control.change_shell(host.shell_id, **facts)
    assert not host.requests.waiting
    assert not host.attention.strips


def test_it_goes_with_its_shell(host: Host) -> None:
    host.ask()
    host.control.end_shell(host.shell_id)
    assert not host.attention.strips


def test_names_are_escaped_and_bounded(host: Host) -> None:
    host.ask("a\u202e\x1b[31m" + "x" * 1000)
    (strip,) = host.requests.waiting
    assert strip.who.text().startswith(r"a\u202e\x1b[31m")
    assert len(strip.who.text()) <= 40
