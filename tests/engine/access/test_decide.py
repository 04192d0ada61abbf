"""Who may do what: every combination of what a decision depends on, under exactly one rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.decide import (
    Action,
    Allow,
    Approval,
    Decision,
    Deny,
    Kind,
    Lease,
    LinkFacts,
    ParticipantFacts,
    Resource,
    SessionFacts,
    ShellFacts,
    Subject,
    Token,
    Usage,
    decide,
    require,
)
from engine.core.errors import LinkRevokedError, TargetNotFoundError
from engine.core.model import Guest, Role, ShareState, Target, TargetKind, TargetState

UNKNOWN = None
"""The state of an unknown link."""


class Case(NamedTuple):
    """One combination. What a subject or an action does not have is ignored."""

    action: Action
    kind: Kind
    link: ShareState | None
    """Its state; SUSPENDED is the next field, as an expired link may be suspended, too."""
    suspended: bool
    link_fits: bool
    """The link is for this target."""
    joins: str
    """What the link is for: "" for new shells, or "this" shell or "another" one."""
    blocked: bool
    token: Token
    displaced: bool
    role: Role
    """The link's for an offer that comes in, the session's or the participant's else."""
    approval: Approval
    target: str
    usage: str
    same_link: bool
    """The session or participant came as the same: this app, nobody proven, or a holder of
    this link."""
    same_target: bool
    """The session or shell was opened in this target."""
    closing: bool
    """The session is being closed, or the participant was removed."""
    shell: str
    by_session: bool
    """The facts are those of a session and not of a participant."""
    lease: Lease

    # Words of the specification.

    @property
    def holds_link(self) -> bool:
        return self.kind is Kind.LINK

    @property
    def knows_link(self) -> bool:
        return self.holds_link and self.link is not UNKNOWN

    @property
    def holds_valid_link(self) -> bool:
        """One that the host knows and has not revoked; it may have ended by itself."""
        return self.knows_link and self.link is not ShareState.REVOKED

    @property
    def exists(self) -> bool:
        return self.target != "missing"

    @property
    def runs(self) -> bool:
        return self.target in ("shared", "private")

    @property
    def may_open(self) -> bool:
        """The target exists, and this subject's link or proof is for it."""
        match self.kind:
            case Kind.OWN:
                return self.exists
            case Kind.GUEST:
                return self.target in ("shared", "stopped")
        return self.exists and self.holds_valid_link and self.link_fits

    @property
    def shut_out(self) -> bool:
        return self.blocked and self.kind is not Kind.OWN

    @property
    def entitled(self) -> bool:
        """The target exists, and this subject may open it, whatever its state."""
        return self.may_open and not (self.holds_link and self.joins) and not self.shut_out

    @property
    def returns(self) -> bool:
        """As ``entitled``, for who was in: what the link is for does not count."""
        return self.may_open and not self.shut_out

    @property
    def ended(self) -> bool:
        """The link lets nobody new in any more."""
        return self.holds_link and self.link in (ShareState.EXPIRED, ShareState.USED)

    @property
    def paused(self) -> bool:
        return self.holds_link and self.suspended

    @property
    def begins(self) -> bool:
        return self.entitled and not self.ended and not self.paused

    @property
    def full(self) -> bool:
        return self.usage == "host full" or (
            self.usage == "address busy" and self.kind is not Kind.OWN
        )

    @property
    def others_link(self) -> str:
        return "another" if self.holds_link else ""

    @property
    def is_its_guest(self) -> bool:
        return self.token is Token.RIGHT and self.same_link

    @property
    def joins_this(self) -> bool:
        """This app, or a link to this shell that was not revoked; it may have ended."""
        return self.kind is Kind.OWN or (self.holds_valid_link and self.joins == "this")

    @property
    def finds_target(self) -> bool:
        return not self.holds_link or self.link_fits

    @property
    def over(self) -> bool:
        """The shell has ended, or nobody knows it any more."""
        return self.shell in ("ended", "gone") or (
            self.holds_link and self.link is ShareState.SHELL_ENDED
        )

    @property
    def is_in(self) -> bool:
        """The participant is one still."""
        return not self.closing and self.shell != "ended"

    @property
    def let_in(self) -> bool:
        return self.is_in and self.approval is not Approval.NEEDED

    @property
    def controls(self) -> bool:
        return self.role is Role.CONTROL or self.leased is Lease.MINE

    @property
    def leased(self) -> Lease:
        return Lease.OPEN if self.by_session else self.lease

    @property
    def may_type(self) -> bool:
        return self.controls and (
            self.leased in (Lease.OPEN, Lease.MINE)
            or (self.leased is Lease.FROZEN and self.kind is Kind.OWN)
        )


