"""The sessions panel: the table and its menu.

Ending a session and showing its log are requested through signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStackedLayout,
    QTableView,
)

from engine.core.text import escaped
from gui.kit.widgets import EmptyState, Panel
from gui.panels.sessions.model import COLUMNS, ID_ROLE, SORT_ROLE, SessionModel

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons

ROW_HEIGHT = 30


class SessionsPanel(Panel):
    """``countChanged`` carries the number of sessions, ``logWanted`` a session's id."""

    countChanged = Signal(int)
    selectionChanged = Signal()
    logWanted = Signal(str)
    shareWanted = Signal(str)
    """The id of a session whose terminal is to be shared."""
    endWanted = Signal(tuple, bool)
    """Ids of sessions to end, and whether their guests count as removed."""

    def __init__(self, adapter: EngineAdapter, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self.model = SessionModel(icons, parent=self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.view = self._table()
        self.empty = EmptyState(
            icons,
            "sessions",
            "No sessions yet",
            "Terminals you open and guests who connect appear here.",
            icon_size=28,
        )
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        self.body.addLayout(self._stack)
        self._listen()

    def selected(self) -> tuple[str, ...]:
        """The ids of the selected sessions, in the order shown."""
        rows = self.view.selectionModel().selectedRows()
        return tuple(index.data(ID_ROLE) for index in sorted(rows, key=lambda i: i.row()))

    def close_selected(self) -> None:
        self.endWanted.emit(self.selected(), False)

    def kick_selected(self) -> None:
        self.endWanted.emit(self.selected(), True)

    def copy_selected(self) -> None:
        """Copy the selected ids to the clipboard, one per line."""
        QGuiApplication.clipboard().setText("\n".join(map(escaped, self.selected())))

    def select(self, session_id: str) -> None:
        for row in range(self.proxy.rowCount()):
            if self.proxy.index(row, 0).data(ID_ROLE) == session_id:
                self.view.selectRow(row)

    def menu(self) -> QMenu:
        """The menu for the selected sessions. The caller shows it; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        several = len(self.selected()) > 1
        share = menu.addAction("Share this terminal…")
        share.triggered.connect(lambda: self.shareWanted.emit(self.selected()[0]))
        share.setEnabled(not several)
        self._icons.bind(share, "share")
        menu.addSeparator()
        close = menu.addAction("Close sessions" if several else "Close session")
        close.triggered.connect(self.close_selected)
        kick = menu.addAction("Remove guests" if several else "Remove guest")
        kick.triggered.connect(self.kick_selected)
        menu.addSeparator()
        copy = menu.addAction("Copy IDs" if several else "Copy ID")
        copy.triggered.connect(self.copy_selected)
        log = menu.addAction("Show ICE log")
        log.triggered.connect(lambda: self.logWanted.emit(self.selected()[0]))
        log.setEnabled(not several)
        for action, icon in ((close, "close"), (kick, "kick"), (copy, "copy"), (log, "log")):
            self._icons.bind(action, icon)
        return menu

    def _table(self) -> QTableView:
        view = QTableView()
        view.setAccessibleName("Sessions")
        view.setModel(self.proxy)
        view.setSortingEnabled(True)
        view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(60)
        for at, column in enumerate(COLUMNS):
            view.setColumnWidth(at, column.width)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.selectionModel().selectionChanged.connect(lambda *_: self.selectionChanged.emit())
        return view

    def _listen(self) -> None:
        adapter, model = self._adapter, self.model
        adapter.sessionCreated.connect(model.created)
        adapter.sessionStateChanged.connect(model.state_changed)
        adapter.ptyConnected.connect(model.pty_connected)
        adapter.iceConnection.connect(model.ice_changed)
        adapter.icePairSelected.connect(model.pair_selected)
        adapter.traffic.connect(model.traffic)
        adapter.codeKnown.connect(model.code_known)
        adapter.sessionIdle.connect(model.idle)
        adapter.sessionClosed.connect(model.closed)
        model.rowsInserted.connect(self._count)
        model.rowsRemoved.connect(self._count)

    def _count(self) -> None:
        count = self.model.rowCount()
        self._stack.setCurrentWidget(self.view if count else self.empty)
        self.countChanged.emit(count)

    def _show_menu(self, at: QPoint) -> None:
        if self.view.indexAt(at).isValid():
            self.menu().popup(self.view.viewport().mapToGlobal(at))
