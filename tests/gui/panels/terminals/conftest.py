"""Tabs over a fake engine, and one that is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QStatusBar

from gui.control.shells import ShellBook
from gui.kit.attention import Attention
from gui.panels.terminals.tabs import TerminalTabs
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.panels.terminals.tab import TerminalTab

    Settle = Callable[[], None]


@pytest.fixture
def book(adapter: EngineAdapter) -> ShellBook:
    return ShellBook(adapter)


@pytest.fixture
def attention(qtbot: QtBot, icons: Icons) -> Attention:
    bar = QStatusBar()
    qtbot.addWidget(bar)
    return Attention(icons, bar)


@pytest.fixture
def tabs(
    qtbot: QtBot, adapter: EngineAdapter, icons: Icons, book: ShellBook, attention: Attention
) -> Iterator[TerminalTabs]:
    tabs = TerminalTabs(adapter, icons, book, TerminalWidget, attention)
    qtbot.addWidget(tabs)
    tabs.resize(700, 400)
    tabs.show()
    yield tabs
    tabs.close_all()


@pytest.fixture
def tab(tabs: TerminalTabs, settle: Settle) -> TerminalTab:
    """In a shell of its own."""
    tab = tabs.open("web-1")
    settle()
    assert tab.shell_id
    return tab


@pytest.fixture
def peer(tabs: TerminalTabs, settle: Settle) -> TerminalTab:
    """Connected as a peer."""
    tab = tabs.open_peer("web-1")
    settle()
    assert tab.connected
    return tab
