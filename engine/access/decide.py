"""Who may do what, and why not: ``decide()`` makes every access decision.

It is pure: all facts, including counts and link states, are passed in as frozen values.
Before it, proofs are checked and nonces used (engine.access.authentication returns the
subject), ids are looked up, resume tokens found (engine.access.returns) and sessions counted
(engine.access.limits). After it, the host is asked if ``Allow.approval`` says so
(engine.access.admission), a link's use is counted, and decisions needed for every byte are
cached (engine.shells.participant).

An offer opens a session for a new shell (OPEN), joins a running one by its link (JOIN), or
comes back as a participant by its token (RESUME). Then a terminal starts (CONNECT), or the
session becomes a participant of the shell that it joins (ATTACH): both are decided again after
the host was asked. The rest is what participants do.

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
    LinkSuspendedError,
    LinkUnknownError,
    LinkUsedError,
    OfferReplacedError,
    PTYClosedError,
    SessionExistsError,
    SessionLimitError,
    ShellEndedError,
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
    JOIN = "join"
    """Open a session for a running shell, by an offer with its link."""
    ATTACH = "attach"
    """Become a participant of that shell, within the session."""
    RESUME = "resume"
    """Come back as a participant of a shell, by an offer with its resume token."""
    WRITE = "write"
    """Type."""
    RESIZE = "resize"
    """Count for the size of the shell."""
    ASK_KEYBOARD = "ask keyboard"
    """Ask the host for the keyboard."""
    TAKE_KEYBOARD = "take keyboard"
    """Take the keyboard, so that nobody else types."""
    RECORD = "record"
    """Start or stop recording."""


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
    """The resume token of an offer: whether it is the session's or some participant's."""

    ABSENT = "absent"
    WRONG = "wrong"
    RIGHT = "right"


class Approval(enum.StrEnum):
    """Whether the host has to approve a session's guest."""

    NOT_NEEDED = "not needed"
    NEEDED = "needed"
    """Not given yet: the guest waits."""
    GIVEN = "given"


class Lease(enum.StrEnum):
    """Who has the keyboard of a shell, as one participant sees it."""

    OPEN = "open"
    """Every controller types."""
    MINE = "mine"
    OTHERS = "others"
    FROZEN = "frozen"
    """No guest types."""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link at one moment. It opens only ``target``, with at most ``role``.

    ``ref``: the one container it opens (Target.ref); "" means whatever has the name.
    ``shell``: the one shell it joins; "" means that it opens new ones. ``suspended`` is apart
    from ``state``, because a link that has expired may still be in use.
    """

    id: str
    target: str
    role: Role
    approval: bool
    state: ShareState
    ref: str = ""
    shell: str = ""
    suspended: bool = False

    @classmethod
    def of(cls, link: Share, now: float) -> LinkFacts:
        """``now`` in seconds since the epoch."""
        return cls(
            link.id,
            link.target,
            link.role,
            link.approval,
            link.state(now),
            link.ref,
            link.shell,
            link.suspended,
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """Who makes a request, as far as proven. Kind LINK without ``link``: an unknown link.

    ``blocked``: the host removed this guest (engine.access.guests). ``displaced``: somebody
    returned from elsewhere in place of this session, and the offer does not say ``again``.
    """

    kind: Kind = Kind.GUEST
    link: LinkFacts | None = None
    token: Token = Token.ABSENT
    blocked: bool = False
    displaced: bool = False

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
class ShellFacts:
    """A shell at one moment. ``target`` is the ``device_id`` it was opened with.

    ``participants`` are those attached, the recorder not among them.
    """

    id: str
    target: str
    ended: bool = False
    participants: int = 0
    participant_limit: int = 1


@dataclass(frozen=True, slots=True)
class ParticipantFacts:
    """A participant at one moment. Kind OWN is the host, in a tab, a tty or a watch panel.

    ``role`` is the one it has when nobody holds the keyboard. ``kind`` and ``link_id``: how it
    came. ``removed``: by the host, or it has left for good.
    """

    id: str
    kind: Kind
    link_id: str = ""
    role: Role = Role.CONTROL
    approval: Approval = Approval.NOT_NEEDED
    removed: bool = False
    lease: Lease = Lease.OPEN

    @property
    def controls(self) -> bool:
        """Whether it is a controller now: a viewer who holds the keyboard is."""
        return self.role is Role.CONTROL or self.lease is Lease.MINE


@dataclass(frozen=True, slots=True)
class Usage:
    """Numbers of sessions, with their limits: in total, and ``pending``, those that guests at the
    requester's address have offered and not opened yet.
    """

    total: int = 0
    limit: int = 1
    pending: int = 0
    pending_limit: int = 1
    scarce: bool = False
    """Whether the process is short of file descriptors."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is requested. ``id`` is the target's id as the guest wrote it, ``target`` the match.

    ``usage`` is needed for OPEN and JOIN; ``session`` for RETURN, CONNECT and ATTACH;
    ``shell`` for JOIN, ATTACH, RESUME and what participants do, None if there is none;
    ``participant`` for RESUME with the right token and for what participants do, where a
    ``session`` may stand for it.
    """

    id: str
    target: Target | None = None
    session: SessionFacts | None = None
    usage: Usage = field(default=Usage())
    shell: ShellFacts | None = None
    participant: ParticipantFacts | None = None


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

    The role is the link's for who comes in, and the one that the session or the participant
    had for everything later: no decision raises it. Raises ValueError when the resource lacks
    what the action needs: a bug in the caller.
    """
    if action in _IN_A_SESSION and resource.session is None:
        raise ValueError(f"The action {action} needs a session")
    for check in _CHECKS[action]:
        if denial := check(subject, resource):
            return denial
    if action in _COMING_IN:
        if subject.link is not None:
            return Allow(subject.link.role, subject.link.approval)
        return Allow(Role.CONTROL)
    member = resource.session if action in _IN_A_SESSION else _participant(resource)
    if member is None:
        raise ValueError(f"The action {action} needs a session")
    return Allow(member.role, member.approval is Approval.NEEDED)


