"""Datagrams over real sockets, with the kernel's batches and without."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from engine.transport import udp
from engine.transport.udp import DATAGRAMS_PER_TURN, MAX_BACKLOG, Address, UdpEndpoint
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BIG_BUFFER = 4 * 1024 * 1024
SO_NO_CHECK = 11
"""socket(7): no checksums. The kernel segments nothing for such a socket."""


class Peer:
    """An endpoint that keeps what it is told."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        if sock is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BIG_BUFFER)
            sock.bind(("127.0.0.1", 0))
        self.sock = sock
        self.address: Address = sock.getsockname()
        self.batches: list[tuple[list[bytes], Address]] = []
        self.errors: list[OSError] = []
        self.ends: list[Exception | None] = []
        self.endpoint = UdpEndpoint(
            sock, lambda *batch: self.received(*batch), self.errors.append, self.ends.append
        )

    def received(self, datagrams: list[bytes], address: Address) -> None:
        self.batches.append((datagrams, address))

    @property
    def datagrams(self) -> list[bytes]:
        return [datagram for batch, _ in self.batches for datagram in batch]

    async def gone(self) -> None:
        self.endpoint.close()
        await until(lambda: self.ends)


@asynccontextmanager
async def peers(count: int = 2) -> AsyncIterator[list[Peer]]:
    made = [Peer() for _ in range(count)]
    yield made
    for peer in made:
        await peer.gone()


