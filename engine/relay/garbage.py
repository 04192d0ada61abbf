"""Garbage collection that does not stop a relay: what stays is not looked at again and again.

Owns the collector's settings of a process that is a relay and nothing else. A
connection is some hundred objects that live for hours; looking through those of
2,000 takes Python a quarter of a second, in which nobody is answered, and it
would do so whenever a quarter more have come. Here they are set aside
(gc.freeze) and looked at when enough connections have ended to be worth it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LEAST_ENDED = 1000
"""Ended connections that make a look through everything worth its pause."""
NEVER = 1_000_000
YOUNG = 5_000


async def keep_short(ended: Callable[[], int], connected: Callable[[], int]) -> None:
    """Until cancelled. ``ended`` counts the connections that have ended since the start."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, 20, NEVER)
    seen = 0
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if ended() - seen >= max(LEAST_ENDED, connected() // 2):
                seen = ended()
                began = time.perf_counter()
                gc.unfreeze()
                gc.collect()
                logger.info("Collected garbage in %.0f ms", (time.perf_counter() - began) * 1000)
            gc.freeze()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
