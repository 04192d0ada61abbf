"""Resume tokens: one participant, one shell, one connection at a time, and when it is void."""

from __future__ import annotations

import re

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from engine.access.decide import (
    Action,
    Allow,
    Deny,
    Kind,
    LinkFacts,
    Resource,
    ShellFacts,
    Subject,
    Token,
    decide,
)
from engine.access.returns import MAX_DISPLACED, MAX_PER_SHELL, Place, Returns
from engine.core.model import Role, ShareState


@pytest.fixture
def returns() -> Returns:
    return Returns()


def issue(
    returns: Returns,
    participant: str = "p1",
    session: str = "s1",
    *,
    shell: str = "one",
    role: Role = Role.CONTROL,
    link: str = "link",
) -> str:
    return returns.issue(shell, participant, session, role, Kind.LINK, link)


def found(returns: Returns, token: str) -> Place:
    place = returns.find(token)
    assert place is not None
    return place


def test_a_token_leads_to_one_participant_of_one_shell(returns: Returns) -> None:
    token = issue(returns)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token)
    other = issue(returns, shell="two")
    third = issue(returns, "p2")
    assert len({token, other, third}) == 3
    assert found(returns, token) == Place(
        "one", "p1", Kind.LINK, "link", Role.CONTROL, "s1", in_use=True
    )
    assert found(returns, other).shell_id == "two"
    assert (returns.check(token), returns.check("x" * 22)) == (Token.RIGHT, Token.WRONG)
    assert returns.find("x" * 22) is None


@pytest.mark.parametrize("token", ["", None])
def test_no_token_is_none(returns: Returns, token: str | None) -> None:
    assert (returns.find(token), returns.check(token)) == (None, Token.ABSENT)


@pytest.mark.parametrize("token", ["é", "\ud800", "x" * 10_000, "\0"])
def test_strange_text_is_no_token(returns: Returns, token: str) -> None:
    issue(returns)
    assert returns.check(token) is Token.WRONG
    assert returns.use(token, "s2") == ""


def test_a_participant_keeps_its_token_over_its_connections(returns: Returns) -> None:
    token = issue(returns)
    returns.lost("s1")
    assert not found(returns, token).in_use
    assert issue(returns, session="s2") == token
    assert (found(returns, token).session_id, found(returns, token).in_use) == ("s2", True)


def test_a_second_use_displaces_the_first(returns: Returns) -> None:
    token = issue(returns)
    assert returns.use(token, "s2") == "s1"
    assert (returns.was_displaced("s1"), returns.was_displaced("s2")) == (True, False)
    # "Come back here".
    assert returns.use(token, "s1") == "s2"
    assert (returns.was_displaced("s1"), returns.was_displaced("s2")) == (False, True)
    assert found(returns, token).session_id == "s1"


def test_the_same_session_displaces_nobody(returns: Returns) -> None:
    token = issue(returns)
    assert returns.use(token, "s1") == ""
    assert not returns.was_displaced("s1")


def test_a_lost_connection_does_not_take_its_place_back_by_itself(returns: Returns) -> None:
    token = issue(returns)
    returns.lost("s1")
    assert returns.use(token, "s2") == "s1"
    assert returns.was_displaced("s1")


def test_a_token_is_void_after_the_host_removed_its_participant(returns: Returns) -> None:
    token, other = issue(returns), issue(returns, "p2", "s2")
    returns.removed("one", "p1")
    assert found(returns, token).removed
    assert returns.use(token, "s9") == ""
    assert not found(returns, other).is_void
    # Whoever comes anew under that id is not the one that was removed.
    fresh = issue(returns)
    assert fresh != token
    assert (found(returns, fresh).is_void, found(returns, token).is_void) == (False, True)


def test_tokens_are_void_when_their_link_is_revoked(returns: Returns) -> None:
    by_link, by_other, without = (
        issue(returns),
        issue(returns, "p2", link="other"),
        issue(returns, "p3", link=""),
    )
    returns.link_revoked("link")
    assert [found(returns, token).removed for token in (by_link, by_other, without)] == [
        True,
        False,
        False,
    ]


def test_tokens_of_an_ended_shell_are_known_as_that(returns: Returns) -> None:
    token, other = issue(returns), issue(returns, shell="two")
    returns.shell_ended("one")
    assert (found(returns, token).ended, found(returns, token).removed) == (True, False)
    assert returns.use(token, "s2") == ""
    assert not found(returns, other).is_void


def test_a_participant_comes_back_with_the_role_it_had_last(returns: Returns) -> None:
    token = issue(returns, role=Role.CONTROL)
    returns.set_role("one", "p1", Role.VIEW)
    assert (found(returns, token).role, found(returns, token).facts().role) == (Role.VIEW,) * 2
    returns.set_role("one", "nobody", Role.CONTROL)


