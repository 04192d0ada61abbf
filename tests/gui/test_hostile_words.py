"""Ids, names and words that a guest chose, wherever the window shows them.

Joins the rooms panels, window and kit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from engine.core.events import (
    ApprovalRequested,
    IceCandidate,
    RelayStateChanged,
    SessionClosed,
    SessionCreated,
    SessionNote,
)
from engine.core.model import Guest, RelayState, Role
from gui.kit import formats
from gui.panels.approvals.strip import ApprovalStrip, note
from gui.panels.log.model import line_of
from gui.panels.log.panel import IceLogPanel
from gui.panels.sessions.model import COLUMNS, NO_CODE
from gui.panels.sessions.panel import SessionsPanel
from gui.window.status import StatusBar

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from engine.core.events import Event, EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

WORDS = "a\x1b[31m\n\u202eb\u200b"
SEEN = r"a\x1b[31m\n\u202eb\u200b"
GUEST = Guest(WORDS, WORDS, browser=WORDS, share="link-1")
CREATED = SessionCreated(session_id=WORDS, device_id=WORDS, guest=GUEST)


def visible(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_the_table_of_sessions_and_its_tips(
    adapter: EngineAdapter, icons: Icons, bus: EventBus, qtbot: QtBot
) -> None:
    panel = SessionsPanel(adapter, icons)
    qtbot.addWidget(panel)
    bus.publish(CREATED)
    row = {column.title: panel.proxy.index(0, at) for at, column in enumerate(COLUMNS)}
    assert row["Guest"].data() == row["Target"].data() == SEEN
    tip = row["Guest"].data(Qt.ItemDataRole.ToolTipRole)
    assert tip == f"{SEEN}\n{NO_CODE}\nSession {SEEN}"


@pytest.mark.parametrize(
    "event",
    [
        CREATED,
        SessionClosed(session_id="s", reason=WORDS),
        SessionNote(session_id="s", text=WORDS),
        IceCandidate(session_id="s", side="remote", candidate=WORDS * 1000),
        RelayStateChanged(state=RelayState.REFUSED, url="http://x", detail=WORDS),
    ],
    ids=lambda event: type(event).__name__,
)
def test_every_line_of_the_ice_log_is_one_and_visible(event: Event) -> None:
    line = line_of(event)
    assert line is not None
    assert "\\x1b[31m" in line.text
    assert str(line).isprintable()
    assert len(line.text) <= 1000


def test_the_list_of_sessions_of_the_ice_log(
    adapter: EngineAdapter, theme: Theme, icons: Icons, bus: EventBus, qtbot: QtBot
) -> None:
    panel = IceLogPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    bus.publish(CREATED)
    box = panel.session
    assert visible(box.itemText(box.count() - 1))
    assert box.itemData(box.count() - 1) == WORDS, "it is the session's id still"


def test_the_question_whether_to_let_a_guest_in(icons: Icons, qtbot: QtBot) -> None:
    question = ApprovalRequested(
        session_id=WORDS, target=WORDS, guest=GUEST, role=Role.VIEW, code="1", waits_until=0.0
    )
    strip = ApprovalStrip(question, icons, time.monotonic)
    qtbot.addWidget(strip)
    for label in strip.findChildren(QLabel):
        assert visible(label.text()), label.text()
        assert visible(label.toolTip()), label.toolTip()
    assert visible(strip.accessibleName())
    assert SEEN in strip.who.text()
    assert SEEN in strip.request.text()
    assert all(visible(text) and SEEN in text for text in note(GUEST, WORDS))


def test_what_a_relay_says_in_the_status_bar(
    adapter: EngineAdapter, icons: Icons, bus: EventBus, qtbot: QtBot
) -> None:
    bar = StatusBar(adapter, icons)
    qtbot.addWidget(bar)
    bus.publish(RelayStateChanged(state=RelayState.REFUSED, url="http://x", detail=WORDS))
    assert bar.relay.toolTip() == f"http://x\n{SEEN}"


def test_a_tip_is_never_taken_for_markup() -> None:
    assert formats.tip("one", "", "2 < 3") == "one\n2 < 3"
    tip = formats.tip("<img src='file:///etc/passwd'>", "y")
    assert "<img" not in tip
    assert "&lt;img" in tip
