"""Who may do what: every combination of what a decision depends on, under exactly one rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import pytest

from engine.access.decide import (
    Action,
    Allow,
    Approval,
    Decision,
    Deny,
    Kind,
    LinkFacts,
    Resource,
    SessionFacts,
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
    link_fits: bool
    """The link is for this target."""
    token: Token
    role: Role
    """The link's for an offer that opens, the session's else."""
    approval: Approval
    target: str
    usage: str
    same_link: bool
    """The session was opened by the same: this app, nobody proven, or a holder of this link."""
    same_target: bool
    """The session was opened in this target."""
    closing: bool

    # Words of the specification.

    @property
    def holds_link(self) -> bool:
        return self.kind is Kind.LINK

    @property
    def holds_valid_link(self) -> bool:
        """One that the host knows and has not revoked; it may have ended by itself."""
        return self.holds_link and self.link not in (UNKNOWN, ShareState.REVOKED)

    @property
    def exists(self) -> bool:
        return self.target != "missing"

    @property
    def runs(self) -> bool:
        return self.target in ("shared", "private")

    @property
    def entitled(self) -> bool:
        """The target exists, and this subject may open it, whatever its state."""
        match self.kind:
            case Kind.OWN:
                return self.exists
            case Kind.GUEST:
                return self.target in ("shared", "stopped")
        return self.exists and self.holds_valid_link and self.link_fits

    @property
    def ended(self) -> bool:
        """The link opens no new session any more."""
        return self.holds_link and self.link in (ShareState.EXPIRED, ShareState.USED)

    @property
    def others_link(self) -> str:
        return "another" if self.holds_link else ""

    @property
    def is_its_guest(self) -> bool:
        return self.token is Token.RIGHT and self.same_link


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
    "guest full": Usage(2, 3, 2, 2),
}


OTHERS = {Kind.OWN: Kind.GUEST, Kind.GUEST: Kind.OWN, Kind.LINK: Kind.LINK}
"""Who opened a session that another subject has the token of."""


def cases(action: Action) -> Iterator[Case]:
    columns = (
        (action,),
        Kind,
        (*ShareState, UNKNOWN),
        (True, False),
        Token,
        Role,
        Approval,
        (*TARGETS, "missing"),
        USAGES,
        (True, False),
        (True, False),
        (True, False),
    )
    return (Case(*row) for row in product(*columns))


def decision(case: Case) -> Decision:
    link = None
    if case.holds_link and case.link is not UNKNOWN:
        asks = case.approval is Approval.NEEDED
        link = LinkFacts("ours", "web" if case.link_fits else "db", case.role, asks, case.link)
    session = None
    if case.action is not Action.OPEN:
        session = SessionFacts(
            "s",
            "web" if case.same_target else "db",
            case.kind if case.same_link else OTHERS[case.kind],
            ("ours" if case.holds_link else "") if case.same_link else case.others_link,
            case.role,
            case.approval,
            case.closing,
        )
    resource = Resource("web", TARGETS.get(case.target), session, USAGES[case.usage])
    return decide(Subject(case.kind, link, case.token), case.action, resource)


class Rule(NamedTuple):
    says: str
    on: tuple[Action, ...]
    when: Callable[[Case], bool]
    then: Callable[[Case], str | Allow]
    """The code of the denial, or the permission."""


def denied(code: str) -> Callable[[Case], str]:
    return lambda case: code


def as_the_session(case: Case) -> Allow:
    return Allow(case.role, case.approval is Approval.NEEDED)


OPEN, RETURN, CONNECT = (Action.OPEN,), (Action.RETURN,), (Action.CONNECT,)
OFFER = OPEN + RETURN
TYPING = (Action.WRITE, Action.RESIZE)

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
        "a link opens its own target and no other",
        OFFER,
        lambda c: c.exists and c.holds_valid_link and not c.link_fits,
        denied("access_denied"),
    ),
    Rule(
        "without a proof only what is shared opens",
        OFFER,
        lambda c: c.exists and c.kind is Kind.GUEST and not c.entitled,
        denied("access_denied"),
    ),
    Rule(
        "an expired link opens no new session",
        OPEN,
        lambda c: c.entitled and c.holds_link and c.link is ShareState.EXPIRED,
        denied("link_expired"),
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
        lambda c: c.entitled and not c.ended and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "a full host opens no session, not even for this app",
        OPEN,
        lambda c: c.entitled and not c.ended and c.runs and c.usage == "host full",
        denied("session_limit"),
    ),
    Rule(
        "a guest has a limit of its own",
        OPEN,
        lambda c: (
            c.entitled
            and not c.ended
            and c.runs
            and c.usage == "guest full"
            and c.kind is not Kind.OWN
        ),
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
        lambda c: c.holds_link and c.entitled and not c.ended and c.runs and c.usage == "room",
        lambda c: Allow(c.role, c.approval is Approval.NEEDED),
    ),
    Rule(
        "what is shared opens for everybody",
        OPEN,
        lambda c: c.kind is Kind.GUEST and c.target == "shared" and c.usage == "room",
        lambda c: Allow(Role.CONTROL),
    ),
    Rule(
        "a target has to run for a return to it",
        RETURN,
        lambda c: c.entitled and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "an offer with an id in use and no token is not a return",
        RETURN,
        lambda c: c.entitled and c.runs and c.token is Token.ABSENT,
        denied("session_exists"),
    ),
    Rule(
        "a wrong token opens no session",
        RETURN,
        lambda c: c.entitled and c.runs and c.token is Token.WRONG,
        denied("access_denied"),
    ),
    Rule(
        "the right token in other hands opens no session",
        RETURN,
        lambda c: c.entitled and c.runs and c.token is Token.RIGHT and not c.same_link,
        denied("access_denied"),
    ),
    Rule(
        "a return names the session's target",
        RETURN,
        lambda c: c.entitled and c.runs and c.is_its_guest and not c.same_target,
        denied("bad_request"),
    ),
    Rule(
        "nobody returns to a session that is being closed",
        RETURN,
        lambda c: c.entitled and c.runs and c.is_its_guest and c.same_target and c.closing,
        denied("session_exists"),
    ),
    Rule(
        "else its guest returns, to the role it had; limits, expiry and uses do not count",
        RETURN,
        lambda c: c.entitled and c.runs and c.is_its_guest and c.same_target and not c.closing,
        as_the_session,
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
        "a revoked link, and one for another target, starts no terminal",
        CONNECT,
        lambda c: (
            not c.closing and c.exists and c.holds_link and c.link is not UNKNOWN and not c.entitled
        ),
        denied("access_denied"),
    ),
    Rule(
        "without a proof a terminal starts only in what is shared now",
        CONNECT,
        lambda c: not c.closing and c.exists and c.kind is Kind.GUEST and not c.entitled,
        denied("access_denied"),
    ),
    Rule(
        "a target has to run for a terminal",
        CONNECT,
        lambda c: not c.closing and c.entitled and not c.runs,
        denied("target_not_running"),
    ),
    Rule(
        "else a terminal starts, once the host has let the guest in; its link may have ended",
        CONNECT,
        lambda c: not c.closing and c.entitled and c.runs,
        as_the_session,
    ),
    # What enters the terminal. A link is revoked by closing its sessions.
    Rule(
        "nothing enters the terminal of a closed session",
        TYPING,
        lambda c: c.closing,
        denied("pty_closed"),
    ),
    Rule(
        "who waits for the host types and resizes nothing",
        TYPING,
        lambda c: not c.closing and c.approval is Approval.NEEDED,
        denied("access_denied"),
    ),
    Rule(
        "who may only watch types and resizes nothing",
        TYPING,
        lambda c: not c.closing and c.approval is not Approval.NEEDED and c.role is Role.VIEW,
        denied("access_denied"),
    ),
    Rule(
        "who has control types and resizes",
        TYPING,
        lambda c: not c.closing and c.approval is not Approval.NEEDED and c.role is Role.CONTROL,
        lambda c: Allow(Role.CONTROL),
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


@pytest.mark.parametrize("action", [Action.OPEN, Action.RETURN, Action.CONNECT])
def test_whatever_else_holds_a_revoked_or_unknown_link_opens_nothing(action: Action) -> None:
    for case in cases(action):
        if case.holds_link and case.link in (UNKNOWN, ShareState.REVOKED):
            assert isinstance(decision(case), Deny), case


@pytest.mark.parametrize("action", Action)
def test_whatever_else_holds_no_decision_raises_a_role(action: Action) -> None:
    for case in cases(action):
        if case.role is Role.VIEW and (case.holds_link or action is not Action.OPEN):
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


def test_what_needs_a_session_is_not_decided_without_one() -> None:
    for action in set(Action) - {Action.OPEN}:
        with pytest.raises(ValueError, match="session"):
            decide(Subject(Kind.OWN), action, Resource("web", TARGETS["shared"]))


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
