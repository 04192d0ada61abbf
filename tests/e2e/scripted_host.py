"""A host for the page that says exactly what a test tells it to: relay and agent in one.

Owns a server with the page, signaling and one data channel of hatchway.v1. Runs no shell and keeps
no rule of its own: what a real host says, and when, is tested with a real one.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import socketio
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration

from engine.relay.http.web_page import WebPage
from engine.transport.sdp import fingerprint
from engine.wire import proof
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CAPABILITIES = [
    "snapshot", "size", "people", "keyboard", "recording", "idle", "history", "mute",
]  # fmt: skip
ME, HOST = "p2", "p1"
WELCOME: dict[str, Any] = {
    "session_id": "s", "target": "api-1", "role": "control", "resume": "token-1", "window": 262144,
    "capabilities": CAPABILITIES, "shell": "sh1", "participant": ME, "cols": 80, "rows": 24,
}  # fmt: skip
TARGET: dict[str, Any] = {
    "agent_id": "workbench", "agent_name": "workbench", "id": "api-1", "kind": "container",
    "name": "api-1", "state": "running",
}  # fmt: skip


def person(id_: str, name: str, role: str = "control", **more: Any) -> dict[str, Any]:
    """A row of ``people``."""
    return {"id": id_, "name": name, "role": role, "kind": "guest", "typing": False, **more}


class ScriptedHost:
    """``welcome`` is what it answers the next hello with, ``refusal`` the next offers."""

    def __init__(self) -> None:
        self.url = ""
        self.welcome = dict(WELCOME)
        self.target = dict(TARGET)
        self.refusal: dict[str, Any] | None = None
        self.offers: list[dict[str, Any]] = []
        self.hellos: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        """What guests said, but for hello, ping and ack."""
        self.typed = b""
        self.at = 0
        """Position of the output."""
        self.secret: bytes | None = None
        self._pcs: list[RTCPeerConnection] = []
        self._channel: Any = None

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ScriptedHost]:
        sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[])
        app = web.Application()
        sio.attach(app)
        WebPage().add_routes(app)
        sio.on("webrtc:offer", self._offer)
        sio.on("ice:servers", self._servers)
        sio.on("guest:targets", self._targets)
        for event in ("webrtc:ice", "webrtc:disconnect"):
            sio.on(event, self._nothing)
        server = TestServer(app)
        await server.start_server()
        self.url = str(server.make_url("")).rstrip("/")
        try:
            yield self
        finally:
            for pc in self._pcs:
                await pc.close()
            await sio.shutdown()
            await server.close()

    def link(self, token: str = "") -> str:
        """An address with a link, or one by which a guest comes back."""
        self.secret = self.secret or bytes(range(proof.SECRET_BYTES))
        return f"{self.url}/s/{'L' * 16}#{proof.encode_secret(self.secret)}{token and f'.{token}'}"

    @property
    def address(self) -> str:
        """What opens the terminal without a link."""
        return f"{self.url}/#token=t&agent=workbench&target=api-1"

    async def come(self) -> None:
        """Until a guest has been welcomed."""
        await until(lambda: self._channel is not None, what="a guest")

    def say(self, type_: str, **fields: Any) -> None:
        self._channel.send(json.dumps({"type": type_, **fields}))

    def output(self, data: str | bytes) -> None:
        data = data.encode() if isinstance(data, str) else data
        self.at += len(data)
        self._channel.send(data)

    def snapshot(self, at: int, data: str, cols: int = 80, rows: int = 24, **more: Any) -> None:
        screen = data.encode()
        self.say("snapshot", at=at, cols=cols, rows=rows, bytes=len(screen), **more)
        self._channel.send(screen)
        self.at = at

    def send(self, data: bytes) -> None:
        """A binary message, whatever it belongs to."""
        self._channel.send(data)

    def people(self, *people: dict[str, Any]) -> None:
        self.say("people", people=list(people))

    async def lose(self) -> None:
        """The connection is gone, without a word."""
        self._channel = None
        for pc in self._pcs:
            await pc.close()
        self._pcs.clear()

    async def _nothing(self, _sid: str, _payload: Any = None) -> dict[str, Any]:
        return {"status": "success"}

    async def _servers(self, _sid: str, _payload: Any = None) -> dict[str, Any]:
        return {"status": "success", "ice_servers": [], "relay_only": False}

    async def _targets(self, _sid: str, _payload: Any = None) -> dict[str, Any]:
        return {"status": "success", "targets": [self.target]}

    async def _offer(self, _sid: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.offers.append(payload)
        if self.refusal is not None:
            return {"status": "error", **self.refusal}
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pcs.append(pc)
        pc.on("datachannel", self._serve)
        await pc.setRemoteDescription(RTCSessionDescription(payload["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        reply = {"status": "success", "sdp": pc.localDescription.sdp, "sdp_type": "answer"}
        if self.secret is not None:
            nonce = payload["proof"]["nonce"]
            agent, guest = fingerprint(reply["sdp"]), fingerprint(payload["sdp"])
            reply["proof"] = proof.answer_proof(
                self.secret, payload["session_id"], agent, guest, nonce
            )
        return reply

    def _serve(self, channel: Any) -> None:
        def heard(message: str | bytes) -> None:
            if isinstance(message, bytes):
                self.typed += message
                return
            fields = json.loads(message)
            match fields["type"]:
                case "hello":
                    self.hellos.append(fields)
                    channel.send(json.dumps({"type": "welcome", **self.welcome}))
                    channel.send(json.dumps({"type": "pty_connected", "container": "api-1"}))
                    self._channel = channel
                case "ping":
                    channel.send('{"type":"pong"}')
                case "ack":
                    pass
                case _:
                    self.said.append(fields)

        channel.on("message", heard)
        channel.send('{"type":"ready"}')
