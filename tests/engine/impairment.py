"""Delay and loss inside a process, on one peer connection's datagrams.

Owns the shim. A placeholder with the interface of the one to come.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Impairment:
    """``delay`` is one way, in seconds; the others are parts of one or seconds."""

    delay: float = 0.02
    loss: float = 0.0
    jitter: float = 0.0
    duplicate: float = 0.0
    seed: int = 1


def impair(pc: Any, impairment: Impairment) -> None:
    """Delay and drop the datagrams of ``pc`` both ways; its candidates must be gathered."""
    connection = pc.sctp.transport.transport._connection
    for number, protocol in enumerate(connection._protocols):
        rng = random.Random(impairment.seed * 1000 + number)
        _Shim(protocol, impairment, rng)


class _Shim:
    def __init__(self, protocol: Any, impairment: Impairment, rng: random.Random) -> None:
        self._loop = asyncio.get_running_loop()
        self._impairment = impairment
        self._rng = rng
        self._transport = protocol.transport
        self._received = protocol.datagram_received
        protocol.transport = self
        protocol.datagram_received = self._receive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def sendto(self, data: bytes, addr: Any = None) -> None:
        self._pass(self._send, bytes(data), addr)

    def _send(self, data: bytes, addr: Any) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, addr)

    def _receive(self, data: bytes, addr: Any) -> None:
        self._pass(self._received, data, addr)

    def _pass(self, take: Any, data: bytes, addr: Any) -> None:
        if self._rng.random() >= self._impairment.loss:
            self._loop.call_later(self._impairment.delay, take, data, addr)
