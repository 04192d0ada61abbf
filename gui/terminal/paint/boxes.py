"""Box drawing, drawn to the cell's edges so that no seam shows.

Lines, U+2500..U+257F, and the scan lines of the DEC graphics. Shapes come from the characters'
Unicode names, e.g. "DOWN HEAVY AND RIGHT LIGHT".
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

FIRST, LAST = "\u2500", "\u257f"
_SCAN_LINES = {"\u23ba": 1, "\u23bb": 3, "\u23bc": 7, "\u23bd": 9}
"""Horizontal lines at these tenths of the cell."""
_FALLING, _RISING, _CROSSED = "\u2572", "\u2571", "\u2573"

_NONE, _LIGHT, _HEAVY, _DOUBLE = range(4)
_WEIGHTS = {"LIGHT": _LIGHT, "SINGLE": _LIGHT, "HEAVY": _HEAVY, "DOUBLE": _DOUBLE}
_DIRECTIONS = {
    "UP": ("up",),
    "DOWN": ("down",),
    "LEFT": ("left",),
    "RIGHT": ("right",),
    "VERTICAL": ("up", "down"),
    "HORIZONTAL": ("left", "right"),
}
_DASHES = {"DOUBLE DASH": 2, "TRIPLE DASH": 3, "QUADRUPLE DASH": 4}


class _Box(NamedTuple):
    """The weight of each arm from the center; ``dashes`` per cell; ``arc`` rounds the corner."""

    up: int = _NONE
    right: int = _NONE
    down: int = _NONE
    left: int = _NONE
    dashes: int = 0
    arc: bool = False


class Cell(NamedTuple):
    """Where to draw, in device pixels, and how thick a light line is."""

    x: int
    y: int
    width: int
    height: int
    line: int


@cache
def _box(char: str) -> _Box:
    name = unicodedata.name(char, "").removeprefix("BOX DRAWINGS ")
    dashes = 0
    for words, count in _DASHES.items():
        if words in name:
            name, dashes = name.replace(words + " ", ""), count
    arms: dict[str, int] = {}
    weight = _NONE
    for part in name.split(" AND "):
        words_of_part = part.split()
        weight = next((_WEIGHTS[w] for w in words_of_part if w in _WEIGHTS), weight)
        for word in words_of_part:
            for arm in _DIRECTIONS.get(word, ()):
                arms[arm] = weight
    return _Box(**arms, dashes=dashes, arc="ARC" in name)


def covers(char: str) -> bool:
    """Whether draw() draws this character; never one with marks on it."""
    return len(char) == 1 and (FIRST <= char <= LAST or char in _SCAN_LINES)


def draw(painter: QPainter, char: str, cell: Cell, color: QColor) -> None:
    """Draw one character covers() accepts."""
    if char in _SCAN_LINES:
        y = (cell.height - cell.line) * (_SCAN_LINES[char] - 1) // 8
        painter.fillRect(cell.x, cell.y + y, cell.width, cell.line, color)
    elif char in (_FALLING, _RISING, _CROSSED):
        _draw_diagonals(painter, char, cell, color)
    else:
        box = _box(char)
        if box.arc:
            _draw_arc(painter, box, cell, color)
        elif box.dashes:
            _draw_dashes(painter, box, cell, color)
        else:
            _draw_box(painter, box, cell, color)


def _draw_diagonals(painter: QPainter, char: str, cell: Cell, color: QColor) -> None:
    x, y, right, bottom = cell.x, cell.y, cell.x + cell.width, cell.y + cell.height
    painter.save()
    painter.setClipRect(QRect(cell.x, cell.y, cell.width, cell.height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, cell.line, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
    if char != _RISING:
        painter.drawLine(QPointF(x, y), QPointF(right, bottom))
    if char != _FALLING:
        painter.drawLine(QPointF(x, bottom), QPointF(right, y))
    painter.restore()


def _draw_box(painter: QPainter, box: _Box, cell: Cell, color: QColor) -> None:
    # Each arm is drawn as if it pointed right (or down), then mirrored.
    for arm, opposite, before, after, vertical, mirrored in (
        (box.right, box.left, box.up, box.down, False, False),
        (box.left, box.right, box.up, box.down, False, True),
        (box.down, box.up, box.left, box.right, True, False),
        (box.up, box.down, box.left, box.right, True, True),
    ):
        rails = {_NONE: (), _DOUBLE: (-1, 1)}.get(arm, (0,))
        for rail in rails:
            start = _start(rail, opposite, before, after, cell.line)
            thickness = _thickness(arm, cell.line)
            _fill_arm(painter, cell, color, start, rail, thickness, vertical, mirrored)


def _thickness(weight: int, line: int) -> int:
    """A heavy line is as much wider on both sides, so that it stays centered on a light one."""
    return line + 2 * max(1, line // 2) if weight == _HEAVY else line


def _start(rail: int, opposite: int, before: int, after: int, line: int) -> int:
    """Where an arm begins, from the near edge of the center line; negative is across it."""
    if rail == 0:
        if _DOUBLE in (before, after) and not opposite:
            return line if before == after else -line
        return -max(1, line // 2) if _HEAVY in (before, after) else 0
    here, there = (before, after) if rail < 0 else (after, before)
    if here == _DOUBLE:
        return line
    if here == _NONE and (opposite or there == _DOUBLE):
        return -line
    return 0


def _fill_arm(
    painter: QPainter,
    cell: Cell,
    color: QColor,
    start: int,
    rail: int,
    thickness: int,
    vertical: bool,
    mirrored: bool,
) -> None:
    length, breadth = (cell.height, cell.width) if vertical else (cell.width, cell.height)
    center = (length - cell.line) // 2
    near, far = center + start, length
    if mirrored:
        near, far = 0, center + cell.line - start
    across = (breadth - cell.line) // 2 + rail * cell.line - (thickness - cell.line) // 2
    if vertical:
        rect = QRect(cell.x + across, cell.y + near, thickness, far - near)
    else:
        rect = QRect(cell.x + near, cell.y + across, far - near, thickness)
    painter.fillRect(rect, color)


def _draw_dashes(painter: QPainter, box: _Box, cell: Cell, color: QColor) -> None:
    vertical = bool(box.up)
    length, breadth = (cell.height, cell.width) if vertical else (cell.width, cell.height)
    thickness = _thickness(box.up or box.left, cell.line)
    across = (breadth - thickness) // 2
    for index in range(box.dashes):
        start, end = length * index // box.dashes, length * (index + 1) // box.dashes
        size = max(1, (end - start) * 2 // 3)
        if vertical:
            painter.fillRect(cell.x + across, cell.y + start, thickness, size, color)
        else:
            painter.fillRect(cell.x + start, cell.y + across, size, thickness, color)


def _draw_arc(painter: QPainter, box: _Box, cell: Cell, color: QColor) -> None:
    middle_x = cell.x + (cell.width - cell.line) // 2 + cell.line / 2
    middle_y = cell.y + (cell.height - cell.line) // 2 + cell.line / 2
    end_x = cell.x + (cell.width if box.right else 0)
    end_y = cell.y + (cell.height if box.down else 0)
    radius = min(abs(end_x - middle_x), abs(end_y - middle_y))
    toward_y = middle_y + (radius if box.down else -radius)
    toward_x = middle_x + (radius if box.right else -radius)
    path = QPainterPath(QPointF(middle_x, end_y))
    path.lineTo(middle_x, toward_y)
    path.quadTo(middle_x, middle_y, toward_x, middle_y)
    path.lineTo(end_x, middle_y)
    painter.save()
    painter.setClipRect(QRect(cell.x, cell.y, cell.width, cell.height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, cell.line, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawPath(path)
    painter.restore()
