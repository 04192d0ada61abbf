"""Characters that fill parts of a cell, drawn to its edges so that no seam shows.

Block elements, shades, sextants, eighths, braille and the arrows of prompts (Powerline).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

if TYPE_CHECKING:
    from gui.terminal.paint.boxes import Cell

_SHADES = {"\u2591": 64, "\u2592": 128, "\u2593": 192}
_BRAILLE = "\u2800", "\u28ff"
_BRAILLE_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of the dot of each bit."""
_SEXTANTS = "\U0001fb00", "\U0001fb3b"
_SEXTANT_GAPS = (0b010101, 0b101010)
"""Patterns that are not sextants: the left and the right half are block elements."""
_QUADRANTS = {
    "UPPER LEFT": (0, 0),
    "UPPER RIGHT": (1, 0),
    "LOWER LEFT": (0, 1),
    "LOWER RIGHT": (1, 1),
}
_POWERLINE = "\ue0b0", "\ue0bf"


class _Part(NamedTuple):
    """A part of the cell, each edge as numerator and denominator of its size."""

    left: tuple[int, int] = (0, 1)
    top: tuple[int, int] = (0, 1)
    right: tuple[int, int] = (1, 1)
    bottom: tuple[int, int] = (1, 1)


def covers(char: str) -> bool:
    """Whether draw() draws this character; never a letter with marks on it."""
    return len(char) == 1 and (
        "\u2580" <= char <= "\u259f"
        or _BRAILLE[0] <= char <= _BRAILLE[1]
        or _POWERLINE[0] <= char <= _POWERLINE[1]
        or char in _SHADES
        or ("\U0001fb00" <= char <= "\U0001fb8b" and bool(_parts(char)))
    )


def touches(char: str) -> bool:
    """Whether it fills its cell to an edge: blocks, shades and separators. Beside it there is a
    background of its color as a rule, so that has to be exact."""
    return len(char) == 1 and (
        "\u2580" <= char <= "\u259f"
        or "\ue0b0" <= char <= "\ue0d7"
        or "\U0001fb00" <= char <= "\U0001fb8b"
    )


def rects(char: str, cell: Cell) -> tuple[QRect, ...]:
    """What is filled of the cell, for a character made of rectangles; () for others."""
    if "\u2580" <= char <= "\u259f" and char not in _SHADES:
        return tuple(_rect(part, cell) for part in _parts(char))
    if "\U0001fb00" <= char <= "\U0001fb8b":
        return tuple(_rect(part, cell) for part in _parts(char))
    return ()


def draw(painter: QPainter, char: str, cell: Cell, color: QColor) -> None:
    """Draw one character covers() accepts."""
    if char in _SHADES:
        shade = QColor(color)
        shade.setAlpha(_SHADES[char])
        painter.fillRect(cell.x, cell.y, cell.width, cell.height, shade)
    elif _BRAILLE[0] <= char <= _BRAILLE[1]:
        _draw_braille(painter, ord(char) - ord(_BRAILLE[0]), cell, color)
    elif _POWERLINE[0] <= char <= _POWERLINE[1]:
        _draw_powerline(painter, ord(char) - ord(_POWERLINE[0]), cell, color)
    else:
        for rect in rects(char, cell):
            painter.fillRect(rect, color)


def _rect(part: _Part, cell: Cell) -> QRect:
    """Neighboring parts share their edge: it is rounded once for both."""
    left, right = (_at(edge, cell.width) for edge in (part.left, part.right))
    top, bottom = (_at(edge, cell.height) for edge in (part.top, part.bottom))
    if right == left:
        left, right = (left, left + 1) if part.left[0] == 0 else (left - 1, left)
    if bottom == top:
        top, bottom = (top, top + 1) if part.top[0] == 0 else (top - 1, top)
    return QRect(cell.x + left, cell.y + top, right - left, bottom - top)


def _at(edge: tuple[int, int], size: int) -> int:
    numerator, denominator = edge
    return (2 * size * numerator + denominator) // (2 * denominator)


