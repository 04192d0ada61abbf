"""A relay whose start is cancelled leaves no socket open, whenever that is."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest

from engine.relay import Relay


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_cancelled_leaves_no_socket(turns: int) -> None:
    relay = Relay("agent", "guest")
    starting = asyncio.create_task(relay.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    await relay.stop()
    # A socket that is left open is a warning, and those fail tests.
    gc.collect()
