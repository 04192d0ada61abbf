"""The relay's server: sockets, connections, limits, the way in and out of a message.

Owns the HTTP server and every connection. Does not own what a message does
(switchboard), who may connect (auth) or where a session goes (routing). No
terminal byte passes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import socketio
from aiohttp import web

from engine.errors import (
    AccessDeniedError,
    AgentOfflineError,
    AgentTimeoutError,
    HatchwayError,
    RateLimitedError,
    RelayRefusedError,
    SettingsError,
)
from engine.relay.auth import Gate, PeerRole, origin_allowed
from engine.relay.connections import PROVEN, REFUSED, STOP_SECONDS, Connections, request_of
from engine.relay.limits import Limits, TokenBucket
from engine.relay.pages import healthy, loopback_url
from engine.relay.routing import Peer
from engine.relay.switchboard import Switchboard
from engine.relay.web_page import WebPage
from engine.signaling.library import TaskOwner, library_logger
from engine.wire.signaling import (
    ANSWER,
    DISCONNECT,
    HEARTBEAT,
    ICE,
    OFFER,
    REGISTER,
    TARGETS,
    failure,
)

if TYPE_CHECKING:
    import ssl

logger = logging.getLogger(__name__)

TOKEN_BYTES = 24
"""Random bytes of a token made here."""
SWEEP_SECONDS = 60.0
"""Between looks for routes long dead."""
ANNOUNCE_SECONDS = 0.1
"""The least time between two lists of targets pushed to guests."""
GUESTS = "guests"
"""The room of every guest's connection."""
_AGENT = frozenset({PeerRole.AGENT})
_GUEST = frozenset({PeerRole.GUEST})
_BOTH = _AGENT | _GUEST

_Handler = Callable[[Peer, object], Awaitable[dict[str, Any]]]


