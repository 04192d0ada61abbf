"""Where an agent or a guest is: at this relay, or at another one.

Owns joining this relay's own knowledge (routing) with what all relays share
(presence), and going on with the first alone while Redis is away. Does not own
either, or any message.
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
from engine.relay.admission.auth import PeerRole
from engine.relay.admission.limits import TokenBucket
from engine.relay.cluster.routing import Directory, Peer, link_listing, listing

if TYPE_CHECKING:
    from engine.relay.cluster.presence import Entry, Presence
    from engine.wire.signaling import Offer

FORGET_SECONDS = 600.0
"""After which an acknowledgement of a peer of another relay is not waited for any more."""
AWAY = "The agent {} is not connected to the relay"


class PresenceLookup:
    """``presence`` is None for a relay that stands alone: until ``share`` is called."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.presence: Presence | None = None
        # Peers of other relays that were called, and when: sid → relay, monotonic seconds.
        self._contacted: dict[str, tuple[str, float]] = {}

    def share(self, presence: Presence) -> None:
        """Look in what all relays know, too."""
        self.presence = presence

    @property
    def degraded(self) -> bool:
        return self.presence is not None and not self.presence.up

    def relay_of(self, sid: str) -> str:
        """The other relay at which a peer that was called is; empty when unknown."""
        return self._contacted.get(sid, ("", 0.0))[0]

    def remember(self, peer: Peer) -> None:
        if peer.relay:
            self._contacted[peer.sid] = peer.relay, time.monotonic()

    def forget_silent(self) -> list[str]:
        """Forget peers not called for FORGET_SECONDS; their sids."""
        now = time.monotonic()
        old = [sid for sid, (_, at) in self._contacted.items() if now - at > FORGET_SECONDS]
        for sid in old:
            del self._contacted[sid]
        return old

    async def choose(self, guest: Peer, offer: Offer) -> Peer:
        """The agent an offer is for: the one it names, never another one.

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
        """The agent that shares a device, for a guest that knows nothing but its name."""
        found = {agent.agent_id: agent for agent in self.directory.sharing(device_id)}
        if self.presence is not None and self.presence.up:
            with contextlib.suppress(RelayDegradedError):
                others = await self.presence.agents_of_device(device_id)
                found |= {entry.agent_id: self._peer(entry) for entry in others}
        if len(found) > 1:
            raise AmbiguousTargetError(device_id)
        return next(iter(found.values())) if found else self.directory.lone(device_id)

    async def holder(self, agent_id: str) -> Peer | None:
        """The newest connection of an agent, wherever it is."""
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
        """Raises LinkUnknownError, RelayDegradedError."""
        found = self.directory.of_link(link_id)
        if found is None and self.presence is not None:
            entry = await self.presence.agent_of_link(link_id)
            found = self._peer(entry) if entry else None
        if found is None or not link_listing(found, link_id):
            raise LinkUnknownError(
                "This link is not known here: it has ended, or its host is not connected"
            )
        return found

    async def link_access(self, link_id: str) -> str:
        """What recognizes a guest who holds the link's secret; "" once the link has ended.

        Raises LinkUnknownError, RelayDegradedError.
        """
        host = await self.of_link(link_id)
        return next((link.access or "" for link in host.links if link.id == link_id), "")

    async def listing(self, guest: Peer) -> list[dict[str, Any]]:
        """What a guest may be shown."""
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
        """A guest of another relay, whom only its connection names."""
        return _remote(sid, relay, PeerRole.GUEST)

    def _check_degraded(self) -> None:
        if self.degraded:
            raise RelayDegradedError(
                "This relay cannot reach the others at the moment; try again soon"
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
        # Nobody here learns when it goes: answers are waited for, for a while.
        gone=loop.create_future(),
        proven=loop.create_future(),
        relay=relay,
        **shown,
    )
