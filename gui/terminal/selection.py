"""What is selected: two places in the text, and how far a click reaches.

Owns the selection's extent and its text. Does not own the mouse nor the
painting. Lines are named for good by Terminal.scrolled + index, so a selection
stays on its text while the screen scrolls.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.emulator import Line, Terminal

_WORD_SIGNS = frozenset("_-./~:@%+&?=#$,")
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


class Selection:
    """At most one stretch of text of one terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._unit = Unit.CHARACTER
        self._anchor: tuple[Place, Place] | None = None
        self._range: tuple[Place, Place] | None = None

    @property
    def range(self) -> tuple[Place, Place] | None:
        """Start and end, or None when nothing is selected."""
        return self._range

    def clear(self) -> None:
        self._anchor = self._range = None

    def start(self, place: Place, unit: Unit) -> None:
        """Begin at a click. With a unit of character nothing is selected until extend()."""
        self._unit = unit
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
        start, end = min(self._anchor[0], first), max(self._anchor[1], last)
        self._range = (start, end) if start < end else None

    def all(self) -> None:
        """Everything, history too."""
        terminal = self._terminal
        first = terminal.scrolled - len(terminal.scrollback)
        self._unit = Unit.CHARACTER
        start = Place(first, 0)
        self._anchor = (start, start)
        self._range = (start, Place(terminal.scrolled + terminal.rows - 1, terminal.cols))

    def columns(self, name: int, columns: int) -> tuple[int, int] | None:
        """The selected columns start..end-1 of a line, or None."""
        if self._range is None or not self._range[0].line <= name <= self._range[1].line:
            return None
        start, end = self._range
        first = start.column if name == start.line else 0
        last = end.column if name == end.line else columns
        return (first, last) if first < last else None

    def text(self) -> str:
        """The selected text. Lines the terminal wrapped are one line again."""
        if self._range is None:
            return ""
        start, end = self._range
        parts: list[str] = []
        for name in range(start.line, end.line + 1):
            line = self._line(name)
            if line is None:
                continue
            first = start.column if name == start.line else 0
            last = end.column if name == end.line else self._terminal.cols
            text = line.slice(first, last)
            if name == end.line:
                parts.append(text.rstrip(" ") if last >= line.width else text)
            elif line.wrapped:
                parts.append(text)
            else:
                parts.append(text.rstrip(" ") + "\n")
        return "".join(parts)

    def _line(self, name: int) -> Line | None:
        index = name - self._terminal.scrolled
        if -len(self._terminal.scrollback) <= index < self._terminal.rows:
            return self._terminal.line(index)
        return None

    def _reach(self, place: Place) -> tuple[Place, Place]:
        """The unit around a place."""
        line = self._line(place.line)
        if line is None or self._unit is Unit.CHARACTER:
            column = line.cell_start(place.column) if line is not None else place.column
            there = Place(place.line, column)
            return there, there
        if self._unit is Unit.LINE:
            return self._whole_line(place.line)
        start = end = line.cell_start(min(place.column, self._terminal.cols - 1))
        kind = _kind(line, start)
        while start > 0 and _kind(line, line.cell_start(start - 1)) == kind:
            start = line.cell_start(start - 1)
        while end < self._terminal.cols and _kind(line, end) == kind:
            end += 1
        return Place(place.line, start), Place(place.line, end)

    def _whole_line(self, name: int) -> tuple[Place, Place]:
        first = last = name
        while (line := self._line(first - 1)) is not None and line.wrapped:
            first -= 1
        while (line := self._line(last)) is not None and line.wrapped:
            last += 1
        return Place(first, 0), Place(last, self._terminal.cols)


def _kind(line: Line, column: int) -> str:
    run = line.at(column)
    char = run.text[0] if run is not None else " "
    if char.isalnum() or char in _WORD_SIGNS:
        return "word"
    return "blank" if char.isspace() else char
