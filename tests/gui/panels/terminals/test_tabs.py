"""The tabs: found, closed with or without their shells, and opened by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QPushButton

from engine.control.commands import EndShell, Freeze, Record, TakeKeyboard
from engine.core.errors import LinkExpiredError
from engine.core.events import TargetsChanged
from engine.core.model import (
    ParticipantInfo,
    ParticipantKind,
    Role,
    Target,
    TargetKind,
    TargetState,
)
from gui.kit.strips import Notice
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.kit.attention import Attention
    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]


def test_a_session_is_found_by_its_tab(
    tabs: TerminalTabs, peer: TerminalTab, control: FakeControl
) -> None:
    (opened,) = control.terminals
    assert tabs.tab_of(opened.session_id) is peer
    assert tabs.tab_of("another") is None


def test_closing_all_ends_every_terminal(
    tabs: TerminalTabs, peer: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    tabs.open_peer("web-2")
    settle()
    tabs.close_all()
    settle()
    assert [opened.is_closed for opened in control.terminals] == [True, True]


def test_tabs_follow_a_container_that_is_renamed(
    tabs: TerminalTabs,
    tab: TerminalTab,
    peer: TerminalTab,
    control: FakeControl,
    settle: Settle,
) -> None:
    def are(**names: str) -> None:
        targets = tuple(
            Target(name, TargetKind.CONTAINER, name, ref=ref) for ref, name in names.items()
        )
        control.publish(TargetsChanged(targets=targets))

    link = tabs.open_link("http://host/s/x#y", "Ann")
    settle()
    link.target_id = "web-1"
    are(one="web-1", two="web-2")
    tabs.close_tab(peer)
    # Their names are swapped.
    are(one="web-2", two="web-1")
    assert (tab.target_id, tab.title) == ("web-2", "web-2")
    assert link.target_id == "web-1", "it is on another host"
    tabs.reopen()
    assert peer.target_id == "web-2"
    # Another shell is in the same container.
    control.end_shell(tab.shell_id)
    tab.connect_terminal()
    settle()
    assert control.shells[tab.shell_id].target == "web-2"
    tab.terminal.titleChanged.emit("vim")
    are(one="web-3")
    assert (tab.target_id, tab.title) == ("web-3", "vim")


def test_a_terminal_in_a_paused_container_says_so(
    tabs: TerminalTabs, tab: TerminalTab, control: FakeControl
) -> None:
    def is_now(state: TargetState) -> None:
        target = Target("web-1", TargetKind.CONTAINER, "web-1", state, ref="one")
        control.publish(TargetsChanged(targets=(target,)))

    is_now(TargetState.RUNNING)
    assert tab.header.isHidden()
    icon = tabs.tabs.tabIcon(0).cacheKey()
    is_now(TargetState.PAUSED)
    assert not tab.header.isHidden()
    assert "paused" in tab.header.state.text()
    assert tabs.tabs.tabIcon(0).cacheKey() != icon
    is_now(TargetState.RUNNING)
    assert tab.header.isHidden()
    assert tabs.tabs.tabIcon(0).cacheKey() == icon


def press(attention: Attention, words: str) -> None:
    shown = attention.shown
    assert shown is not None
    button = next(b for b in shown.findChildren(QPushButton) if b.text() == words)
    spin(button.isEnabled)
    button.click()


def test_an_own_shell_ends_with_its_tab(
    tabs: TerminalTabs,
    tab: TerminalTab,
    control: FakeControl,
    attention: Attention,
    settle: Settle,
) -> None:
    shell_id = tab.shell_id
    tabs.close_tab()
    settle()
    assert shell_id in control.shells, "closing can be undone"
    press(attention, "End now")
    settle()
    assert EndShell(shell_id) in control.commands


def test_a_shell_that_another_tab_shows_goes_on(
    tabs: TerminalTabs, tab: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    shell_id = tab.shell_id
    control.come(shell_id, ParticipantInfo("tab-2", "", ParticipantKind.HOST, Role.VIEW))
    tabs.close_tab()
    tabs.close_all()
    settle()
    assert control.places[0].detached
    assert shell_id in control.shells


@pytest.mark.parametrize(
    ("words", "open_", "runs"),
    [("Cancel", True, True), ("Keep it running", False, True), ("End it", False, False)],
)
def test_closing_a_tab_with_guests_asks_what_to_do_with_them(
    tabs: TerminalTabs,
    tab: TerminalTab,
    control: FakeControl,
    attention: Attention,
    settle: Settle,
    words: str,
    open_: bool,
    runs: bool,
) -> None:
    shell_id = tab.shell_id
    for name in ("Ann", "Bob"):
        control.come(shell_id, ParticipantInfo(name, name, ParticipantKind.GUEST, Role.VIEW))
    tabs.close_tab()
    tabs.close_tab()
    (question,) = attention.strips
    assert isinstance(question, Notice)
    assert question.words.text() == "2 guests are in this terminal: Ann and Bob"
    press(attention, words)
    settle()
    assert (tab in tabs.all()) is open_
    assert (shell_id in control.shells) is runs
    assert not attention.strips


def test_the_menu_of_a_tab(
    tabs: TerminalTabs, tab: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    shell_id = tab.shell_id
    actions = {action.text(): action for action in tabs.menu(tab).actions() if action.text()}
    shared: list[str] = []
    tabs.shareWanted.connect(shared.append)
    control.commands.clear()
    for words in ("Share this terminal…", "Take the keyboard", "Freeze guests", "Record"):
        actions[words].trigger()
    settle()
    assert shared == [shell_id]
    assert control.commands == [
        TakeKeyboard(shell_id, tab.participant),
        Freeze(shell_id, True),
        Record(shell_id, True),
    ]
    actions["Connect as a peer"].trigger()
    settle()
    assert control.terminals[0].target == "web-1"


def test_a_link_that_cannot_be_opened_says_so_in_words(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    control.refuses = LinkExpiredError()
    tab = tabs.open_link("https://relay.example/s/x#secret", "")
    settle()
    assert tab.notice.startswith("The link has expired")
    assert tab.terminal.ended_bar.button.text() == "Open the link again"
