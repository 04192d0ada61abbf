"""The headers of every answer, and what a name that is not ours may read."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest

from engine.relay import Options, Relay
from tests.engine.relay.peers import relay
from tests.engine.signaling.certificates import make_authority

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"
PATHS = (
    "/", "/s/Yk3vX0c1bTq9aZ2w", "/healthz", "/metrics", "/nothing", "/assets/nothing.js",
    HANDSHAKE, f"{HANDSHAKE}&j=0", "/socket.io/?EIO=4&sid=nobody",
)  # fmt: skip


async def ask(one: Relay, path: str, host: str = "", **more: str) -> aiohttp.ClientResponse:
    headers = {**more, **({"Host": host} if host else {})}
    async with (
        aiohttp.ClientSession() as http,
        http.get(one.url + path, headers=headers, ssl=False) as response,
    ):
        await response.read()
        return response


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_says_what_others_may_not_do_with_it(path: str) -> None:
    async with relay() as one:
        for accept in ("text/html", "*/*"):
            headers = (await ask(one, path, Accept=accept)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert "Strict-Transport-Security" not in headers


async def test_a_name_served_over_tls_stays_so(tmp_path: Path) -> None:
    pair = make_authority(tmp_path / "ca").server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    one = Relay("a", "g")
    await one.start(ssl_context=context)
    try:
        assert "Strict-Transport-Security" in (await ask(one, "/", "relay.example")).headers
        # Other programs of this computer may serve plain http.
        assert "Strict-Transport-Security" not in (await ask(one, "/")).headers
    finally:
        await one.stop()


async def test_a_name_that_a_proxy_serves_over_tls_stays_so() -> None:
    options = Options(allowed_origins=frozenset({"https://relay.example"}))
    one = Relay("agent-token-1", "guest-token-1", options)
    await one.start()
    try:
        assert "Strict-Transport-Security" in (await ask(one, "/", "relay.example")).headers
        assert "Strict-Transport-Security" not in (await ask(one, "/")).headers
        assert (await ask(one, "/healthz", "relay.example")).status == 200
        assert (await ask(one, "/metrics", "relay.example")).status == 403
    finally:
        await one.stop()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
async def test_a_page_that_gave_its_name_to_loopback_reads_no_state(host: str) -> None:
    async with relay() as one:
        port = one.url.rpartition(":")[2]
        for path in ("/metrics", "/healthz"):
            assert (await ask(one, path, host)).status == 403
            for ours in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "[::1]"):
                assert (await ask(one, path, ours)).status == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    ],
    ids=["header", "path", "length"],
)
async def test_a_request_that_cannot_be_read_is_a_line_in_the_log(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with relay() as one:
        host, port = one.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request_)
        async with asyncio.timeout(10):
            assert b" 400 " in await reader.readline()
        writer.close()
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert record.exc_info is None
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    caplog.clear()
