"""The parts of python-socketio and python-engineio that have no public interface.

Touches, of a socketio server or client: ``.eio``, its Engine.IO end; of that end
``start_background_task`` (replaced: the library starts a task per ping, event and connection
and stores none of them), ``handlers`` (a handler is replaced by one that calls it), ``ws``,
``read_loop_task`` and ``write_loop_task`` (when a relay stops responding, the client drops both
and the socket without ending them), and ``disconnect(sid)`` of the server's end. Of a server's
``.manager``: ``callbacks`` (pending acknowledgements, which the library stores for ever),
``is_connected`` and ``eio_sid_from_sid``.

The library awaits none of its tasks, and its INFO records hold whole packets with tokens and
session descriptions: ``LibraryTasks`` and ``library_logger`` fix that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import socketio

from engine.core import tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Handler = Callable[..., Awaitable[Any]]

logger = logging.getLogger(__name__)


class LibraryTasks:
    """The tasks the library starts: ``start`` replaces its ``start_background_task``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: dict[asyncio.Task[Any], object] = {}

    def start(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(target(*args, **kwargs))
        # The library's object when ``target`` is a method.
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
            # Usually a peer's malformed packet: one line, not a traceback per packet.
            logger.warning("%s: a task failed: %s: %s", self._name, type(error).__name__, error)

    async def close(self) -> None:
        """Cancel all tasks and wait for them, at most tasks.CANCEL_SECONDS."""
        await tasks.cancel(self._tasks, self._name)


class _OneLine(logging.Filter):
    """Turns the library's tracebacks into one line: any peer can cause them at will."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            # The message is formatted here, so clear the arguments.
            words = " ".join(str(error).split())
            record.msg = f"{record.getMessage()}: {type(error).__name__}: {words}"
            record.args = ()
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def library_logger(side: str) -> logging.Logger:
    """The logger for python-socketio's ``side`` (client, server or bus)."""
    library = logging.getLogger(f"{__name__}.{side}")
    # INFO would log whole packets with tokens and session descriptions. Any peer can
    # cause warnings; our own modules log the same events.
    library.setLevel(logging.ERROR)
    if not any(isinstance(one, _OneLine) for one in library.filters):
        library.addFilter(_OneLine())
    return library


def request_logger() -> logging.Logger:
    """The logger for HTTP requests that aiohttp cannot read, which anybody can send: one line
    each."""
    library = logging.getLogger(f"{__name__}.requests")
    if not any(isinstance(one, _OneLine) for one in library.filters):
        library.addFilter(_OneLine())
    return library


def own_tasks(sio: socketio.AsyncServer | socketio.AsyncClient, owner: LibraryTasks) -> None:
    """Have ``owner`` start and hold all background tasks of the library."""
    sio.eio.start_background_task = owner.start


def replace_handler(sio: socketio.AsyncServer, event: str, handler: Handler) -> Handler:
    """Handle an Engine.IO event (``message``, ``disconnect``) with ``handler`` from now on.

    Returns the library's own handler, for the new one to call.
    """
    stock: Handler = sio.eio.handlers[event]
    sio.eio.on(event, handler)
    return stock


async def disconnect(sio: socketio.AsyncServer, sid: str) -> None:
    """End an Engine.IO connection; waits until the peer has read the queued packets."""
    await sio.eio.disconnect(sid)


def is_connected(sio: socketio.AsyncServer, sid: str) -> bool:
    """Whether a peer of the default namespace is still connected."""
    return sio.manager.is_connected(sid, "/")


def connection_of(sio: socketio.AsyncServer, sid: str) -> str | None:
    """The Engine.IO connection of a peer of the default namespace."""
    return sio.manager.eio_sid_from_sid(sid, "/")


def forget_callback(
    sio: socketio.AsyncServer, sid: str, callback: Callable[..., object] | None = None
) -> None:
    """Drop a pending acknowledgement that is no longer awaited; None: all of a peer's."""
    if callback is None:
        sio.manager.callbacks.pop(sid, None)
        return
    waiting = sio.manager.callbacks.get(sid, {})
    for number in [number for number, one in waiting.items() if one is callback]:
        del waiting[number]


def reader(client: socketio.AsyncClient) -> asyncio.Task[Any] | None:
    """The task that reads the connection; for some lost connections its end is the only sign."""
    task: asyncio.Task[Any] | None = client.eio.read_loop_task
    return task


async def drop(client: socketio.AsyncClient, seconds: float) -> None:
    """End a client's connection, whatever its state; each step takes at most ``seconds``."""
    with contextlib.suppress(TimeoutError, socketio.exceptions.SocketIOError):
        await asyncio.wait_for(client.disconnect(), seconds)
    engine = client.eio
    if engine.ws is not None and not engine.ws.closed:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.ws.close(), seconds)
    loops = (engine.read_loop_task, engine.write_loop_task)
    running = {task for task in loops if task is not None and not task.done()}
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=seconds)