def require(decision: Decision) -> Allow:
    """The permission. Raises the error of a denial."""
    if isinstance(decision, Deny):
        raise decision.error()
    return decision


# The questions: None, or the denial.

Check = Callable[[Subject, Resource], Deny | None]

SCARCE = (
    "The host has no room for another terminal: it may open only few more files"
    " (“ulimit -n” where it was started)"
)
_SHELL_ENDED = Deny(ShellEndedError, str(ShellEndedError()))


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


def _link_opens_shells(subject: Subject, resource: Resource) -> Deny | None:
    """A link that joins a shell never opens one."""
    link = subject.link
    if link is None or not link.shell:
        return None
    if link.state is ShareState.SHELL_ENDED:
        return _SHELL_ENDED
    return Deny(AccessDeniedError, "The link is for a running terminal and opens no other")


def _link_starts_terminals(subject: Subject, resource: Resource) -> Deny | None:
    """As _link_opens_shells, but the guest is in: it learns nothing else."""
    if subject.link is not None and subject.link.shell:
        return Deny(AccessDeniedError, "The link is for a running terminal and opens no other")
    return None


def _link_joins_the_shell(subject: Subject, resource: Resource) -> Deny | None:
    shell, link = resource.shell, subject.link
    if subject.kind is Kind.OWN:
        return None
    if link is None:
        return Deny(AccessDeniedError, "A running terminal can only be joined with its link")
    if not link.shell or (shell is not None and shell.id != link.shell):
        return Deny(AccessDeniedError, "The link is not for this terminal")
    return None


def _link_is_not_suspended(subject: Subject, resource: Resource) -> Deny | None:
    if subject.link is not None and subject.link.suspended:
        return Deny(LinkSuspendedError, "The host has paused this link")
    return None


def _guest_is_not_blocked(subject: Subject, resource: Resource) -> Deny | None:
    if subject.blocked and subject.kind is not Kind.OWN:
        return Deny(AccessDeniedError, "The host has removed you")
    return None


def _shell_has_not_ended(subject: Subject, resource: Resource) -> Deny | None:
    shell, link = resource.shell, subject.link
    over = link is not None and link.state is ShareState.SHELL_ENDED
    return _SHELL_ENDED if over or shell is None or shell.ended else None


def _shell_is_in_the_target(subject: Subject, resource: Resource) -> Deny | None:
    if resource.shell is not None and resource.shell.target != resource.id:
        return Deny(BadRequestError, "Field 'device_id' does not match the shell")
    return None


def _shell_has_room(subject: Subject, resource: Resource) -> Deny | None:
    shell = resource.shell
    if shell is not None and shell.participants >= shell.participant_limit:
        return Deny(
            SessionLimitError,
            f"This terminal has reached its limit of {shell.participant_limit} people",
        )
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
    if usage.scarce:
        return Deny(SessionLimitError, SCARCE)
    if subject.kind is not Kind.OWN and usage.pending >= usage.pending_limit:
        return Deny(
            SessionLimitError,
            f"{usage.pending} connections from your address are being opened; try again later",
        )
    return None


def _token_is_right(subject: Subject, resource: Resource) -> Deny | None:
    match subject.token:
        case Token.ABSENT:
            return Deny(SessionExistsError, f"Session {_session(resource).id} already exists")
        case Token.WRONG:
            return Deny(AccessDeniedError, "The resume token is wrong")
    return None


def _token_is_known(subject: Subject, resource: Resource) -> Deny | None:
    if subject.token is not Token.RIGHT:
        return Deny(AccessDeniedError, "The resume token is wrong or no longer valid")
    return None


def _came_the_same_way(subject: Subject, resource: Resource) -> Deny | None:
    """A token is worth nothing without the proof of the link by which its participant came."""
    participant = _participant(resource)
    if (participant.kind, participant.link_id) != (subject.kind, subject.link_id):
        return Deny(AccessDeniedError, "The resume token is wrong or no longer valid")
    return None


