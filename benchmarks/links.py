"""aiortc's ends of a link, ours and stock, with the face benchmarks.ldc has.

Owns the adapters only. OursLink imports the engine's transport, which tunes the
whole process; so this module imports nothing of it until asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

WAIT_SECONDS = 20.0
MESSAGE = bytes(16 * 1024)
HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
"""Those of engine.transport.channel, for stock aiortc too: both are fed alike."""


class Link(Protocol):
    """One peer connection with one data channel."""

    received: int
    echo: bool

    async def offer(self) -> str: ...
    async def answer(self, sdp: str) -> str: ...
    async def accept(self, sdp: str) -> None: ...
    async def opened(self) -> None: ...
    def flood(self, on: bool) -> None: ...
    async def close(self) -> None: ...


class Flooder:
    """Sends MESSAGE again and again in a task, until told otherwise."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._task: asyncio.Task[None] | None = None

    def __call__(self, on: bool) -> None:
        if on and self._task is None:
            self._task = asyncio.ensure_future(self._run())
        elif not on and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        with contextlib.suppress(Exception):  # the channel has closed
            while True:
                await self._send(MESSAGE)


class OursLink:
    """engine.transport.connection as the app uses it."""

    def __init__(self) -> None:
        from engine.transport import tuning
        from engine.transport.connection import PeerConnection

        tuning.apply()
        self.received = 0
        self.echo = False
        self.channel: Any = None
        self._open = asyncio.Event()
        self.pc = PeerConnection(None, self)
        self.flood = Flooder(self._send)

    async def offer(self) -> str:
        self._take(self.pc.open_channel())
        return await self.pc.make_offer()

    async def answer(self, sdp: str) -> str:
        return await self.pc.answer_offer(sdp)

    async def accept(self, sdp: str) -> None:
        await self.pc.take_answer(sdp)

    async def opened(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._open.wait()
            await self.channel.opened()

    async def close(self) -> None:
        self.flood(False)
        await self.pc.close()

    async def _send(self, data: bytes) -> None:
        await self.channel.send(data)

    def _take(self, channel: Any) -> None:
        self.channel = channel
        channel.attach(self)
        self._open.set()

    # engine.transport.channel.Receiver

    def message(self, message: str | bytes) -> None:
        self.received += len(message)
        if self.echo:
            self.channel.post(message)

    def malformed(self, problem: str) -> None: ...

    def closed(self) -> None: ...

    # engine.transport.connection.Observer

    def ice_gathering(self, state: str) -> None: ...

    def ice_connection(self, state: str) -> None: ...

    def connection(self, state: str) -> None: ...

    def candidate(self, side: str, candidate: str) -> None: ...

    def pair_selected(self, pair: Any) -> None: ...

    def channel_opened(self, channel: Any) -> None:
        self._take(channel)


class StockLink:
    """aiortc as it comes."""

    def __init__(self) -> None:
        from aiortc import RTCConfiguration, RTCPeerConnection

        from engine.transport import tuning

        if tuning.is_applied():
            raise RuntimeError("This process is tuned: what it measures would not be stock")
        self.received = 0
        self.echo = False
        self.channel: Any = None
        self._open = asyncio.Event()
        self._low = asyncio.Event()
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.on("datachannel", self._take)
        self.flood = Flooder(self.send)
        self.taker: Callable[[bytes], None] | None = None
        """Is given each message that comes, if there is one."""

    async def offer(self) -> str:
        self._take(self.pc.createDataChannel("terminal"))
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def answer(self, sdp: str) -> str:
        from aiortc import RTCSessionDescription

        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        return str(self.pc.localDescription.sdp)

    async def accept(self, sdp: str) -> None:
        from aiortc import RTCSessionDescription

        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def opened(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._open.wait()

    async def close(self) -> None:
        self.flood(False)
        await self.pc.close()

    async def send(self, data: bytes) -> None:
        if self.channel.bufferedAmount > HIGH_WATER:
            self._low.clear()
            await self._low.wait()
        self.channel.send(data)

    def _take(self, channel: Any) -> None:
        self.channel = channel
        channel.bufferedAmountLowThreshold = LOW_WATER
        channel.on("message", self._message)
        channel.on("bufferedamountlow", self._low.set)
        channel.on("open", self._open.set)
        if channel.readyState == "open":
            self._open.set()

    def _message(self, message: str | bytes) -> None:
        self.received += len(message)
        if self.taker is not None:
            self.taker(message if isinstance(message, bytes) else message.encode())
        elif self.echo:
            self.channel.send(message)
