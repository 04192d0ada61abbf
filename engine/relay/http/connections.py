"""Engine.IO connections: their limits, their HTTP requests, and how they end.

This is below Socket.IO events, and adds what the library lacks: connections are limited before
they present a token, malformed packets end their connection, and an ended connection leaves no
request pending.
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
"""How long a connection may take to end before it is aborted."""
SOCKET_PATH = "/socket.io/"
# Our keys in a connection's WSGI environ, which lives as long as the connection.
PROVEN = "hatchway.proven"
REFUSED = "hatchway.refused"
ENDING = "hatchway.ending"
BEGAN = web.RequestKey("began", float)
"""When a request's handler began, on the monotonic clock."""


def request_of(environ: dict[str, Any]) -> web.Request:
    """The request that opened a connection; the library's REMOTE_ADDR is not the real one."""
    request: web.Request = environ["aiohttp.request"]
    return request


def _is_of_another_site(request: web.Request) -> bool:
    """Whether a page of another site caused it, by a script tag, image, form or link.

    The library checks requests with an Origin header. JSONP is only used by other sites, and
    has none.
    """
    if "j" in request.query:
        return True
    site = request.headers.get("Sec-Fetch-Site", "")
    return "Origin" not in request.headers and site in ("cross-site", "same-site")


def _is_anonymous(request: web.Request) -> bool:
    """Whether any web page could have caused it, without the request showing that."""
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
            # Sent on an existing connection; aiohttp would wait until it is answered.
            raise web.HTTPServiceUnavailable(headers={"Connection": "close"})
        # The library also treats an empty sid as none.
        opening = request.path == SOCKET_PATH and not request.query.get("sid")
        if request.path == SOCKET_PATH and _is_of_another_site(request):
            return web.Response(status=403, text="Requests from other sites are not allowed\n")
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
            # On bytes that are not Engine.IO the library raises and loses the connection.
            logger.warning("Ended a connection from %s: %s", request.remote, type(error).__name__)
            for connection in self._held_by(request):
                self.end(connection)
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=400)
        finally:
            # A task serves all requests of its connection, one after the other.
            del self._requests[task]

    def end(self, connection: str) -> None:
        """End a connection and its running requests, in the background."""
        self._tasks.start(self._close, connection, self._requests_of(connection))

    async def sweep(self) -> None:
        """End connections that present no token in time. Runs until cancelled."""
        suspects: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(self._limits.authenticate_seconds)
            environs = self._sio.environ
            unproven = frozenset(sid for sid, environ in environs.items() if PROVEN not in environ)
            # Those seen in the last round have had at least authenticate_seconds.
            for connection in suspects & unproven:
                self.end(connection)
            suspects = unproven

    @property
    def requests(self) -> list[web.Request]:
        """The running requests."""
        return list(self._requests.values())

    async def close(self) -> None:
        """End all requests, and with them all connections, within 2 * STOP_SECONDS."""
        self._closing = True
        requests = dict(self._requests)
        if not requests:
            return
        for request in requests.values():
            if request.transport is not None:
                request.transport.close()
        # Sockets end with their transport; long polls must be cancelled.
        await asyncio.wait(requests, timeout=STOP_SECONDS / 10)
        for task, request in requests.items():
            task.cancel()
            if request.transport is not None:
                request.transport.abort()
        await asyncio.wait(requests, timeout=STOP_SECONDS)

    def _make_room(self, request: web.Request) -> None:
        """End the oldest unproven connections when there are too many.

        Refusing the newest would let anybody who opens many lock out everybody else.
        """
        address, limits = self._address_of(request), self._limits
        # The library stores them in order of arrival.
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
            # Those that any web page can open are ended first.
            left.sort(key=lambda one: not _is_anonymous(one[1]))
            ending += left[: max(len(left) - most + 1, 0)]
        for sid, _ in ending:
            self._sio.environ[sid][ENDING] = True
            self.end(sid)

    def overfull(self, address: str) -> str:
        """Why no more connections with a token are accepted; "" while they are."""
        environs = [environ for environ in self._sio.environ.values() if PROVEN in environ]
        if len(environs) >= self._limits.connections:
            return "The relay has reached its limit of connections"
        same = sum(self._address_of(request_of(environ)) == address for environ in environs)
        if same >= self._limits.connections_per_address:
            return "Too many connections from your address"
        return ""

    async def _on_packet(self, connection: str, data: object) -> None:
        """Pass a packet to the library; end the connection when it cannot be read."""
        try:
            await self._read_packet(connection, data)
        except Exception as error:
            # The library would ignore this peer from now on, waiting for attachments.
            logger.warning("Ended a connection for a bad packet: %s", type(error).__name__)
            self.end(connection)

    async def _on_end(self, connection: str, *args: object) -> None:
        """Cancel the tasks of ended connections: the library's ping task sleeps on for 25 s."""
        try:
            await self._on_disconnect(connection, *args)
        finally:
            self._tasks.cancel_of(lambda owner: bool(getattr(owner, "closing", False)))

    def _requests_of(self, connection: str) -> list[web.Request]:
        """A connection's running HTTP requests: its WebSocket or its long poll."""
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
        # The library waits until the peer has read the queued packets; this one may not.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(socketio_adapter.disconnect(self._sio, connection), STOP_SECONDS)
        for request in requests:
            if request.transport is not None:
                request.transport.close()
