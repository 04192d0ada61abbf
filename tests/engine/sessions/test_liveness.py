"""Silence, and pings that are not answered."""

from __future__ import annotations

from engine.sessions.liveness import Liveness


def test_silence_alone_owes_no_answer() -> None:
    guest = Liveness(100)
    assert (guest.silence(160), guest.unanswered(160)) == (60, 0)


def test_the_first_ping_without_an_answer_counts() -> None:
    guest = Liveness(100)
    guest.asked(160)
    guest.asked(170)
    assert guest.unanswered(190) == 30
    guest.heard(191)
    assert (guest.silence(192), guest.unanswered(192)) == (1, 0)
    guest.asked(200)
    assert guest.unanswered(205) == 5
