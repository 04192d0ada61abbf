"""The association between two ends joined in memory: nothing encrypted, nothing lost but on
purpose. What its parts do is tested under tests/engine/sctp."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from aiortc import rtcsctptransport as stock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.transport.sctp.congestion import CEILING_BYTES, CEILING_RATE
from engine.transport.sctp.inbound import MAX_MESSAGE
from engine.transport.sctp.packet import (
    CHUNK_HEADER,
    DATA,
    IMMEDIATE,
    SACK,
    Sealer,
    data_chunk,
    open_packet,
    parse_data,
    parse_sack,
    sack_chunk,
)
from engine.transport.sctp.path import HEARTBEAT_ACK
from engine.transport.tuning import association
from engine.transport.tuning.association import (
    SACK_DELAY_SECONDS,
    SACKS_PER_BATCH,
)
from tests.engine.transport.tuning.ends import (
    BINARY,
    ETHERNET,
    End,
    data_packet,
    joined,
    next_tsn,
)
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

INIT = 1
INIT_ACK = 2


async def test_messages_of_all_kinds_and_sizes_arrive_both_ways() -> None:
    async with joined() as (one, other, channel):
        sent = ["", b"", "é", b"\0", bytes(1200), "x" * 70_000, bytes(MAX_MESSAGE)]
        for message in sent:
            channel.send(message)
            other.channels[0].send(message)
        await until(lambda: other.got == sent and one.got == sent)
        assert channel.bufferedAmount == 0


async def test_the_first_messages_need_no_answer_to_the_very_first() -> None:
    """The peer's window is known from its INIT: no round trip is lost."""
    one, other = End("client", 0), End("server", 0)
    one.wire.far, other.wire.far = other.wire, one.wire
    channel = one.open()
    # The other side acknowledges nothing.
    other.wire.lose = lambda packet: any(k == SACK for k, _, _ in open_packet(packet)[1])
    await one.start()
    await other.start()
    await until(lambda: other.channels)
    await until(lambda: one.established)
    for _ in range(5):  # what a channel does once it is open
        one.sctp.send_message(channel, BINARY, bytes(1000), urgent=False)
    await until(lambda: len(other.got) == 5)
    for end in (one, other):
        await end.sctp.stop()


# When a SACK leaves.


async def test_every_second_packet_is_acknowledged_at_once() -> None:
    async with joined() as (_, other, _):
        tsn = next_tsn(other)
        for number in range(10):
            other.sctp.packets_received([data_packet(other, tsn + number, b"x")])
        assert other.sacks() == 5


async def test_a_single_packet_is_acknowledged_within_the_delay() -> None:
    async with joined() as (_, other, _):
        loop = asyncio.get_running_loop()
        began = loop.time()
        other.sctp.packets_received([data_packet(other, next_tsn(other), b"x")])
        assert other.sacks() == 0
        await until(other.sacks)
        assert SACK_DELAY_SECONDS * 0.9 < loop.time() - began < 0.2
        assert other.sacks() == 1


async def test_a_batch_is_acknowledged_in_a_few_steps() -> None:
    """Some senders let each SACK free a few packets only."""
    async with joined() as (_, other, _):
        tsn = next_tsn(other)
        other.sctp.packets_received([data_packet(other, tsn + n, b"x") for n in range(64)])
        assert other.sacks() == SACKS_PER_BATCH
        last = parse_sack(other.wire.chunks(SACK)[-1][1])
        assert last[0] == (tsn + 63) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("ahead", "flags"), [(0, IMMEDIATE), (1, 0), (-1, 0)], ids=["asked for", "gap", "duplicate"]
)
async def test_a_sack_leaves_at_once_when_the_sender_should_know(ahead: int, flags: int) -> None:
    async with joined() as (_, other, _):
        other.sctp.packets_received([data_packet(other, next_tsn(other) + ahead, b"x", flags)])
        assert other.sacks() == 1