TARGETS = {
    name: Target("web", TargetKind.CONTAINER, "web", state, shared=shared)
    for name, state, shared in (
        ("shared", TargetState.RUNNING, True),
        ("private", TargetState.RUNNING, False),
        ("stopped", TargetState.STOPPED, True),
        ("stopped, private", TargetState.PAUSED, False),
    )
}
USAGES = {
    "room": Usage(1, 3, 1, 2),
    "host full": Usage(3, 3, 1, 2),
    "address busy": Usage(1, 3, 2, 2),
}
SHELLS = {
    "live": ShellFacts("shell", "web", participants=1, participant_limit=2),
    "full": ShellFacts("shell", "web", participants=2, participant_limit=2),
    "ended": ShellFacts("shell", "web", ended=True),
}
JOINED = {"": "", "this": "shell", "another": "another shell"}

OTHERS = {Kind.OWN: Kind.GUEST, Kind.GUEST: Kind.OWN, Kind.LINK: Kind.LINK}
"""Who opened a session that another subject has the token of."""

COLUMNS: dict[str, tuple[Any, ...]] = {
    "kind": tuple(Kind),
    "link": (*(state for state in ShareState if state is not ShareState.SUSPENDED), UNKNOWN),
    "suspended": (False, True),
    "link_fits": (True, False),
    "joins": tuple(JOINED),
    "blocked": (False, True),
    "token": tuple(Token),
    "displaced": (False, True),
    "role": tuple(Role),
    "approval": tuple(Approval),
    "target": (*TARGETS, "missing"),
    "usage": tuple(USAGES),
    "same_link": (True, False),
    "same_target": (True, False),
    "closing": (False, True),
    "shell": ("live", "full", "ended", "gone"),
    "by_session": (False, True),
    "lease": tuple(Lease),
}
SUBJECT = ("kind", "link", "blocked")
TELLS = ("role", "approval")
PARTICIPANT = ("kind", *TELLS, "closing", "shell", "by_session", "lease")
COUNTS: dict[Action, tuple[str, ...]] = {
    Action.OPEN: (*SUBJECT, "suspended", "link_fits", "joins", *TELLS, "target", "usage"),
    Action.RETURN: (
        *SUBJECT,
        *("link_fits", "token", *TELLS, "target", "same_link", "same_target", "closing"),
    ),
    Action.CONNECT: (*SUBJECT, "suspended", "link_fits", "joins", *TELLS, "target", "closing"),
    Action.JOIN: (*SUBJECT, "suspended", "link_fits", "joins", *TELLS, "usage", "shell"),
    Action.ATTACH: (*SUBJECT, "suspended", "joins", *TELLS, "closing", "shell"),
    Action.RESUME: (
        *SUBJECT,
        *("token", "displaced", *TELLS, "target", "same_link", "same_target", "closing", "shell"),
    ),
    **dict.fromkeys(
        (
            Action.WRITE,
            Action.RESIZE,
            Action.ASK_KEYBOARD,
            Action.TAKE_KEYBOARD,
            Action.RECORD,
        ),
        PARTICIPANT,
    ),
}
"""What a decision on each action depends on; that the rest does not count is tested apart."""


def cases(action: Action) -> Iterator[Case]:
    counts = COUNTS[action]
    columns = (values if name in counts else values[:1] for name, values in COLUMNS.items())
    return (Case(action, *row) for row in product(*columns))


BY_SESSION = (Action.RETURN, Action.CONNECT, Action.ATTACH)


