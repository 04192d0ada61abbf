"""The relay's server: composition root, connections, and the path of messages and replies.

The dispatcher handles messages, peer_admission decides who may connect, and cluster.routing
where a session goes. Terminal bytes never pass through a relay.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import socketio
from aiohttp import web

from engine.core import socketio_adapter
from engine.core.addresses import is_loopback
from engine.core.errors import (
    AccessDeniedError,
    AgentOfflineError,
    HatchwayError,
    RateLimitedError,
    RelayDegradedError,
    RelayRefusedError,
    SettingsError,
    UnprovenError,
)
from engine.core.socketio_adapter import LibraryTasks, library_logger, request_logger
from engine.core.tasks import Publish, TaskOwner, to_nobody
from engine.core.token_bucket import TokenBucket
from engine.relay.admission.agents import KeyPins, LocalKeyPins, SharedKeyPins
from engine.relay.admission.auth import Authenticator, PeerRole, check_length, origin_allowed
from engine.relay.admission.limits import Guesses, Limits
from engine.relay.calls import SocketCalls
from engine.relay.cluster.bus import RelayBus
from engine.relay.cluster.lookup import PresenceLookup
from engine.relay.cluster.presence import Presence
from engine.relay.cluster.routing import Peer
from engine.relay.dispatcher import Dispatcher
from engine.relay.http.access_log import AccessLog, shown_link
from engine.relay.http.connections import PROVEN, REFUSED, STOP_SECONDS, Connections, request_of
from engine.relay.http.headers import headers_for
from engine.relay.http.metrics import Metrics
from engine.relay.http.pages import StatusPages, loopback_url
from engine.relay.http.sockets import Sockets, listen
from engine.relay.http.web_page import WebPage
from engine.relay.options import Options, address_of
from engine.relay.peer_admission import PeerAdmission
from engine.relay.target_feed import TargetFeed
from engine.wire.signaling import (
    ANSWER,
    DISCONNECT,
    HEARTBEAT,
    ICE,
    ICE_SERVERS,
    OFFER,
    REGISTER,
    TARGETS,
    failure,
    field_of,
)

if TYPE_CHECKING:
    import ssl

logger = logging.getLogger(__name__)

TOKEN_BYTES = 24
"""Random bytes of a generated token."""
SWEEP_SECONDS = 60.0
"""Between two sweeps for expired routes."""
GUESTS = "guests"
"""The Socket.IO room of guests with the guest token."""
_AGENT = frozenset({PeerRole.AGENT})
_GUEST = frozenset({PeerRole.GUEST})
_BOTH = _AGENT | _GUEST

_Handler = Callable[[Peer, object], Awaitable[dict[str, Any]]]


class Relay:
    """One relay on one address. Empty tokens are generated; read them from the attributes.

    ``allowed_origins`` are web origins (``https://host``) whose pages may connect, in
    addition to the relay's own: for a relay behind a proxy.
    """

    def __init__(
        self,
        agent_token: str = "",
        guest_token: str = "",
        options: Options | None = None,
        *,
        limits: Limits | None = None,
        allowed_origins: frozenset[str] = frozenset(),
        publish: Publish = to_nobody,
    ) -> None:
        """``publish`` receives LoopRestarted events. Raises SettingsError for equal tokens."""
        self.agent_token = agent_token or secrets.token_urlsafe(TOKEN_BYTES)
        self.guest_token = guest_token or secrets.token_urlsafe(TOKEN_BYTES)
        if self.agent_token == self.guest_token:
            raise SettingsError("relay.guest_token", "must differ from relay.token")
        self.url = ""
        self.ended = 0
        """Connections of peers that have ended since the start."""
        self._options = options = options or Options(
            limits=limits or Limits(), allowed_origins=allowed_origins
        )
        limits = self._limits = options.limits
        guesses = Guesses(lambda: TokenBucket(limits.guess_rate, limits.guess_burst))
        self._authenticator = Authenticator(self.agent_token, self.guest_token, guesses)
        self._log = AccessLog(options.access_log)
        self._host = ""
        # Tasks that peers cause, and loops that run as long as the relay.
        self._tasks = LibraryTasks("relay")
        self._loops = TaskOwner("relay", publish)
        self._peers: dict[str, Peer] = {}
        self._lookup = lookup = PresenceLookup()
        self._feed = TargetFeed(lookup, self._publish_targets)
        calls = SocketCalls(self._server_or_fail, self._peers.get, lookup)
        self._bus: RelayBus | None = None
        if options.redis:
            self._bus = RelayBus(options.redis, lookup.relay_of)
            lookup.share(Presence(options.redis, self._bus.relay_id, lookup.directory, calls.end))
        pins: KeyPins = SharedKeyPins(lookup.presence) if lookup.presence else LocalKeyPins()
        self._admission = PeerAdmission(self._authenticator, options, lookup, pins, calls)
        self._dispatcher = Dispatcher(
            calls, self._limits, self._feed.changed, lookup, pins, options.turn
        )
        self.metrics = Metrics(
            lambda: self._count(PeerRole.AGENT),
            lambda: self._count(PeerRole.GUEST),
            lambda: -1 if lookup.presence is None else int(lookup.presence.up),
        )
        self._sio: socketio.AsyncServer | None = None
        self._connections: Connections | None = None
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None
    ) -> str:
        """Listen, and return the URL that peers connect to; port 0: any free port.

        Raises SettingsError when the address cannot be used, and for short tokens where others
        can reach it.
        """
        self._host = host
        if not is_loopback(host) or self._options.allowed_origins:
            check_length("relay.token", self.agent_token)
            check_length("relay.guest_token", self.guest_token)
        self._sio = sio = self._server()
        self._connections = connections = Connections(sio, self._limits, self._tasks, self._address)
        status = StatusPages(self._options, self.metrics, self._lookup, self._log, host)
        app = web.Application(middlewares=[status.logged, connections.middleware])
        app.on_response_prepare.append(headers_for(self._options.allowed_origins))
        WebPage().add_routes(app)
        status.add_routes(app)
        sio.attach(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=request_logger(),
            shutdown_timeout=STOP_SECONDS,
            lingering_time=STOP_SECONDS,
        )
        await runner.setup()
        try:
            seconds = self._limits.request_seconds
            self._listener = await listen(runner, host, port, ssl_context, seconds)
        except OSError as error:
            await runner.cleanup()
            self._sio = None
            problem = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise SettingsError("relay.port", problem) from None
        except BaseException:
            await runner.cleanup()
            self._sio = None
            raise
        self._runner = runner
        loops = self._loops
        loops.supervise("The relay's list of targets", self._feed.run)
        loops.supervise("The relay's removal of old routes", self._sweep)
        loops.supervise("The relay's check for connections without a token", connections.sweep)
        if self._lookup.presence is not None:
            loops.supervise("The relay's presence in Redis", self._lookup.presence.run)
        sockets = Sockets(runner, self._options, lambda: connections.requests)
        loops.supervise("The relay's check for idle sockets", sockets.watch)
        name = self._listener.sockets[0].getsockname()
        self.url = loopback_url("https" if ssl_context else "http", name)
        logger.info("Relay listening at %s", self.url)
        return self.url

    async def stop(self) -> None:
        """Stop listening and end all connections; idempotent and bounded in time."""
        runner, self._runner = self._runner, None
        sio, self._sio = self._sio, None
        connections, self._connections = self._connections, None
        if runner is None or sio is None or connections is None:
            return
        if self._listener is not None:
            self._listener.close()
        await self._loops.close()
        if self._lookup.presence is not None:
            await self._lookup.presence.close()
        await connections.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sio.shutdown(), STOP_SECONDS)
        await self._tasks.close()
        await runner.cleanup()
        for peer in tuple(self._peers.values()):
            self._forget(peer)
        if self._bus is not None:
            await self._bus.close()
        self._log.close()

    def _address(self, request: web.Request) -> str:
        return address_of(request, self._options.proxies)

    @property
    def connected(self) -> int:
        return len(self._peers)

    def knows_link(self, link_id: str) -> bool:
        """Whether an agent connected to this relay has registered this link."""
        return self._lookup.directory.of_link(link_id) is not None

    # -- connections --

    def _count(self, role: PeerRole) -> int:
        return sum(peer.role is role for peer in self._peers.values())

    def _server(self) -> socketio.AsyncServer:
        sio = socketio.AsyncServer(
            async_mode="aiohttp",
            logger=library_logger("server"),
            engineio_logger=library_logger("server"),
            cors_allowed_origins=self._origin_allowed,
            cors_credentials=False,
            max_http_buffer_size=self._limits.message_bytes,
            ping_interval=self._limits.ping_seconds,
            ping_timeout=self._limits.ping_seconds,
            client_manager=self._bus,
        )
        socketio_adapter.own_tasks(sio, self._tasks)
        sio.on("connect", self._on_connect)
        sio.on("disconnect", self._on_disconnect)
        dispatcher = self._dispatcher
        for event, roles, handler in (
            (REGISTER, _AGENT, dispatcher.register),
            (HEARTBEAT, _AGENT, dispatcher.heartbeat),
            (TARGETS, _GUEST, dispatcher.targets),
            (ICE_SERVERS, _BOTH, dispatcher.ice_servers),
            (OFFER, _GUEST, dispatcher.offer),
            (ICE, _BOTH, dispatcher.ice),
            (DISCONNECT, _BOTH, dispatcher.disconnect),
        ):
            sio.on(event, self._receiver(event, roles, handler))
        sio.on("*", self._on_unknown)
        return sio

    def _server_or_fail(self) -> socketio.AsyncServer:
        if self._sio is None:
            raise AgentOfflineError("The relay has stopped")
        return self._sio

    def _origin_allowed(self, origin: str, environ: dict[str, Any]) -> bool:
        request = request_of(environ)
        return origin_allowed(origin, request, self._host, self._options.allowed_origins)

    async def _on_connect(self, sid: str, *args: object) -> None:
        sio = self._server_or_fail()
        environ = sio.get_environ(sid)
        # A peer may also send an event *named* connect, with any arguments.
        if environ is None or sid in self._peers:
            return
        request = request_of(environ)
        try:
            if REFUSED in environ:
                raise RelayRefusedError("Open a new connection to try another token")
            if self._connections and (full := self._connections.overfull(self._address(request))):
                raise RateLimitedError(full)
            auth = args[1] if len(args) > 1 else None
            peer = await self._admission.admit(sid, request, auth)
        except HatchwayError as error:
            environ[REFUSED] = True
            address = self._address(request)
            logger.warning("Rejected a connection from %s: %s", address, error)
            self._log.write("refused", address=address, code=error.code)
            self.metrics.refused.labels(error.code).inc()
            raise socketio.exceptions.ConnectionRefusedError(
                str(error), {"code": error.code}
            ) from None
        environ[PROVEN] = True
        self._peers[sid] = peer
        self._dispatcher.connected(peer)
        if peer.claims_key and isinstance(auth, dict):
            self._tasks.start(self._challenge, peer, auth, request.host)
        elif peer.role is PeerRole.AGENT:
            self._tasks.start(self._dispatcher.announce, peer)
        elif not peer.link:
            await sio.enter_room(sid, GUESTS)
            await self._feed.subscribe(sid)
        logger.info("%s connected from %s", peer.role.capitalize(), peer.address)
        self._log.write(
            "connected",
            role=peer.role.value,
            address=peer.address,
            agent=peer.agent_id if peer.is_proven else "",
            link=shown_link(peer.link),
        )

    async def _challenge(self, peer: Peer, auth: dict[str, Any], host: str) -> None:
        await self._admission.challenge(peer, str(auth.get("public_key")), host)
        if peer.is_proven:
            self._log.write("proven", address=peer.address, agent=peer.agent_id)
            return
        # Its registration is answered first: that reply holds the reason.
        await asyncio.wait((peer.gone,), timeout=STOP_SECONDS)
        if not peer.gone.done():
            await self._server_or_fail().disconnect(peer.sid)

    async def _on_disconnect(self, sid: str, *_args: object) -> None:
        peer = self._peers.get(sid)
        # As above: a peer may send an event named disconnect and stay connected.
        if peer is None or (self._sio and socketio_adapter.is_connected(self._sio, sid)):
            return
        self._forget(peer)
        if self._sio and self._connections:
            connection = socketio_adapter.connection_of(self._sio, sid)
            if connection is not None:
                # This also ends a long poll, which would not be answered any more.
                self._connections.end(connection)
        logger.info("%s from %s disconnected", peer.role.capitalize(), peer.address)
        agent = peer.agent_id if peer.is_proven else ""
        self._log.write("left", role=peer.role.value, address=peer.address, agent=agent)
        if peer.role is PeerRole.AGENT and self._lookup.presence is not None:
            with contextlib.suppress(RelayDegradedError):
                await self._lookup.presence.leave(peer)

    def _forget(self, peer: Peer) -> None:
        self._peers.pop(peer.sid, None)
        self._feed.unsubscribe(peer.sid)
        self.ended += 1
        peer.ended()
        self._dispatcher.disconnected(peer)

    # -- messages --

    def _receiver(
        self, event: str, roles: frozenset[PeerRole], handler: _Handler
    ) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def receive(sid: str, *args: object) -> dict[str, Any]:
            sio = self._sio
            payload = args[0] if args else None
            began = time.perf_counter()
            reply = await self._handled(sid, event, payload, roles, handler)
            self.metrics.messages.labels(event, reply["status"]).inc()
            if event == OFFER:
                self._offered(sid, reply, time.perf_counter() - began)
            if event == OFFER and sio is not None:
                # Also an event, for guests that do not request an acknowledgement.
                await sio.emit(ANSWER, reply, to=sid, ignore_queue=True)
            return reply

        return receive

    def _offered(self, sid: str, reply: dict[str, Any], seconds: float) -> None:
        self.metrics.answered.observe(seconds)
        peer = self._peers.get(sid)
        self._log.write(
            "offer",
            address=peer.address if peer else "",
            link=shown_link(peer.link) if peer else "",
            session=reply["session_id"],
            status=reply["status"],
            # A foreign agent may send any value.
            code=field_of(reply, "code"),
            ms=round(seconds * 1000, 1),
        )

    async def _handled(
        self,
        sid: str,
        event: str,
        payload: object,
        roles: frozenset[PeerRole],
        handler: _Handler,
    ) -> dict[str, Any]:
        """The reply to a message. There is always one."""
        try:
            peer = self._admitted(sid, event, roles)
            with peer.waiting():
                return await handler(peer, payload)
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
            if peer.rate_limited() == self._limits.refusals:
                logger.warning("Ended a connection from %s: too many messages", peer.address)
                self._tasks.start(self._server_or_fail().disconnect, sid)
            raise RateLimitedError("Too many messages per second")
        if peer.role not in roles:
            raise AccessDeniedError(f"A connection with the role {peer.role} cannot send {event}")
        waits = peer.role is PeerRole.GUEST or not peer.is_proven
        if waits and peer.pending >= self._limits.pending:
            raise RateLimitedError("Too many messages are waiting for an answer")
        if event != REGISTER and not peer.is_proven:
            # Its id is only a claim. Registrations wait for the proof; other messages fail.
            raise UnprovenError("Answer agent:challenge first: this agent's key is not proven")
        return peer

    async def _on_unknown(self, event: str, sid: str, *args: object) -> dict[str, Any]:
        payload = args[0] if args else None
        # The peer chose the name: the reply echoes its beginning, nothing else uses it.
        return await self._handled(sid, str(event)[:64], payload, _BOTH, _refuse)

    # -- upkeep --

    async def _publish_targets(self, listing: list[dict[str, Any]]) -> None:
        targets = {"targets": listing}
        await self._server_or_fail().emit(TARGETS, targets, to=GUESTS, ignore_queue=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._dispatcher.routes.sweep()
            for sid in self._lookup.forget_silent():
                socketio_adapter.forget_callback(self._server_or_fail(), sid)


async def _refuse(_peer: Peer, _payload: object) -> dict[str, Any]:
    raise AccessDeniedError("Unknown event")
