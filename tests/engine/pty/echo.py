"""EchoPTY: a PTY backend without a program, for tests."""

from __future__ import annotations

import asyncio
from collections import deque

from engine.core.errors import PTYClosedError
from engine.core.model import ExitStatus, Size
from engine.pty.base import READ_SIZE


class EchoPTY:
    """Returns every byte it is sent.

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
