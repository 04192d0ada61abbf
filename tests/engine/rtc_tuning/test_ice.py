"""ICE's part of the tuning, between two real connections on this machine."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import aioice.stun
import pytest
from aioice import Candidate
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import rtc_tuning
from engine.rtc_tuning import ice
from engine.rtc_tuning.ice import TunedIceConnection, TunedStunProtocol
from engine.udp import UdpEndpoint
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.1
"""Seconds between questions in these tests."""


class Connection(TunedIceConnection):
    """Counts the questions that come, and does not answer when it is told not to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = 0
        self.answers = True
        self.closed = asyncio.Event()

    def request_received(self, *request: Any) -> None:
        self.asked += 1
        if self.answers:
            super().request_received(*request)

    async def close(self) -> None:
        await super().close()
        self.closed.set()


class Sink:
    """A Pump that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.lost = 0

    def datagrams(self, datagrams: list[bytes]) -> None:
        self.got += datagrams

    def path_lost(self) -> None:
        self.lost += 1


def introduce(one: TunedIceConnection, other: TunedIceConnection) -> None:
    for near, far in ((one, other), (other, one)):
        near.remote_username = far.local_username
        near.remote_password = far.local_password


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, Connection]]:
    assert rtc_tuning.apply()
    pair = Connection(ice_controlling=True), Connection(ice_controlling=False)
    introduce(*pair)
    for connection in pair:
        await connection.gather_candidates()
    for near, far in (pair, pair[::-1]):
        for candidate in far.local_candidates:
            await near.add_remote_candidate(candidate)
        await near.add_remote_candidate(None)
    await asyncio.gather(*(connection.connect() for connection in pair))
    yield pair
    for connection in pair:
        await connection.close()


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same proportions in a twentieth of the time."""
    monkeypatch.setattr(ice, "CONSENT_INTERVAL_SECONDS", INTERVAL)
    monkeypatch.setattr(ice, "CONSENT_SECONDS", ice.CONSENT_FAILURES * INTERVAL)
    monkeypatch.setattr(aioice.stun, "RETRY_RTO", INTERVAL / 4)


def consent_tasks() -> list[asyncio.Task[Any]]:
    ours = ("query_consent", "_ask")
    return [t for t in asyncio.all_tasks() if getattr(t.get_coro(), "__name__", "") in ours]


def test_consent_is_given_up_after_two_intervals_of_two_seconds() -> None:
    assert (ice.CONSENT_FAILURES, ice.CONSENT_INTERVAL_SECONDS, ice.CONSENT_SECONDS) == (2, 2, 4)


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_answers_is_asked_again_and_again() -> None:
    async with connected() as (one, other):
        checks = one.asked + other.asked
        await until(lambda: one.asked + other.asked >= checks + 8)
        assert not one.closed.is_set()
        assert one._nominated
    assert not consent_tasks()


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_does_not_answer_is_given_up() -> None:
    async with connected() as (one, other):
        loop = asyncio.get_running_loop()
        await until(lambda: other._query_consent_task is not None)
        assert other._query_consent_task is not None
        other._query_consent_task.cancel()
        other.answers = False
        began = loop.time()
        asked = other.asked
        await asyncio.wait_for(one.closed.wait(), 10)
        assert other.asked >= asked + ice.CONSENT_FAILURES
        assert loop.time() - began >= ice.CONSENT_SECONDS * 0.9
        with pytest.raises(ConnectionError):
            one.send_now([b"anybody?"])


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_talks_is_not_asked() -> None:
    async with connected() as (one, other):
        await until(lambda: one._query_consent_task is not None)
        asked = other.asked

        def talk() -> None:
            nonlocal talking
            one.heard()
            talking = loop.call_later(INTERVAL / 10, talk)

        loop = asyncio.get_running_loop()
        talking = loop.call_soon(talk)
        other.answers = False  # and being heard is enough
        await until(lambda: one.asked > 20)  # the other side, for its part, asks on
        assert other.asked == asked
        assert not one.closed.is_set()
        talking.cancel()


