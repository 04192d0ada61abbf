"""Who may do what, and why not: ``decide()`` makes every access decision.

It is pure: all facts, including counts and link states, are passed in as frozen values.
Before it, proofs are checked and nonces used (engine.access.authentication returns the
subject), ids are looked up and sessions counted. After it, the host is asked if
``Allow.approval`` says so (engine.access.admission), a link's use is counted, and decisions
needed for every byte are cached (engine.shells.bridge).

Each action has a list of questions. They are asked in that order, and the first denial is
what the guest reads.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.core.errors import (
    AccessDeniedError,
    BadRequestError,
    HatchwayError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUnknownError,
    LinkUsedError,
    PTYClosedError,
    SessionExistsError,
    SessionLimitError,
    TargetNotFoundError,
    TargetNotRunningError,
)
from engine.core.model import Guest, Role, Share, ShareState, Target, TargetState


class Action(enum.StrEnum):
    OPEN = "open"
    """Open a session in a target, by an offer with a new session id."""
    RETURN = "return"
    """Return to a session, by an offer with its id."""
    CONNECT = "connect"
    """Start a terminal in a target, within a session: the offered target or another one."""
    WRITE = "write"
    """Type into the session's terminal."""
    RESIZE = "resize"
    """Change the size of the session's terminal."""


class Kind(enum.StrEnum):
    OWN = "own"
    """This app itself, proven with a secret that never leaves the process."""
    LINK = "link"
    """A guest who proved to hold a link's secret."""
    GUEST = "guest"
    """Anybody else that the relay admitted."""

    @classmethod
    def of(cls, guest: Guest) -> Kind:
        if guest.own:
            return cls.OWN
        return cls.LINK if guest.share else cls.GUEST


class Token(enum.StrEnum):
    """The resume token of an offer, compared with the session's."""

    ABSENT = "absent"
    WRONG = "wrong"
    RIGHT = "right"


class Approval(enum.StrEnum):
    """Whether the host has to approve a session's guest."""

    NOT_NEEDED = "not needed"
    NEEDED = "needed"
    """Not given yet: the guest waits."""
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link at one moment. It opens only ``target``, with at most ``role``.

    ``ref``: the one container it opens (Target.ref); "" means whatever has the name.
    """

    id: str
    target: str
    role: Role
    approval: bool
    state: ShareState
    ref: str = ""

    @classmethod
    def of(cls, link: Share, now: float) -> LinkFacts:
        """``now`` in seconds since the epoch."""
        return cls(link.id, link.target, link.role, link.approval, link.state(now), link.ref)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who makes a request, as far as proven. Kind LINK without ``link``: an unknown link."""

    kind: Kind = Kind.GUEST
    link: LinkFacts | None = None
    token: Token = Token.ABSENT

    @property
    def link_id(self) -> str:
        return self.link.id if self.link is not None else ""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session at one moment: who opened it, its target, and the role the host granted."""

    id: str
    target: str
    kind: Kind
    link_id: str = ""
    role: Role = Role.CONTROL
    approval: Approval = Approval.NOT_NEEDED
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Numbers of sessions, in total and of the requesting guest, with their limits."""

    total: int = 0
    limit: int = 1
    of_guest: int = 0
    guest_limit: int = 1


@dataclass(frozen=True, slots=True)
class Resource:
    """What is requested. ``id`` is the target's id as the guest wrote it, ``target`` the match.

    ``session`` is needed for all but OPEN, ``usage`` for OPEN alone.
    """

    id: str
    target: Target | None = None
    session: SessionFacts | None = None
    usage: Usage = field(default=Usage())


@dataclass(frozen=True, slots=True)
class Allow:
    """``approval``: the host must approve before a terminal starts."""

    role: Role
    approval: bool = False


@dataclass(frozen=True, slots=True)
class Deny:
    """The reason of a denial: the error's class and its message."""

    kind: type[HatchwayError]
    message: str

    @property
    def code(self) -> str:
        """The stable code on the wire."""
        return self.kind.code

    @property
    def reason(self) -> str:
        """A sentence for the requester."""
        return str(self.error())

    def error(self) -> HatchwayError:
        """A new exception, to be raised once."""
        return self.kind(self.message)


Decision = Allow | Deny


def decide(subject: Subject, action: Action, resource: Resource) -> Decision:
    """Whether ``subject`` may do ``action`` with ``resource``.

    Raises ValueError when the resource lacks what the action needs: a bug in the caller.
    """
    if action is not Action.OPEN and resource.session is None:
        raise ValueError(f"The action {action} needs a session")
    for check in _CHECKS[action]:
        if denial := check(subject, resource):
            return denial
    session = resource.session
    if session is not None:
        return Allow(session.role, session.approval is Approval.NEEDED)
    if subject.link is not None:
        return Allow(subject.link.role, subject.link.approval)
    return Allow(Role.CONTROL)


def require(decision: Decision) -> Allow:
    """The permission. Raises the error of a denial."""
    if isinstance(decision, Deny):
        raise decision.error()
    return decision


# The questions: None, or the denial.

Check = Callable[[Subject, Resource], Deny | None]


def _target_exists(subject: Subject, resource: Resource) -> Deny | None:
    return Deny(TargetNotFoundError, resource.id) if resource.target is None else None


def _link_is_known(subject: Subject, resource: Resource) -> Deny | None:
    if subject.kind is Kind.LINK and subject.link is None:
        return Deny(LinkUnknownError, "The host does not know this link")
    return None


