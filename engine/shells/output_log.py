"""A shell's output by absolute position: the latest part of it, within a bound.

Positions count output bytes since the shell began. What a reader may still ask for is the
shell's to decide: it says up to where nobody needs the log.
"""

from __future__ import annotations

from bisect import bisect_right

BLOCK = 16 * 1024
"""Short reads are joined up to this size, so that a program that prints byte by byte does not
cost an object per byte."""


class GoneError(LookupError):
    """The log no longer has the output at this position."""


class OutputLog:
    """Keeps at least the last ``keep`` bytes, and everything that trim() was told is needed."""

    def __init__(self, keep: int, start: int = 0) -> None:
        self._keep = keep
        self._blocks: list[bytes | bytearray] = []
        self._starts: list[int] = []
        self._start = self._end = start

    @property
    def start(self) -> int:
        """Position of the oldest byte here."""
        return self._start

    @property
    def end(self) -> int:
        """Position after the newest byte: the total since the shell began."""
        return self._end

    def append(self, data: bytes) -> None:
        last = self._blocks[-1] if self._blocks else b""
        if isinstance(last, bytearray) and len(last) + len(data) <= BLOCK:
            last += data
        else:
            # A bytearray can grow; a large block never does, so that is stored as it came.
            self._blocks.append(data if len(data) > BLOCK // 2 else bytearray(data))
            self._starts.append(self._end)
        self._end += len(data)

    def read(self, position: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``position``, at least one unless it is the end.

        Fewer than ``limit`` do not mean that the end is reached. Raises GoneError before
        ``start``.
        """
        if position < self._start:
            raise GoneError(position)
        if position >= self._end:
            return b""
        index = bisect_right(self._starts, position) - 1
        block, skip = self._blocks[index], position - self._starts[index]
        if not skip and len(block) <= limit:
            return bytes(block)
        return bytes(block[skip : skip + limit])

    def trim(self, needed: int) -> None:
        """Forget what lies before both ``needed`` and the last ``keep`` bytes.

        Less than BLOCK more may stay.
        """
        limit = min(needed, self._end - self._keep)
        count = bisect_right(self._starts, limit) - 1
        if count > 0:
            del self._blocks[:count], self._starts[:count]
            self._start = self._starts[0]
        if limit - self._start >= BLOCK:
            # A large read, of which most may be forgotten.
            self._blocks[0] = self._blocks[0][limit - self._start :]
            self._start = self._starts[0] = limit
