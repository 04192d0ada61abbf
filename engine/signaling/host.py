"""The agent's Socket.IO connection to its relay: reconnects for ever.

Owns connecting, registering, the heartbeat and dispatching events to their handlers.
Losing the relay ends only the connection: sessions are peer to peer, and running
handlers finish.

python-socketio's own reconnection is not used: it loses waiting callbacks, hides why
an attempt failed, and does not recover from every way a connection can end. Each
connection here is a new client.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import socketio

from engine.access.agent_key import AgentKey, host_of
from engine.core import socketio_adapter
from engine.core.errors import ConnectionFailedError, RelayUnreachableError
from engine.core.events import RelayStateChanged
from engine.core.model import RelayState
from engine.core.socketio_adapter import LibraryTasks, library_logger
from engine.core.tasks import start, supervise
from engine.signaling.handlers import Handler, Handlers, reply_to
from engine.signaling.heartbeat import Heartbeat
from engine.signaling.relay_url import http_session, naming_proxy, take_apart
from engine.signaling.retry import Backoff, explain, refusal
from engine.wire.signaling import CHALLENGE, HEARTBEAT, ICE, REGISTER

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.core.events import EventBus

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
CONNECT_SECONDS = 10.0
"""For one attempt: TCP, TLS, HTTP, Socket.IO."""
CONNECT_REPLY_SECONDS = 4.0
"""From our auth to the relay's reply; a relay that knows no auth may send none."""
CALL_SECONDS = 5.0
_REJECTIONS = ("relay_refused", "agent_id_taken")
"""Replies to a registration after which staying connected is useless."""
CLOSE_SECONDS = 1.0
"""For closing a connection; what has not ended by then is cancelled."""


class RelayListener(Protocol):
    """Receives the connection's events, on the loop; must not block."""

    def challenged(self, url: str) -> None:
        """The relay at ``url`` challenged our key, before it confirms a registration."""

    def registered(self, url: str, reply: Mapping[str, Any]) -> None:
        """The relay at ``url`` confirmed a registration, first or later, with ``reply``."""

    def lost(self) -> None:
        """The connection has ended."""


class _NoConnectReply(RelayUnreachableError):
    """The relay neither accepted nor rejected the connection."""


