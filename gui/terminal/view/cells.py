"""Where the cells of a grid are in the viewport.

Positions and sizes are logical pixels, unless "device pixels" is said.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize

if TYPE_CHECKING:
    from gui.terminal.paint.grid import Grid

PADDING = 8
"""Around the grid; the grid begins on the nearest whole device pixel."""


class Cells:
    """The geometry of one grid.

    Rows count from 0 at the top of the view, columns from 0 at the terminal's left edge.
    ``left``: the first column in view.
    """

    def __init__(self, grid: Grid, left: int = 0) -> None:
        self._grid = grid
        self.left = left
        self.ratio = grid.ratio
        """Device pixels per logical pixel."""
        self.width = grid.width / grid.ratio
        self.height = grid.height / grid.ratio
        self._start = round(PADDING * grid.ratio)
        self.origin = self._start / grid.ratio
        """The grid's left and its top: a whole device pixel."""

    def fitting(self, size: QSize) -> tuple[int, int]:
        """Columns and rows that fit into a viewport of that size, each at least 1."""
        # What is whole but for a rounding error is whole.
        cols = int((size.width() - 2 * self.origin) / self.width + 1e-6)
        rows = int((size.height() - 2 * self.origin) / self.height + 1e-6)
        return max(1, cols), max(1, rows)

    def band(self, row: int, width: int) -> QRect:
        """A row across a viewport of that width."""
        return QRectF(0, self.origin + row * self.height, width, self.height).toAlignedRect()

    def rect(self, row: int, column: int, cells: int = 1) -> QRectF:
        """One or several cells of a row."""
        left = self.origin + (column - self.left) * self.width
        return QRectF(left, self.origin + row * self.height, cells * self.width, self.height)

    def at(self, position: QPointF) -> tuple[int, float]:
        """Row and column of a position, outside the grid where the position is.

        The column has its fraction.
        """
        row = int((position.y() - self.origin) // self.height)
        return row, self.left + (position.x() - self.origin) / self.width

    def rows_of(self, area: QRect) -> tuple[int, int]:
        """The rows ``first..last-1`` an area touches; ``last`` may lie beyond the grid."""
        first = max(0, int((area.top() - self.origin) // self.height))
        return first, int((area.bottom() - self.origin) // self.height) + 1

    # -- in device pixels

    def corner(self, row: int, column: int) -> QPoint:
        """The top left of a cell in device pixels."""
        grid, start = self._grid, self._start
        return QPoint(start + (column - self.left) * grid.width, start + row * grid.height)

    def device_rect(self, area: QRect) -> QRect:
        """An area in device pixels, rounded outwards."""
        ratio = self.ratio
        left, top = math.floor(area.left() * ratio), math.floor(area.top() * ratio)
        right = math.ceil((area.left() + area.width()) * ratio)
        bottom = math.ceil((area.top() + area.height()) * ratio)
        return QRect(left, top, right - left, bottom - top)