@pytest.mark.usefixtures("fast")
async def test_a_lost_question_is_asked_again_before_it_counts() -> None:
    async with connected() as (one, other):
        dropped: set[bytes] = set()

        def second_only(received: Any) -> Any:
            def late(message: Any, *rest: Any) -> None:
                if message.transaction_id in dropped:
                    received(message, *rest)
                dropped.add(message.transaction_id)

            return late

        for end in (one, other):
            end.request_received = second_only(end.request_received)  # type: ignore[method-assign]
        await until(lambda: len(dropped) >= 8)
        assert not one.closed.is_set()


@pytest.mark.usefixtures("fast")
async def test_a_question_of_the_peers_is_a_word_and_a_strangers_is_none() -> None:
    async with connected() as (one, other):
        await until(lambda: one._query_consent_task and other._query_consent_task)
        for end in (one, other):
            assert end._query_consent_task is not None
            end._query_consent_task.cancel()
        one._heard_at = 0.0
        pair = other._nominated[1]
        for key in (b"not the key", None):
            question = other.build_request(pair, nominate=False)
            if key is not None:
                question.add_message_integrity(key)
            asked = one.asked
            other._nominated[1].protocol.send_stun(question, pair.remote_addr)
            await until(lambda asked=asked: one.asked > asked)
            assert one._heard_at == 0.0
        await other._ask(pair)
        assert one._heard_at > 0.0


async def test_closing_while_it_connects_leaves_no_consent_behind() -> None:
    for turns in range(0, 40, 3):
        pair = Connection(ice_controlling=True), Connection(ice_controlling=False)
        introduce(*pair)
        for connection in pair:
            await connection.gather_candidates()
        for near, far in (pair, pair[::-1]):
            for candidate in far.local_candidates:
                await near.add_remote_candidate(candidate)
        connecting = [asyncio.create_task(connection.connect()) for connection in pair]
        for _ in range(turns):
            await asyncio.sleep(0)
        for connection in pair:
            await connection.close()
        await asyncio.wait(connecting, timeout=5)
        for task in connecting:
            assert task.done()
            task.exception()
        await until(lambda: not consent_tasks())


@given(st.floats(0, 1e6))
def test_questions_to_all_peers_share_their_moments(now: float) -> None:
    beat = ice.CONSENT_INTERVAL_SECONDS / ice.CONSENT_BEATS
    wait = ice._next_beat(now)
    assert abs((now + wait) / beat - round((now + wait) / beat)) < 1e-6
    most = 1.2 * ice.CONSENT_INTERVAL_SECONDS + beat / 2
    assert 0.8 * ice.CONSENT_INTERVAL_SECONDS - beat / 2 - 1e-6 <= wait <= most + 1e-6


async def test_consent_never_starts_on_a_closed_connection() -> None:
    connection = Connection(ice_controlling=True)
    await connection.close()
    await asyncio.wait_for(connection.query_consent(), ice.CONSENT_INTERVAL_SECONDS / 2)


async def test_checks_are_paced() -> None:
    """RFC 8445 section 14.2: one after another, however many candidates there are."""
    begun: list[float] = []
    loop = asyncio.get_running_loop()

    class Paced(Connection):
        def check_start_task(self, pair: Any) -> None:
            if pair.task is None:
                begun.append(loop.time())
            super().check_start_task(pair)

    connection = Paced(ice_controlling=True)
    connection.remote_username, connection.remote_password = "user", "p" * 22
    await connection.gather_candidates()
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("0.0.0.0", 0))
    host = connection.local_candidates[0].host
    for number in range(22):
        port = silent.getsockname()[1] if not number else 1024 + number
        await connection.add_remote_candidate(
            Candidate("1", 1, "udp", 1000 + number, host, port, "host")
        )
    connecting = asyncio.create_task(connection.connect())
    await until(lambda: len(begun) >= 22)
    for earlier, later in pairwise(begun):
        assert later - earlier > ice.PACE_SECONDS * 0.9
    await connection.close()
    pacing = connection._pacing
    assert pacing is None or pacing.cancelled()
    with pytest.raises(ConnectionError):
        await connecting
    silent.close()


