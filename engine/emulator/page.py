"""One page of rows, and the edits that stay within it.

Owns rows, their blanks and the halves of wide characters. Does not own the
cursor, modes or history; a terminal has two pages, the normal and the
alternate screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.emulator.cells import DEFAULT_STYLE, Row, Style, style_of
from engine.emulator.width import width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyte.screens import Char

    from engine.emulator.cells import CellCache


class SavedCursor(NamedTuple):
    """What DECSC keeps. One per page, as in xterm."""

    x: int = 0
    y: int = 0
    style: Style = DEFAULT_STYLE
    g0: str = "B"
    g1: str = "B"
    charset: int = 0
    origin: bool = False


class Page(dict[int, Row]):
    """Rows by their number from 0; a row nobody wrote to is made on first look."""

    def __init__(self, cells: CellCache) -> None:
        super().__init__()
        self.saved: SavedCursor | None = None
        self._cells = cells

    def __missing__(self, y: int) -> Row:
        row = self[y] = self.blank_row(DEFAULT_STYLE)
        return row

    def blank_row(self, style: Style) -> Row:
        """A row erased with ``style``: only its background counts (xterm's "bce")."""
        return Row(self._cells[Style(bg=style.bg)][" "])

    def scroll(self, top: int, bottom: int, count: int, style: Style) -> list[Row]:
        """Move rows top..bottom up by ``count`` (down when negative); returns the rows lost."""
        rows = list(map(self.__getitem__, range(top, bottom + 1)))
        if count >= 0:
            count = min(count, len(rows))
            lost = rows[:count]
            rows = rows[count:] + [self.blank_row(style) for _ in range(count)]
        else:
            count = min(-count, len(rows))
            lost = rows[len(rows) - count :]
            rows = [self.blank_row(style) for _ in range(count)] + rows[: len(rows) - count]
        self.update(zip(range(top, bottom + 1), rows, strict=True))
        return lost

    def write(self, y: int, x: int, text: str, style: Style) -> None:
        """Put narrow characters, one per cell; they fit in the row."""
        row = self[y]
        end = x + len(text)
        self.sever(row, x, end)
        cells = self._cells[style]
        row.update(zip(range(x, end), map(cells.__getitem__, text), strict=True))
        row.touch()

    def fill(self, rows: int, columns: int, char: str) -> None:
        """The same narrow character everywhere."""
        pattern = dict.fromkeys(range(columns), self._cells[DEFAULT_STYLE][char])
        for y in range(rows):
            self[y] = self.blank_row(DEFAULT_STYLE)
            self[y].update(pattern)

    def write_wide(self, y: int, x: int, char: str, style: Style) -> None:
        """Put one wide character into cells x and x + 1."""
        row = self[y]
        self.sever(row, x, x + 2)
        cells = self._cells[style]
        row[x], row[x + 1] = cells[char], cells[""]
        row.clusters = True
        row.touch()

    def combine(self, y: int, x: int, mark: str, limit: int) -> None:
        """Add a mark to the character at x; a cell takes ``limit`` code points at most."""
        row = self[y]
        if row[x].data == "" and x:
            x -= 1
        cell = row[x]
        if len(cell.data) < limit:
            row[x] = self._cells[style_of(cell)][cell.data + mark]
            row.clusters = True
            row.touch()

    def erase(self, y: int, start: int, end: int, columns: int, style: Style) -> None:
        """Blank cells start..end-1 with the background of ``style``."""
        if start <= 0 and end >= columns:
            self[y] = self.blank_row(style)
            return
        row = self[y]
        self.sever(row, start, end)
        blank = self._cells[Style(bg=style.bg)][" "]
        for x in range(start, min(end, columns)):
            row[x] = blank
        if end >= columns:
            row.wrapped = False
        row.touch()

    def shift(self, y: int, x: int, count: int, columns: int, style: Style) -> None:
        """Insert ``count`` blanks at x (delete cells when negative); the rest of the row moves."""
        row = self[y]
        blank: Char = self._cells[Style(bg=style.bg)][" "]
        cells: list[Char] = [row[column] for column in range(columns)]
        if count >= 0:
            cells[x:x] = [blank] * min(count, columns)
            del cells[columns:]
        else:
            del cells[x : x - count]
            cells += [blank] * (columns - len(cells))
        self._mend(cells)
        row.update(enumerate(cells))
        row.wrapped = False
        row.touch()

    def sever(self, row: Row, start: int, end: int) -> None:
        """Blank the halves of wide characters that an edit of start..end-1 leaves over."""
        if start and row[start].data == "":
            row[start - 1] = self._cells[style_of(row[start - 1])][" "]
        if row[end].data == "":
            row[end] = self._cells[style_of(row[end])][" "]

    def _mend(self, cells: list[Char]) -> None:
        from_wide = False
        for x, cell in enumerate(cells):
            if from_wide and cell.data != "":
                cells[x - 1] = self._cells[style_of(cells[x - 1])][" "]
            elif cell.data == "" and not from_wide:
                cells[x] = self._cells[style_of(cell)][" "]
            from_wide = width(cell.data[:1]) == 2
        if from_wide:
            cells[-1] = self._cells[style_of(cells[-1])][" "]

    def fit(self, rows: Sequence[Row], columns: int) -> None:
        """Hold exactly ``rows``, none wider than ``columns``."""
        self.clear()
        self.update(enumerate(rows))
        for row in rows:
            row.fit(columns)
