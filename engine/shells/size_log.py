"""Which size a terminal had at which position of its output.

Every emulator that shows the shell changes its size between the same two bytes, however far behind
it is. No I/O.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.core.model import Size

MOST = 256
"""Changes that are kept: a program that prints nothing does not bound them, as its log would."""


@dataclass(frozen=True, slots=True)
class SizeChange:
    """The terminal has another size from the output position ``at`` on. ``by``: who wanted it."""

    number: int
    at: int
    size: Size
    by: str


class SizeLog:
    """The changes of one shell's size, numbered from 0, as far back as its output log goes."""

    def __init__(self, size: Size) -> None:
        self._first = size
        self._changes: deque[SizeChange] = deque()
        self._count = 0
        self._forgotten = 0

    @property
    def count(self) -> int:
        """The number of the next change."""
        return self._count

    @property
    def forgotten(self) -> int:
        """Changes before this number are gone, though the output may be there: who has not seen
        them yet needs the screen."""
        return self._forgotten

    def add(self, at: int, size: Size, by: str) -> None:
        self._changes.append(SizeChange(self._count, at, size, by))
        self._count += 1
        while len(self._changes) > MOST:
            self._forgotten = self._changes[0].number + 1
            self._first = self._changes.popleft().size

    def next(self, number: int) -> SizeChange | None:
        """The first change with at least this number."""
        if number >= self._count:
            return None
        return next((one for one in self._changes if one.number >= number), None)

    def number_from(self, position: int) -> int:
        """The number of the first change at or after ``position``."""
        return next((one.number for one in self._changes if one.at >= position), self._count)

    def at(self, position: int) -> Size:
        """The size at ``position``; the oldest known before that."""
        size = self._first
        for change in self._changes:
            if change.at > position:
                break
            size = change.size
        return size

    def forget_before(self, position: int) -> None:
        """Nobody needs changes before ``position``."""
        while self._changes and self._changes[0].at < position:
            self._first = self._changes.popleft().size
