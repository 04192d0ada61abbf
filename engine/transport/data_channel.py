"""aiortc's data channel as a MessageChannel (engine.transport.channel)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.core.errors import ChannelClosedError
from engine.transport.channel import HIGH_WATER, LOW_WATER, Contained, Message, Receiver
from engine.transport.tuning import stack

if TYPE_CHECKING:
    from aiortc import RTCDataChannel


class RtcChannel:
    """aiortc's data channel as a MessageChannel."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self._inbox = Contained()
        self._low = asyncio.Event()
        self._low.set()
        self._opened = asyncio.Event()
        channel.bufferedAmountLowThreshold = LOW_WATER
        channel.on("message", self._inbox.message)
        channel.on("malformed", self._inbox.malformed)
        channel.on("bufferedamountlow", self._low.set)
        channel.on("open", self._opened.set)
        channel.on("close", self._on_close)
        # On the answering side it is open before anyone can listen for "open".
        if channel.readyState == "open":
            self._opened.set()

    @property
    def label(self) -> str:
        return str(self._channel.label)

    @property
    def protocol(self) -> str:
        return str(self._channel.protocol)

    @property
    def is_open(self) -> bool:
        return bool(self._channel.readyState == "open")

    @property
    def buffered(self) -> int:
        return int(self._channel.bufferedAmount)

    @property
    def is_delivered(self) -> bool:
        return stack.is_delivered(self._channel)

    def attach(self, receiver: Receiver) -> None:
        self._inbox.attach(receiver)

    async def opened(self) -> None:
        """Wait until it is open. Raises ChannelClosedError when it closes instead."""
        await self._opened.wait()
        if not self.is_open:
            raise ChannelClosedError("The data channel closed before it opened")

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        if not self.is_open:
            return False
        stack.send(self._channel, message, urgent=urgent)
        return True

    async def send(self, message: Message, *, paced: bool = False) -> None:
        if paced:
            await stack.wait_for_pace(self._channel)
        if self.buffered > HIGH_WATER:
            self._low.clear()
            # The low-water event may have come before clear(): check again.
            if self.buffered > HIGH_WATER:
                await self._low.wait()
        if not self.post(message):
            raise ChannelClosedError("The data channel is closed")

    def close(self) -> None:
        if self._channel.readyState in ("connecting", "open"):
            self._channel.close()
        # Senders that wait are released now, not when the other side has agreed.
        self._low.set()

    def _on_close(self) -> None:
        self._low.set()
        self._opened.set()
        self._inbox.closed()
