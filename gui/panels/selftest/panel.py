"""The loopback test panel: run the test, watch its stages, copy the report."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QListView,
    QMenu,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from engine.control.commands import RunSelfTest
from engine.core.selftest_report import STAGES, StageStatus
from gui.kit import choices, formats, problems
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE, TwoLineDelegate
from gui.kit.style import Tone
from gui.kit.widgets import Banner, Panel, SteadyButton, tool_button
from gui.panels.targets.model import key, openable

if TYPE_CHECKING:
    import asyncio

    from PySide6.QtCore import QObject

    from engine.core.events import SelfTestStage, TargetsChanged
    from engine.core.selftest_report import SelfTestReport, StageResult
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

Index = QModelIndex | QPersistentModelIndex

RUN, STOP = "Run test", "Stop"
_NO_PARENT = QModelIndex()
_ICONS = {
    StageStatus.RUNNING: ("running", Tone.ACCENT),
    StageStatus.PASSED: ("check", Tone.OK),
    StageStatus.FAILED: ("cross", Tone.ERROR),
    StageStatus.SKIPPED: ("skip", Tone.MUTED),
}


class StageModel(QAbstractListModel):
    """All stages in order; each shows its result once it is known."""

    def __init__(self, icons: Icons, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._names = tuple(STAGES)
        self._results: dict[str, StageResult] = {}

    def clear(self) -> None:
        self.beginResetModel()
        self._results.clear()
        self.endResetModel()

    def set_result(self, result: StageResult) -> None:
        """Update a stage that began or ended. Unknown stages are ignored."""
        if result.name in self._names:
            self._results[result.name] = result
            index = self.index(self._names.index(result.name), 0)
            self.dataChanged.emit(index, index)

    def result(self, row: int) -> StageResult | None:
        return self._results.get(self._names[row])

    @property
    def done(self) -> int:
        """Number of stages that have ended."""
        return sum(r.status is not StageStatus.RUNNING for r in self._results.values())

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._names)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        name = self._names[index.row()]
        result = self._results.get(name)
        if role == Qt.ItemDataRole.DisplayRole:
            return STAGES[name]
        if role == FADED_ROLE:
            return result is None or result.status is StageStatus.SKIPPED
        if role == Qt.ItemDataRole.DecorationRole:
            icon, tone = _ICONS[result.status] if result else ("waiting", Tone.MUTED)
            return self._icons.get(icon, tone)
        if result is None:
            return None
        if role in (DETAIL_ROLE, Qt.ItemDataRole.ToolTipRole):
            return result.detail
        if role == NOTE_ROLE and result.status in (StageStatus.PASSED, StageStatus.FAILED):
            return formats.latency(result.seconds)
        return None


def report_text(report: SelfTestReport) -> str:
    """The report as text: one line per stage."""
    outcome = "passed" if report.passed else "failed"
    lines = [f"Hatchway loopback test of {report.target}: {outcome}"]
    for stage in report.stages:
        detail = f"  {stage.detail}" if stage.detail else ""
        took = formats.latency(stage.seconds)
        lines.append(f"  {stage.status.value:<8} {stage.title:<36} {took:>8}{detail}")
    return "\n".join(lines)


class LoopbackPanel(Panel):
    """``finished`` carries the SelfTestReport, or None if the test could not run."""

    finished = Signal(object)

    def __init__(
        self, adapter: EngineAdapter, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._task: asyncio.Task[Any] | None = None
        self._run_name = ""
        """Identifies the events of this panel's test."""
        self.report: SelfTestReport | None = None
        self.model = StageModel(icons, self)
        self.target = QComboBox()
        self.target.setAccessibleName("Target to test")
        self.target.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.target.setMinimumContentsLength(10)
        self.target.setPlaceholderText("Choose a target")
        self._untouched = True
        """Whether no target was chosen yet: then the first one is."""
        self.button = SteadyButton(RUN, STOP)
        self.button.setProperty("primary", "true")
        self.button.clicked.connect(self.toggle)
        copy = tool_button(icons, "copy", "Copy report")
        copy.setPopupMode(copy.ToolButtonPopupMode.InstantPopup)
        formats_menu = QMenu(copy)
        formats_menu.addAction("Copy as text").triggered.connect(self.copy_text)
        formats_menu.addAction("Copy as JSON").triggered.connect(self.copy_json)
        copy.setMenu(formats_menu)
        self._copy = copy
        head = QWidget()
        head.setObjectName("panelHead")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(7, 6, 7, 6)
        row.addWidget(self.target, 1)
        row.addWidget(self.button)
        row.addWidget(copy)
        self.progress = QProgressBar()
        self.progress.setRange(0, len(STAGES))
        self.progress.setTextVisible(False)
        self.banner = Banner(icons, closable=False)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setAccessibleName("Stages of the loopback test")
        self.view.setItemDelegate(TwoLineDelegate(theme, self.view))
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.view.setIconSize(QSize(20, 20))
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        below = QVBoxLayout()
        below.setContentsMargins(7, 7, 7, 7)
        below.setSpacing(7)
        below.addWidget(self.progress)
        below.addWidget(self.banner)
        self.body.addWidget(head)
        self.body.addLayout(below)
        self.body.addWidget(self.view, 1)
        self.target.currentIndexChanged.connect(lambda _: self._enable())
        adapter.targetsChanged.connect(self._targets_changed)
        adapter.engineReady.connect(self._enable)
        adapter.selfTestStage.connect(self._stage)
        self._enable()
        self.banner.show_message(
            "Test the whole connection",
            "Opens a terminal through the relay, as a guest would, and times each stage.",
            Tone.MUTED,
        )

    @property
    def running(self) -> bool:
        return self._task is not None

    def toggle(self) -> None:
        if self._task is None:
            self.run(self.target.currentData() or "")
        else:
            self._task.cancel()

    def run(self, target_id: str) -> None:
        """Test one target; ``finished`` carries the result. Ignored while a test is running."""
        if self._task is not None or not target_id:
            return
        self.target.setCurrentIndex(self.target.findData(target_id))
        self.report = None
        self.model.clear()
        self.progress.setValue(0)
        self.banner.hide()
        self._task = self._adapter.run(self._test(target_id), self._show_problem)
        if self._task is not None:
            self._task.add_done_callback(lambda _: self._ended())
        self._enable()

    def copy_text(self) -> None:
        if self.report is not None:
            QGuiApplication.clipboard().setText(report_text(self.report))

    def copy_json(self) -> None:
        if self.report is not None:
            QGuiApplication.clipboard().setText(json.dumps(self.report.to_json(), indent=2))

    async def _test(self, target_id: str) -> None:
        self._run_name = secrets.token_hex(8)
        self.report = await self._adapter.perform(RunSelfTest(target_id, self._run_name))
        for stage in self.report.stages:
            self.model.set_result(stage)
        self.progress.setValue(len(STAGES))
        self._show(self.report)

    def _stage(self, event: SelfTestStage) -> None:
        if event.run != self._run_name:
            return
        result = event.stage
        self.model.set_result(result)
        self.progress.setValue(self.model.done)
        if result.status is StageStatus.RUNNING:
            self.view.scrollTo(self.model.index(list(STAGES).index(result.name), 0))

    def _show(self, report: SelfTestReport) -> None:
        failed = report.failed_stage
        if report.passed:
            took = formats.latency(sum(stage.seconds for stage in report.stages))
            self.banner.show_message(
                f"All {len(report.stages)} stages passed",
                f"{report.target} is reachable through the relay. Took {took}.",
                Tone.OK,
            )
        elif failed is not None:
            why = failed.detail.rstrip(".")
            step = problems.next_step(failed.code)
            self.banner.show_message(f"Failed: {failed.title}", f"{why}. {step}" if why else step)

    def _show_problem(self, problem: problems.Problem) -> None:
        self.banner.show_message(problem.title, problem.text)

    def _ended(self) -> None:
        self._task = None
        if self.report is None and not self.banner.isVisibleTo(self):
            self.banner.show_message(
                "Test stopped", "It was stopped before it finished.", Tone.WARN
            )
        self._enable()
        self.finished.emit(self.report)

    def _enable(self) -> None:
        self.button.setText(STOP if self.running else RUN)
        ready = self._adapter.ready and self.target.currentIndex() >= 0
        self.button.setEnabled(self.running or ready)
        self.target.setEnabled(not self.running)
        self._copy.setEnabled(self.report is not None)

    def _targets_changed(self, event: TargetsChanged) -> None:
        targets = [target for target in event.targets if openable(target)]
        choices.update(self.target, [(key(target), target.name, target.id) for target in targets])
        if self._untouched and targets:
            self.target.setCurrentIndex(0)
            self._untouched = False
        self._enable()
