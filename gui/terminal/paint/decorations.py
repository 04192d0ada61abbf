"""Underlines, overline, strikethrough, in device pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

if TYPE_CHECKING:
    from gui.terminal.paint.grid import Grid

SINGLE, DOUBLE, CURLY, DOTTED, DASHED = range(1, 6)
WAVES = 64
"""Painted waves kept per grid, by color; all go when it is full."""


def bar(painter: QPainter, grid: Grid, column: int, cells: int, y: int, color: QColor) -> None:
    """One straight line over ``cells`` cells, ``y`` from the top."""
    painter.fillRect(column * grid.width, y, cells * grid.width, grid.line, color)


def underline(
    painter: QPainter, grid: Grid, column: int, cells: int, kind: int, color: QColor
) -> None:
    """``kind`` as in Style.underline."""
    if kind == SINGLE:
        bar(painter, grid, column, cells, grid.underline, color)
    elif kind == DOUBLE:
        lower = min(grid.underline + grid.line, grid.height - grid.line)
        for y in (lower, lower - 2 * grid.line):
            bar(painter, grid, column, cells, y, color)
    elif kind == CURLY:
        # Every cell has a whole wave: neighbouring runs join without a step.
        wave = grid.waves.get(color.rgb())
        if wave is None:
            if len(grid.waves) >= WAVES:
                grid.waves.clear()
            wave = grid.waves[color.rgb()] = _wave(grid, color)
        area = QRect(column * grid.width, 0, cells * grid.width, grid.height)
        painter.drawTiledPixmap(area, wave)
    elif kind == DOTTED:
        _pieces(painter, grid, column, cells, 2 * grid.line, grid.line, color)
    elif kind == DASHED:
        period = max(3, grid.width // 2 * 2)
        _pieces(painter, grid, column, cells, period, max(2, period * 5 // 8), color)


def _pieces(
    painter: QPainter, grid: Grid, column: int, cells: int, period: int, piece: int, color: QColor
) -> None:
    """Counted from the row's left edge, so that the pattern continues from run to run."""
    left, right = column * grid.width, (column + cells) * grid.width
    for start in range(left // period * period, right, period):
        begin, end = max(start, left), min(start + piece, right)
        if begin < end:
            painter.fillRect(begin, grid.underline, end - begin, grid.line, color)


def _wave(grid: Grid, color: QColor) -> QPixmap:
    pixmap = QPixmap(grid.width, grid.height)
    pixmap.fill(Qt.GlobalColor.transparent)
    rise = 1.5 * grid.line
    middle = min(grid.underline + grid.line / 2, grid.height - rise - grid.line / 2)
    path = QPainterPath(QPointF(0, middle))
    path.quadTo(grid.width / 4, middle + 2 * rise, grid.width / 2, middle)
    path.quadTo(grid.width * 3 / 4, middle - 2 * rise, grid.width, middle)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, grid.line))
    painter.drawPath(path)
    painter.end()
    return pixmap
