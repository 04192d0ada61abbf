"""How many bytes one read of a terminal takes: few while people type, many under a flood.

The rule is a leaky bucket: reads fill it and time drains it, so only output that
keeps coming faster than CALM_RATE makes the reads larger. The first short read
during a flood ends it at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from engine.pty.base import READ_SIZE

CALM_RATE = 4 * 1024 * 1024
"""Bytes per second that never count as a flood: several times what redrawing a
full screen at 60 frames per second takes."""
GATHER_SECONDS = 0.001
"""How long output gathers before each read of a flood: 30 to 60 KB from Docker, more
from a local shell. That leaves a tenth of the reads."""
CALM_BYTES = 1024
"""A shorter read ends a flood: it is a prompt or an echo. Well below 4095 bytes, the
most the kernel returns from a terminal at once and the usual read of a flood."""


class ChunkSize:
    """The size of the next read, from the reads before it."""

    def __init__(self, first: int, most: int = READ_SIZE) -> None:
        """``first`` is the size at rest, ``most`` under a flood, in bytes."""
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
        """Whether more than ``most`` bytes came lately, faster than CALM_RATE."""
        return self._level >= self._most

    def record(self, count: int, now: float) -> None:
        """A read returned ``count`` bytes at ``now``, in seconds of a monotonic clock."""
        if self.flooding and count < CALM_BYTES:
            # The next output is a prompt or an echo, and somebody waits for it.
            self._level = 0.0
        left = self._level - (now - self._last) * CALM_RATE
        # A higher level would only delay the return to rest: 30 ms at most with this bound.
        self._level = min(max(left, 0.0) + count, 2.0 * self._most)
        self._last = now


class ChunkedReader:
    """Reads a terminal's output: at rest as soon as there is any; under a flood after
    GATHER_SECONDS, so that each read returns more."""

    def __init__(
        self,
        read: Callable[[int], Awaitable[bytes]],
        gather: Callable[[int, float], Awaitable[None]],
        first: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``read(limit)`` returns 1..limit bytes, b"" at the end; ``gather(enough, seconds)``
        waits until ``enough`` bytes are there; ``first`` is the limit at rest."""
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
            size.record(len(data), self._clock())
        return data
