"""The data-channel seam: ordered, reliable messages between two peers.

engine.transport.data_channel is the real one; the tests have one in memory, and one
conformance suite runs against both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger(__name__)

HIGH_WATER = 256 * 1024
"""Bytes queued and not yet sent above which send() waits."""
LOW_WATER = 64 * 1024
"""Bytes at which a waiting send() continues."""

Message = str | bytes


class Receiver(Protocol):
    """Gets the messages. Called on the loop, in order; must not block.

    What it raises is logged and contained: a bad message never ends the connection.
    """

    def message(self, message: Message) -> None: ...

    def malformed(self, problem: str) -> None:
        """Text arrived that is not UTF-8."""

    def closed(self) -> None:
        """The channel has ended, closed by either side or lost. Called once."""


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
        """Bytes queued and not yet sent."""

    @property
    def is_delivered(self) -> bool:
        """Whether the other side has everything that was sent, as far as can be known."""

    def attach(self, receiver: Receiver) -> None:
        """Deliver to ``receiver`` from now on, including messages that came before."""

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        """Queue a message without waiting; False when the channel is not open.

        For small control messages only: nothing bounds what is posted. An ``urgent``
        one may arrive before others that were queued earlier and are unsent.
        """

    async def send(self, message: Message, *, paced: bool = False) -> None:
        """Queue a message, waiting while more than HIGH_WATER bytes are unsent.

        ``paced`` also waits while more is in flight, sent or not, than the other side
        reads in a tenth of a second: for peers that do not acknowledge what they have read.
        Raises ChannelClosedError when the channel is or becomes closed.
        """

    def close(self) -> None:
        """Close it; idempotent. Queued messages are still delivered while the path is up: to
        close the connection before ``is_delivered`` may lose them."""


class Contained:
    """Calls a Receiver, logs what it raises, and holds messages that come before attach()."""

    MAX_HELD = 1024
    """Messages held before attach(); further ones are dropped."""

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
