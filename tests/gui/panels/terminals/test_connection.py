"""A tab's connection to the terminal the engine opened for it: bytes, sizes, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import ChannelClosedError, LimitError, TargetNotFoundError
from engine.core.model import Size
from gui.panels.terminals.connection import MAX_EARLY_INPUT
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.control.adapter import EngineAdapter
    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]


def test_what_is_typed_while_it_connects_reaches_the_shell_up_to_a_limit(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    tab = tabs.open_peer("web-1")
    assert tab.connecting
    tab.terminal.typed.emit(b"ls\r")
    tab.terminal.typed.emit(bytes(MAX_EARLY_INPUT))
    tab.terminal.typed.emit(b"pwd\r")
    settle()
    (opened,) = control.terminals
    assert (opened.target, opened.typed) == ("web-1", b"ls\rpwd\r")
    tab.terminal.typed.emit(b"w\r")
    assert opened.typed == b"ls\rpwd\rw\r"


def test_output_is_painted_and_reported_as_shown(peer: TerminalTab, control: FakeControl) -> None:
    (opened,) = control.terminals
    opened.output(b"hello")
    spin(lambda: opened.shown == 5)
    assert peer.terminal.terminal.text()[0].startswith("hello")


def test_the_shell_has_the_size_of_the_widget(peer: TerminalTab, control: FakeControl) -> None:
    (opened,) = control.terminals
    peer.terminal.resized.emit(90, 20)
    assert opened.size == Size(90, 20)


def test_the_end_says_why_and_another_shell_can_be_had(
    peer: TerminalTab, control: FakeControl, settle: Settle
) -> None:
    (opened,) = control.terminals
    opened.ended("The program ended", 3)
    assert not peer.connected
    assert peer.notice == "The program ended (exit code 3). Reconnect starts a new shell."
    settle()
    assert opened.is_closed
    peer.terminal.ended_bar.button.click()
    settle()
    assert peer.connected
    assert peer.notice == ""
    # What the former one still prints is of no interest any more.
    opened.output(b"late")
    opened.ended("late", None)
    assert peer.connected
    assert len(control.terminals) == 2


def test_a_terminal_that_ends_before_the_tab_has_it_is_closed(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    tab = tabs.open_peer("web-1")
    tab.shut()
    settle()
    assert not tab.connected
    assert all(opened.is_closed for opened in control.terminals)


def test_a_target_that_cannot_be_opened_says_so_in_the_tab(
    tabs: TerminalTabs, control: FakeControl, settle: Settle
) -> None:
    control.refuses = TargetNotFoundError("web-1")
    tab = tabs.open_peer("web-1")
    settle()
    assert not tab.connected
    assert tab.notice.startswith("Target not found\nDevice web-1 not found")


def test_input_that_cannot_be_taken_is_a_problem_in_words_unless_it_has_ended(
    peer: TerminalTab, control: FakeControl, adapter: EngineAdapter
) -> None:
    problems: list[str] = []
    adapter.problem.connect(lambda title, _: problems.append(title))
    (opened,) = control.terminals
    opened.refuses = ChannelClosedError("The terminal has ended")
    peer.terminal.typed.emit(b"x")
    assert problems == []
    opened.refuses = LimitError("Too much")
    peer.terminal.typed.emit(b"x")
    assert problems == ["A limit was reached"]