def decision(case: Case) -> Decision:
    link = None
    if case.knows_link and case.link is not None:
        link = LinkFacts(
            "ours",
            "web" if case.link_fits else "db",
            case.role,
            case.approval is Approval.NEEDED,
            case.link,
            shell=JOINED[case.joins],
            suspended=case.suspended,
        )
    # Who does something in a shell is the participant.
    same = case.same_link or COUNTS[case.action] is PARTICIPANT
    kind = case.kind if same else OTHERS[case.kind]
    link_id = ("ours" if case.holds_link else "") if same else case.others_link
    session = participant = shell = None
    if case.action in BY_SESSION or case.by_session:
        target = "web" if case.same_target else "db"
        session = SessionFacts("s", target, kind, link_id, case.role, case.approval, case.closing)
    if not session:
        participant = ParticipantFacts(
            "p", kind, link_id, case.role, case.approval, case.closing, case.lease
        )
    if case.shell != "gone":
        shell = replace(SHELLS[case.shell], target="web" if case.same_target else "db")
    resource = Resource(
        "web", TARGETS.get(case.target), session, USAGES[case.usage], shell, participant
    )
    subject = Subject(case.kind, link, case.token, case.blocked, case.displaced)
    return decide(subject, case.action, resource)


class Rule(NamedTuple):
    says: str
    on: tuple[Action, ...]
    when: Callable[[Case], bool]
    then: Callable[[Case], str | Allow]
    """The code of the denial, or the permission."""


def denied(code: str) -> Callable[[Case], str]:
    return lambda case: code


def as_it_is(case: Case) -> Allow:
    """The role that the session, the participant or the link has, and its approval."""
    return Allow(case.role, case.approval is Approval.NEEDED)


OPEN, RETURN, CONNECT = (Action.OPEN,), (Action.RETURN,), (Action.CONNECT,)
OFFER = OPEN + RETURN
JOIN, ATTACH, RESUME = (Action.JOIN,), (Action.ATTACH,), (Action.RESUME,)
JOINING = JOIN + ATTACH
WRITE, RESIZE, ASK = (Action.WRITE,), (Action.RESIZE,), (Action.ASK_KEYBOARD,)
TYPING = WRITE + RESIZE
HOSTS = (Action.TAKE_KEYBOARD, Action.RECORD)


def joinable(case: Case) -> bool:
    """A link to this shell, or to one that nobody knows any more."""
    unknown = case.holds_valid_link and case.joins == "another" and case.shell == "gone"
    return case.joins_this or unknown


def reaches(case: Case) -> bool:
    """Joining names the link's target; the session has named it already."""
    return case.action is Action.ATTACH or case.finds_target


def could_join(case: Case) -> bool:
    return case.joins_this and reaches(case) and not case.over and not case.shut_out


def in_time(case: Case) -> bool:
    """Expiry and uses limit who comes in, not who is in."""
    return case.action is Action.ATTACH or not case.ended


def lets_in(case: Case) -> bool:
    """There is nothing against it but the number of people."""
    full = case.action is Action.JOIN and case.full
    return could_join(case) and in_time(case) and not case.paused and not full


def proven(case: Case) -> bool:
    return not case.holds_link or case.holds_valid_link


def welcome(case: Case) -> bool:
    return proven(case) and case.is_its_guest and not case.closing and not case.shut_out


def finds_shell(case: Case) -> bool:
    return welcome(case) and not case.over and case.same_target


def still_shared(case: Case) -> bool:
    return case.kind is not Kind.GUEST or case.target in ("shared", "stopped")


