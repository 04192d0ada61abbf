"""How much may be in flight to a peer that has no acknowledgements of its own.

As much as the other side reads in LAG_SECONDS beyond the round trip, measured by what its
transport acknowledges; pure arithmetic. What is in flight cannot be recalled: after a Ctrl+C
all of it still arrives.
"""

from __future__ import annotations

LAG_SECONDS = 0.1
"""What is in flight has arrived within this, beyond the path's own round trip."""
LEAST = 16 * 1024
FIRST = 64 * 1024
MOST = 256 * 1024
"""Bytes: never less, while nothing was measured, never more."""
ROUND_SECONDS = 0.02
"""The least time a rate is measured over."""


class Pace:
    """One direction of one channel. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._least_rtt = float("inf")
        self._since = 0.0
        self._from = -1  # delivered when the round began; below 0: none has
        self._full = True  # so far in this round there was always something in flight

    @property
    def limit(self) -> int:
        """Bytes that may be in flight."""
        if not self._rate:
            return FIRST
        rtt = self._least_rtt if self._least_rtt != float("inf") else 0.0
        return int(min(max(self._rate * (rtt + LAG_SECONDS), LEAST), MOST))

    def update(self, in_flight: int, delivered: int, rtt: float, now: float) -> int:
        """Bytes in flight, bytes acknowledged since the beginning, the path's least round trip
        in seconds (0: unknown). Returns ``limit``."""
        if rtt > 0:
            # The least ever: under a flood every later one has our own queue in it.
            self._least_rtt = min(self._least_rtt, rtt)
        self._full = self._full and in_flight > 0
        if self._from < 0 or (not self._full and now - self._since > ROUND_SECONDS):
            self._begin(delivered, now)
        elif now - self._since >= ROUND_SECONDS and delivered > self._from:
            rate = (delivered - self._from) / (now - self._since)
            self._rate = (self._rate + rate) / 2 if self._rate else rate
            self._begin(delivered, now)
        return self.limit

    def _begin(self, delivered: int, now: float) -> None:
        self._from, self._since, self._full = delivered, now, True
