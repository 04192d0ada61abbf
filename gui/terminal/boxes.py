"""Box drawing and block characters, drawn to the cell's edges so that no seam shows.

Owns U+2500..U+259F. Does not own other glyphs: fonts draw those. Shapes come
from the characters' Unicode names, e.g. "DOWN HEAVY AND RIGHT LIGHT".
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

FIRST, LAST = "\u2500", "\u259f"

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
_QUADRANTS = {
    "UPPER LEFT": (0, 0),
    "UPPER RIGHT": (1, 0),
    "LOWER LEFT": (0, 1),
    "LOWER RIGHT": (1, 1),
}
_SHADES = {"\u2591": 64, "\u2592": 128, "\u2593": 192}


class _Box(NamedTuple):
    """The weight of each arm from the centre; ``dashes`` per cell; ``arc`` rounds the corner."""

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
def _box(char: str) -> _Box | None:
    name = unicodedata.name(char, "").removeprefix("BOX DRAWINGS ")
    if "DIAGONAL" in name:
        return None
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
    """Whether draw() draws this character."""
    return FIRST <= char <= LAST and (char >= "\u2580" or _box(char) is not None)


def draw(painter: QPainter, char: str, cell: Cell, colour: QColor) -> None:
    """Draw one character covers() accepts."""
    if char >= "\u2580":
        _draw_block(painter, char, cell, colour)
    elif (box := _box(char)) is not None:
        if box.arc:
            _draw_arc(painter, box, cell, colour)
        elif box.dashes:
            _draw_dashes(painter, box, cell, colour)
        else:
            _draw_box(painter, box, cell, colour)


def _draw_box(painter: QPainter, box: _Box, cell: Cell, colour: QColor) -> None:
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
            _fill_arm(painter, cell, colour, start, rail, thickness, vertical, mirrored)


def _thickness(weight: int, line: int) -> int:
    """A heavy line is as much wider on both sides, so that it stays centred on a light one."""
    return line + 2 * max(1, line // 2) if weight == _HEAVY else line


def _start(rail: int, opposite: int, before: int, after: int, line: int) -> int:
    """Where an arm begins, from the near edge of the centre line; negative is across it."""
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
    colour: QColor,
    start: int,
    rail: int,
    thickness: int,
    vertical: bool,
    mirrored: bool,
) -> None:
    length, breadth = (cell.height, cell.width) if vertical else (cell.width, cell.height)
    centre = (length - cell.line) // 2
    near, far = centre + start, length
    if mirrored:
        near, far = 0, centre + cell.line - start
    across = (breadth - cell.line) // 2 + rail * cell.line - (thickness - cell.line) // 2
    if vertical:
        rect = QRect(cell.x + across, cell.y + near, thickness, far - near)
    else:
        rect = QRect(cell.x + near, cell.y + across, far - near, thickness)
    painter.fillRect(rect, colour)


def _draw_dashes(painter: QPainter, box: _Box, cell: Cell, colour: QColor) -> None:
    vertical = bool(box.up)
    length, breadth = (cell.height, cell.width) if vertical else (cell.width, cell.height)
    thickness = _thickness(box.up or box.left, cell.line)
    across = (breadth - thickness) // 2
    for index in range(box.dashes):
        start, end = length * index // box.dashes, length * (index + 1) // box.dashes
        size = max(1, (end - start) * 2 // 3)
        if vertical:
            painter.fillRect(cell.x + across, cell.y + start, thickness, size, colour)
        else:
            painter.fillRect(cell.x + start, cell.y + across, size, thickness, colour)


def _draw_arc(painter: QPainter, box: _Box, cell: Cell, colour: QColor) -> None:
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
    painter.setPen(QPen(colour, cell.line, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawPath(path)
    painter.restore()


def _draw_block(painter: QPainter, char: str, cell: Cell, colour: QColor) -> None:
    x, y, width, height = cell.x, cell.y, cell.width, cell.height
    code = ord(char)
    if char in _SHADES:
        shade = QColor(colour)
        shade.setAlpha(_SHADES[char])
        painter.fillRect(x, y, width, height, shade)
    elif code == 0x2580:
        painter.fillRect(x, y, width, height // 2, colour)
    elif code <= 0x2588:
        part = max(1, round(height * (code - 0x2580) / 8))
        if code == 0x2584:
            part = height - height // 2
        painter.fillRect(x, y + height - part, width, part, colour)
    elif code <= 0x258F:
        painter.fillRect(x, y, max(1, round(width * (0x2590 - code) / 8)), height, colour)
    elif code == 0x2590:
        painter.fillRect(x + width // 2, y, width - width // 2, height, colour)
    elif code == 0x2594:
        painter.fillRect(x, y, width, max(1, round(height / 8)), colour)
    elif code == 0x2595:
        part = max(1, round(width / 8))
        painter.fillRect(x + width - part, y, part, height, colour)
    else:
        half_x, half_y = width // 2, height // 2
        name = unicodedata.name(char).removeprefix("QUADRANT ")
        for words, (right, lower) in _QUADRANTS.items():
            if words in name:
                left, top = (half_x if right else 0), (half_y if lower else 0)
                right_edge, bottom = (width if right else half_x), (height if lower else half_y)
                painter.fillRect(x + left, y + top, right_edge - left, bottom - top, colour)
