"""A real widget of 40 by 10 cells on screen, and the bytes it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import sized

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def widget(qtbot: QtBot) -> TerminalWidget:
    widget = TerminalWidget()
    qtbot.addWidget(widget)
    sized(widget, 40, 10)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(lambda: (widget.terminal.cols, widget.terminal.rows) == (40, 10))
    return widget


@pytest.fixture
def typed(widget: TerminalWidget) -> list[bytes]:
    sent: list[bytes] = []
    widget.typed.connect(sent.append)
    return sent
