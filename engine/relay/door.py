"""The way in: from a connection's credentials to a peer, or to a refusal with its reason.

Owns the order of questions, and the challenge to an agent that says it has a
key. Does not own tokens (auth), ids and keys (agents), or connections.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.agent_key import canonical_host
from engine.errors import HatchwayError, RelayDegradedError, RelayRefusedError
from engine.relay.agents import (
    CHALLENGE_SECONDS,
    Pins,
    claim,
    make_challenge,
    proven_key,
    refuse_unlisted,
)
from engine.relay.auth import Credentials, Gate, PeerRole, printable
from engine.relay.limits import TokenBucket
from engine.relay.options import Options, address_of
from engine.relay.routing import Peer
from engine.wire.signaling import CHALLENGE

if TYPE_CHECKING:
    from aiohttp import web

    from engine.relay.switchboard import Line
    from engine.relay.whereabouts import Whereabouts


class Door:
    def __init__(
        self, gate: Gate, options: Options, where: Whereabouts, pins: Pins, line: Line
    ) -> None:
        self._gate = gate
        self._options = options
        self._where = where
        self._pins = pins
        self._line = line

    async def admit(self, sid: str, request: web.Request, auth: object) -> Peer:
        """Raises RelayRefusedError, LinkUnknownError, AgentIdTakenError, RelayDegradedError."""
        credentials = self._gate.check(auth, request.headers)
        if credentials.link:
            await self._where.of_link(credentials.link)
        peer = self._peer(sid, request, credentials)
        if peer.role is PeerRole.AGENT and peer.agent_id and not credentials.public_key:
            await self._claim(peer)
        return peer

    async def challenge(self, peer: Peer, public_key: str, host: str) -> None:
        """Have an agent prove its key; ``peer.proven`` gets the outcome. Never raises."""
        nonce = make_challenge()
        try:
            reply = await self._line.ask(peer, CHALLENGE, {"nonce": nonce}, CHALLENGE_SECONDS)
            key = proven_key(public_key, reply, nonce, peer.agent_id, canonical_host(host))
            if not peer.has_token:
                refuse_unlisted(key, self._options.agent_keys)
            peer.public_key = key
            await self._claim(peer)
        except HatchwayError as error:
            peer.public_key = ""
            if not peer.proven.done():
                peer.proven.set_exception(RelayRefusedError(str(error)))
                # Asked for or not: a refusal is no mistake of ours.
                peer.proven.exception()
            return
        if not peer.proven.done():
            peer.proven.set_result(None)

    async def _claim(self, peer: Peer) -> None:
        try:
            await claim(self._pins, peer.agent_id, peer.public_key)
        except RelayDegradedError:
            # Turning hosts away until Redis is back would cost more than it guards.
            return

    def _peer(self, sid: str, request: web.Request, credentials: Credentials) -> Peer:
        limits = self._options.limits
        guest = credentials.role is PeerRole.GUEST
        loop = asyncio.get_running_loop()
        peer = Peer(
            sid=sid,
            role=credentials.role,
            name=credentials.name,
            address=address_of(request, self._options.proxies),
            bucket=TokenBucket(
                limits.guest_rate if guest else limits.agent_rate,
                limits.guest_burst if guest else limits.agent_burst,
            ),
            gone=loop.create_future(),
            proven=loop.create_future(),
            agent_id=credentials.agent_id,
            link=credentials.link,
            browser=printable(request.headers.get("User-Agent"), 200),
            has_token=credentials.has_token,
            claims_key=bool(credentials.public_key),
        )
        if not credentials.public_key:
            peer.proven.set_result(None)
        return peer
