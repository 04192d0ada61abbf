"""The terminal tabs: opening, closing, reopening, and which is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QMenu,
    QStackedLayout,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

from engine.control.commands import Record
from engine.core.model import LOCAL_TARGET, KeyboardState, Role, TargetState
from gui.kit import formats, people
from gui.kit.style import Tone
from gui.kit.widgets import EmptyState
from gui.panels.terminals.closed import ClosedTabs, short
from gui.panels.terminals.tab import MakeWidget, TerminalTab
from gui.panels.terminals.ways import as_peer, by_link, running_shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QPoint

    from engine.core.events import TargetsChanged
    from gui.control.adapter import EngineAdapter
    from gui.control.shells import ShellBook
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons
    from gui.kit.strips import Notice
    from gui.panels.terminals.ways import Way


class TerminalTabs(QWidget):
    """All terminals, or a hint how to open one while there is none."""

    changed = Signal()
    """A tab came, went or changed state."""
    noted = Signal(str, str)
    """A program's note, where that is allowed, or a sentence of another host: title and text."""
    shareWanted = Signal(str)
    """The id of a shell."""

    def __init__(
        self,
        adapter: EngineAdapter,
        icons: Icons,
        book: ShellBook,
        make_widget: MakeWidget,
        attention: Attention,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self._book = book
        self._attention = attention
        self._make_widget = make_widget
        self._closed = ClosedTabs(attention, self._reopened, self)
        self._closed.changed.connect(self.changed)
        self._front: TerminalTab | None = None
        self._questions: dict[TerminalTab, Notice] = {}
        self._names: dict[str, str] = {}
        """The id of each container by its ``ref``."""
        adapter.targetsChanged.connect(self._targets_changed)
        self.empty = EmptyState(
            icons,
            "terminal",
            "Open a terminal",
            "Double-click a container or This computer on the left.",
            "New terminal on this computer",
            icon_size=48,
        )
        self.empty.pressed.connect(lambda: self.open(LOCAL_TARGET))
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Terminals")
        self.tabs.setDocumentMode(False)
        self.tabs.setMovable(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setIconSize(QSize(16, 16))
        self.tabs.currentChanged.connect(self._entered)
        bar = self.tabs.tabBar()
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        bar.customContextMenuRequested.connect(self._show_menu)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.tabs)

    def all(self) -> tuple[TerminalTab, ...]:
        widgets = (self.tabs.widget(at) for at in range(self.tabs.count()))
        return tuple(tab for tab in widgets if isinstance(tab, TerminalTab))

    def current(self) -> TerminalTab | None:
        tab = self.tabs.currentWidget()
        return tab if isinstance(tab, TerminalTab) else None

    def open(self, target_id: str, way: Way | None = None, *, watches: bool = False) -> TerminalTab:
        """A new tab for a terminal in ``target_id``, in front, connecting; see TerminalTab."""
        tab = TerminalTab(
            self._adapter,
            self._icons,
            self._book,
            self._make_widget,
            target_id,
            way,
            watches=watches,
        )
        tab.titleChanged.connect(lambda _: self._show(tab))
        tab.stateChanged.connect(lambda: self._show(tab))
        tab.rang.connect(lambda: self._rang(tab))
        tab.noted.connect(self.noted)
        tab.shareWanted.connect(self.shareWanted)
        tab.closeWanted.connect(lambda: self.close_tab(tab))
        self._insert(self.tabs.count(), tab)
        tab.connect_terminal()
        return tab

    def open_peer(self, target_id: str) -> TerminalTab:
        """A new tab that is connected as a guest's terminal is: through the relay."""
        return self.open(target_id, as_peer(self._adapter, target_id))

    def open_link(self, url: str, name: str) -> TerminalTab:
        """A new tab for what a link of somebody else opens, as a guest called ``name``."""
        return self.open("Link", by_link(self._adapter, url, name))

    def watch(self, shell_id: str) -> TerminalTab | None:
        """Show the tab that has this shell, or one that watches it; None when it has ended."""
        return self.tab_of_shell(shell_id) or self._enter(shell_id, Role.VIEW)

    def control(self, shell_id: str) -> TerminalTab | None:
        """Like watch(), to type in it."""
        return self.tab_of_shell(shell_id) or self._enter(shell_id, Role.CONTROL)

    def take_over(self, shell_id: str) -> None:
        """Show a running shell and take its keyboard, once attached."""
        tab = self.control(shell_id)
        if tab is None:
            return
        self.tabs.setCurrentWidget(tab)
        if tab.connected:
            tab.take_keyboard()
        else:
            tab.take_when_connected()

    def tab_of_shell(self, shell_id: str) -> TerminalTab | None:
        """The tab that has a shell, brought to the front."""
        tab = next((tab for tab in self.all() if shell_id and tab.shell_id == shell_id), None)
        if tab is not None:
            self.tabs.setCurrentWidget(tab)
        return tab

    def _enter(self, shell_id: str, role: Role) -> TerminalTab | None:
        shell = self._book.shell(shell_id)
        if shell is None:
            return None
        way = running_shell(self._adapter, shell_id, role)
        return self.open(shell.target, way, watches=role is Role.VIEW)

    def close_tab(self, tab: TerminalTab | None = None) -> None:
        """Close a tab, the current one by default.

        Its program keeps running until closing can no longer be undone: there may be unsaved
        work in a shell. With guests in it, it asks what to do with them.
        """
        tab = tab or self.current()
        if tab is None or self.tabs.indexOf(tab) < 0:
            return
        if tab.ends_shell and tab.guests:
            self._ask_about_guests(tab)
        else:
            self._put_away(tab)

    def _put_away(self, tab: TerminalTab) -> None:
        at = self.tabs.indexOf(tab)
        self._remove(tab)
        tab.hide()
        self._closed.add(tab, at)

    def _ask_about_guests(self, tab: TerminalTab) -> None:
        """One question for each tab, which is void when the last guest leaves."""
        if (open_ := self._questions.get(tab)) is not None:
            self._attention.bring_to_front(open_)
            return
        names = people.listed([people.name(one) for one in tab.guests])
        number = people.counted(len(tab.guests), "guest is", "guests are")

        def end() -> None:
            self._discard(tab, tab.end)

        def leave() -> None:
            self._discard(tab, lambda: tab.shut(keep=True))

        question = self._questions[tab] = self._attention.choose(
            f"{number} in this terminal: {names}",
            short(tab.title),
            (
                ("Cancel", lambda: None, False),
                ("Keep it running", leave, False),
                ("End it", end, True),
            ),
        )
        question.closed.connect(lambda: self._questions.pop(tab, None))

    def _discard(self, tab: TerminalTab, let_go: Callable[[], None]) -> None:
        """Close a tab without a way back."""
        if self.tabs.indexOf(tab) >= 0:
            self._remove(tab)
            let_go()
            tab.deleteLater()
            self.changed.emit()

    def reopen(self) -> None:
        """Bring back the tab that was closed last."""
        self._closed.reopen_last()

    @property
    def closed(self) -> int:
        """How many closed tabs can be reopened."""
        return len(self._closed)

    def tab_of(self, session_id: str) -> TerminalTab | None:
        """The tab of one of this window's own sessions, if it has one."""
        return next((t for t in self.all() if session_id and t.session_id == session_id), None)

    def _targets_changed(self, event: TargetsChanged) -> None:
        """Tabs follow a container that is renamed, and show that it is paused."""
        before, self._names = self._names, {t.ref: t.id for t in event.targets if t.ref}
        renamed = {
            before[ref]: name for ref, name in self._names.items() if before.get(ref, name) != name
        }
        paused = {t.id for t in event.targets if t.state is TargetState.PAUSED}
        for tab in (*self.all(), *self._closed.tabs):
            if tab.elsewhere:
                continue
            if tab.target_id in renamed:
                tab.target_renamed(renamed[tab.target_id])
            tab.target_paused(tab.target_id in paused)

    def close_all(self) -> None:
        """End every terminal, closed ones too."""
        self._closed.end_all()
        for tab in self.all():
            self._remove(tab)
            tab.shut()
            tab.deleteLater()
        self.changed.emit()

    def _insert(self, at: int, tab: TerminalTab) -> None:
        """Show it as a tab, in front, with focus."""
        at = self.tabs.insertTab(at, tab, tab.target_id)
        self.tabs.tabBar().setTabButton(
            at, QTabBar.ButtonPosition.RightSide, self._close_button(tab)
        )
        self._stack.setCurrentWidget(self.tabs)
        self.tabs.setCurrentIndex(at)
        self._show(tab)
        tab.terminal.take_focus()

    def _remove(self, tab: TerminalTab) -> None:
        focus = QApplication.focusWidget()
        inside = focus is not None and tab.isAncestorOf(focus)
        self.tabs.removeTab(self.tabs.indexOf(tab))
        if not self.tabs.count():
            self._stack.setCurrentWidget(self.empty)
            if inside:
                # Not to a button, which the next space would press.
                self.setFocus()

    def _reopened(self, tab: TerminalTab, at: int) -> None:
        self._insert(min(at, self.tabs.count()), tab)

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) tab, round the end."""
        if self.tabs.count():
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % self.tabs.count())

    def menu(self, tab: TerminalTab) -> QMenu:
        """The menu of a tab. The caller shows it; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def entry(text: str, icon: str, act: Callable[[], object]) -> None:
            action = menu.addAction(text)
            action.triggered.connect(lambda: act())
            self._icons.bind(action, icon)

        shell = tab.shell
        if shell is not None:
            entry("Share this terminal…", "share", lambda: self.shareWanted.emit(shell.id))
            if people.host_has_keyboard(shell):
                entry("Hand the keyboard back", "keyboard", tab.hand_back)
            else:
                entry("Take the keyboard", "keyboard", tab.take_keyboard)
            frozen = shell.keyboard is KeyboardState.FROZEN
            entry(
                "Unfreeze guests" if frozen else "Freeze guests",
                "snow",
                lambda: tab.freeze(not frozen),
            )
            on = shell.recording_since is None
            entry(
                "Record" if on else "Stop recording",
                "rec",
                lambda: self._adapter.do(Record(shell.id, on)),
            )
            menu.addSeparator()
        if not tab.elsewhere:
            entry("Connect as a peer", "relay", lambda: self.open_peer(tab.target_id))
            menu.addSeparator()
        if link := tab.return_link:
            entry("Copy link to continue elsewhere", "copy", lambda: _copy(link))
            menu.addSeparator()
        entry("Close tab", "close", lambda: self.close_tab(tab))
        return menu

    def _show_menu(self, at: QPoint) -> None:
        tab = self.tabs.widget(self.tabs.tabBar().tabAt(at))
        if isinstance(tab, TerminalTab):
            self.menu(tab).popup(self.tabs.tabBar().mapToGlobal(at))

    def retheme(self) -> None:
        """Icons in the theme's colors again."""
        for tab in self.all():
            self._show(tab)

    def _close_button(self, tab: TerminalTab) -> QToolButton:
        button = QToolButton()
        button.setToolTip("Close this terminal")
        button.setAccessibleName("Close terminal")
        button.setIconSize(QSize(14, 14))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._icons.bind(button, "close", Tone.MUTED)
        button.clicked.connect(lambda: self.close_tab(tab))
        return button

    def _entered(self, at: int) -> None:
        tab = self.current()
        # Closing a tab before it also counts as a change, which must not move focus.
        if tab is not None and tab is not self._front:
            self._show(tab)
            tab.terminal.take_focus()
        self._front = tab
        self.changed.emit()

    def _show(self, tab: TerminalTab) -> None:
        at = self.tabs.indexOf(tab)
        if at < 0:
            return
        # An ampersand would underline the next letter.
        self.tabs.setTabText(at, short(tab.title).replace("&", "&&"))
        self.tabs.setTabToolTip(at, formats.tip(tab.title, tab.target_id))
        tone = Tone.OK if tab.connected else Tone.ACCENT if tab.connecting else Tone.MUTED
        if tab.connected and tab.paused:
            tone = Tone.WARN
        self.tabs.setTabIcon(at, self._icons.get(tab.icon, tone))
        self.changed.emit()

    def _rang(self, tab: TerminalTab) -> None:
        at = self.tabs.indexOf(tab)
        if at >= 0 and tab is not self.current():
            self.tabs.setTabIcon(at, self._icons.get("info", Tone.WARN))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
