"""The cells of pictures: which part of one a cell shows.

A cell has a pen of the picture and a private code point, which numbers the picture's cells
row by row. This module writes and reads them.
"""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import TYPE_CHECKING, Final

from engine.emulator.cells.clusters import LAST, PICTURE_COLUMNS
from engine.emulator.cells.pictures import Piece, Strip

if TYPE_CHECKING:
    from engine.emulator.cells.pictures import Picture

_FIRST: Final = PICTURE_COLUMNS
_NUMBERS: Final = LAST + 1 - _FIRST
"""Cells of a picture that one pen can number."""
_SHOWN: Final = re.compile(f"[{chr(_FIRST)}-{chr(LAST)}]+")


def lines_a_pen(picture: Picture) -> int:
    """Rows of the picture whose cells one pen can number: nearly always all of them."""
    return max(_NUMBERS // max(picture.columns, 1), 1)


def cells(picture: Picture, row: int, count: int) -> str:
    """The first ``count`` cells of a row of the picture."""
    first = row % lines_a_pen(picture) * picture.columns
    return _every()[first : first + min(count, picture.columns)]


@cache
def _every() -> str:
    """All code points of cells. Only made when there are pictures."""
    return array("I", range(_FIRST, LAST + 1)).tobytes().decode("utf-32")


def pieces(text: str, column: int, strip: Strip) -> tuple[Piece, ...]:
    """What cells of one pen, from ``column`` on, show: those that still follow one another."""
    found: list[Piece] = []
    across = max(strip.picture.columns, 1)
    for shown in _SHOWN.finditer(text):
        numbers = [ord(code) - _FIRST for code in shown[0]]
        start = 0
        for at in range(1, len(numbers) + 1):
            if (
                at == len(numbers)
                or numbers[at] != numbers[at - 1] + 1
                or numbers[at] % across == 0
            ):
                row, first = divmod(numbers[start], across)
                there = Strip(strip.picture, strip.row + row)
                found.append(Piece(column + shown.start() + start, at - start, there, first))
                start = at
    return tuple(found)


def blanked(text: str) -> str:
    """The text with blanks for the cells of pictures."""
    return _SHOWN.sub(lambda shown: " " * len(shown[0]), text)
