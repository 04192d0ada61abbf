"""Byte counters of a session and the rates derived from them.

Owns counting. Does not own when to sample: the manager asks once a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counter:
    """Totals since the session began. ``bytes_in`` is guest to PTY."""

    bytes_in: int = 0
    bytes_out: int = 0
    clock: Callable[[], float] = time.monotonic
    _at: float = field(default=0.0, init=False)
    _in: int = field(default=0, init=False)
    _out: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._at = self.clock()

    def sample(self) -> tuple[float, float]:
        """Bytes per second in and out since the last sample (or the beginning)."""
        now = self.clock()
        elapsed = max(now - self._at, 1e-6)
        rates = (self.bytes_in - self._in) / elapsed, (self.bytes_out - self._out) / elapsed
        self._at, self._in, self._out = now, self.bytes_in, self.bytes_out
        return rates
