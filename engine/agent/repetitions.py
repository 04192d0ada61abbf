"""Does the work for an offer once, however often the offer comes, and stores the result."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from engine.core.errors import HostStoppedError

REPEAT_SECONDS = 20.0
"""How long an error is stored for repetitions, if the work had changed something."""
MAX_RESULTS = 512
"""Results stored for repetitions; the oldest are dropped first."""

Result = TypeVar("Result")


class Work(Generic[Result]):
    """The work for one offer. It reports here what decides how long its result is stored."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Result] | None = None
        self._changed = False
        self._holds: Callable[[], bool] = lambda: False
        self._done_at = 0.0

    def changed_something(self) -> None:
        """A nonce was used, or a connection made: repeating the work would give another result."""
        self._changed = True

    def holds_while(self, condition: Callable[[], bool]) -> None:
        """The result is valid for repetitions while ``condition()`` is true."""
        self._holds = condition

    def start(self, do: Callable[[Work[Result]], Awaitable[Result]], name: str) -> None:
        self._task = asyncio.create_task(self._run(do), name=name)

    async def _run(self, do: Callable[[Work[Result]], Awaitable[Result]]) -> Result:
        try:
            return await do(self)
        finally:
            self._done_at = asyncio.get_running_loop().time()

    @property
    def is_under_way(self) -> bool:
        return self._task is not None and not self._task.done()

    def still_serves(self, now: float) -> bool:
        """Whether a repetition gets this result, or waits for it."""
        if self._task is None or not self._task.done():
            return True
        if self._task.cancelled() or self._task.exception() is not None:
            return self._changed and now - self._done_at < REPEAT_SECONDS
        return self._holds()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def finished(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    async def result(self) -> Result:
        """Raises what the work raised; HostStoppedError when it was cancelled."""
        # Cancelling one caller must not cancel the work for the others.
        await self.finished()
        if self._task is None or self._task.cancelled():
            raise HostStoppedError()
        return self._task.result()


class Repetitions(Generic[Result]):
    """Work by key. ``close()`` at the end."""

    def __init__(self) -> None:
        self._work: OrderedDict[bytes, Work[Result]] = OrderedDict()
        self._closed = False

    async def once(
        self, key: bytes, do: Callable[[Work[Result]], Awaitable[Result]], name: str
    ) -> Result:
        """The result of ``do``, called once for all repetitions.

        Raises what ``do`` raises, and HostStoppedError when close() was called before or
        meanwhile.
        """
        if self._closed:
            raise HostStoppedError()
        self._discard_old()
        work = self._work.get(key)
        if work is None:
            work = self._work[key] = Work()
            work.start(do, name)
        return await work.result()

    async def close(self) -> None:
        """Start no more work, and cancel what is under way."""
        self._closed = True
        under_way = [work for work in self._work.values() if work.is_under_way]
        for work in under_way:
            work.cancel()
        await asyncio.gather(*(work.finished() for work in under_way))

    def _discard_old(self) -> None:
        now = asyncio.get_running_loop().time()
        for key, work in tuple(self._work.items()):
            if work.is_under_way:
                continue
            if not work.still_serves(now) or len(self._work) > MAX_RESULTS:
                del self._work[key]
