"""Docks: the frame and title bar around a panel, and the saved layout of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QTabBar, QVBoxLayout, QWidget

from gui.kit.style import Tone
from gui.kit.widgets import IconLabel, named_label, tool_button

if TYPE_CHECKING:
    from pathlib import Path

    from gui.kit.icons import Icons

STATE_VERSION = 2
"""Raise it when docks are added or removed: an older layout is then not restored."""
FILE_NAME = "window.ini"


class Dock(QDockWidget):
    """A panel in a dock. ``name`` identifies it in the saved layout."""

    def __init__(
        self, icons: Icons, name: str, title: str, icon: str, panel: QWidget, parent: QMainWindow
    ) -> None:
        super().__init__(title, parent)
        self.setObjectName(name)
        frame = QWidget()
        margin = QVBoxLayout(frame)
        margin.setContentsMargins(4, 0, 4, 4)
        margin.addWidget(panel)
        self.setWidget(frame)
        self._bar = self._title_bar(icons, title, icon)
        # The tab of a tabbed dock already shows its title.
        self._no_bar = QWidget()
        self.setTitleBarWidget(self._bar)
        self.topLevelChanged.connect(lambda _: self.fit_title())
        self.dockLocationChanged.connect(lambda _: self.fit_title())

    def fit_title(self) -> None:
        """Choose the title bar: the system's when floating, none when in tabs, else ours."""
        window = self.parent()
        tabbed = isinstance(window, QMainWindow) and bool(window.tabifiedDockWidgets(self))
        wanted = None if self.isFloating() else self._no_bar if tabbed else self._bar
        if self.titleBarWidget() is not wanted:
            # Qt hides a bar it no longer uses but does not delete it.
            self.setTitleBarWidget(wanted)  # type: ignore[arg-type]  # None: missing in the stubs

    def reveal(self) -> None:
        """Show it in front of other docks."""
        self.show()
        self.raise_()

    def _title_bar(self, icons: Icons, title: str, icon: str) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 5, 6, 5)
        row.setSpacing(6)
        picture = IconLabel(16)
        icons.bind(picture, icon, Tone.MUTED)
        row.addWidget(picture)
        row.addWidget(named_label("dockTitle", title))
        row.addStretch(1)
        close = tool_button(icons, "close", f"Hide {title}")
        close.clicked.connect(self.hide)
        row.addWidget(close)
        return bar


def tidy_tab_bars(window: QMainWindow) -> None:
    """Style the tab bars that Qt creates for docks."""
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        bar.setDrawBase(False)
        bar.setExpanding(False)
        bar.setElideMode(Qt.TextElideMode.ElideNone)


class Layout:
    """The window's position, size and docks, stored in ``window.ini`` in ``folder``."""

    def __init__(self, window: QMainWindow, folder: Path) -> None:
        self._window = window
        # Qt writes a temporary file and renames it, as whole_file does.
        self.settings = QSettings(str(folder / FILE_NAME), QSettings.Format.IniFormat)

    def restore(self) -> bool:
        """Restore what was saved; False when there was nothing usable."""
        geometry = self.settings.value("window/geometry")
        state = self.settings.value("window/state")
        if isinstance(geometry, QByteArray):
            self._window.restoreGeometry(geometry)
        return isinstance(state, QByteArray) and self._window.restoreState(state, STATE_VERSION)

    def save(self) -> None:
        self.settings.setValue("window/geometry", self._window.saveGeometry())
        self.settings.setValue("window/state", self._window.saveState(STATE_VERSION))
        self.settings.sync()
