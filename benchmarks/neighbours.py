"""What others take of the machine's processors while something is measured.

Owns counting it, and waiting for it to end. Does not own what is measured. A frame is
told in milliseconds with no competitor that would meet the same busy moment: beside one
busy process, on two processors, painting took twice as long and its longest pause ten
times.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psutil

QUIET = 10.0
"""Percent of one processor that others may take."""
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 10.0
"""How long to wait for quiet; then it is measured as it is, and said so."""

IDLE = ("idle", "iowait", "guest", "guest_nice")
"""Times that are no work, or counted as "user" already."""


class Neighbours:
    """Percent of one processor that all but this process and its children took."""

    def __init__(self, work: Callable[[], float] | None = None) -> None:
        self._count = work or others
        self._at, self._work = time.monotonic(), self._count()

    def share(self) -> float:
        """Since this was made or last asked. Children count as ours once they were waited for."""
        at, work = time.monotonic(), self._count()
        share = (work - self._work) / max(at - self._at, 1e-9) * 100
        self._at, self._work = at, work
        return max(share, 0.0)


def others() -> float:
    """Seconds of processors others have had since the machine started."""
    times = psutil.cpu_times()._asdict()
    own = psutil.Process().cpu_times()
    ours = own.user + own.system + own.children_user + own.children_system
    return sum(seconds for kind, seconds in times.items() if kind not in IDLE) - ours


async def quiet(
    share: Callable[[], float] | None = None, patience: float = PATIENCE_SECONDS
) -> float:
    """Wait until others take at most QUIET, or ``patience`` is up; what they took at the end."""
    share = share or Neighbours().share
    until = time.monotonic() + patience
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        found = share()
        if found <= QUIET or time.monotonic() >= until:
            return found
