"""A tab and the terminal the engine opened for it: bytes, sizes, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QStatusBar

from engine.core.errors import ChannelClosedError, LimitError, TargetNotFoundError
from engine.core.model import Size
from gui.kit.attention import Attention
from gui.panels.terminals.tabs import MAX_EARLY_INPUT, TerminalTab, TerminalTabs
from gui.terminal.widget import TerminalWidget
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]


@pytest.fixture
def tabs(qtbot: QtBot, adapter: EngineAdapter, icons: Icons) -> Iterator[TerminalTabs]:
    bar = QStatusBar()
    qtbot.addWidget(bar)
    tabs = TerminalTabs(adapter, icons, TerminalWidget, Attention(icons, bar))
    qtbot.addWidget(tabs)
    tabs.resize(700, 400)
    tabs.show()
    yield tabs
    tabs.close_all()


@pytest.fixture
def tab(tabs: TerminalTabs, settle: Settle) -> TerminalTab:
    tab = tabs.open("web-1")
    settle()
    assert tab.connected
    return tab


def test_what_is_typed_while_it_connects_reaches_the_shell_up_to_a_limit(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    tab = tabs.open("web-1")
    assert tab.connecting
    tab.terminal.typed.emit(b"ls\r")
    tab.terminal.typed.emit(bytes(MAX_EARLY_INPUT))
    tab.terminal.typed.emit(b"pwd\r")
    settle()
    (opened,) = control.terminals
    assert (opened.target, opened.typed) == ("web-1", b"ls\rpwd\r")
    tab.terminal.typed.emit(b"w\r")
    assert opened.typed == b"ls\rpwd\rw\r"


def test_output_is_painted_and_reported_as_shown(tab: TerminalTab, control: FakeControl) -> None:
    (opened,) = control.terminals
    opened.output(b"hello")
    spin(lambda: opened.shown == 5)
    assert tab.terminal.terminal.text()[0].startswith("hello")


def test_the_shell_has_the_size_of_the_widget(tab: TerminalTab, control: FakeControl) -> None:
    (opened,) = control.terminals
    tab.terminal.resized.emit(90, 20)
    assert opened.size == Size(90, 20)


def test_the_end_says_why_and_another_shell_can_be_had(
    tab: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    (opened,) = control.terminals
    opened.ended("The program ended", 3)
    assert not tab.connected
    assert tab.notice == "The program ended (exit code 3). Reconnect starts a new shell."
    settle()
    assert opened.is_closed
    tab.terminal.ended_bar.button.click()
    settle()
    assert tab.connected
    assert tab.notice == ""
    # What the former one still prints is of no interest any more.
    opened.output(b"late")
    opened.ended("late", None)
    assert tab.connected
    assert len(control.terminals) == 2


def test_a_terminal_that_ends_before_the_tab_has_it_is_closed(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    tab = tabs.open("web-1")
    tab.shut()
    settle()
    assert not tab.connected
    assert all(opened.is_closed for opened in control.terminals)


def test_a_target_that_cannot_be_opened_says_so_in_the_tab(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    control.refuses = TargetNotFoundError("web-1")
    tab = tabs.open("web-1")
    settle()
    assert not tab.connected
    assert tab.notice.startswith("That target is not here\nDevice web-1 not found")


def test_input_that_cannot_be_taken_is_a_problem_in_words_unless_it_has_ended(
    tab: TerminalTab, control: FakeControl, adapter: EngineAdapter
) -> None:
    problems: list[str] = []
    adapter.problem.connect(lambda title, _: problems.append(title))
    (opened,) = control.terminals
    opened.refuses = ChannelClosedError("The terminal has ended")
    tab.terminal.typed.emit(b"x")
    assert problems == []
    opened.refuses = LimitError("Too much")
    tab.terminal.typed.emit(b"x")
    assert problems == ["A limit was reached"]


def test_a_session_is_found_by_its_tab(
    tabs: TerminalTabs, tab: TerminalTab, control: FakeControl
) -> None:
    (opened,) = control.terminals
    assert tabs.tab_of(opened.session_id) is tab
    assert tabs.tab_of("another") is None


def test_closing_all_ends_every_terminal(
    tabs: TerminalTabs, tab: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    tabs.open("web-2")
    settle()
    tabs.close_all()
    settle()
    assert [opened.is_closed for opened in control.terminals] == [True, True]
