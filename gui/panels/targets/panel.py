"""The targets panel: search, open, share, test.

Opening and testing are requested through signals; sharing is a command of the engine.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent
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

from engine.control.commands import RevokeLink, SetShared, StartTarget
from engine.control.queries import Links
from engine.core.model import EngineState, Target, TargetKind
from engine.core.text import shown
from gui.kit.rows import TwoLineDelegate
from gui.kit.style import Tone
from gui.kit.widgets import Banner, EmptyState, Panel, ask
from gui.panels.targets.model import (
    SEARCH_ROLE,
    TARGET_ROLE,
    TargetModel,
    docker_problem,
    links_in_words,
    openable,
    start_label,
    startable,
)

if TYPE_CHECKING:
    from PySide6.QtCore import QObject, QPoint

    from engine.core.events import DockerStatusChanged, TargetsChanged
    from engine.core.model import DockerStatus, Share
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

_SHARE_LOCAL_TITLE = "Share this computer with guests?"
_SHARE_LOCAL_TEXT = (
    "Anyone with the relay’s guest token can then open a shell as your user, with access to "
    "your files, keys and network. No container isolates it.\n\n"
    "Unless you trust all these guests with this computer, share a container instead."
)


class TargetsPanel(Panel):
    """``openWanted``, ``peerWanted``, ``testWanted`` and ``linkWanted`` carry the target's id."""

    openWanted = Signal(str)
    peerWanted = Signal(str)
    testWanted = Signal(str)
    linkWanted = Signal(str)
    startWanted = Signal(object)
    """A Target that does not run was activated."""
    sharedWithGuests = Signal(object)
    """A Target that guests may open without a link from now on."""
    searchLeft = Signal()
    """Escape was pressed in the empty search field."""
    targetsShown = Signal()
    """The shown targets have changed."""

    def __init__(
        self, adapter: EngineAdapter, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self._docker: dict[str, DockerStatus] = {}
        self.model = TargetModel(icons, self)
        self.proxy = QSortFilterProxyModel(self)
        # Before the view, which would select what is beside a selected row that goes.
        self.proxy.rowsAboutToBeRemoved.connect(self._forget_selected)
        self.proxy.setSourceModel(self.model)
        self.proxy.setFilterRole(SEARCH_ROLE)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.proxy.setRecursiveFilteringEnabled(True)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search targets")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search targets")
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
        self.search.installEventFilter(self)
        self.view.installEventFilter(self)
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
        adapter.sharesChanged.connect(self._count_links)
        adapter.engineReady.connect(self._count_links)
        adapter.startFailed.connect(lambda: self.empty.set_text("Hatchway could not start"))

    def set_targets(self, targets: tuple[Target, ...]) -> None:
        self.model.set_targets(targets)
        self._count_links()
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

    def _forget_selected(self, above: QModelIndex, first: int, last: int) -> None:
        index = self.view.currentIndex()
        if index.parent() == above and first <= index.row() <= last:
            self.view.setCurrentIndex(QModelIndex())

    def menu(self, target: Target) -> QMenu:
        """The menu for one target. The caller shows it; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        open_ = menu.addAction("Open terminal")
        open_.triggered.connect(lambda: self.openWanted.emit(target.id))
        peer = menu.addAction("Connect as a peer")
        peer.setToolTip("Through the relay and over WebRTC, as a guest’s terminal is")
        peer.triggered.connect(lambda: self.peerWanted.emit(target.id))
        test = menu.addAction("Run loopback test")
        test.triggered.connect(lambda: self.testWanted.emit(target.id))
        menu.addSeparator()
        link = menu.addAction("Share…")
        link.triggered.connect(lambda: self.linkWanted.emit(target.id))
        is_open = target.shared or bool(self._links_of(target))
        share = menu.addAction("Stop sharing" if is_open else "Share with guests")
        share.triggered.connect(lambda: self.share(target, not is_open))
        menu.addSeparator()
        copy = menu.addAction("Copy name")
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(target.name))
        for action in (open_, peer, test):
            action.setEnabled(openable(target))
        if startable(target):
            start = QAction(start_label(target), menu)
            start.triggered.connect(lambda: self._adapter.do(StartTarget(target.id)))
            self._icons.bind(start, "running")
            menu.insertAction(open_, start)
        for action, icon in (
            (open_, "terminal"),
            (peer, "relay"),
            (test, "loopback"),
            (link, "share"),
            (share, "sessions"),
            (copy, "copy"),
        ):
            self._icons.bind(action, icon)
        return menu

    def share(self, target: Target, shared: bool) -> None:
        """Share or unshare it. Sharing this computer asks for confirmation."""
        if shared and target.kind is TargetKind.LOCAL:
            self._warn_and_share(target)
        elif shared:
            self._share(target)
        elif links := self._links_of(target):
            words = links_in_words(len(links))
            ask(
                self,
                "Stop sharing?",
                f"Stop sharing {shown(target.name)}?",
                f"{words} to it {'is' if len(links) == 1 else 'are'} revoked, and the sessions of "
                "guests who came that way end.",
                "Stop sharing",
                lambda: self._stop_sharing(target),
            )
        else:
            self._stop_sharing(target)

    def _stop_sharing(self, target: Target) -> None:
        """Every way in, as there are by then."""
        self._adapter.do(SetShared(target.id, False))
        for link in self._links_of(target):
            self._adapter.do(RevokeLink(link.id))

    def _links_of(self, target: Target) -> list[Share]:
        now = time.time()
        links = self._adapter.ask(Links(), ())
        return [one for one in links if one.is_for(target) and not one.state(now).is_over]

    def _count_links(self, _: object = None) -> None:
        # There may be thousands of targets and as many links.
        targets, now = {target.id: target for target in self.model.targets()}, time.time()
        counted: dict[str, int] = {}
        for link in self._adapter.ask(Links(), ()):
            target = targets.get(link.target)
            if target is not None and link.is_for(target) and not link.state(now).is_over:
                counted[target.id] = counted.get(target.id, 0) + 1
        self.model.set_links(counted)

    def _share(self, target: Target) -> None:
        async def share() -> None:
            await self._adapter.perform(SetShared(target.id, True))
            self.sharedWithGuests.emit(target)

        self._adapter.run(share())

    def _warn_and_share(self, target: Target) -> None:
        ask(
            self,
            _SHARE_LOCAL_TITLE,
            _SHARE_LOCAL_TITLE,
            _SHARE_LOCAL_TEXT,
            "Share this computer",
            lambda: self._share(target),
            QMessageBox.Icon.Warning,
        )

    def _tree(self, theme: Theme) -> QTreeView:
        view = QTreeView()
        view.setModel(self.proxy)
        view.setItemDelegate(TwoLineDelegate(theme, view))
        view.setHeaderHidden(True)
        view.setAccessibleName("Targets")
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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the search field into the list and back by keys."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if watched is self.search:
            return self._search_key(event.key())
        if event.key() == Qt.Key.Key_Up and self.view.currentIndex() == self._first_match():
            self.search.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        return False

    def _search_key(self, key: int) -> bool:
        first = self._first_match()
        if key == Qt.Key.Key_Escape:
            if self.search.text():
                self.search.clear()
            else:
                self.searchLeft.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.search.text():
            self._activated(first)
        elif key == Qt.Key.Key_Down and first.isValid():
            self.view.setCurrentIndex(first)
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            return False
        return True

    def _first_match(self) -> QModelIndex:
        """The first target that is shown."""
        for row in range(self.proxy.rowCount()):
            top = self.proxy.index(row, 0)
            if isinstance(top.data(TARGET_ROLE), Target):
                return top
            if self.proxy.rowCount(top):
                return self.proxy.index(0, 0, top)
        return QModelIndex()

    def _search(self, text: str) -> None:
        self.proxy.setFilterFixedString(text)
        self.view.expandAll()
        self._refresh()

    def _activated(self, index: QModelIndex) -> None:
        target = index.data(TARGET_ROLE)
        if not isinstance(target, Target):
            return
        if openable(target):
            self.openWanted.emit(target.id)
        elif startable(target):
            self.startWanted.emit(target)

    def _show_menu(self, at: QPoint) -> None:
        target = self.view.indexAt(at).data(TARGET_ROLE)
        if isinstance(target, Target):
            self.menu(target).popup(self.view.viewport().mapToGlobal(at))

    def _refresh(self) -> None:
        """Show what is missing: no matches, no Docker, no containers."""
        found = self.proxy.rowCount() > 0
        self._stack.setCurrentWidget(self.view if found else self.empty)
        if not found:
            searching = bool(self.search.text())
            self.empty.set_text("No matching targets" if searching else "No targets yet")
        problems = [(s, p) for s in self._docker.values() if (p := docker_problem(s)) is not None]
        ready = any(s.state is EngineState.READY for s in self._docker.values())
        containers = any(t.kind is TargetKind.CONTAINER for t in self.model.targets())
        if problems:
            several = len(self._docker) > 1
            title = " · ".join(
                f"{s.engine}: {p.title}" if several else p.title for s, p in problems
            )
            self.banner.show_message(title, "\n".join(p.text for _, p in problems), Tone.WARN)
        elif ready and not containers:
            self.banner.show_message(
                "No containers",
                "Containers appear here once you start them, for example with docker run.",
                Tone.MUTED,
            )
        else:
            self.banner.hide()
