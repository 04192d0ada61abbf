"""When a relay looks for garbage: after many ends, after growth, and not otherwise."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.relay import garbage
from tests.engine.until import until


class Knot:
    def __init__(self) -> None:
        self.me = self


def knotted() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


class Ends:
    count = 0


@asynccontextmanager
async def kept_short() -> AsyncIterator[Ends]:
    ends = Ends()
    # Tests run with the collector off; the relay's process begins with it on.
    gc.enable()
    task = asyncio.create_task(garbage.keep_short(lambda: ends.count, lambda: 10))
    try:
        await until(lambda: not gc.isenabled())
        yield ends
    finally:
        task.cancel()
        await asyncio.wait((task,))
        assert gc.isenabled()
        gc.disable()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LOOK_SECONDS", 0.01)


async def test_many_ends_are_a_reason() -> None:
    async with kept_short() as ends:
        gone = knotted()
        ends.count = garbage.LEAST_ENDED - 1
        looks = asyncio.create_task(asyncio.sleep(0.1))
        await until(looks.done)
        assert gone() is not None
        ends.count += 1
        await until(lambda: gone() is None)


async def test_growth_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LEAST_BLOCKS", 0)
    monkeypatch.setattr("sys.getallocatedblocks", iter(range(10, 10_000, 10)).__next__)
    async with kept_short():
        gone = knotted()
        await until(lambda: gone() is None)
