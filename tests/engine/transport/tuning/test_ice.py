"""ICE's part of the tuning, between two real connections on this machine."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from aioice import Candidate
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.tuning import ice
from engine.transport.tuning.ice import TunedStunProtocol
from engine.transport.udp import UdpEndpoint
from tests.engine.transport.tuning.pair import Connection, Sink, connected, introduce
from tests.engine.until import until


def selected(connection: Connection) -> Any:
    """The pair in use."""
    pair = connection.selected()
    assert pair is not None
    return pair


def consent_tasks() -> list[asyncio.Task[Any]]:
    return [
        t for t in asyncio.all_tasks() if getattr(t.get_coro(), "__name__", "") == "query_consent"
    ]


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


async def test_a_peer_without_a_candidate_is_waited_for() -> None:
    """RFC 8863: it may find us, once it has our answer. No candidate is no failure before that."""
    near, far = pair = Connection(ice_controlling=True), Connection(ice_controlling=False)
    introduce(*pair)
    for connection in pair:
        await connection.gather_candidates()
    await far.add_remote_candidate(None)
    waiting = asyncio.create_task(far.connect())
    # Only a failure ends it before.
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    for candidate in far.local_candidates:
        await near.add_remote_candidate(candidate)
    await near.add_remote_candidate(None)
    await asyncio.wait_for(asyncio.gather(near.connect(), waiting), 10)
    for connection in pair:
        await connection.close()


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
    await until(lambda: len(begun) >= 15)
    for earlier, later in pairwise(begun):
        assert later - earlier > ice.PACE_SECONDS * 0.9
    await connection.close()
    with pytest.raises(ConnectionError):
        await connecting
    silent.close()
    checks = len(begun)
    assert checks < 22
    began = loop.time()
    await until(lambda: loop.time() - began > 5 * ice.PACE_SECONDS)
    assert len(begun) == checks


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
    assert one.closed.is_set()


async def test_what_came_before_the_pump_and_during_the_change_of_sockets_arrives() -> None:
    async with connected() as (one, other):
        record = b"\x16%d"
        for number in range(5):
            one.send_now([record % number])
        await until(lambda: other.waiting == 5)
        for number in range(5, 10):
            one.send_now([record % number])  # in the kernel still, or in the old transport
        sink = Sink()
        other.start_pump(sink)
        assert sink.got[:5] == [record % number for number in range(5)]
        protocol = selected(other).protocol
        assert isinstance(protocol.transport, UdpEndpoint)
        one.send_now([record % number for number in range(10, 13)])
        await until(lambda: len(sink.got) == 13)
        assert sink.got == [record % number for number in range(13)]
        # Checks find their way through the new socket too.
        one.start_pump(Sink())
        one.consent.heard_at = 0.0
        one.consent.ask()
        await until(lambda: one.consent.heard_at > 0)
        assert not sink.lost


async def test_the_socket_of_a_pair_that_only_the_peer_has_selected_is_taken_over_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (one, other):
        sink = Sink()
        with monkeypatch.context() as patch:
            patch.setattr(other, "selected", lambda: None)  # no socket is taken over
            other.start_pump(sink)
        sink.lost = 0
        protocol = selected(other).protocol
        assert not isinstance(protocol.transport, UdpEndpoint)
        for number in range(3):
            one.send_now([b"\x17%d" % number])
        await until(lambda: len(sink.got) == 3)
        assert sink.got == [b"\x170", b"\x171", b"\x172"]
        assert isinstance(protocol.transport, UdpEndpoint)
        assert not sink.lost


@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
async def test_dtls_is_taken_only_from_addresses_that_were_checked(batch: bool) -> None:
    async with connected() as (near, far):
        sink = Sink()
        near.start_pump(sink)
        pair = selected(near)
        host, port = pair.local_addr
        with socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
        ) as s:
            s.sendto(b"\x16stranger", (host, port))
            protocol = pair.protocol
            for _ in range(2):
                if batch:
                    protocol.datagrams_received([b"\x16stranger"], s.getsockname())
                else:
                    protocol.datagram_received(b"\x16stranger", s.getsockname())
            far.send_now([b"\x16peer"])
            await until(lambda: b"\x16peer" in sink.got)
        assert sink.got == [b"\x16peer"]


async def test_on_a_loop_without_readers_the_stock_transport_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (near, far):

        def no_readers(*args: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", no_readers)
        sink = Sink()
        near.start_pump(sink)
        far.start_pump(Sink())
        far.send_now([b"\x16one", b"\x16two"])
        await until(lambda: sink.got == [b"\x16one", b"\x16two"])
        near.stop_pump()
        far.stop_pump()


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
        selected(other).protocol.transport.abort()
        await until(lambda: closing.lost)
        other.stop_pump()


async def test_the_path_has_the_mtu_of_its_device_and_none_behind_a_router(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (one, _):
        assert one.path_mtu() > 1200
        pair = selected(one)
        candidate = pair.protocol.local_candidate
        candidate.type = "relay"
        assert one.path_mtu() == 0
        candidate.type = "host"
        elsewhere = SimpleNamespace(
            local_candidate=candidate, remote_addr=("not an address", 1), protocol=pair.protocol
        )
        with monkeypatch.context() as patch:
            patch.setattr(one, "selected", lambda: elsewhere)
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
        sink = Sink()
        connection.start_pump(sink)
        protocol.datagrams_received(noise, ("192.0.2.2", 9))
        for datagram in noise:
            protocol.datagram_received(datagram, ("192.0.2.2", 9))
        # Only what looks like DTLS (RFC 7983), which is proof against noise itself.
        assert all(19 < datagram[0] < 64 for datagram in sink.got)

    asyncio.run(run())