RULES = (
    # Offers.
    Rule(
        "an offer for what is not there is refused as that, whoever makes it",
        OFFER,
        lambda c: not c.exists,
        denied("target_not_found"),
    ),
    Rule(
        "a link that nobody knows opens nothing",
        OFFER,
        lambda c: c.exists and c.holds_link and c.link is UNKNOWN,
        denied("link_unknown"),
    ),
    Rule(
        "a revoked link opens nothing, also for guests who were in",
        OFFER,
        lambda c: c.exists and c.holds_link and c.link is ShareState.REVOKED,
        denied("link_revoked"),
    ),
    Rule(
        "a join link opens nothing, and says so once its shell has ended",
        OPEN,
        lambda c: c.exists and c.holds_valid_link and c.joins != "",
        lambda c: "shell_ended" if c.link is ShareState.SHELL_ENDED else "access_denied",
    ),
    Rule(
        "a link opens its own target and no other",
        OPEN,
        lambda c: c.exists and c.holds_valid_link and not c.joins and not c.link_fits,
        denied("access_denied"),
    ),
    Rule(
        "a link returns to its own target and no other",
        RETURN,
        lambda c: c.exists and c.holds_valid_link and not c.link_fits,
        denied("access_denied"),
    ),
    Rule(
        "without a proof only what is shared opens",
        OFFER,
        lambda c: c.exists and c.kind is Kind.GUEST and not c.may_open,
        denied("access_denied"),
    ),
    Rule(
        "who was removed opens nothing",
        OPEN,
        lambda c: c.may_open and not (c.holds_link and c.joins) and c.shut_out,
        denied("access_denied"),
    ),
    Rule(
        "who was removed returns to nothing",
        RETURN,
        lambda c: c.may_open and c.shut_out,
        denied("access_denied"),
    ),
    Rule(
        "an expired link opens no new session",
        OPEN,
        lambda c: c.entitled and c.holds_link and c.link is ShareState.EXPIRED,
        denied("link_expired"),
    ),
    Rule(
        "a suspended link opens no new session until that is undone",
        OPEN,
        lambda c: c.entitled and not c.ended and c.paused,
        denied("link_suspended"),
    ),
    Rule(
        "a used-up link opens no new session",
        OPEN,
        lambda c: c.entitled and c.holds_link and c.link is ShareState.USED,
        denied("link_used"),
    ),
    Rule(
        "a target has to run for a session in it",
        OPEN,
        lambda c: c.begins and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "a full host opens no session, not even for this app",
        OPEN,
        lambda c: c.begins and c.runs and c.usage == "host full",
        denied("session_limit"),
    ),
    Rule(
        "a guest and an address have limits of their own",
        OPEN,
        lambda c: c.begins and c.runs and c.usage != "host full" and c.full,
        denied("session_limit"),
    ),
    Rule(
        "this app opens everything that runs, and is never asked about",
        OPEN,
        lambda c: c.kind is Kind.OWN and c.runs and c.usage != "host full",
        lambda c: Allow(Role.CONTROL),
    ),
    Rule(
        "an active link opens its target with its role, and asks the host where it says so",
        OPEN,
        lambda c: c.holds_link and c.begins and c.runs and c.usage == "room",
        lambda c: Allow(c.role, c.approval is Approval.NEEDED),
    ),
    Rule(
        "what is shared opens for everybody",
        OPEN,
        lambda c: c.kind is Kind.GUEST and c.begins and c.runs and c.usage == "room",
        lambda c: Allow(Role.CONTROL),
    ),
    Rule(
        "a target has to run for a return to it",
        RETURN,
        lambda c: c.returns and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "an offer with an id in use and no token is not a return",
        RETURN,
        lambda c: c.returns and c.runs and c.token is Token.ABSENT,
        denied("session_exists"),
    ),
    Rule(
        "a wrong token opens no session",
        RETURN,
        lambda c: c.returns and c.runs and c.token is Token.WRONG,
        denied("access_denied"),
    ),
    Rule(
        "the right token in other hands opens no session",
        RETURN,
        lambda c: c.returns and c.runs and c.token is Token.RIGHT and not c.same_link,
        denied("access_denied"),
    ),
    Rule(
        "a return names the session's target",
        RETURN,
        lambda c: c.returns and c.runs and c.is_its_guest and not c.same_target,
        denied("bad_request"),
    ),
    Rule(
        "nobody returns to a session that is being closed",
        RETURN,
        lambda c: c.returns and c.runs and c.is_its_guest and c.same_target and c.closing,
        denied("session_exists"),
    ),
    Rule(
        "else its guest returns, to the role it had; limits, expiry and uses do not count",
        RETURN,
        lambda c: c.returns and c.runs and c.is_its_guest and c.same_target and not c.closing,
        as_it_is,
    ),
    # Terminals within a session.
    Rule(
        "a closed session starts no terminal",
        CONNECT,
        lambda c: c.closing,
        denied("pty_closed"),
    ),
    Rule(
        "a terminal in what is not there is refused as that",
        CONNECT,
        lambda c: not c.closing and not c.exists,
        denied("target_not_found"),
    ),
    Rule(
        "a link that was forgotten starts no terminal",
        CONNECT,
        lambda c: not c.closing and c.exists and c.holds_link and c.link is UNKNOWN,
        denied("link_unknown"),
    ),
    Rule(
        "a join link, a revoked one, and one for another target starts no terminal, whatever"
        " became of it, nor does who was removed",
        CONNECT,
        lambda c: not c.closing and c.exists and c.knows_link and not c.entitled,
        denied("access_denied"),
    ),
    Rule(
        "without a proof a terminal starts only in what is shared now",
        CONNECT,
        lambda c: not c.closing and c.exists and c.kind is Kind.GUEST and not c.entitled,
        denied("access_denied"),
    ),
    Rule(
        "a suspended link starts no terminal",
        CONNECT,
        lambda c: not c.closing and c.entitled and c.paused,
        denied("link_suspended"),
    ),
    Rule(
        "a target has to run for a terminal",
        CONNECT,
        lambda c: not c.closing and c.entitled and not c.paused and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "else a terminal starts, once the host has let the guest in; its link may have ended",
        CONNECT,
        lambda c: not c.closing and c.entitled and not c.paused and c.runs,
        as_it_is,
    ),
    # Running shells.
    Rule(
        "a closed session joins nothing",
        ATTACH,
        lambda c: c.closing,
        denied("pty_closed"),
    ),
    Rule(
        "a link that nobody knows joins nothing",
        JOINING,
        lambda c: not c.closing and c.holds_link and c.link is UNKNOWN,
        denied("link_unknown"),
    ),
    Rule(
        "a revoked link joins nothing",
        JOINING,
        lambda c: not c.closing and c.holds_link and c.link is ShareState.REVOKED,
        denied("link_revoked"),
    ),
    Rule(
        "only this app and a link for this very shell join it",
        JOINING,
        lambda c: (
            not c.closing and (c.kind is Kind.GUEST or c.holds_valid_link) and not joinable(c)
        ),
        denied("access_denied"),
    ),
    Rule(
        "a join link is for the target that it was made in",
        JOIN,
        lambda c: joinable(c) and not c.finds_target,
        denied("access_denied"),
    ),
    Rule(
        "what has ended is not joined",
        JOINING,
        lambda c: not c.closing and joinable(c) and reaches(c) and c.over,
        denied("shell_ended"),
    ),
    Rule(
        "who was removed joins nothing",
        JOINING,
        lambda c: not c.closing and c.joins_this and reaches(c) and not c.over and c.shut_out,
        denied("access_denied"),
    ),
    Rule(
        "an expired or used link joins nothing",
        JOIN,
        lambda c: could_join(c) and c.ended,
        lambda c: "link_expired" if c.link is ShareState.EXPIRED else "link_used",
    ),
    Rule(
        "a suspended link joins nothing",
        JOINING,
        lambda c: not c.closing and could_join(c) and in_time(c) and c.paused,
        denied("link_suspended"),
    ),
    Rule(
        "who joins takes a session, and there has to be one left",
        JOIN,
        lambda c: could_join(c) and in_time(c) and not c.paused and c.full,
        denied("session_limit"),
    ),
    Rule(
        "a shell has room for so many people",
        JOINING,
        lambda c: not c.closing and lets_in(c) and c.shell == "full",
        denied("session_limit"),
    ),
    Rule(
        "else the holder of the link joins, with its role, and asks the host where it says so",
        JOIN,
        lambda c: c.holds_link and lets_in(c) and c.shell == "live",
        as_it_is,
    ),
    Rule(
        "this app joins everything that runs",
        JOIN,
        lambda c: c.kind is Kind.OWN and lets_in(c) and c.shell == "live",
        lambda c: Allow(Role.CONTROL),
    ),
    Rule(
        "else the session attaches once the host has let its guest in; its link may have ended",
        ATTACH,
        lambda c: not c.closing and lets_in(c) and c.shell == "live",
        as_it_is,
    ),
    Rule(
        "a token is worth nothing with a link that nobody knows",
        RESUME,
        lambda c: c.holds_link and c.link is UNKNOWN,
        denied("link_unknown"),
    ),
    Rule(
        "a token is worth nothing with a revoked link",
        RESUME,
        lambda c: c.holds_link and c.link is ShareState.REVOKED,
        denied("link_revoked"),
    ),
    Rule(
        "nobody comes back without the token and the proof of the link that belong together",
        RESUME,
        lambda c: proven(c) and not c.is_its_guest,
        denied("access_denied"),
    ),
    Rule(
        "nobody comes back who was removed",
        RESUME,
        lambda c: proven(c) and c.is_its_guest and (c.closing or c.shut_out),
        denied("access_denied"),
    ),
    Rule(
        "nobody comes back to what has ended",
        RESUME,
        lambda c: welcome(c) and c.over,
        denied("shell_ended"),
    ),
    Rule(
        "who comes back names the shell's target",
        RESUME,
        lambda c: welcome(c) and not c.over and not c.same_target,
        denied("bad_request"),
    ),
    Rule(
        "without a link one comes back only to what is shared still",
        RESUME,
        lambda c: finds_shell(c) and not still_shared(c),
        denied("access_denied"),
    ),
    Rule(
        "who was displaced comes back only by saying so",
        RESUME,
        lambda c: finds_shell(c) and still_shared(c) and c.displaced,
        denied("replaced"),
    ),
    Rule(
        "else a participant comes back as what it was last: limits, expiry, uses, a suspended"
        " link and the target's state do not count",
        RESUME,
        lambda c: finds_shell(c) and still_shared(c) and not c.displaced,
        as_it_is,
    ),
    # What participants do. A link is revoked by closing its sessions.
    Rule(
        "who is not in any more, and who is in what has ended, does nothing",
        TYPING + ASK + HOSTS,
        lambda c: not c.is_in,
        denied("pty_closed"),
    ),
    Rule(
        "who waits for the host types, resizes and asks for nothing",
        TYPING + ASK,
        lambda c: c.is_in and not c.let_in,
        denied("access_denied"),
    ),
    Rule(
        "who may only watch, or has not got the keyboard, types nothing",
        WRITE,
        lambda c: c.let_in and not c.may_type,
        denied("access_denied"),
    ),
    Rule(
        "who has control types; who has the keyboard does, too, and the host in a frozen shell",
        WRITE,
        lambda c: c.let_in and c.may_type,
        lambda c: Allow(c.role),
    ),
    Rule(
        "who may only watch resizes nothing",
        RESIZE,
        lambda c: c.let_in and not c.controls,
        denied("access_denied"),
    ),
    Rule(
        "controllers resize, whoever has the keyboard",
        RESIZE,
        lambda c: c.let_in and c.controls,
        lambda c: Allow(c.role),
    ),
    Rule(
        "who can type, and the host, does not ask",
        ASK,
        lambda c: c.let_in and (c.may_type or c.kind is Kind.OWN),
        denied("access_denied"),
    ),
    Rule(
        "guests who cannot type ask",
        ASK,
        lambda c: c.let_in and not c.may_type and c.kind is not Kind.OWN,
        lambda c: Allow(c.role),
    ),
    Rule(
        "no guest takes the keyboard or records",
        HOSTS,
        lambda c: c.is_in and c.kind is not Kind.OWN,
        denied("access_denied"),
    ),
    Rule(
        "the host takes the keyboard and records",
        HOSTS,
        lambda c: c.is_in and c.kind is Kind.OWN,
        as_it_is,
    ),
)


