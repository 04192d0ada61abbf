"""The parts of python-socketio and python-engineio that have no public interface.

Touches, of a socketio server or client: ``.eio``, its Engine.IO end; of that end
``start_background_task`` (replaced: the library starts a task per ping, event and connection
and keeps none of them), ``handlers`` (a handler is replaced by one that calls it), ``ws``,
``read_loop_task`` and ``write_loop_task`` (the client forgets both and the socket when a relay
falls silent), and the call ``disconnect(sid)`` of the server's end. Of a server's ``.manager``:
``callbacks`` (waiting acknowledgements, which the library keeps for ever), ``is_connected`` and
``eio_sid_from_sid``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import socketio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.core.socketio_tasks import TaskOwner

    Handler = Callable[..., Awaitable[Any]]


def own_tasks(sio: socketio.AsyncServer | socketio.AsyncClient, tasks: TaskOwner) -> None:
    """Have ``tasks`` start and hold everything the library runs in the background."""
    sio.eio.start_background_task = tasks.start


def replace_handler(sio: socketio.AsyncServer, event: str, handler: Handler) -> Handler:
    """Handle an Engine.IO event (``message``, ``disconnect``) by ``handler`` from now on.

    Returns the library's own handler, for the new one to call.
    """
    stock: Handler = sio.eio.handlers[event]
    sio.eio.on(event, handler)
    return stock


async def disconnect(sio: socketio.AsyncServer, sid: str) -> None:
    """End an Engine.IO connection; waits until the peer has read what is queued."""
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
    """Drop an acknowledgement that nobody waits for any longer; None: all of a peer's."""
    if callback is None:
        sio.manager.callbacks.pop(sid, None)
        return
    waiting = sio.manager.callbacks.get(sid, {})
    for number in [number for number, one in waiting.items() if one is callback]:
        del waiting[number]


def reader(client: socketio.AsyncClient) -> asyncio.Task[Any] | None:
    """The task that reads the connection: some connections end with no other sign."""
    task: asyncio.Task[Any] | None = client.eio.read_loop_task
    return task


async def drop(client: socketio.AsyncClient, seconds: float) -> None:
    """End a client's connection in whatever state it is; each step within ``seconds``."""
    with contextlib.suppress(TimeoutError, socketio.exceptions.SocketIOError):
        await asyncio.wait_for(client.disconnect(), seconds)
    engine = client.eio
    if engine.ws is not None and not engine.ws.closed:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(engine.ws.close(), seconds)
    tasks = (engine.read_loop_task, engine.write_loop_task)
    running = {task for task in tasks if task is not None and not task.done()}
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=seconds)
