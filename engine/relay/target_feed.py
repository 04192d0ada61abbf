"""The list of targets, pushed to the guests who have the guest token whenever it changes.

Owns who subscribed and which list they have. Does not own the list (cluster.lookup) or the
connections: ``publish`` sends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.relay.cluster.lookup import PresenceLookup

PUBLISH_SECONDS = 0.1
"""The least time between two lists pushed to guests."""
POLL_SECONDS = 3.0
"""The same with other relays, whose changes are polled for."""


class TargetFeed:
    """Many changes at once are pushed as one list."""

    def __init__(
        self, lookup: PresenceLookup, publish: Callable[[list[dict[str, Any]]], Awaitable[None]]
    ) -> None:
        self._lookup = lookup
        self._publish = publish
        self._changed = asyncio.Event()
        self._subscribers: set[str] = set()
        self._published: list[dict[str, Any]] = []

    def changed(self) -> None:
        """This relay's own agents, targets or links changed."""
        self._changed.set()

    async def subscribe(self, sid: str) -> None:
        if not self._subscribers:
            # A new guest asks for the list itself; the feed sends it later changes.
            self._published = await self._lookup.public_listing()
        self._subscribers.add(sid)

    def unsubscribe(self, sid: str) -> None:
        self._subscribers.discard(sid)

    async def run(self) -> None:
        """Runs until cancelled."""
        alone = self._lookup.presence is None
        # A run before may have died with a change not yet pushed.
        self._changed.set()
        while True:
            if alone:
                await self._changed.wait()
            self._changed.clear()
            if self._subscribers:
                listing = await self._lookup.public_listing()
                if listing != self._published:
                    await self._publish(listing)
                    self._published = listing
            await asyncio.sleep(PUBLISH_SECONDS if alone else POLL_SECONDS)
