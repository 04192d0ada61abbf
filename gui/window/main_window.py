"""The main window: terminals, panels in docks, menus, status bar, message banners.

It creates these parts and connects them. The engine and the loop belong to
gui.app.application: closing the window only emits ``closeWanted``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QApplication, QMainWindow, QTabWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from engine.control.commands import (
    Record,
    SetGrace,
    SetGuestTimeout,
    SetRecording,
    StartTarget,
)
from engine.control.queries import Host
from engine.core import settings_file
from engine.core.errors import SettingsError
from engine.core.model import LOCAL_TARGET, KeyboardState
from engine.core.settings import FILE_NAME
from engine.core.text import shown
from gui.commands.actions import Actions, about_box, shortcuts_dialog
from gui.control.shells import ShellBook
from gui.kit import people
from gui.kit.attention import Attention
from gui.kit.icons import Icons, app_icon
from gui.kit.style import Mode, Tone
from gui.kit.widgets import Banner, bring_to_front, first_control, is_seen, open_file
from gui.panels.approvals.idle import IdleWarnings
from gui.panels.approvals.keyboard import KeyboardRequests
from gui.panels.approvals.strip import Approver
from gui.panels.links.address_dialog import AddressDialog
from gui.panels.links.open_dialog import OpenLinkDialog, link_in
from gui.panels.links.panel import ShareDialog
from gui.panels.log.panel import IceLogPanel
from gui.panels.orphans.notice import OrphanNotice
from gui.panels.selftest.panel import LoopbackPanel
from gui.panels.sessions.panel import SessionsPanel
from gui.panels.settings.dialog import Hosting, SettingsDialog, changes
from gui.panels.shells.panel import ShellsPanel
from gui.panels.targets.model import openable, start_label
from gui.panels.targets.panel import TargetsPanel
from gui.panels.terminals.look import TerminalLook
from gui.panels.terminals.tabs import TerminalTabs
from gui.window.closing import Closing
from gui.window.docks import Dock, Layout, tidy_tab_bars
from gui.window.status import StatusBar

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent

    from engine.core.events import LoopRestarted, RecordingProblem
    from engine.core.model import ShellInfo, Target
    from engine.core.settings import UiSettings
    from gui.control.adapter import EngineAdapter
    from gui.kit.strips import Notice
    from gui.kit.style import Theme

DEFAULT_SIZE = QSize(1280, 800)
MINIMUM_SIZE = QSize(720, 460)
LEFT_WIDTH = 250
RIGHT_WIDTH = 330
BOTTOM_HEIGHT = 240


class MainWindow(QMainWindow):
    """``closeWanted`` is emitted once, when the user has confirmed closing."""

    closeWanted = Signal()

    def __init__(
        self,
        adapter: EngineAdapter,
        theme: Theme,
        ui: UiSettings,
        config_dir: Path,
        settings_path: Path | None = None,
        hosting: Hosting | None = None,
    ) -> None:
        super().__init__()
        self._adapter = adapter
        self._theme = theme
        self._settings_path = settings_path or config_dir / FILE_NAME
        self._hosting = hosting or Hosting()
        self._closing = False
        self._may_close = False
        self._settings_dialog: SettingsDialog | None = None
        self._share_dialog: ShareDialog | None = None
        self._link_dialog: OpenLinkDialog | None = None
        self._to_start: dict[str, Notice] = {}
        """The open questions whether to start a target, by its id."""
        self.layout_store = Layout(self, config_dir)
        self._load_theme()
        self.look = TerminalLook(ui, theme, self.layout_store.settings)
        self.icons = Icons(theme)
        self.setWindowTitle("Hatchway")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(MINIMUM_SIZE)
        self.setDockOptions(
            QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks
        )
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.targets = TargetsPanel(adapter, theme, self.icons)
        self.sessions = SessionsPanel(adapter, self.icons)
        self.ice_log = IceLogPanel(adapter, theme, self.icons)
        self.loopback = LoopbackPanel(adapter, theme, self.icons)
        self.flaws = Banner(self.icons, closable=True)
        self.status = StatusBar(adapter, self.icons)
        self.attention = Attention(self.icons, self.status)
        self.book = ShellBook(adapter, self)
        self.terminals = TerminalTabs(
            adapter, self.icons, self.book, self.look.make, self.attention
        )
        self.shells = ShellsPanel(adapter, self.icons, self.book, self.attention)
        self.banner = Banner(self.icons, closable=True)
        self.approver = Approver(adapter, self.icons, self.attention, self)
        self.requests = KeyboardRequests(adapter, self.icons, self.book, self.attention)
        self.closing = Closing(
            adapter,
            self.attention,
            self.terminals,
            self.sessions.model,
            self.book,
            self.layout_store.settings,
            self.closeWanted.emit,
            self._hide,
        )
        self.idle = IdleWarnings(adapter, self.icons, self.attention, self.sessions.model)
        self.orphans = OrphanNotice(adapter, self.icons, self.attention)
        self.setStatusBar(self.status)
        self.setCentralWidget(self._central_widget())
        self.setAcceptDrops(True)
        self._place_docks()
        self.actions_ = self._make_actions()
        self._connect()
        self.resize(DEFAULT_SIZE.boundedTo(self.screen().availableSize()))
        self._default_layout()
        self.layout_store.restore()
        self._fit_docks()

    # -- for the application

    def show_problem(self, title: str, text: str) -> None:
        """Show it at the top until it is dismissed or replaced."""
        if not self._closing:
            self.banner.show_message(title, text)

    def show_flaws(self, title: str, text: str, file: Path | None = None) -> None:
        """Show what is wrong since the start, until it is dismissed; ``file`` can be opened."""
        before = self.flaws.text if self.flaws.isVisibleTo(self) else ""
        self.flaws.show_message(title, f"{before}\n{text}".strip(), Tone.WARN)
        if file is not None:
            self.flaws.offer("Open file", lambda: open_file(file))

    def _show_restart(self, event: LoopRestarted) -> None:
        """A part of the engine was restarted: a warning, the user need not act."""
        if not self._closing:
            self.banner.show_message(
                f"{event.name} stopped unexpectedly and was restarted",
                f"See the log for details ({event.problem}).",
                Tone.WARN,
            )

    def show_closing(self) -> None:
        """Closing has begun: disable everything."""
        self._closing = True
        self.attention.setEnabled(False)
        self.terminals.setEnabled(False)
        for dock in self.docks:
            dock.setEnabled(False)
        self.menuBar().setEnabled(False)
        self.banner.show_message("Closing sessions…", "", Tone.MUTED)
        self.status.sessions.show_state("sessions", "Closing sessions…", Tone.ACCENT)

    def finish(self) -> None:
        """Save the layout and close."""
        self.layout_store.save()
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            event.accept()
            return
        event.ignore()
        if self._closing:
            return
        if not self.look.ui.confirm_close:
            (self._hide if self.closing.hosts else self.closeWanted.emit)()
            return
        # Closed from the task bar, the window may be minimized: show the question.
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.closing.close_window()

    def _hide(self) -> None:
        """Without its window the program goes on hosting."""
        self.layout_store.save()
        self.hide()

    def raise_window(self, link: str = "") -> None:
        """Show the window, hidden or minimized, in front of all others. ``link``: somebody else's
        that is to be opened; it is shown first."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        if link:
            self.open_link(link)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if link_in(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if link := link_in(event.mimeData()):
            event.acceptProposedAction()
            self.open_link(link)

    # -- for the menus

    def quit(self) -> None:
        """End everything, asking first while terminals run."""
        if self._closing:
            return
        if self.look.ui.confirm_close:
            self.closing.ask_to_quit()
        else:
            self.closeWanted.emit()

    def open_terminal(self, target_id: str) -> None:
        self.terminals.open(target_id)

    def _ask_to_start(self, target: Target) -> None:
        """A container that does not run was double-clicked."""

        async def start() -> None:
            await self._adapter.perform(StartTarget(target.id))
            self.open_terminal(target.id)

        if (asked := self._to_start.get(target.id)) is not None:
            self.attention.bring_to_front(asked)
            return
        question = self._to_start[target.id] = self.attention.ask(
            f"{shown(target.name)} is {target.state.value}",
            "",
            f"{start_label(target)} and open",
            lambda: self._adapter.run(start()),
        )
        question.closed.connect(lambda: self._to_start.pop(target.id, None))

    def open_peer(self, target_id: str) -> None:
        """A terminal that is connected as a guest's is."""
        self.terminals.open_peer(target_id)

    def open_link(self, link: str = "") -> OpenLinkDialog:
        """The dialog to open somebody else's link; one at a time."""
        if self._link_dialog is None:
            dialog = OpenLinkDialog(self.layout_store.settings, link, self)
            dialog.chosen.connect(self.terminals.open_link)
            dialog.finished.connect(self._link_closed)
            self._link_dialog = dialog
            dialog.show()
            return dialog
        if link:
            self._link_dialog.link.setText(link)
        bring_to_front(self._link_dialog)
        return self._link_dialog

    def _link_closed(self) -> None:
        self._link_dialog = None

    def run_loopback(self, target_id: str) -> None:
        self.loopback_dock.reveal()
        self._fit_docks()
        self.loopback.run(target_id)

    def show_log_of(self, session_id: str) -> None:
        self.log_dock.reveal()
        self.ice_log.show_session(session_id)

    def set_theme(self, mode: Mode) -> None:
        self._theme.set_mode(mode)
        self.layout_store.settings.setValue("window/theme", mode.value)

    def zoom(self, points: float) -> None:
        """Make the terminals' font larger by ``points``; 0 resets it to the settings' size."""
        self.look.zoom(points)

    def open_settings(self) -> SettingsDialog:
        """The settings dialog; one at a time."""
        if self._settings_dialog is None:
            dialog = SettingsDialog(
                self.look.ui, self._hosting, dark=self._theme.colors.dark, parent=self
            )
            dialog.hostingChosen.connect(self._use_hosting)
            dialog.chosen.connect(self._use_settings)
            dialog.finished.connect(self._settings_closed)
            self._settings_dialog = dialog
            # Not modal: guests may request access meanwhile.
            dialog.show()
        bring_to_front(self._settings_dialog)
        return self._settings_dialog

    def _use_settings(self, ui: UiSettings) -> None:
        """Apply the settings now and save them."""
        changed = changes(self.look.ui, ui)
        self.look.use(ui)
        self._write(changed)

    def _use_hosting(self, hosting: Hosting) -> None:
        """Change what becomes of guests' terminals: in the engine, and in the settings file."""
        before, self._hosting = self._hosting, hosting
        changed: dict[str, object] = {}
        if hosting.timeout != before.timeout:
            self._adapter.do(SetGuestTimeout(hosting.timeout))
            changed["session.timeout"] = hosting.timeout
        if hosting.grace != before.grace:
            self._adapter.do(SetGrace(hosting.grace))
            changed["session.grace"] = hosting.grace
        if hosting.recording is not before.recording:
            self._adapter.do(SetRecording(hosting.recording))
            changed["recording.enabled"] = hosting.recording
        self._write(changed)

    def _write(self, changed: dict[str, object]) -> None:
        try:
            settings_file.write(self._settings_path, changed)
        except SettingsError as error:
            self._adapter.report(error)

    def _settings_closed(self) -> None:
        self._settings_dialog = None

    def share(self, target_id: str = "", shell: ShellInfo | None = None) -> ShareDialog:
        """The share dialog with a target, or a running shell, selected; one at a time."""
        if self._share_dialog is None:
            targets = self.targets.model.targets()
            dialog = ShareDialog(
                self._adapter, self._theme, self.icons, targets, target_id, self, shell=shell
            )
            dialog.finished.connect(self._share_closed)
            self._share_dialog = dialog
            # Not modal: the user watches sessions and admits guests meanwhile.
            dialog.show()
            return dialog
        if shell is not None:
            self._share_dialog.offer(shell)
        elif target_id:
            self._share_dialog.select(target_id)
        bring_to_front(self._share_dialog)
        return self._share_dialog

    def share_shell(self, shell_id: str) -> None:
        """The share dialog with a running shell selected."""
        shell = self.book.shell(shell_id)
        if shell is not None:
            self.share(shell=shell)

    def _share_session(self, session_id: str) -> None:
        """The shell in which the guest of a session is."""
        for shell in self.book.all():
            if any(one.session_id == session_id for one in shell.participants):
                self.share(shell=shell)

    def _share_current(self) -> None:
        tab = self.terminals.current()
        if tab is not None:
            self.share_shell(tab.shell_id)

    def _peer_of_current(self) -> None:
        tab = self.terminals.current()
        if tab is not None:
            self.open_peer(tab.target_id)

    def _turn_keyboard(self) -> None:
        """Take the current terminal's keyboard, or hand it back."""
        tab = self.terminals.current()
        shell = tab.shell if tab is not None else None
        if tab is not None and shell is not None:
            (tab.hand_back if people.host_has_keyboard(shell) else tab.take_keyboard)()

    def _turn_freeze(self) -> None:
        tab = self.terminals.current()
        shell = tab.shell if tab is not None else None
        if tab is not None and shell is not None:
            tab.freeze(shell.keyboard is not KeyboardState.FROZEN)

    def _turn_recording(self) -> None:
        tab = self.terminals.current()
        shell = tab.shell if tab is not None else None
        if shell is not None:
            self._adapter.do(Record(shell.id, shell.recording_since is None))

    def _recording_problem(self, event: RecordingProblem) -> None:
        title = f"Recording of {shown(event.target, people.MAX_NAME)}"
        self.banner.show_message(title, shown(event.text), Tone.WARN)

    def _share_closed(self) -> None:
        self._share_dialog = None

    def _share_selected(self) -> None:
        target = self.targets.selected()
        self.share(target.id if target is not None else "")

    def reset_layout(self) -> None:
        self._default_layout()
        self._fit_docks()

    def show_guest_address(self) -> AddressDialog | None:
        """Where guests find what is shared with them without a link; None while there is no
        relay."""
        host = self._adapter.ask(Host(), None)
        if host is None or not self._adapter.ready:
            self.show_problem("The relay is not running yet", "Wait a moment, then try again.")
            return None
        dialog = AddressDialog(self.icons, host.relay, self)
        dialog.show()
        return dialog

    def _shared_with_guests(self, target: Target) -> None:
        """Say who can open it now, and where."""
        self.attention.report(
            f"{shown(target.name)} is shared with everyone who has the address for guests",
            "Show address",
            self.show_guest_address,
            first=True,
        )

    # -- construction

    def _central_widget(self) -> QWidget:
        widget = QWidget()
        column = QVBoxLayout(widget)
        column.setContentsMargins(4, 5, 4, 2)
        column.setSpacing(5)
        column.addWidget(self.flaws)
        column.addWidget(self.banner)
        column.addWidget(self.terminals, 1)
        return widget

    def _place_docks(self) -> None:
        def dock(name: str, title: str, icon: str, panel: QWidget) -> Dock:
            return Dock(self.icons, name, title, icon, panel, self)

        self.targets_dock = dock("targets", "Targets", "engine", self.targets)
        self.shells_dock = dock("shells", "Terminals and people", "terminal", self.shells)
        self.sessions_dock = dock("sessions", "Sessions", "sessions", self.sessions)
        self.log_dock = dock("ice_log", "ICE log", "log", self.ice_log)
        self.loopback_dock = dock("loopback", "Loopback test", "loopback", self.loopback)
        self.docks = (
            self.targets_dock,
            self.shells_dock,
            self.sessions_dock,
            self.log_dock,
            self.loopback_dock,
        )

    def _default_layout(self) -> None:
        area = Qt.DockWidgetArea
        for dock in self.docks:
            dock.setFloating(False)
        self.addDockWidget(area.LeftDockWidgetArea, self.targets_dock)
        self.addDockWidget(area.RightDockWidgetArea, self.loopback_dock)
        self.addDockWidget(area.BottomDockWidgetArea, self.shells_dock)
        self.addDockWidget(area.BottomDockWidgetArea, self.sessions_dock)
        self.addDockWidget(area.BottomDockWidgetArea, self.log_dock)
        self.tabifyDockWidget(self.shells_dock, self.sessions_dock)
        self.tabifyDockWidget(self.sessions_dock, self.log_dock)
        self.resizeDocks(
            [self.targets_dock, self.loopback_dock],
            [LEFT_WIDTH, RIGHT_WIDTH],
            Qt.Orientation.Horizontal,
        )
        self.resizeDocks([self.shells_dock], [BOTTOM_HEIGHT], Qt.Orientation.Vertical)
        for dock in (self.targets_dock, self.log_dock, self.sessions_dock, self.shells_dock):
            dock.reveal()
        self.loopback_dock.hide()

    def _make_actions(self) -> Actions:
        panel, tabs = self.sessions, self.terminals
        actions = Actions(
            self,
            self.icons,
            {
                "new_local": lambda: self.open_terminal(LOCAL_TARGET),
                "close_tab": tabs.close_tab,
                "reopen_tab": tabs.reopen,
                "quit": self.quit,
                "open_link": self.open_link,
                "share_terminal": self._share_current,
                "peer": self._peer_of_current,
                "keyboard": self._turn_keyboard,
                "freeze": self._turn_freeze,
                "record": self._turn_recording,
                "freeze_all": self.shells.freeze.click,
                "lock": self.shells.lock.click,
                "next_tab": lambda: tabs.step(1),
                "previous_tab": lambda: tabs.step(-1),
                "close_session": panel.close_selected,
                "kick": panel.kick_selected,
                "copy_id": panel.copy_selected,
                "session_log": lambda: self.show_log_of(panel.selected()[0]),
                "zoom_in": lambda: self.zoom(1),
                "zoom_out": lambda: self.zoom(-1),
                "zoom_reset": lambda: self.zoom(0),
                "reset_layout": self.reset_layout,
                "settings": self.open_settings,
                "answer": self._focus_notification,
                "menu": self._open_menu,
                "next_pane": self._next_pane,
                "search": self._search,
                "share": self._share_selected,
                "loopback": self.loopback_dock.reveal,
                "guest_address": self.show_guest_address,
                "shortcuts": lambda: shortcuts_dialog(self).show(),
                "about": lambda: about_box(self).show(),
            },
        )
        toggles = [dock.toggleViewAction() for dock in self.docks]
        actions.build_menus(toggles, self._theme.mode, self.set_theme)
        actions.new_menu.aboutToShow.connect(self._fill_new_menu)
        return actions

    def _connect(self) -> None:
        self.targets.openWanted.connect(self.open_terminal)
        self.targets.sharedWithGuests.connect(self._shared_with_guests)
        self.targets.searchLeft.connect(self._back_to_terminal)
        self.targets.startWanted.connect(self._ask_to_start)
        self.targets.peerWanted.connect(self.open_peer)
        self.targets.testWanted.connect(self.run_loopback)
        self.targets.linkWanted.connect(self.share)
        self.sessions.countChanged.connect(self.status.set_sessions)
        self.sessions.logWanted.connect(self.show_log_of)
        self.ice_log.cleared.connect(
            lambda restore: self.attention.undo("ICE log cleared", restore, lambda: None)
        )
        self.sessions.endWanted.connect(self.closing.end)
        self.sessions.shareWanted.connect(self._share_session)
        self.shells.watchWanted.connect(self.terminals.watch)
        self.shells.takeOverWanted.connect(self.terminals.take_over)
        self.shells.shareWanted.connect(self.share_shell)
        self.terminals.shareWanted.connect(self.share_shell)
        self.sessions.selectionChanged.connect(self._enable)
        self.sessions.countChanged.connect(lambda _: self._enable())
        self.terminals.changed.connect(self._enable)
        self.terminals.noted.connect(
            lambda title, text: self.banner.show_message(title, text, Tone.ACCENT)
        )
        self.approver.changed.connect(self._title)
        self._adapter.problem.connect(self.show_problem)
        self._adapter.recordingProblem.connect(self._recording_problem)
        self._adapter.loopRestarted.connect(self._show_restart)
        self._theme.changed.connect(self._retheme)
        for dock in self.docks:
            dock.visibilityChanged.connect(lambda _: self._fit_docks())
        self._enable()

    def _title(self, waiting: int) -> None:
        """Show the number of waiting guests in the task bar."""
        self.setWindowTitle(f"({waiting} waiting) Hatchway" if waiting else "Hatchway")

    def _load_theme(self) -> None:
        saved = self.layout_store.settings.value("window/theme")
        if saved in list(Mode):
            self._theme.set_mode(Mode(str(saved)))

    def _retheme(self) -> None:
        self.terminals.retheme()

    def _fit_docks(self) -> None:
        # Docks also signal that they hide while the window is being destroyed.
        if not isValid(self):
            return
        for dock in self.docks:
            dock.fit_title()
        tidy_tab_bars(self)

    def _focus_notification(self) -> None:
        if not self.attention.enter():
            self.status.showMessage("No notifications", 3000)

    def _open_menu(self) -> None:
        """By a chord: Alt with a letter is the shell's."""
        bar = self.menuBar()
        bar.setActiveAction(bar.actions()[0])

    def _next_pane(self) -> None:
        """Move focus from the terminal into the panels that are seen, one after the other, and
        back; Tab is the shell's."""
        tab = self.terminals.current()
        panes: list[tuple[QWidget, QWidget]] = [
            (self.terminals, self.terminals if tab is None else tab.terminal),
            (self.targets, self.targets.search),
            (self.shells, self.shells.view),
            (self.sessions, self.sessions.view),
            (self.ice_log, self.ice_log.view),
            (self.loopback, self.loopback.target),
        ]
        panes = [pane for pane in panes if is_seen(pane[0])]
        focus = QApplication.focusWidget()
        inside = (at for at, (pane, _) in enumerate(panes) if focus and pane.isAncestorOf(focus))
        panes = panes[next(inside, -1) + 1 :] + panes
        for pane, inner in panes:
            # An empty panel has no list: its first control, if it has one, is as good.
            there = inner if is_seen(inner) and inner.isEnabled() else first_control(pane)
            if there is not None:
                there.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Only what is seen has focus. Qt lays a dock behind another one outside the window and
        counts it as visible."""
        # Not by nextInFocusChain(): PySide takes what that returns for a child, and deletes it.
        start = QApplication.focusWidget()
        while super().focusNextPrevChild(forward):
            focus = QApplication.focusWidget()
            if focus is None or focus is start or focus.window() is not self or is_seen(focus):
                return True
        return False

    def _back_to_terminal(self) -> None:
        if (tab := self.terminals.current()) is not None:
            tab.terminal.take_focus()

    def _search(self) -> None:
        self.targets_dock.reveal()
        self.targets.search.setFocus()
        self.targets.search.selectAll()

    def _fill_new_menu(self) -> None:
        menu = self.actions_.new_menu
        menu.clear()
        for target in self.targets.model.targets():
            action = menu.addAction(target.name.replace("&", "&&"))
            action.setEnabled(openable(target))
            action.triggered.connect(lambda _checked, t=target.id: self.open_terminal(t))
        if menu.isEmpty():
            menu.addAction("No targets yet").setEnabled(False)

    def _enable(self) -> None:
        chosen = len(self.sessions.selected())
        for name in ("close_session", "kick", "copy_id"):
            self.actions_[name].setEnabled(chosen > 0)
        self.actions_["session_log"].setEnabled(chosen == 1)
        for name in ("close_tab", "next_tab", "previous_tab"):
            self.actions_[name].setEnabled(self.terminals.current() is not None)
        tab = self.terminals.current()
        for name in ("share_terminal", "keyboard", "freeze", "record"):
            self.actions_[name].setEnabled(tab is not None and tab.shell is not None)
        self.actions_["peer"].setEnabled(tab is not None and not tab.elsewhere)
        self.actions_["reopen_tab"].setEnabled(self.terminals.closed > 0)
