"""How a terminal looks: its font, theme and scale, and the painter they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtGui import QFont, QFontDatabase

from gui.terminal.paint.grid import Grid
from gui.terminal.paint.painter import RowPainter
from gui.terminal.paint.themes import for_palette
from gui.terminal.view.cells import Cells

if TYPE_CHECKING:
    from PySide6.QtGui import QPalette

    from engine.emulator import Terminal
    from gui.terminal.paint.theme import Theme

DEFAULT_POINTS = 11.0
DEFAULT_CONTRAST = 3.0
MIN_POINTS, MAX_POINTS = 5.0, 60.0


class ColorChanges(NamedTuple):
    """What a program changed about the colors; None is the theme's own."""

    reverse: bool = False
    foreground: int | None = None
    background: int | None = None
    cursor: int | None = None
    palette: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, terminal: Terminal) -> ColorChanges:
        palette = terminal.palette
        return cls(
            terminal.reverse_screen,
            terminal.foreground,
            terminal.background,
            terminal.cursor_color,
            tuple(sorted(palette.items())) if palette else (),
        )


class Appearance:
    """Of one terminal. Read ``painter`` and ``cells`` anew each time: every change replaces them.

    ``ratio``: device pixels per logical pixel.
    """

    def __init__(self, palette: QPalette, ratio: float) -> None:
        self._contrast = DEFAULT_CONTRAST
        self._theme = for_palette(palette).with_contrast(self._contrast)
        self._changes = ColorChanges()
        self._font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._font.setPointSizeF(DEFAULT_POINTS)
        self._base_points = DEFAULT_POINTS
        self._ratio = ratio
        self._measure()

    def _measure(self) -> None:
        self._grid = Grid(self._font, self._ratio)
        self.cells = Cells(self._grid)
        self._repaint()

    def _repaint(self) -> None:
        """Forget what was painted."""
        theme, changes = self._theme, self._changes
        if changes != ColorChanges():
            theme = theme.with_changes(
                dict(changes.palette), changes.foreground, changes.background, changes.cursor
            )
        theme = theme.reversed() if changes.reverse else theme
        self.painter = RowPainter(self._grid, theme)

    def set_ratio(self, ratio: float) -> bool:
        """The scale of the screen the window is on; False if it is the same as before."""
        if ratio == self._ratio:
            return False
        self._ratio = ratio
        self._measure()
        return True

    # -- theme

    @property
    def theme(self) -> Theme:
        """The theme as the user chose it; ``painter.theme`` has the program's changes too."""
        return self._theme

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme.with_contrast(self._contrast)
        self._repaint()

    def set_contrast(self, least: float) -> None:
        """The least contrast of text with its background, in every theme."""
        self._contrast = least
        self.set_theme(self._theme)

    def set_changes(self, changes: ColorChanges) -> bool:
        """What a program changed (OSC 4, 10, 11, 12, DECSCNM); False if that is nothing new."""
        if changes == self._changes:
            return False
        self._changes = changes
        self._repaint()
        return True

    # -- font

    @property
    def font_family(self) -> str:
        """The family that is painted with: always a monospaced one."""
        return self._grid.family

    @property
    def font_points(self) -> float:
        size = self._font.pointSizeF()
        return size if size > 0 else self._base_points

    def set_font(self, font: QFont) -> None:
        """A font; one that is not monospaced is replaced by one that is."""
        self._font = QFont(font)
        if font.pointSizeF() > 0:
            self._base_points = font.pointSizeF()
        self._measure()

    def zoom(self, points: float) -> None:
        """Make the font larger by ``points``; 0 brings back the size last set."""
        size = self.font_points + points if points else self._base_points
        self._font.setPointSizeF(min(max(size, MIN_POINTS), MAX_POINTS))
        self._measure()
