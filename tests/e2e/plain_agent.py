"""An agent written only from the protocol page, on python-socketio and aiortc.

Imports nothing from ``engine`` on purpose. It speaks plain JSON alone, registers nothing,
has fields of its own in all it says, and its shell is a line at a time of nonsense.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import socketio
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

OWN: dict[str, Any] = {"version": 3, "took": 0.25, "trace": {"hops": [1, {"a": None}]}}
"""What it puts into every reply and message beside what the page asks for."""


class PlainAgent:
    """``complaint`` is what it says of a message it does not know; None: nothing."""

    def __init__(self, complaint: dict[str, Any] | None = None) -> None:
        self.complaint = complaint
        self.offers: list[Any] = []
        self.said: list[dict[str, Any]] = []
        self.size: Any = None
        self.fails: str = ""
        """What the terminal cannot start for; empty: it starts."""
        self._pcs: list[RTCPeerConnection] = []

    @asynccontextmanager
    async def serve(self, url: str, token: str) -> AsyncIterator[PlainAgent]:
        async with aiohttp.ClientSession() as http:
            sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
            started: list[asyncio.Task[Any]] = []

            def start(target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
                started.append(asyncio.ensure_future(target(*args, **kwargs)))
                return started[-1]

            # The library abandons its tasks; nothing may be left of a test.
            sio.eio.start_background_task = start
            sio.on("webrtc:offer", self._offer)
            sio.on("webrtc:ice", self._acknowledge)
            sio.on("webrtc:disconnect", self._acknowledge)
            await sio.connect(
                url,
                headers={"Authorization": f"Bearer {token}"},
                transports=["websocket"],
                namespaces=["/"],
            )
            try:
                yield self
            finally:
                for pc in self._pcs:
                    await pc.close()
                await sio.disconnect()
                rest = {task for task in started if not task.done()}
                for task in rest:
                    task.cancel()
                if rest:
                    await asyncio.wait(rest)

    async def _acknowledge(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": "success", "session_id": payload["session_id"], **OWN}

    async def _offer(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Without ``correlation_id``: a relay knows whom it asked."""
        self.offers.append(payload)
        if payload["device_id"] == "busy":
            return {"status": "error", "error": {"reason": "busy"}, "code": 503, **OWN}
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pcs.append(pc)
        pc.on("datachannel", lambda channel: self._serve(channel, payload["device_id"]))
        await pc.setRemoteDescription(RTCSessionDescription(payload["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        return {
            "status": "success",
            "sdp": pc.localDescription.sdp,
            "sdp_type": "answer",
            **OWN,
        }

    def _serve(self, channel: Any, device: str) -> None:
        def say(**message: Any) -> None:
            channel.send(json.dumps({**message, **OWN}))

        def message(text: Any) -> None:
            # Binary is nothing it knows.
            heard = {"type": "binary"} if isinstance(text, bytes) else json.loads(text)
            self.said.append(heard)
            match heard["type"]:
                case "input" if "exit" in heard["data"]:
                    say(type="pty_disconnected")
                case "input":
                    say(type="output", data=f"<{heard['data']}>")
                case "resize":
                    self.size = heard["cols"], heard["rows"]
                    say(type="output", data=f"size {heard['cols']}x{heard['rows']}")
                case "ping":
                    say(type="pong")
                case "close":
                    channel.close()
                case _ if self.complaint is not None:
                    say(type="error", **self.complaint)

        channel.on("message", message)
        say(type="ready")
        say(type="motd", text="a type that nobody knows")
        if self.fails:
            say(type="error", message=self.fails)
            channel.close()
        else:
            say(type="pty_connected", container=device)
