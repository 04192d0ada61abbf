"""A tab that shows a shell of this process: its screen, its end, and another shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.core.errors import TargetNotFoundError
from engine.core.model import Size
from gui.panels.terminals.connection import Opened
from tests.gui.fake_control import FakeTerminal
from tests.gui.keyboard import spin
from tests.gui.terminal.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.control.api import Ended, Output
    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs

    Settle = Callable[[], None]


class Shells:
    """Opens shells whose programs are the test: what a tab is given in place of the engine."""

    def __init__(self) -> None:
        self.screens: list[Shell] = []
        self.handles: list[FakeTerminal] = []
        self.seen: list[bool] = []
        self.ends_at_once = False
        self.refuses: Exception | None = None

    async def open(self, size: Size, output: Output, ended: Ended) -> Opened:
        if self.refuses is not None:
            raise self.refuses
        screen = Shell(size.cols, size.rows, f"shell {len(self.screens)}")
        handle = FakeTerminal(len(self.handles), "web-1", size, output, ended)
        self.screens.append(screen)
        self.handles.append(handle)
        if self.ends_at_once:
            ended("The program ended", 0)
        return Opened(handle, screen, self.seen.append)


@pytest.fixture
def shells() -> Shells:
    return Shells()


@pytest.fixture
def attached(tabs: TerminalTabs, shells: Shells, settle: Settle) -> TerminalTab:
    tab = tabs.open("web-1", shells.open)
    settle()
    assert tab.connected
    return tab


def texts(tab: TerminalTab) -> list[str]:
    return [line.text for _, line, _ in tab.terminal.rows.shown]


def test_it_shows_the_shells_own_screen(attached: TerminalTab, shells: Shells) -> None:
    (screen,) = shells.screens
    assert attached.terminal.terminal is screen.terminal
    screen.print("\r\nmore\x1b]0;vim\x07")
    spin(lambda: "more" in texts(attached) and attached.title == "vim")


def test_keys_and_sizes_go_to_its_handle_and_nothing_else_does(
    attached: TerminalTab, shells: Shells
) -> None:
    (handle,), (screen,) = shells.handles, shells.screens
    size = Size(screen.terminal.cols, screen.terminal.rows)
    attached.terminal.typed.emit(b"ls\r")
    attached.terminal.resized.emit(90, 20)
    assert handle.typed == b"ls\r"
    assert handle.size == Size(90, 20)
    assert handle.shown == 0
    assert Size(screen.terminal.cols, screen.terminal.rows) == size


def test_it_says_whether_it_is_in_view(
    tabs: TerminalTabs, attached: TerminalTab, shells: Shells, settle: Settle
) -> None:
    assert shells.seen == [True]
    tabs.open("web-2")
    settle()
    assert shells.seen == [True, False]
    tabs.step(-1)
    assert shells.seen == [True, False, True]


def test_the_text_stays_after_the_end_and_another_shell_takes_its_place(
    attached: TerminalTab, shells: Shells, settle: Settle
) -> None:
    shells.handles[0].ended("The program ended", 3)
    settle()
    assert shells.handles[0].is_closed
    assert texts(attached)[0] == "shell 0"
    assert attached.terminal.ended
    attached.terminal.ended_bar.button.click()
    settle()
    assert attached.connected
    assert texts(attached)[0] == "shell 1"
    assert not attached.terminal.ended
    assert shells.screens[0].watchers == 0


def test_a_shell_that_ends_at_once_shows_its_last_words(
    tabs: TerminalTabs, shells: Shells, settle: Settle
) -> None:
    shells.ends_at_once = True
    tab = tabs.open("web-1", shells.open)
    settle()
    assert not tab.connected
    assert texts(tab)[0] == "shell 0"
    assert tab.notice == "The program ended (exit code 0). Reconnect starts a new shell."


def test_a_tab_that_is_shut_lets_go_of_its_shell(
    tabs: TerminalTabs, attached: TerminalTab, shells: Shells, settle: Settle
) -> None:
    tabs.close_all()
    settle()
    assert shells.handles[0].is_closed


def test_a_shell_that_cannot_be_attached_to_says_so(
    tabs: TerminalTabs, shells: Shells, settle: Settle
) -> None:
    shells.refuses = TargetNotFoundError("web-1")
    tab = tabs.open("web-1", shells.open)
    settle()
    assert tab.notice.startswith("Target not found")
    assert tab.terminal.source is None
