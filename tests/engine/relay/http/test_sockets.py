"""TCP connections that do not come to the point, and those any web page can have opened."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.engine.relay.peers import agent, foreign, guest, offer, relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.relay import Relay

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"
HALF = b"GET / HTTP/1.1\r\nHost: relay\r\n"
BODY = (
    b"POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: relay\r\n"
    b"Content-Length: 1000\r\n\r\nx"
)


@asynccontextmanager
async def raw(one: Relay, count: int, first: bytes) -> AsyncIterator[list[asyncio.StreamReader]]:
    host, port = one.url.removeprefix("http://").split(":")
    pairs = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    for _, writer in pairs:
        writer.write(first)
        await writer.drain()
    try:
        yield [reader for reader, _ in pairs]
    finally:
        for _, writer in pairs:
            writer.transport.abort()


async def closed(reader: asyncio.StreamReader) -> None:
    """Until the relay has closed the connection, after whatever it answered."""
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        return


async def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers or {}) as response:
        return response.status, await response.text()


ANSWERED = HALF + b"\r\n"


@pytest.mark.parametrize("first", [b"", HALF, ANSWERED, ANSWERED + HALF])
async def test_who_does_not_come_to_the_point_is_closed_and_a_guest_is_served(
    first: bytes,
) -> None:
    async with relay(request_seconds=0.5) as one, agent(one), guest(one) as early:
        async with raw(one, 100, first) as readers, guest(one) as peer:
            assert (await peer.call("webrtc:offer", offer()))["status"] == "success"
            async with asyncio.timeout(10):
                await asyncio.gather(*map(closed, readers))
        # Its own connection has a request under way: the socket itself.
        assert (await early.call("guest:targets"))["status"] == "success"


async def test_a_body_that_does_not_come_ends_its_connection() -> None:
    async with relay(request_seconds=0.5) as one:
        sid = json.loads((await get(one.url + HANDSHAKE))[1][1:])["sid"]
        async with raw(one, 1, BODY % sid.encode()) as readers, asyncio.timeout(10):
            await closed(readers[0])


@pytest.mark.parametrize("limits", [{"sockets": 10}, {"sockets_per_address": 10}])
async def test_beyond_the_bound_those_that_wait_longest_are_closed(limits: dict[str, int]) -> None:
    async with (
        relay(request_seconds=5, **limits) as one,
        agent(one),
        raw(one, 60, HALF) as readers,
        asyncio.timeout(4),
    ):
        # Before their time is over, so that there is room for the next.
        await asyncio.gather(*map(closed, readers[:40]))
        async with guest(one) as peer:
            assert (await peer.call("webrtc:offer", offer()))["status"] == "success"


async def test_a_script_tag_opens_nothing() -> None:
    async with relay() as one:
        assert (await get(f"{one.url}{HANDSHAKE}&j=0"))[0] == 403


@pytest.mark.parametrize(
    ("site", "allowed"),
    [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)],
)
async def test_what_a_page_of_another_site_has_sent_is_refused(site: str, allowed: bool) -> None:
    """As pictures, links and frames are: without an origin."""
    async with relay() as one:
        assert ((await get(one.url + HANDSHAKE, {"Sec-Fetch-Site": site}))[0] == 200) is allowed


async def test_a_form_of_another_site_is_refused() -> None:
    async with relay() as one, aiohttp.ClientSession() as http:
        for origin in ("http://evil.example", "null"):
            async with http.post(one.url + HANDSHAKE, headers={"Origin": origin}) as response:
                assert response.status == 400


async def test_what_any_page_can_open_keeps_nobody_out() -> None:
    """Pictures by plain HTTP: no browser says where they come from."""
    limits = {"anonymous_per_address": 5, "connections_per_address": 3, "connections": 3}
    async with relay(**limits) as one, agent(one), guest(one) as before:
        for _ in range(30):
            assert (await get(one.url + HANDSHAKE))[0] == 200
        async with guest(one) as peer:
            assert (await peer.call("webrtc:offer", offer()))["status"] == "success"
        auth = {"token": one.guest_token}
        async with foreign(one.url, auth, transports=["polling"]) as peer:
            assert (await peer.call("webrtc:offer", offer("s2")))["status"] == "success"
        assert (await before.call("guest:targets"))["status"] == "success"


async def test_sockets_without_a_token_make_room_for_the_newest() -> None:
    async with relay(unproven_per_address=5) as one, agent(one), aiohttp.ClientSession() as http:
        url = f"{one.url}/socket.io/?EIO=4&transport=websocket"
        opened = [await http.ws_connect(url) for _ in range(20)]
        async with guest(one) as peer:
            assert (await peer.call("webrtc:offer", offer()))["status"] == "success"
        async with asyncio.timeout(5):
            while (await opened[0].receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        for socket in opened:
            await socket.close()
