"""A tab in a shell of this process: its screen, its keys, who else is in it, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.control.commands import EndShell, Freeze, OpenKeyboard, OpenShell, TakeKeyboard
from engine.core.errors import NoShellError, TargetNotFoundError
from engine.core.model import KeyboardState, ParticipantInfo, ParticipantKind, Role, Size
from engine.emulator import CursorShape
from gui.panels.terminals.tab import WATCHING
from gui.terminal.paint.themes import default
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs
    from tests.gui.fake_control import FakeControl, FakePlace
    from tests.gui.terminal.shell import Shell

    Settle = Callable[[], None]

ANN = ParticipantInfo("ann", "Ann", ParticipantKind.GUEST, Role.CONTROL, "session-1")
BOB = ParticipantInfo("bob", "Bob", ParticipantKind.GUEST, Role.VIEW, "session-2")


def texts(tab: TerminalTab) -> list[str]:
    return [line.text for _, line, _ in tab.terminal.rows.shown]


@pytest.fixture
def place(tab: TerminalTab, control: FakeControl) -> FakePlace:
    """That of ``tab``."""
    (place,) = control.places
    return place


@pytest.fixture
def screen(tab: TerminalTab, control: FakeControl) -> Shell:
    return control.screens[tab.shell_id]


def test_a_shell_is_started_and_its_own_screen_is_shown(
    tab: TerminalTab, control: FakeControl, screen: Shell
) -> None:
    (command,) = control.commands
    assert isinstance(command, OpenShell)
    assert command.target == "web-1"
    assert not control.terminals, "nothing goes through a relay"
    assert tab.terminal.terminal is screen.terminal
    screen.print("more\x1b]0;vim\x07")
    spin(lambda: "more" in texts(tab)[0] and tab.title == "vim")


def test_keys_and_sizes_go_to_its_place_and_change_nothing_else(
    tab: TerminalTab, place: FakePlace, screen: Shell
) -> None:
    size = screen.terminal.cols, screen.terminal.rows
    tab.terminal.typed.emit(b"ls\r")
    tab.terminal.resized.emit(90, 20)
    assert place.typed == b"ls\r"
    assert place.sizes[-1] == Size(90, 20)
    assert (screen.terminal.cols, screen.terminal.rows) == size


def test_a_hidden_tab_has_no_say_in_the_size(
    tabs: TerminalTabs, tab: TerminalTab, place: FakePlace, settle: Settle
) -> None:
    before = place.sizes[-1]
    assert before is not None
    tabs.open("web-2")
    settle()
    assert place.sizes[-1] is None
    tab.terminal.resized.emit(70, 20)
    assert place.sizes[-1] is None
    tabs.step(-1)
    spin(lambda: place.sizes[-1] is not None)


def test_the_program_is_told_how_the_tab_looks(tab: TerminalTab, place: FakePlace) -> None:
    tab.terminal.set_theme(dark=True)
    dark = default(dark=True)
    assert place.themes[-1] == (dark.foreground, dark.background, dark.cursor, dark.palette)
    assert place.looks[-1][1] is True
    tab.terminal.set_theme(dark=False)
    assert place.themes[-1][1] == default(dark=False).background
    assert place.looks[-1][1] is False
    tab.terminal.set_cursor_default(CursorShape.BAR, blink=False)
    assert place.cursors[-1] == (CursorShape.BAR, False)


def test_who_only_watches_changes_nothing_that_others_see(
    watch: TerminalTab, control: FakeControl
) -> None:
    (place,) = control.places
    watch.terminal.set_cursor_default(CursorShape.BAR, blink=False)
    assert place.themes, "for a time when it may type"
    assert not place.cursors
    assert not place.looks


def test_the_text_stays_after_the_end_and_another_shell_takes_its_place(
    tab: TerminalTab, control: FakeControl, screen: Shell, settle: Settle
) -> None:
    screen.print("last words")
    spin(lambda: "last words" in texts(tab)[0])
    control.end_shell(tab.shell_id, exit_code=3)
    settle()
    assert not tab.connected
    assert tab.notice == "The program ended (exit code 3). Reconnect starts a new shell."
    assert "last words" in texts(tab)[0]
    tab.terminal.ended_bar.button.click()
    settle()
    assert tab.connected
    assert tab.shell_id == "shell-2"
    assert "last words" not in texts(tab)[0]
    assert screen.watchers == 0


@pytest.mark.parametrize("error", [TargetNotFoundError("web-1"), NoShellError("none")])
def test_a_shell_that_cannot_be_started_says_so(
    tabs: TerminalTabs, control: FakeControl, settle: Settle, error: Exception
) -> None:
    control.refuses = error
    tab = tabs.open("web-1")
    settle()
    assert not tab.connected
    assert str(error) in tab.notice
    assert tab.terminal.ended


def test_a_refused_key_says_why(tab: TerminalTab, place: FakePlace) -> None:
    place.refused("Ann has the keyboard")
    assert tab.terminal.hint.isVisible()
    assert tab.terminal.hint.text() == "Ann has the keyboard"


# Who else is in it.


def test_nothing_is_above_a_terminal_that_nobody_else_is_in(
    tab: TerminalTab, control: FakeControl
) -> None:
    assert tab.header.isHidden()
    control.come(tab.shell_id, ANN)
    assert tab.header.isVisible()
    assert tab.header.people.text() == "Ann types"
    control.change_shell(tab.shell_id, participants=())
    assert tab.header.isHidden()


def test_the_header_names_people_keyboard_and_recording(
    tab: TerminalTab, control: FakeControl
) -> None:
    control.come(tab.shell_id, ANN)
    control.come(tab.shell_id, BOB)
    header = tab.header
    assert header.badge.text() == "You type"
    assert header.people.text() == "Ann types · Bob views"
    assert header.recording.isHidden()
    control.change_shell(
        tab.shell_id, keyboard=KeyboardState.TAKEN, holder="ann", recording_since=1.0
    )
    assert header.state.text() == "Ann has the keyboard"
    assert header.recording.isVisible()
    control.change_shell(tab.shell_id, keyboard=KeyboardState.FROZEN, holder="")
    assert header.state.text() == "Guests are frozen"
    assert header.freeze.text() == "Unfreeze"


def test_the_headers_buttons_are_commands(
    tab: TerminalTab, control: FakeControl, place: FakePlace, settle: Settle
) -> None:
    shell_id, me = tab.shell_id, place.participant
    control.come(shell_id, ANN)
    control.commands.clear()
    tab.header.take.click()
    control.change_shell(shell_id, keyboard=KeyboardState.TAKEN, holder=me)
    assert tab.header.state.text() == "You have the keyboard"
    assert tab.header.take.isHidden()
    tab.header.back.click()
    control.change_shell(shell_id, keyboard=KeyboardState.OPEN, holder="")
    tab.header.freeze.click()
    control.change_shell(shell_id, keyboard=KeyboardState.FROZEN)
    tab.header.freeze.click()
    settle()
    assert control.commands == [
        TakeKeyboard(shell_id, me),
        OpenKeyboard(shell_id),
        Freeze(shell_id, True),
        Freeze(shell_id, False),
    ]


def test_a_hostile_name_is_shown_escaped(tab: TerminalTab, control: FakeControl) -> None:
    evil = ParticipantInfo("x", "a\u202eb\n\x1b[31m", ParticipantKind.GUEST, Role.VIEW)
    control.come(tab.shell_id, evil)
    assert tab.header.people.text() == r"a\u202eb\n\x1b[31m views"


# Watching.


@pytest.fixture
def watch(tabs: TerminalTabs, control: FakeControl, settle: Settle) -> TerminalTab:
    """A tab that watches a guest's shell."""
    shell_id = control.start_shell("web-9")
    control.come(shell_id, ANN)
    tab = tabs.watch(shell_id)
    assert tab is not None
    settle()
    return tab


