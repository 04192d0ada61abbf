"""What a guest is told of the others, the keyboard and the recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.cli.company import MAX_PEOPLE, Company, changes
from engine.core.model import Asked, KeyboardState, KeyboardView, ParticipantKind, Person, Role

GUEST, HOST = ParticipantKind.GUEST, ParticipantKind.HOST
ME = Person("me", "Me", Role.CONTROL, GUEST)
ANN = Person("ann", "Ann", Role.CONTROL, GUEST)
BOB = Person("bob", "Bob", Role.VIEW, GUEST)
ALONE = Company("me", Role.CONTROL, (ME,), KeyboardView())
BOTH = replace(ALONE, people=(ME, ANN))


def taken(who: str) -> KeyboardView:
    return KeyboardView(KeyboardState.TAKEN, who)


FROZEN = KeyboardView(KeyboardState.FROZEN)
VIEWER = replace(ALONE, role=Role.VIEW)

CASES: list[tuple[Company, Company, list[str]]] = [
    (Company(), ALONE, []),
    (Company(), BOTH, ["Ann is here"]),
    (Company(), replace(ALONE, people=(ANN, ME, BOB)), ["Ann and 1 other are here"]),
    (
        Company(),
        replace(BOTH, keyboard=FROZEN),
        ["The host has frozen the keyboard", "Ann is here"],
    ),
    (ALONE, BOTH, ["Ann has joined and types"]),
    (ALONE, replace(ALONE, people=(ME, BOB)), ["Bob has joined and watches"]),
    (BOTH, ALONE, ["Ann has left"]),
    (BOTH, BOTH, []),
    (BOTH, replace(BOTH, people=(ME, replace(ANN, typing=True))), []),
    (BOTH, replace(BOTH, people=(ME, replace(ANN, role=Role.VIEW))), ["Ann now watches"]),
    (ALONE, replace(ALONE, recorded=True), ["This terminal is recorded"]),
    (replace(ALONE, recorded=True), ALONE, ["This terminal is no longer recorded"]),
    (ALONE, VIEWER, ["You only watch now"]),
    (VIEWER, ALONE, ["You can type now"]),
    (BOTH, replace(BOTH, keyboard=FROZEN), ["The host has frozen the keyboard"]),
    (BOTH, replace(BOTH, keyboard=taken("ann")), ["Ann has the keyboard"]),
    (BOTH, replace(BOTH, keyboard=taken("gone")), ["Somebody else has the keyboard"]),
    (replace(BOTH, keyboard=taken("ann")), BOTH, ["Everybody can type again"]),
    (
        VIEWER,
        replace(ALONE, keyboard=taken("me")),
        ["You have the keyboard: press Enter, then ~k, to hand it back"],
    ),
    (replace(ALONE, keyboard=taken("me")), VIEWER, ["You only watch again"]),
    (
        VIEWER,
        replace(VIEWER, keyboard=KeyboardView(asked=Asked.DENIED)),
        ["The host does not give you the keyboard"],
    ),
    (VIEWER, replace(VIEWER, keyboard=KeyboardView(asked=Asked.WAITING)), []),
]


@pytest.mark.parametrize(("before", "after", "said"), CASES)
def test_what_has_changed(before: Company, after: Company, said: list[str]) -> None:
    assert changes(before, after) == said


def test_what_holds_for_now() -> None:
    assert BOTH.standing == ""
    assert replace(BOTH, keyboard=None).standing == ""
    assert replace(BOTH, keyboard=taken("me")).standing == ""
    assert replace(BOTH, keyboard=taken("ann")).standing == "Ann has the keyboard"
    assert replace(BOTH, keyboard=FROZEN).refusal == "The host has frozen the keyboard"
    assert replace(BOTH, keyboard=taken("ann")).refusal.startswith("Ann has the keyboard: press")
    assert VIEWER.refusal.startswith("You can only watch: press Enter, then ~k")


def test_the_status() -> None:
    assert ALONE.status() == ("You can type.",)
    company = Company("me", Role.VIEW, (ME, ANN, BOB), taken("ann"), recorded=True)
    assert company.status() == (
        "Ann has the keyboard.",
        "This terminal is recorded.",
        "  Ann types",
        "  Bob watches",
    )
    many = tuple(Person(str(n), f"P{n}", Role.VIEW, GUEST) for n in range(MAX_PEOPLE + 5))
    assert replace(ALONE, people=(ME, *many)).status()[-1] == "  and 5 more"


def test_names_are_others_words() -> None:
    evil = Person("x", "\x1b]0;a\x07\u202e" + "b" * 500, Role.CONTROL, GUEST)
    (sentence,) = changes(ALONE, replace(ALONE, people=(ME, evil)))
    assert sentence.isprintable()
    assert len(sentence) < 100
    nobody = replace(ALONE, people=(ME, Person("y", "", Role.VIEW, GUEST)))
    assert changes(ALONE, nobody) == ["A guest has joined and watches"]
    host = replace(ALONE, people=(ME, Person("y", "", Role.CONTROL, HOST)))
    assert changes(ALONE, host) == ["The host has joined and types"]
