"""Code points that stand for values: each value once, and freed when no row has it.

The table both ways, its bound, and the sweep that frees codes a few at a time: all at once
would block the loop for longer than a frame. The collector finds out which are in use.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Codes(Generic[T]):
    """``code(value)`` and ``value(code)``: at most ``most`` of them, from ``first`` on."""

    def __init__(self, first: int, most: int) -> None:
        self._first, self._most = first, most
        self._values: list[T | None] = []
        """By number; None for one that is free."""
        self._index: dict[T, str] = {}
        self._free: list[int] = []
        self.full = False
        """Set when a code was asked for and there was none."""
        self._kept: set[str] | None = None
        """While a sweep is under way: the codes that stay."""
        self._swept = 0
        """How many it has checked."""

    def __len__(self) -> int:
        return len(self._values) - len(self._free)

    def get(self, value: T) -> str:
        """The code of a value that has one; "" for another."""
        found = self._index.get(value, "")
        if found and self._kept is not None:
            self._kept.add(found)
        return found

    def code(self, value: T) -> str:
        """The code of a value; "" when it has none and all are taken."""
        return self.get(value) or self._new(value)

    def _new(self, value: T) -> str:
        if self._free:
            number = self._free.pop()
            self._values[number] = value
        elif len(self._values) < self._most:
            number = len(self._values)
            self._values.append(value)
        else:
            self.full = True
            return ""
        code = self._index[value] = chr(self._first + number)
        if self._kept is not None:
            self._kept.add(code)
        return code

    def value(self, code: str) -> T | None:
        """What the code stands for; None for a free one and for one beyond all given out."""
        number = ord(code) - self._first
        return self._values[number] if number < len(self._values) else None

    def copy(self) -> list[T | None]:
        """All of the present, by number; what is given out later does not change it."""
        return self._values.copy()

    def values(self) -> list[T]:
        """All that have a code."""
        return list(self._index)

    def begin_sweep(self, used: set[str]) -> None:
        """From now on sweep() frees all codes but ``used``, taken over, and those asked for."""
        self._kept, self._swept = used, 0

    def sweep(self, count: int) -> list[str] | None:
        """Check so many more: the codes freed. None once none was left to check."""
        if self._kept is None:
            return None
        start = self._swept
        if start >= len(self._values):
            self._kept, self.full = None, False
            return None
        self._swept = min(start + count, len(self._values))
        freed: list[str] = []
        for number in range(start, self._swept):
            value, code = self._values[number], chr(self._first + number)
            if value is not None and code not in self._kept:
                del self._index[value]
                self._values[number] = None
                self._free.append(number)
                freed.append(code)
        return freed
