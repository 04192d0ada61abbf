"""A guest's Socket.IO connection to a relay: a GuestEnd.

It never reconnects: a peer needs its relay only until the data channel is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp
import socketio

from engine.core import socketio_adapter
from engine.core.errors import (
    BadProofError,
    ConnectionFailedError,
    ConnectTimeoutError,
    HatchwayError,
    LinkUnknownError,
    ProtocolError,
    RelayRefusedError,
    RelayUnreachableError,
    RemoteError,
)
from engine.core.settings import IceSettings
from engine.core.socketio_adapter import LibraryTasks, library_logger
from engine.signaling.guest_end import ANSWER_SECONDS, successful
from engine.signaling.relay_url import RelayUrl, http_session, naming_proxy, take_apart
from engine.signaling.retry import Backoff
from engine.transport import ice_servers
from engine.transport.ice_servers import RelayServers
from engine.wire import proof
from engine.wire.signaling import ICE_SERVERS, TARGETS

CONNECT_SECONDS = 10.0
"""For connecting to the relay."""
CLOSE_SECONDS = 5.0
SERVERS_CALL_SECONDS = 10.0
SERVERS_SECONDS = 20.0
"""For the relay's ICE servers: one attempt, and all attempts together."""


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """The relay's address and a peer's credentials there."""

    url: str
    token: str = ""
    agent_id: str = ""
    """The agent to use, at a relay with several."""
    link: str = ""
    """The id of the link that admits us when we have no token."""