@cache
def _parts(char: str) -> tuple[_Part, ...]:
    """What is filled of a block element, quadrant, sextant or eighth; () for others."""
    code = ord(char)
    if code == 0x2580:
        return (_Part(bottom=(1, 2)),)
    if code <= 0x2588:
        return (_Part(top=(0x2588 - code, 8)),)
    if code <= 0x258F:
        return (_Part(right=(0x2590 - code, 8)),)
    if code == 0x2590:
        return (_Part(left=(1, 2)),)
    if code == 0x2594:
        return (_Part(bottom=(1, 8)),)
    if code == 0x2595:
        return (_Part(left=(7, 8)),)
    if code <= 0x259F:
        name = unicodedata.name(char).removeprefix("QUADRANT ")
        places = [place for words, place in _QUADRANTS.items() if words in name]
        return tuple(_grid_part(x, y, 2, 2) for x, y in places)
    if _SEXTANTS[0] <= char <= _SEXTANTS[1]:
        pattern = code - ord(_SEXTANTS[0]) + 1
        for gap in _SEXTANT_GAPS:
            pattern += pattern >= gap
        return tuple(_grid_part(bit % 2, bit // 2, 2, 3) for bit in range(6) if pattern >> bit & 1)
    return _eighths(code)


def _eighths(code: int) -> tuple[_Part, ...]:
    """The legacy eighths: single bars, corners of two bars, and missing block sizes."""
    if 0x1FB70 <= code <= 0x1FB75:
        at = code - 0x1FB70 + 1
        return (_Part(left=(at, 8), right=(at + 1, 8)),)
    if 0x1FB76 <= code <= 0x1FB7B:
        at = code - 0x1FB76 + 1
        return (_Part(top=(at, 8), bottom=(at + 1, 8)),)
    left, right = _Part(right=(1, 8)), _Part(left=(7, 8))
    upper, lower = _Part(bottom=(1, 8)), _Part(top=(7, 8))
    corners = ((left, lower), (left, upper), (right, upper), (right, lower), (upper, lower))
    if 0x1FB7C <= code <= 0x1FB80:
        return corners[code - 0x1FB7C]
    if 0x1FB82 <= code <= 0x1FB86:
        return (_Part(bottom=((2, 3, 5, 6, 7)[code - 0x1FB82], 8)),)
    if 0x1FB87 <= code <= 0x1FB8B:
        return (_Part(left=(8 - (2, 3, 5, 6, 7)[code - 0x1FB87], 8)),)
    return ()


def _grid_part(x: int, y: int, columns: int, rows: int) -> _Part:
    return _Part((x, columns), (y, rows), (x + 1, columns), (y + 1, rows))


def _draw_braille(painter: QPainter, pattern: int, cell: Cell, color: QColor) -> None:
    """Dots in a grid of two by four that continues evenly in the next cell."""
    size = max(1, min(cell.width // 4, cell.height // 8))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, size > 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    for bit, (column, row) in enumerate(_BRAILLE_DOTS):
        if pattern >> bit & 1:
            x = cell.x + (2 * column + 1) * cell.width // 4 - size // 2
            y = cell.y + (2 * row + 1) * cell.height // 8 - size // 2
            if size > 2:
                painter.drawEllipse(QRectF(x, y, size, size))
            else:
                painter.fillRect(x, y, size, size, color)
    painter.restore()


def _draw_powerline(painter: QPainter, index: int, cell: Cell, color: QColor) -> None:
    """Arrow, half circle or corner; every second one is only its outline."""
    path, closed = _powerline_path(index, QRectF(cell.x, cell.y, cell.width, cell.height))
    painter.save()
    painter.setClipRect(QRect(cell.x, cell.y, cell.width, cell.height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if closed:
        painter.fillPath(path, QBrush(color))
    else:
        painter.setPen(QPen(color, cell.line))
        painter.drawPath(path)
    painter.restore()


def _powerline_path(index: int, rect: QRectF) -> tuple[QPainterPath, bool]:
    kind, left, closed = index // 4, index % 4 >= 2, index % 2 == 0
    near, far = (rect.right(), rect.left()) if left else (rect.left(), rect.right())
    path = QPainterPath()
    if kind == 0:
        path.moveTo(near, rect.top())
        path.lineTo(far, rect.center().y())
        path.lineTo(near, rect.bottom())
    elif kind == 1:
        path.moveTo(near, rect.top())
        ellipse = QRectF(rect)
        ellipse.setWidth(2 * rect.width())
        ellipse.moveLeft(rect.left() if left else rect.left() - rect.width())
        path.arcTo(ellipse, 90, 180 if left else -180)
    else:
        # Lower left and lower right corner, then the upper two.
        top, bottom = (rect.top(), rect.bottom()) if kind == 2 else (rect.bottom(), rect.top())
        path.moveTo(QPointF(near, top))
        path.lineTo(QPointF(far, bottom))
        if closed:
            path.lineTo(QPointF(near, bottom))
    return path, closed
