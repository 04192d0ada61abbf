"""Pushes the list of targets to guests with the guest token whenever it changes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.relay.cluster.lookup import PresenceLookup

PUBLISH_SECONDS = 0.1
"""The shortest time between two lists pushed to guests."""
BYTES_PER_SECOND = 1_000_000
"""Of lists pushed to all guests together. After a list that takes more than its share, the next
one waits: an agent that changes its targets all the time must not make the relay a multiplier."""
MOST_SECONDS = 30.0
"""The longest pause for that."""
POLL_SECONDS = 3.0
"""The same when there are other relays, whose changes are polled."""


class TargetFeed:
    """The subscribers and the list they have. Changes in quick succession are pushed as one.

    ``publish`` sends a list to all subscribers.
    """

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
            # A new guest requests the list itself; the feed sends later changes.
            self._published = await self._lookup.public_listing()
        self._subscribers.add(sid)

    def unsubscribe(self, sid: str) -> None:
        self._subscribers.discard(sid)

    async def run(self) -> None:
        """Runs until cancelled."""
        alone = self._lookup.presence is None
        # A previous run may have failed before it pushed a change.
        self._changed.set()
        while True:
            if alone:
                await self._changed.wait()
            self._changed.clear()
            pause = PUBLISH_SECONDS if alone else POLL_SECONDS
            if self._subscribers:
                listing = await self._lookup.public_listing()
                if listing != self._published:
                    await self._publish(listing)
                    self._published = listing
                    sent = len(json.dumps(listing)) * len(self._subscribers)
                    pause = max(pause, min(MOST_SECONDS, sent / BYTES_PER_SECOND))
            await asyncio.sleep(pause)
