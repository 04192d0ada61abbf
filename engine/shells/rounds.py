"""What viewers of one shell cost: one snapshot for all of them, and a tenth of the loop's time.

Under a flood, drawing screens and sending them must not slow the program. Its cost is measured,
and who is to be sent something waits until the viewers' share has paid for what they had.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from engine.core.errors import PTYClosedError
from engine.core.tasks import TaskOwner
from engine.shells.screen import ShellScreen, Snapshot

PERIOD_SECONDS = 0.25
"""The least time between two rounds."""
SHARE = 0.1
"""The part of the loop's time that viewers get."""
LONGEST_SECONDS = 0.6
"""The longest time that a viewer waits for its share: with a round's period and the time to draw
and send it, its screen is no older than a second."""
CREDIT_SECONDS = 0.5
"""A share that was not used counts for so long."""

T = TypeVar("T")


@coroutine
def metered(work: Coroutine[Any, Any, T], spent: Callable[[float], None]) -> Generator[Any, Any, T]:
    """Await ``work``; ``spent`` gets the seconds that each of its steps took of the loop's time,
    without those that it waited."""
    step = partial(work.send, None)
    while True:
        began = time.perf_counter()
        try:
            waits_for = step()
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            spent(time.perf_counter() - began)
        try:
            step = partial(work.send, (yield waits_for))
        except BaseException as error:
            step = partial(work.throw, error)


class Rounds:
    """One shell's. A round takes one snapshot per set of features that its viewers have."""

    def __init__(self, screen: ShellScreen) -> None:
        self._screen = screen
        self._next_at = 0.0
        self._paid_at = 0.0
        """When the share will have paid for what was spent."""
        self._coming: dict[frozenset[str], asyncio.Task[Snapshot | None]] = {}
        self._tasks = TaskOwner("Screens for viewers")

    def spent(self, seconds: float) -> None:
        """Viewers cost so much of the loop's time."""
        now = asyncio.get_running_loop().time()
        paid_at = max(self._paid_at, now - CREDIT_SECONDS) + seconds / SHARE
        self._paid_at = min(paid_at, now + LONGEST_SECONDS)

    def pause(self) -> float:
        """Seconds until viewers may be sent anything; at most LONGEST_SECONDS."""
        return max(0.0, self._paid_at - asyncio.get_running_loop().time())

    async def next(self, features: Collection[str]) -> Snapshot:
        """The snapshot of the next round. Raises PTYClosedError."""
        key = frozenset(features)
        task = self._coming.get(key)
        if task is None:
            task = self._coming[key] = self._tasks.start(self._take(key))
        # Whoever leaves meanwhile does not end it for the others.
        await asyncio.wait([task])
        if task.cancelled() or (snapshot := task.result()) is None:
            raise PTYClosedError("The terminal has ended")
        return snapshot

    async def close(self) -> None:
        await self._tasks.close()
        self._coming.clear()

    async def _take(self, features: frozenset[str]) -> Snapshot | None:
        loop = asyncio.get_running_loop()
        try:
            if (wait := self._next_at - loop.time()) > 0:
                await asyncio.sleep(wait)
        finally:
            # Who comes from now on would see an older screen than its place in the output.
            del self._coming[features]
        # Other sets of features that wait for this round begin with it.
        self._next_at = max(self._next_at, loop.time() + PERIOD_SECONDS)
        try:
            snapshot = await self._screen.snapshot(history=0, features=features)
        except PTYClosedError:
            return None
        self.spent(snapshot.seconds)
        return snapshot
