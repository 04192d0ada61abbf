"""A guest and a relay written only from docs/PROTOCOL.md, on python-socketio and aiortc.

Imports nothing from ``engine`` on purpose: what it can do, any foreign client can.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import socketio
from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class PlainRelay:
    """Takes one agent, knows no extension, and hands its acknowledgements back."""

    def __init__(self) -> None:
        self.sio: Any = socketio.AsyncServer(async_mode="aiohttp")
        self.agent = ""
        self.arrived = asyncio.Event()
        self.beaten = asyncio.Event()
        self.heartbeats: list[dict[str, Any]] = []
        self.sio.on("connect", self._connect)
        self.sio.on("heartbeat", self._heartbeat)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        self.agent = sid
        self.arrived.set()

    async def _heartbeat(self, sid: str, data: dict[str, Any]) -> None:
        self.heartbeats.append(data)
        self.beaten.set()

    async def call(self, event: str, payload: object) -> dict[str, Any]:
        reply: dict[str, Any] = await self.sio.call(event, payload, to=self.agent, timeout=20)
        return reply

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        app = web.Application()
        self.sio.attach(app)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        before = asyncio.all_tasks()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await self.sio.shutdown()
            await runner.cleanup()
            here = asyncio.current_task()
            rest = {task for task in asyncio.all_tasks() - before if task is not here}
            for task in rest:
                task.cancel()
            if rest:
                await asyncio.wait(rest, timeout=5)


class PlainGuest:
    """One terminal in plain JSON."""

    def __init__(self, relay: PlainRelay) -> None:
        self._relay = relay
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._news = asyncio.Event()
        self.messages: list[dict[str, Any]] = []
        self.text = ""
        self.channel: Any = None

    async def describe(self) -> RTCSessionDescription:
        """The offer's description, with the channel in it and all candidates."""
        self.channel = self._pc.createDataChannel("terminal", ordered=True)
        self.channel.on("message", self._message)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return self._pc.localDescription

    async def offer(self, session_id: str, device_id: str, **extra: Any) -> dict[str, Any]:
        await self.describe()
        reply = await self._relay.call(
            "webrtc:offer",
            {
                "correlation_id": "c-1",
                "session_id": session_id,
                "device_id": device_id,
                "sdp": self._pc.localDescription.sdp,
                "sdp_type": "offer",
                **extra,
            },
        )
        if reply["status"] == "success":
            answer = RTCSessionDescription(reply["sdp"], reply["sdp_type"])
            await self._pc.setRemoteDescription(answer)
        return reply

    def say(self, text: str) -> None:
        self.channel.send(text)

    def send(self, **message: Any) -> None:
        self.say(json.dumps(message))

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of that kind with those fields; it is taken."""
        async with asyncio.timeout(20):
            while True:
                for message in self.messages:
                    if message["type"] == kind and fields.items() <= message.items():
                        self.messages.remove(message)
                        return message
                await self._more()

    async def until_text(self, text: str) -> None:
        async with asyncio.timeout(20):
            while text not in self.text:
                await self._more()

    async def close(self) -> None:
        await self._pc.close()

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _message(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "output":
            self.text += message["data"]
        else:
            self.messages.append(message)
        self._news.set()
