"""pyte's ``buffer[y][x]``: a view of rows as pyte's characters.

Owns the reading of rows in pyte's terms. Does not own the rows; nothing can be
written through the view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyte.graphics import FG_AIXTERM, FG_ANSI
from pyte.screens import Char

from engine.emulator.cells.rows import HALF
from engine.emulator.cells.style import DEFAULT_COLOUR, DEFAULT_STYLE, TRUECOLOUR, Style

if TYPE_CHECKING:
    from engine.emulator.cells.clusters import Clusters
    from engine.emulator.cells.pens import Pens
    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.base import Base

_NAMES = [*list(FG_ANSI.values())[:8], *list(FG_AIXTERM.values())[:8]]


def _colour(colour: int) -> str:
    """pyte's name of a colour: a word, or six hexadecimal digits."""
    if colour == DEFAULT_COLOUR:
        return "default"
    if colour & TRUECOLOUR:
        return f"{colour & 0xFFFFFF:06x}"
    return _NAMES[colour] if colour < len(_NAMES) else f"color{colour}"


def char(data: str, style: Style) -> Char:
    return Char(
        data,
        fg=_colour(style.fg),
        bg=_colour(style.bg),
        bold=style.bold,
        italics=style.italic,
        underscore=bool(style.underline),
        strikethrough=style.strike,
        reverse=style.reverse,
        blink=style.blink,
    )


class RowView(Mapping[int, Char]):
    """One row: column to character, blank beyond its text, "" in a wide one's right half."""

    def __init__(self, row: Row, columns: int, pens: Pens, clusters: Clusters) -> None:
        self._row, self._columns = row, columns
        self._pens, self._clusters = pens, clusters

    def __getitem__(self, x: int) -> Char:
        text, pens, _ = self._row
        if not 0 <= x < self._columns:
            raise KeyError(x)
        if x >= len(text):
            return char(" ", DEFAULT_STYLE)
        data = "" if text[x] == HALF else self._clusters.whole(text[x])
        return char(data, self._pens.style(pens[x]))

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._columns))

    def __len__(self) -> int:
        return self._columns


class BufferView(Mapping[int, RowView]):
    """All rows on show, whichever they are when they are asked for."""

    def __init__(self, screen: Base) -> None:
        self._screen = screen

    def __getitem__(self, y: int) -> RowView:
        screen = self._screen
        if not 0 <= y < screen.lines:
            raise KeyError(y)
        return RowView(screen.rows[y], screen.columns, screen.pens, screen.clusters)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._screen.lines))

    def __len__(self) -> int:
        return self._screen.lines
