"""The rules of routes, agents and buckets without any socket."""

from __future__ import annotations

import pytest

from engine.core.errors import LimitError
from engine.relay.admission.auth import origin_allowed, printable
from engine.relay.cluster.routing import Routes


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_when_full_the_route_ended_longest_ago_makes_room() -> None:
    routes = Routes(limit=3, per_guest=3, keep_seconds=60)
    for session, guest in (("s1", "live"), ("s2", "first"), ("s3", "second")):
        routes.open(session, guest, "a1")
    with pytest.raises(LimitError):
        routes.open("s4", "new", "a1")
    routes.guest_left("second")
    routes.guest_left("first")
    routes.open("s4", "new", "a1")
    assert [bool(routes.get(s)) for s in ("s1", "s2", "s3", "s4")] == [True, True, False, True]
    assert len(routes) == 3


def test_one_guest_cannot_take_all_the_room() -> None:
    routes = Routes(limit=100, per_guest=2, keep_seconds=60)
    first = routes.open("s1", "g1", "a1")
    routes.open("s2", "g1", "a1")
    with pytest.raises(LimitError):
        routes.open("s3", "g1", "a1")
    routes.open("s3", "g2", "a1")
    routes.close(first)
    routes.open("s4", "g1", "a1")


def test_a_route_outlives_its_guest_for_a_while() -> None:
    clock = Clock()
    routes = Routes(limit=10, per_guest=10, keep_seconds=60, clock=clock)
    routes.open("s1", "g1", "a1")
    routes.open("s2", "g2", "a1")
    routes.guest_left("g1")
    clock.now += 59
    routes.sweep()
    assert routes.get("s1")
    clock.now += 2
    routes.sweep()
    assert routes.get("s1") is None
    assert routes.get("s2")


def test_a_session_moves_to_the_guest_the_agent_accepted() -> None:
    routes = Routes(limit=10, per_guest=10, keep_seconds=60)
    old = routes.open("s1", "g1", "a1")
    routes.confirm("s1", "g1", "a1", connected=True)
    routes.confirm("s1", "g2", "a1", connected=True)
    route = routes.get("s1")
    assert route is not None
    assert (route.guest, route.confirmed) == ("g2", True)
    # Closing what was replaced closes nothing.
    routes.close(old)
    routes.guest_left("g1")
    assert routes.get("s1") is route
    assert route.ended_at is None


def test_a_guest_that_left_while_the_agent_thought_has_an_ended_route() -> None:
    clock = Clock()
    routes = Routes(limit=10, per_guest=10, keep_seconds=60, clock=clock)
    routes.open("s1", "g1", "a1")
    routes.guest_left("g1")
    routes.confirm("s1", "g1", "a1", connected=False)
    clock.now += 61
    routes.sweep()
    assert len(routes) == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann", "Ann"),
        ("  Ann\n", "Ann"),
        ("a\x1b]0;x\x07b", "a]0;xb"),
        ("\u202eevil", "evil"),
        ("x" * 500, "x" * 80),
        (None, ""),
        (5, ""),
    ],
)
def test_a_name_is_shown_without_what_could_deceive(text: object, shown: str) -> None:
    assert printable(text) == shown


class Request:
    """What of a request the check of its origin looks at."""

    def __init__(self, scheme: str, host: str) -> None:
        self.scheme = scheme
        self.host = host


@pytest.mark.parametrize(
    ("origin", "host", "bound", "allowed"),
    [
        ("http://127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", True),
        ("http://[::1]:80", "[::1]:80", "::1", True),
        ("http://box.lan", "box.lan", "127.0.0.1", False),
        ("http://box.lan", "box.lan", "0.0.0.0", True),
        ("http://box.lan", "other.lan", "0.0.0.0", False),
        ("http://[", "[", "127.0.0.1", False),
    ],
)
def test_an_origin_is_the_relays_own_by_name_only_where_names_reach_it(
    origin: str, host: str, bound: str, allowed: bool
) -> None:
    request = Request("http", host)
    assert origin_allowed(origin, request, bound, frozenset()) is allowed
