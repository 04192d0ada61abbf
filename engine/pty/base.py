"""The Protocol of every PTY backend, and EchoPTY, the backend for tests and measurements."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from engine.core.errors import PTYClosedError
from engine.core.model import ExitStatus, Size

READ_SIZE = 64 * 1024
"""The most bytes one read returns."""
CLOSE_TIMEOUT_SECONDS = 5.0
"""How long close() waits for the other end."""


class PTY(Protocol):
    """A running program behind a terminal. Every backend passes one conformance suite.

    Bytes pass unchanged: no decoding, no newline translation. One reader and
    one writer at a time; close() may be called at any time.
    """

    @property
    def label(self) -> str:
        """The name the guest sees: the target's."""

    @property
    def size(self) -> Size:
        """The size that was set last."""

    @property
    def exit_status(self) -> ExitStatus | None:
        """None while the program runs; set for good before read() returns b""."""

    @property
    def taken(self) -> int:
        """Bytes of input written to the program so far; exact at any moment, even after a
        write() was cancelled halfway."""

    async def read(self) -> bytes:
        """The next output, 1..READ_SIZE bytes, as soon as there is any; b"" at the end.

        Not reading is backpressure: the kernel or the daemon makes the program wait.
        Losing the other end raises nothing: it is an end, with its reason in exit_status.
        """

    async def write(self, data: bytes) -> None:
        """Write all of ``data`` in order; waits while the program does not read.

        Raises PTYClosedError when the program has ended or close() was called. If cancelled,
        the bytes written so far count in ``taken`` and the rest is dropped.
        """

    async def resize(self, size: Size) -> None:
        """Set the terminal size. Does nothing once the program has ended."""

    async def close(self) -> None:
        """End the program and everything it started in its session; idempotent.

        Processes that asked to outlive it (nohup, setsid: engine.pty.ends.ending) keep running.
        Bounded by CLOSE_TIMEOUT_SECONDS: what takes longer is ended later by
        engine.pty.ends.ends. Wakes a waiting read() (which returns b"") and write() (which
        raises PTYClosedError).
        """


class EchoPTY:
    """Returns every byte it is sent: the backend for tests and measurements.

    ``capacity`` bounds the bytes written and not yet read; write() waits beyond it.
    Writing exactly 0x04 (^D) ends it with exit code 0.
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
                await self._end(ExitStatus(0, "The echo ended"))
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