def test_the_token_is_not_shown(returns: Returns) -> None:
    token = issue(returns)
    assert token not in repr(returns.find(token))


def test_the_tokens_of_a_shell_are_bounded_and_those_in_use_stay(returns: Returns) -> None:
    present = issue(returns, "present", "s0")
    gone = [issue(returns, f"p{at}", f"s{at}") for at in range(1, MAX_PER_SHELL)]
    for at in range(1, MAX_PER_SHELL):
        returns.lost(f"s{at}")
    elsewhere = issue(returns, shell="two")
    latest = issue(returns, "latest", "s-latest")
    assert returns.find(gone[0]) is None
    assert all(returns.find(token) for token in (present, *gone[1:], elsewhere, latest))


def test_void_tokens_go_before_valid_ones(returns: Returns) -> None:
    tokens = [issue(returns, f"p{at}", f"s{at}") for at in range(MAX_PER_SHELL)]
    returns.lost("s0")
    returns.removed("one", "p5")
    issue(returns, "latest")
    assert returns.find(tokens[0]) is not None
    assert returns.find(tokens[5]) is None


def test_displaced_sessions_are_forgotten_after_many(returns: Returns) -> None:
    token = issue(returns, session="s0")
    for at in range(1, MAX_DISPLACED + 2):
        returns.use(token, f"s{at}")
    assert not returns.was_displaced("s0")
    assert returns.was_displaced("s1")


def test_a_decision_on_a_return_takes_the_place_for_its_facts(returns: Returns) -> None:
    token = issue(returns, role=Role.VIEW)
    link = LinkFacts("link", "web", Role.CONTROL, False, ShareState.USED, shell="one")

    def decision(token: str, link: LinkFacts) -> Allow | str:
        place = returns.find(token)
        made = decide(
            Subject(Kind.LINK, link, returns.check(token)),
            Action.RESUME,
            Resource(
                "web",
                shell=ShellFacts("one", "web", ended=place is not None and place.ended),
                participant=place.facts() if place is not None else None,
            ),
        )
        return made.code if isinstance(made, Deny) else made

    assert decision(token, link) == Allow(Role.VIEW)
    other = LinkFacts("other", "web", Role.CONTROL, False, ShareState.ACTIVE, shell="one")
    assert decision(token, other) == "access_denied"
    assert decision("x" * 22, link) == "access_denied"
    returns.shell_ended("one")
    assert decision(token, link) == "shell_ended"


class ManyReturns(RuleBasedStateMachine):
    """At any moment a token leads to its own participant, and is used by one session."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.returns = Returns()
        self.owners: dict[str, tuple[str, str]] = {}
        self.users: dict[str, str] = {}
        self.void: set[str] = set()
        self.sessions = 0

    def session(self) -> str:
        self.sessions += 1
        return f"s{self.sessions}"

    @rule(target=tokens, shell=st.sampled_from("AB"), who=st.sampled_from("xyz"))
    def come(self, shell: str, who: str) -> str:
        session = self.session()
        token = self.returns.issue(shell, who, session, Role.CONTROL, Kind.LINK, f"link {who}")
        assert self.owners.setdefault(token, (shell, who)) == (shell, who)
        assert token not in self.void
        self.users[token] = session
        return token

    @rule(token=tokens)
    def come_back(self, token: str) -> None:
        session = self.session()
        displaced = self.returns.use(token, session)
        if token in self.void:
            assert displaced == ""
        else:
            assert displaced == self.users[token]
            assert self.returns.was_displaced(displaced)
            self.users[token] = session

    @rule(token=tokens)
    def remove(self, token: str) -> None:
        self.returns.removed(*self.owners[token])
        self.void |= {one for one, owner in self.owners.items() if owner == self.owners[token]}

    @rule(who=st.sampled_from("xyz"))
    def revoke(self, who: str) -> None:
        self.returns.link_revoked(f"link {who}")
        self.void |= {one for one, owner in self.owners.items() if owner[1] == who}

    @rule(shell=st.sampled_from("AB"))
    def end(self, shell: str) -> None:
        self.returns.shell_ended(shell)
        self.void |= {one for one, owner in self.owners.items() if owner[0] == shell}

    @invariant()
    def each_token_leads_to_its_own(self) -> None:
        for token, owner in self.owners.items():
            place = self.returns.find(token)
            assert place is not None
            assert (place.shell_id, place.participant_id) == owner
            assert place.is_void == (token in self.void)
            if not place.is_void:
                assert place.session_id == self.users[token]
                assert not self.returns.was_displaced(place.session_id)


TestManyReturns = ManyReturns.TestCase
