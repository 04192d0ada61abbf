"""Logical lines: rows the terminal wrapped, joined again, and the cell of each character."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gui.terminal.text.selection import Place, blanks_at_end

if TYPE_CHECKING:
    from engine.emulator import Line, Terminal

MAX_ROWS = 512
"""Rows of one logical line that are joined; a longer one counts as several."""


@dataclass(frozen=True, slots=True)
class Logical:
    """One line of text: rows ``first`` .. ``first + rows - 1``, by name."""

    first: int
    text: str
    starts: tuple[int, ...]
    """Where each row's text begins in ``text``."""
    lines: tuple[Line, ...]

    def place(self, offset: int, *, end: bool = False) -> Place:
        """The cell of a character, or with ``end`` the boundary after the one before it."""
        if end:
            start = self.place(offset - 1)
            row = start.line - self.first
            return Place(start.line, self._column(row, offset - self.starts[row]))
        row = bisect_right(self.starts, offset) - 1
        return Place(self.first + row, self._column(row, offset - self.starts[row]))

    def offset(self, place: Place) -> int:
        """The index of the character at a cell; beyond the text's end len(text)."""
        row = place.line - self.first
        if not 0 <= row < len(self.starts):
            return len(self.text)
        line = self.lines[row]
        column = line.cell_start(place.column)
        characters = len(line.slice(0, column)) + max(0, column - line.width)
        limit = self.starts[row + 1] if row + 1 < len(self.starts) else len(self.text)
        return min(self.starts[row] + characters, limit)

    def _column(self, row: int, characters: int) -> int:
        """The column after so many characters of a row."""
        line = self.lines[row]
        column = taken = 0
        for run in line.runs:
            gap = run.column - column
            if taken + gap >= characters:
                return column + characters - taken
            taken += gap
            length = len(run.text)
            if taken + length > characters:
                # Inside a grapheme of several code points: its cell begins where it does.
                return run.column + (0 if run.cluster else characters - taken)
            taken += length
            column = run.column + run.cells
            if taken == characters:
                return column
        return column + characters - taken


def logical(terminal: Terminal, name: int) -> Logical | None:
    """The whole line the row of that name belongs to; None when it is no longer there."""
    first, last = name, name
    if _row(terminal, name) is None:
        return None
    while last - first < MAX_ROWS and _goes_on(terminal, first - 1):
        first -= 1
    while last - first < MAX_ROWS and _goes_on(terminal, last):
        last += 1
    rows = (_row(terminal, row) for row in range(first, last + 1))
    lines = [line for line in rows if line is not None]
    after = [*lines[1:], None]
    texts = [row_text(line, next_, terminal.cols) for line, next_ in zip(lines, after, strict=True)]
    starts, length = [], 0
    for text in texts:
        starts.append(length)
        length += len(text)
    return Logical(first, "".join(texts).rstrip(" "), tuple(starts), tuple(lines))


def row_text(line: Line, after: Line | None, columns: int) -> str:
    """A row's text; one the terminal wrapped counts to its very end."""
    text = line.slice(0, line.width)
    return text + " " * blanks_at_end(line, after, columns) if line.wrapped else text


def _goes_on(terminal: Terminal, name: int) -> bool:
    line = _row(terminal, name)
    return line is not None and line.wrapped and _row(terminal, name + 1) is not None


def _row(terminal: Terminal, name: int) -> Line | None:
    index = name - terminal.scrolled
    if -len(terminal.scrollback) <= index < terminal.rows:
        return terminal.line(index)
    return None
