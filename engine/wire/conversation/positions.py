"""Output positions of a guest against those of the shell's log.

They are equal for a guest that knows snapshots. For another one a snapshot is ordinary output,
so its bytes count in the guest's positions and in none of the log's. An older page returns with
the position that it has, so the difference must outlive the connection.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """Output without a gap: the guest's positions ``begin`` to ``end`` (None: no end yet) are
    the log's from ``log`` on."""

    begin: int = 0
    log: int = 0
    end: int | None = None

    def log_position(self, position: int) -> int | None:
        if position < self.begin or (self.end is not None and position > self.end):
            return None
        return self.log + position - self.begin


@dataclass(frozen=True, slots=True)
class Positions:
    """``now`` is the output since the last snapshot, ``before`` the one up to it. A guest that
    returns with less gets a snapshot."""

    now: Stretch = Stretch()
    before: Stretch | None = None

    def log_position(self, position: int) -> int | None:
        """The log position that continues what a guest with ``position`` has on its screen.

        None when only a snapshot can: it has half of one, or output from before all this.
        """
        found = self.now.log_position(position)
        if found is None and self.before is not None:
            found = self.before.log_position(position)
        return found

    def rendered(self, position: int) -> int:
        """All output before this log position is on the screen of a guest at ``position``; half a
        snapshot counts as none. 0 when that is unknown."""
        if (found := self.now.log_position(position)) is not None:
            return found
        before = self.before
        if before is None or before.end is None:
            return 0
        return before.log_position(min(position, before.end)) or 0

    def snapshot(self, begin: int, count: int, at: int) -> Positions:
        """With a snapshot of ``count`` bytes at the guest's position ``begin``, which draws the
        log's ``at``."""
        now = self.now
        log = now.log_position(begin)
        # A guest may return with a position that it never had.
        before = None if log is None or log > at else Stretch(now.begin, now.log, begin)
        return Positions(Stretch(begin + count, at), before)
