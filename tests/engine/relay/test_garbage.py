"""What is set aside from the collector, and when it is looked at after all."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from engine.relay import garbage
from tests.engine.until import until


class Knot:
    def __init__(self) -> None:
        self.me = self


async def test_what_stays_is_set_aside_until_many_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(garbage, "LOOK_SECONDS", 0.01)
    ended = 0
    before = gc.get_threshold()
    task = asyncio.create_task(garbage.keep_short(lambda: ended, lambda: 10))
    try:
        await until(lambda: gc.get_freeze_count() > 0)
        knot = Knot()
        gone = weakref.ref(knot)
        count = gc.get_freeze_count()
        await until(lambda: gc.get_freeze_count() != count)
        del knot
        gc.collect()
        assert gone() is not None
        ended = garbage.LEAST_ENDED
        await until(lambda: gone() is None)
    finally:
        task.cancel()
        await asyncio.wait((task,))
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
