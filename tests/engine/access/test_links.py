"""The links of a host: what each is at a moment, and how its uses count."""

from __future__ import annotations

import pytest

from engine.access.links import MAX_ACTIVE, MAX_ENDED, Links
from engine.core.errors import LimitError, LinkUnknownError
from engine.core.events import EventBus
from engine.core.model import Role, ShareState


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def links(clock: Clock) -> Links:
    return Links(EventBus(), clock)


def state(links: Links, link_id: str) -> ShareState:
    facts = links.facts(link_id)
    assert facts is not None
    return facts.state


def test_a_link_expires_when_its_time_is_up(links: Links, clock: Clock) -> None:
    link = links.create("web-1", seconds=60)
    clock.now += 59
    assert state(links, link.id) is ShareState.ACTIVE
    clock.now += 1
    assert state(links, link.id) is ShareState.EXPIRED


def test_a_link_for_one_use_works_once_unless_that_one_came_to_nothing(links: Links) -> None:
    link = links.create("web-1", single_use=True)
    links.use(link.id, "s1")
    assert state(links, link.id) is ShareState.USED
    links.release("another")
    assert state(links, link.id) is ShareState.USED
    links.release("s1")
    assert state(links, link.id) is ShareState.ACTIVE
    links.use(link.id, "s2")
    links.started("s2")
    links.release("s2")
    assert state(links, link.id) is ShareState.USED


def test_each_use_that_came_to_nothing_is_given_back_once(links: Links) -> None:
    link = links.create("web-1")
    for session_id in ("s1", "s2", "s3"):
        links.use(link.id, session_id)
    links.started("s2")
    for session_id in ("s1", "s2", "s3", "s1"):
        links.release(session_id)
    assert links.find(link.id).uses == 1


def test_what_later_guests_get_can_be_changed(links: Links) -> None:
    link = links.create("web-1", approval=True)
    links.change(link.id, role=Role.VIEW, approval=False)
    facts = links.facts(link.id)
    assert facts is not None
    assert (facts.role, facts.approval) == (Role.VIEW, False)


def test_a_join_link_ends_with_its_shell_and_no_other_link_does(links: Links) -> None:
    joins, views = (links.create("web-1", role, shell="one") for role in Role)
    other = links.create("web-1", shell="two")
    opens = links.create("web-1")
    facts = links.facts(joins.id)
    assert facts is not None
    assert (facts.shell, facts.target) == ("one", "web-1")
    assert links.of_shell("one") == (joins, views)
    links.shell_ended("one")
    assert [state(links, link.id) for link in (joins, views, other, opens)] == [
        ShareState.SHELL_ENDED,
        ShareState.SHELL_ENDED,
        ShareState.ACTIVE,
        ShareState.ACTIVE,
    ]
    # A host that revokes it meant that.
    links.revoke(joins.id)
    assert state(links, joins.id) is ShareState.REVOKED


def test_a_link_for_shells_of_its_own_does_not_end_with_any(links: Links) -> None:
    opens = links.create("web-1")
    links.shell_ended("")
    assert state(links, opens.id) is ShareState.ACTIVE


def test_a_join_link_is_never_kept(links: Links) -> None:
    with pytest.raises(ValueError, match="kept"):
        links.create("web-1", shell="one", kept=True)


def test_a_link_says_whether_it_records_also_when_it_is_over(links: Links) -> None:
    records, usual = links.create("web-1", record=True), links.create("web-1")
    links.change(records.id, role=Role.VIEW, approval=True)
    links.revoke(records.id)
    assert links.records(records.id)
    assert not links.records(usual.id)
    assert not links.records("")


def test_suspended_links_work_again_when_that_is_undone(links: Links, clock: Clock) -> None:
    usual, short = links.create("web-1"), links.create("web-1", seconds=60)
    revoked = links.create("web-1")
    links.revoke(revoked.id)
    assert not links.suspended
    links.suspend_all()
    assert links.suspended
    later = links.create("web-1")
    assert [state(links, link.id) for link in (usual, revoked, later)] == [
        ShareState.SUSPENDED,
        ShareState.REVOKED,
        ShareState.ACTIVE,
    ]
    assert {link.id for link in links.active()} == {usual.id, short.id, later.id}
    clock.now += 60
    facts = links.facts(short.id)
    assert facts is not None
    assert (facts.state, facts.suspended) == (ShareState.EXPIRED, True)
    links.resume_all()
    assert not links.suspended
    assert [state(links, link.id) for link in (usual, short, revoked)] == [
        ShareState.ACTIVE,
        ShareState.EXPIRED,
        ShareState.REVOKED,
    ]


def test_one_link_can_be_suspended(links: Links) -> None:
    one, other = links.create("web-1"), links.create("web-1")
    links.suspend(one.id)
    assert (state(links, one.id), state(links, other.id)) == (
        ShareState.SUSPENDED,
        ShareState.ACTIVE,
    )
    links.suspend(one.id, False)
    assert state(links, one.id) is ShareState.ACTIVE
    with pytest.raises(LinkUnknownError):
        links.suspend("x" * 16)


def test_what_changes_all_links_is_published_once_and_only_if_it_changes_any(clock: Clock) -> None:
    events = EventBus()
    links = Links(events, clock)
    for _ in range(3):
        links.create("web-1", shell="one")
    published: list[object] = []
    events.subscribe(published.append)
    for change in (links.suspend_all, links.resume_all, lambda: links.shell_ended("one")):
        change()
        change()
    assert len(published) == 3


def test_suspended_links_count_as_links(links: Links) -> None:
    for _ in range(MAX_ACTIVE):
        links.create("web-1")
    links.suspend_all()
    with pytest.raises(LimitError):
        links.create("web-1")


def test_a_link_nobody_made_is_unknown(links: Links) -> None:
    assert links.facts("x" * 16) is None
    with pytest.raises(LinkUnknownError):
        links.find("x" * 16)


def test_ended_links_are_listed_for_a_while_and_not_for_ever(links: Links) -> None:
    for _ in range(MAX_ENDED + 5):
        links.revoke(links.create("web-1").id)
    active = links.create("web-1")
    assert len(links.list()) == MAX_ENDED + 1
    assert links.active() == (active,)
    assert state(links, links.list()[0].id) is ShareState.REVOKED
