"""What is typed and not yet taken: a window of it is sent, the rest waits, within a bound."""

from __future__ import annotations

import random

import pytest

from engine.core.errors import LimitError
from engine.wire.outbox import LIMIT, WINDOW, Outbox
from engine.wire.terminal import MAX_V1_MESSAGE

DATA = random.Random(9).randbytes(WINDOW + 1_000_000)


def test_the_outbox_sends_a_window_and_then_waits() -> None:
    outbox = Outbox()
    outbox.push(DATA)
    sent = b""
    while (part := outbox.next()) is not None:
        assert len(part) <= MAX_V1_MESSAGE
        sent += part
    assert sent == DATA[:WINDOW]
    outbox.acknowledge(1000)
    assert outbox.next() == DATA[WINDOW : WINDOW + 1000]
    outbox.acknowledge(10**9)
    assert outbox.next() == DATA[WINDOW + 1000 : WINDOW + 1000 + MAX_V1_MESSAGE]


def test_the_outbox_sends_again_what_was_not_taken() -> None:
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


def test_the_outbox_is_bounded() -> None:
    outbox = Outbox()
    outbox.push(bytes(LIMIT))
    with pytest.raises(LimitError):
        outbox.push(b"x")
