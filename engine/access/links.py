"""The links of this host: creates, lists, suspends and revokes them, and counts their uses.

Links are stored in memory; engine.access.kept_links has those that outlive the program. What a
link opens is decided in engine.access.decide; engine.access.admission ends its sessions when it
is revoked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.access.decide import LinkFacts
from engine.core.errors import LimitError, LinkUnknownError
from engine.core.events import EventBus, SharesChanged
from engine.core.model import Role, Share
from engine.wire import proof
from engine.wire.signaling import MAX_LINKS

MAX_ACTIVE = 1000
"""Links that may be active or suspended at once."""
MAX_ENDED = MAX_LINKS - MAX_ACTIVE
"""Ended links stored, so that late guests learn why their link ended."""


class Links:
    """All links of one agent, by id."""

    def __init__(self, events: EventBus, clock: Callable[[], float] = time.time) -> None:
        self._events = events
        self._clock = clock
        self._links: dict[str, Share] = {}
        self._unstarted: dict[str, str] = {}
        """Session id → link, for uses whose shell has not started: release() returns them."""

    def create(
        self,
        target: str,
        role: Role = Role.CONTROL,
        *,
        approval: bool = False,
        seconds: float | None = None,
        single_use: bool = False,
        kept: bool = False,
        ref: str = "",
        shell: str = "",
        record: bool = False,
    ) -> Share:
        """A new link, for ``seconds`` or until it is revoked. Raises LimitError.

        ``kept``, ``ref``, ``shell``, ``record``: see Share. Raises ValueError for a join link to
        be kept.
        """
        if shell and kept:
            raise ValueError("A link that joins a shell ends with it and cannot be kept")
        if len(self.active()) >= MAX_ACTIVE:
            raise LimitError(f"There are already {MAX_ACTIVE} links; revoke some first")
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
            kept=kept,
            ref=ref,
            shell=shell,
            record=record,
        )
        self._drop_oldest_ended()
        self._put(link)
        return link

    def restore(self, links: Iterable[Share]) -> None:
        """Add links of an earlier run, before those of this one."""
        restored = {link.id: link for link in links}
        if restored:
            self._links = restored | self._links
            self.publish()

    def list(self) -> tuple[Share, ...]:
        """Oldest first, ended ones too for a while."""
        return tuple(self._links.values())

    def active(self) -> tuple[Share, ...]:
        """Those that are not over, suspended ones too."""
        now = self._clock()
        return tuple(s for s in self._links.values() if not s.state(now).is_over)

    def of_shell(self, shell_id: str) -> tuple[Share, ...]:
        """The links that join a shell, oldest first, ended ones too."""
        return tuple(link for link in self._links.values() if shell_id and link.shell == shell_id)

    def find(self, link_id: str) -> Share:
        """Raises LinkUnknownError."""
        link = self._links.get(link_id)
        if link is None:
            raise LinkUnknownError("The host does not know this link")
        return link

    def records(self, link_id: str) -> bool:
        """Whether shells that the link opens are recorded; False for an unknown link."""
        link = self._links.get(link_id)
        return link is not None and link.record

    def revoke(self, link_id: str) -> None:
        """Revoke: no new session begins with it. Raises LinkUnknownError."""
        self._put(replace(self.find(link_id), revoked=True))

    def shell_ended(self, shell_id: str) -> None:
        """A shell has ended, and with it all links that join it."""
        self._put_all(replace(s, shell_ended=True) for s in self.of_shell(shell_id))

    @property
    def suspended(self) -> bool:
        """Whether a link is suspended, so that resume_all() changes something."""
        return any(link.suspended for link in self.active())

    def suspend_all(self) -> None:
        """Let nobody new in with any of the present links until resume_all().

        Who is in stays, and may return. A suspended link that is kept stays suspended after a
        restart. Links created meanwhile work.
        """
        self._put_all(replace(s, suspended=True) for s in self.active())

    def resume_all(self) -> None:
        """Undo suspend() and suspend_all()."""
        self._put_all(replace(s, suspended=False) for s in self._links.values())

    def suspend(self, link_id: str, suspended: bool = True) -> None:
        """Suspend one link, or with False undo it. Raises LinkUnknownError."""
        self._put_all([replace(self.find(link_id), suspended=suspended)])

    def change(self, link_id: str, *, role: Role | None, approval: bool) -> None:
        """Change role and approval for later guests. Raises LinkUnknownError."""
        link = self.find(link_id)
        self._put(replace(link, role=role or link.role, approval=approval))

    def facts(self, link_id: str) -> LinkFacts | None:
        """The current facts for a decision; None for an unknown link."""
        link = self._links.get(link_id)
        return LinkFacts.of(link, self._clock()) if link is not None else None

    def use(self, link_id: str, session_id: str) -> None:
        """Count a use by a session. Raises LinkUnknownError.

        ``release`` undoes it unless ``started`` was called for the session.
        """
        link = self.find(link_id)
        self._unstarted[session_id] = link_id
        self._put(replace(link, uses=link.uses + 1, used_by=session_id))

    def started(self, session_id: str) -> None:
        """The session's shell runs: its use of the link is final."""
        self._unstarted.pop(session_id, None)

    def release(self, session_id: str) -> None:
        """The session is over. If its shell never ran, its use is undone."""
        link = self._links.get(self._unstarted.pop(session_id, ""))
        if link is not None:
            used_by = "" if link.used_by == session_id else link.used_by
            self._put(replace(link, uses=link.uses - 1, used_by=used_by))

    def publish(self) -> None:
        """Publish all links, after any of them changed."""
        self._events.publish(SharesChanged(shares=self.list()))

    def _put(self, link: Share) -> None:
        self._links[link.id] = link
        self.publish()

    def _put_all(self, links: Iterable[Share]) -> None:
        """Publish once, and only if something changes."""
        changed = {link.id: link for link in links if link != self._links[link.id]}
        if changed:
            self._links |= changed
            self.publish()

    def _drop_oldest_ended(self) -> None:
        now = self._clock()
        ended = [s.id for s in self._links.values() if s.state(now).is_over]
        for link_id in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._links[link_id]