def _link_is_not_revoked(subject: Subject, resource: Resource) -> Deny | None:
    if subject.link is not None and subject.link.state is ShareState.REVOKED:
        return Deny(LinkRevokedError, "The host has revoked this link")
    return None


def _link_is_for_the_target(subject: Subject, resource: Resource) -> Deny | None:
    if subject.link is not None and subject.link.target != resource.id:
        return Deny(AccessDeniedError, "The link is for a different target than the offer")
    return None


def _link_is_for_the_container(subject: Subject, resource: Resource) -> Deny | None:
    """Another container may have the name by now: the link's own one is gone."""
    ref = subject.link.ref if subject.link is not None else ""
    if ref and resource.target is not None and resource.target.ref != ref:
        return Deny(TargetNotFoundError, resource.id)
    return None


def _link_opens_the_target(subject: Subject, resource: Resource) -> Deny | None:
    link = subject.link
    if link is not None and (link.state is ShareState.REVOKED or link.target != resource.id):
        return Deny(AccessDeniedError, f"The link does not open {resource.id}")
    return None


def _link_may_begin(subject: Subject, resource: Resource) -> Deny | None:
    """Expiry and uses limit when sessions begin, not how long they last."""
    match subject.link.state if subject.link is not None else ShareState.ACTIVE:
        case ShareState.EXPIRED:
            return Deny(LinkExpiredError, "This link has expired; ask the host for a new one")
        case ShareState.USED:
            return Deny(
                LinkUsedError, "This link works only once and was used; ask the host for a new one"
            )
    return None


def _target_is_shared(subject: Subject, resource: Resource) -> Deny | None:
    shared = resource.target is not None and resource.target.shared
    if subject.kind is Kind.GUEST and not shared:
        return Deny(AccessDeniedError, f"The host does not share {resource.id}")
    return None


def _target_runs(subject: Subject, resource: Resource) -> Deny | None:
    target = resource.target
    if target is not None and target.state is not TargetState.RUNNING:
        return Deny(TargetNotRunningError, f"{target.id} is {target.state}; start it first")
    return None


def _there_is_room(subject: Subject, resource: Resource) -> Deny | None:
    usage = resource.usage
    if usage.total >= usage.limit:
        return Deny(SessionLimitError, f"The host has reached its limit of {usage.limit} sessions")
    if subject.kind is not Kind.OWN and usage.of_guest >= usage.guest_limit:
        return Deny(
            SessionLimitError,
            f"You have reached the limit of {usage.guest_limit} sessions per guest",
        )
    return None


def _token_is_right(subject: Subject, resource: Resource) -> Deny | None:
    match subject.token:
        case Token.ABSENT:
            return Deny(SessionExistsError, f"Session {_session(resource).id} already exists")
        case Token.WRONG:
            return Deny(AccessDeniedError, "The resume token is wrong")
    return None


def _opened_by_the_same(subject: Subject, resource: Resource) -> Deny | None:
    session = _session(resource)
    if (session.kind, session.link_id) != (subject.kind, subject.link_id):
        return Deny(AccessDeniedError, "The session was opened with another link")
    return None


def _opened_in_the_same(subject: Subject, resource: Resource) -> Deny | None:
    if _session(resource).target != resource.id:
        return Deny(BadRequestError, "Field 'device_id' does not match the session")
    return None


def _session_is_not_closing(subject: Subject, resource: Resource) -> Deny | None:
    session = _session(resource)
    if session.closed:
        return Deny(SessionExistsError, f"Session {session.id} is being closed")
    return None


def _session_is_open(subject: Subject, resource: Resource) -> Deny | None:
    return Deny(PTYClosedError, "The session is closed") if _session(resource).closed else None


def _guest_was_let_in(subject: Subject, resource: Resource) -> Deny | None:
    if _session(resource).approval is Approval.NEEDED:
        return Deny(AccessDeniedError, "The host has not approved you yet")
    return None


def _may_type(subject: Subject, resource: Resource) -> Deny | None:
    if _session(resource).role is not Role.CONTROL:
        return Deny(AccessDeniedError, "You can view this terminal but not type")
    return None


def _may_resize(subject: Subject, resource: Resource) -> Deny | None:
    if _session(resource).role is not Role.CONTROL:
        return Deny(AccessDeniedError, "You can view this terminal but not resize it")
    return None


def _session(resource: Resource) -> SessionFacts:
    if resource.session is None:
        raise ValueError("The resource has no session")
    return resource.session


_CHECKS: dict[Action, tuple[Check, ...]] = {
    Action.OPEN: (
        _target_exists,
        _link_is_known,
        _link_is_not_revoked,
        _link_is_for_the_target,
        _link_is_for_the_container,
        _target_is_shared,
        _link_may_begin,
        _target_runs,
        _there_is_room,
    ),
    Action.RETURN: (
        _target_exists,
        _link_is_known,
        _link_is_not_revoked,
        _link_is_for_the_target,
        _link_is_for_the_container,
        _target_is_shared,
        _target_runs,
        _token_is_right,
        _opened_by_the_same,
        _opened_in_the_same,
        _session_is_not_closing,
    ),
    Action.CONNECT: (
        _session_is_open,
        _target_exists,
        _link_is_known,
        _link_opens_the_target,
        _link_is_for_the_container,
        _target_is_shared,
        _target_runs,
    ),
    Action.WRITE: (_session_is_open, _guest_was_let_in, _may_type),
    Action.RESIZE: (_session_is_open, _guest_was_let_in, _may_resize),
}
