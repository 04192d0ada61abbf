"""Closed tabs: brought back, ended after a time, ended when there are too many."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.kit.attention import Attention
from gui.kit.icons import Icons
from gui.panels.terminals.closed import MAX_CLOSED, ClosedTabs


@dataclass
class Tab:
    """Of a TerminalTab what ClosedTabs uses."""

    title: str = "sh"
    connected: bool = True
    connecting: bool = False
    ended: bool = False
    deleted: bool = False

    def shut(self) -> None:
        self.ended = True

    def deleteLater(self) -> None:
        self.deleted = True


@pytest.fixture
def attention(qtbot: QtBot, icons: Icons) -> Attention:
    place = QWidget()
    qtbot.addWidget(place)
    return Attention(icons, place)


@pytest.fixture
def reopened() -> list[tuple[Tab, int]]:
    return []


@pytest.fixture
def closed(attention: Attention, reopened: list[tuple[Tab, int]]) -> ClosedTabs:
    return ClosedTabs(attention, lambda tab, at: reopened.append((tab, at)), attention)


def test_the_last_one_comes_back_to_its_place(
    closed: ClosedTabs, attention: Attention, reopened: list[tuple[Tab, int]]
) -> None:
    first, last = Tab(), Tab()
    closed.add(first, 3)
    closed.add(last, 1)
    assert len(closed) == 2
    closed.reopen_last()
    assert reopened == [(last, 1)]
    assert len(closed) == len(attention.strips) == 1
    assert not first.ended
    assert not last.ended


def test_one_that_cannot_be_reopened_any_more_is_ended(
    qtbot: QtBot, closed: ClosedTabs, attention: Attention
) -> None:
    tab = Tab()
    closed.add(tab, 0)
    with qtbot.waitSignal(closed.changed):
        attention.finish()
    assert (tab.ended, tab.deleted, len(closed)) == (True, True, 0)


def test_one_too_many_ends_the_oldest(closed: ClosedTabs) -> None:
    tabs = [Tab() for _ in range(MAX_CLOSED + 1)]
    for tab in tabs:
        closed.add(tab, 0)
    assert [tab.ended for tab in tabs] == [True] + [False] * MAX_CLOSED
    closed.end_all()
    assert all(tab.ended for tab in tabs)


@pytest.mark.parametrize("running", [True, False])
def test_only_a_running_program_can_be_ended_at_once(
    closed: ClosedTabs, attention: Attention, running: bool
) -> None:
    closed.add(Tab(connected=running), 0)
    (strip,) = attention.strips
    assert ("End now" in [button.text() for button in strip.controls]) is running
