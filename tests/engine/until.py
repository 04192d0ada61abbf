"""Waiting for a condition, with a limit, instead of sleeping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 20.0, what: str = "") -> None:
    """Return when ``condition()`` is true; fail after ``seconds``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"Not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.005)
