"""The sending side, alone and over bad networks in virtual time."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.sctp.outbound import BURST_BYTES, BURST_PACKETS, Outbound
from engine.transport.sctp.packet import (
    DATA,
    DATA_HEADER,
    FIRST_FRAGMENT,
    LAST_FRAGMENT,
    Sealer,
    open_packet,
    parse_data,
)
from tests.engine.transport.sctp.simulation import ROOM, WINDOW, Association, Network


def outbound(first_tsn: int = 1, window: int = WINDOW) -> Outbound:
    sender = Outbound(first_tsn, ROOM, lambda *_: None)
    sender.window = window
    return sender


def tsns(packets: list[bytes]) -> list[int]:
    sealer = Sealer(1, 1, 1)
    return [
        parse_data(body)[0]
        for packet in packets
        for kind, _, body in open_packet(sealer.seal(packet))[1]
        if kind == DATA
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=60),
    st.floats(0, 0.1),
    st.floats(0, 0.1),
    st.floats(0, 0.05),
    st.floats(0, 0.1),
    st.integers(0, 2**16),
    st.sampled_from([1, 2**32 - 10, 2**31]),
)
def test_every_message_arrives_once_and_in_order(
    sizes: list[int],
    loss: float,
    delay: float,
    jitter: float,
    duplicate: float,
    seed: int,
    first_tsn: int,
) -> None:
    network = Network(delay, jitter, loss, duplicate, seed=seed)
    link = Association(network, first_tsn)
    content = random.Random(seed)
    messages = [content.randbytes(size) for size in sizes]
    for message in messages:
        link.send(message)
    link.run(600)
    assert [data for _, _, data in link.arrived] == messages
    assert sum(link.left) == sum(sizes)
    assert link.sender.on_the_way == 0
    assert link.sender.deadline is None


@pytest.mark.parametrize("loss", [0.0, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1])
def test_a_long_stream_is_equal_by_hash(loss: float, delay: float) -> None:
    link = Association(Network(delay, delay / 4, loss, duplicate=loss / 2))
    sent, arrived = hashlib.sha256(), hashlib.sha256()
    content = random.Random(5)
    for _ in range(200):
        message = content.randbytes(content.randrange(1, 16_384))
        sent.update(message)
        link.send(message)
    link.run(900)
    for _, _, data in link.arrived:
        arrived.update(data)
    assert arrived.digest() == sent.digest()


def test_a_single_loss_is_mended_without_a_time_out() -> None:
    link = Association(Network(delay=0.05))
    for _ in range(100):
        link.send(bytes(1000))
    link.sender.packets(0.0)  # the first ten packets are lost
    link.run(60)
    assert len(link.arrived) == 100
    assert link.timeouts == 1  # nothing came after them to tell of it
    lossy = Association(Network(delay=0.05, loss=0.01, seed=3))
    for _ in range(2000):
        lossy.send(bytes(1000))
    lossy.run(60)
    assert len(lossy.arrived) == 2000
    assert lossy.timeouts == 0


def test_a_narrow_link_is_filled_and_its_queue_is_not_drowned() -> None:
    link = Association(Network(delay=0.02, rate=1_000_000, queue=60_000))
    for _ in range(4000):
        link.send(bytes(1000))
    link.run(60)
    assert len(link.arrived) == 4000
    # 4 MB at 1 MB/s: the wire is busy most of the time, and little is sent twice.
    assert link.now < 5.5
    assert link.packets_sent < 4400


def test_an_urgent_message_goes_next_but_never_into_another_one() -> None:
    link = Association(Network())
    link.send(bytes(50_000))
    for number in range(30):
        link.send(bytes([number]) * 1000)
    first = link.sender.packets(0.0)
    assert first
    link.send(b"urgent 1", urgent=True)
    link.send(b"urgent 2", urgent=True)
    link.send(b"last")
    link.run(30)
    # The first flight was never carried: it comes again by time-out, whole and in order.
    order = [data[:1] + data[-1:] if len(data) == 1000 else data for _, _, data in link.arrived]
    assert order[0] == bytes(50_000)
    assert order[1:3] == [b"urgent 1", b"urgent 2"]
    assert order[3:] == [bytes([n, n]) for n in range(30)] + [b"last"]


def test_the_peers_window_is_kept_but_for_a_probe() -> None:
    sender = outbound(window=3000)
    for _ in range(10):
        sender.enqueue(1, 53, bytes(1000))
    assert len(tsns(sender.packets(0.0))) == 2
    sender.acknowledge(2, 0, [], 0.1)
    # A closed window, nothing on its way: one chunk asks whether it is still closed.
    assert tsns(sender.packets(0.1)) == [3]
    assert sender.packets(0.2) == []
    sender.acknowledge(3, WINDOW, [], 0.3)
    assert len(tsns(sender.packets(0.3))) == 7


def test_a_burst_is_bounded() -> None:
    sender = outbound()
    sender.congestion.window = 1e6
    for _ in range(100):
        sender.enqueue(1, 53, bytes(ROOM - DATA_HEADER))
    assert len(sender.packets(0.0)) == BURST_PACKETS
    assert sender.packets(0.0) != []


def test_a_burst_of_large_packets_is_bounded_in_bytes() -> None:
    sender = outbound()
    sender.set_room(16_000)
    sender.congestion.window = 1e6
    for _ in range(20):
        sender.enqueue(1, 53, bytes(16_000 - DATA_HEADER))
    assert len(sender.packets(0.0)) == BURST_BYTES // 16_000


def test_a_chunk_keeps_its_size_when_packets_get_smaller() -> None:
    """It has its TSN: cut anew it would be another one. It then has a packet for itself."""
    sender = outbound()
    sender.set_room(4000)
    sender.enqueue(1, 53, bytes(3000))
    sender.enqueue(1, 53, bytes(100))
    assert [len(body) for body in sender.packets(0.0)] == [3016 + 116]
    sender.set_room(ROOM)
    sender.timed_out(1.0)
    assert [len(body) for body in sender.packets(1.0)] == [3016]
    sender.acknowledge(1, WINDOW, [], 2.0)
    assert [len(body) for body in sender.packets(2.0)] == [116]
    sender.enqueue(1, 53, bytes(3000))
    sender.acknowledge(2, WINDOW, [], 3.0)
    assert all(len(body) <= ROOM for body in sender.packets(3.0))


def test_time_outs_are_counted_until_something_arrives() -> None:
    sender = outbound()
    sender.enqueue(1, 53, bytes(100))
    sender.enqueue(1, 53, bytes(100))
    sender.packets(0.0)
    for number in (1, 2, 3):
        sender.timed_out(float(number))
        sender.packets(float(number))
        assert sender.timeouts == number
    sender.acknowledge(0, WINDOW, [], 4.0)
    assert sender.timeouts == 3
    sender.acknowledge(1, WINDOW, [], 4.0)
    assert sender.timeouts == 0


def test_small_messages_share_packets_with_a_sack_in_front() -> None:
    sender = outbound()
    for _ in range(10):
        sender.enqueue(1, 53, bytes(20))
    sack = bytes([3, 0, 0, 16]) + bytes(12)
    packets = sender.packets(0.0, sack)
    assert len(packets) == 1
    assert packets[0].startswith(sack)
    assert sender.packets(0.0, sack) == [sack]
    assert sender.packets(0.0) == []


@pytest.mark.parametrize("acknowledged", [0, -1, 4, 2**31])
def test_an_old_or_impossible_sack_changes_nothing(acknowledged: int) -> None:
    sender = outbound()
    for _ in range(3):
        sender.enqueue(1, 53, b"x")
    sender.packets(0.0)
    before = sender.on_the_way
    sender.acknowledge(acknowledged & 0xFFFFFFFF, WINDOW, [], 0.1)
    assert sender.on_the_way == before
    assert not sender.idle


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(0, 2**32 - 1),
            st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=4),
        ),
        max_size=30,
    )
)
def test_hostile_sacks_do_no_harm(
    sacks: list[tuple[int, int, list[tuple[int, int]]]],
) -> None:
    sender = outbound()
    now = 0.0
    for cumulative, window, gaps in sacks:
        sender.enqueue(1, 53, bytes(1500))
        sender.packets(now)
        now += 0.01
        sender.acknowledge(cumulative, window, gaps, now)
        if sender.deadline is not None and now > sender.deadline:
            sender.timed_out(now)
        assert sender.on_the_way >= 0
    # However it was told, what is sent and not acknowledged in order stays to be sent.
    sender.timed_out(now)
    assert sender.idle or sender.packets(now)


def test_a_peer_may_take_back_what_it_acknowledged_beyond_a_gap() -> None:
    sender = outbound()
    for number in range(4):
        sender.enqueue(1, 53, bytes([number]) * 1100)
    sender.packets(0.0)
    sender.acknowledge(0, WINDOW, [(1, 4)], 0.1)  # all four, but not in order: absurd
    assert sender.deadline is not None
    sender.timed_out(sender.deadline)
    assert tsns(sender.packets(2.0)) == [1]


def test_numbers_of_a_stream_go_on_and_a_reset_begins_anew() -> None:
    sender = outbound()
    sender.enqueue(1, 53, b"a")
    sender.enqueue(3, 53, b"b")
    assert sender.waits(3)
    sender.packets(0.0)
    assert sender.numbers == {1: 1, 3: 1}
    assert not sender.waits(3)
    sender.numbers.pop(1)
    sender.enqueue(1, 53, b"c")
    sender.packets(0.1)
    assert sender.numbers[1] == 1


def test_fragments_are_marked_and_fill_their_packets() -> None:
    sender = outbound()
    sender.enqueue(1, 53, bytes(3000))
    sealer = Sealer(1, 1, 1)
    chunks = [c for p in sender.packets(0.0) for c in open_packet(sealer.seal(p))[1]]
    assert [flags for _, flags, _ in chunks] == [FIRST_FRAGMENT, 0, LAST_FRAGMENT]
    assert sum(len(parse_data(body)[3]) for _, _, body in chunks) == 3000


def test_a_turn_takes_so_many_packets_and_the_burst_stays_bounded() -> None:
    sender = outbound()
    sender.congestion.window = 1e6
    for _ in range(100):
        sender.enqueue(1, 53, bytes(ROOM - DATA_HEADER))
    assert len(sender.packets(0.0, most=10)) == 11
    assert len(sender.packets(0.0, most=10)) == BURST_PACKETS - 11
