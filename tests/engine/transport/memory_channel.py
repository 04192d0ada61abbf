"""A MessageChannel in memory: two joined ends in one process, no network."""

from __future__ import annotations

import asyncio

from engine.core.errors import ChannelClosedError
from engine.transport.channel import HIGH_WATER, Contained, Message, Receiver


class MemoryChannel:
    """One end of memory_pair(). Delivers on the next turn of the loop, in order."""

    def __init__(self, label: str, protocol: str) -> None:
        self._label = label
        self._protocol = protocol
        self._open = True
        self._inbox = Contained()
        self._peer: MemoryChannel | None = None
        self._buffered = 0
        self._low = asyncio.Event()
        self._low.set()
        self.stalled = False
        """While true nothing is delivered: a peer whose network has stopped."""
        self._queue: list[Message] = []
        self._urgent = 0  # how many at the front are urgent

    @property
    def label(self) -> str:
        return self._label

    @property
    def protocol(self) -> str:
        return self._protocol

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def buffered(self) -> int:
        return self._buffered

    @property
    def is_delivered(self) -> bool:
        return not self._buffered

    def attach(self, receiver: Receiver) -> None:
        self._inbox.attach(receiver)

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        if not self._open:
            return False
        if urgent:
            self._queue.insert(self._urgent, message)
            self._urgent += 1
        else:
            self._queue.append(message)
        self._buffered += len(message)
        if self._buffered > HIGH_WATER:
            self._low.clear()
        asyncio.get_running_loop().call_soon(self._deliver)
        return True

    async def send(self, message: Message, *, paced: bool = False) -> None:
        await self._low.wait()
        if not self.post(message):
            raise ChannelClosedError("The data channel is closed")

    def close(self) -> None:
        if not self._open:
            return
        self._deliver()
        self._open = False
        self._low.set()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._inbox.closed)
        if self._peer is not None:
            loop.call_soon(self._peer.close)

    def resume(self) -> None:
        """Deliver again after ``stalled``."""
        self.stalled = False
        self._deliver()

    def _deliver(self) -> None:
        if self.stalled or self._peer is None:
            return
        queue, self._queue, self._urgent = self._queue, [], 0
        for message in queue:
            self._peer._inbox.message(message)
        self._buffered = 0
        self._low.set()


def memory_pair(label: str = "terminal", protocol: str = "") -> tuple[MemoryChannel, MemoryChannel]:
    """Two joined channels in one process."""
    one, other = MemoryChannel(label, protocol), MemoryChannel(label, protocol)
    one._peer, other._peer = other, one
    return one, other
