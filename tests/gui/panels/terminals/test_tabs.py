"""The tabs: found by their session, and closed with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.panels.terminals.tab import TerminalTab
    from gui.panels.terminals.tabs import TerminalTabs
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]


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
