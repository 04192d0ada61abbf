"""Whether a guest is still there: when it was last heard, and since when it owes an answer.

Owns the two times of one session, in seconds on the monotonic clock, which callers pass in.
Does not own the pings or what follows from silence (the manager).
"""

from __future__ import annotations


class Liveness:
    def __init__(self, now: float) -> None:
        self._heard_at = now
        self._asked_at: float | None = None

    def heard(self, now: float) -> None:
        """A message came: whatever was asked is answered."""
        self._heard_at, self._asked_at = now, None

    def asked(self, now: float) -> None:
        """A ping went out. The first that is unanswered counts."""
        if self._asked_at is None:
            self._asked_at = now

    def silence(self, now: float) -> float:
        """Since when nothing was heard. It proves nothing where nobody asked."""
        return now - self._heard_at

    def unanswered(self, now: float) -> float:
        """Since when a ping has had no answer; 0 when none is open."""
        return now - self._asked_at if self._asked_at is not None else 0.0
