"""Terminal tabs: each joins a terminal widget to a terminal the engine opened.

Owns the tabs, their connecting and ended states, and ending the session some time after a
tab closed: until then it can be reopened. Does not own painting (gui.terminal) or connecting
(the engine).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QProgressBar,
    QStackedLayout,
    QTabBar,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.core.errors import ChannelClosedError, LimitError
from engine.core.model import LOCAL_TARGET, Size
from engine.core.text import shown
from gui.kit import formats
from gui.kit.style import Tone
from gui.kit.widgets import EmptyState, named_label
from gui.panels.terminals.closed import ClosedTabs, short
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from engine.control.api import TerminalHandle
    from gui.control.adapter import EngineAdapter
    from gui.kit import problems
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons

MAX_EARLY_INPUT = 4096
"""Bytes typed while still connecting that are kept for the shell; more are refused."""

MakeWidget = Callable[[], TerminalWidget]


class TerminalTab(QWidget):
    """One terminal, from connecting to ended, and again when reconnected."""

    titleChanged = Signal(str)
    stateChanged = Signal()
    rang = Signal()
    noted = Signal(str, str)
    """A program's note: title and text."""

    def __init__(
        self,
        adapter: EngineAdapter,
        icons: Icons,
        make_widget: MakeWidget,
        target_id: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self.target_id = target_id
        self.title = target_id
        self.notice = ""
        """Why there is no terminal, in words; "" while there is one."""
        self.handle: TerminalHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._size = Size()
        self._run = 0
        self._ended = False
        self._early = b""
        self._painted_early = 0
        self.terminal = make_widget()
        self.terminal.typed.connect(self._typed)
        self.terminal.resized.connect(self._resized)
        self.terminal.rendered.connect(self._rendered)
        self.terminal.titleChanged.connect(self._retitle)
        self.terminal.bell.connect(self.rang)
        self.terminal.notified.connect(self._noted)
        self.overlay = self._connecting_overlay()
        # The overlay lies above the terminal, which so has its size before it connects.
        self._stack = QStackedLayout(self)
        self._stack.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._stack.addWidget(self.terminal)
        self._stack.addWidget(self.overlay)
        self.setFocusProxy(self.terminal)

    @property
    def connected(self) -> bool:
        return self.handle is not None

    @property
    def connecting(self) -> bool:
        return self._task is not None

    def connect_terminal(self) -> None:
        """Open the terminal, or open it anew after it ended."""
        if self.connecting or self.connected:
            return
        # What a former run still says no longer concerns this one.
        self._run += 1
        self._ended = False
        self._early = b""
        self._painted_early = 0
        if self._run > 1:
            self.terminal.clear()
        self.notice = ""
        self.overlay.show()
        self._stack.setCurrentWidget(self.overlay)
        self._task = self._adapter.run(self._connect(self._run), self._could_not)
        if self._task is not None:
            run = self._run
            self._task.add_done_callback(lambda _: self._settled(run))
        self.stateChanged.emit()

    def shut(self) -> None:
        """End the session, whatever state it is in. The tab is of no use afterwards."""
        self._run += 1
        if self._task is not None:
            self._task.cancel()
        handle, self.handle = self.handle, None
        if handle is not None:
            self._adapter.run(handle.close(), finish=True)

    async def _connect(self, run: int) -> None:
        handle = await self._adapter.open_terminal(
            self.target_id,
            self._size,
            lambda data: self._output(run, data),
            lambda reason, code: self._over(run, reason, code),
        )
        if run != self._run or self._ended:
            await handle.close()
            return
        self.handle = handle
        handle.resize(self._size)
        # Output and keys may have come between the shell's start and this line.
        handle.rendered(self._painted_early)
        if self._early:
            handle.send(self._early)

    def _settled(self, run: int) -> None:
        if run != self._run:
            # Shut meanwhile, and perhaps deleted.
            return
        # The keyboard stays where it is: meanwhile the person may have gone to type elsewhere.
        self._task = None
        self.overlay.hide()
        self.stateChanged.emit()

    def _output(self, run: int, data: bytes) -> None:
        if run == self._run:
            self.terminal.feed(data)

    def _over(self, run: int, reason: str, exit_code: int | None) -> None:
        if run != self._run:
            return
        self._ended = True
        handle, self.handle = self.handle, None
        if handle is not None:
            self._adapter.run(handle.close(), finish=True)
        sentence = shown(reason).rstrip(".") or "The terminal has ended"
        # The engine's sentence often names the code already.
        named = exit_code is None or str(exit_code) in sentence
        code = "" if named else f" (exit code {exit_code})"
        self._say(f"{sentence}{code}. Reconnect starts a new shell.")
        self.stateChanged.emit()

    def _could_not(self, problem: problems.Problem) -> None:
        self._say(f"{problem.title}\n{problem.text}")

    def _say(self, notice: str) -> None:
        self.notice = notice
        self.terminal.set_ended(notice, "Reconnect", self.connect_terminal)

    def _typed(self, data: bytes) -> None:
        if self.handle is None:
            if self.connecting and len(self._early) + len(data) <= MAX_EARLY_INPUT:
                self._early += data
            return
        try:
            self.handle.send(data)
        except LimitError as error:
            self._adapter.report(error)
        except ChannelClosedError:
            # Its end is on its way here and says why.
            pass

    def _resized(self, cols: int, rows: int) -> None:
        with contextlib.suppress(ValueError):
            self._size = Size(cols, rows)
        if self.handle is not None:
            self.handle.resize(self._size)

    def _rendered(self, count: int) -> None:
        if self.handle is not None:
            self.handle.rendered(count)
        else:
            self._painted_early += count

    def _retitle(self, title: str) -> None:
        self.title = shown(title) or self.target_id
        self.titleChanged.emit(self.title)

    def _noted(self, title: str, text: str) -> None:
        self.noted.emit(shown(title) or self.title, shown(text))

    def _connecting_overlay(self) -> QWidget:
        overlay = QWidget()
        overlay.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label = named_label("muted", f"Connecting to {self.target_id}…")
        label.setTextFormat(Qt.TextFormat.PlainText)
        busy = QProgressBar()
        busy.setRange(0, 0)
        busy.setTextVisible(False)
        busy.setFixedWidth(180)
        column = QVBoxLayout(overlay)
        column.addStretch(1)
        column.addWidget(label, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(6)
        column.addWidget(busy, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        overlay.hide()
        return overlay


class TerminalTabs(QWidget):
    """All terminals, or a friendly word while there is none."""

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

    def open(self, target_id: str) -> TerminalTab:
        """A new tab for a terminal in ``target_id``, in front, connecting."""
        tab = TerminalTab(self._adapter, self._icons, self._make_widget, target_id)
        tab.titleChanged.connect(lambda _: self._show(tab))
        tab.stateChanged.connect(lambda: self._show(tab))
        tab.rang.connect(lambda: self._rang(tab))
        tab.noted.connect(self.noted)
        self._insert(self.tabs.count(), tab)
        tab.connect_terminal()
        return tab

    def close_tab(self, tab: TerminalTab | None = None) -> None:
        """Close a tab, the current one by default.

        Its program runs on until that can no longer be undone: nobody can say what a shell
        holds that is not saved.
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
        """The tab of one of our own sessions, where it has one."""
        return next((t for t in self.all() if t.handle and t.handle.session_id == session_id), None)

    def close_all(self) -> None:
        """End every terminal, closed ones too, for good."""
        self._closed.end_all()
        for tab in self.all():
            self._remove(tab)
            tab.shut()
            tab.deleteLater()
        self.changed.emit()

    def _insert(self, at: int, tab: TerminalTab) -> None:
        """Show it as a tab, in front, with the keyboard."""
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
                # Not to a button, which the next blank would press.
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
        # Closing a tab before it also counts as a change; the keyboard is not its business.
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
