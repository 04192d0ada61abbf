"""A bounded buffer between a callback that receives bytes and a coroutine that reads them.

Two callables pause and resume the source.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HIGH_WATER = 256 * 1024
"""Stored bytes at which the source is paused. One more delivery may still arrive."""
LOW_WATER = 64 * 1024
"""Stored bytes at which a paused source is resumed."""


class ReceiveBuffer:
    """One producer calls feed() and end(), one consumer awaits read().

    A read that takes a whole delivery returns that very object: under a flood most bytes
    are never copied.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._pieces: deque[bytes] = deque()
        self._taken = 0  # bytes of the first piece already read
        self._held = 0
        self._paused = False
        self._ended = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return self._held

    @property
    def ended(self) -> bool:
        """No more bytes will arrive; stored ones can still be read."""
        return self._ended

    @property
    def paused(self) -> bool:
        return self._paused

    def feed(self, data: bytes) -> None:
        if self._ended or not data:
            return
        self._pieces.append(data)
        self._held += len(data)
        self._changed.set()
        if self._held >= HIGH_WATER:
            self._stop_source()

    def end(self, *, discard: bool = False) -> None:
        """The stream has ended; with ``discard`` unread bytes are dropped."""
        self._ended = True
        if discard:
            self._pieces.clear()
            self._held = self._taken = 0
        self._changed.set()

    async def read(self, limit: int) -> bytes:
        """1..``limit`` bytes as soon as there are any; b"" at the end of the stream."""
        while not self._held and not self._ended:
            await self._wait()
        return self._take(min(limit, self._held))

    async def read_until(self, mark: bytes, limit: int) -> bytes | None:
        """Everything up to and including ``mark``; what follows stays for the next read.

        None when the stream ends first or ``mark`` is not within ``limit`` bytes
        (below HIGH_WATER); the bytes can then still be read.
        """
        searched = 0
        while True:
            held = self._joined()
            found = held.find(mark, max(0, searched - len(mark) + 1))
            if found >= 0:
                return self._take(found + len(mark))
            searched = len(held)
            if self._ended or searched > limit:
                return None
            await self._wait()

    async def gather(self, enough: int, seconds: float) -> None:
        """Pause the source for ``seconds``, unless ``enough`` bytes are stored: it then delivers
        more at once."""
        if self._held >= enough or self._ended or self._paused:
            return
        self._stop_source()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._restart_source()

    async def fill(self, enough: int, seconds: float) -> None:
        """Wait for ``enough`` bytes, at most ``seconds``, without pausing the source: for a source
        with a small buffer of its own, which would block its program."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._held < enough and not (self._ended or self._paused):
                    await self._wait()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _joined(self) -> bytes:
        if len(self._pieces) > 1 or self._taken:
            whole = b"".join(self._pieces)[self._taken :]
            self._pieces.clear()
            self._pieces.append(whole)
            self._taken = 0
        return self._pieces[0] if self._pieces else b""

    def _take(self, count: int) -> bytes:
        taken: list[bytes] = []
        missing = count
        while missing:
            piece = self._pieces[0]
            end = self._taken + missing
            if end < len(piece):
                taken.append(piece[self._taken : end])
                self._taken = end
                break
            self._pieces.popleft()
            if self._taken:
                piece = piece[self._taken :]
                self._taken = 0
            taken.append(piece)
            missing -= len(piece)
        self._held -= count
        self._restart_source()
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _stop_source(self) -> None:
        if not self._paused:
            self._paused = True
            self._pause()

    def _restart_source(self) -> None:
        if self._paused and self._held <= LOW_WATER:
            self._paused = False
            if not self._ended:
                self._resume()
