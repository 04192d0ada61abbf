"""Every byte typed arrives once, however the connection comes and goes."""

from __future__ import annotations

import random

import pytest

from engine.core.errors import LimitError
from engine.wire.outbox import LIMIT, Outbox
from engine.wire.terminal import MAX_V1_MESSAGE, WINDOW

DATA = random.Random(9).randbytes(2 * WINDOW)


def drain(outbox: Outbox) -> bytes:
    sent = b""
    while (part := outbox.next()) is not None:
        assert len(part) <= MAX_V1_MESSAGE
        sent += part
    return sent


def test_it_sends_a_window_and_then_waits() -> None:
    outbox = Outbox()
    outbox.push(DATA)
    assert drain(outbox) == DATA[:WINDOW]
    outbox.acknowledge(1000)
    assert outbox.next() == DATA[WINDOW : WINDOW + 1000]
    outbox.acknowledge(10**9)
    assert outbox.next() == DATA[WINDOW + 1000 : WINDOW + 1000 + MAX_V1_MESSAGE]


def test_a_smaller_window_of_the_agent_holds() -> None:
    outbox = Outbox()
    outbox.resume(0, 4)
    outbox.push(b"abcdef")
    assert drain(outbox) == b"abcd"
    outbox.acknowledge(1)
    assert drain(outbox) == b"e"


def test_it_sends_again_what_was_not_taken() -> None:
    outbox = Outbox()
    outbox.push(b"0123456789")
    assert outbox.next() == b"0123456789"
    outbox.push(b"abc")
    outbox.resume(4)
    assert outbox.next() == b"456789abc"
    outbox.acknowledge(2)
    assert outbox.next() is None
    outbox.resume(13)
    assert outbox.next() is None


def test_what_was_typed_for_one_shell_never_reaches_the_next() -> None:
    outbox = Outbox()
    outbox.push(b"secret")
    outbox.next(2)
    assert outbox.restart() == 4
    outbox.push(b"x")
    assert drain(outbox) == b"x"


def test_it_is_bounded() -> None:
    outbox = Outbox()
    outbox.push(bytes(LIMIT))
    with pytest.raises(LimitError):
        outbox.push(b"x")


def test_what_is_withdrawn_is_sent_no_more_and_leaves_no_gap() -> None:
    outbox = Outbox()
    outbox.push(b"abcdef")
    assert outbox.next(3) == b"abc"
    outbox.acknowledge(1)
    assert outbox.waiting == 5
    assert outbox.withdraw() == b"bcdef"
    assert outbox.waiting == 0
    outbox.push(b"xyz")
    assert outbox.next() == b"xyz"
    outbox.acknowledge(4)
    assert outbox.waiting == 0
