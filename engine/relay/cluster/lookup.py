"""Finds agents and guests at this relay and at others.

Merges this relay's directory (routing) with what all relays share (presence), and uses the
directory alone while Redis is unreachable.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from engine.core.errors import (
    AgentOfflineError,
    AmbiguousTargetError,
    LinkUnknownError,
    RelayDegradedError,
)
from engine.core.token_bucket import TokenBucket
from engine.relay.admission.auth import PeerRole
from engine.relay.cluster.routing import Directory, Peer, link_listing, listing

if TYPE_CHECKING:
    from engine.relay.cluster.presence import Entry, Presence
    from engine.wire.signaling import Offer

FORGET_SECONDS = 600.0
"""After this time a remote peer's acknowledgement is no longer expected."""
AWAY = "The agent {} is not connected to the relay"


class PresenceLookup:
    """``presence`` is None until ``share`` is called: the relay runs alone."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.presence: Presence | None = None
        # Peers of other relays that were called, and when: sid → relay, monotonic seconds.
        self._contacted: dict[str, tuple[str, float]] = {}

    def share(self, presence: Presence) -> None:
        """Use what all relays share, too."""
        self.presence = presence

    @property
    def degraded(self) -> bool:
        return self.presence is not None and not self.presence.up

    def relay_of(self, sid: str) -> str:
        """The other relay of a peer that was called; empty when unknown."""
        return self._contacted.get(sid, ("", 0.0))[0]

    def remember(self, peer: Peer) -> None:
        if peer.relay:
            self._contacted[peer.sid] = peer.relay, time.monotonic()

    def forget_silent(self) -> list[str]:
        """Forget remote peers that were not called for FORGET_SECONDS, and return their sids."""
        now = time.monotonic()
        old = [sid for sid, (_, at) in self._contacted.items() if now - at > FORGET_SECONDS]
        for sid in old:
            del self._contacted[sid]
        return old

    async def choose(self, guest: Peer, offer: Offer) -> Peer:
        """The agent that an offer is for. If the offer names one, it is never another.

        Raises AgentOfflineError, AmbiguousTargetError, TargetNotFoundError, LinkUnknownError,
        RelayDegradedError.
        """
        if not guest.link and not offer.agent_id:
            return await self._sharer(offer.device_id)
        named = offer.agent_id or ""
        found = await (self.of_link(guest.link) if guest.link else self.holder(named))
        if found is None or named not in ("", found.agent_id):
            self._check_degraded()
            raise AgentOfflineError(AWAY.format(named))
        return found

    async def _sharer(self, device_id: str) -> Peer:
        """The agent that shares a device, for an offer that names no agent."""
        found = {agent.agent_id: agent for agent in self.directory.sharing(device_id)}
        if self.presence is not None and self.presence.up:
            with contextlib.suppress(RelayDegradedError):
                others = await self.presence.agents_of_device(device_id)
                found |= {entry.agent_id: self._peer(entry) for entry in others}
        if len(found) > 1:
            raise AmbiguousTargetError(device_id)
        return next(iter(found.values())) if found else self.directory.lone(device_id)

    async def holder(self, agent_id: str) -> Peer | None:
        """The newest connection of an agent, at any relay."""
        local = self.directory.holder(agent_id)
        if self.presence is not None:
            try:
                entry = await self.presence.agent(agent_id)
            except RelayDegradedError:
                return local
            if entry is not None and (local is None or entry.sid != local.sid):
                return self._peer(entry)
        return local

    async def of_link(self, link_id: str) -> Peer:
        """The agent of a link. Raises LinkUnknownError, RelayDegradedError."""
        found = self.directory.of_link(link_id)
        if found is None and self.presence is not None:
            entry = await self.presence.agent_of_link(link_id)
            found = self._peer(entry) if entry else None
        if found is None or not link_listing(found, link_id):
            raise LinkUnknownError(
                "The relay does not know this link: it has ended, or its host is not connected"
            )
        return found

    async def link_access(self, link_id: str) -> str:
        """The key that checks a guest's proof of the link; "" once the link has ended.

        Raises LinkUnknownError, RelayDegradedError.
        """
        host = await self.of_link(link_id)
        return next((link.access or "" for link in host.links if link.id == link_id), "")

    async def listing(self, guest: Peer) -> list[dict[str, Any]]:
        """The targets that a guest may see."""
        if guest.link:
            return link_listing(await self.of_link(guest.link), guest.link)
        return await self.public_listing()

    async def public_listing(self) -> list[dict[str, Any]]:
        agents = {agent.agent_id: agent for agent in self.directory.all()}
        if self.presence is None:
            return listing(agents.values())
        try:
            others = await self.presence.listed()
        except RelayDegradedError:
            others = []
        merged = agents | {entry.agent_id: self._peer(entry) for entry in others}
        return listing(merged.values())

    def guest_at(self, sid: str, relay: str) -> Peer:
        """A guest of another relay, of which only the connection is known."""
        return _remote(sid, relay, PeerRole.GUEST)

    def _check_degraded(self) -> None:
        if self.degraded:
            raise RelayDegradedError(
                "This relay cannot reach the other relays at the moment; try again soon"
            )

    def _peer(self, entry: Entry) -> Peer:
        local = self.directory.holder(entry.agent_id)
        if local is not None and local.sid == entry.sid:
            return local
        return _remote(
            entry.sid,
            entry.relay,
            PeerRole.AGENT,
            agent_id=entry.agent_id,
            name=entry.name,
            targets=entry.targets,
            links=entry.links,
        )


def _remote(sid: str, relay: str, role: PeerRole, *, name: str = "", **shown: Any) -> Peer:
    loop = asyncio.get_running_loop()
    return Peer(
        sid=sid,
        role=role,
        name=name,
        address="",
        bucket=TokenBucket(1, 1),
        # Never done: this relay does not learn when a remote peer disconnects.
        gone=loop.create_future(),
        proven=loop.create_future(),
        relay=relay,
        **shown,
    )
