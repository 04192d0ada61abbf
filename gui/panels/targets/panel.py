"""The panel of targets: search, open, share, test.

Owns the view, its menu and what it says when Docker is away. Does not own the
rows (gui.panels.targets.model) or opening anything: it only says what is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMessageBox,
    QStackedLayout,
    QTreeView,
    QWidget,
)

from engine.control.commands import SetShared
from engine.core.model import EngineState, Target, TargetKind
from gui.kit.rows import TwoLineDelegate
from gui.kit.style import Tone
from gui.kit.widgets import Banner, EmptyState, Panel, ask
from gui.panels.targets.model import (
    SEARCH_ROLE,
    TARGET_ROLE,
    TargetModel,
    docker_problem,
    openable,
)

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPoint

    from engine.core.events import DockerStatusChanged, TargetsChanged
    from engine.core.model import DockerStatus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

_SHARE_LOCAL_TITLE = "Share this computer with guests?"
_SHARE_LOCAL_TEXT = (
    "Every guest who can reach the relay with its link gets a shell as your own user: "
    "your files, your keys, your network. There is no container around it.\n\n"
    "Share a container instead unless you trust each guest with this computer."
)


class TargetsPanel(Panel):
    """``openWanted``, ``testWanted`` and ``linkWanted`` carry the target's id."""

    openWanted = Signal(str)
    testWanted = Signal(str)
    linkWanted = Signal(str)
    targetsShown = Signal()
    """The catalogue has changed and is on screen."""

    def __init__(
        self, adapter: EngineAdapter, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self._docker: dict[str, DockerStatus] = {}
        self.model = TargetModel(icons, self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setFilterRole(SEARCH_ROLE)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.proxy.setRecursiveFilteringEnabled(True)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search targets")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        find = QAction(self.search)
        icons.bind(find, "search", Tone.MUTED)
        self.search.addAction(find, QLineEdit.ActionPosition.LeadingPosition)
        head = QWidget()
        head.setObjectName("panelHead")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(7, 6, 7, 6)
        row.addWidget(self.search)
        self.view = self._tree(theme)
        self.empty = EmptyState(icons, "engine", "Starting…", icon_size=28)
        self.banner = Banner(icons, closable=False)
        below = QWidget()
        margin = QHBoxLayout(below)
        margin.setContentsMargins(7, 0, 7, 7)
        margin.addWidget(self.banner)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        self.body.addWidget(head)
        self.body.addLayout(self._stack, 1)
        self.body.addWidget(below)
        adapter.targetsChanged.connect(self._targets_changed)
        adapter.dockerStatusChanged.connect(self._docker_changed)
        adapter.startFailed.connect(lambda: self.empty.set_text("Hatchway could not start"))

    def set_targets(self, targets: tuple[Target, ...]) -> None:
        self.model.set_targets(targets)
        self.view.expandAll()
        self._refresh()
        self.targetsShown.emit()

    def set_docker(self, status: DockerStatus) -> None:
        self._docker[status.engine] = status
        self.model.set_status(status)
        self.view.expandAll()
        self._refresh()

    def selected(self) -> Target | None:
        target = self.view.currentIndex().data(TARGET_ROLE)
        return target if isinstance(target, Target) else None

    def select(self, target_id: str) -> None:
        self.view.setCurrentIndex(self.proxy.mapFromSource(self.model.index_of(target_id)))

    def menu(self, target: Target) -> QMenu:
        """The menu for one target. The caller shows it; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        open_ = menu.addAction("Open terminal")
        open_.triggered.connect(lambda: self.openWanted.emit(target.id))
        test = menu.addAction("Run loopback test")
        test.triggered.connect(lambda: self.testWanted.emit(target.id))
        menu.addSeparator()
        link = menu.addAction("Share…")
        link.triggered.connect(lambda: self.linkWanted.emit(target.id))
        share = menu.addAction("Stop sharing" if target.shared else "Share with guests")
        share.triggered.connect(lambda: self.share(target, not target.shared))
        menu.addSeparator()
        copy = menu.addAction("Copy name")
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(target.name))
        for action in (open_, test):
            action.setEnabled(openable(target))
        for action, icon in (
            (open_, "terminal"),
            (test, "loopback"),
            (link, "share"),
            (share, "sessions"),
            (copy, "copy"),
        ):
            self._icons.bind(action, icon)
        return menu

    def share(self, target: Target, shared: bool) -> None:
        """Let guests open it, or no longer. This computer only after a warning is accepted."""
        if shared and target.kind is TargetKind.LOCAL:
            self._warn_and_share(target)
        else:
            self._adapter.do(SetShared(target.id, shared))

    def _warn_and_share(self, target: Target) -> None:
        ask(
            self,
            _SHARE_LOCAL_TITLE,
            _SHARE_LOCAL_TITLE,
            _SHARE_LOCAL_TEXT,
            "Share this computer",
            lambda: self._adapter.do(SetShared(target.id, True)),
            QMessageBox.Icon.Warning,
        )

    def _tree(self, theme: Theme) -> QTreeView:
        view = QTreeView()
        view.setModel(self.proxy)
        view.setItemDelegate(TwoLineDelegate(theme, view))
        view.setHeaderHidden(True)
        view.setRootIsDecorated(False)
        view.setItemsExpandable(False)
        view.setIndentation(0)
        view.setMouseTracking(True)
        view.setIconSize(QSize(20, 20))
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setExpandsOnDoubleClick(False)
        view.activated.connect(self._activated)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        return view

    def _targets_changed(self, event: TargetsChanged) -> None:
        self.set_targets(event.targets)

    def _docker_changed(self, event: DockerStatusChanged) -> None:
        self.set_docker(event.status)

    def _search(self, text: str) -> None:
        self.proxy.setFilterFixedString(text)
        self.view.expandAll()
        self._refresh()

    def _activated(self, index: QModelIndex) -> None:
        target = index.data(TARGET_ROLE)
        if isinstance(target, Target) and openable(target):
            self.openWanted.emit(target.id)

    def _show_menu(self, at: QPoint) -> None:
        target = self.view.indexAt(at).data(TARGET_ROLE)
        if isinstance(target, Target):
            self.menu(target).popup(self.view.viewport().mapToGlobal(at))

    def _refresh(self) -> None:
        """Say what is missing: nothing found, Docker away, no containers."""
        found = self.proxy.rowCount() > 0
        self._stack.setCurrentWidget(self.view if found else self.empty)
        if not found:
            searching = bool(self.search.text())
            self.empty.set_text("Nothing found" if searching else "No targets yet")
        told = [(s, p) for s in self._docker.values() if (p := docker_problem(s)) is not None]
        ready = any(s.state is EngineState.READY for s in self._docker.values())
        containers = any(t.kind is TargetKind.CONTAINER for t in self.model.targets())
        if told:
            several = len(self._docker) > 1
            title = " · ".join(f"{s.engine}: {p.title}" if several else p.title for s, p in told)
            self.banner.show_message(title, "\n".join(p.text for _, p in told), Tone.WARN)
        elif ready and not containers:
            self.banner.show_message(
                "No containers", "Start one with docker run and it appears here.", Tone.MUTED
            )
        else:
            self.banner.hide()
