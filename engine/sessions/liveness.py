"""Whether a guest still responds: when its last message came, and since when a ping is open.

Times are seconds on the monotonic clock, passed in by callers. The manager sends the pings
and acts on silence.
"""

from __future__ import annotations


class Liveness:
    def __init__(self, now: float) -> None:
        self._heard_at = now
        self._asked_at: float | None = None

    def heard(self, now: float) -> None:
        """A message came: it answers any open ping."""
        self._heard_at, self._asked_at = now, None

    def asked(self, now: float) -> None:
        """A ping was sent. The first unanswered one counts."""
        if self._asked_at is None:
            self._asked_at = now

    def silence(self, now: float) -> float:
        """Seconds since the last message. It proves nothing without an open ping."""
        return now - self._heard_at

    def unanswered(self, now: float) -> float:
        """Seconds since the first unanswered ping; 0 when none is open."""
        return now - self._asked_at if self._asked_at is not None else 0.0
