"""Byte counters of a session, their rates, and which samples differ enough to report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

RTT_CHANGE = 0.1
"""Relative RTT change that is reported when the counters did not change."""


class Counter:
    """Totals since the session began."""

    __slots__ = ("_bytes_in", "_bytes_out")

    def __init__(self) -> None:
        self._bytes_in = 0
        self._bytes_out = 0

    @property
    def bytes_in(self) -> int:
        """Guest to PTY."""
        return self._bytes_in

    @property
    def bytes_out(self) -> int:
        """PTY to guest."""
        return self._bytes_out

    def typed(self, count: int) -> None:
        """``count`` bytes of input were written to the PTY."""
        self._bytes_in += count

    def printed(self, count: int) -> None:
        """``count`` bytes of output were read from the PTY."""
        self._bytes_out += count


@dataclass(frozen=True, slots=True)
class Sample:
    """Totals in bytes, rates in bytes per second since the last sample, ``rtt`` in seconds."""

    bytes_in: int
    bytes_out: int
    rate_in: float
    rate_out: float
    rtt: float | None = None


class Sampler:
    """Samples one counter; skips samples nearly equal to the last one reported."""

    def __init__(self, counter: Counter, clock: Callable[[], float] = time.monotonic) -> None:
        self._counter = counter
        self._clock = clock
        self._at = clock()
        self._in = self._out = 0
        self._reported: Sample | None = None

    def sample(self, rtt: float | None = None) -> Sample | None:
        """The sample to report; None when it is nearly equal to the last one reported."""
        now, counter = self._clock(), self._counter
        elapsed = max(now - self._at, 1e-6)
        new = Sample(
            counter.bytes_in,
            counter.bytes_out,
            (counter.bytes_in - self._in) / elapsed,
            (counter.bytes_out - self._out) / elapsed,
            rtt,
        )
        self._at, self._in, self._out = now, new.bytes_in, new.bytes_out
        if self._reported is not None and _nearly_equal(new, self._reported):
            return None
        self._reported = new
        return new


def _nearly_equal(new: Sample, old: Sample) -> bool:
    if (new.bytes_in, new.bytes_out, new.rate_in, new.rate_out) != (
        old.bytes_in,
        old.bytes_out,
        old.rate_in,
        old.rate_out,
    ):
        return False
    if new.rtt is None or old.rtt is None:
        return new.rtt is old.rtt
    return abs(new.rtt - old.rtt) <= RTT_CHANGE * old.rtt
