"""The loopback panel's rows and reports; running it for real is in test_real_engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from engine.control.commands import RunSelfTest
from engine.core.errors import HostStoppedError
from engine.core.events import SelfTestStage, TargetsChanged
from engine.core.model import LOCAL_TARGET, Target, TargetKind, TargetState
from engine.core.selftest_report import STAGES, SelfTestReport, StageResult, StageStatus
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE
from gui.kit.style import Mode
from gui.panels.selftest.panel import LoopbackPanel, StageModel, report_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from engine.core.events import EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme
    from tests.gui.fake_control import FakeControl

LOCAL = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)
FAILED = SelfTestReport(
    LOCAL_TARGET,
    (
        StageResult("relay_connect", StageStatus.PASSED, 0.004, "Connected"),
        StageResult("offer_answer", StageStatus.PASSED, 0.02),
        StageResult("ice", StageStatus.FAILED, 5.0, "No pair worked", "ice_failed"),
        *(StageResult(name, StageStatus.SKIPPED) for name in list(STAGES)[3:]),
    ),
)


def test_the_model_keeps_qts_contract(icons: Icons, qtmodeltester: ModelTester) -> None:
    model = StageModel(icons)
    qtmodeltester.check(model)
    for stage in FAILED.stages:
        model.set_result(stage)
    qtmodeltester.check(model)


def test_all_stages_are_listed_before_any_ran(icons: Icons) -> None:
    model = StageModel(icons)
    titles = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert titles == list(STAGES.values())
    assert len(titles) == 10
    assert all(model.index(row, 0).data(FADED_ROLE) for row in range(10))


def test_a_stage_shows_what_it_measured_and_how_long_it_took(icons: Icons) -> None:
    model = StageModel(icons)
    model.set_result(StageResult("echo_rtt", StageStatus.PASSED, 0.043, "p50 0.8 ms"))
    index = model.index(list(STAGES).index("echo_rtt"), 0)
    assert index.data(DETAIL_ROLE) == "p50 0.8 ms"
    assert index.data(NOTE_ROLE) == "43 ms"
    assert index.data(FADED_ROLE) is False
    assert not index.data(Qt.ItemDataRole.DecorationRole).isNull()


def test_a_stage_of_another_version_is_ignored(icons: Icons) -> None:
    model = StageModel(icons)
    model.set_result(StageResult("warp_drive", StageStatus.PASSED))
    assert model.done == 0


def test_the_report_names_every_stage_in_text_and_json(
    qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons
) -> None:
    panel = LoopbackPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    panel.report = FAILED
    panel.copy_text()
    text = QGuiApplication.clipboard().text()
    assert text == report_text(FAILED)
    assert text.splitlines()[0].endswith("failed")
    assert all(title in text for title in STAGES.values())
    panel.copy_json()
    assert json.loads(QGuiApplication.clipboard().text())["failed_stage"] == "ice"


def test_only_what_can_be_opened_can_be_tested_and_the_choice_stays(
    qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons, bus: EventBus
) -> None:
    panel = LoopbackPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    assert not panel.button.isEnabled()
    web = Target("web", TargetKind.CONTAINER, "web", engine="docker")
    old = Target("old", TargetKind.CONTAINER, "old", TargetState.STOPPED, "docker")
    bus.publish(TargetsChanged(targets=(LOCAL, old, web)))
    assert [panel.target.itemText(at) for at in range(panel.target.count())] == [
        LOCAL_TARGET,
        "web",
    ]
    panel.target.setCurrentIndex(1)
    new = Target("abc", TargetKind.CONTAINER, "abc", engine="docker")
    bus.publish(TargetsChanged(targets=(LOCAL, new, web)))
    assert panel.target.currentData() == "web"
    # Nothing is tested in place of one that is gone.
    bus.publish(TargetsChanged(targets=(LOCAL, new)))
    assert panel.target.currentData() is None
    assert not panel.button.isEnabled()
    panel.target.setCurrentIndex(0)
    assert panel.button.isEnabled()


@pytest.fixture
def panel(
    qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons, bus: EventBus
) -> LoopbackPanel:
    panel = LoopbackPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    bus.publish(TargetsChanged(targets=(LOCAL,)))
    return panel


def stage(run: str, name: str, status: StageStatus) -> SelfTestStage:
    return SelfTestStage(run=run, target=LOCAL_TARGET, stage=StageResult(name, status))


def test_a_run_follows_its_own_stages_and_shows_the_report(
    panel: LoopbackPanel, control: FakeControl, settle: Callable[[], None]
) -> None:
    seen: list[int] = []

    def run(command: RunSelfTest) -> SelfTestReport:
        control.publish(stage(command.run, "relay_connect", StageStatus.PASSED))
        # Somebody else runs a test as well.
        control.publish(stage("another", "offer_answer", StageStatus.PASSED))
        seen.append(panel.model.done)
        return FAILED

    control.answers[RunSelfTest] = run
    panel.button.click()
    assert panel.running
    settle()
    assert not panel.running
    assert seen == [1]
    assert panel.report == FAILED
    assert panel.banner.text.startswith("Failed: Find a path (ICE)\nNo pair worked. ")
    assert [command.target for command in control.commands] == [LOCAL_TARGET]


def test_a_test_that_cannot_run_says_why(
    panel: LoopbackPanel, control: FakeControl, settle: Callable[[], None]
) -> None:
    control.answers[RunSelfTest] = HostStoppedError()
    panel.button.click()
    settle()
    assert panel.report is None
    assert "The host has stopped" in panel.banner.text


def test_the_button_needs_the_same_room_with_either_text(
    panel: LoopbackPanel, theme: Theme, settle: Callable[[], None]
) -> None:
    """Else its text is cut until Qt lays out the panel again, as when the theme changes then."""
    panel.show()
    room = panel.button.minimumSizeHint()
    panel.button.click()
    assert panel.button.text() == "Stop"
    assert panel.button.minimumSizeHint() == room
    panel.button.click()
    settle()
    theme.set_mode(Mode.DARK)
    assert panel.button.text() == "Run test"
    assert panel.button.minimumSizeHint() == room
    assert panel.button.width() >= room.width()


def test_a_run_that_is_stopped_says_so(panel: LoopbackPanel, settle: Callable[[], None]) -> None:
    panel.button.click()
    panel.button.click()
    settle()
    assert not panel.running
    assert panel.banner.text.startswith("Test stopped")