@pytest.fixture(params=["batches", "one by one"])
def offload(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Linux's segmentation offload, and every other system's way."""
    if request.param == "one by one":
        monkeypatch.setattr(udp, "HAS_OFFLOAD", False)
    return udp.HAS_OFFLOAD


SIZES = [
    [1200] * 40,
    [1200, 1200, 300, 1200, 1200, 1],
    [1, 2, 3, 3, 3, 2, 500, 500],
    [1400] * 130,
    [9000] * 20,
    [60_000, 60_000, 1],
]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"{len(sizes)}x{sizes[0]}")
@pytest.mark.usefixtures("offload")
async def test_a_batch_arrives_datagram_by_datagram_in_order(sizes: list[int]) -> None:
    content = random.Random(1)
    sent = [content.randbytes(size) for size in sizes]
    async with peers() as (one, other):
        one.endpoint.send_batch(sent, other.address)
        await until(lambda: len(other.datagrams) >= len(sent))
        assert other.datagrams == sent
        assert {address for _, address in other.batches} == {one.address}
        assert not one.errors


@pytest.mark.usefixtures("offload")
async def test_no_turn_of_the_loop_takes_more_than_its_share() -> None:
    async with peers() as (one, other):
        turns: list[int] = []
        turn = 0

        def count() -> None:
            nonlocal turn, counting
            turn += 1
            counting = asyncio.get_running_loop().call_soon(count)

        counting = asyncio.get_running_loop().call_soon(count)
        keep = other.received
        other.received = lambda batch, sender: (turns.append(turn), keep(batch, sender))
        sent = [number.to_bytes(2) * 600 for number in range(120)]
        one.endpoint.send_batch(sent, other.address)
        await until(lambda: len(other.datagrams) == len(sent))
        counting.cancel()
        assert other.datagrams == sent
        assert max(len(batch) for batch, _ in other.batches) <= DATAGRAMS_PER_TURN
        assert len(set(turns)) >= len(sent) / DATAGRAMS_PER_TURN


@pytest.mark.usefixtures("offload")
async def test_each_sender_is_told_with_its_own_datagrams() -> None:
    async with peers(3) as (one, two, other):
        for number in range(10):
            one.endpoint.sendto(b"1-%d" % number, other.address)
            two.endpoint.sendto(b"2-%d" % number, other.address)
        await until(lambda: len(other.datagrams) == 20)
        for peer, name in ((one, b"1"), (two, b"2")):
            of_peer = [
                d for batch, sender in other.batches if sender == peer.address for d in batch
            ]
            assert of_peer == [b"%s-%d" % (name, number) for number in range(10)]


@pytest.mark.skipif(sys.platform != "linux", reason="Segmentation offload is Linux's")
async def test_a_socket_that_refuses_batches_gets_single_datagrams() -> None:
    async with peers() as (one, other):
        one.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        sent = [bytes([number]) * 1000 for number in range(30)]
        one.endpoint.send_batch(sent, other.address)
        one.endpoint.send_batch(sent, other.address)
        await until(lambda: len(other.datagrams) == 60)
        assert other.datagrams == sent * 2
        assert not one.errors


async def test_one_datagram_that_cannot_be_sent_costs_no_other() -> None:
    async with peers() as (one, other):
        one.endpoint.send_batch([b"before", bytes(70_000), b"after"], other.address)
        await until(lambda: len(other.datagrams) == 2)
        assert other.datagrams == [b"before", b"after"]
        assert len(one.errors) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="The option is Linux's")
@pytest.mark.parametrize(
    ("host", "level", "option"),
    [
        ("127.0.0.1", socket.IPPROTO_IP, udp.IP_MTU_DISCOVER),
        ("::1", socket.IPPROTO_IPV6, udp.IPV6_MTU_DISCOVER),
    ],
)
async def test_fragments_are_allowed_when_asked_for(host: str, level: int, option: int) -> None:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    peer = Peer(sock)
    assert sock.getsockopt(level, option) != udp.PMTUDISC_DONT
    peer.endpoint.allow_fragments()
    assert sock.getsockopt(level, option) == udp.PMTUDISC_DONT
    await peer.gone()
    peer.endpoint.allow_fragments()  # too late, and no error


async def test_an_unreachable_port_is_told_and_ends_nothing() -> None:
    async with peers() as (one, other):
        one.sock.connect(other.address)
        await other.gone()
        one.endpoint.sendto(b"anybody?", other.address)
        await until(lambda: one.errors)
        assert isinstance(one.errors[0], ConnectionRefusedError)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(other.address)
        again = Peer(sock)
        one.endpoint.sendto(b"now", again.address)
        await until(lambda: again.datagrams == [b"now"])
        again.endpoint.sendto(b"yes", one.address)
        await until(lambda: one.datagrams == [b"yes"])
        assert not one.ends
        await again.gone()


class Full:
    """An endpoint whose way out is full, until somebody reads: so are Unix sockets."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(udp, "HAS_OFFLOAD", False)
        self.reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.reader.bind(str(folder / "reader"))
        self.reader.setblocking(False)
        self.address = self.reader.getsockname()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(str(folder / "writer"))
        sock.connect(self.address)
        self.peer = Peer(sock)
        self.sent: list[bytes] = []
        while not self.peer.endpoint.backlog_bytes:
            self.send()

    def send(self, size: int = 1000) -> None:
        datagram = len(self.sent).to_bytes(4) + bytes(size - 4)
        self.sent.append(datagram)
        self.peer.endpoint.send_batch([datagram], self.address)

    async def read_all(self) -> list[bytes]:
        """What there is, and what comes until the writer has nothing left."""
        found: list[bytes] = []

        def drained() -> bool:
            try:
                while True:
                    found.append(self.reader.recv(100_000))
            except BlockingIOError:
                return not self.peer.endpoint.backlog_bytes

        await until(drained)
        drained()
        return found

    async def gone(self) -> None:
        self.reader.close()
        self.peer.endpoint.abort()
        await until(lambda: self.peer.ends)


async def test_what_a_full_socket_does_not_take_waits_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Full(tmp_path, monkeypatch)
    for _ in range(50):
        full.send()
    full.peer.endpoint.send_batch([b"a", b"b", b"c"], full.address)
    assert await full.read_all() == [*full.sent, b"a", b"b", b"c"]
    # And it goes straight out again afterwards.
    full.peer.endpoint.sendto(b"d", full.address)
    assert full.reader.recv(10) == b"d"
    await full.gone()


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Full(tmp_path, monkeypatch)
    for _ in range(2 * MAX_BACKLOG // 10_000):
        full.send(10_000)
    arrived = await full.read_all()
    assert arrived == full.sent[: len(arrived)]
    assert MAX_BACKLOG * 0.9 < sum(map(len, arrived)) < MAX_BACKLOG * 1.5
    await full.gone()


async def test_closing_sends_what_waits_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Full(tmp_path, monkeypatch)
    for _ in range(20):
        full.send()
    full.peer.endpoint.close()
    assert not full.peer.ends
    assert await full.read_all() == full.sent
    await until(lambda: full.peer.ends)
    assert full.peer.ends == [None]
    full.reader.close()


@pytest.mark.parametrize("closed_before", [False, True])
async def test_aborting_drops_what_waits_and_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_before: bool
) -> None:
    full = Full(tmp_path, monkeypatch)
    if closed_before:
        full.peer.endpoint.close()
    full.peer.endpoint.abort()
    await until(lambda: full.peer.ends)
    assert full.peer.ends == [None]
    assert full.peer.sock.fileno() == -1
    full.reader.close()


async def test_the_end_is_told_once_and_nothing_after_it() -> None:
    async with peers() as (one, other):
        assert one.endpoint.get_extra_info("sockname") == one.address
        one.endpoint.close()
        one.endpoint.close()
        one.endpoint.abort()
        assert one.endpoint.is_closing()
        other.endpoint.sendto(b"late", one.address)
        await until(lambda: one.ends)
        assert one.ends == [None]
        assert one.batches == []
        assert one.endpoint.get_extra_info("sockname", "gone") == "gone"
        # Whoever still sends is told, not hurt.
        one.endpoint.send_batch([b"x", b"x"], other.address)
        assert one.errors
    assert one.ends == [None]


@pytest.mark.usefixtures("offload")
async def test_a_receiver_that_closes_gets_nothing_more() -> None:
    async with peers(3) as (one, two, other):
        keep = other.received

        def close(batch: list[bytes], sender: Address) -> None:
            keep(batch, sender)
            other.endpoint.close()

        other.received = close
        one.endpoint.send_batch([bytes(1000)] * 40, other.address)
        two.endpoint.send_batch([bytes(1000)] * 40, other.address)
        await until(lambda: other.ends)
        assert len(other.batches) == 1
