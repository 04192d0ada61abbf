"""What terminals remember to be fast: bounded for all of them together.

A terminal at work may remember much, and hundreds at rest must not. So there is one bound for the
process: when it is reached, the table that has not grown for the longest time is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 16_384
"""Entries of all tables, of about 250 bytes each."""


class Memory:
    """``most`` is how many entries its tables may have together."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._count = 0
        # The one that grew last is the last. A table's terminal may be gone: it is forgotten, too.
        self._tables: dict[int, Table] = {}
        self._latest: Table | None = None

    def __len__(self) -> int:
        return self._count

    def grew(self, table: Table) -> None:
        self._count += 1
        if table is not self._latest:
            self._tables.pop(id(table), None)
            self._tables[id(table)] = self._latest = table
        while self._count > self._most:
            next(iter(self._tables.values())).forget()

    def forgot(self, table: Table, count: int) -> None:
        self._count -= count
        self._tables.pop(id(table), None)
        if table is self._latest:
            self._latest = None


class Table:
    """Counts the entries of one. ``clear`` empties it, and refers to nothing else."""

    def __init__(self, clear: Callable[[], None], memory: Memory) -> None:
        self._clear, self._memory = clear, memory
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def grew(self) -> None:
        """An entry was added. Others, or even this one, may be forgotten for it."""
        self._count += 1
        self._memory.grew(self)

    def forget(self) -> None:
        """Empty it."""
        count, self._count = self._count, 0
        self._clear()
        self._memory.forgot(self, count)


SHARED: Final = Memory()
"""The one that all terminals use."""