def test_who_watches_does_not_type_until_taking_the_keyboard(
    watch: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    (place,) = control.places
    assert place.role is Role.VIEW
    assert watch.title == "Watching web-9"
    assert watch.terminal.read_only == WATCHING
    assert watch.header.badge.text() == "You view"
    watch.header.take.click()
    settle()
    assert control.commands[-1] == TakeKeyboard(watch.shell_id, place.participant)
    me = ParticipantInfo(place.participant, "", ParticipantKind.HOST, Role.CONTROL)
    control.change_shell(
        watch.shell_id,
        participants=(ANN, me),
        keyboard=KeyboardState.TAKEN,
        holder=place.participant,
    )
    assert watch.terminal.read_only == ""
    assert watch.header.badge.text() == "You type"


def test_watching_again_shows_the_tab_that_does(
    tabs: TerminalTabs, watch: TerminalTab, settle: Settle
) -> None:
    tabs.open("web-1")
    settle()
    assert tabs.watch(watch.shell_id) is watch
    assert tabs.current() is watch
    assert len(tabs.all()) == 2
    assert tabs.watch("gone") is None


def test_closing_a_watching_tab_leaves_the_shell(
    tabs: TerminalTabs, watch: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    shell_id = watch.shell_id
    tabs.close_tab(watch)
    assert not tabs.all()
    tabs.close_all()
    settle()
    assert control.places[0].detached
    assert EndShell(shell_id) not in control.commands
    assert shell_id in control.shells


def test_a_watched_shell_that_has_ended_leaves_a_tab_to_close(
    tabs: TerminalTabs, watch: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    control.end_shell(watch.shell_id, "Ann left")
    settle()
    assert watch.notice == "Ann left."
    assert watch.terminal.ended_bar.button.text() == "Close tab"
    watch.terminal.ended_bar.button.click()
    assert not tabs.all()


def test_taking_over_takes_the_keyboard_once_attached(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    shell_id = control.start_shell("web-9")
    control.come(shell_id, ANN)
    tabs.take_over(shell_id)
    settle()
    settle()
    (place,) = control.places
    assert place.role is Role.CONTROL
    assert control.commands == [TakeKeyboard(shell_id, place.participant)]
    tabs.take_over(shell_id)
    settle()
    assert len(tabs.all()) == 1
    assert len(control.commands) == 2
