"""The terminal tabs: opening, closing, reopening, and which is in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QStackedLayout,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

from engine.core.model import LOCAL_TARGET
from gui.kit import formats
from gui.kit.style import Tone
from gui.kit.widgets import EmptyState
from gui.panels.terminals.closed import ClosedTabs, short
from gui.panels.terminals.tab import MakeWidget, TerminalTab

if TYPE_CHECKING:
    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons
    from gui.panels.terminals.connection import Open


class TerminalTabs(QWidget):
    """All terminals, or a hint how to open one while there is none."""

    changed = Signal()
    """A tab came, went or changed state."""
    noted = Signal(str, str)
    """A program's note, where that is allowed: title and text."""

    def __init__(
        self,
        adapter: EngineAdapter,
        icons: Icons,
        make_widget: MakeWidget,
        attention: Attention,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._icons = icons
        self._make_widget = make_widget
        self._closed = ClosedTabs(attention, self._reopened, self)
        self._closed.changed.connect(self.changed)
        self._front: TerminalTab | None = None
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
        self.tabs.setDocumentMode(False)
        self.tabs.setMovable(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setIconSize(QSize(16, 16))
        self.tabs.currentChanged.connect(self._entered)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.tabs)

    def all(self) -> tuple[TerminalTab, ...]:
        widgets = (self.tabs.widget(at) for at in range(self.tabs.count()))
        return tuple(tab for tab in widgets if isinstance(tab, TerminalTab))

    def current(self) -> TerminalTab | None:
        tab = self.tabs.currentWidget()
        return tab if isinstance(tab, TerminalTab) else None

    def open(self, target_id: str, open_: Open | None = None) -> TerminalTab:
        """A new tab for a terminal in ``target_id``, in front, connecting.

        ``open_``: how it is opened; see TerminalTab.
        """
        tab = TerminalTab(self._adapter, self._make_widget, target_id, open_)
        tab.titleChanged.connect(lambda _: self._show(tab))
        tab.stateChanged.connect(lambda: self._show(tab))
        tab.rang.connect(lambda: self._rang(tab))
        tab.noted.connect(self.noted)
        self._insert(self.tabs.count(), tab)
        tab.connect_terminal()
        return tab

    def close_tab(self, tab: TerminalTab | None = None) -> None:
        """Close a tab, the current one by default.

        Its program keeps running until closing can no longer be undone: there may be unsaved
        work in a shell.
        """
        tab = tab or self.current()
        at = -1 if tab is None else self.tabs.indexOf(tab)
        if tab is None or at < 0:
            return
        self._remove(tab)
        tab.hide()
        self._closed.add(tab, at)

    def reopen(self) -> None:
        """Bring back the tab that was closed last."""
        self._closed.reopen_last()

    @property
    def closed(self) -> int:
        """How many closed tabs can be reopened."""
        return len(self._closed)

    def tab_of(self, session_id: str) -> TerminalTab | None:
        """The tab of one of this window's own sessions, if it has one."""
        return next((t for t in self.all() if t.handle and t.handle.session_id == session_id), None)

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
        icon = "computer" if tab.target_id == LOCAL_TARGET else "container"
        self.tabs.setTabIcon(at, self._icons.get(icon, tone))
        self.changed.emit()

    def _rang(self, tab: TerminalTab) -> None:
        at = self.tabs.indexOf(tab)
        if at >= 0 and tab is not self.current():
            self.tabs.setTabIcon(at, self._icons.get("info", Tone.WARN))
