"""Tabs over a fake engine, and one that is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QStatusBar

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
