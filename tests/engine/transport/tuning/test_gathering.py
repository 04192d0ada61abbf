"""STUN and TURN servers: several of them, dead ones, and addresses of every form."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aioice.turn
import pytest
from aioice import stun

from engine.core.settings import IceServer, IceSettings
from engine.relay.turn import credentials
from engine.transport import connection as rtc
from engine.transport.tuning import gathering
from tests.engine.relay.coturn import SECRET, coturn
from tests.engine.transport.test_channel import Watcher
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAPPED = ("192.0.2.7", 4321)
"""What our STUN server says to be everybody's public address."""


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("stun:example.com", (False, "example.com", 3478, "udp", False)),
        ("STUN:example.com:19302", (False, "example.com", 19302, "udp", False)),
        ("stun:[2001:db8::1]", (False, "2001:db8::1", 3478, "udp", False)),
        ("turn:[::1]:3479", (True, "::1", 3479, "udp", False)),
        ("turn:192.0.2.1?transport=TCP", (True, "192.0.2.1", 3478, "tcp", False)),
        ("turns:example.com", (True, "example.com", 5349, "tcp", True)),
    ],
)
def test_an_address_of_a_server(url: str, found: tuple[Any, ...]) -> None:
    server = gathering.parse(url)
    assert (server.turn, server.host, server.port, server.transport, server.tls) == found


UNUSABLE = [
    "stun:", "stun:host:3478/", "stun://host", "stun:host:99999", "stun:host:0", "turn:[::1", "",
    "stun:[::1::2]", "turns:host?transport=udp", "stun:host?transport=udp", "http://host",
    "turn:user@host", "stun:ho st", "stun:" + "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("url", UNUSABLE)
async def test_what_cannot_be_used_is_named_and_left_out(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = Watcher()
    async with stun_server() as good:
        servers = (IceServer(urls=url), IceServer(urls=good))
        assert MAPPED[0] in await offer(IceSettings(servers=servers), watcher)
    ((named, why),) = watcher.failed
    assert named == url
    assert "its address" in why
    # Once, however many sessions there are.
    assert caplog.text.count("ice.servers") <= 1


async def offer(ice: IceSettings, watcher: Watcher | None = None) -> str:
    connection = rtc.PeerConnection(ice, watcher or Watcher())
    connection.open_channel()
    try:
        return await connection.make_offer()
    finally:
        await connection.close()


@asynccontextmanager
async def stun_server(*, answers: bool = True) -> AsyncIterator[str]:
    """The address of a STUN server on this machine."""

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            if not answers:
                return
            request = stun.parse_message(data)
            response = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=request.transaction_id,
            )
            response.attributes["XOR-MAPPED-ADDRESS"] = MAPPED
            self.transport.sendto(bytes(response), addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=("0.0.0.0", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        yield f"stun:127.0.0.1:{port}"
    finally:
        transport.close()


async def test_a_silent_server_is_named_and_waited_for_once() -> None:
    async with stun_server(answers=False) as url:
        ice = IceSettings(servers=(IceServer(urls=url),))
        watcher = Watcher()
        began = time.perf_counter()
        await offer(ice, watcher)
        assert time.perf_counter() - began < gathering.PATIENCE_SECONDS + 0.5
        assert watcher.failed == [(url, "did not answer")]
        began = time.perf_counter()
        await offer(IceSettings())
        without = time.perf_counter() - began
        for _ in range(3):
            watcher = Watcher()
            began = time.perf_counter()
            await offer(ice, watcher)
            assert time.perf_counter() - began < without + 0.05
            assert watcher.failed == [(url, "did not answer")]


async def test_a_server_that_answers_again_is_waited_for_again() -> None:
    async with stun_server() as url:
        server = gathering.parse(url)
        gathering.silent.add(server)
        connection = rtc.PeerConnection(IceSettings(servers=(IceServer(urls=url),)))
        connection.open_channel()
        await connection.make_offer()
        await until(lambda: server not in gathering.silent)
        await connection.close()
        assert MAPPED[0] in await offer(IceSettings(servers=(IceServer(urls=url),)))


async def test_of_two_stun_servers_one_may_be_dead() -> None:
    async with stun_server(answers=False) as dead, stun_server() as good:
        servers = (IceServer(urls=dead), IceServer(urls=good))
        assert MAPPED[0] in await offer(IceSettings(servers=servers))


def first_turn(kind: str, good: str) -> IceServer:
    """A server that is of no use, before one that is."""
    user, password = credentials(SECRET, "a1")
    return {
        "dead": IceServer("turn:127.0.0.1:9", user, password),
        "password": IceServer(good, user, "wrong"),
        "name": IceServer("turn:nowhere.invalid", user, password),
        "tcp": IceServer("turn:127.0.0.1:9?transport=tcp", user, password),
    }[kind]


@pytest.mark.parametrize("kind", ["dead", "password", "name", "tcp"])
@pytest.mark.parametrize("relay_only", [True, False])
async def test_the_second_turn_server_is_used(kind: str, relay_only: bool, tmp_path: Path) -> None:
    watcher = Watcher()
    async with coturn(tmp_path) as url:
        first, second = first_turn(kind, url), IceServer(url, *credentials(SECRET, "a1"))
        ice = IceSettings(servers=(first, second), relay_only=relay_only)
        began = time.perf_counter()
        sdp = await offer(ice, watcher)
        assert time.perf_counter() - began < 2
        assert " typ relay" in sdp
        # Where other candidates are there, nobody waits for what the first one says.
        assert [url for url, _ in watcher.failed] in (
            [[first.urls]] if relay_only else [[], [first.urls]]
        )
        # From now on the one that answers is asked first.
        began = time.perf_counter()
        assert " typ relay" in await offer(ice)
        assert time.perf_counter() - began < gathering.STAGGER_SECONDS


async def test_a_turn_server_may_have_an_ipv6_address(tmp_path: Path) -> None:
    async with coturn(tmp_path, "::1") as url:
        port = url.rpartition("?")[0].rpartition(":")[2]
        server = IceServer(f"turn:[::1]:{port}", *credentials(SECRET, "a1"))
        watcher = Watcher()
        connection = rtc.PeerConnection(IceSettings(servers=(server,), relay_only=True), watcher)
        connection.open_channel()
        # It is reached, whether or not it relays from there.
        try:
            await connection.make_offer()
        except rtc.NoTurnError:
            assert "refused the request" in watcher.failed[0][1], watcher.failed
        await connection.close()


async def test_turn_channels_are_renewed_although_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    async with coturn(tmp_path) as url:
        port = int(url.rpartition("?")[0].rpartition(":")[2])
        user, password = credentials(SECRET, "a1")
        transport, _ = await aioice.turn.create_turn_endpoint(
            asyncio.DatagramProtocol, ("127.0.0.1", port), user, password, channel_refresh_time=1
        )
        bound: list[int] = []
        inner: Any = transport._TurnTransport__inner_protocol  # type: ignore[attr-defined]
        bind = inner.channel_bind

        async def counted(number: int, addr: Any) -> None:
            await bind(number, addr)
            bound.append(number)

        monkeypatch.setattr(inner, "channel_bind", counted)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            transport.sendto(b"x", peer.getsockname())
            await until(lambda: len(bound) == 1)
            monkeypatch.setattr(time, "time", lambda: real() - 3600)

            def renewed() -> bool:
                transport.sendto(b"x", peer.getsockname())
                return len(bound) > 1

            await until(renewed, 5)
        transport.close()
        await until(lambda: inner.transport.is_closing())