@pytest.mark.parametrize("action", Action)
def test_every_combination_falls_under_one_rule_and_is_decided_by_it(action: Action) -> None:
    rules = [rule for rule in RULES if action in rule.on]
    used = set()
    for case in cases(action):
        applying = [rule for rule in rules if rule.when(case)]
        assert len(applying) == 1, (case, [rule.says for rule in applying])
        (rule,) = applying
        made = decision(case)
        outcome = made.code if isinstance(made, Deny) else made
        assert outcome == rule.then(case), (case, rule.says)
        used.add(rule)
    assert used == set(rules)


@given(
    st.sampled_from(Action),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in COLUMNS.items()}),
)
def test_nothing_else_counts(action: Action, row: dict[str, Any]) -> None:
    counts = COUNTS[action]
    bare = {name: row[name] if name in counts else COLUMNS[name][0] for name in COLUMNS}
    assert decision(Case(action, **row)) == decision(Case(action, **bare))


COMING = (*OFFER, *CONNECT, *JOINING, *RESUME)


@pytest.mark.parametrize("action", COMING)
def test_whatever_else_holds_a_revoked_or_unknown_link_opens_nothing(action: Action) -> None:
    for case in cases(action):
        if case.holds_link and case.link in (UNKNOWN, ShareState.REVOKED):
            assert isinstance(decision(case), Deny), case


