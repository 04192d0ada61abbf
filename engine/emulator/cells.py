"""Styles, cells, rows, and the immutable lines a painter sees.

Owns the shapes of screen content and the change from an editable row to an
immutable Line. Does not own what puts characters there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pyte.screens import Char, StaticDefaultDict

DEFAULT_COLOUR = -1
"""A colour nobody chose: the theme's foreground or background."""
TRUECOLOUR = 1 << 24
"""Set in a colour that is ``0xRRGGBB``; without it 0..255 index the palette."""

CELL_CACHE = 4096
"""Distinct characters remembered per style; a style's cache starts over beyond it."""
STYLE_CACHE = 512
"""Styles whose cells are remembered; all start over beyond it."""
CLUSTER_LIMIT = 16
"""Code points one cell holds: a base and its marks. Further marks are dropped."""


class Style(NamedTuple):
    """How a cell looks. Colours are DEFAULT_COLOUR, 0..255, or TRUECOLOUR | 0xRRGGBB.

    ``underline`` is 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    """

    fg: int = DEFAULT_COLOUR
    bg: int = DEFAULT_COLOUR
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: int = 0
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False
    overline: bool = False
    underline_colour: int = DEFAULT_COLOUR
    link: int = 0
    """The hyperlink the cell belongs to, for Terminal.hyperlink(); 0 is none."""
    protected: bool = False
    """DECSCA or SPA: selective erasing leaves the cell alone."""


class Hyperlink(NamedTuple):
    """What OSC 8 named. Cells of one link share the number, neighbours or not."""

    uri: str
    id: str = ""


DEFAULT_STYLE = Style()


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


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A row as it was at one moment. Identity is version: unchanged rows are the same object.

    ``runs`` go left to right without overlap; columns no run covers are blank
    in the default style. ``wrapped`` says the text goes on in the next line.
    """

    runs: tuple[Run, ...] = ()
    wrapped: bool = False
    prompt: bool = False
    """A shell said with OSC 133 that its prompt starts here."""

    @classmethod
    def plain(cls, text: str, style: Style) -> Line:
        """A line of narrow characters in one style."""
        if style == DEFAULT_STYLE and not text.strip(" "):
            return BLANK_LINE
        return cls((Run(0, len(text), text, style),)) if text else BLANK_LINE

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


BLANK_LINE = Line()


class Cell(Char):
    """A pyte Char that also carries its Style. ``data`` is "" in a wide one's right half."""

    style: Style

    @classmethod
    def of(cls, data: str, style: Style) -> Cell:
        cell = cls(
            data,
            bold=style.bold,
            italics=style.italic,
            underscore=bool(style.underline),
            strikethrough=style.strike,
            reverse=style.reverse,
            blink=style.blink,
        )
        cell.style = style
        return cell


class _StyleCells(dict[str, Cell]):
    """The cells of one style by their text, made on first use."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._style = style

    def __missing__(self, data: str) -> Cell:
        if len(self) >= CELL_CACHE:
            self.clear()
        cell = self[data] = Cell.of(data, self._style)
        return cell


class CellCache(dict[Style, _StyleCells]):
    """Cells by style, then by text: a screen full of spaces holds one object."""

    def __missing__(self, style: Style) -> _StyleCells:
        if len(self) >= STYLE_CACHE:
            self.clear()
        cells = self[style] = _StyleCells(style)
        return cells


class Row(StaticDefaultDict[int, Char]):
    """An editable row: column to Cell, ``default`` where nothing was written.

    Whoever edits it calls touch(), or the painter keeps seeing the old line.
    """

    __slots__ = ("_line", "clusters", "wrapped")

    def __init__(self, default: Cell) -> None:
        super().__init__(default)
        self.wrapped = False
        self.clusters = False
        """Set once a cell holds more than one narrow code point."""
        self._line: Line | None = None

    def touch(self) -> None:
        self._line = None

    def line(self, columns: int) -> Line:
        """The row as an immutable Line, the same object until the next touch()."""
        if self._line is None:
            self._line = self._freeze(columns)
        return self._line

    def _freeze(self, columns: int) -> Line:
        if style_of(self.default) == DEFAULT_STYLE:
            columns = min(columns, max(self, default=-1) + 1)
        cells = list(map(self.__getitem__, range(columns)))
        runs = _clustered_runs(cells) if self.clusters else _plain_runs(cells)
        while runs and runs[-1].style == DEFAULT_STYLE and not runs[-1].text.strip(" "):
            runs.pop()
        if not runs and not self.wrapped:
            return BLANK_LINE
        return Line(tuple(runs), self.wrapped)

    @classmethod
    def thaw(cls, line: Line, cells: CellCache) -> Row:
        """The editable row of a line that comes back from history."""
        row = cls(cells[DEFAULT_STYLE][" "])
        row.wrapped = line.wrapped
        row.clusters = any(run.cluster for run in line.runs)
        for run in line.runs:
            styled = cells[run.style]
            if run.cluster:
                row[run.column] = styled[run.text]
                if run.cells == 2:
                    row[run.column + 1] = styled[""]
            else:
                for offset, data in enumerate(run.text):
                    row[run.column + offset] = styled[data]
        return row

    def fit(self, columns: int) -> None:
        """Forget what lies beyond ``columns``; a wide character cut in half becomes blank."""
        beyond = [x for x in self if x >= columns]
        if beyond:
            if self[columns].data == "":
                self[columns - 1] = self.default
            for x in beyond:
                del self[x]
            self.wrapped = False
        self.touch()


def _plain_runs(cells: list[Char]) -> list[Run]:
    """Runs of cells that hold one narrow code point each."""
    text = "".join([cell.data for cell in cells])
    # Cells of one style share the very same Style object.
    styles = list(map(style_of, cells))
    runs: list[Run] = []
    start = 0
    for _, group in groupby(map(id, styles)):
        end = start + len(list(group))
        runs.append(Run(start, end - start, text[start:end], styles[start]))
        start = end
    return runs


def _clustered_runs(cells: list[Char]) -> list[Run]:
    """Runs of any cells: a wide or combined character is a run of its own."""
    runs: list[Run] = []
    start = 0
    for x, cell in enumerate(cells):
        wide = x + 1 < len(cells) and cells[x + 1].data == ""
        if wide or len(cell.data) != 1:
            runs += _shifted(_plain_runs(cells[start:x]), start)
            start = x + 1
            if cell.data:
                runs.append(Run(x, 1 + wide, cell.data, style_of(cell), cluster=True))
    return runs + _shifted(_plain_runs(cells[start:]), start)


def _shifted(runs: list[Run], columns: int) -> list[Run]:
    return [run._replace(column=run.column + columns) for run in runs]


def style_of(cell: Char) -> Style:
    """The style of any pyte character; the default one for a Char of pyte's own making."""
    return cell.style if isinstance(cell, Cell) else DEFAULT_STYLE
