"""How much one read of a terminal takes: little while people type, much under a flood.

Owns the rule, as pure arithmetic on what was read and when. Does not own the
reading. The rule is a leaky bucket: what is read fills it, time empties it, so
only output that keeps coming faster than CALM_RATE makes the pieces larger, and
they shrink again within milliseconds of its end.
"""

from __future__ import annotations

from engine.pty.base import READ_SIZE

CALM_RATE = 4 * 1024 * 1024
"""Bytes a second that never count as a flood: several times what redraws of a
full screen at 60 frames a second take."""
GATHER_SECONDS = 0.001
"""How long a flood is left to gather before it is read on: some 30 to 60 KB at
Docker's pace, so that the loop wakes for a tenth of its pieces. Their socket
holds more than that, so the program does not notice."""


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
        left = self._level - (now - self._last) * CALM_RATE
        # What is above the brim would only delay the calm: some 30 ms at most.
        self._level = min(max(left, 0.0) + count, 2.0 * self._most)
        self._last = now