@pytest.mark.parametrize("action", [Action.OPEN, Action.CONNECT])
def test_whatever_else_holds_a_join_link_starts_no_shell(action: Action) -> None:
    for case in cases(action):
        if case.holds_link and case.joins:
            assert isinstance(decision(case), Deny), case


@pytest.mark.parametrize("action", COMING)
def test_whatever_else_holds_nobody_who_was_removed_comes_in(action: Action) -> None:
    for case in cases(action):
        if case.shut_out:
            assert isinstance(decision(case), Deny), case


@pytest.mark.parametrize("action", Action)
def test_whatever_else_holds_no_decision_raises_a_role(action: Action) -> None:
    for case in cases(action):
        if case.role is Role.VIEW and (case.holds_link or action not in (Action.OPEN, Action.JOIN)):
            made = decision(case)
            assert isinstance(made, Deny) or made.role is Role.VIEW, case


def test_a_denial_is_an_error_of_its_code_and_a_new_one_each_time() -> None:
    denial = Deny(LinkRevokedError, "The host has revoked this link")
    assert (denial.code, denial.reason) == ("link_revoked", "The host has revoked this link")
    assert denial.error() is not denial.error()
    with pytest.raises(LinkRevokedError, match="revoked this link"):
        require(denial)
    assert Deny(TargetNotFoundError, "web-9").reason == "Device web-9 not found"
    assert require(Allow(Role.VIEW)) == Allow(Role.VIEW)


