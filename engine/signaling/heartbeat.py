"""What an agent tells its relay about its machine, every few seconds.

Owns the sampling and the fields. Does not own the connection or the clock.
"""

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
    """The ``heartbeat`` payload. Sizes are GB (10^9 bytes), ``uptime`` the machine's, in s.

    ``cpu_usage`` is per cent of all cores since the sample before; the first is 0.
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
    """Samples off the loop: asking a disk for its space blocks while it spins up or is away.

    The one thread is the heartbeat's own, so that a hung disk takes no worker
    from anybody else, and one sample at most is under way.
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
        """Raises OSError, of which TimeoutError after ``seconds`` is one."""
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
            # Nobody may be waiting for it any more: asked for, so that it is no mistake.
            running.exception()

    def close(self) -> None:
        """End the thread. One that hangs in the kernel is left to end by itself."""
        self._executor.shutdown(wait=self._running is None, cancel_futures=True)


def _disk_of_home() -> str:
    try:
        return Path.home().anchor
    except RuntimeError:  # a user without one
        return os.sep
