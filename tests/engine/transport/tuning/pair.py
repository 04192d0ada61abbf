"""Two real ICE connections on this machine, which tests join and watch."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from engine.transport.tuning.ice import TunedIceConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = b"\x00\x01"
"""The type of a binding request (RFC 8489 section 5)."""


class Connection(TunedIceConnection):
    """Counts the questions that come, and does not answer when it is told not to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = 0
        self.answers = True
        self.asks = True
        self.asking = asyncio.Event()
        """Consent is asked for from now on, or would be."""
        self.waiting = 0
        """Datagrams of DTLS that came before there was a pump."""
        self.closed = asyncio.Event()

    def stun_received(self, data: bytes, addr: tuple[Any, ...], protocol: Any) -> bool:
        if data[:2] == REQUEST:
            self.asked += 1
            if not self.answers:
                return True
        return super().stun_received(data, addr, protocol)

    def datagrams_received(self, datagrams: list[bytes]) -> None:
        if not self.has_pump:
            self.waiting += len(datagrams)
        super().datagrams_received(datagrams)

    async def query_consent(self) -> None:
        self.asking.set()
        if self.asks:
            await super().query_consent()

    async def close(self) -> None:
        await super().close()
        self.closed.set()


class Sink:
    """A Pump that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.lost = 0

    def datagrams(self, datagrams: list[bytes]) -> None:
        self.got += datagrams

    def path_lost(self) -> None:
        self.lost += 1


def introduce(one: TunedIceConnection, other: TunedIceConnection) -> None:
    for near, far in ((one, other), (other, one)):
        near.remote_username = far.local_username
        near.remote_password = far.local_password


@asynccontextmanager
async def connected(
    asking: tuple[bool, bool] = (True, True),
) -> AsyncIterator[tuple[Connection, Connection]]:
    pair = Connection(ice_controlling=True), Connection(ice_controlling=False)
    introduce(*pair)
    for connection, asks in zip(pair, asking, strict=True):
        connection.asks = asks
        await connection.gather_candidates()
    for near, far in (pair, pair[::-1]):
        for candidate in far.local_candidates:
            await near.add_remote_candidate(candidate)
        await near.add_remote_candidate(None)
    await asyncio.gather(*(connection.connect() for connection in pair))
    try:
        yield pair
    finally:
        for connection in pair:
            await connection.close()
