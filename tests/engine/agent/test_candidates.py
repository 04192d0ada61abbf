"""Candidates that come before their offer: held, bounded, and given to the right connection."""

from __future__ import annotations

from engine.agent.candidates import HeldCandidates
from engine.wire.signaling import Ice


def test_held_candidates_are_bounded() -> None:
    held = HeldCandidates()
    for number in range(held.MAX_SESSIONS + 10):
        held.hold(Ice(str(number), "x"))
    assert held.release("0") == []
    assert len(held.release(str(held.MAX_SESSIONS + 9))) == 1
    for _ in range(held.MAX_PER_SESSION + 10):
        held.hold(Ice("many", "x"))
    assert len(held.release("many")) == held.MAX_PER_SESSION


def test_candidates_that_name_another_connection_are_dropped() -> None:
    held = HeldCandidates()
    for line in ("candidate:1 ufrag mine", "candidate:2 ufrag other", "candidate:3"):
        held.hold(Ice("s", line))
    assert [line for line, _, _ in held.release("s", "mine")] == [
        "candidate:1 ufrag mine",
        "candidate:3",
    ]
    assert held.release("s", "mine") == []
