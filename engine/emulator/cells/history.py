"""The rows that have left the screen at its top, oldest first.

New ones are tuples. pack() stores those that have been there for a while in blocks of bytes, a
fifth as large: a shell at rest has hundreds of lines that nobody looks at. They are unpacked
when they are asked for.
"""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from engine.emulator.cells.memory import Memory, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.emulator.cells.rows import Row

BLOCK: Final = 64
"""Rows packed together: a tenth of a millisecond of work; half of that to unpack them."""
OPEN: Final = 32
"""Blocks that stay unpacked after somebody read from them, of all terminals together: more rows
than the highest screen has, so that what is looked at stays the same objects."""
_LEVEL: Final = 1
"""Higher ones of zlib take three times as long and save a tenth."""

_OPEN: Final = Memory(OPEN)


class History:
    """At most ``maxlen`` rows: with a new one, the oldest goes."""

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self._recent: deque[Row] = deque(maxlen=maxlen)
        # All older than those. As it is not looked at for each new row, some of them may be
        # too many; they are dropped later.
        self._blocks: list[_Block] = []
        self._gone = 0
        """Rows of the oldest block that do not come back when there is room again."""
        self._dropped = 0
        """Blocks so far: with it, a block has a number for good."""
        self._open: dict[int, list[Row]] = {}
        """Unpacked blocks, by that number."""
        self._table = Table(self._open.clear, _OPEN)
        self._scrolled = 0

    def __len__(self) -> int:
        return min(len(self._blocks) * BLOCK - self._gone + len(self._recent), self.maxlen)

    def __getitem__(self, index: int) -> Row:
        """As of a list. The same object each time, until pack() packs it, or so much else was
        read that its block is unpacked again."""
        recent = self._recent
        size = len(self)
        if not -size <= index < size:
            raise IndexError(index)
        if index < 0:
            index += size
        at = index - (size - len(recent))
        if at >= 0:
            return recent[at]
        at += len(self._blocks) * BLOCK
        return self._opened(at // BLOCK)[at % BLOCK]

    def __iter__(self) -> Iterator[Row]:
        return self.between(0, len(self))

    def between(self, start: int, stop: int) -> Iterator[Row]:
        """Rows start..stop-1, as far as there are such, unpacked a block at a time and not kept."""
        size = len(self)
        packed = size - len(self._recent)
        beyond = len(self._blocks) * BLOCK - packed
        start, stop = max(start, 0), min(stop, size)
        while start < min(stop, packed):
            block, inside = divmod(start + beyond, BLOCK)
            some = self._open.get(self._dropped + block) or self._blocks[block].rows()
            some = some[inside : inside + min(stop, packed) - start]
            yield from some
            start += len(some)
        if start < stop:
            yield from islice(self._recent, start - packed, stop - packed)

    def flags(self) -> list[int]:
        """Of each row, without unpacking any."""
        packed = chain.from_iterable([block.flags for block in self._blocks])
        found = [*packed, *[row[2] for row in self._recent]]
        return found[len(found) - len(self) :]

    def append(self, row: Row) -> None:
        self._recent.append(row)

    def extend(self, some: Iterable[Row]) -> None:
        self._recent.extend(some)

    def clear(self) -> None:
        self._recent.clear()
        self._dropped += len(self._blocks)
        self._blocks.clear()
        self._gone = 0
        self._close()

    def pop(self) -> Row:
        """Take the newest row out."""
        self._drop()
        if not self._recent and self._blocks:
            rows = self._blocks.pop().rows()
            self._close()
            if not self._blocks:
                del rows[: self._gone]
                self._gone = 0
            self._recent.extend(rows)
        return self._recent.pop()

    # -- packing

    @property
    def packable(self) -> bool:
        """Whether pack() will have something to do, now or later."""
        return len(self._recent) >= BLOCK

    def pack(self, scrolled: int) -> bool:
        """Pack one more block of rows that were there when it last returned False. That says
        that there are none.

        So it does nothing in a flood: what passes is never packed. ``scrolled`` is the screen's
        count of rows that have come.
        """
        self._drop()
        if len(self._recent) - max(scrolled - self._scrolled, 0) < BLOCK:
            self._scrolled = scrolled
            return False
        self._blocks.append(_Block([self._recent.popleft() for _ in range(BLOCK)]))
        return True

    def _drop(self) -> None:
        """Forget the packed rows that are too many."""
        stored = len(self._blocks) * BLOCK
        self._gone = min(max(self._gone, stored + len(self._recent) - self.maxlen), stored)
        count = self._gone // BLOCK
        if count:
            del self._blocks[:count]
            self._dropped += count
            self._gone -= count * BLOCK
            self._close()

    # -- unpacking

    def _opened(self, at: int) -> list[Row]:
        number = self._dropped + at
        found = self._open.get(number)
        if found is None:
            found = self._blocks[at].rows()
            self._table.grew()
            self._open[number] = found
        return found

    def _close(self) -> None:
        if self._open:
            self._table.forget()


class _Block:
    """BLOCK rows as bytes."""

    __slots__ = ("_packed", "flags")

    def __init__(self, some: list[Row]) -> None:
        # Rows that share their pens do so again when they are unpacked.
        self._packed = zlib.compress(marshal.dumps(some), _LEVEL)
        self.flags = bytes([row[2] for row in some])

    def rows(self) -> list[Row]:
        found: list[Row] = marshal.loads(zlib.decompress(self._packed))
        return found
