"""A bounded buffer between a callback that has bytes and a coroutine that wants them.

Owns the bound, the waiting and the end of the stream. Does not own where the
bytes come from: the two callables handed in stop and restart the source.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HIGH_WATER = 256 * 1024
"""Bytes held at which the source is paused. One more delivery may still arrive on top."""
LOW_WATER = 64 * 1024
"""Bytes held at which a paused source is let go on."""


class ReceiveBuffer:
    """One producer calling feed() and end(), one consumer awaiting read()."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._held = bytearray()
        self._paused = False
        self._ended = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def ended(self) -> bool:
        """No more bytes will come; those held can still be read."""
        return self._ended

    @property
    def paused(self) -> bool:
        return self._paused

    def feed(self, data: bytes) -> None:
        if self._ended or not data:
            return
        self._held += data
        self._changed.set()
        if len(self._held) >= HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()

    def end(self, *, discard: bool = False) -> None:
        """The stream is over; with ``discard`` the bytes nobody has read are dropped."""
        self._ended = True
        if discard:
            self._held.clear()
        self._changed.set()

    async def read(self, limit: int) -> bytes:
        """1..``limit`` bytes as soon as there are any; b"" at the end."""
        while not self._held and not self._ended:
            await self._wait()
        return self._take(min(limit, len(self._held)))

    async def read_until(self, mark: bytes, limit: int) -> bytes | None:
        """Everything up to and including ``mark``; what follows stays for the next read.

        None when the stream ends first or ``mark`` is not within ``limit`` bytes
        (below HIGH_WATER); the bytes are then still there to be read.
        """
        looked = 0
        while True:
            found = self._held.find(mark, max(0, looked - len(mark) + 1))
            if found >= 0:
                return self._take(found + len(mark))
            looked = len(self._held)
            if self._ended or looked > limit:
                return None
            await self._wait()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self, count: int) -> bytes:
        data = bytes(self._held[:count])
        del self._held[:count]
        if self._paused and len(self._held) <= LOW_WATER:
            self._paused = False
            if not self._ended:
                self._resume()
        return data
