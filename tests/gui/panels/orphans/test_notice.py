"""The offer to end what earlier runs left: shown once for each, answered once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow, QPushButton, QStatusBar

from engine.control.commands import EndOrphans
from engine.core.errors import LimitError
from engine.core.events import OrphansChanged
from engine.core.model import Orphan, OrphanProcess, OrphansEnded, OrphanState
from gui.kit.attention import Attention
from gui.kit.strips import Notice
from gui.panels.orphans.notice import OrphanNotice
from tests.gui.keyboard import activate, spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from engine.core.events import EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.fake_control import FakeControl


class Host:
    def __init__(self, qtbot: QtBot, adapter: EngineAdapter, icons: Icons, bus: EventBus) -> None:
        self._bus = bus
        self._now = 0.0
        self.window = QMainWindow()
        bar = QStatusBar()
        self.window.setStatusBar(bar)
        self.attention = Attention(icons, bar, lambda: self._now)
        self.notice = OrphanNotice(adapter, icons, self.attention)
        self.window.resize(1200, 300)
        qtbot.addWidget(self.window)
        activate(self.window)

    def publish(self, *rows: Orphan) -> None:
        self._bus.publish(OrphansChanged(orphans=rows))

    @property
    def strip(self) -> Notice:
        strip = self.attention.shown
        assert isinstance(strip, Notice)
        return strip

    def title(self) -> str:
        return self.strip.words.text()

    def answer(self, words: str) -> None:
        button = next(b for b in self.strip.findChildren(QPushButton) if b.text() == words)
        spin(button.isEnabled)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def later(self, seconds: float) -> None:
        self._now += seconds
        self.strip.tick()


@pytest.fixture
def host(qtbot: QtBot, adapter: EngineAdapter, icons: Icons, bus: EventBus) -> Host:
    return Host(qtbot, adapter, icons, bus)


def row(number: int, state: OrphanState = OrphanState.ORPHAN) -> Orphan:
    return Orphan(f"tag-{number}", f"web-{number}", "s", state, (OrphanProcess(12, "sh"),))


def test_it_ends_them_and_says_so_for_a_while(
    host: Host, control: FakeControl, settle: Callable[[], None]
) -> None:
    control.answers[EndOrphans] = OrphansEnded(2)
    host.publish(row(1), row(2))
    assert host.title() == "2 terminals were left by a Hatchway that did not stop properly"
    assert host.strip.detail.text() == "web-1: sh (12); web-2: sh (12)"
    host.answer("End them")
    settle()
    host.publish()
    assert control.commands == [EndOrphans(kept=False)]
    assert host.title() == "2 terminals ended"
    host.later(11)
    assert host.attention.shown is None


def test_what_was_put_off_is_not_offered_again_until_there_are_others(
    host: Host, control: FakeControl
) -> None:
    host.publish(row(1))
    host.answer("Later")
    assert host.attention.shown is None
    host.publish(row(1), row(9, OrphanState.KEPT))
    assert host.attention.shown is None
    host.publish(row(1), row(2))
    assert host.title().startswith("2 terminals were left")
    assert control.commands == []


def test_it_follows_the_list_and_goes_with_the_last(host: Host) -> None:
    host.publish(row(1))
    first = host.strip
    assert "End it" in [button.text() for button in first.findChildren(QPushButton)]
    host.publish(row(1), row(2))
    assert host.strip is first
    assert host.title().startswith("2 terminals were left")
    assert "End them" in [button.text() for button in first.findChildren(QPushButton)]
    host.publish(row(2, OrphanState.ENDING))
    assert host.attention.shown is None
    host.publish(row(3))
    assert host.title().startswith("1 terminal was left")


def test_one_who_is_about_to_answer_reads_that_they_are_gone(host: Host) -> None:
    host.publish(row(1))
    host.attention.enter()
    host.publish()
    assert host.strip.over
    host.publish(row(2))
    assert len(host.attention.strips) == 2


def test_kept_foreign_and_ending_ones_are_no_question(host: Host) -> None:
    others = [state for state in OrphanState if state is not OrphanState.ORPHAN]
    host.publish(*(row(number, state) for number, state in enumerate(others)))
    assert host.attention.shown is None


def test_a_failure_is_shown_as_a_problem(
    host: Host, control: FakeControl, adapter: EngineAdapter, settle: Callable[[], None]
) -> None:
    problems: list[str] = []
    adapter.problem.connect(lambda title, _: problems.append(title))
    control.answers[EndOrphans] = LimitError("Too many")
    host.publish(row(1))
    host.answer("End it")
    settle()
    assert len(problems) == 1
    assert host.attention.shown is None
