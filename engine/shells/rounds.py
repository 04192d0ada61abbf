"""Snapshots for viewers under a flood: one for all of them, at most a few a second.

Drawing and sending them must not slow the program: together the viewers get a tenth of the
loop's time, measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from engine.shells.screen import ShellScreen, Snapshot

PERIOD_SECONDS = 0.25
"""The least time between two rounds."""
SHARE = 0.1
"""The part of the loop's time that viewers get."""
LONGEST_SECONDS = 0.9
"""The longest time between two rounds, whatever they cost."""


class Rounds:
    """One shell's. A round takes one snapshot per set of features that its viewers have."""

    def __init__(self, screen: ShellScreen) -> None:
        self._screen = screen
        self._next_at = 0.0
        self._spent = 0.0

    def spent(self, seconds: float) -> None:
        """Sending to viewers took so much of the loop's time."""
        self._spent += seconds

    async def next(self, features: Collection[str]) -> Snapshot:
        """The snapshot of the next round."""
        loop = asyncio.get_running_loop()
        if (wait := self._next_at - loop.time()) > 0:
            await asyncio.sleep(wait)
        # Everybody who wakes in this turn of the loop shares the round.
        loop.call_soon(self._close_round, loop)
        return await self._screen.snapshot(history=0, features=frozenset(features))

    def _close_round(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if now < self._next_at:
            return
        pause = min(max(PERIOD_SECONDS, self._spent / SHARE), LONGEST_SECONDS)
        self._spent = 0.0
        self._next_at = now + pause
