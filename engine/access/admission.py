"""Sharing with people: links, the host's approval, and what ends when a link is withdrawn.

Owns the question whether a session's terminal may start, and joins links to the
sessions opened with them. Does not own links' facts (engine.access.links), the open
questions (engine.access.approvals) or the decision on an offer (engine.access.policy).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from engine.access.approvals import ANSWER_SECONDS, Approvals, Question
from engine.access.links import Shares
from engine.access.policy import Policy
from engine.core import events as ev
from engine.core.errors import (
    AccessDeniedError,
    LinkUnknownError,
    SettingsError,
    TargetNotFoundError,
)
from engine.core.model import ASK, EndCode, Role, Share, ShareState, Target
from engine.core.settings import ShareSettings
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.wire import terminal as wire
from engine.wire.proof import Link, relay_access

EXPIRY_SECONDS = 60.0
"""The longest time between two looks whether a link has expired: clocks may be set."""


def parse_wish(wish: str) -> tuple[str, Role, bool]:
    """``NAME=control|view|ask`` as target, role and approval. Raises SettingsError."""
    target, equals, word = wish.rpartition("=")
    if not equals or not target or word not in (*Role, ASK):
        raise SettingsError("share.links", f"{wish!r} is not NAME=control, NAME=view or NAME=ask")
    if target == "*":
        raise SettingsError("share.links", "a link is for one target; name it instead of '*'")
    return (target, Role.CONTROL, True) if word == ASK else (target, Role(word), False)


class Sharing:
    """``base()`` is the address links begin with, known once the relay is."""

    def __init__(
        self,
        settings: ShareSettings,
        events: ev.EventBus,
        manager: WebRTCSessionManager,
        find_target: Callable[[str], Target],
        base: Callable[[], str],
        approval_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._settings = settings
        self._manager = manager
        self._find_target = find_target
        self._base = base
        self.shares = Shares(events)
        self.policy = Policy(self.shares)
        unattended = None if settings.unattended == "deny" else Role(settings.unattended)
        self.approvals = Approvals(events, unattended, approval_seconds)
        self._expiry: asyncio.TimerHandle | None = None
        self._unsubscribe = events.subscribe(self._on_event)

    def close(self) -> None:
        self._unsubscribe()
        if self._expiry is not None:
            self._expiry.cancel()

    def create_wished(self) -> None:
        """The links that the settings ask for."""
        for wish in self._settings.links:
            target, role, approval = parse_wish(wish)
            self.shares.create(
                target,
                role,
                approval=approval,
                seconds=self._settings.link_seconds or None,
                single_use=self._settings.single_use,
            )

    def url(self, share: Share) -> str:
        """The link to hand to a guest: it holds the secret."""
        return Link(self._base(), share.id, share.secret).url

    async def revoke(self, share_id: str) -> None:
        """Withdraw a link and end what was opened with it. Raises LinkUnknownError."""
        self.shares.revoke(share_id)
        ending = [s.id for s in self._manager.sessions() if s.guest.share == share_id]
        reason, code = "The host has withdrawn the link", EndCode.REMOVED_REVOKED
        await asyncio.gather(*(self._manager.close_session(one, reason, code) for one in ending))

    def decide(self, session_id: str, role: Role | None, *, remember: bool = False) -> bool:
        """Answer a waiting guest; False when nobody waits there any more.

        ``remember`` makes it hold for the link: later guests are not asked for,
        or, after a no, the link is withdrawn.
        """
        session = self._manager.get_session(session_id)
        if not self.approvals.decide(session_id, role):
            return False
        if remember and session is not None and session.guest.share:
            if role is None:
                self.shares.revoke(session.guest.share)
            else:
                self.shares.change(session.guest.share, role=role, approval=False)
        return True

    async def may_start(self, session: Session, target: Target) -> None:
        """Returns when the session's terminal may start. Raises AccessDeniedError.

        Asked for every terminal: ``connect_pty`` may name another target than the offer.
        """
        if session.guest.own:
            return
        if not session.guest.share:
            if not target.shared:
                raise AccessDeniedError(f"The host does not share {target.id}")
            return
        share = self.shares.find(session.guest.share)
        if share.revoked or share.target != target.id:
            raise AccessDeniedError(f"The link does not open {target.id}")
        if session.needs_approval:
            await self._ask(session, target)

    def registration(self) -> list[dict[str, Any]]:
        """The links as a relay is told of them: no secret in it.

        Ended ones as well: their holders come to us, and learn what became of them.
        """
        rows = []
        for share in self.shares.list():
            row = {"id": share.id, "target": share.target, "role": share.role.value}
            try:
                target = self._find_target(share.target)
                row |= {"kind": target.kind.value, "name": target.name, "state": target.state.value}
            except TargetNotFoundError:
                row |= {"name": share.target, "state": "absent"}
            if access := self._access(share):
                row["access"] = access
            rows.append({**row, "approval": share.approval})
        return rows

    def _access(self, share: Share) -> str:
        """By what a relay recognizes who may have its TURN; "" once the link has ended.

        A guest whose session lives may need TURN to come back to it, unless the link was
        revoked.
        """
        match share.state(time.time()):
            case ShareState.ACTIVE:
                return relay_access(share.secret)
            case ShareState.REVOKED:
                return ""
        lives = any(s.guest.share == share.id for s in self._manager.sessions())
        return relay_access(share.secret) if lives else ""

    def _watch_expiry(self) -> None:
        """Say that the links changed when the next one expires: the relay is to know."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        ends = [share.expires_at for share in self.shares.active() if share.expires_at]
        # Links may be made before there is a loop; the next event finds one.
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if ends:
                self._expiry = loop.call_later(
                    min(EXPIRY_SECONDS, max(0.0, min(ends) - time.time())),
                    self._look_for_expired,
                    len(ends),
                )

    def _look_for_expired(self, before: int) -> None:
        if sum(1 for share in self.shares.active() if share.expires_at) < before:
            self.shares.publish()
        else:
            self._watch_expiry()

    async def _ask(self, session: Session, target: Target) -> None:
        question = Question(session.id, target.id, session.guest, session.role, session.code)
        _tell(session, wire.Approval("waiting"))
        try:
            role = await self.approvals.ask(question)
        except AccessDeniedError as error:
            _tell(session, wire.Approval("denied"))
            self._manager.end_soon(session.id, str(error))
            raise
        session.needs_approval = False
        _tell(session, wire.Approval("allowed"))
        if role is not session.role:
            session.role = role
            _tell(session, wire.RoleChanged(role))

    def _on_event(self, event: ev.Event) -> None:
        match event:
            # A use of a link is a shell that ran: not a refusal, a denial or a lost connection.
            case ev.PtyConnected():
                self.shares.began(event.session_id)
            case ev.OfferRefused() if self._manager.get_session(event.session_id) is None:
                self.shares.release(event.session_id)
            case ev.SharesChanged():
                self._watch_expiry()
            case ev.SessionCreated():
                self._used(event.guest.share)
            case ev.SessionClosed():
                self.shares.release(event.session_id)
                self._used(event.share)

    def _used(self, share_id: str) -> None:
        """Whether an ended link's guests may have TURN hangs on its sessions."""
        with contextlib.suppress(LinkUnknownError):
            if share_id and self.shares.find(share_id).state(time.time()) is not ShareState.ACTIVE:
                self.shares.publish()


def _tell(session: Session, message: wire.AgentMessage) -> None:
    """Only where the guest knows more than the plain dialect."""
    if session.channel is not None and session.channel.is_v1:
        session.channel.post(message)
