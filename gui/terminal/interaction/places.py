"""From a position of the mouse in the viewport to a place in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui.terminal.input.mouse import Spot
from gui.terminal.text.selection import Place, Unit

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from engine.emulator import Terminal
    from gui.terminal.view.appearance import Appearance
    from gui.terminal.view.scrolling import Scrolling


class Places:
    """Positions are logical pixels. Outside the grid the nearest place counts."""

    def __init__(self, terminal: Terminal, appearance: Appearance, scrolling: Scrolling) -> None:
        self._terminal = terminal
        self._appearance = appearance
        self._scrolling = scrolling

    @property
    def row_height(self) -> float:
        return self._appearance.cells.height

    def cell(self, position: QPointF) -> Place:
        """The cell at a position."""
        row, column = self._appearance.cells.at(position)
        column = min(max(int(column), 0), self._terminal.cols - 1)
        return Place(self._scrolling.top + self._clamped(row), column)

    def boundary(self, position: QPointF, unit: Unit) -> Place:
        """How far a selection reaches: a character from its middle on, a word where touched."""
        row, column = self._appearance.cells.at(position)
        column = min(max(column, 0.0), float(self._terminal.cols))
        boundary = round(column) if unit is Unit.CHARACTER else int(column)
        return Place(self._scrolling.top + self._clamped(row), boundary)

    def lines_outside(self, position: QPointF) -> int:
        """How far a position is above (negative) or below the grid, in rows."""
        row, _ = self._appearance.cells.at(position)
        return min(row, 0) + max(row - self._terminal.rows + 1, 0)

    def spot(self, position: QPointF) -> Spot:
        """What is reported to programs: cell in view and device pixel in the grid."""
        cells, terminal = self._appearance.cells, self._terminal
        place = self.cell(position)
        pixel = 1 / cells.ratio
        x = min(max(position.x() - cells.origin, 0), terminal.cols * cells.width - pixel)
        y = min(max(position.y() - cells.origin, 0), terminal.rows * cells.height - pixel)
        row = place.line - self._scrolling.top
        return Spot(place.column, row, int(x * cells.ratio), int(y * cells.ratio))

    def _clamped(self, row: int) -> int:
        return min(max(row, 0), self._terminal.rows - 1)