class SignalingClient:
    """One per agent.

    ``auth`` is sent to the relay at every connect ({token, role, agent_id}), or a
    function that returns it. ``handlers`` maps an event to the function whose return
    value is the acknowledgement. ``registration`` returns the payload of
    ``agent:register`` for each connect. States are published to ``events``. ``urls``
    are relays of one operator, tried in turn. ``key`` answers their challenge;
    ``listener`` receives what they report.
    """

    def __init__(
        self,
        urls: Sequence[str] | str,
        *,
        auth: Mapping[str, object] | Callable[[], Mapping[str, object]],
        handlers: Handlers,
        events: EventBus,
        registration: Callable[[], Mapping[str, object]],
        ssl_context: ssl.SSLContext | None = None,
        heartbeat_interval: float = HEARTBEAT_SECONDS,
        backoff: Backoff | None = None,
        key: AgentKey | None = None,
        listener: RelayListener | None = None,
    ) -> None:
        self._urls = [take_apart(url) for url in ([urls] if isinstance(urls, str) else urls)]
        self._relay = self._urls[0]
        self._key = key
        self.registered = asyncio.Event()
        """Set while the relay has confirmed our registration; a foreign relay never does."""
        self._rejection: ConnectionFailedError | None = None
        self._auth = auth
        self._handlers = dict(handlers)
        self._events = events
        self._registration = registration
        self._listener = listener
        self._ssl = ssl_context
        self._interval = heartbeat_interval
        self._backoff = backoff or Backoff()
        # The library's tasks, and the running handlers, which outlive the connection
        # of their event.
        self._tasks = LibraryTasks("signaling")
        self._heartbeat: Heartbeat | None = None
        self._http: dict[str, aiohttp.ClientSession] = {}  # by URL: each may have a proxy
        self._sio: socketio.AsyncClient | None = None
        self._lost: asyncio.Event | None = None
        self._main: asyncio.Task[None] | None = None
        # Whether this relay fails on an auth payload.
        self._without_auth = False
        self._state = RelayStateChanged(state=RelayState.STOPPED, url=self._url)

    @property
    def _url(self) -> str:
        """The address in use; it may be shown."""
        return self._relay.url

    def _session(self) -> aiohttp.ClientSession:
        if self._url not in self._http:
            self._http[self._url] = http_session(self._url, self._ssl)
        return self._http[self._url]

    @property
    def state(self) -> RelayStateChanged:
        """The last state published."""
        return self._state

    @property
    def sid(self) -> str | None:
        """The relay's id of this connection; a new one after every reconnect."""
        return self._sio.get_sid() if self._sio is not None else None

    async def start(self) -> None:
        """Begin connecting. Returns at once; progress is published as states."""
        if self._main is not None:
            return
        self._heartbeat = Heartbeat()
        self._publish(RelayState.CONNECTING)
        self._main = start(
            # After an error, retry no later than after a lost connection.
            supervise(
                "The connection to the relay",
                self._run,
                self._events.publish,
                longest=self._backoff.last,
            ),
            "signaling",
        )

    async def stop(self) -> None:
        """Disconnect and leave nothing behind; idempotent and bounded in time."""
        main, self._main = self._main, None
        if main is None:
            return
        main.cancel()
        await asyncio.wait((main,))
        await self._tasks.close()
        while self._http:
            await self._http.popitem()[1].close()
        if self._heartbeat is not None:
            self._heartbeat.close()
        self._publish(RelayState.STOPPED)

    async def emit(self, event: str, payload: Mapping[str, object]) -> bool:
        """Send without waiting for a reply; False when there is no connection."""
        sio = self._sio
        if sio is None:
            return False
        try:
            await sio.emit(event, dict(payload))
        except socketio.exceptions.SocketIOError:
            # The connection has just ended; _run() is about to notice.
            return False
        return True

    async def emit_ice(self, payload: Mapping[str, object]) -> bool:
        """Send one of our candidates; False when there is no connection."""
        return await self.emit(ICE, payload)

    async def call(
        self, event: str, payload: Mapping[str, object], seconds: float = CALL_SECONDS
    ) -> dict[str, Any]:
        """The relay's successful reply; empty when there is none."""
        sio = self._sio
        if sio is None:
            return {}
        try:
            reply = await sio.call(event, dict(payload), timeout=seconds)
        except socketio.exceptions.SocketIOError:
            return {}
        return reply if isinstance(reply, dict) and reply.get("status") == "success" else {}

    async def re_register(self) -> bool:
        """Send the registration again; without a connection, the next one does."""
        sio = self._sio
        if sio is None:
            return False

        def replied(*args: object) -> None:
            if sio is self._sio:
                self._registered(args[0] if args else None)

        try:
            await sio.emit(REGISTER, dict(self._registration()), callback=replied)
        except socketio.exceptions.SocketIOError:
            return False
        return True

    def _registered(self, reply: object) -> None:
        fields = reply if isinstance(reply, dict) else {}
        if fields.get("code") in _REJECTIONS and self._lost is not None:
            self._rejection = refusal(fields.get("error"))
            self._lost.set()
        elif fields.get("status") == "success":
            if self._listener is not None:
                self._listener.registered(self._url, fields)
            self.registered.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._attempt()
            except ConnectionFailedError as error:
                refused = not isinstance(error, RelayUnreachableError)
                state = RelayState.REFUSED if refused else RelayState.RECONNECTING
                self._publish(state, str(error))
                delay = self._backoff.next_refused() if refused else self._backoff.next()
            except Exception:
                self._publish(RelayState.RECONNECTING, "The connection failed unexpectedly")
                raise
            else:
                self._publish(RelayState.RECONNECTING, "The connection to the relay was lost")
                delay = self._backoff.next()
            await asyncio.sleep(delay)
            # The next relay may be reachable while this one is not.
            self._urls.append(self._urls.pop(0))
            self._relay = self._urls[0]

    async def _attempt(self) -> None:
        """Connect and serve until the connection is lost. Raises ConnectionFailedError."""
        try:
            sio, lost = await self._reach()
        except ConnectionFailedError:
            self._without_auth = False
            raise
        try:
            self._sio = sio
            self._lost = lost
            self._backoff.reset()
            self._publish(RelayState.CONNECTED)
            await self._serve(sio, lost)
        finally:
            self._sio = self._lost = None
            self.registered.clear()
            if self._listener is not None:
                self._listener.lost()
            await socketio_adapter.drop(sio, CLOSE_SECONDS)
        rejection, self._rejection = self._rejection, None
        if rejection is not None:
            raise rejection

    async def _reach(self) -> tuple[socketio.AsyncClient, asyncio.Event]:
        """A connection, over the first transport that works."""
        try:
            # One request, and the relay's processes need not share connections.
            return await self._connect(["websocket"])
        except _NoConnectReply:
            # At a relay whose connect handler takes no auth, python-socketio fails silently.
            # Try again without auth (the token is in the header), or with it.
            self._without_auth = not self._without_auth
            return await self._connect(["websocket"])
        except RelayUnreachableError:
            # Some proxies block WebSockets; and polling reports what is wrong.
            return await self._connect(["polling", "websocket"])

    async def _connect(self, transports: list[str]) -> tuple[socketio.AsyncClient, asyncio.Event]:
        sio = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            logger=library_logger("client"),
            engineio_logger=library_logger("client"),
            http_session=self._session(),
            request_timeout=CONNECT_SECONDS / 2,
        )
        socketio_adapter.own_tasks(sio, self._tasks)
        lost = asyncio.Event()
        errors: list[object] = []
        sio.on("connect_error", lambda *args: errors.append(args[0] if args else None))
        sio.on("disconnect", lambda *_args: lost.set())
        for event, handler in self._handlers.items():
            sio.on(event, self._receiver(event, handler))
        if self._key is not None:
            sio.on(CHALLENGE, self._answer_challenge)
        auth = dict(self._auth() if callable(self._auth) else self._auth)
        if self._key is not None:
            auth["public_key"] = self._key.public
        token = auth.get("token")
        presented = False

        # A relay of ours, behind such a proxy, takes the token from ``auth``.
        authorization = self._relay.authorization or (f"Bearer {token}" if token else "")

        def present() -> Mapping[str, object]:
            nonlocal presented
            presented = True
            return {} if self._without_auth else auth

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await sio.connect(
                    self._url,
                    headers={"Authorization": authorization} if authorization else {},
                    auth=present,
                    socketio_path=self._relay.socketio_path,
                    transports=transports,
                    namespaces=["/"],
                    wait_timeout=CONNECT_REPLY_SECONDS,
                )
        except TimeoutError:
            await socketio_adapter.drop(sio, CLOSE_SECONDS)
            raise RelayUnreachableError(f"{self._url} does not respond") from None
        except asyncio.CancelledError:
            await socketio_adapter.drop(sio, CLOSE_SECONDS)
            raise
        except Exception as error:
            # If no relay listens there, the library may raise anything (JSON, key, type and
            # value errors among them): all of it means no connection.
            await socketio_adapter.drop(sio, CLOSE_SECONDS)
            reply = errors[-1] if errors else None
            if sio.failed_namespaces:
                raise refusal(reply) from None
            if presented:
                raise _NoConnectReply(
                    f"The relay at {self._url} did not accept the connection"
                ) from None
            problem = explain(self._url, str(error) or type(error).__name__, reply)
            raise naming_proxy(self._url, problem) from None
        return sio, lost

    async def _serve(self, sio: socketio.AsyncClient, lost: asyncio.Event) -> None:
        """Register, and send heartbeats until the connection is lost."""
        await self.re_register()
        beating = start(
            supervise("The heartbeat to the relay", self._heartbeat_loop, self._events.publish),
            "heartbeat",
        )
        ended = asyncio.ensure_future(lost.wait())
        # The library loses some connections without an event: then only its reader ends.
        reader = socketio_adapter.reader(sio)
        waiting = {ended} if reader is None else {ended, reader}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            beating.cancel()
            await asyncio.wait((beating,))

    async def _heartbeat_loop(self) -> None:
        """Send heartbeats until cancelled. An error costs one heartbeat, never the connection."""
        while self._heartbeat is not None:
            agent_id = str(self._registration().get("agent_id", ""))
            try:
                payload = await self._heartbeat.sample(agent_id, self._interval)
            except OSError as error:
                logger.warning("No heartbeat: %s", str(error) or type(error).__name__)
            else:
                await self.emit(HEARTBEAT, payload)
            await asyncio.sleep(self._interval)

    async def _answer_challenge(self, *args: object) -> dict[str, Any]:
        payload = args[0] if args else None
        nonce = payload.get("nonce") if isinstance(payload, dict) else None
        if self._key is None or not isinstance(nonce, str):
            return {}
        if self._listener is not None:
            self._listener.challenged(self._url)
        agent_id = str(self._registration().get("agent_id", ""))
        return {"signature": self._key.answer(nonce, agent_id, host_of(self._url))}

    def _receiver(self, event: str, handler: Handler) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def receive(*args: object) -> dict[str, Any]:
            return await reply_to(event, args[0] if args else None, handler)

        return receive

    def _publish(self, state: RelayState, detail: str = "") -> None:
        if (state, detail) == (self._state.state, self._state.detail):
            return
        self._state = RelayStateChanged(state=state, url=self._url, detail=detail)
        logger.info("Relay %s: %s%s", self._url, state, f": {detail}" if detail else "")
        self._events.publish(self._state)
