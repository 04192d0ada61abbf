"""Admits peers by their credentials, and challenges agents that claim a key.

Tokens are checked in admission.auth, agent ids and keys in admission.agents.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.access.agent_key import canonical_host
from engine.core.errors import AgentIdTakenError, HatchwayError, RelayRefusedError
from engine.core.token_bucket import TokenBucket
from engine.relay.admission.agents import (
    CHALLENGE_SECONDS,
    KeyPins,
    claim,
    make_challenge,
    proven_key,
    refuse_unlisted,
)
from engine.relay.admission.auth import Authenticator, Credentials, PeerRole, printable
from engine.relay.cluster.routing import Peer
from engine.relay.options import Options, address_of
from engine.wire.signaling import CHALLENGE

if TYPE_CHECKING:
    from aiohttp import web

    from engine.relay.cluster.lookup import PresenceLookup
    from engine.relay.dispatcher import Calls


class PeerAdmission:
    """``admit()`` a connection at once; then ``challenge()`` an agent that claims a key."""

    def __init__(
        self,
        authenticator: Authenticator,
        options: Options,
        lookup: PresenceLookup,
        pins: KeyPins,
        calls: Calls,
    ) -> None:
        self._authenticator = authenticator
        self._options = options
        self._lookup = lookup
        self._pins = pins
        self._calls = calls

    async def admit(self, sid: str, request: web.Request, auth: object) -> Peer:
        """The peer of a new connection; ``auth`` is the Socket.IO connect payload.

        Raises RelayRefusedError, LinkUnknownError, AgentIdTakenError, RelayDegradedError,
        RateLimitedError.
        """
        address = address_of(request, self._options.proxies)
        credentials = self._authenticator.check(auth, request.headers, address)
        if credentials.link:
            await self._lookup.of_link(credentials.link)
        peer = self._peer(sid, request, credentials)
        if peer.role is PeerRole.AGENT and peer.agent_id and not credentials.public_key:
            await claim(self._pins, peer.agent_id, "")
        return peer

    async def challenge(self, peer: Peer, public_key: str, host: str) -> None:
        """Have an agent prove its key; ``peer.proven`` gets the result. Raises no HatchwayError."""
        nonce = make_challenge()
        try:
            reply = await self._calls.ask(peer, CHALLENGE, {"nonce": nonce}, CHALLENGE_SECONDS)
            key = proven_key(public_key, reply, nonce, peer.agent_id, canonical_host(host))
            if not peer.has_token:
                refuse_unlisted(key, self._options.agent_keys)
            await claim(self._pins, peer.agent_id, key)
        except HatchwayError as error:
            taken = isinstance(error, AgentIdTakenError)
            peer.failed_to_prove(error if taken else RelayRefusedError(str(error)))
            return
        peer.proved(key, self._bucket(PeerRole.AGENT))

    def _bucket(self, role: PeerRole) -> TokenBucket:
        limits = self._options.limits
        if role is PeerRole.GUEST:
            return TokenBucket(limits.guest_rate, limits.guest_burst)
        return TokenBucket(limits.agent_rate, limits.agent_burst)

    def _peer(self, sid: str, request: web.Request, credentials: Credentials) -> Peer:
        # An agent that claims a key gets a guest's rate until it has proven it.
        claims_key = bool(credentials.public_key)
        loop = asyncio.get_running_loop()
        peer = Peer(
            sid=sid,
            role=credentials.role,
            name=credentials.name,
            address=address_of(request, self._options.proxies),
            bucket=self._bucket(PeerRole.GUEST if claims_key else credentials.role),
            gone=loop.create_future(),
            proven=loop.create_future(),
            agent_id=credentials.agent_id,
            link=credentials.link,
            browser=printable(request.headers.get("User-Agent"), 200),
            has_token=credentials.has_token,
            claims_key=claims_key,
        )
        if not claims_key:
            peer.proven.set_result(None)
        return peer
