"""Engine.IO connections: how many, which HTTP requests they hold, how they end.

Owns what lies below a Socket.IO event, and cures what the library leaves
undone there: connections are counted before any token is shown, garbage ends
the connection it came by, and an ended connection leaves no request waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.core import socketio_adapter
from engine.core.errors import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import socketio

    from engine.core.socketio_adapter import LibraryTasks
    from engine.relay.admission.limits import Limits

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.0
"""How long a connection may take to end by itself before it is cut."""
SOCKET_PATH = "/socket.io/"
# Our marks in a connection's WSGI environ, which lives as long as the connection.
PROVEN = "hatchway.proven"
REFUSED = "hatchway.refused"
ENDING = "hatchway.ending"
BEGAN = web.RequestKey("began", float)
"""When a request's handler began, on the monotonic clock."""


def request_of(environ: dict[str, Any]) -> web.Request:
    """The request that opened a connection; the library's REMOTE_ADDR is made up."""
    request: web.Request = environ["aiohttp.request"]
    return request


def _is_of_another_site(request: web.Request) -> bool:
    """Whether a page of another site has it sent: by script tag, picture, form or link.

    A request that names its origin is the library's to judge. JSONP is for pages of other
    sites alone, and names none.
    """
    if "j" in request.query:
        return True
    site = request.headers.get("Sec-Fetch-Site", "")
    return "Origin" not in request.headers and site in ("cross-site", "same-site")


def _is_anonymous(request: web.Request) -> bool:
    """Whether any page can have its visitor's browser send it, and nobody can tell."""
    named = "Origin" in request.headers or request.headers.get("Sec-Fetch-Site") == "same-origin"
    return not named and request.query.get("transport") != "websocket"


