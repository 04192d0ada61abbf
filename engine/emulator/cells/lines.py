"""Lines and runs: rows as a painter, a selection or a search sees them.

A line's identity is its version: an unchanged row gives the same object, as long as the
cache remembers it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.emulator.cells import mosaic
from engine.emulator.cells.rows import CLUSTER, HALF, PROMPT, WIDE, WRAPPED
from engine.emulator.cells.style import DEFAULT_STYLE, Style

if TYPE_CHECKING:
    from engine.emulator.cells.clusters import Clusters
    from engine.emulator.cells.pens import Pens
    from engine.emulator.cells.pictures import Piece
    from engine.emulator.cells.rows import Row

CACHED: Final = 1024
"""Lines remembered by their row; those not asked for since as many others go first. More
than the highest screen has, and few enough for the garbage collector to traverse."""
SAME: Final = re.compile(r"(.)\1*", re.S)


class Run(NamedTuple):
    """Neighbouring cells of one style, from column ``column``, ``cells`` wide.

    Without ``cluster`` there is one code point per cell. With it ``text`` is
    one grapheme in one or two cells.
    """

    column: int
    cells: int
    text: str
    style: Style
    cluster: bool = False


class Line:
    """A row as it was at one moment. Identity is version: unchanged rows are the same object.

    ``runs`` go left to right without overlap; columns no run covers are blank
    in the default style. ``wrapped`` says the text goes on in the next line,
    ``prompt`` that a shell's prompt starts here (OSC 133). ``pieces`` are what the
    line shows of pictures; their cells are blanks in ``runs``.
    """

    __slots__ = ("pieces", "prompt", "runs", "wrapped")

    def __init__(
        self,
        runs: tuple[Run, ...] = (),
        wrapped: bool = False,
        prompt: bool = False,
        pieces: tuple[Piece, ...] = (),
    ) -> None:
        self.runs = runs
        self.pieces = pieces
        self.wrapped = wrapped
        self.prompt = prompt

    def __repr__(self) -> str:
        return f"Line({self.text!r})"

    @property
    def width(self) -> int:
        """Columns up to the end of the last run."""
        return self.runs[-1].column + self.runs[-1].cells if self.runs else 0

    @property
    def text(self) -> str:
        """The characters, with spaces for blank columns, trailing blanks removed."""
        return self.slice(0, self.width).rstrip(" ")

    def slice(self, start: int, end: int) -> str:
        """The text in columns start..end-1. A wide character belongs to its left column."""
        parts: list[str] = []
        column = start
        for run in self.runs:
            if run.column >= end:
                break
            if run.column + run.cells <= start:
                continue
            if run.column > column:
                parts.append(" " * (run.column - column))
            if run.cluster:
                if run.column >= start:
                    parts.append(run.text)
            else:
                parts.append(run.text[max(0, start - run.column) : end - run.column])
            column = run.column + run.cells
        return "".join(parts)

    def cell_start(self, column: int) -> int:
        """``column``, or the left column of the wide character it is the right half of."""
        for run in self.runs:
            if run.cluster and run.column < column < run.column + run.cells:
                return run.column
        return column

    def at(self, column: int) -> Run | None:
        """The run of one character at ``column``, or None where nothing was written."""
        for run in self.runs:
            if run.column <= column < run.column + run.cells:
                if run.cluster:
                    return run
                return Run(column, 1, run.text[column - run.column], run.style)
        return None


BLANK_LINE: Final = Line()


class Lines:
    """Lines by their row, made on first use."""

    def __init__(self, pens: Pens, clusters: Clusters) -> None:
        self._pens, self._clusters = pens, clusters
        # Two generations: what was not asked for while the young one filled is dropped.
        self._young: dict[int, tuple[Row, Line]] = {}
        self._old: dict[int, tuple[Row, Line]] = {}

    def line(self, row: Row) -> Line:
        key = id(row)
        found = self._young.get(key)
        if found is not None and found[0] is row:
            return found[1]
        found = self._old.get(key)
        if found is None or found[0] is not row:
            found = (row, self._make(row))
        if len(self._young) >= CACHED:
            self._old, self._young = self._young, {}
        self._young[key] = found
        return found[1]

    def forget(self) -> None:
        """Pens or clusters have been given new meanings."""
        self._young.clear()
        self._old.clear()

    def text(self, row: Row) -> str:
        """Line.text without the line."""
        text, _, flags = row
        if flags & (WIDE | CLUSTER):
            text = self._clusters.text(text).replace(HALF, "")
        return text.rstrip(" ")

    def _make(self, row: Row) -> Line:
        text, pens, flags = row
        runs: list[Run] = []
        pieces: tuple[Piece, ...] = ()
        style_of = self._pens.style
        special = flags & (WIDE | CLUSTER)
        at = 0
        length = len(text)
        for found in SAME.finditer(pens, 0, length):
            end = found.end()
            style = style_of(found[1])
            if special:
                cells = text[at:end]
                if style.strip is not None:
                    pieces += mosaic.pieces(cells, at, style.strip)
                    cells = mosaic.blanked(cells)
                    style = style._replace(strip=None)
                self._clustered(cells, at, style, runs)
            else:
                runs.append(Run(at, end - at, text[at:end], style))
            at = end
        while runs and runs[-1].style == DEFAULT_STYLE and not runs[-1].text.strip(" "):
            if pieces and pieces[-1].column + pieces[-1].cells > runs[-1].column:
                break
            runs.pop()
        if not runs and not flags & (WRAPPED | PROMPT):
            return BLANK_LINE
        return Line(tuple(runs), bool(flags & WRAPPED), bool(flags & PROMPT), pieces)

    def _clustered(self, text: str, column: int, style: Style, runs: list[Run]) -> None:
        """Runs of one style: wide and combined characters are runs of their own."""
        start = 0
        for found in _APART.finditer(text):
            if found.start() > start:
                plain = text[start : found.start()]
                runs.append(Run(column + start, len(plain), plain, style))
            cells = found[0]
            if cells != HALF:
                whole = self._clusters.whole(cells[0])
                runs.append(Run(column + found.start(), len(cells), whole, style, cluster=True))
            start = found.end()
        if start < len(text):
            runs.append(Run(column + start, len(text) - start, text[start:], style))


_APART: Final = re.compile("[^\0]\0|[\U00100000-\U0010fffd]|\0")
"""A wide character with its right half; a cluster; a half alone, which never stands."""
