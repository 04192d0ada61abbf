"""From a position of the mouse in the viewport to a place in the text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gui.terminal.input.mouse import Spot
from gui.terminal.text.selection import Place, Unit

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from gui.terminal.source import Viewed
    from gui.terminal.view.appearance import Appearance
    from gui.terminal.view.scrolling import Scrolling


class Places:
    """Positions are logical pixels. Outside the grid the nearest place counts."""

    def __init__(self, viewed: Viewed, appearance: Appearance, scrolling: Scrolling) -> None:
        self._viewed = viewed
        self._appearance = appearance
        self._scrolling = scrolling

    @property
    def row_height(self) -> float:
        return self._appearance.cells.height

    def cell(self, position: QPointF) -> Place:
        """The cell at a position."""
        row, column = self._appearance.cells.at(position)
        column = min(max(int(column), 0), self._viewed.terminal.cols - 1)
        return Place(self._scrolling.top + self._clamped(row), column)

    def boundary(self, position: QPointF, unit: Unit) -> Place:
        """How far a selection reaches: a character from its middle on, a word where touched."""
        row, column = self._appearance.cells.at(position)
        column = min(max(column, 0.0), float(self._viewed.terminal.cols))
        boundary = round(column) if unit is Unit.CHARACTER else int(column)
        return Place(self._scrolling.top + self._clamped(row), boundary)

    def lines_outside(self, position: QPointF) -> int:
        """How far a position is above (negative) or below the grid, in rows."""
        row, _ = self._appearance.cells.at(position)
        return min(row, 0) + max(row - self._viewed.rows + 1, 0)

    def columns_outside(self, position: QPointF) -> int:
        """How far a position is left (negative) or right of the columns in view of a terminal
        that has more."""
        if self._viewed.columns == self._viewed.terminal.cols:
            return 0
        cells = self._appearance.cells
        column = math.floor(cells.at(position)[1]) - cells.left
        return min(column, 0) + max(column - self._viewed.columns + 1, 0)

    def spot(self, position: QPointF) -> Spot:
        """What is reported to programs: cell on the screen, pixel of the screen.

        Pixels are those that the program was told a cell has. While history is in view, its rows
        count as the screen's.
        """
        place = self.cell(position)
        in_view = place.line - self._scrolling.top
        row = in_view + max(self._scrolling.first, 0)
        cells, (width, height) = self._appearance.cells, self._viewed.terminal.host.cell
        across = cells.at(position)[1]
        down = (position.y() - cells.origin) / cells.height + row - in_view
        return Spot(
            place.column,
            row,
            _within(across * width, place.column * width, width),
            _within(down * height, row * height, height),
        )

    def _clamped(self, row: int) -> int:
        return min(max(row, 0), self._viewed.rows - 1)


def _within(pixel: float, first: int, size: int) -> int:
    """A whole pixel of a cell's."""
    # What is whole but for a rounding error is whole.
    return min(max(int(pixel + 1e-6), first), first + size - 1)
