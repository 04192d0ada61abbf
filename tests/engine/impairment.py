"""A bad network in the process: delay, loss, reordering and duplication of datagrams.

Owns what happens to the datagrams of one peer connection, in both directions, on
this side only: so the other side may be anything. Works with aiortc as it comes and
with ours; it sits between aioice's protocols and their sockets. The other side of a
tuned connection then gets its datagrams one by one (no offload).
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Impairment:
    """``delay`` is one way, in seconds; ``jitter`` adds up to so much more, and reorders;
    ``loss`` and ``duplicate`` are the parts of all datagrams it happens to, each way.
    No datagram of more than ``largest`` bytes passes, as where a link's MTU is known to
    neither end; 0: all do."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    largest: int = 0
    seed: int = 1


class _Path:
    """One direction."""

    def __init__(self, how: Impairment, seed: int) -> None:
        self._how = how
        self._random = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def carry(self, size: int, deliver: Callable[[], None]) -> None:
        how, chance = self._how, self._random.random
        if chance() < how.loss or 0 < how.largest < size:
            return
        for _ in range(2 if chance() < how.duplicate else 1):
            wait = how.delay + how.jitter * chance()
            if not wait:
                deliver()
                continue
            self._count += 1
            heapq.heappush(self._waiting, (self._loop.time() + wait, self._count, deliver))
        self._arm()

    def alter(self, how: Impairment) -> None:
        self._how = how

    def drop_all(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._waiting and self._timer is None:
            self._timer = self._loop.call_at(self._waiting[0][0], self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
        self._arm()


class _ImpairedTransport:
    """In the place of a datagram transport; not an asyncio one, so nobody takes its socket."""

    def __init__(self, inner: asyncio.DatagramTransport, out: _Path, back: _Path) -> None:
        self._inner = inner
        self._out = out
        self._back = back

    def sendto(self, data: bytes, address: Any) -> None:
        self._out.carry(len(data), lambda: self._send(data, address))

    def _send(self, data: bytes, address: Any) -> None:
        if not self._inner.is_closing():
            self._inner.sendto(data, address)

    def alter(self, how: Impairment) -> None:
        self._out.alter(how)
        self._back.alter(how)

    def close(self) -> None:
        self._out.drop_all()
        self._back.drop_all()
        self._inner.close()

    abort = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def impair(pc: Any, how: Impairment) -> None:
    """Impair ``pc``'s datagrams from now on. Call it once its local description is set."""
    protocols = pc.sctp.transport.transport._connection._protocols
    for number, protocol in enumerate(protocols):
        out, back = (_Path(how, how.seed * 1000 + 2 * number + way) for way in (0, 1))
        received = protocol.datagram_received

        def late(
            data: bytes, address: Any, *, back: _Path = back, received: Any = received
        ) -> None:
            back.carry(len(data), lambda: received(data, address))

        protocol.datagram_received = late
        protocol.transport = _ImpairedTransport(protocol.transport, out, back)


def alter(pc: Any, how: Impairment) -> None:
    """Another network from now on, for a ``pc`` that is impaired."""
    for protocol in pc.sctp.transport.transport._connection._protocols:
        if isinstance(protocol.transport, _ImpairedTransport):
            protocol.transport.alter(how)


def lift(pc: Any) -> None:
    """No impairment from now on: what ``pc`` says last arrives."""
    alter(pc, Impairment())


class _Dropping:
    """In the place of a datagram transport, as _ImpairedTransport."""

    def __init__(self, inner: asyncio.DatagramTransport, lost: Callable[[bytes], bool]) -> None:
        self._inner = inner
        self._lost = lost

    def sendto(self, data: bytes, address: Any) -> None:
        if not self._lost(data):
            self._inner.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def drop(pc: Any, lost: Callable[[bytes], bool]) -> None:
    """Of what ``pc`` sends from now on, lose the datagrams for which ``lost`` is true."""
    for protocol in pc.sctp.transport.transport._connection._protocols:
        protocol.transport = _Dropping(protocol.transport, lost)
