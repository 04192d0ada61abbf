"""A tab with a terminal of another host: its screen, who is there, who may type, how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication

from engine.core.errors import ShellEndedError
from engine.core.model import (
    Asked,
    KeyboardState,
    KeyboardView,
    ParticipantKind,
    Person,
    Role,
    Size,
)
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs
    from tests.gui.fake_control import FakeControl, FakeLink

    Settle = Callable[[], None]

URL = "https://relay.example/s/x#secret"
HOST = Person("h", "workstation", Role.CONTROL, ParticipantKind.HOST)
ANN = Person("a", "Ann", Role.VIEW, ParticipantKind.GUEST, typing=True)
ME = Person("me", "Me", Role.CONTROL, ParticipantKind.GUEST)


@pytest.fixture
def far(tabs: TerminalTabs, settle: Settle) -> TerminalTab:
    tab = tabs.open_link(URL, "Me")
    settle()
    assert tab.connected
    return tab


@pytest.fixture
def link(far: TerminalTab, control: FakeControl) -> FakeLink:
    (link,) = control.links
    return link


def texts(tab: TerminalTab) -> str:
    return "\n".join(line.text for _, line, _ in tab.terminal.rows.shown)


def test_it_is_opened_under_the_own_name_and_its_secret_is_not_shown(
    tabs: TerminalTabs, far: TerminalTab, link: FakeLink
) -> None:
    assert (link.target, link.name) == (URL, "Me")
    assert len(link.colors) == 19
    assert far.title == "web-1"
    assert "secret" not in tabs.tabs.tabToolTip(0) + far.header.toolTip() + far.title


def test_output_is_painted_in_the_shells_size_and_reported(
    far: TerminalTab, link: FakeLink
) -> None:
    link.output(b"x" * 130)
    link.sized(Size(120, 40))
    link.output(b"\r\nhello")
    spin(lambda: link.shown == 137)
    spin(lambda: "hello" in texts(far))
    shown = far.terminal.terminal
    assert (shown.cols, shown.rows) == (120, 40)
    # What came before the change was wrapped for the size before it.
    assert not shown.text()[0].rstrip().endswith("x" * 121)


def test_the_window_asks_for_its_size_and_keeps_that_of_the_shell(
    far: TerminalTab, link: FakeLink
) -> None:
    before = far.terminal.terminal.cols
    far.terminal.resized.emit(70, 20)
    assert link.size == Size(70, 20)
    assert far.terminal.terminal.cols == before


@pytest.mark.parametrize("mutes", [True, False])
def test_the_programs_questions_are_answered_once(
    far: TerminalTab, link: FakeLink, mutes: bool
) -> None:
    link.mutes = mutes
    link.output(b"\x1b[c")
    spin(lambda: link.shown == 3)
    assert bool(link.typed) is not mutes


def test_who_is_there_and_who_may_type(far: TerminalTab, link: FakeLink) -> None:
    header = far.header
    assert header.badge.text() == "You type"
    assert header.people.text() == "On another computer"
    assert header.toolTip() == "Code 123 456, also on the host’s screen"
    link.say(people=(HOST, ANN, ME), participant="me", keyboard=KeyboardView())
    assert header.people.text() == "The host types · Ann is typing"
    link.say(role=Role.VIEW, may_type=False, recording=1.0)
    assert header.badge.text() == "You view"
    assert header.recording.isVisible()
    assert far.terminal.read_only == "You can only view this terminal."
    frozen = KeyboardView(KeyboardState.FROZEN)
    link.say(role=Role.CONTROL, keyboard=frozen)
    assert header.state.text() == "The host has frozen the keyboard"
    taken = KeyboardView(KeyboardState.TAKEN, "a")
    link.say(keyboard=taken)
    assert header.state.text() == "Ann has the keyboard"
    link.say(keyboard=KeyboardView(), may_type=True)
    assert far.terminal.read_only == ""
    assert header.state.text() == ""


def test_a_guest_asks_for_the_keyboard_and_hands_it_back(far: TerminalTab, link: FakeLink) -> None:
    header = far.header
    link.say(participant="me", may_type=False, keyboard=KeyboardView())
    header.ask.click()
    assert link.asked == [True]
    link.say(keyboard=KeyboardView(asked=Asked.WAITING))
    assert header.ask.text() == "Asked for keyboard"
    assert not header.ask.isEnabled()
    link.say(keyboard=KeyboardView(asked=Asked.DENIED, again_in=20))
    assert not header.ask.isEnabled()
    link.say(keyboard=KeyboardView(KeyboardState.TAKEN, "me"), may_type=True)
    assert header.ask.isHidden()
    assert header.state.text() == "You have the keyboard"
    header.back.click()
    assert link.asked == [True, False]


@pytest.mark.parametrize("sends", [True, False])
def test_what_was_typed_while_away_is_sent_only_when_wanted(
    far: TerminalTab, link: FakeLink, sends: bool
) -> None:
    link.say(lost=True)
    assert far.header.state.text() == "Connection lost. Reconnecting…"
    link.say(lost=False, held=b"rm -rf /\r")
    assert far.header.state.text() == r"Typed while you were away: rm -rf /\r"
    (far.header.send if sends else far.header.discard).click()
    assert link.held == ["sent" if sends else "discarded"]


def test_an_idle_terminal_is_kept_open(far: TerminalTab, link: FakeLink) -> None:
    link.say(idle=30)
    assert "Ends in 30 s" in far.header.state.text()
    far.header.keep.click()
    assert link.kept == 1


def test_waiting_for_approval_shows_the_code(far: TerminalTab, link: FakeLink) -> None:
    link.say(approval="waiting")
    assert far.waits_for == "Waiting for the host to let you in. Code 123 456"


def test_the_host_is_quoted_escaped(tabs: TerminalTabs, far: TerminalTab, link: FakeLink) -> None:
    said: list[tuple[str, str]] = []
    tabs.noted.connect(lambda title, text: said.append((title, text)))
    link.notice("Lunch\x1b[31m")
    link.say(people=(Person("x", "the host\u202e", Role.VIEW, ParticipantKind.GUEST),))
    assert said == [("Message from the host of web-1", r"Lunch\x1b[31m")]
    assert far.header.people.text() == r"the host\u202e views"


def test_the_menu_gives_the_link_to_continue_elsewhere_and_no_way_to_share(
    tabs: TerminalTabs, far: TerminalTab, link: FakeLink
) -> None:
    actions = {action.text(): action for action in tabs.menu(far).actions() if action.text()}
    assert set(actions) == {"Copy link to continue elsewhere", "Close tab"}
    actions["Copy link to continue elsewhere"].trigger()
    assert QGuiApplication.clipboard().text() == f"{URL}.token"


def test_the_end_keeps_the_text_and_offers_the_link_again(
    tabs: TerminalTabs, far: TerminalTab, link: FakeLink, control: FakeControl, settle: Settle
) -> None:
    link.output(b"last words")
    spin(lambda: "last words" in texts(far))
    link.ended("The host has revoked the link", None)
    settle()
    assert link.is_closed
    assert far.notice == "The host has revoked the link."
    assert "last words" in texts(far)
    assert far.terminal.ended_bar.button.text() == "Open the link again"
    far.terminal.ended_bar.button.click()
    settle()
    assert far.connected
    assert len(control.links) == 2
    assert "last words" not in texts(far)


@pytest.fixture
def displaced(far: TerminalTab, link: FakeLink, settle: Settle) -> TerminalTab:
    """Somebody has used its return link on another device."""
    link.output(b"first part")
    spin(lambda: "first part" in texts(far))
    link.say(replaced=True)
    link.ended("This terminal was opened elsewhere", None)
    settle()
    assert far.notice == "This terminal was opened elsewhere."
    assert not link.is_closed
    return far


def test_a_place_that_was_taken_from_elsewhere_is_taken_back(
    displaced: TerminalTab, link: FakeLink, control: FakeControl, settle: Settle
) -> None:
    assert displaced.terminal.ended_bar.button.text() == "Come back here"
    displaced.terminal.ended_bar.button.click()
    settle()
    assert link.reconnected == 1
    link.say(replaced=False)
    assert displaced.connected
    assert not displaced.terminal.ended
    link.output(b" and second")
    spin(lambda: "first part and second" in texts(displaced))
    displaced.terminal.typed.emit(b"ls")
    assert link.typed == b"ls"
    link.ended("The program ended", 0)
    settle()
    assert link.is_closed
    assert displaced.terminal.ended_bar.button.text() == "Open the link again"
    assert len(control.links) == 1


def test_a_place_that_is_gone_says_so_and_is_let_go(
    displaced: TerminalTab, link: FakeLink, settle: Settle
) -> None:
    link.cannot_return = ShellEndedError()
    displaced.terminal.ended_bar.button.click()
    settle()
    settle()
    assert displaced.notice.startswith("The shared terminal has ended")
    assert link.is_closed
    assert displaced.terminal.ended_bar.button.text() == "Open the link again"


def test_a_displaced_tab_that_is_closed_lets_go(
    tabs: TerminalTabs, displaced: TerminalTab, link: FakeLink, settle: Settle
) -> None:
    tabs.close_tab(displaced)
    tabs.close_all()
    settle()
    assert link.is_closed