def _was_not_removed(subject: Subject, resource: Resource) -> Deny | None:
    if _participant(resource).removed:
        return Deny(AccessDeniedError, "The host has removed you")
    return None


def _was_not_displaced(subject: Subject, resource: Resource) -> Deny | None:
    if subject.displaced:
        return Deny(OfferReplacedError, "You continued this terminal from elsewhere")
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


def _is_in(subject: Subject, resource: Resource) -> Deny | None:
    if resource.participant is None and _session(resource).closed:
        return Deny(PTYClosedError, "The session is closed")
    if _participant(resource).removed:
        return Deny(PTYClosedError, "You are not in this terminal any more")
    if resource.shell is not None and resource.shell.ended:
        return Deny(PTYClosedError, "The terminal has ended")
    return None


def _guest_was_let_in(subject: Subject, resource: Resource) -> Deny | None:
    if _participant(resource).approval is Approval.NEEDED:
        return Deny(AccessDeniedError, "The host has not approved you yet")
    return None


def _may_type(subject: Subject, resource: Resource) -> Deny | None:
    participant = _participant(resource)
    if not participant.controls:
        return Deny(AccessDeniedError, "You can view this terminal but not type")
    if participant.lease is Lease.FROZEN and participant.kind is not Kind.OWN:
        return Deny(AccessDeniedError, "The host has frozen the keyboard")
    if participant.lease is Lease.OTHERS:
        return Deny(AccessDeniedError, "Somebody else has the keyboard")
    return None


def _may_resize(subject: Subject, resource: Resource) -> Deny | None:
    """Whoever has the keyboard: the size follows all controllers."""
    if not _participant(resource).controls:
        return Deny(AccessDeniedError, "You can view this terminal but not resize it")
    return None


def _needs_to_ask(subject: Subject, resource: Resource) -> Deny | None:
    if _may_type(subject, resource) is None:
        return Deny(AccessDeniedError, "You can type already")
    if _participant(resource).kind is Kind.OWN:
        return Deny(AccessDeniedError, "The host takes the keyboard without asking")
    return None


def _is_the_host(subject: Subject, resource: Resource) -> Deny | None:
    if _participant(resource).kind is not Kind.OWN:
        return Deny(AccessDeniedError, "Only the host can do this")
    return None


def _participant(resource: Resource) -> ParticipantFacts:
    """The participant; a session may stand for the one that it is."""
    if resource.participant is not None:
        return resource.participant
    session = _session(resource)
    return ParticipantFacts(
        session.id,
        session.kind,
        session.link_id,
        session.role,
        session.approval,
        removed=session.closed,
    )


def _session(resource: Resource) -> SessionFacts:
    if resource.session is None:
        raise ValueError("The resource has no session")
    return resource.session


_COMING_IN = frozenset({Action.OPEN, Action.JOIN})
_IN_A_SESSION = frozenset({Action.RETURN, Action.CONNECT, Action.ATTACH})

_CHECKS: dict[Action, tuple[Check, ...]] = {
    Action.OPEN: (
        _target_exists,
        _link_is_known,
        _link_is_not_revoked,
        _link_opens_shells,
        _link_is_for_the_target,
        _link_is_for_the_container,
        _target_is_shared,
        _guest_is_not_blocked,
        _link_may_begin,
        _link_is_not_suspended,
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
        _guest_is_not_blocked,
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
        _link_starts_terminals,
        _link_opens_the_target,
        _link_is_for_the_container,
        _target_is_shared,
        _guest_is_not_blocked,
        _link_is_not_suspended,
        _target_runs,
    ),
    # The target's state does not count: who joins sees the screen of a paused container, too,
    # and a shell outlives its container's name.
    Action.JOIN: (
        _link_is_known,
        _link_is_not_revoked,
        _link_joins_the_shell,
        _link_is_for_the_target,
        _shell_has_not_ended,
        _guest_is_not_blocked,
        _link_may_begin,
        _link_is_not_suspended,
        _there_is_room,
        _shell_has_room,
    ),
    Action.ATTACH: (
        _session_is_open,
        _link_is_known,
        _link_is_not_revoked,
        _link_joins_the_shell,
        _shell_has_not_ended,
        _guest_is_not_blocked,
        _link_is_not_suspended,
        _shell_has_room,
    ),
    Action.RESUME: (
        _link_is_known,
        _link_is_not_revoked,
        _token_is_known,
        _came_the_same_way,
        _was_not_removed,
        _guest_is_not_blocked,
        _shell_has_not_ended,
        _shell_is_in_the_target,
        _target_is_shared,
        _was_not_displaced,
    ),
    Action.WRITE: (_is_in, _guest_was_let_in, _may_type),
    Action.RESIZE: (_is_in, _guest_was_let_in, _may_resize),
    Action.ASK_KEYBOARD: (_is_in, _guest_was_let_in, _needs_to_ask),
    Action.TAKE_KEYBOARD: (_is_in, _is_the_host),
    Action.RECORD: (_is_in, _is_the_host),
}
