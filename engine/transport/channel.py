"""The data-channel seam: ordered, reliable messages between two peers.

Owns the Protocol and the in-memory pair that ships for tests and measurements;
engine.transport.connection has the real one, and one conformance suite runs against both. Does
not own what the messages mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from engine.core.errors import ChannelClosedError

logger = logging.getLogger(__name__)

HIGH_WATER = 256 * 1024
"""Bytes handed over and not yet sent, above which send() waits."""
LOW_WATER = 64 * 1024
"""Bytes at which a waiting send() goes on."""

Message = str | bytes


class Receiver(Protocol):
    """Who gets the messages. Called on the loop, in order; must not block.

    What it raises is logged and contained: a faulty message never ends the peer.
    """

    def message(self, message: Message) -> None: ...

    def malformed(self, problem: str) -> None:
        """Text arrived that is not UTF-8."""

    def closed(self) -> None:
        """The channel has ended, by either side or by loss. Called once."""


class MessageChannel(Protocol):
    """One ordered, reliable channel. Text and binary messages keep their kind and order."""

    @property
    def label(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def is_open(self) -> bool: ...

    @property
    def buffered(self) -> int:
        """Bytes handed over and not yet sent."""

    def attach(self, receiver: Receiver) -> None:
        """Deliver to ``receiver`` from now on, messages that came before included."""

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        """Queue a message without waiting; False when the channel is not open.

        For small control messages only: nothing bounds what is posted. An ``urgent``
        one may arrive before others that were handed over earlier and are unsent.
        """

    async def send(self, message: Message, *, paced: bool = False) -> None:
        """Queue a message, waiting while more than HIGH_WATER bytes are unsent.

        ``paced`` waits as well while more is in flight, sent or not, than the other side
        takes in a tenth of a second: for peers that do not tell what they have taken.
        Raises ChannelClosedError when the channel is or becomes closed.
        """

    def close(self) -> None:
        """Close it; idempotent. Queued messages are still delivered when the path is up."""


class Contained:
    """Calls a Receiver so that nothing it raises gets out, and holds early messages."""

    MAX_HELD = 1024
    """Messages kept before attach(); a peer that sends more is misbehaving."""

    def __init__(self) -> None:
        self._receiver: Receiver | None = None
        self._held: list[Message] = []
        self._closed = False

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        held, self._held = self._held, []
        for message in held:
            self.message(message)
        if self._closed:
            self._call(receiver.closed)

    def message(self, message: Message) -> None:
        if self._receiver is None:
            if len(self._held) < self.MAX_HELD:
                self._held.append(message)
            return
        receiver = self._receiver
        self._call(lambda: receiver.message(message))

    def malformed(self, problem: str) -> None:
        if self._receiver is not None:
            receiver = self._receiver
            self._call(lambda: receiver.malformed(problem))

    def closed(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._receiver is not None:
            self._call(self._receiver.closed)

    @staticmethod
    def _call(function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:
            logger.exception("A data channel handler failed")


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
        self._urgent = 0  # how many of them came urgent: they are in front

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
