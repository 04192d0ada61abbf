"""What is selected: two places in the text, and how far a click reaches.

A line's name is ``Terminal.scrolled + index``. It never changes, so a selection stays on its
text while the screen scrolls.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator import Line
    from gui.terminal.source import Viewed

WORD_SIGNS = "_-./~:@%+&?=#$,"
"""Besides letters and digits: paths and URLs are words."""


class Unit(enum.Enum):
    """What a click selects and a drag extends by."""

    CHARACTER = 1
    WORD = 2
    LINE = 3


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A boundary between cells: before ``column`` of the line named ``line``."""

    line: int
    column: int


class Piece(NamedTuple):
    """The selected part of one line: columns start..end-1."""

    line: Line
    start: int
    end: int
    goes_on: bool
    """The terminal wrapped here: no line ends."""


def blanks_at_end(line: Line, after: Line | None, columns: int) -> int:
    """Blank cells that are text at the end of a row the terminal wrapped.

    A single cell too narrow for the wide character that follows does not count.
    """
    blanks = max(0, columns - line.width)
    first = after.at(0) if after is not None and blanks == 1 else None
    return 0 if first is not None and first.cells == 2 else blanks


class Selection:
    """At most one stretch, or rectangle, of text of one terminal."""

    def __init__(self, viewed: Viewed) -> None:
        self._viewed = viewed
        self._unit = Unit.CHARACTER
        self._anchor: tuple[Place, Place] | None = None
        self._range: tuple[Place, Place] | None = None
        self.rectangular = False
        """The same columns of every line, set by start()."""
        self._word_signs = WORD_SIGNS

    def set_word_signs(self, signs: str) -> None:
        """What belongs to words besides letters and digits."""
        self._word_signs = signs

    @property
    def range(self) -> tuple[Place, Place] | None:
        """First and last place in reading order, or None when nothing is selected."""
        return self._range

    def clear(self) -> None:
        self._anchor = self._range = None

    def start(self, place: Place, unit: Unit, *, rectangular: bool = False) -> None:
        """Begin at a click. With a unit of character nothing is selected until extend()."""
        self._unit = unit
        self.rectangular = rectangular
        self._anchor = self._reach(place)
        self._range = None
        if unit is not Unit.CHARACTER:
            self.extend(place)

    def extend(self, place: Place) -> None:
        """Reach from where it began to ``place``, in whole units."""
        if self._anchor is None:
            self.start(place, Unit.CHARACTER)
            return
        first, last = self._reach(place)
        if self.rectangular:
            self._range = self._corners(self._anchor[0], first)
            return
        start, end = min(self._anchor[0], first), max(self._anchor[1], last)
        self._range = (start, end) if start < end else None

    def _corners(self, one: Place, other: Place) -> tuple[Place, Place] | None:
        lines = sorted((one.line, other.line))
        columns = sorted((one.column, other.column))
        if columns[0] == columns[1]:
            return None
        return Place(lines[0], columns[0]), Place(lines[1], columns[1])

    def select(self, start: Place, end: Place) -> None:
        """Exactly this stretch."""
        self._unit, self.rectangular = Unit.CHARACTER, False
        self._anchor = (start, start)
        self._range = (start, end) if start < end else None

    def all(self) -> None:
        """Everything, history too."""
        terminal = self._viewed.terminal
        first = terminal.scrolled - len(terminal.scrollback)
        self.select(Place(first, 0), Place(terminal.scrolled + terminal.rows - 1, terminal.cols))

    def columns(self, name: int, line: Line) -> tuple[int, int] | None:
        """The selected columns start..end-1 of the line of that name, or None."""
        if self._range is None or not self._range[0].line <= name <= self._range[1].line:
            return None
        start, end = self._range
        if self.rectangular:
            # A wide character is taken whole where the rectangle's edge cuts it.
            first, last = line.cell_start(start.column), end.column
            if line.cell_start(last) != last:
                last += 1
            return first, last
        first = start.column if name == start.line else 0
        last = end.column if name == end.line else self._viewed.terminal.cols
        return (first, last) if first < last else None

    def pieces(self) -> Iterator[Piece]:
        """What is selected, line by line."""
        if self._range is None:
            return
        last = self._range[1].line
        for name in range(self._range[0].line, last + 1):
            line = self._line(name)
            if line is None:
                continue
            columns = self.columns(name, line) or (0, 0)
            goes_on = line.wrapped and not self.rectangular and name != last
            if goes_on and columns[1] == self._viewed.terminal.cols:
                blanks = blanks_at_end(line, self._line(name + 1), self._viewed.terminal.cols)
                columns = (columns[0], max(columns[0], line.width + blanks))
            yield Piece(line, *columns, goes_on)

    def text(self) -> str:
        """The selected text. Lines the terminal wrapped are one line again."""
        parts: list[str] = []
        for piece in self.pieces():
            text = piece.line.slice(piece.start, piece.end)
            if piece.goes_on:
                blanks = piece.end - max(piece.line.width, piece.start)
                parts.append(text + " " * blanks)
                continue
            # Blanks up to the line's end are the screen's, not the text's.
            blank = piece.end >= piece.line.width or self.rectangular
            parts.append((text.rstrip(" ") if blank else text) + "\n")
        return "".join(parts).removesuffix("\n")

    def _line(self, name: int) -> Line | None:
        index = name - self._viewed.terminal.scrolled
        if -len(self._viewed.terminal.scrollback) <= index < self._viewed.terminal.rows:
            return self._viewed.terminal.line(index)
        return None

    def _reach(self, place: Place) -> tuple[Place, Place]:
        """The unit around a place."""
        line = self._line(place.line)
        if line is None or self._unit is Unit.CHARACTER:
            # A rectangle's edge is a column: each of its lines finds its own characters.
            whole = line is not None and not self.rectangular
            column = line.cell_start(place.column) if line and whole else place.column
            there = Place(place.line, column)
            return there, there
        if self._unit is Unit.LINE:
            return self._whole_line(place.line)
        return self._word(place, line)

    def _word(self, place: Place, line: Line) -> tuple[Place, Place]:
        """The word at a place, over the ends of lines the terminal wrapped."""
        last_column = self._viewed.terminal.cols - 1
        first = end = Place(place.line, line.cell_start(min(place.column, last_column)))
        kind = self._kind(line, first.column)
        while True:
            before = self._before(first)
            if before is None or self._kind_at(before) != kind:
                break
            first = before
        while self._kind_at(end) == kind:
            after = self._after(end)
            end = Place(end.line, end.column + 1) if after is None else after
            if after is None:
                break
        return first, end

    def _before(self, place: Place) -> Place | None:
        if place.column > 0:
            line = self._line(place.line)
            column = place.column - 1
            return Place(place.line, line.cell_start(column) if line is not None else column)
        above = self._line(place.line - 1)
        if above is None or not above.wrapped:
            return None
        return Place(place.line - 1, above.cell_start(self._viewed.terminal.cols - 1))

    def _after(self, place: Place) -> Place | None:
        if place.column + 1 < self._viewed.terminal.cols:
            return Place(place.line, place.column + 1)
        line = self._line(place.line)
        return Place(place.line + 1, 0) if line is not None and line.wrapped else None

    def _kind_at(self, place: Place) -> str | None:
        line = self._line(place.line)
        return None if line is None else self._kind(line, place.column)

    def _kind(self, line: Line, column: int) -> str:
        run = line.at(column)
        char = run.text[0] if run is not None else " "
        if char.isalnum() or char in self._word_signs:
            return "word"
        return "blank" if char.isspace() else char

    def _whole_line(self, name: int) -> tuple[Place, Place]:
        first = last = name
        while (line := self._line(first - 1)) is not None and line.wrapped:
            first -= 1
        while (line := self._line(last)) is not None and line.wrapped:
            last += 1
        return Place(first, 0), Place(last, self._viewed.terminal.cols)