class Connections:
    def __init__(
        self,
        sio: socketio.AsyncServer,
        limits: Limits,
        tasks: LibraryTasks,
        address_of: Callable[[web.Request], str],
    ) -> None:
        self._sio = sio
        self._address_of = address_of
        self._limits = limits
        self._tasks = tasks
        self._requests: dict[asyncio.Task[Any], web.Request] = {}
        self._closing = False
        self._read_packet = socketio_adapter.replace_handler(sio, "message", self._on_packet)
        self._on_disconnect = socketio_adapter.replace_handler(sio, "disconnect", self._on_end)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self._closing:
            # Sent on a connection from before; aiohttp would wait for it to be answered.
            raise web.HTTPServiceUnavailable(headers={"Connection": "close"})
        # The library, too, takes an empty sid for none.
        opening = request.path == SOCKET_PATH and not request.query.get("sid")
        if request.path == SOCKET_PATH and _is_of_another_site(request):
            return web.Response(status=403, text="Not for pages of other sites\n")
        if opening and (refusal := self.overfull(self._address_of(request))):
            body = {"message": refusal, "data": {"code": RateLimitedError.code}}
            return web.json_response(body, status=429)
        if opening:
            self._make_room(request)
        request[BEGAN] = time.monotonic()
        task = asyncio.current_task()
        if task is None:  # aiohttp always runs handlers in tasks
            return await handler(request)
        self._requests[task] = request
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:
            # Bytes that are no Engine.IO make the library raise and forget the connection.
            logger.warning("Ended a connection from %s: %s", request.remote, type(error).__name__)
            for connection in self._held_by(request):
                self.end(connection)
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=400)
        finally:
            # A task serves one request after the other of its connection.
            del self._requests[task]

    def end(self, connection: str) -> None:
        """End a connection soon, and the requests it has under way."""
        self._tasks.start(self._close, connection, self._requests_of(connection))

    async def sweep(self) -> None:
        """End connections that show no token in time. Runs until cancelled."""
        suspects: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(self._limits.authenticate_seconds)
            environs = self._sio.environ
            unproven = frozenset(sid for sid, environ in environs.items() if PROVEN not in environ)
            # Those already seen a round ago have had at least the whole time.
            for connection in suspects & unproven:
                self.end(connection)
            suspects = unproven

    @property
    def requests(self) -> list[web.Request]:
        """Those under way."""
        return list(self._requests.values())

    async def close(self) -> None:
        """End every request and with it every connection, within two STOP_SECONDS."""
        self._closing = True
        requests = dict(self._requests)
        if not requests:
            return
        for request in requests.values():
            if request.transport is not None:
                request.transport.close()
        # Sockets end with their transport; a long poll has to be told.
        await asyncio.wait(requests, timeout=STOP_SECONDS / 10)
        for task, request in requests.items():
            task.cancel()
            if request.transport is not None:
                request.transport.abort()
        await asyncio.wait(requests, timeout=STOP_SECONDS)

    def _make_room(self, request: web.Request) -> None:
        """End the unproven connections that have waited longest, where there are too many.

        Refusing the newest would let whoever fills the room keep everybody else out.
        """
        address, limits = self._address_of(request), self._limits
        # The library has them in the order in which they came.
        waiting = [
            (sid, request_of(environ))
            for sid, environ in self._sio.environ.items()
            if PROVEN not in environ and ENDING not in environ
        ]
        mine = [(sid, other) for sid, other in waiting if self._address_of(other) == address]
        anonymous = [(sid, other) for sid, other in mine if _is_anonymous(other)]
        surplus = len(anonymous) - limits.anonymous_per_address + 1
        if not _is_anonymous(request):
            surplus = 0
        ending = anonymous[: max(surplus, 0)]
        for some, most in ((mine, limits.unproven_per_address), (waiting, limits.unproven)):
            left = [one for one in some if one not in ending]
            # What any page can open goes first.
            left.sort(key=lambda one: not _is_anonymous(one[1]))
            ending += left[: max(len(left) - most + 1, 0)]
        for sid, _ in ending:
            self._sio.environ[sid][ENDING] = True
            self.end(sid)

    def overfull(self, address: str) -> str:
        """Why no more connections with a token are taken; "" while they are."""
        environs = [environ for environ in self._sio.environ.values() if PROVEN in environ]
        if len(environs) >= self._limits.connections:
            return "The relay has no room for another connection"
        same = sum(self._address_of(request_of(environ)) == address for environ in environs)
        if same >= self._limits.connections_per_address:
            return "Too many connections from your address"
        return ""

    async def _on_packet(self, connection: str, data: object) -> None:
        """Every packet, before the library reads it."""
        try:
            await self._read_packet(connection, data)
        except Exception as error:
            # Garbage would leave the library deaf to this peer, waiting for attachments.
            logger.warning("Ended a connection that sent garbage: %s", type(error).__name__)
            self.end(connection)

    async def _on_end(self, connection: str, *args: object) -> None:
        """The library's next ping to an ended connection would sleep on for 25 s."""
        try:
            await self._on_disconnect(connection, *args)
        finally:
            self._tasks.cancel_of(lambda owner: bool(getattr(owner, "closing", False)))

    def _requests_of(self, connection: str) -> list[web.Request]:
        """The HTTP requests a connection has under way: its socket or its long poll."""
        environ = self._sio.environ.get(connection)
        opening = request_of(environ) if environ else None
        return [
            request
            for request in self._requests.values()
            if request is opening or request.query.get("sid") == connection
        ]

    def _held_by(self, request: web.Request) -> list[str]:
        environs = self._sio.environ
        opened = [sid for sid, environ in environs.items() if request_of(environ) is request]
        named = request.query.get("sid")
        return [*opened, named] if named in environs and named not in opened else opened

    async def _close(self, connection: str, requests: list[web.Request]) -> None:
        # The library waits for the peer to take what is queued; this peer may not.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(socketio_adapter.disconnect(self._sio, connection), STOP_SECONDS)
        for request in requests:
            if request.transport is not None:
                request.transport.close()