class GuestSignaling:
    """``connect()`` once, then ``call()`` any number of times, then ``close()``."""

    def __init__(self, relay: RelayAddress, ssl_context: ssl.SSLContext | None = None) -> None:
        self._relay = relay
        self._ssl = ssl_context
        self._tasks = LibraryTasks("guest")
        self._http: aiohttp.ClientSession | None = None
        self._client: socketio.AsyncClient | None = None
        self._closed = False

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.connected

    async def connect(self) -> None:
        """Raises RelayUnreachableError, RelayRefusedError."""
        relay = take_apart(self._relay.url)
        self._http = http_session(relay.url, self._ssl)
        client = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            logger=library_logger("guest"),
            engineio_logger=library_logger("guest"),
            http_session=self._http,
        )
        socketio_adapter.own_tasks(client, self._tasks)
        errors: list[object] = []
        client.on("connect_error", lambda *args: errors.append(args[0] if args else None))
        self._client = client
        auth = {"role": "guest", "name": "Hatchway"}
        auth |= {"link": self._relay.link} if self._relay.link else {"token": self._relay.token}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._reach(client, relay, auth)
        except TimeoutError:
            raise RelayUnreachableError(
                f"The relay at {relay.url} did not answer within {CONNECT_SECONDS:.0f} s"
            ) from None
        except (socketio.exceptions.ConnectionError, aiohttp.ClientError) as error:
            if client.failed_namespaces:
                raise _refusal(errors, error) from None
            raise naming_proxy(
                relay.url,
                RelayUnreachableError(f"The relay at {relay.url} cannot be reached: {error}"),
            ) from None

    async def _reach(
        self, client: socketio.AsyncClient, relay: RelayUrl, auth: dict[str, str]
    ) -> None:
        async def connect(*transports: str) -> None:
            await client.connect(
                relay.url,
                headers={"Authorization": relay.authorization} if relay.authorization else {},
                auth=auth,
                transports=list(transports),
                socketio_path=relay.socketio_path,
            )

        try:
            await connect("websocket")
        except (socketio.exceptions.ConnectionError, aiohttp.ClientError):
            if client.failed_namespaces or self._closed:
                raise
            # Some proxies block WebSockets; and polling reports what is wrong.
            await connect("polling", "websocket")

    async def call(
        self, event: str, payload: dict[str, Any], seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """The reply to a successful call.

        Raises RemoteError with the other side's message, ConnectTimeoutError,
        RelayUnreachableError, ProtocolError.
        """
        if self._client is None:
            raise RelayUnreachableError("Not connected to the relay")
        try:
            reply = await self._client.call(event, payload, timeout=seconds)
        except socketio.exceptions.TimeoutError:
            raise ConnectTimeoutError(f"No reply within {seconds:.0f} s") from None
        except socketio.exceptions.SocketIOError as error:
            raise RelayUnreachableError(f"Lost the connection to the relay: {error}") from None
        return successful(reply)

    async def link_target(self) -> tuple[str, str]:
        """The agent id and device id our link opens. Raises LinkUnknownError, and as call()."""
        rows = (await self.call(TARGETS, {})).get("targets")
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            raise LinkUnknownError("The link has ended, or its host is not connected")
        return str(rows[0].get("agent_id", "")), str(rows[0].get("id", ""))

    async def ice_settings(self, own: IceSettings, secret: bytes | None = None) -> IceSettings:
        """``own``, extended by what the relay provides. ``secret`` is our link's.

        Without a reply no direct connection is made: a Hatchway relay is asked again, and
        one that stays silent is an error. Raises NoTurnError, ConnectTimeoutError, and
        RemoteError for a link whose proof is invalid.
        """
        loop = asyncio.get_running_loop()
        deadline, backoff = loop.time() + SERVERS_SECONDS, Backoff(first=0.25, last=2.0)
        while True:
            try:
                handed = await self._servers(own, secret)
            except RemoteError as error:
                if error.remote_code == BadProofError.code:
                    raise
            except HatchwayError:
                pass
            else:
                return ice_servers.require_turn(ice_servers.merged(own, handed))
            if not await self._is_ours():
                # A foreign relay: it has no servers and no relay-only rule.
                return ice_servers.require_turn(own)
            if loop.time() > deadline or not self.is_connected:
                raise ConnectTimeoutError(
                    "The relay did not send its ICE servers, so no connection was opened. Try again"
                )
            await asyncio.sleep(backoff.next())

    async def _servers(self, own: IceSettings, secret: bytes | None) -> RelayServers:
        """What the relay provides, after a proof if it requests one.

        Raises ProtocolError for a reply without the relay-only rule, and as call().
        """
        # A foreign relay may never reply.
        seconds = SERVERS_CALL_SECONDS if self._relay.link else CLOSE_SECONDS
        reply = await self.call(ICE_SERVERS, {}, seconds)
        handed = self._read_servers(reply)
        nonce = reply.get("nonce")
        turn = handed.relay_only or own.relay_only or own.from_relay == "turn"
        if secret is None or not isinstance(nonce, str) or not turn or own.from_relay == "off":
            return handed
        claim = {"proof": proof.access_proof(proof.relay_access(secret), nonce)}
        return self._read_servers(await self.call(ICE_SERVERS, claim, seconds))

    def _read_servers(self, reply: dict[str, Any]) -> RelayServers:
        handed = ice_servers.read(reply)
        # Ours always states the rule; a foreign one may provide servers without it.
        if handed.relay_only is None and (self._relay.link or not handed.servers):
            raise ProtocolError("The relay did not state whether only TURN is allowed")
        return handed

    async def _is_ours(self) -> bool:
        """Whether it is a Hatchway relay: only those have links and answer ``guest:targets``."""
        if self._relay.link:
            return True
        try:
            reply = await self.call(TARGETS, {}, CLOSE_SECONDS)
        except HatchwayError:
            return False
        return isinstance(reply.get("targets"), list)

    async def close(self) -> None:
        """Disconnect; bounded by CLOSE_SECONDS, idempotent."""
        self._closed = True
        if self._client is not None:
            with contextlib.suppress(TimeoutError, socketio.exceptions.SocketIOError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._client.disconnect()
        if self._http is not None:
            await self._http.close()
        await self._tasks.close()


def _refusal(errors: list[object], error: Exception) -> ConnectionFailedError | LinkUnknownError:
    """The relay's rejection of the connection as an error."""
    reply = errors[-1] if errors else None
    fields = reply if isinstance(reply, dict) else {}
    text = str(fields.get("message") or error)[:300]
    data = fields.get("data")
    if isinstance(data, dict) and data.get("code") == LinkUnknownError.code:
        return LinkUnknownError(text)
    return RelayRefusedError(f"The relay rejected the connection: {text}")