class Relay:
    """One relay on one address. Empty tokens are made up; read them from the attributes.

    ``allowed_origins`` are web origins (``https://host``) beside the relay's
    own whose pages may connect, for a relay behind a proxy.
    """

    def __init__(
        self,
        agent_token: str = "",
        guest_token: str = "",
        *,
        limits: Limits | None = None,
        allowed_origins: frozenset[str] = frozenset(),
    ) -> None:
        self.agent_token = agent_token or secrets.token_urlsafe(TOKEN_BYTES)
        self.guest_token = guest_token or secrets.token_urlsafe(TOKEN_BYTES)
        if self.agent_token == self.guest_token:
            raise SettingsError("relay.guest_token", "must differ from relay.token")
        self.url = ""
        self._limits = limits or Limits()
        self._gate = Gate(self.agent_token, self.guest_token)
        self._origins = allowed_origins
        self._host = ""
        self._tasks = TaskOwner("relay")
        self._peers: dict[str, Peer] = {}
        self._changed = asyncio.Event()
        self._switchboard = Switchboard(self, self._limits, self._changed.set)
        self._sio: socketio.AsyncServer | None = None
        self._connections: Connections | None = None
        self._runner: web.AppRunner | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None
    ) -> str:
        """Listen, and return the address peers connect to; port 0 takes a free one.

        Raises SettingsError when the address cannot be listened on.
        """
        self._host = host
        self._sio = sio = self._server()
        self._connections = connections = Connections(sio, self._limits, self._tasks)
        app = web.Application(middlewares=[connections.middleware])
        WebPage().add_routes(app)
        app.router.add_get("/healthz", healthy)
        sio.attach(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=ssl_context).start()
        except OSError as error:
            await runner.cleanup()
            self._sio = None
            problem = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise SettingsError("relay.port", problem) from None
        self._runner = runner
        self._tasks.start(self._announce)
        self._tasks.start(self._sweep)
        self._tasks.start(connections.sweep)
        self.url = loopback_url("https" if ssl_context else "http", runner.addresses[0])
        logger.info("Relay listening at %s", self.url)
        return self.url

    async def stop(self) -> None:
        """End every connection and listen no more; idempotent and bounded in time."""
        runner, self._runner = self._runner, None
        sio, self._sio = self._sio, None
        connections, self._connections = self._connections, None
        if runner is None or sio is None or connections is None:
            return
        for site in tuple(runner.sites):
            await site.stop()
        await connections.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sio.shutdown(), STOP_SECONDS)
        await self._tasks.close()
        await runner.cleanup()
        for peer in tuple(self._peers.values()):
            self._forget(peer)

    # -- the way to a peer (switchboard.Line) --

    def find(self, sid: str) -> Peer | None:
        return self._peers.get(sid)

    async def ask(self, peer: Peer, event: str, payload: object, seconds: float) -> object:
        """The peer's acknowledgement, or an error as soon as it is gone or late."""
        sio = self._server_or_fail()
        reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def acknowledged(*args: object) -> None:
            if not reply.done():
                reply.set_result(args[0] if args else None)

        try:
            await sio.emit(event, payload, to=peer.sid, callback=acknowledged)
            await asyncio.wait(
                (reply, peer.gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            # The library keeps a callback for ever that is never called.
            waiting = sio.manager.callbacks.get(peer.sid, {})
            for number in [n for n, waiter in waiting.items() if waiter is acknowledged]:
                del waiting[number]
        if reply.done():
            return reply.result()
        if peer.gone.done():
            raise AgentOfflineError(f"The {peer.role} has left the relay")
        raise AgentTimeoutError(f"The {peer.role} did not answer within {seconds:g} s")

    # -- connections --

    def _server(self) -> socketio.AsyncServer:
        sio = socketio.AsyncServer(
            async_mode="aiohttp",
            logger=library_logger("server"),
            engineio_logger=library_logger("server"),
            cors_allowed_origins=self._origin_allowed,
            cors_credentials=False,
            max_http_buffer_size=self._limits.message_bytes,
        )
        sio.eio.start_background_task = self._tasks.start
        sio.on("connect", self._on_connect)
        sio.on("disconnect", self._on_disconnect)
        board = self._switchboard
        for event, roles, handler in (
            (REGISTER, _AGENT, board.register),
            (HEARTBEAT, _AGENT, board.heartbeat),
            (TARGETS, _GUEST, board.targets),
            (OFFER, _GUEST, board.offer),
            (ICE, _BOTH, board.ice),
            (DISCONNECT, _BOTH, board.disconnect),
        ):
            sio.on(event, self._receiver(event, roles, handler))
        sio.on("*", self._on_unknown)
        return sio

    def _server_or_fail(self) -> socketio.AsyncServer:
        if self._sio is None:
            raise AgentOfflineError("The relay has stopped")
        return self._sio

    def _origin_allowed(self, origin: str, environ: dict[str, Any]) -> bool:
        return origin_allowed(origin, request_of(environ), self._host, self._origins)

    async def _on_connect(self, sid: str, *args: object) -> None:
        sio = self._server_or_fail()
        environ = sio.get_environ(sid)
        # An event may be *named* connect: its arguments are the peer's invention.
        if environ is None or sid in self._peers:
            return
        request = request_of(environ)
        try:
            if REFUSED in environ:
                raise RelayRefusedError("Open a new connection to try another token")
            credentials = self._gate.check(args[1] if len(args) > 1 else None, request.headers)
        except RelayRefusedError as error:
            environ[REFUSED] = True
            logger.warning("Refused a connection from %s: %s", request.remote, error)
            raise socketio.exceptions.ConnectionRefusedError(
                str(error), {"code": error.code}
            ) from None
        limits = self._limits
        guest = credentials.role is PeerRole.GUEST
        peer = Peer(
            sid=sid,
            role=credentials.role,
            name=credentials.name,
            address=request.remote or "",
            bucket=TokenBucket(
                limits.guest_rate if guest else limits.agent_rate,
                limits.guest_burst if guest else limits.agent_burst,
            ),
            gone=asyncio.get_running_loop().create_future(),
            agent_id=credentials.agent_id,
        )
        environ[PROVEN] = True
        self._peers[sid] = peer
        self._switchboard.connected(peer)
        if guest:
            await sio.enter_room(sid, GUESTS)
        logger.info("%s connected from %s", peer.role.capitalize(), peer.address)

    async def _on_disconnect(self, sid: str, *_args: object) -> None:
        peer = self._peers.get(sid)
        # As above: an event named disconnect comes from a peer that is still there.
        if peer is None or (self._sio and self._sio.manager.is_connected(sid, "/")):
            return
        self._forget(peer)
        if self._sio and self._connections:
            connection = self._sio.manager.eio_sid_from_sid(sid, "/")
            if connection is not None:
                # Also a long poll that nobody would answer any more.
                self._connections.end(connection)
        logger.info("%s from %s disconnected", peer.role.capitalize(), peer.address)

    def _forget(self, peer: Peer) -> None:
        self._peers.pop(peer.sid, None)
        if not peer.gone.done():
            peer.gone.set_result(None)
        self._switchboard.disconnected(peer)

    # -- messages --

    def _receiver(
        self, event: str, roles: frozenset[PeerRole], handler: _Handler
    ) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def receive(sid: str, *args: object) -> dict[str, Any]:
            sio = self._sio
            payload = args[0] if args else None
            reply = await self._handled(sid, event, payload, roles, handler)
            if event == OFFER and sio is not None:
                # Also an event, for guests that do not ask for an acknowledgement.
                await sio.emit(ANSWER, reply, to=sid)
            return reply

        return receive

    async def _handled(
        self,
        sid: str,
        event: str,
        payload: object,
        roles: frozenset[PeerRole],
        handler: _Handler,
    ) -> dict[str, Any]:
        """The reply to whatever came; always one, whatever goes wrong."""
        try:
            peer = self._admitted(sid, event, roles)
            peer.pending += 1
            try:
                return await handler(peer, payload)
            finally:
                peer.pending -= 1
        except HatchwayError as error:
            return failure(event, payload, error)
        except Exception:
            logger.exception("The relay failed to handle %s", event)
            words = "The relay failed to handle this message"
            return failure(event, payload, HatchwayError(words))

    def _admitted(self, sid: str, event: str, roles: frozenset[PeerRole]) -> Peer:
        peer = self._peers.get(sid)
        if peer is None:
            raise AccessDeniedError("Connect with a token first")
        if not peer.bucket.take():
            peer.refused += 1
            if peer.refused == self._limits.refusals:
                logger.warning("Ending a flooding connection from %s", peer.address)
                self._tasks.start(self._server_or_fail().disconnect, sid)
            raise RateLimitedError("Too many messages: send fewer per second")
        if peer.role not in roles:
            raise AccessDeniedError(f"A connection with the role {peer.role} cannot send {event}")
        if peer.role is PeerRole.GUEST and peer.pending >= self._limits.pending:
            raise RateLimitedError("Too many messages are waiting for an answer")
        return peer

    async def _on_unknown(self, event: str, sid: str, *args: object) -> dict[str, Any]:
        payload = args[0] if args else None
        # The name is the peer's: it is echoed in part, and never believed.
        return await self._handled(sid, str(event)[:64], payload, _BOTH, _refuse)

    # -- upkeep --

    async def _announce(self) -> None:
        """Push the list of targets to guests when it has changed, many changes as one."""
        shown: list[dict[str, Any]] = []
        while True:
            await self._changed.wait()
            self._changed.clear()
            listing = self._switchboard.directory.listing()
            if listing != shown:
                shown = listing
                await self._server_or_fail().emit(TARGETS, {"targets": listing}, to=GUESTS)
            await asyncio.sleep(ANNOUNCE_SECONDS)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._switchboard.routes.sweep()


async def _refuse(_peer: Peer, _payload: object) -> dict[str, Any]:
    raise AccessDeniedError("The relay knows no such event")
