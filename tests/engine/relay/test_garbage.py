"""When a relay collects garbage: after many ends, after growth, and not otherwise."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.relay.garbage import LEAST_BLOCKS, LEAST_ENDED, collect_when_useful
from tests.engine.until import until

INTERVAL = 0.01
CONNECTED = 10


class Knot:
    """Refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.me = self


def knotted() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


class Connections:
    """What the relay counts; ``checks`` is how often it was asked."""

    def __init__(self, connected: int = CONNECTED) -> None:
        self.ended = 0
        self.connected = connected
        self.checks = 0

    def count_ended(self) -> int:
        self.checks += 1
        return self.ended

    async def checked(self) -> None:
        """Until a check has been made: the count at the start is none."""
        seen = self.checks
        await until(lambda: self.checks >= seen + 2)


@asynccontextmanager
async def kept_short(connected: int = CONNECTED) -> AsyncIterator[Connections]:
    connections = Connections(connected)
    # Tests run with the collector off; the relay's process begins with it on. What other tests
    # have imported is left out: no relay has it, and each collection would search all of it.
    gc.freeze()
    gc.enable()
    task = asyncio.create_task(
        collect_when_useful(
            connections.count_ended, lambda: connections.connected, interval=INTERVAL
        )
    )
    try:
        await connections.checked()
        yield connections
    finally:
        task.cancel()
        await asyncio.wait((task,))
        enabled = gc.isenabled()
        gc.disable()
        gc.unfreeze()
        assert enabled, "the process would never collect again"


async def test_at_rest_and_after_little_growth_nothing_is_collected() -> None:
    async with kept_short() as connections:
        gone = knotted()
        await connections.checked()
        little = [object() for _ in range(LEAST_BLOCKS // 2)]
        await connections.checked()
        assert gone() is not None
        assert little


async def test_many_ends_are_a_reason_and_one_fewer_is_none() -> None:
    async with kept_short() as connections:
        gone = knotted()
        connections.ended = LEAST_ENDED - 1
        await connections.checked()
        assert gone() is not None
        connections.ended += 1
        await until(lambda: gone() is None)


async def test_ends_count_from_the_last_collection() -> None:
    async with kept_short() as connections:
        connections.ended = LEAST_ENDED
        first = knotted()
        await until(lambda: first() is None)
        second = knotted()
        connections.ended += LEAST_ENDED - 1
        await connections.checked()
        assert second() is not None
        connections.ended += 1
        await until(lambda: second() is None)


async def test_with_many_connections_half_of_them_must_have_ended() -> None:
    connected = 4 * LEAST_ENDED
    async with kept_short(connected) as connections:
        gone = knotted()
        connections.ended = connected // 2 - 1
        await connections.checked()
        assert gone() is not None
        connections.ended += 1
        await until(lambda: gone() is None)


async def test_growth_of_memory_is_a_reason() -> None:
    async with kept_short() as connections:
        gone = knotted()
        enough = max(LEAST_BLOCKS, sys.getallocatedblocks() // 2)
        ballast = [object() for _ in range(enough + LEAST_BLOCKS // 10)]
        await until(lambda: gone() is None)
        # It is measured from what was left: the same memory is no reason again.
        again = knotted()
        await connections.checked()
        assert again() is not None
        assert ballast
