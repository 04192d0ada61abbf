"""The links of a host: what each is at a moment, and how its uses count."""

from __future__ import annotations

import pytest

from engine.access.links import MAX_ENDED, Links
from engine.core.errors import LinkUnknownError
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