async def test_connecting_ends_with_the_checks_not_a_pace_later() -> None:
    """Stock sleeps 20 ms after each check before it looks."""
    async with connected() as (one, _):
        pass
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(5):
        began = loop.time()
        async with connected():
            times.append(loop.time() - began)
    assert min(times) < ice.PACE_SECONDS
    assert one._closed


async def test_what_came_before_the_pump_and_during_the_change_of_sockets_arrives() -> None:
    async with connected() as (one, other):
        record = b"\x16%d"
        for number in range(5):
            one.send_now([record % number])
        await until(lambda: other._queue.qsize() == 5)
        for number in range(5, 10):
            one.send_now([record % number])  # in the kernel still, or in the old transport
        sink = Sink()
        other.start_pump(sink)
        assert sink.got[:5] == [record % number for number in range(5)]
        protocol = other._nominated[1].protocol
        assert isinstance(protocol.transport, UdpEndpoint)
        one.send_now([record % number for number in range(10, 13)])
        await until(lambda: len(sink.got) == 13)
        assert sink.got == [record % number for number in range(13)]
        # Checks find their way through the new socket too.
        one.start_pump(Sink())
        await one._ask(one._nominated[1])
        assert one._heard_at > 0
        assert not sink.lost


async def test_the_pump_is_told_when_the_path_goes() -> None:
    async with connected() as (one, other):
        sink = Sink()
        one.start_pump(sink)
        await one.close()
        assert sink.lost
        late = Sink()
        one.start_pump(late)
        assert late.lost
        closing = Sink()
        other.start_pump(closing)
        other._nominated[1].protocol.transport.abort()
        await until(lambda: closing.lost)
        other.stop_pump()


async def test_the_path_has_the_mtu_of_its_device_and_none_behind_a_router() -> None:
    async with connected() as (one, _):
        assert one.path_mtu() > 1200
        pair = one._nominated[1]
        candidate = pair.protocol.local_candidate
        candidate.type = "relay"
        assert one.path_mtu() == 0
        candidate.type = "host"
        pair.remote_candidate._network_host = "not an address"
        assert one.path_mtu() == 0
    assert one.path_mtu() == 0


def stun(kind: int, attribute: int, value: bytes) -> bytes:
    body = attribute.to_bytes(2) + len(value).to_bytes(2) + value + bytes(-len(value) % 4)
    return kind.to_bytes(2) + len(body).to_bytes(2) + bytes.fromhex("2112a442") + bytes(12) + body


NOISE = st.one_of(
    st.binary(max_size=60),
    st.builds(
        stun,
        st.sampled_from([0x001, 0x101, 0x111, 0x003, 0x011]),
        st.sampled_from([0x0001, 0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x8028, 0x802A, 0x1234]),
        st.binary(max_size=40),
    ),
)


class Silent(asyncio.DatagramTransport):
    def sendto(self, data: Any, addr: Any = None) -> None: ...


@settings(max_examples=400, deadline=None)
@given(st.lists(NOISE, max_size=6))
def test_noise_reaches_nobody_and_hurts_nobody(noise: list[bytes]) -> None:
    async def run() -> None:
        connection = Connection(ice_controlling=True)
        protocol = TunedStunProtocol(connection)
        protocol.local_candidate = Candidate("1", 1, "udp", 1, "192.0.2.1", 1, "host")
        protocol.connection_made(Silent())
        protocol.datagrams_received(noise, ("192.0.2.2", 9))
        for datagram in noise:
            protocol.datagram_received(datagram, ("192.0.2.2", 9))
        waiting = [connection._queue.get_nowait() for _ in range(connection._queue.qsize())]
        # Only what looks like DTLS (RFC 7983), which is proof against noise itself.
        assert all(item is not None and 19 < item[0][0] < 64 for item in waiting)

    asyncio.run(run())
