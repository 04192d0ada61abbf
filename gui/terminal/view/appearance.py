"""How a terminal looks: its font, theme and scale, and the painter they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo

from gui.terminal.paint.grid import Grid
from gui.terminal.paint.painter import RowPainter
from gui.terminal.paint.themes import for_palette
from gui.terminal.view.cells import Cells

if TYPE_CHECKING:
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QPalette

    from engine.emulator import Terminal
    from gui.terminal.paint.theme import Theme

DEFAULT_POINTS = 11.0
DEFAULT_CONTRAST = 3.0
MIN_POINTS, MAX_POINTS = 5.0, 60.0
MIN_PIXELS = 9
"""A font smaller than this many logical pixels is not readable: a terminal is cropped instead."""
STEP = 0.5
"""Points between the fonts that are tried to make a terminal fit."""


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

    ``ratio``: device pixels per logical pixel. ``chosen``: the cells of the font as it was set;
    those of ``cells`` are smaller while shrink() needs them to be.
    """

    def __init__(self, palette: QPalette, ratio: float) -> None:
        self._contrast = DEFAULT_CONTRAST
        self._theme = for_palette(palette).with_contrast(self._contrast)
        self._changes = ColorChanges()
        self._font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._font.setPointSizeF(DEFAULT_POINTS)
        self._base_points = DEFAULT_POINTS
        self._ratio = ratio
        self._left = 0
        self._measure()

    def _measure(self) -> None:
        self._chosen = self._grid = Grid(self._font, self._ratio)
        self._shrunk_for: tuple[int, int, int, int] | None = None
        self.chosen = Cells(self._chosen)
        self._lay_out()
        self._repaint()

    def _lay_out(self) -> None:
        self.cells = Cells(self._grid, self._left)

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

    # -- a terminal of another size than the view

    def set_left(self, column: int) -> None:
        """The first column in view."""
        self._left = column
        self._lay_out()

    def shrink(self, cols: int, rows: int, size: QSize) -> None:
        """Use the largest font with which a terminal fits into a viewport, down to MIN_PIXELS.

        It is never larger than the font that was set.
        """
        wanted = (cols, rows, size.width(), size.height())
        if wanted != self._shrunk_for:
            self._use(self._fitting(cols, rows, size))
            self._shrunk_for = wanted

    def restore(self) -> None:
        """Use the font that was set."""
        self._use(self._chosen)
        self._shrunk_for = None

    def _use(self, grid: Grid) -> None:
        if grid is not self._grid:
            self._grid = grid
            self._lay_out()
            self._repaint()

    def _fitting(self, cols: int, rows: int, size: QSize) -> Grid:
        if _fits(self.chosen, cols, rows, size):
            return self._chosen
        room = self.chosen.fitting(size)
        least = self._least_points()
        # Cells are whole pixels: what fits may be a little larger than the proportion says.
        points = self.font_points * min(room[0] / cols, room[1] / rows) * 1.2 + STEP
        points = min(points, self.font_points) // STEP * STEP
        while True:
            font = QFont(self._font)
            font.setPointSizeF(max(points, least))
            grid = Grid(font, self._ratio)
            if points <= least or _fits(Cells(grid), cols, rows, size):
                return grid
            points -= STEP

    def _least_points(self) -> float:
        """MIN_PIXELS as points, or what was set if that is less."""
        pixels = QFontInfo(self._font).pixelSize()
        return min(self.font_points, self.font_points * MIN_PIXELS / max(pixels, 1))


def _fits(cells: Cells, cols: int, rows: int, size: QSize) -> bool:
    room = cells.fitting(size)
    return cols <= room[0] and rows <= room[1]
