"""The links of this host: making, listing, revoking, and counting their uses.

Owns every link's facts, uses and secret, in memory: links end with the program. Does not own
what a link opens (engine.access.decide), who holds it (engine.access.authentication) or the
sessions opened with it (engine.access.admission ends them when it is revoked).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from engine.access.decide import LinkFacts
from engine.core.errors import LimitError, LinkUnknownError
from engine.core.events import EventBus, SharesChanged
from engine.core.model import Role, Share, ShareState
from engine.wire import proof
from engine.wire.signaling import MAX_LINKS

MAX_ACTIVE = 1000
"""Links that may be active at once."""
MAX_ENDED = MAX_LINKS - MAX_ACTIVE
"""Ended links stored, so that late guests learn what became of theirs."""


class Links:
    """All links of one agent, by id."""

    def __init__(self, events: EventBus, clock: Callable[[], float] = time.time) -> None:
        self._events = events
        self._clock = clock
        self._links: dict[str, Share] = {}
        self._unbegun: dict[str, str] = {}
        """Session id → link, for uses whose shell has not started: each can be given back."""

    def create(
        self,
        target: str,
        role: Role = Role.CONTROL,
        *,
        approval: bool = False,
        seconds: float | None = None,
        single_use: bool = False,
    ) -> Share:
        """A new link, for ``seconds`` or until it is revoked. Raises LimitError."""
        if len(self.active()) >= MAX_ACTIVE:
            raise LimitError(f"There are {MAX_ACTIVE} links already; revoke some first")
        now = self._clock()
        link = Share(
            id=secrets.token_urlsafe(proof.ID_BYTES),
            target=target,
            role=role,
            secret=secrets.token_bytes(proof.SECRET_BYTES),
            created_at=now,
            approval=approval,
            expires_at=None if seconds is None else now + seconds,
            single_use=single_use,
        )
        self._forget_ended()
        self._put(link)
        return link

    def list(self) -> tuple[Share, ...]:
        """Oldest first, ended ones too for a while."""
        return tuple(self._links.values())

    def active(self) -> tuple[Share, ...]:
        now = self._clock()
        return tuple(s for s in self._links.values() if s.state(now) is ShareState.ACTIVE)

    def find(self, link_id: str) -> Share:
        """Raises LinkUnknownError."""
        link = self._links.get(link_id)
        if link is None:
            raise LinkUnknownError("The host knows no such link")
        return link

    def revoke(self, link_id: str) -> None:
        """No session begins with it any more. Raises LinkUnknownError."""
        self._put(replace(self.find(link_id), revoked=True))

    def change(self, link_id: str, *, role: Role | None, approval: bool) -> None:
        """What later guests of the link get. Raises LinkUnknownError."""
        link = self.find(link_id)
        self._put(replace(link, role=role or link.role, approval=approval))

    def facts(self, link_id: str) -> LinkFacts | None:
        """The link as it is now, to decide by; None when nobody knows it."""
        link = self._links.get(link_id)
        return LinkFacts.of(link, self._clock()) if link is not None else None

    def use(self, link_id: str, session_id: str) -> None:
        """A session was opened with the link. Raises LinkUnknownError.

        That is given back by ``release`` until ``began`` says that the shell runs.
        """
        link = self.find(link_id)
        self._unbegun[session_id] = link_id
        self._put(replace(link, uses=link.uses + 1, used_by=session_id))

    def began(self, session_id: str) -> None:
        """The shell of that session runs: its use of the link counts for good."""
        self._unbegun.pop(session_id, None)

    def release(self, session_id: str) -> None:
        """That session is over. If its shell never ran, the link has one use more again."""
        link = self._links.get(self._unbegun.pop(session_id, ""))
        if link is not None:
            used_by = "" if link.used_by == session_id else link.used_by
            self._put(replace(link, uses=link.uses - 1, used_by=used_by))

    def publish(self) -> None:
        """Publish all links: one of them changed, or what may be done with it did."""
        self._events.publish(SharesChanged(shares=self.list()))

    def _put(self, link: Share) -> None:
        self._links[link.id] = link
        self.publish()

    def _forget_ended(self) -> None:
        now = self._clock()
        ended = [s.id for s in self._links.values() if s.state(now) is not ShareState.ACTIVE]
        for link_id in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._links[link_id]
