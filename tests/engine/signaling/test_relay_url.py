"""A relay below a path, behind a proxy with a password, and beyond one on our own side."""

from __future__ import annotations

import asyncio
import base64
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from engine.agent.agent import Agent
from engine.core.errors import RelayUnreachableError
from engine.core.model import LOCAL_TARGET, Role
from engine.core.settings import DockerSettings, RelaySettings, Settings
from engine.relay import Relay
from engine.signaling.relay_url import proxy_for, take_apart
from engine.wire.proof import Link, parse_link
from tests.engine.hosting import Visitor
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PASSWORD = "pass:word"
BASIC = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    ("url", "shown", "path"),
    [
        ("http://host", "http://host", "socket.io"),
        ("https://host:8443/hatchway/", "https://host:8443/hatchway", "hatchway/socket.io"),
        ("https://me:p%3Aw@host/a/b", "https://host/a/b", "a/b/socket.io"),
        ("http://me@[::1]:80", "http://[::1]:80", "socket.io"),
    ],
)
def test_what_is_shown_of_a_url_and_where_socket_io_is(url: str, shown: str, path: str) -> None:
    relay = take_apart(url)
    assert (relay.url, relay.socketio_path) == (shown, path)
    assert bool(relay.authorization) is ("@" in url)


@pytest.mark.parametrize(
    ("environment", "url", "found"),
    [
        ({"HTTPS_PROXY": "http://p:8"}, "https://relay.example", "http://p:8"),
        ({"https_proxy": "p:8"}, "wss://relay.example", "http://p:8"),
        ({"HTTPS_PROXY": "http://p:8"}, "http://relay.example", None),
        ({"ALL_PROXY": "http://u:pw@p:8"}, "http://relay.example", "http://p:8"),
        ({"HTTPS_PROXY": "http://p:8", "NO_PROXY": "example"}, "https://relay.example", None),
        ({"HTTP_PROXY": "http://p:8"}, "http://127.0.0.1:5000", None),
        ({"HTTP_PROXY": "http://p:8"}, "http://localhost:5000", None),
        ({"ALL_PROXY": "socks5://p:8"}, "http://relay.example", None),
    ],
)
def test_the_proxy_of_the_environment(
    environment: dict[str, str], url: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_for(url)
    assert (proxy and proxy.url) == found


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Between:
    """A proxy, in front of a relay or on the way to it: of one request per connection."""

    def __init__(self, relay: str, *, answer: str = "", websockets: bool = True) -> None:
        self._relay = urlsplit(relay)
        self._answer = answer
        self._websockets = websockets
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            raw = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            self.requests.append((head[0], raw))
            method, target, version = head[0].split(" ")
            refused = self.refusal(raw) or self._answer
            if not self._websockets and "upgrade" in fields:
                refused = "400 Bad Request"
            if refused:
                writer.write(f"HTTP/1.1 {refused}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                writer.close()
                return
            port = self._relay.port
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                lines = [f"{method} {self.path(target)} {version}"]
                lines += [line for line in head[1:] if line]
                if "upgrade" not in fields:
                    lines = [line for line in lines if not line.lower().startswith("connection:")]
                    lines.append("Connection: close")
                far_writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))

    def refusal(self, headers: dict[str, str]) -> str:
        return ""

    def path(self, target: str) -> str:
        parts = urlsplit(target)
        return f"{parts.path}?{parts.query}"


class Front(Between):
    """Serves the relay below /hatchway/, to those who know the password."""

    def refusal(self, headers: dict[str, str]) -> str:
        return "" if headers.get("Authorization") == BASIC else "401 Unauthorized"

    def path(self, target: str) -> str:
        assert target.startswith("/hatchway/"), target
        return target.removeprefix("/hatchway")


@asynccontextmanager
async def listening(between: Between) -> AsyncIterator[int]:
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        server.close_clients()


@asynccontextmanager
async def relay() -> AsyncIterator[Relay]:
    made = Relay("agent-secret", "guest-secret")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def agent_at(url: str) -> AsyncIterator[Agent]:
    settings = RelaySettings(url=url, token="agent-secret", guest_token="guest-secret")
    agent = Agent(Settings(docker=DockerSettings(enabled=False), relay=settings))
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop()


async def test_a_relay_below_a_path_behind_a_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with relay() as made, listening(front := Front(made.url)) as port:
        url = f"http://me:pass%3Aword@127.0.0.1:{port}/hatchway"
        async with agent_at(url + "/") as agent:
            assert await agent.wait_registered(10)
            assert all(line.split(" ")[1].startswith("/hatchway/") for line, _ in front.requests)
            share = agent.admission.links.create(LOCAL_TARGET, Role.CONTROL)
            await until(lambda: made.knows_link(share.id))
            link = agent.admission.url(share)
            # The password is nobody's business but the proxy's.
            assert link.startswith(f"http://127.0.0.1:{port}/hatchway/s/")
            assert "word" not in repr(agent.relay_state) + caplog.text
            # A guest who knows it, and the host's own loopback test.
            guest = Visitor(parse_link(link.replace("http://", "http://me:pass%3Aword@")))
            await guest.peer.connect()
            guest.peer.send(b"echo up-$((40+2))\n")
            await guest.sees(b"up-42")
            await guest.peer.close()
            report = await agent.self_test(LOCAL_TARGET)
            assert report.passed, report.to_json()
    assert "word" not in caplog.text
    assert BASIC not in caplog.text


@pytest.mark.parametrize("websockets", [True, False])
async def test_the_relay_is_reached_through_the_proxy_that_is_set(
    websockets: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with relay() as made, listening(way := Between(made.url, websockets=websockets)) as port:
        monkeypatch.setenv("http_proxy", f"http://user:pass%3Aword@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "localhost")
        async with agent_at("http://relay.invalid") as agent:
            assert await agent.wait_registered(10)
            share = agent.admission.links.create(LOCAL_TARGET, Role.CONTROL)
            await until(lambda: made.knows_link(share.id))
            guest = Visitor(parse_link(agent.admission.url(share)))
            await guest.peer.connect()
            await guest.peer.close()
        basic = "Basic " + base64.b64encode(b"user:pass:word").decode()
        assert {headers.get("Proxy-Authorization") for _, headers in way.requests} == {basic}
    assert "word" not in caplog.text


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("answer", ["407 Proxy Authentication Required", "403 Forbidden"])
async def test_a_proxy_that_refuses_is_named(
    scheme: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with relay() as made, listening(Between(made.url, answer=answer)) as port:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:secret@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        async with agent_at(f"{scheme}://relay.invalid") as agent:
            await until(lambda: f"127.0.0.1:{port}" in agent.relay_state.detail)
            assert "secret" not in agent.relay_state.detail
        guest = Visitor(Link(f"{scheme}://relay.invalid", "A" * 16, b"x" * 32))
        with pytest.raises(RelayUnreachableError, match=f"127.0.0.1:{port}") as caught:
            await guest.peer.connect()
        assert "secret" not in str(caught.value)
        await guest.peer.close()
