"""Limits of shells: whose give way, and that nobody else's ever do."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.decide import Deny
from engine.access.limits import Held, Room, make_room
from engine.core.settings import SessionSettings

SETTINGS = SessionSettings(max_shells=4, max_shells_per_guest=3, max_shells_per_link=2)


def refusal(made: Room | Deny) -> str:
    assert isinstance(made, Deny)
    assert made.code == "session_limit"
    return made.reason


def test_below_the_limits_nothing_ends() -> None:
    shells = [Held("1", "ada", "x"), Held("2", "ada", "y", detached_at=1.0)]
    assert make_room(shells, "ada", "x", SETTINGS) == Room()
    assert make_room([], "", "", SETTINGS) == Room()


def test_the_shell_that_was_left_first_ends() -> None:
    shells = [
        Held("1", "ada", detached_at=5.0),
        Held("2", "ada", detached_at=3.0),
        Held("3", "ada"),
    ]
    assert make_room(shells, "ada", "", SETTINGS) == Room(("2",))


def test_an_attached_shell_never_ends() -> None:
    shells = [Held(str(at), "ada") for at in range(3)]
    assert refusal(make_room(shells, "ada", "", SETTINGS)) == (
        "You have reached the limit of 3 terminals per guest"
    )


def test_a_full_host_ends_nothing_of_another_guest() -> None:
    shells = [Held(str(at), f"guest {at}", detached_at=1.0) for at in range(4)]
    assert "host has reached" in refusal(make_room(shells, "ada", "", SETTINGS))
    assert make_room(shells, "guest 2", "", SETTINGS) == Room(("2",))


def test_only_the_links_own_shells_make_room_for_it() -> None:
    shells = [
        Held("1", "ada", "x"),
        Held("2", "bob", "x", detached_at=1.0),
        Held("3", "ada", "y", detached_at=2.0),
    ]
    assert "link has reached" in refusal(make_room(shells, "ada", "x", SETTINGS))
    assert make_room(shells, "bob", "x", SETTINGS) == Room(("2",))


def test_one_end_makes_room_in_every_limit_that_it_can() -> None:
    shells = [
        Held("1", "ada", "y", detached_at=1.0),
        Held("2", "ada", "x", detached_at=2.0),
        Held("3", "ada", "x"),
        Held("4", "bob", "z"),
    ]
    assert make_room(shells, "ada", "x", SETTINGS) == Room(("2",))


def test_a_lowered_limit_takes_several() -> None:
    shells = [Held(str(at), "ada", detached_at=float(at)) for at in range(4)]
    lower = msgspec.structs.replace(SETTINGS, max_shells_per_guest=2)
    assert make_room(shells, "ada", "", lower) == Room(("0", "1", "2"))


def test_own_shells_count_for_the_host_alone_and_never_end() -> None:
    shells = [Held(str(at), "", detached_at=1.0) for at in range(3)]
    assert make_room(shells, "", "", SETTINGS) == Room()
    assert make_room(shells, "ada", "", SETTINGS) == Room()
    shells.append(Held("3", "", detached_at=1.0))
    for owner in ("", "ada"):
        assert "host has reached" in refusal(make_room(shells, owner, "", SETTINGS))


OWNERS = st.sampled_from(["", "ada", "bob", "eve"])
LINKS = st.sampled_from(["", "x", "y"])
Row = tuple[str, str, float | None]


def held(rows: list[Row]) -> list[Held]:
    return [
        Held(str(at), owner, link_id if owner else "", detached_at)
        for at, (owner, link_id, detached_at) in enumerate(rows)
    ]


SHELLS = st.lists(st.tuples(OWNERS, LINKS, st.none() | st.floats(0, 10)), max_size=12).map(held)


@given(SHELLS, OWNERS, LINKS)
def test_after_the_ends_one_more_fits_and_only_own_detached_shells_end(
    shells: list[Held], owner: str, link_id: str
) -> None:
    link_id = link_id if owner else ""
    made = make_room(shells, owner, link_id, SETTINGS)
    if isinstance(made, Deny):
        return
    ended = [shell for shell in shells if shell.id in made.ends]
    assert len(ended) == len(made.ends)
    assert all(one.owner == owner != "" and one.detached_at is not None for one in ended)
    left = [shell for shell in shells if shell.id not in made.ends] + [Held("new", owner, link_id)]
    assert len(left) <= SETTINGS.max_shells
    if owner:
        assert Counter(one.owner for one in left)[owner] <= SETTINGS.max_shells_per_guest
    if link_id:
        assert Counter(one.link_id for one in left)[link_id] <= SETTINGS.max_shells_per_link
    # No end was for nothing.
    for one in ended:
        without = [shell for shell in shells if shell is one or shell not in ended]
        assert make_room(without, owner, link_id, SETTINGS) != Room()


@pytest.mark.parametrize("owner", ["", "ada"])
def test_the_default_limits(owner: str) -> None:
    limits = SessionSettings()
    assert (limits.max_shells, limits.max_shells_per_guest) == (256, 64)
    assert (limits.max_shells_per_link, limits.max_participants) == (128, 64)
    shells = [Held(str(at), f"guest {at}") for at in range(255)]
    assert make_room(shells, owner, "", limits) == Room()
    assert isinstance(make_room([*shells, Held("last", "")], owner, "", limits), Deny)
