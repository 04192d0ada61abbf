"""The heartbeat's fields: load and capacity of the agent's machine."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

GIGABYTE = 10**9


def sample(agent_id: str, disk: str) -> dict[str, Any]:
    """The ``heartbeat`` payload. Sizes in GB (10^9 bytes), ``uptime`` of the machine in seconds.

    ``cpu_usage`` is a percentage of all cores since the previous sample; the first is 0.
    """
    memory = psutil.virtual_memory()
    space = psutil.disk_usage(disk)
    return {
        "agent_id": agent_id,
        "cpu_usage": psutil.cpu_percent(interval=None),
        "memory_usage": round(memory.used / GIGABYTE, 3),
        "memory_total": round(memory.total / GIGABYTE, 3),
        "disk_usage": round(space.used / GIGABYTE, 3),
        "disk_total": round(space.total / GIGABYTE, 3),
        "uptime": round(time.time() - psutil.boot_time(), 1),
        "status": "online",
        "timestamp": datetime.now(UTC).isoformat(),
    }


class Heartbeat:
    """Samples outside the loop: reading a disk's free space may block.

    It has one thread of its own, so that a hung disk takes no worker from other code and
    at most one sample is under way.
    """

    def __init__(
        self,
        disk: str | None = None,
        measure: Callable[[str, str], dict[str, Any]] = sample,
    ) -> None:
        self._disk = disk or _disk_of_home()
        self._measure = measure
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
        self._running: asyncio.Future[dict[str, Any]] | None = None

    async def sample(self, agent_id: str, seconds: float) -> dict[str, Any]:
        """See sample(). Raises OSError, including TimeoutError after ``seconds``."""
        if self._running is None:
            loop = asyncio.get_running_loop()
            self._running = loop.run_in_executor(
                self._executor, self._measure, agent_id, self._disk
            )
            self._running.add_done_callback(self._ended)
        return await asyncio.wait_for(asyncio.shield(self._running), seconds)

    def _ended(self, running: asyncio.Future[dict[str, Any]]) -> None:
        self._running = None
        if not running.cancelled():
            # Nobody may wait for it any more: retrieved, so that asyncio does not complain.
            running.exception()

    def close(self) -> None:
        """End the thread, without waiting for one that hangs in the kernel."""
        self._executor.shutdown(wait=self._running is None, cancel_futures=True)


def _disk_of_home() -> str:
    try:
        return Path.home().anchor
    except RuntimeError:  # a user without one
        return os.sep
