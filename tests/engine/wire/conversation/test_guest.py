"""The guest's end by itself: losses, what is held, and what the agent says of others. The order
of messages is in tests/engine/wire/test_conversation.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import LimitError
from engine.core.model import Role, Size
from engine.wire import terminal as wire
from engine.wire.conversation.guest import (
    HELD_AFTER_SECONDS,
    GuestConversation,
    Moment,
    Return,
)
from engine.wire.outbox import LIMIT

TIMES = st.floats(-1e9, 1e9)


def welcomed(
    before: Return | None = None, *, away: float = 0.0, typed: bool = False, taken: int = 0
) -> GuestConversation:
    guest = GuestConversation(Size(), capabilities=[wire.KEYBOARD], before=before)
    guest.open()
    welcome = wire.Welcome(
        "s",
        "t",
        Role.CONTROL,
        "token",
        wire.WINDOW,
        resumed=before is not None,
        taken=taken,
        capabilities=(wire.KEYBOARD,),
        shell="sh1",
        participant="p2",
        typed=typed,
    )
    guest.receive_text(wire.encode(welcome), away=away)
    guest.receive_text(wire.encode(wire.PtyConnected("t")))
    return guest


def sent_by(guest: GuestConversation) -> bytes:
    sent = b""
    while isinstance(data := guest.next_input(), bytes):
        sent += data
    return sent


@given(TIMES, TIMES, TIMES, TIMES)
def test_an_age_is_the_larger_of_both_clocks(
    monotonic: float, wall: float, monotonic_now: float, wall_now: float
) -> None:
    age = Moment(monotonic, wall).age(Moment(monotonic_now, wall_now))
    assert age == max(0, monotonic_now - monotonic, wall_now - wall)


def test_the_loss_that_counts_is_the_first_since_the_last_welcome() -> None:
    first, second = Moment(1, 1001), Moment(50, 1050)
    before = welcomed().leave(first)
    assert before.lost == first
    attempt = GuestConversation(Size(), before=before)
    attempt.open()
    assert attempt.leave(second).lost == first
    assert welcomed(before).leave(second).lost == second


def test_without_a_loss_nothing_is_held_however_long_the_approval_took() -> None:
    guest = GuestConversation(Size())
    guest.type(b"early")
    welcome = wire.Welcome("s", "t", Role.CONTROL, "token", wire.WINDOW)
    guest.receive_text(wire.encode(welcome), away=HELD_AFTER_SECONDS + 600)
    guest.receive_text(wire.encode(wire.PtyConnected("t")))
    assert guest.held_input == b""
    assert sent_by(guest) == b"early"


def test_what_is_held_moves_to_the_next_connection() -> None:
    guest = welcomed()
    guest.type(b"rm x\r")
    assert guest.next_input() == b"rm x\r"
    again = welcomed(guest.leave(Moment(0, 0)), typed=True)
    assert again.held_input == b"rm x\r"
    assert sent_by(again) == b""
    before = again.leave(Moment(9, 9))
    assert again.held_input == b""
    third = welcomed(before)
    assert third.held_input == b"rm x\r"
    third.send_held()
    assert sent_by(third) == b"rm x\r"


def test_what_is_held_for_a_shell_goes_with_it() -> None:
    guest = welcomed()
    guest.type(b"rm x\r")
    held = welcomed(guest.leave(Moment(0, 0)), typed=True)
    plain = GuestConversation(Size(), before=held.leave(Moment(9, 9)))
    plain.open()
    plain.receive_text(wire.encode(wire.PtyConnected("t")))
    assert plain.held_input == b""


def test_what_is_held_counts_against_the_limit_so_it_can_always_be_sent() -> None:
    guest = welcomed()
    guest.type(bytes(LIMIT - 2))
    again = welcomed(guest.leave(Moment(0, 0)), away=31)
    again.type(b"xy")
    with pytest.raises(LimitError):
        again.type(b"z")
    again.send_held()
    assert again.held_input == b""
    again.discard_held()
    with pytest.raises(LimitError):
        again.type(b"z")


def test_nothing_is_requested_once_all_is_over() -> None:
    guest = welcomed()
    assert guest.request(wire.AskKeyboard(True))
    assert not guest.request(wire.Keep())
    guest.receive_text(wire.encode(wire.Exit()))
    assert not guest.request(wire.AskKeyboard(True))


def test_a_holder_without_a_name_is_nobody() -> None:
    guest = GuestConversation(Size(), capabilities=[wire.KEYBOARD])
    welcome = wire.Welcome(
        "s", "t", Role.CONTROL, "token", wire.WINDOW, capabilities=(wire.KEYBOARD,)
    )
    guest.receive_text(wire.encode(welcome))
    guest.receive_text(wire.encode(wire.Keyboard("taken")))
    assert not guest.may_type
