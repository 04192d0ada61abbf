"""Reassembly, SACKs and bounds, whatever order the chunks come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import ProtocolError
from engine.transport.sctp.inbound import (
    CHUNK_OVERHEAD,
    MAX_DUPLICATES,
    MAX_GAPS,
    MAX_MESSAGE,
    MAX_SKIP,
    WINDOW,
    Chunk,
    Inbound,
    Message,
)
from engine.transport.sctp.packet import CHUNK_HEADER, FIRST_FRAGMENT, LAST_FRAGMENT, parse_sack

WHOLE = FIRST_FRAGMENT | LAST_FRAGMENT


def chunk(data: bytes, flags: int = WHOLE, stream: int = 1) -> Chunk:
    return Chunk(flags, stream, 53, data)


def fragments(messages: list[bytes], size: int) -> list[Chunk]:
    chunks = []
    for message in messages:
        for at in range(0, len(message), size):
            first = FIRST_FRAGMENT if at == 0 else 0
            last = LAST_FRAGMENT if at + size >= len(message) else 0
            chunks.append(chunk(message[at : at + size], first | last))
    return chunks


def sacked(inbound: Inbound) -> tuple[int, int, list[tuple[int, int]]]:
    return parse_sack(inbound.sack()[CHUNK_HEADER:])


@given(
    st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=8),
    st.integers(1, 5),
    st.sampled_from([1, 2**32 - 3, 2**31 - 2]),
    st.data(),
)
def test_any_order_gives_the_same_messages_in_order(
    messages: list[bytes], size: int, first: int, data: st.DataObject
) -> None:
    chunks = dict(enumerate(fragments(messages, size), first))
    again = data.draw(st.lists(st.sampled_from(sorted(chunks)), max_size=5))
    order = data.draw(st.permutations([*chunks, *again]))
    inbound, arrived, seen = Inbound(first - 1), [], set[int]()
    for tsn in order:
        arrived += inbound.add(tsn & 0xFFFFFFFF, chunks[tsn])
        seen.add(tsn)
        # The SACK tells exactly what has come.
        cumulative, _, gaps = sacked(inbound)
        told = set(range(first, inbound.cumulative + 1))
        assert cumulative == inbound.cumulative & 0xFFFFFFFF
        for start, end in gaps:
            assert start > 1
            told |= {inbound.cumulative + n for n in range(start, end + 1)}
        assert told == seen
    assert arrived == [(1, 53, message) for message in messages]
    assert not inbound.has_gaps
    assert sacked(inbound)[1] == WINDOW


def test_a_duplicate_is_reported_once() -> None:
    inbound = Inbound(0)
    inbound.add(1, chunk(b"a"))
    assert inbound.add(1, chunk(b"a")) == []
    assert inbound.has_gaps
    assert inbound.sack()[-4:] == b"\0\0\0\1"
    assert len(inbound.sack()) == 16
    for _ in range(MAX_DUPLICATES + 5):
        inbound.add(1, chunk(b"a"))
    assert len(inbound.sack()) == 16 + 4 * MAX_DUPLICATES


def test_a_long_message_ends_the_association() -> None:
    inbound = Inbound(0)
    inbound.add(1, chunk(bytes(MAX_MESSAGE), FIRST_FRAGMENT))
    with pytest.raises(ProtocolError):
        inbound.add(2, chunk(b"x", 0))


def test_what_is_held_is_bounded_in_bytes_and_in_chunks() -> None:
    inbound = Inbound(0)
    for tsn in range(2, 2 + 2 * WINDOW // 1000):
        inbound.add(tsn, chunk(bytes(1000)))
    _, window, gaps = sacked(inbound)
    held = gaps[0][1] - gaps[0][0] + 1
    assert held == WINDOW // (1000 + CHUNK_OVERHEAD)
    assert window < 1000 + CHUNK_OVERHEAD
    # What was dropped comes again, and all is well.
    arrived = inbound.add(1, chunk(b"first"))
    assert len(arrived) == held + 1
    assert sacked(inbound)[1] == WINDOW
    sparse = Inbound(0)
    for tsn in range(2, 60_000, 2):
        sparse.add(tsn, chunk(b"x"))
    assert len(sacked(sparse)[2]) == MAX_GAPS
    between = [sparse.add(tsn, chunk(b"y")) for tsn in range(1, 60_000, 2)]
    kept = [data for messages in between for _, _, data in messages if data == b"x"]
    assert len(kept) == WINDOW // (1 + CHUNK_OVERHEAD)


def test_gaps_too_far_for_16_bits_are_left_out() -> None:
    inbound = Inbound(0)
    inbound.add(3, chunk(b"near"))
    inbound.add(70_000, chunk(b"far"))
    assert sacked(inbound)[2] == [(3, 3)]


def test_forward_tsn_gives_up_what_is_missing_only() -> None:
    inbound = Inbound(0)
    inbound.add(1, chunk(b"begun", FIRST_FRAGMENT))
    inbound.add(4, chunk(b"whole"))
    assert inbound.skip_to(3) == [(1, 53, b"whole")]
    assert inbound.cumulative == 4
    assert inbound.skip_to(2) == []
    assert inbound.add(5, chunk(b"rest of something skipped", LAST_FRAGMENT)) == []
    assert inbound.add(6, chunk(b"next")) == [(1, 53, b"next")]
    with pytest.raises(ProtocolError):
        inbound.skip_to(6 + MAX_SKIP + 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 7), st.binary(min_size=1, max_size=3)),
        max_size=60,
    )
)
def test_a_hostile_sender_does_no_harm(sent: list[tuple[int, int, bytes]]) -> None:
    inbound = Inbound(100)
    messages: list[Message] = []
    for tsn, flags, data in sent:
        messages += inbound.add(tsn, chunk(data, flags))
        sacked(inbound)
    assert inbound.cumulative >= 100
