"""The shells panel: who is in which terminal, and what the host can do about it.

What needs a tab or a dialog is requested through signals; everything else are commands of the
engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QStackedLayout,
    QTreeView,
    QWidget,
)

from engine.control.commands import (
    DenyKeyboard,
    EndShell,
    Freeze,
    GrantKeyboard,
    Lock,
    OpenKeyboard,
    PinSize,
    Record,
    RemoveGuest,
    SetRole,
)
from engine.control.queries import GuestRestrictions, Sessions
from engine.core.model import AfterRemoval, KeyboardState, Restrictions, Role, Size
from gui.kit import people
from gui.kit.widgets import EmptyState, IconButton, Panel
from gui.panels.shells.model import COLUMNS, PERSON_ROLE, SHELL_ROLE, ShellModel

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPoint
    from PySide6.QtGui import QResizeEvent

    from engine.control.commands import Command
    from engine.core.model import ParticipantInfo, ShellInfo
    from gui.control.adapter import EngineAdapter
    from gui.control.shells import ShellBook
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons

FREEZE, UNFREEZE = "Freeze all guests", "Unfreeze all guests"
LOCK, UNLOCK = "Lock", "Unlock"
SIZES = (Size(80, 24), Size(120, 40))
"""Offered for pinning, beside the present one."""
REMOVALS = (
    (AfterRemoval.ASK, "And ask me about everyone with this link"),
    (AfterRemoval.REVOKE, "And revoke the link for everyone"),
    (AfterRemoval.NOTHING, "Only this guest"),
)
REMOVALS_WITHOUT_LINK = (
    (AfterRemoval.ADDRESS, "And refuse this address for 10 minutes"),
    (AfterRemoval.NOTHING, "Only this guest"),
)


class ShellsPanel(Panel):
    """The signals carry the id of a shell."""

    watchWanted = Signal(str)
    takeOverWanted = Signal(str)
    shareWanted = Signal(str)
    selectionChanged = Signal()

    def __init__(
        self,
        adapter: EngineAdapter,
        icons: Icons,
        book: ShellBook,
        attention: Attention,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self._book = book
        self._attention = attention
        self._restrictions = Restrictions()
        self.model = ShellModel(icons, book, parent=self)
        self.view = self._tree()
        self.empty = EmptyState(
            icons,
            "terminal",
            "No terminals yet",
            "Terminals that run on this computer, and everyone in them, appear here.",
            icon_size=28,
        )
        self.watch = self._button("Watch", "eye", "Show it without typing", self._watch)
        self.take = self._button(
            "Take over", "keyboard", "Show it and take the keyboard", self._take_over
        )
        self.share = self._button("Share…", "share", "Create a link to it", self._share)
        self.more = self._button("More", "more", "Everything else you can do with it", self._more)
        self.freeze = self._button(
            FREEZE, "snow", "No guest can type, in any terminal", self._freeze_all, UNFREEZE
        )
        self.lock = self._button(
            LOCK, "lock", "Freeze all guests and pause all links", self._lock_all, UNLOCK
        )
        self.body.addWidget(self._head())
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        self.body.addLayout(self._stack, 1)
        self.model.rowsInserted.connect(self._inserted)
        self.model.rowsRemoved.connect(lambda *_: self._refresh())
        # Not the dataChanged: times and routes of hundreds of shells change every second.
        book.changed.connect(lambda _: self._enable())
        adapter.guestsRestricted.connect(self._show_restrictions)
        adapter.sharesChanged.connect(self._show_restrictions)
        adapter.engineReady.connect(self._show_restrictions)
        self._unfold([shell.id for shell in book.all()])
        self._refresh()

    # -- selection

    def selected(self) -> tuple[ShellInfo | None, ParticipantInfo | None]:
        """The selected shell, and who is selected in it."""
        index = self.view.currentIndex()
        shell = self._book.shell(str(index.data(SHELL_ROLE) or ""))
        if shell is None:
            return None, None
        person = index.data(PERSON_ROLE)
        return shell, next((one for one in shell.participants if one.id == person), None)

    def select(self, shell_id: str, person: str = "") -> None:
        self.view.setCurrentIndex(self.model.index_of(shell_id, person))

    # -- menus

    def menu(self) -> QMenu:
        """The menu for what is selected. The caller shows it; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        shell, person = self.selected()
        if shell is None:
            return menu
        if person is not None and not person.kind.is_host:
            self._person_entries(menu, shell, person)
            menu.addSeparator()
        self._shell_entries(menu, shell)
        return menu

    def _person_entries(self, menu: QMenu, shell: ShellInfo, person: ParticipantInfo) -> None:
        where = (shell.id, person.id)
        menu.addSection(people.name(person).replace("&", "&&"))
        if person.id in shell.asking:
            self._entry(menu, "Give the keyboard", "keyboard", GrantKeyboard(*where))
            self._entry(menu, "Not now", "close", DenyKeyboard(*where))
        elif person.id != shell.holder:
            self._entry(menu, "Give the keyboard", "keyboard", GrantKeyboard(*where))
        if person.role is Role.CONTROL:
            self._entry(menu, "View only", "eye", SetRole(*where, Role.VIEW))
        else:
            self._entry(menu, "Let type", "keyboard", SetRole(*where, Role.CONTROL))
        removal = menu.addMenu("Remove guest")
        self._icons.bind(removal, "kick")
        for then, words in self._removals(person):
            action = removal.addAction(words)
            command = RemoveGuest(*where, then)
            action.triggered.connect(lambda _checked, command=command: self._adapter.do(command))

    def _removals(self, person: ParticipantInfo) -> tuple[tuple[AfterRemoval, str], ...]:
        sessions = self._adapter.ask(Sessions(), ())
        by_link = any(s.id == person.session_id and s.guest.share for s in sessions)
        return REMOVALS if by_link else REMOVALS_WITHOUT_LINK

    def _shell_entries(self, menu: QMenu, shell: ShellInfo) -> None:
        menu.addSection(people.title(shell).replace("&", "&&"))
        self._call(menu, "Watch", "eye", self._watch)
        self._call(menu, "Take over", "keyboard", self._take_over)
        if shell.keyboard is KeyboardState.TAKEN:
            self._entry(menu, "Hand the keyboard back", "undo", OpenKeyboard(shell.id))
        frozen = shell.keyboard is KeyboardState.FROZEN
        self._entry(
            menu,
            "Unfreeze guests" if frozen else "Freeze guests",
            "snow",
            Freeze(shell.id, not frozen),
        )
        menu.addSeparator()
        self._call(menu, "Share…", "share", self._share)
        records = shell.recording_since is not None
        self._entry(
            menu, "Stop recording" if records else "Record", "rec", Record(shell.id, not records)
        )
        sizes = menu.addMenu("Size")
        self._icons.bind(sizes, "pin")
        self._size_entries(sizes, shell)
        menu.addSeparator()
        self._call(menu, "End…", "close", lambda: self.end(shell.id))

    def _size_entries(self, menu: QMenu, shell: ShellInfo) -> None:
        automatic = menu.addAction("Automatic: the smallest window of those who type")
        automatic.setCheckable(True)
        automatic.setChecked(shell.pinned is None)
        automatic.triggered.connect(lambda: self._adapter.do(PinSize(shell.id, None)))
        for size in dict.fromkeys((shell.pinned or shell.size, *SIZES)):
            action = menu.addAction(f"Pin {size.cols}×{size.rows}")
            action.setCheckable(True)
            action.setChecked(shell.pinned == size)
            command = PinSize(shell.id, size)
            action.triggered.connect(lambda _checked, command=command: self._adapter.do(command))

    def end(self, shell_id: str) -> None:
        """Ask whether to end a shell: its programs end, too, for everyone."""
        shell = self._book.shell(shell_id)
        if shell is None:
            return
        names = people.listed([people.name(one) for one in people.guests(shell)])
        self._attention.ask(
            f"End {people.title(shell)}?",
            f"Its programs end, also for {names}." if names else "Its programs end.",
            "End it",
            lambda: self._adapter.do(EndShell(shell_id)),
        )

    def _entry(self, menu: QMenu, text: str, icon: str, command: Command[None]) -> None:
        self._call(menu, text, icon, lambda: self._adapter.do(command))

    def _call(self, menu: QMenu, text: str, icon: str, act: Callable[[], object]) -> None:
        action = menu.addAction(text)
        action.triggered.connect(lambda: act())
        self._icons.bind(action, icon)

    # -- actions

    def _watch(self) -> None:
        self._emit(self.watchWanted)

    def _take_over(self) -> None:
        self._emit(self.takeOverWanted)

    def _share(self) -> None:
        self._emit(self.shareWanted)

    def _emit(self, signal: object) -> None:
        shell, _ = self.selected()
        if shell is not None:
            signal.emit(shell.id)  # type: ignore[attr-defined]  # a bound signal

    def _more(self) -> None:
        self.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _freeze_all(self) -> None:
        self._adapter.do(Freeze("", on=not self._restrictions.frozen))

    def _lock_all(self) -> None:
        # Unlocking also thaws what was frozen for all.
        self._adapter.do(Lock(on=not self._restrictions.locked))

    # -- display

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow panel the last columns go first."""
        super().resizeEvent(event)
        room = self.width() - COLUMNS[0].width
        for at, column in enumerate(COLUMNS[1:], 1):
            room -= column.width
            self.view.setColumnHidden(at, room < 0)

    def _inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        rows = (self.model.index(row, 0, parent) for row in range(first, last + 1))
        self._unfold(sorted({str(index.data(SHELL_ROLE)) for index in rows}))
        self._refresh()

    def _unfold(self, shells: list[str]) -> None:
        def unfold() -> None:
            for shell_id in shells:
                self.view.expand(self.model.index_of(shell_id))

        # Expanding rows while the model changes them would come too early.
        QTimer.singleShot(0, self, unfold)

    def _refresh(self) -> None:
        self._stack.setCurrentWidget(self.view if self.model.rowCount() else self.empty)
        self._enable()

    def _enable(self) -> None:
        shell, _ = self.selected()
        for button in (self.watch, self.take, self.share, self.more):
            button.setEnabled(shell is not None)
        self._show_restrictions()
        self.selectionChanged.emit()

    def _show_restrictions(self, _: object = None) -> None:
        """As the engine knows them: others may freeze and lock, too."""
        now = self._restrictions = self._adapter.ask(GuestRestrictions(), Restrictions())
        anybody = any(people.guests(one) for one in self._book.all())
        self.freeze.setText(UNFREEZE if now.frozen else FREEZE)
        self.freeze.setEnabled(not now.locked and (now.frozen or anybody))
        self.lock.setText(UNLOCK if now.locked else LOCK)
        self.lock.setToolTip(
            "Let guests type and links work again"
            if now.locked
            else "Freeze all guests and pause all links"
        )

    # -- construction

    def _button(
        self, text: str, icon: str, tip: str, pressed: Callable[[], object], *later: str
    ) -> QPushButton:
        """``later``: texts that it may show later."""
        button = IconButton(text, self._icons, icon, *later)
        button.setObjectName("stripButton")
        button.setIconSize(QSize(14, 14))
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: pressed())
        return button

    def _head(self) -> QWidget:
        head = QWidget()
        head.setObjectName("panelHead")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(7, 5, 7, 5)
        row.setSpacing(6)
        for button in (self.watch, self.take, self.share, self.more):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.freeze)
        row.addWidget(self.lock)
        return head

    def _tree(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self.model)
        view.setObjectName("shells")
        view.setAccessibleName("Terminals and people")
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setExpandsOnDoubleClick(False)
        view.setUniformRowHeights(True)
        view.setIconSize(QSize(16, 16))
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = view.header()
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        for at, column in enumerate(COLUMNS):
            view.setColumnWidth(at, column.width)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(60)
        view.activated.connect(self._activated)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.selectionModel().currentChanged.connect(lambda *_: self._enable())
        return view

    def _activated(self, index: QModelIndex) -> None:
        self.watchWanted.emit(index.data(SHELL_ROLE))

    def _show_menu(self, at: QPoint) -> None:
        if self.view.indexAt(at).isValid():
            self.menu().popup(self.view.viewport().mapToGlobal(at))
