"""What every child with links can be asked: sample, flood, echo, ping, close, usage.

Owns the links by key. Does not own how they come to be (the synthetic ends and
the guest do). A sample carries its own time, of the clock all processes share,
so that the way it takes through the pipe is no part of a rate.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psutil

CLOSE_SECONDS = 10.0


class LinkService:
    """Requests by name; see benchmarks.process.serve."""

    def __init__(self) -> None:
        self.links: dict[str, Any] = {}
        self._count = 0
        self._probe: Any = None

    def add(self, link: Any) -> str:
        self._count += 1
        key = str(self._count)
        self.links[key] = link
        return key

    def probed_window(self) -> Any:
        """The window a probe looks at, if this process has one."""
        from benchmarks.probe import plain_window

        return plain_window()

    async def close(self) -> None:
        await self.op_close(list(self.links))

    async def op_sample(self, key: str = "") -> dict[str, Any]:
        """Time, bytes received by one link or all, and CPU seconds of this process."""
        links = [self.links[key]] if key else list(self.links.values())
        return {
            "at": time.perf_counter(),
            "cpu": time.process_time(),
            "received": sum(link.received for link in links),
        }

    async def op_memory(self) -> dict[str, Any]:
        """Unique and resident set, in bytes."""
        info = psutil.Process().memory_full_info()
        return {"uss": info.uss, "rss": info.rss}

    async def op_flood(self, key: str, on: bool) -> None:
        self.links[key].flood(on)

    async def op_echo(self, key: str) -> None:
        self.links[key].echo = True

    async def op_ping(
        self,
        key: str,
        seconds: float,
        most: int = 1_000_000,
        every: float = 0.0,
        control: bool = False,
    ) -> dict[str, Any]:
        more = {"control": True} if control else {}
        return {"times": await self.links[key].ping(seconds, most, every, **more)}

    async def op_close(self, keys: list[str]) -> None:
        links = [self.links.pop(key) for key in keys]

        async def close(link: Any) -> None:
            async with asyncio.timeout(CLOSE_SECONDS):
                await link.close()

        await asyncio.gather(*map(close, links), return_exceptions=True)

    async def op_probe(self, on: bool, paint: bool = False) -> dict[str, Any]:
        """Begin looking at the window, or end it and tell what was seen; see benchmarks.probe."""
        if on:
            if self._probe is None:
                from benchmarks.probe import Probe

                self._window = self.probed_window()
                self._probe = Probe(self._window)
            self._probe.start(paint)
            return {}
        return dict(self._probe.stop())
