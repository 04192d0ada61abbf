"""The grid a terminal is painted on: font, theme, cells and where they are.

Owns font, theme and geometry. Does not own what is in the cells (view).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from gui.terminal.paint.grid import Grid
from gui.terminal.paint.painter import RowPainter
from gui.terminal.paint.theme import Theme
from gui.terminal.paint.themes import default, for_palette

if TYPE_CHECKING:
    from collections.abc import Mapping

PADDING = 8
"""Around the grid, in logical pixels; the grid begins on the nearest whole device pixel."""
DEFAULT_POINTS = 11.0
DEFAULT_CONTRAST = 3.0
MIN_POINTS, MAX_POINTS = 5.0, 60.0


class Changes(NamedTuple):
    """What a program changed about the colours; None is the theme's own."""

    reverse: bool = False
    foreground: int | None = None
    background: int | None = None
    cursor: int | None = None
    palette: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(
        cls,
        reverse: bool,
        foreground: int | None,
        background: int | None,
        cursor: int | None,
        palette: Mapping[int, int],
    ) -> Changes:
        entries = tuple(sorted(palette.items())) if palette else ()
        return cls(reverse, foreground, background, cursor, entries)


class Surface(QAbstractScrollArea):
    """Cells of one font in a viewport, and a bar that is always there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A bar that comes and goes would resize the program's screen.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._contrast = DEFAULT_CONTRAST
        self._theme = for_palette(self.palette()).with_contrast(self._contrast)
        self._own_theme = False
        self._changes = Changes()
        self._font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._font.setPointSizeF(DEFAULT_POINTS)
        self._base_points = DEFAULT_POINTS
        self._grid = Grid(self._font, self.devicePixelRatioF())
        self.painter = self._new_painter()
        """Paints rows with the present font, theme and scale."""

    def grid_changed(self) -> None:
        """Another font or scale: another number of cells may fit. For subclasses."""

    def _new_painter(self) -> RowPainter:
        theme, changes = self._theme, self._changes
        if changes != Changes():
            theme = theme.with_changes(
                dict(changes.palette), changes.foreground, changes.background, changes.cursor
            )
        theme = theme.reversed() if changes.reverse else theme
        return RowPainter(self._grid, theme)

    def repaint_all(self) -> None:
        """Forget what was painted: font, theme or scale changed."""
        if self._grid.ratio != self.devicePixelRatioF():
            self._grid = Grid(self._font, self.devicePixelRatioF())
        self.painter = self._new_painter()
        self.viewport().update()

    # -- theme

    @property
    def theme(self) -> Theme:
        """The theme as the person chose it."""
        return self._theme

    def set_theme(self, theme: Theme | None = None, *, dark: bool | None = None) -> None:
        """A theme, or one of ours by ``dark``; neither: like the window's palette."""
        self._own_theme = theme is not None or dark is not None
        if theme is None:
            theme = for_palette(self.palette()) if dark is None else default(dark=dark)
        self.use_theme(theme)

    def set_contrast(self, least: float) -> None:
        """The least contrast text has with its background, whatever theme is used."""
        self._contrast = least
        self.use_theme(self._theme)

    def use_theme(self, theme: Theme) -> None:
        self._theme = theme.with_contrast(self._contrast)
        self.repaint_all()

    def change_colours(self, changes: Changes) -> None:
        """What a program changed over the theme (OSC 4, 10, 11, 12, DECSCNM)."""
        if changes != self._changes:
            self._changes = changes
            self.repaint_all()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._own_theme:
            self.use_theme(for_palette(self.palette()))

    # -- font

    def set_font(self, font: QFont) -> None:
        """A font; one that is not monospaced is replaced by one that is."""
        self._font = QFont(font)
        if font.pointSizeF() > 0:
            self._base_points = font.pointSizeF()
        self._new_font()

    def zoom(self, points: float) -> None:
        """Make the font larger by ``points``; 0 brings back the size last set."""
        size = self.font_points + points if points else self._base_points
        self._font.setPointSizeF(min(max(size, MIN_POINTS), MAX_POINTS))
        self._new_font()

    @property
    def font_family(self) -> str:
        """The family that is painted with, monospaced whatever was asked for."""
        return self._grid.family

    @property
    def font_points(self) -> float:
        size = self._font.pointSizeF()
        return size if size > 0 else self._base_points

    def _new_font(self) -> None:
        self._grid = Grid(self._font, self.devicePixelRatioF())
        self.repaint_all()
        self.grid_changed()

    def match_scale(self) -> None:
        """Paint anew when the window moved to a screen of another scale."""
        if self.painter.grid.ratio != self.devicePixelRatioF():
            self.repaint_all()

    # -- cells

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell in logical pixels."""
        grid = self.painter.grid
        return grid.width / grid.ratio, grid.height / grid.ratio

    @property
    def origin(self) -> float:
        """Where the grid begins, from the left and from the top: a whole device pixel."""
        ratio = self.painter.grid.ratio
        return round(PADDING * ratio) / ratio

    def fitting(self) -> tuple[int, int]:
        """Columns and rows that fit into the viewport, each at least 1."""
        width, height = self.cell_size
        size = self.viewport().size()
        # What is whole but for a rounding error is whole.
        cols = int((size.width() - 2 * self.origin) / width + 1e-6)
        rows = int((size.height() - 2 * self.origin) / height + 1e-6)
        return max(1, cols), max(1, rows)

    def row_rect(self, row: int) -> QRect:
        """A row's band across the whole viewport."""
        height = self.cell_size[1]
        band = QRectF(0, self.origin + row * height, self.viewport().width(), height)
        return band.toAlignedRect()

    def cell_rect(self, row: int, column: int, cells: int = 1) -> QRectF:
        """Where a cell in view is, in the viewport's coordinates."""
        width, height = self.cell_size
        left, top = self.origin + column * width, self.origin + row * height
        return QRectF(left, top, cells * width, height)

    def cell_at(self, position: QPointF) -> tuple[int, float]:
        """Row and column of a place, either outside the grid when the place is.

        The column has its fraction.
        """
        width, height = self.cell_size
        row = int((position.y() - self.origin) // height)
        return row, (position.x() - self.origin) / width
