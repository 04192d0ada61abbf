"""Tasks with an owner: failures are logged, and a loop that fails is restarted.

Every task of the engine is one of three kinds. When its result is awaited, asyncio's own
``create_task`` is enough. When it is not, ``start()`` runs it and logs its failure. A loop that
runs as long as its owner goes through ``supervise()``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from engine.core.events import Event, LoopRestarted
from engine.core.text import shown

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""Before a loop that failed restarts: doubling from the first to the longest."""
HEALTHY_SECONDS = 120.0
"""After a run of this length the pauses start over, and the next restart is published again."""
CANCEL_SECONDS = 2.0
"""How long cancelled tasks may take to end before they are logged and left."""
MAX_PROBLEM = 200
"""Characters of an error that is shown to people."""

T = TypeVar("T")
Publish = Callable[[Event], object]


def to_nobody(_event: Event) -> None:
    """The ``publish`` of owners without an event bus: failures are only logged."""


def start(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task whose failure is logged when it ends. The caller holds it and ends it."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    return task


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("The task %r failed", task.get_name(), exc_info=error)


async def supervise(
    name: str,
    work: Callable[[], Awaitable[object]],
    publish: Publish = to_nobody,
    *,
    longest: float = LONGEST_PAUSE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run ``work()``, and again whenever it raises, until it returns or this is cancelled.

    Each failure is logged with its traceback. ``name`` is the subject of that sentence.
    LoopRestarted is published at the first restart of a series; a new series begins after the
    loop has run for HEALTHY_SECONDS. ``longest`` bounds the pause; times are seconds.
    """
    failures = 0
    while True:
        began = clock()
        try:
            await work()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # We were not cancelled: ``work`` awaited something that was.
            failure: BaseException = error
        except Exception as error:
            failure = error
        else:
            return
        if clock() - began >= HEALTHY_SECONDS:
            failures = 0
        # 2 ** 30 s is beyond any bound; without a cap the power grows for ever.
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(failures, 30), longest)
        failures += 1
        logger.error("%s failed and restarts in %.0f s", name, pause, exc_info=failure)
        await sleep(pause)
        if failures == 1:
            problem = shown(f"{type(failure).__name__}: {failure}", MAX_PROBLEM)
            publish(LoopRestarted(name=name, problem=problem))
        # Its traceback holds the objects of the failed run.
        del failure


class TaskOwner:
    """Holds the loops and other tasks of one object until close()."""

    def __init__(self, name: str, publish: Publish = to_nobody) -> None:
        self._name = name
        self._publish = publish
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], name: str = "") -> asyncio.Task[T]:
        """Run ``work`` to its end; see start()."""
        return self._held(start(work, name or self._name))

    def supervise(self, name: str, work: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Run a loop until close(); see supervise()."""
        return self._held(start(supervise(name, work, self._publish), name))

    def _held(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel all tasks and wait for them, at most CANCEL_SECONDS."""
        await cancel(self._tasks, self._name)


async def cancel(tasks: Iterable[asyncio.Task[Any]], name: str) -> None:
    """Cancel tasks, except the current one, and wait for them, at most CANCEL_SECONDS."""
    current = asyncio.current_task()
    ending = {task for task in tasks if task is not current}
    for task in ending:
        task.cancel()
    if ending:
        _, running = await asyncio.wait(ending, timeout=CANCEL_SECONDS)
        if running:
            logger.error("%s: %d tasks did not end", name, len(running))