async def test_a_sack_rides_in_front_of_data_that_goes_anyway() -> None:
    async with joined() as (one, other, channel):
        other.adopt(other.channels[0])
        other.channels[0].on("message", other.channels[0].send)
        channel.send("ping")
        await until(lambda: one.got == ["ping"])
        [[packet]] = other.wire.sent
        assert [kind for kind, _, _ in open_packet(packet)[1]] == [SACK, DATA]


# How much leaves.


class Flight:
    """What an end has sent and not got acknowledged, read off its wire."""

    def __init__(self, end: End) -> None:
        self.most = self.turns = 0
        self.least_rtt = float("inf")
        self._flying: dict[int, tuple[int, float]] = {}
        self._loop = asyncio.get_running_loop()
        self._send, self._arrive = end.wire.send_packets, end.wire.arrive
        end.wire.send_packets = self.sent  # type: ignore[method-assign]
        end.wire.arrive = self.arrived  # type: ignore[method-assign]

    def sent(self, packets: list[bytes]) -> None:
        for kind, _, body in chain.from_iterable(open_packet(one)[1] for one in packets):
            if kind == DATA:
                self._flying[parse_data(body)[0]] = len(body) + CHUNK_HEADER, self._loop.time()
        self.most = max(self.most, sum(size for size, _ in self._flying.values()))
        self.turns += 1
        self._send(packets)

    def arrived(self, packets: list[bytes]) -> None:
        for kind, _, body in chain.from_iterable(open_packet(one)[1] for one in packets):
            if kind == SACK:
                cumulative = parse_sack(body)[0]
                for tsn in [tsn for tsn in self._flying if tsn <= cumulative]:
                    self.least_rtt = min(
                        self.least_rtt, self._loop.time() - self._flying.pop(tsn)[1]
                    )
        self._arrive(packets)


