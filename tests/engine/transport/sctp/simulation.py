"""Two ends of an association over a network that is nothing but a heap of events.

Owns virtual time: a test of minutes of loss and delay takes milliseconds, and the
same seed gives the same run.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

from engine.transport.sctp.inbound import Chunk, Inbound, Message
from engine.transport.sctp.outbound import Outbound
from engine.transport.sctp.packet import DATA, SACK, Sealer, open_packet, parse_data, parse_sack

ROOM = 1176
WINDOW = 1024 * 1024


@dataclass(frozen=True)
class Network:
    """One way ``delay`` and ``jitter`` in seconds; ``loss``, ``duplicate`` in parts of one;
    ``rate`` in bytes a second (0: no limit), behind a queue of ``queue`` bytes."""

    delay: float = 0.01
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    rate: float = 0.0
    queue: int = 100_000
    seed: int = 1


class Association:
    """Data one way from ``sender`` to ``inbound``, SACKs the other. ``run()`` until quiet."""

    def __init__(self, network: Network, first_tsn: int = 1) -> None:
        self.network = network
        self.now = 0.0
        self.left: list[int] = []
        self.sender = Outbound(first_tsn, ROOM, lambda _, count: self.left.append(count))
        self.sender.window = WINDOW
        self.inbound = Inbound(first_tsn - 1)
        self.arrived: list[Message] = []
        self.packets_sent = 0
        self.timeouts = 0
        self._sealer = Sealer(5000, 5000, 7)
        self._random = random.Random(network.seed)
        self._events: list[tuple[float, int, bytes, bool]] = []
        self._count = 0
        self._free_at = 0.0

    def send(self, data: bytes, *, urgent: bool = False) -> None:
        self.sender.enqueue(1, 53, data, urgent=urgent)

    def run(self, seconds: float) -> None:
        """Until everything has arrived, or ``seconds`` more have passed."""
        end = self.now + seconds
        self._transmit()
        while self.now < end and not self.sender.idle:
            due = self.sender.deadline
            if self._events and (due is None or self._events[0][0] <= due):
                self.now, _, packet, forth = heapq.heappop(self._events)
                self._receive(packet, forth)
            elif due is not None:
                self.now = due
                self.timeouts += 1
                self.sender.timed_out(self.now)
            else:
                raise AssertionError("nothing on the way, and no timer")
            self._transmit()

    def _transmit(self) -> None:
        for body in self.sender.packets(self.now):
            assert len(body) <= ROOM
            self.packets_sent += 1
            self._carry(self._sealer.seal(body), forth=True)

    def _carry(self, packet: bytes, *, forth: bool) -> None:
        network, chance = self.network, self._random.random
        if chance() < network.loss:
            return
        wait = 0.0
        if network.rate and forth:
            wait = max(0.0, self._free_at - self.now)
            if wait * network.rate > network.queue:
                return  # the queue is full
            wait += len(packet) / network.rate
            self._free_at = self.now + wait
        for _ in range(2 if chance() < network.duplicate else 1):
            at = self.now + wait + network.delay + network.jitter * chance()
            self._count += 1
            heapq.heappush(self._events, (at, self._count, packet, forth))

    def _receive(self, packet: bytes, forth: bool) -> None:
        _, chunks = open_packet(packet)
        for kind, flags, body in chunks:
            if kind == DATA:
                tsn, stream, protocol, data = parse_data(body)
                self.arrived += self.inbound.add(tsn, Chunk(flags, stream, protocol, data))
            elif kind == SACK:
                self.sender.acknowledge(*parse_sack(body), self.now)
        if forth:
            self._carry(self._sealer.seal(self.inbound.sack()), forth=False)
