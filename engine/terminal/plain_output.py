"""A PTY's output on its way to a plain JSON guest: decoded, paced, and short after Ctrl+C.

Owns the decoder, the messages and what waits after an interrupt. Does not own the channel's
other messages. A plain guest acknowledges nothing, so it is paced by its transport; and what
a daemon holds of a flood is left out when the guest interrupts it (fast_forward).
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Iterator

from engine.message_channel import MessageChannel
from engine.terminal.fast_forward import FastForward
from engine.wire import terminal as wire

INTERRUPT = b"\x03"
"""Ctrl+C."""
SETTLE_SECONDS = 0.02
"""How long after an interrupt the last lines of a flood wait for more of it."""


class PlainOutput:
    def __init__(self, channel: MessageChannel) -> None:
        self._channel = channel
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._forward = FastForward()
        self._loop = asyncio.get_running_loop()
        self._settling: asyncio.TimerHandle | None = None

    def typed(self, data: bytes, rows: int) -> None:
        """The guest sent ``data``; its screen has ``rows``."""
        if INTERRUPT in data:
            self._forward.interrupted(rows, self._loop.time())

    async def send(self, data: bytes) -> None:
        """Waits while too much is in flight. Raises ChannelClosedError."""
        for text in self._messages(self._forward.feed(data, self._loop.time())):
            await self._channel.send(text, paced=True)
        self.stop()
        if self._forward.holds:
            self._settling = self._loop.call_later(SETTLE_SECONDS, self._send_held)

    def end(self) -> None:
        """The PTY has ended: what is held goes out, half a character as U+FFFD."""
        self._send_held()
        if rest := self._decoder.decode(b"", final=True):
            self._channel.post(wire.encode(wire.Output(rest)))
        self._decoder.reset()

    def stop(self) -> None:
        """Wait for nothing more; idempotent."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _send_held(self) -> None:
        self.stop()
        # At most what FastForward holds: nobody has to wait for that to fit.
        for text in self._messages(self._forward.rest()):
            self._channel.post(text)

    def _messages(self, data: bytes) -> Iterator[str]:
        for at in range(0, len(data), wire.JSON_CHUNK):
            text = self._decoder.decode(data[at : at + wire.JSON_CHUNK])
            if text:
                yield wire.encode(wire.Output(text))
