"""How the window's terminals look and behave: settings, zoom and theme for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from PySide6.QtCore import QObject
from PySide6.QtGui import QFont, QFontDatabase
from shiboken6 import isValid

from engine.core.settings import MAX_FONT_POINTS, MIN_FONT_POINTS
from gui.terminal.paint import themes
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings

    from engine.core.settings import UiSettings
    from gui.kit.style import Theme
    from gui.terminal.paint.theme import Theme as TerminalTheme

_ZOOM = "window/zoom"
"""By how many points the font is larger than in the settings. A difference, so that a size that
is set later still counts."""


class TerminalLook(QObject):
    """Of every terminal that it made: in a tab, in one that can be reopened, anywhere."""

    def __init__(self, ui: UiSettings, theme: Theme, store: QSettings) -> None:
        super().__init__()
        self.ui = ui
        self._theme = theme
        self._store = store
        self._zoom = self._stored_zoom()
        self._terminals: WeakSet[TerminalWidget] = WeakSet()
        theme.changed.connect(self._apply_all)

    def make(self) -> TerminalWidget:
        """A new terminal with the current look."""
        terminal = TerminalWidget(scrollback=self.ui.scrollback, zoom=self.zoom)
        self._terminals.add(terminal)
        self._apply(terminal)
        return terminal

    @property
    def terminal_theme(self) -> TerminalTheme:
        """The chosen theme; the default one if the chosen one no longer exists."""
        dark = self._theme.colors.dark
        name = self.ui.dark_theme if dark else self.ui.light_theme
        return themes.by_name(name) or themes.default(dark=dark)

    @property
    def font(self) -> QFont:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        if self.ui.font_family:
            font.setFamily(self.ui.font_family)
        font.setPointSizeF(_bounded(self.ui.font_size + self._zoom))
        return font

    def use(self, ui: UiSettings) -> None:
        """Use other settings for all terminals. Another font size is used as it is."""
        if ui.font_size != self.ui.font_size:
            self._keep_zoom(0.0)
        self.ui = ui
        self._apply_all()

    def zoom(self, points: float) -> None:
        """Make the font of all terminals larger by ``points``; 0: the size of the settings."""
        size = self.ui.font_size
        self._keep_zoom(_bounded(size + self._zoom + points) - size if points else 0.0)
        self._apply_all()

    def _apply(self, terminal: TerminalWidget) -> None:
        terminal.set_font(self.font)
        terminal.set_theme(self.terminal_theme)
        terminal.apply(self.ui)

    def _apply_all(self) -> None:
        for terminal in tuple(self._terminals):
            if isValid(terminal):
                self._apply(terminal)

    def _keep_zoom(self, points: float) -> None:
        self._zoom = points
        if points:
            self._store.setValue(_ZOOM, points)
        else:
            self._store.remove(_ZOOM)

    def _stored_zoom(self) -> float:
        stored = self._store.value(_ZOOM)
        try:
            # Written by hand it may be anything; "nan" would pass every comparison.
            points = float(stored) if isinstance(stored, (str, float, int)) else 0.0
        except ValueError:
            return 0.0
        return points if abs(points) <= MAX_FONT_POINTS else 0.0


def _bounded(points: float) -> float:
    return min(max(points, MIN_FONT_POINTS), MAX_FONT_POINTS)
