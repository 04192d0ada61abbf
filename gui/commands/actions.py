"""Menus, actions and shortcuts of the window: their texts and keys.

The window passes in a slot for each action.

Shells use Ctrl with any letter, so shortcuts use Ctrl+Shift, except Ctrl+T and Ctrl+O, which
work only while no terminal has focus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QMessageBox

from engine import __version__
from engine.cli.version import parts
from gui.kit.icons import app_icon
from gui.kit.style import Mode
from gui.kit.widgets import named_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMainWindow, QMenu, QWidget

    from gui.kit.icons import Icons

ABOUT = (
    "Peer-to-peer terminals for your containers and this computer.\n\n"
    "Terminal data is end-to-end encrypted. The relay only carries signaling."
)
TERMINAL_KEYS = (
    ("Copy selection", "Ctrl+Shift+C"),
    ("Paste", "Ctrl+Shift+V"),
    ("Select all", "Ctrl+Shift+A"),
    ("Find in terminal", "Ctrl+Shift+F"),
    ("Go to previous or next prompt", "Ctrl+Shift+Up / Ctrl+Shift+Down"),
    ("Clear scrollback", "Ctrl+Shift+K"),
    ("Scroll by page, to top or bottom", "Shift+PgUp / PgDown / Home / End"),
    ("Open a link", "Ctrl+click"),
    ("Select a rectangle", "Alt+drag"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One action. ``keys`` are portable key sequences, the first one shown."""

    name: str
    text: str
    icon: str = ""
    keys: tuple[str, ...] = ()


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("new_local", "New local terminal", "terminal-add", ("Ctrl+Shift+T", "Ctrl+T")),
        Entry("open_link", "Open link…", "link", ("Ctrl+Shift+N", "Ctrl+O")),
        Entry("close_tab", "Close tab", "close", ("Ctrl+Shift+W",)),
        Entry("reopen_tab", "Reopen closed tab", "undo", ("Ctrl+Shift+Z",)),
        Entry("quit", "Quit", "", ("Ctrl+Shift+Q",)),
        Entry("next_tab", "Next tab", "", ("Ctrl+PgDown",)),
        Entry("previous_tab", "Previous tab", "", ("Ctrl+PgUp",)),
        Entry("share_terminal", "Share this terminal…", "share", ("Ctrl+Shift+J",)),
        Entry("peer", "Connect as a peer", "relay"),
        Entry("keyboard", "Take or hand back the keyboard", "keyboard", ("Ctrl+Shift+Y",)),
        Entry("freeze", "Freeze or unfreeze its guests", "snow"),
        Entry("record", "Start or stop recording", "rec"),
        Entry("freeze_all", "Freeze or unfreeze all guests", "snow", ("Ctrl+Shift+X",)),
        Entry("lock", "Lock or unlock guests and links", "lock"),
        Entry("close_session", "Close session", "close"),
        Entry("kick", "Remove guest", "kick"),
        Entry("copy_id", "Copy session ID", "copy"),
        Entry("session_log", "Show ICE log of session", "log"),
        Entry("zoom_in", "Zoom in", "", ("Ctrl++", "Ctrl+=")),
        Entry("zoom_out", "Zoom out", "", ("Ctrl+-",)),
        Entry("zoom_reset", "Reset zoom", "", ("Ctrl+0",)),
        Entry("reset_layout", "Reset layout"),
        Entry("settings", "Settings…", "", ("Ctrl+,",)),
        Entry("answer", "Go to notification", "clock", ("Ctrl+Shift+G",)),
        Entry("menu", "Open the menu bar", "", ("Ctrl+Shift+M",)),
        Entry("next_pane", "Go to next panel", "", ("Ctrl+Shift+I",)),
        Entry("search", "Search targets", "search", ("Ctrl+Shift+O",)),
        Entry("share", "Share by link…", "share", ("Ctrl+Shift+S",)),
        Entry("loopback", "Loopback test…", "loopback", ("Ctrl+Shift+L",)),
        Entry("guest_address", "Address for guests…", "relay"),
        Entry("shortcuts", "Keyboard shortcuts"),
        Entry("about", "About Hatchway", "info"),
    )
}
MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "&File",
        (
            *("new_local", "new:", "open_link", "-"),
            *("close_tab", "reopen_tab", "-"),
            *("settings", "-", "quit"),
        ),
    ),
    (
        "&Terminal",
        (
            *("share_terminal", "peer", "-"),
            *("keyboard", "freeze", "record", "-"),
            *("freeze_all", "lock"),
        ),
    ),
    ("&Session", ("close_session", "kick", "-", "copy_id", "session_log")),
    (
        "&View",
        (
            *("docks:", "-", "next_pane", "menu", "-", "next_tab", "previous_tab", "-"),
            *("zoom_in", "zoom_out", "zoom_reset", "-", "theme:", "reset_layout"),
        ),
    ),
    ("&Tools", ("answer", "search", "share", "loopback", "-", "guest_address")),
    ("&Help", ("shortcuts", "about")),
)
"""Menu → entries by name. ``-`` is a separator, ``x:`` a part that is filled at run time."""


