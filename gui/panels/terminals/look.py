"""How the window's terminals look and behave: settings, zoom and theme for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QFont, QFontDatabase

from gui.terminal.paint import themes
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings

    from engine.core.settings import UiSettings
    from gui.kit.style import Theme
    from gui.terminal.paint.theme import Theme as TerminalTheme

MIN_FONT, MAX_FONT = 6.0, 40.0
"""Points the font can be zoomed between."""
_ZOOMED = "window/font_size"


class TerminalLook(QObject):
    """``changed``: apply() it to every terminal again."""

    changed = Signal()

    def __init__(self, ui: UiSettings, theme: Theme, store: QSettings) -> None:
        super().__init__()
        self.ui = ui
        self._theme = theme
        self._store = store
        self.font = self._font()
        theme.changed.connect(self.changed)

    def make(self) -> TerminalWidget:
        """A new terminal with the current look."""
        terminal = TerminalWidget(scrollback=self.ui.scrollback)
        self.apply(terminal)
        return terminal

    def apply(self, terminal: TerminalWidget) -> None:
        """Set font, theme and all other settings of a terminal."""
        terminal.set_font(QFont(self.font))
        terminal.set_theme(self.terminal_theme)
        terminal.apply(self.ui)

    @property
    def terminal_theme(self) -> TerminalTheme:
        """The chosen theme; the default one if the chosen one no longer exists."""
        dark = self._theme.colors.dark
        name = self.ui.dark_theme if dark else self.ui.light_theme
        return themes.by_name(name) or themes.default(dark=dark)

    def use(self, ui: UiSettings) -> None:
        """Use other settings for all terminals."""
        resized = ui.font_size != self.ui.font_size
        self.ui = ui
        if resized:
            self._store.remove(_ZOOMED)
        self.font = self._font()
        self.changed.emit()

    def zoom(self, points: float) -> None:
        """Make the font larger by ``points``; 0 brings back the size of the settings."""
        size = self.font.pointSizeF() + points if points else self.ui.font_size
        self.font.setPointSizeF(min(max(size, MIN_FONT), MAX_FONT))
        self._store.setValue(_ZOOMED, self.font.pointSizeF())
        self.changed.emit()

    def _font(self) -> QFont:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        if self.ui.font_family:
            font.setFamily(self.ui.font_family)
        saved = self._store.value(_ZOOMED)
        try:
            points = float(saved) if isinstance(saved, (str, float)) else self.ui.font_size
        except ValueError:
            points = self.ui.font_size
        font.setPointSizeF(min(max(points, MIN_FONT), MAX_FONT))
        return font
