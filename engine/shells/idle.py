"""When a session is idle: a clock that does not jump, and the steps to a warning and the end.

No I/O: the registry warns and ends shells.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

LATE_SECONDS = 5.0
"""The most that passes on the running clock between two ticks."""
LEAST_WARNING_SECONDS = 30.0
"""Least running time between warning and end, if the time-out is at least twice that."""


class RunningClock:
    """Seconds this process has run. Suspending the machine, like any other pause without a
    tick(), counts as LATE_SECONDS; steps of the wall clock do not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = 0.0
        self._ticked = clock()

    @property
    def now(self) -> float:
        return self._before + min(self._clock() - self._ticked, LATE_SECONDS)

    def tick(self) -> None:
        """Call this more often than every LATE_SECONDS."""
        self._before, self._ticked = self.now, self._clock()


class Verdict(enum.Enum):
    NOTHING = enum.auto()
    WARN = enum.auto()
    END = enum.auto()


class IdleWatch:
    """Idleness of one shell. All times are of one RunningClock, in seconds."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._warned_at: float | None = None

    def touch(self, now: float) -> bool:
        """There was input or output. True when that cancels a warning."""
        self._since = now
        warned, self._warned_at = self._warned_at is not None, None
        return warned

    def seconds(self, now: float) -> float:
        """How long it has been idle."""
        return max(0.0, now - self._since)

    def check(self, now: float, timeout: float, warning: float) -> Verdict:
        """WARN once, then END ``warning`` seconds later. ``timeout`` 0: never."""
        if not timeout:
            return Verdict.NOTHING
        if self._warned_at is None:
            if now - self._since < timeout - warning:
                return Verdict.NOTHING
            self._warned_at = now
            return Verdict.WARN
        return Verdict.END if now - self._warned_at >= warning else Verdict.NOTHING


def warning_seconds(timeout: float, configured: float) -> float:
    """How long before the end the warning comes: ``configured``, but at least
    LEAST_WARNING_SECONDS and at most half of ``timeout``."""
    return min(max(configured, LEAST_WARNING_SECONDS), timeout / 2)
