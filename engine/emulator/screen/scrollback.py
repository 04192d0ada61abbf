"""The history as a sequence of lines: a view of the rows that the screen has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator.cells.lines import Line, Lines
    from engine.emulator.screen.screen import Screen


class Scrollback(Sequence["Line"]):
    """Oldest line first. Lines are made when they are asked for."""

    def __init__(self, screen: Screen, lines: Lines) -> None:
        self._screen, self._lines = screen, lines

    def __len__(self) -> int:
        return len(self._screen.history)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        history = self._screen.history
        if isinstance(index, slice):
            start, stop, step = index.indices(len(history))
            return [self._lines.line(history[at]) for at in range(start, stop, step)]
        return self._lines.line(history[index])

    def __iter__(self) -> Iterator[Line]:
        return map(self._lines.line, self._screen.history)