class Actions:
    """All actions of ``window`` by name, and its menu bar."""

    def __init__(
        self, window: QMainWindow, icons: Icons, slots: dict[str, Callable[[], object]]
    ) -> None:
        self._window = window
        self.by_name: dict[str, QAction] = {}
        self.new_menu: QMenu
        for name, entry in ENTRIES.items():
            action = QAction(entry.text, window)
            action.setObjectName(name)
            action.setShortcuts([QKeySequence(keys) for keys in entry.keys])
            if entry.icon:
                icons.bind(action, entry.icon)
            slot = slots[name]
            action.triggered.connect(lambda _checked, slot=slot: slot())
            window.addAction(action)
            self.by_name[name] = action

    def __getitem__(self, name: str) -> QAction:
        return self.by_name[name]

    def build_menus(
        self, docks: list[QAction], mode: Mode, set_mode: Callable[[Mode], None]
    ) -> None:
        """Fill the menu bar. ``docks`` are the docks' own toggle actions."""
        for title, names in MENUS:
            menu = self._window.menuBar().addMenu(title)
            for name in names:
                if name == "-":
                    menu.addSeparator()
                elif name == "new:":
                    self.new_menu = menu.addMenu("New terminal in")
                elif name == "docks:":
                    menu.addActions(docks)
                elif name == "theme:":
                    self._theme_menu(menu, mode, set_mode)
                else:
                    menu.addAction(self.by_name[name])

    def _theme_menu(self, menu: QMenu, mode: Mode, set_mode: Callable[[Mode], None]) -> None:
        themes = menu.addMenu("Theme")
        group = QActionGroup(themes)
        for choice in Mode:
            text = "Match system" if choice is Mode.SYSTEM else choice.value.capitalize()
            action = themes.addAction(text)
            action.setCheckable(True)
            action.setChecked(choice is mode)
            action.setActionGroup(group)
            action.triggered.connect(lambda _checked, choice=choice: set_mode(choice))


def about_box(parent: QWidget) -> QMessageBox:
    """The caller opens it; it deletes itself."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About Hatchway")
    box.setIconPixmap(app_icon().pixmap(64, 64))
    box.setText(f"<b>Hatchway {__version__}</b>")
    box.setInformativeText(f"{ABOUT}\n\n{parts()}, Qt\N{NO-BREAK SPACE}{qVersion()}")
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.setModal(False)
    return box


def shortcuts_dialog(parent: QWidget) -> QDialog:
    """All shortcuts of the window and its terminals. The caller opens it; it deletes itself."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Keyboard shortcuts")
    grid = QGridLayout(dialog)
    grid.setContentsMargins(22, 18, 22, 16)
    grid.setHorizontalSpacing(36)
    grid.setVerticalSpacing(9)
    keys = [(entry.text, " or ".join(entry.keys)) for entry in ENTRIES.values() if entry.keys]
    for row, (text, key) in enumerate([*keys, *TERMINAL_KEYS]):
        grid.addWidget(QLabel(text), row, 0)
        grid.addWidget(named_label("muted", key), row, 1)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    grid.addWidget(buttons, grid.rowCount(), 0, 1, 2)
    return dialog
