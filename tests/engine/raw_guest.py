"""A guest made of a peer connection and nothing else: it says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from engine.transport import connection as rtc
from engine.wire.terminal import V1
from tests.engine.until import until

Signal = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class RawGuest:
    """One connection. ``messages`` and ``output`` are all that came over its channel."""

    def __init__(self, protocol: str = V1) -> None:
        self.messages: list[dict[str, Any]] = []
        self.output = b""
        self.is_open = True
        self.answers_pings = False
        self.pc = rtc.PeerConnection()
        self.channel = self.pc.open_channel(protocol)
        self.channel.attach(self)

    async def offer(
        self, session_id: str = "s", device_id: str = "echo", **more: Any
    ) -> dict[str, Any]:
        """The payload of its offer."""
        sdp = await self.pc.make_offer()
        own = {"session_id": session_id, "device_id": device_id, "sdp": sdp, "sdp_type": "offer"}
        return own | more

    async def take(self, reply: dict[str, Any], received: int = 0, **hello: Any) -> RawGuest:
        """Connect with the answer in ``reply`` and, in hatchway.v1, say hello."""
        assert reply["status"] == "success", reply
        await self.pc.take_answer(reply["sdp"])
        async with asyncio.timeout(20):
            await self.channel.opened()
        if self.channel.protocol:
            # Nothing here answers what a program asks.
            hello = {"caps": ["mute"], **hello}
            self.say(type="hello", cols=80, rows=24, received=received, **hello)
        await until(lambda: self.of("pty_connected"))
        return self

    @property
    def token(self) -> str:
        return str(self.of("welcome")[-1]["resume"])

    @property
    def welcome(self) -> dict[str, Any]:
        return self.of("welcome")[-1]

    def say(self, **message: Any) -> None:
        self.channel.post(json.dumps(message))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    async def asks(self, command: str, answer: bytes) -> None:
        """Type a command whose output, and not its echo, has ``answer``."""
        self.channel.post(command.encode() + b"\n")
        await until(lambda: answer in self.output, what=f"{answer!r} in {self.output[-500:]!r}")

    async def close(self) -> None:
        await self.pc.close()

    # engine.transport.channel.Receiver

    def message(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.output += message
        else:
            self.messages.append(json.loads(message))
            if self.answers_pings and self.messages[-1]["type"] == "ping":
                self.say(type="pong")

    def malformed(self, problem: str) -> None: ...

    def closed(self) -> None:
        self.is_open = False
