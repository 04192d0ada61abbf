"""Calls to connected peers of this relay and of others: one event and its acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import socketio

from engine.core import socketio_adapter
from engine.core.errors import AgentOfflineError, AgentTimeoutError, RelayDegradedError

if TYPE_CHECKING:
    from engine.relay.cluster.lookup import PresenceLookup
    from engine.relay.cluster.routing import Peer

ALIVE_SECONDS = 1.0
"""While another relay's peer is waited for: between checks whether that relay is alive."""


class SocketCalls:
    """``server()`` is the Socket.IO server, or raises; ``find`` knows this relay's peers."""

    def __init__(
        self,
        server: Callable[[], socketio.AsyncServer],
        find: Callable[[str], Peer | None],
        lookup: PresenceLookup,
    ) -> None:
        self._server = server
        self._lookup = lookup
        self.find = find

    async def ask(self, peer: Peer, event: str, payload: object, seconds: float) -> object:
        """The peer's acknowledgement, within ``seconds``.

        Raises AgentOfflineError as soon as the peer disconnects, AgentTimeoutError,
        RelayDegradedError.
        """
        sio = self._server()
        self._lookup.remember(peer)
        reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def acknowledged(*args: object) -> None:
            if not reply.done():
                reply.set_result(args[0] if args else None)

        try:
            await sio.emit(
                event, payload, to=peer.sid, callback=acknowledged, ignore_queue=not peer.relay
            )
            await self._answered(peer, reply, seconds)
        finally:
            # The library would store a callback that is never called for ever.
            socketio_adapter.forget_callback(sio, peer.sid, acknowledged)
        if reply.done():
            return reply.result()
        if peer.gone.done():
            raise AgentOfflineError(f"The {peer.role} has left the relay")
        raise AgentTimeoutError(f"The {peer.role} did not answer within {seconds:g} s")

    async def end(self, peer: Peer) -> None:
        """End the connection of a peer of this relay."""
        await self._server().disconnect(peer.sid)

    async def _answered(self, peer: Peer, reply: asyncio.Future[object], seconds: float) -> None:
        """Wait for an answer, for the peer's disconnect, or until it cannot be reached."""
        presence = self._lookup.presence if peer.relay else None
        losses = presence.losses if presence else 0
        deadline = asyncio.get_running_loop().time() + seconds
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(
                (reply, peer.gone),
                timeout=min(left, ALIVE_SECONDS) if presence else left,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if reply.done() or peer.gone.done() or presence is None:
                return
            if not await presence.alive(peer.relay):
                raise AgentOfflineError(f"The relay of the {peer.role} was lost; try again soon")
            if presence.losses != losses:
                raise RelayDegradedError(
                    "The connection to the other relays was lost; try again soon"
                )
