"""Garbage collection that does not stop a relay for objects that are none.

Owns the collector of a process that is a relay and nothing else. Serving makes
no cycles (measured: the collector finds nothing), but each ping of each
connection makes some fifty objects that live until the next one: with 2,000
agents Python would look through them for 60 to 270 ms every few seconds, and
nobody is answered meanwhile. Here it looks only when there may be something:
when many connections have ended, or memory has grown.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LEAST_ENDED = 1000
"""Ended connections that make a collection worth its pause; or half of those there are."""
LEAST_BLOCKS = 500_000
"""Blocks of memory that came since the last collection, or half as many as were left then."""


async def keep_short(
    ended: Callable[[], int], connected: Callable[[], int], *, interval: float = LOOK_SECONDS
) -> None:
    """Until cancelled: every ``interval`` seconds, collect if there may be something to collect.

    ``ended`` counts the connections that have ended since the start, ``connected`` those there
    are now.
    """
    gc.disable()
    seen, left = ended(), sys.getallocatedblocks()
    try:
        while True:
            await asyncio.sleep(interval)
            many = ended() - seen >= max(LEAST_ENDED, connected() // 2)
            grown = sys.getallocatedblocks() - left >= max(LEAST_BLOCKS, left // 2)
            if many or grown:
                began = time.perf_counter()
                found = gc.collect()
                took = (time.perf_counter() - began) * 1000
                logger.info("Collected %d objects in %.0f ms", found, took)
                seen, left = ended(), sys.getallocatedblocks()
    finally:
        gc.enable()
