"""Admits guests: connects links, the host's approvals and the sessions opened with links.

The links are in engine.access.links, open approvals in engine.access.approvals, decisions in
engine.access.decide.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from engine.access.approvals import ANSWER_SECONDS, Approvals, Question
from engine.access.authentication import Authenticator
from engine.access.decide import (
    Action,
    Allow,
    Kind,
    Resource,
    SessionFacts,
    ShellFacts,
    Subject,
    decide,
    require,
)
from engine.access.guests import Guests
from engine.access.kept_links import KeptLinks
from engine.access.links import Links
from engine.access.returns import Returns
from engine.core import events as ev
from engine.core.errors import (
    AccessDeniedError,
    LinkUnknownError,
    SessionLimitError,
    SettingsError,
    ShellEndedError,
    TargetNotFoundError,
)
from engine.core.model import ASK, AfterRemoval, EndCode, Guest, Role, Share, ShareState, Target
from engine.core.settings import ShareSettings
from engine.wire.proof import Link, relay_access

EXPIRY_SECONDS = 60.0
"""The longest time between two expiry checks: the wall clock may be set."""

_MIGHT = (Role.VIEW, Role.CONTROL)
"""From the role that may do least."""

REVOKED = "The host has revoked the link", EndCode.REMOVED_REVOKED
"""Why a session of a revoked link ends, for people and on the wire."""


REMOVED = "The host has removed you"


class AdmittedSession(Protocol):
    """What admission needs from one session. The methods report what happened to its guest."""

    @property
    def id(self) -> str: ...

    @property
    def guest(self) -> Guest: ...

    @property
    def code(self) -> str:
        """The short code that both ends show."""

    def facts(self) -> SessionFacts: ...

    def waits_for_approval(self) -> None: ...
    def admitted(self, role: Role) -> None: ...
    def refused(self, reason: str) -> None:
        """The host did not admit the guest: the session ends."""


class SessionRegistry(Protocol):
    """What admission needs from the session manager."""

    def sessions(self) -> Iterable[AdmittedSession]: ...
    def get_session(self, session_id: str) -> AdmittedSession | None: ...
    async def close_session(self, session_id: str, reason: str, code: EndCode) -> bool: ...
    def end_soon(self, session_id: str, reason: str, code: EndCode) -> None: ...


def parse_request(text: str) -> tuple[str, Role, bool]:
    """``NAME=control|view|ask`` as target, role and approval. Raises SettingsError."""
    target, equals, word = text.rpartition("=")
    if not equals or not target or word not in (*Role, ASK):
        raise SettingsError("share.links", f"{text!r} is not NAME=control, NAME=view or NAME=ask")
    if target == "*":
        raise SettingsError("share.links", "a link is for one target; name it instead of '*'")
    return (target, Role.CONTROL, True) if word == ASK else (target, Role(word), False)


class Admission:
    """``base()`` returns the base URL of links, known once the relay's URL is.

    ``kept`` is the file of links that outlive the program; without one none do. ``guests`` are
    those that the host removed or remembered; without them none were.
    """

    def __init__(
        self,
        settings: ShareSettings,
        events: ev.EventBus,
        sessions: SessionRegistry,
        find_target: Callable[[str], Target],
        base: Callable[[], str],
        approval_seconds: float = ANSWER_SECONDS,
        kept: KeptLinks | None = None,
        guests: Guests | None = None,
        returns: Returns | None = None,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._find_target = find_target
        self._base = base
        self._kept = kept
        self._port = 0
        self.links = Links(events)
        self.guests = guests or Guests()
        self.returns = returns or Returns()
        self.authenticator = Authenticator(self.links, self.guests.is_refused)
        unattended = None if settings.unattended == "deny" else Role(settings.unattended)
        self.approvals = Approvals(events, unattended, approval_seconds)
        self._compared: set[str] = set()
        """Ids of sessions; see is_shielded()."""
        self._expiry: asyncio.TimerHandle | None = None
        self._unsubscribe = events.subscribe(self._on_event)

    async def close(self) -> None:
        """Call it once all sessions have ended: until then uses may be given back."""
        self._unsubscribe()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._kept is not None:
            await self._kept.close()
        await self.guests.close()

    async def restore(self) -> int:
        """Restore the kept links, and whom the host removed or remembered.

        Returns the built-in relay's port in the URLs of those links, or 0.
        """
        await asyncio.to_thread(self.guests.restore)
        if self._kept is None:
            return 0
        self.links.restore(await self._kept.load(time.time()))
        return self._kept.port

    def relay_listens(self, port: int) -> None:
        """The built-in relay has this port: it is in the URLs of links created from now on."""
        self._port = port

    async def create_kept(
        self,
        target: str,
        role: Role = Role.CONTROL,
        *,
        approval: bool = False,
        seconds: float | None = None,
        single_use: bool = False,
        by_name: bool = False,
        record: bool = False,
    ) -> Share:
        """A new link that outlives the program; it is on disk when this returns.

        It opens the container that has the name now, and no later one; ``by_name``: whichever
        container has the name. ``record``: see Share. Raises LimitError, TargetNotFoundError,
        and SettingsError when links cannot be kept.
        """
        if self._kept is None:
            raise SettingsError("share", "links cannot be kept without a configuration folder")
        ref = self._find_target(target).ref
        self.links.restore(await self._kept.open(time.time()))
        link = self.links.create(
            target,
            role,
            approval=approval,
            seconds=seconds,
            single_use=single_use,
            kept=True,
            ref="" if by_name else ref,
            record=record,
        )
        if not await self._kept.flush():
            self.links.revoke(link.id)
            raise SettingsError("links", "cannot be kept: the log says why")
        return link

    def ref_of(self, target: str) -> str:
        """Target.ref of the container that has the name now; "" when none has it yet."""
        found = look_up(self._find_target, target)
        return "" if found is None else found.ref

    def create_requested(self) -> None:
        """Create the links that the settings request."""
        for text in self._settings.links:
            target, role, approval = parse_request(text)
            self.links.create(
                target,
                role,
                approval=approval,
                seconds=self._settings.link_seconds or None,
                single_use=self._settings.single_use,
            )

    def url(self, share: Share) -> str:
        """The URL for a guest: it holds the secret."""
        return Link(self._base(), share.id, share.secret).url

    async def revoke(self, link_id: str) -> None:
        """Revoke a link and end what was opened with it. Raises LinkUnknownError.

        A kept link is removed from the disk when this returns.
        """
        ending = self._revoke(link_id)
        await asyncio.gather(*(self._sessions.close_session(one, *REVOKED) for one in ending))
        if self._kept is not None:
            await self._kept.flush()

    def _revoke(self, link_id: str, denied: str = "") -> list[str]:
        """Revoke a link, and begin to end its sessions but the ``denied`` one; their ids."""
        self.links.revoke(link_id)
        self.returns.link_revoked(link_id)
        sessions = (s for s in self._sessions.sessions() if s.guest.share == link_id)
        ending = [session.id for session in sessions if session.id != denied]
        for session_id in ending:
            self._sessions.end_soon(session_id, *REVOKED)
        return ending

    def answer(self, session_id: str, role: Role | None, *, remember: bool = False) -> bool:
        """Admit a waiting guest as ``role``, or deny with None; False when no guest waits.

        ``remember``: the host is not asked about this guest again, in this target. It applies
        to the link where the guest has no identity: then the host is not asked about anybody.
        After a denial the link is revoked, and what was opened with it ends.
        """
        question = next((q for q in self.approvals.pending() if q.session_id == session_id), None)
        if question is None or not self.approvals.decide(session_id, role):
            return False
        if role is not None and question.code:
            self._compared.add(session_id)
        if not remember:
            return True
        guest = question.guest
        if role is None:
            if guest.share:
                self._revoke(guest.share, denied=session_id)
        elif (
            not self.guests.remember(guest, question.target, role, compared=bool(question.code))
            and guest.share
        ):
            self.links.change(guest.share, role=role, approval=False)
        return True

    def is_shielded(self, session_id: str) -> bool:
        """Whether the host allowed this guest where it could compare the short code: now, or
        when the guest was remembered."""
        return session_id in self._compared

    async def remove(self, session_id: str, then: AfterRemoval) -> bool:
        """Remove a guest: refuse it for good, end its session, and void its way back.

        Its link is revoked or needs approval from now on, or its address is refused for a
        while. Returns when the session is closed and what outlives the program is on disk.
        False when there is no such session, or it is this app's own.
        """
        session = self._sessions.get_session(session_id)
        if session is None or session.guest.own:
            return False
        guest, code = session.guest, EndCode.REMOVED
        self.guests.remove(guest)
        self.returns.session_removed(session_id)
        if then is AfterRemoval.ADDRESS:
            self.guests.refuse_address(guest.address)
        with contextlib.suppress(LinkUnknownError):
            if guest.share and then is AfterRemoval.REVOKE:
                self._revoke(guest.share, denied=session_id)
                code = EndCode.REMOVED_REVOKED
            elif guest.share and then is AfterRemoval.ASK:
                self.links.change(guest.share, role=None, approval=True)
                code = EndCode.REMOVED_ASKS
        await self._sessions.close_session(session_id, REMOVED, code)
        await self.guests.flush()
        if self._kept is not None:
            await self._kept.flush()
        return True

    def shell_ended(self, shell_id: str) -> None:
        """The links that join the shell, and the tokens of its participants, end with it."""
        self.links.shell_ended(shell_id)
        self.returns.shell_ended(shell_id)

    async def connect(self, session: AdmittedSession, device_id: str) -> Target:
        """Wait until a terminal of the session may start; returns its target.

        Called for every terminal: ``connect_pty`` may name another target than the offer.
        Raises TargetError, AccessDeniedError, or PTYClosedError when the session is closed.
        """
        allow, target = self._decide_connect(session, device_id)
        if allow.approval:
            await self._ask(session, device_id)
            # Much may have changed while the host decided.
            allow, target = self._decide_connect(session, device_id)
        if self._kept is not None and session.guest.share:
            # A use is on disk before its shell starts: a crash does not undo it.
            await self._kept.flush()
        return target

    async def attach(
        self, session: AdmittedSession, find_shell: Callable[[], ShellFacts | None]
    ) -> Allow:
        """Wait until the session may become a participant of the shell that its link joins.

        ``find_shell`` returns that shell's facts at the moment, None once it is gone. Its use of
        the link is final when this returns: attach it at once, or the facts may have changed.
        Raises ShellEndedError, SessionLimitError, AccessDeniedError, or PTYClosedError when the
        session is closed.
        """
        allow, shell = self._decide_attach(session, find_shell)
        if allow.approval:
            await self._ask(session, shell.target, shell.id)
            allow, _ = self._decide_attach(session, find_shell)
        self.links.started(session.id)
        return allow

    def _subject(self, session: AdmittedSession, facts: SessionFacts) -> Subject:
        link = self.links.facts(facts.link_id) if facts.kind is Kind.LINK else None
        return Subject(facts.kind, link, blocked=self.guests.is_refused(session.guest))

    def _decide_connect(self, session: AdmittedSession, device_id: str) -> tuple[Allow, Target]:
        facts = session.facts()
        target = look_up(self._find_target, device_id)
        resource = Resource(device_id, target, facts)
        allow = require(decide(self._subject(session, facts), Action.CONNECT, resource))
        if target is None:
            raise TargetNotFoundError(device_id)
        return allow, target

    def _decide_attach(
        self, session: AdmittedSession, find_shell: Callable[[], ShellFacts | None]
    ) -> tuple[Allow, ShellFacts]:
        facts, shell = session.facts(), find_shell()
        resource = Resource(facts.target, session=facts, shell=shell)
        allow = require(decide(self._subject(session, facts), Action.ATTACH, resource))
        if shell is None:
            raise ShellEndedError
        return allow, shell

    async def _ask(self, session: AdmittedSession, device_id: str, shell_id: str = "") -> None:
        role = session.facts().role
        known = self.guests.find(session.guest, device_id)
        if known is not None:
            if known.compared:
                self._compared.add(session.id)
            session.admitted(min(role, known.role, key=_MIGHT.index))
            return
        question = Question(session.id, device_id, session.guest, role, session.code, shell_id)
        session.waits_for_approval()
        try:
            role = await self.approvals.ask(question)
        except (AccessDeniedError, SessionLimitError) as error:
            session.refused(str(error))
            raise
        session.admitted(role)

    def registration(self) -> list[dict[str, Any]]:
        """The links as a relay gets them, without their secrets.

        Ended ones are included: their holders still reach us and learn why the link ended.
        """
        rows = []
        for link in self.links.list():
            row = {"id": link.id, "target": link.target, "role": link.role.value}
            target = look_up(self._find_target, link.target)
            if target is None or not link.is_for(target):
                row |= {"name": link.target, "state": "absent"}
            else:
                row |= {"kind": target.kind.value, "name": target.name, "state": target.state.value}
            if access := self._relay_access(link):
                row["access"] = access
            rows.append({**row, "approval": link.approval})
        return rows

    def _relay_access(self, link: Share) -> str:
        """What a relay checks before it gives TURN credentials; "" once the link has ended.

        Unless the link was revoked, a guest with a live session may need TURN to return to it.
        """
        state = link.state(time.time())
        if not state.is_over:
            return relay_access(link.secret)
        if state is ShareState.REVOKED:
            return ""
        lives = any(s.guest.share == link.id for s in self._sessions.sessions())
        return relay_access(link.secret) if lives else ""

    def _watch_expiry(self) -> None:
        """Schedule publishing the links when the next one expires, for the relay."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        ends = [link.expires_at for link in self.links.active() if link.expires_at]
        # Links may be created before the loop runs; the next event finds it.
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if ends:
                self._expiry = loop.call_later(
                    min(EXPIRY_SECONDS, max(0.0, min(ends) - time.time())),
                    self._check_expiry,
                    len(ends),
                )

    def _check_expiry(self, before: int) -> None:
        if sum(1 for link in self.links.active() if link.expires_at) < before:
            self.links.publish()
        else:
            self._watch_expiry()

    def _on_event(self, event: ev.Event) -> None:
        match event:
            # A link is used when a shell runs, not by a denial or a lost connection.
            case ev.PtyConnected():
                self.links.started(event.session_id)
            case ev.SharesChanged():
                self._watch_expiry()
                if self._kept is not None:
                    self._kept.save(event.shares, time.time(), self._port)
            case ev.ShellEnded():
                self.shell_ended(event.shell.id)
            case ev.SessionCreated():
                self._publish_if_ended(event.guest.share)
            case ev.SessionClosed():
                self.links.release(event.session_id)
                self._compared.discard(event.session_id)
                self._publish_if_ended(event.share)

    def _publish_if_ended(self, link_id: str) -> None:
        """Publish an ended link's change: its guests' TURN access depends on its sessions."""
        with contextlib.suppress(LinkUnknownError):
            if link_id and self.links.find(link_id).state(time.time()).is_over:
                self.links.publish()


def look_up(find_target: Callable[[str], Target], device_id: str) -> Target | None:
    """The target with that id, or None."""
    try:
        return find_target(device_id)
    except TargetNotFoundError:
        return None
