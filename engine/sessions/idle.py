"""When a session counts as idle: time that does not jump, and the step from idle to ended.

Owns the running clock and the watch of one session, both without input or
output of their own. Does not own what follows (the manager ends and warns).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

LATE_SECONDS = 5.0
"""The most that passes on the running clock between two of its ticks."""
LEAST_WARNING_SECONDS = 30.0
"""Running time between a warning and the end, where the time-out is at least twice that."""


class RunningClock:
    """Seconds this process has run. Sleep of the machine, and any other pause in which no
    tick() came, counts as LATE_SECONDS; a step of the wall clock does not count at all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = 0.0
        self._ticked = clock()

    @property
    def now(self) -> float:
        return self._before + min(self._clock() - self._ticked, LATE_SECONDS)

    def tick(self) -> None:
        """Call this well within LATE_SECONDS of the last time."""
        self._before, self._ticked = self.now, self._clock()


class Verdict(enum.Enum):
    NOTHING = enum.auto()
    WARN = enum.auto()
    END = enum.auto()


class IdleWatch:
    """One session. All times are of one RunningClock, in seconds."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._warned_at: float | None = None

    def touch(self, now: float) -> bool:
        """Something was typed or printed. True when a warning no longer holds."""
        self._since = now
        warned, self._warned_at = self._warned_at is not None, None
        return warned

    def seconds(self, now: float) -> float:
        """How long it has been idle."""
        return max(0.0, now - self._since)

    def check(self, now: float, timeout: float, warning: float) -> Verdict:
        """WARN once, then END when ``warning`` seconds have run since. ``timeout`` 0: never."""
        if not timeout:
            return Verdict.NOTHING
        if self._warned_at is None:
            if now - self._since < timeout - warning:
                return Verdict.NOTHING
            self._warned_at = now
            return Verdict.WARN
        return Verdict.END if now - self._warned_at >= warning else Verdict.NOTHING


def warning_seconds(timeout: float, wanted: float) -> float:
    """How long before the end the warning comes: ``wanted``, but at least
    LEAST_WARNING_SECONDS and at most half of ``timeout``."""
    return min(max(wanted, LEAST_WARNING_SECONDS), timeout / 2)
