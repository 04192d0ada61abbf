"""The ICE log panel: filter, follow, pause, copy, save, clear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QFontDatabase, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStackedLayout,
    QTreeView,
    QWidget,
)

from engine.core.events import SessionCreated
from engine.core.text import shown
from gui.kit import formats
from gui.kit.widgets import EmptyState, Panel, named_label, tool_button
from gui.panels.log.model import LogModel, line_of

if TYPE_CHECKING:
    from engine.core.events import Event
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

MAX_SESSIONS_LISTED = 200
"""Sessions listed in the filter; the oldest are dropped first."""
_FIRST_SESSION = 2
"""Index of the first session in the filter, after “All sessions” and “Relay”."""


class IceLogPanel(Panel):
    """Shows every session and relay event since it was created."""

    cleared = Signal(object)
    """The log was cleared; carries a function that restores the lines."""

    def __init__(
        self, adapter: EngineAdapter, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self.model = LogModel(theme, parent=self)
        self._controls()
        self.view = self._list()
        self._empty = EmptyState(
            icons,
            "log",
            "No log lines",
            "ICE candidates, states and selected paths of all sessions appear here.",
            icon_size=28,
        )
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        self.body.addLayout(self._stack, 1)
        for signal in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            signal.connect(self._changed)
        self.model.waitingChanged.connect(self._show_waiting)
        adapter.sessionEvent.connect(self.add)
        adapter.relayStateChanged.connect(self.add)

    def add(self, event: Event) -> None:
        if isinstance(event, SessionCreated):
            self._list_session(event)
        line = line_of(event)
        if line is not None:
            self.model.add(line)

    def show_session(self, session_id: str) -> None:
        """Filter by one session, if it is known."""
        at = self.session.findData(session_id)
        if at >= 0:
            self.session.setCurrentIndex(at)

    def selected_text(self) -> str:
        """The selected lines, or all shown lines if none is selected."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        lines = [self.model.line(row) for row in rows] or list(self.model.lines())
        return "\n".join(map(str, lines))

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.selected_text())

    def _clear(self) -> None:
        lines = self.model.clear()
        if lines:
            self.cleared.emit(lambda: self.model.restore(lines))

    def save(self) -> None:
        """Ask for a file without blocking the loop, then write the shown lines."""
        dialog = QFileDialog(self, "Save ICE log", "ice-log.txt")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_to)
        dialog.setModal(False)
        dialog.show()

    def save_to(self, path: str) -> None:
        text = "".join(f"{line}\n" for line in self.model.lines())
        try:
            # Not with whole_file: the user may have chosen a pipe or a device, and the umask
            # decides who can read it.
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            self._adapter.problem.emit(
                "The log could not be saved", f"{path}: {error.strerror}. Choose another location."
            )

    def _controls(self) -> None:
        self.session = QComboBox()
        self.session.setAccessibleName("Session")
        self.session.addItem("All sessions", None)
        self.session.addItem("Relay", "")
        self.session.setMinimumWidth(190)
        self.session.currentIndexChanged.connect(self._filter)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter by text")
        self.search.setAccessibleName("Filter by text")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        find = QAction(self.search)
        self._icons.bind(find, "search")
        self.search.addAction(find, QLineEdit.ActionPosition.LeadingPosition)
        self._waiting = named_label("muted")
        self.follow = tool_button(self._icons, "follow", "Follow new lines", checkable=True)
        self.follow.setChecked(True)
        self.follow.toggled.connect(self._follow)
        self.pause = tool_button(self._icons, "pause", "Pause", checkable=True)
        self.pause.toggled.connect(self.model.pause)
        copy = tool_button(self._icons, "copy", "Copy selected lines, or all")
        copy.clicked.connect(self.copy)
        save = tool_button(self._icons, "save", "Save shown lines…")
        save.clicked.connect(self.save)
        clear = tool_button(self._icons, "clear", "Clear")
        clear.clicked.connect(self._clear)
        head = QWidget()
        head.setObjectName("panelHead")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(7, 6, 7, 6)
        row.setSpacing(5)
        row.addWidget(self.session)
        row.addWidget(self.search, 1)
        row.addWidget(self._waiting)
        for button in (self.follow, self.pause, copy, save, clear):
            row.addWidget(button)
        self.body.addWidget(head)

    def _list(self) -> QTreeView:
        view = QTreeView()
        view.setObjectName("log")
        view.setAccessibleName("ICE log")
        view.setModel(self.model)
        view.setRootIsDecorated(False)
        # Laying out 10,000 rows is fast only if Qt knows that all have the same height.
        view.setUniformRowHeights(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        mono.setPointSizeF(view.font().pointSizeF())
        view.setFont(mono)
        header = view.header()
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        cell = view.fontMetrics().horizontalAdvance("0")
        view.setColumnWidth(0, cell * 12 + 24)
        view.setColumnWidth(1, cell * 8 + 30)
        copy = QAction("Copy", view)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy)
        view.addAction(copy)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        view.verticalScrollBar().actionTriggered.connect(self._scrolled)
        return view

    def _list_session(self, event: SessionCreated) -> None:
        if self.session.count() - _FIRST_SESSION >= MAX_SESSIONS_LISTED:
            # Not the one that is shown.
            first = _FIRST_SESSION + (self.session.currentIndex() == _FIRST_SESSION)
            self.session.removeItem(first)
        label = f"{formats.short_id(event.session_id)}  {shown(event.device_id)}"
        self.session.addItem(label, event.session_id)

    def _filter(self) -> None:
        self.model.set_filter(self.session.currentData(), self.search.text())

    def _changed(self) -> None:
        has_lines = self.model.rowCount() > 0
        self._stack.setCurrentWidget(self.view if has_lines else self._empty)
        if self.follow.isChecked():
            self.view.scrollToBottom()

    def _follow(self, on: bool) -> None:
        if on:
            self.view.scrollToBottom()

    def _scrolled(self) -> None:
        """The user scrolled: scrolling up stops following, scrolling to the end resumes it."""
        bar = self.view.verticalScrollBar()
        self.follow.setChecked(bar.sliderPosition() >= bar.maximum())

    def _show_waiting(self, count: int) -> None:
        self._waiting.setText(f"{count} new" if count else "")
