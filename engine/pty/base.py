"""The PTY seam: what every backend does, and the echo backend that ships with it.

Owns the Protocol and EchoPTY. Does not own who may open a PTY (policy) or
where its bytes go (the bridge).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from engine.core.errors import PTYClosedError
from engine.core.model import ExitStatus, Size

READ_SIZE = 64 * 1024
"""The most bytes one read returns."""
CLOSE_TIMEOUT_SECONDS = 5.0
"""How long close() may take before it stops waiting for the far end."""


class PTY(Protocol):
    """A running program behind a terminal. Every backend passes one conformance suite.

    Bytes are never touched: no decoding, no newline translation. One reader and
    one writer at a time; close() may be called from anywhere, at any time.
    """

    @property
    def label(self) -> str:
        """What the guest is told it is connected to."""

    @property
    def size(self) -> Size:
        """The size the program was last told."""

    @property
    def exit_status(self) -> ExitStatus | None:
        """None while the program runs; set for good before read() returns b""."""

    @property
    def taken(self) -> int:
        """Bytes of input handed over so far: exact at any moment, also when a write() was
        cancelled in the middle."""

    async def read(self) -> bytes:
        """The next output, 1..READ_SIZE bytes, as soon as there is any; b"" at the end.

        Not reading is backpressure: the kernel or the daemon stops the program.
        Never raises for the far end going away: that is an end with a reason.
        """

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data`` in order; waits while the program does not read.

        Raises PTYClosedError when the program has ended or close() was called. Cancelled,
        what it has handed over counts in ``taken`` and the rest never comes.
        """

    async def resize(self, size: Size) -> None:
        """Tell the program its new size. A program that has ended is not an error."""

    async def close(self) -> None:
        """End the program and everything it started in its session; idempotent.

        What asked to go on (nohup, setsid: engine.pty.ends.ending) does. Bounded by
        CLOSE_TIMEOUT_SECONDS: what takes longer ends later (engine.pty.ends.ends). Wakes a
        waiting read() (which returns b"") and write() (which raises PTYClosedError).
        """


class EchoPTY:
    """Answers every byte with itself: the backend for tests and measurements.

    ``capacity`` bounds the bytes written and not yet read; write() waits beyond it.
    A write of nothing but 0x04 (^D) ends it with exit code 0.
    """

    def __init__(self, size: Size, label: str = "echo", capacity: int = 256 * 1024) -> None:
        self._label = label
        self._size = size
        self._capacity = capacity
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._taken = 0
        self._exit: ExitStatus | None = None
        self._ended = False
        self._changed = asyncio.Condition()

    @property
    def label(self) -> str:
        return self._label

    @property
    def size(self) -> Size:
        return self._size

    @property
    def exit_status(self) -> ExitStatus | None:
        return self._exit

    @property
    def taken(self) -> int:
        return self._taken

    async def read(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._chunks or self._ended)
            if not self._chunks:
                return b""
            chunk = self._chunks.popleft()
            chunk, rest = chunk[:READ_SIZE], chunk[READ_SIZE:]
            if rest:
                self._chunks.appendleft(rest)
            self._held -= len(chunk)
            self._changed.notify_all()
            return chunk

    async def write(self, data: bytes) -> None:
        async with self._changed:
            if data == b"\x04":
                self._taken += len(data)
                await self._end(ExitStatus(0, "The echo was ended"))
                return
            await self._changed.wait_for(lambda: self._held < self._capacity or self._ended)
            if self._ended:
                raise PTYClosedError("The terminal has ended")
            if data:
                self._chunks.append(bytes(data))
                self._held += len(data)
                self._taken += len(data)
                self._changed.notify_all()

    async def resize(self, size: Size) -> None:
        self._size = size

    async def close(self) -> None:
        async with self._changed:
            self._chunks.clear()
            self._held = 0
            await self._end(ExitStatus(None, "Closed"))

    async def _end(self, status: ExitStatus) -> None:
        if not self._ended:
            self._ended = True
            self._exit = status
        self._changed.notify_all()
