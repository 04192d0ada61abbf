"""The seam to python-socketio: its tasks get an owner, its log is kept short.

Owns what both the relay and the agent's client must cure in the library. Does
not own any event. python-socketio starts a task per ping, per event and per
connection and holds none of them to the end; its INFO lines carry whole
packets, tokens and session descriptions included.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from engine.core import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

logger = logging.getLogger(__name__)


class LibraryTasks:
    """The tasks the library starts: ``start`` takes the place of ``start_background_task``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: dict[asyncio.Task[Any], object] = {}

    def start(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(target(*args, **kwargs))
        # The library's object whose method this is, where it is one.
        self._tasks[task] = getattr(target, "__self__", None)
        task.add_done_callback(self._ended)
        return task

    def cancel_of(self, ended: Callable[[object], bool]) -> None:
        """Cancel the tasks that run a method of an object for which ``ended`` is true."""
        current = asyncio.current_task()
        for task, owner in tuple(self._tasks.items()):
            if owner is not None and task is not current and ended(owner):
                task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Mostly a peer's malformed packet: one line, not a traceback per packet.
            logger.warning("%s: a task failed: %s: %s", self._name, type(error).__name__, error)

    async def close(self) -> None:
        """Cancel every task and wait for them, at most tasks.CANCEL_SECONDS."""
        await tasks.cancel(self._tasks, self._name)


class _OneLine(logging.Filter):
    """Turns the library's tracebacks into a line: any peer can cause them at will."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            # The text is finished here, so nothing in it is expanded again.
            record.msg = f"{record.getMessage()}: {type(error).__name__}: {error}"
            record.args = ()
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def library_logger(side: str) -> logging.Logger:
    """The logger handed to python-socketio for ``side`` (client or server)."""
    library = logging.getLogger(f"{__name__}.{side}")
    # INFO would print packets whole, with tokens and session descriptions, and
    # warnings are what any peer can cause; ours say the same in their own words.
    library.setLevel(logging.ERROR)
    if not any(isinstance(one, _OneLine) for one in library.filters):
        library.addFilter(_OneLine())
    return library