@pytest.mark.parametrize("delay", [0.0, 0.02])
async def test_what_is_on_its_way_never_exceeds_the_ceiling(delay: float) -> None:
    async with joined(ETHERNET, delay) as (one, other, channel):
        flight = Flight(one)
        total = 8 * 1024 * 1024
        for _ in range(total // 65_536):
            channel.send(bytes(65_536))
        await until(lambda: sum(map(len, other.got)) == total, 30)
        assert flight.most <= CEILING_BYTES + max(flight.least_rtt, 2 * delay + 0.05) * CEILING_RATE
        assert flight.most > CEILING_BYTES / 2  # the cap is what held it
        assert flight.turns > 10


async def test_an_urgent_message_overtakes_a_flood_but_not_what_has_left() -> None:
    async with joined(delay=0.01) as (one, other, channel):
        flood = [bytes([number]) * 16_000 for number in range(200)]
        for message in flood:
            channel.send(message)
        waiting = channel.bufferedAmount
        assert waiting > 100 * 16_000
        one.sctp.send_data(channel, "urgent", urgent=True)
        await until(lambda: len(other.got) == 201)
        place = other.got.index("urgent")
        assert 0 < place < 20
        assert other.got[:place] + other.got[place + 1 :] == flood


async def test_lost_packets_are_mended_by_what_follows_and_by_time() -> None:
    async with joined() as (one, other, channel):
        counter = 0

        def every_seventh(packet: bytes) -> bool:
            nonlocal counter
            counter += 1
            return counter % 7 == 0

        one.wire.lose = other.wire.lose = every_seventh
        sent = [number.to_bytes(2) * 2000 for number in range(60)]
        for message in sent:
            channel.send(message)
        await until(lambda: other.got == sent)
        # The very last packet, after which nothing comes to tell of the loss.
        one.wire.lose = lambda packet: True
        channel.send("last")
        one.wire.lose = other.wire.lose = lambda packet: False
        await until(lambda: other.got[-1] == "last")
        await until(lambda: one.sctp.is_idle)


async def test_a_closing_channel_sends_what_waits_before_its_stream_is_reset() -> None:
    async with joined(delay=0.002) as (_, other, channel):
        sent = [bytes([number]) * 16_000 for number in range(60)]
        for message in sent:
            channel.send(message)
        channel.close()
        await until(lambda: channel.readyState == "closed")
        assert other.got == sent
        await until(lambda: other.channels[0].readyState == "closed")


# Faults, of peers and of our own.


@pytest.mark.parametrize("lost", [1, 3])
async def test_an_opening_outlives_the_loss_of_both_answers(
    monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """Each end knows the other's tag by then, and an INIT with a tag means nothing."""
    monkeypatch.setattr(stock, "SCTP_RTO_INITIAL", 0.02)
    one, other = End("client", 0), End("server", 0)
    one.wire.far, other.wire.far = other.wire, one.wire
    tags: list[int] = []

    def loser() -> Callable[[bytes], bool]:
        answers = 0

        def lose(packet: bytes) -> bool:
            nonlocal answers
            tag, chunks = open_packet(packet)
            kinds = [kind for kind, _, _ in chunks]
            if INIT in kinds:
                tags.append(tag)
            answers += INIT_ACK in kinds
            return INIT_ACK in kinds and answers <= lost

        return lose

    one.wire.lose, other.wire.lose = loser(), loser()
    channel = one.open()
    await one.start()
    await other.start()
    await until(lambda: channel.readyState == "open" and other.channels)
    assert len(tags) > 2 * lost
    assert set(tags) == {0}
    for end in (one, other):
        await end.sctp.stop()


async def test_a_handler_that_raises_costs_its_message_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with joined() as (_, other, channel):

        def broken(message: str | bytes) -> None:
            if message == "first":
                raise ValueError("broken")

        other.channels[0].on("message", broken)
        channel.send("first")
        channel.send("second")
        await until(lambda: other.got == ["first", "second"])
        assert "A data channel message was refused: ValueError('broken')" in caplog.text
        assert channel.readyState == "open"


async def test_a_message_beyond_the_limits_is_refused_at_both_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with joined() as (one, other, channel):
        with pytest.raises(ValueError, match="at most"):
            channel.send(bytes(MAX_MESSAGE + 1))
        assert channel.bufferedAmount == 0
    # And one that was told of no limit sends it.
    async with joined(limit=0) as (one, other, channel):
        channel.send(bytes(MAX_MESSAGE + 1))
        await until(lambda: not other.established)
        assert "The association is ended: A message is longer" in caplog.text
        await until(lambda: not one.established)
        assert not other.got


async def test_sending_after_dtls_has_ended_is_no_error() -> None:
    async with joined() as (one, _, channel):
        one.wire.broken = True
        channel.send("into the void")
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
        for _ in range(3):
            await asyncio.sleep(0)
        assert failures == []
        one.wire.broken = False


async def test_the_end_leaves_no_timer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    call_at = loop.call_at

    def noted(*arguments: Any, **keywords: Any) -> asyncio.TimerHandle:
        timers.append(call_at(*arguments, **keywords))
        return timers[-1]

    def running() -> list[asyncio.TimerHandle]:
        return [timer for timer in timers if not timer.cancelled() and timer.when() > loop.time()]

    monkeypatch.setattr(loop, "call_at", noted)
    async with joined() as (one, other, channel):
        one.wire.lose = lambda packet: True
        channel.send("lost")
        other.sctp.packets_received([data_packet(other, next_tsn(other), b"x")])
        assert len(running()) >= 2  # to send it again, and to acknowledge
        for end in (one, other):
            await end.sctp.stop()
        assert running() == []


AROUND = ["before", "after", "and more"]
OURS = (DATA, SACK, HEARTBEAT_ACK)
"""The kinds of chunks that we read ourselves; aiortc reads the others."""


@dataclass(frozen=True)
class Hostile:
    """A chunk that was valid before its body was cut, its length made a lie, or a byte changed."""

    kind: int
    cut: int | None = None
    claim: int = 0
    """By how much the length is wrong."""
    change: tuple[int, int] | None = None

    def of(self, body: bytes) -> bytes:
        changed = bytearray(body[: self.cut])
        if self.change is not None and self.change[0] < len(changed):
            changed[self.change[0]] ^= self.change[1]
        length = (len(changed) + 4 + self.claim) & 0xFFFF
        return bytes([self.kind, 0x03]) + length.to_bytes(2) + changed


def valid(kind: int, tsn: int, payload: bytes) -> bytes:
    """A body of the kind with nothing wrong."""
    if kind == DATA:
        return data_chunk(3, tsn, 0, 0, BINARY, payload)[4:]
    if kind == SACK:
        return sack_chunk(0, 65_536, [(2, 3), (5, 5)], [1, 2])[4:]
    return bytes.fromhex("0001000c") + bytes(8)


HOSTILE = st.builds(
    Hostile,
    kind=st.sampled_from(OURS),
    cut=st.none() | st.integers(0, 20),
    claim=st.just(0) | st.integers(-30, 40),
    # In the stream and its sequence number, where it is DATA.
    change=st.none() | st.tuples(st.integers(4, 7), st.integers(1, 255)),
)


@asynccontextmanager
async def interrupted(between: Callable[[End], list[bytes]]) -> AsyncIterator[tuple[End, End]]:
    """Two ends, of which the second got "before", other packets and "after" in one batch."""
    async with joined() as (one, other, channel):
        batch: list[bytes] = []
        one.wire.lose = lambda packet: not batch.append(packet)
        channel.send(AROUND[0])
        await until(lambda: batch)
        batch += between(other)
        for message in AROUND[1:]:
            channel.send(message)
            await asyncio.sleep(0)  # the messages of one turn share a packet
        one.wire.lose = lambda _: False
        other.sctp.packets_received(batch)
        yield one, other


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(HOSTILE, min_size=1, max_size=6))
def test_damaged_chunks_are_dropped_and_cost_nothing_else(
    caplog: pytest.LogCaptureFixture, hostile: list[Hostile]
) -> None:
    """What is sent around them arrives, and nothing arrives of a chunk that is not all there."""

    async def run() -> None:
        def between(other: End) -> list[bytes]:
            tsn = next_tsn(other) + len(AROUND)
            seal = Sealer(5000, 5000, other.tag).seal
            bodies = [valid(one.kind, tsn + n, bytes([n]) * 8) for n, one in enumerate(hostile)]
            return [seal(one.of(body)) for one, body in zip(hostile, bodies, strict=True)]

        caplog.clear()
        async with interrupted(between) as (one, other):
            assert [message for message in other.got if isinstance(message, str)] == AROUND
            arrived = b"".join(message for message in other.got if isinstance(message, bytes))
            cut_short = {n for n, damaged in enumerate(hostile) if damaged.claim > 0}
            assert not cut_short & set(arrived)
            # Each was recognized as damaged before anything failed over it.
            assert "An SCTP packet was refused" not in caplog.text
            other.channels[0].send("and back")
            await until(lambda: one.got == ["and back"], 5)

    asyncio.run(run())


FOREIGN = st.tuples(
    st.sampled_from([kind for kind in stock.CHUNK_TYPES if kind not in OURS]) | st.integers(4, 255),
    st.integers(0, 255),
    st.binary(max_size=40),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(FOREIGN | st.binary(max_size=80), min_size=1, max_size=8))
def test_what_aiortc_cannot_read_ends_at_most_the_association(
    noise: list[bytes | tuple[int, int, bytes]],
) -> None:
    async def run() -> None:
        def between(other: End) -> list[bytes]:
            seal = Sealer(5000, 5000, other.tag).seal
            packets = []
            for item in noise:
                if isinstance(item, tuple):
                    kind, flags, body = item
                    head = bytes([kind, flags]) + (len(body) + 4).to_bytes(2)
                    item = seal(head + body + bytes(-len(body) % 4))
                packets.append(item)
            return packets

        async with interrupted(between) as (_, other):
            assert other.got[:1] == AROUND[:1]
            if other.established:
                await until(lambda: other.got[:3] == AROUND, 5)

    asyncio.run(run())


def test_what_aiortc_awaits_is_done_at_once_or_told() -> None:
    async def at_once() -> None:
        return

    async def waits() -> None:
        await asyncio.sleep(0)

    association.complete(at_once())
    with pytest.raises(RuntimeError, match="waits where it must not"):
        association.complete(waits())