def test_what_needs_a_session_or_participant_is_not_decided_without_one() -> None:
    resource = Resource("web", TARGETS["shared"], shell=SHELLS["live"])
    for action in set(Action) - {Action.OPEN, Action.JOIN}:
        with pytest.raises(ValueError, match="session"):
            decide(Subject(Kind.OWN, token=Token.RIGHT), action, resource)


def test_a_session_has_the_kind_that_its_guest_proved() -> None:
    kinds = [Kind.of(guest) for guest in (Guest(own=True), Guest(share="x"), Guest("Ada"))]
    assert kinds == [Kind.OWN, Kind.LINK, Kind.GUEST]


@pytest.mark.parametrize("action", [Action.OPEN, Action.RETURN, Action.CONNECT])
@pytest.mark.parametrize("state", [ShareState.ACTIVE, ShareState.EXPIRED, ShareState.USED])
@pytest.mark.parametrize("shared", [True, False])
def test_a_link_for_one_container_does_not_find_another_of_its_name(
    action: Action, state: ShareState, shared: bool
) -> None:
    link = LinkFacts("ours", "web", Role.CONTROL, False, state, ref="first")
    session = None
    if action is not Action.OPEN:
        session = SessionFacts("s", "web", Kind.LINK, "ours")

    def outcome(ref: str) -> Decision:
        target = Target("web", TargetKind.CONTAINER, "web", ref=ref, shared=shared)
        subject = Subject(Kind.LINK, link, Token.RIGHT)
        return decide(subject, action, Resource("web", target, session))

    other = outcome("second")
    assert isinstance(other, Deny)
    assert (other.code, other.reason) == ("target_not_found", "Device web not found")
    own = outcome("first")
    assert isinstance(own, Allow) or own.code in ("link_expired", "link_used")
