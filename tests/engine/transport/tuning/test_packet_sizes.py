"""How large the packets of an association are, and how many bytes leave in a turn of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.transport.sctp.packet import COMMON_HEADER, DATA, parse_data
from engine.transport.sctp.path import ROOM, room_in
from engine.transport.tuning.association import TURN_BYTES
from tests.engine.transport.tuning.ends import ETHERNET, LOOPBACK, End, joined
from tests.engine.until import until

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

HEARTBEAT = 4


async def largest(end: End, channel: RTCDataChannel, other: End) -> int:
    """Bytes of chunks in the largest packet of a flood's second half."""
    for _ in range(2):
        end.wire.sent.clear()
        other.got.clear()
        for _ in range(10):
            channel.send(bytes(50_000))
        await until(lambda: len(other.got) == 10)
    return max(len(packet) for packets in end.wire.sent for packet in packets) - COMMON_HEADER


@pytest.mark.parametrize(
    ("mtu", "peer_takes", "room"),
    [
        (0, 4096, ROOM),
        (1276, 4096, ROOM),
        (1420, 0, 1320),
        (ETHERNET, 0, 1376),
        (LOOPBACK, 0, 1376),
        (LOOPBACK, 4096, 4044),
        (LOOPBACK, 16_384, 16_332),
        (LOOPBACK, 999_999, 16_332),
    ],
)
async def test_packets_are_as_large_as_the_path_and_the_peer_take(
    mtu: int, peer_takes: int, room: int
) -> None:
    async with joined(mtu, peer_takes=peer_takes) as (one, other, channel):
        assert room - 4 < await largest(one, channel, other) <= room


async def test_a_size_that_does_not_pass_is_never_used_for_data() -> None:
    async with joined(LOOPBACK, peer_takes=16_384) as (one, other, channel):
        one.wire.takes = 9000
        await largest(one, channel, other)
        assert max(len(body) for _, body in one.wire.chunks(DATA)) <= 1376
        tsns = [parse_data(body)[0] for _, body in one.wire.chunks(DATA)]
        assert len(tsns) == len(set(tsns))  # nothing had to be sent again


async def test_nothing_is_asked_before_there_is_much_to_send() -> None:
    async with joined(LOOPBACK, peer_takes=16_384) as (one, other, channel):
        for _ in range(50):
            channel.send(bytes(100))
            await until(lambda: one.sctp.is_idle)
        assert len(other.got) == 50
        assert one.wire.chunks(HEARTBEAT) == []
        await largest(one, channel, other)
        assert one.wire.chunks(HEARTBEAT) == []  # and not again once it is known
        assert one.sctp.packet_room == room_in(16_384)


async def test_a_path_that_takes_less_than_before_is_noticed_and_loses_nothing() -> None:
    async with joined(LOOPBACK, peer_takes=4096) as (one, other, channel):
        assert await largest(one, channel, other) > 4000
        other.got.clear()
        one.wire.takes = 1300
        sent = [number.to_bytes(2) * 8000 for number in range(30)]
        for message in sent:
            channel.send(message)
        await until(lambda: other.got == sent, 20)
        assert one.wire.in_pieces
        assert await largest(one, channel, other) <= ROOM


@pytest.mark.parametrize("peer_takes", [0, 4096, 16_384])
async def test_no_turn_of_the_loop_is_filled_with_one_associations_packets(peer_takes: int) -> None:
    async with joined(LOOPBACK, peer_takes=peer_takes) as (one, other, channel):
        await largest(one, channel, other)
        turns = [sum(map(len, packets)) for packets in one.wire.sent]
        # One more packet than that tells that there is more to send.
        assert max(turns) <= TURN_BYTES + one.sctp.packet_room + COMMON_HEADER * 25
        assert max(turns) > TURN_BYTES / 2
