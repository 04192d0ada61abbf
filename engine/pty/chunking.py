"""How much one read of a terminal takes: little while people type, much under a flood.

Owns the rule, as pure arithmetic on what was read and when, and its use on a
source of bytes. Does not own where they come from. The rule is a leaky bucket:
what is read fills it, time empties it, so only output that keeps coming faster
than CALM_RATE makes the pieces larger. The first read that a flood would have
filled and that brings little ends it at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from engine.pty.base import READ_SIZE

CALM_RATE = 4 * 1024 * 1024
"""Bytes a second that never count as a flood: several times what redraws of a
full screen at 60 frames a second take."""
GATHER_SECONDS = 0.001
"""How long a flood is left to gather before it is read on: some 30 to 60 KB at
Docker's pace, more from a shell here, so that a tenth of the pieces is handled."""
CALM_BYTES = 1024
"""A read of a flood that brings less was its end: a prompt or an echo. Well below
the 4095 bytes that the kernel takes from a terminal at once, floods' usual pieces."""


class ChunkSize:
    """Asked before a read, told after it."""

    def __init__(self, first: int, most: int = READ_SIZE) -> None:
        """``first`` is the size at rest, ``most`` under flood, in bytes."""
        self._first = min(first, most)
        self._most = most
        self._level = 0.0
        self._last = 0.0

    @property
    def limit(self) -> int:
        """The most bytes the next read should take."""
        return max(self._first, min(self._most, int(self._level)))

    @property
    def flooding(self) -> bool:
        """More than ``most`` came lately, faster than CALM_RATE: nobody reads along."""
        return self._level >= self._most

    def took(self, count: int, now: float) -> None:
        """A read gave ``count`` bytes at ``now``, in seconds of any clock that does not go back."""
        if self.flooding and count < CALM_BYTES:
            # The next output is a prompt or an echo: somebody waits for it.
            self._level = 0.0
        left = self._level - (now - self._last) * CALM_RATE
        # What is above the brim would only delay the calm: some 30 ms at most.
        self._level = min(max(left, 0.0) + count, 2.0 * self._most)
        self._last = now


class ChunkedReader:
    """Reads a terminal's output by the rule: at rest what there is, as soon as there is any;
    a flood is left to gather for GATHER_SECONDS before each read."""

    def __init__(
        self,
        read: Callable[[int], Awaitable[bytes]],
        gather: Callable[[int, float], Awaitable[None]],
        first: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``read(limit)`` gives 1..limit bytes, b"" at the end; ``gather(enough, seconds)``
        waits for more; ``first`` is the limit at rest."""
        self._read = read
        self._gather = gather
        self._size = ChunkSize(first)
        self._clock = clock

    async def read(self) -> bytes:
        """1..READ_SIZE bytes; b"" at the end."""
        size = self._size
        if size.flooding:
            await self._gather(size.limit, GATHER_SECONDS)
        data = await self._read(size.limit)
        if data:
            size.took(len(data), self._clock())
        return data
