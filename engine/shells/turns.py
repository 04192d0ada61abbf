from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.core.errors import HatchwayError


class Turns:
    def __init__(self, enter: Callable[[bytes], Awaitable[int]]) -> None:
        self._enter = enter
        self._taken = {}
        self._lock = asyncio.Lock()
        self._refused = {}
        self._entered = {}

    def begin(self, who, position):
        self._taken[who] = position
        self._entered[who] = 0

    def forget(self, who):
        self._taken.pop(who, None)

    def cut(self, who): ...
    def permit(self, who, refused):
        self._refused[who] = refused

    def skip(self, who, n):
        self._taken[who] += n

    def taken(self, who):
        return self._taken.get(who, 0)

    def entered(self, who):
        return self._entered.get(who, 0)

    async def settled(self, who):
        async with self._lock:
            return self.taken(who)

    async def write(self, who, data):
        async with self._lock:
            if r := self._refused.get(who):
                self._taken[who] += len(data)
                raise r()
            try:
                await self._enter(data)
            except HatchwayError:
                self._taken[who] = self._taken.get(who, 0) + len(data)
                raise
            except BaseException:
                n = self._n() - before
                self._taken[who] = self._taken.get(who, 0) + n
                self._entered[who] = self._entered.get(who, 0) + n
                raise
            self._taken[who] = self._taken.get(who, 0) + len(data)
            self._entered[who] = self._entered.get(who, 0) + len(data)
