"""Two ends of an association joined in memory: nothing encrypted, nothing lost but on purpose."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities

from engine.transport.sctp.inbound import MAX_MESSAGE
from engine.transport.sctp.packet import (
    DATA,
    FIRST_FRAGMENT,
    LAST_FRAGMENT,
    SACK,
    Sealer,
    data_chunk,
    open_packet,
    parse_data,
)
from engine.transport.tuning.association import TunedSctpTransport
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ETHERNET = 1500
LOOPBACK = 65_536
"""Bytes of the largest IP packet."""
STRING = 51
BINARY = 53


class Wire:
    """In the place of DTLS: one end of a line whose packets arrive in the next turn."""

    state = "connected"

    def __init__(self, role: str, mtu: int) -> None:
        self._role = role
        self._mtu = mtu
        self.ice = self
        self.far: Wire | None = None
        self.receiver: TunedSctpTransport | None = None
        self.sent: list[list[bytes]] = []
        self.lose: Callable[[bytes], bool] = lambda _: False
        self.delay = 0.0
        self.broken = False
        self.tag = 0
        self.tsn = 0
        """Of the packets that arrived: their tag, and the highest TSN."""
        self.takes = 65_536
        """Bytes of the largest packet that passes whole."""
        self.in_pieces = False

    def path_mtu(self) -> int:
        return self._mtu

    def allow_fragments(self) -> None:
        self.in_pieces = True

    def passes(self, packet: bytes) -> bool:
        return (len(packet) <= self.takes or self.in_pieces) and not self.lose(packet)

    def send_packets(self, packets: list[bytes]) -> None:
        if self.broken:
            raise ConnectionError("Cannot send encrypted data, not connected")
        self.sent.append(packets)
        arriving = [packet for packet in packets if self.passes(packet)]
        if arriving and self.far is not None:
            asyncio.get_running_loop().call_later(self.delay, self.far.arrive, arriving)

    async def _send_data(self, data: bytes) -> None:
        self.send_packets([data])

    def arrive(self, packets: list[bytes]) -> None:
        for packet in packets:
            self.tag, chunks = open_packet(packet)
            tsns = [parse_data(body)[0] for kind, _, body in chunks if kind == DATA]
            self.tsn = max([self.tsn, *tsns])
        if self.receiver is not None:
            self.receiver.packets_received(packets)

    def _register_data_receiver(self, receiver: TunedSctpTransport) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: TunedSctpTransport) -> None:
        self.receiver = None

    def chunks(self, kind: int) -> list[tuple[int, bytes]]:
        """Flags and bodies of the chunks of one kind that were sent."""
        return [
            (flags, body)
            for packets in self.sent
            for packet in packets
            for found, flags, body in open_packet(packet)[1]
            if found == kind
        ]


class End:
    """An association and its wire; ``got`` is what its channels have received."""

    def __init__(self, role: str, mtu: int) -> None:
        self.wire = Wire(role, mtu)
        self.sctp = TunedSctpTransport(self.wire)  # type: ignore[arg-type]
        self.channels: list[RTCDataChannel] = []
        self.got: list[str | bytes] = []
        self.sctp.on("datachannel", self.adopt)

    def adopt(self, channel: RTCDataChannel) -> None:
        self.channels.append(channel)
        channel.on("message", self.got.append)

    def open(self, label: str = "x") -> RTCDataChannel:
        channel = RTCDataChannel(self.sctp, RTCDataChannelParameters(label=label))
        channel.on("message", self.got.append)
        return channel

    async def start(self, limit: int = MAX_MESSAGE) -> None:
        await self.sctp.start(RTCSctpCapabilities(maxMessageSize=limit), 5000)

    @property
    def established(self) -> bool:
        return self.sctp.is_established

    @property
    def tag(self) -> int:
        """The tag of the packets it accepts."""
        return self.wire.tag

    def sacks(self) -> int:
        return len(self.wire.chunks(SACK))


@asynccontextmanager
async def joined(
    mtu: int = 0, delay: float = 0.0, peer_takes: int = 0, limit: int = MAX_MESSAGE
) -> AsyncIterator[tuple[End, End, RTCDataChannel]]:
    """Two ends with one open channel, and nothing under way any more."""
    one, other = End("client", mtu), End("server", mtu)
    one.wire.far, other.wire.far = other.wire, one.wire
    one.wire.delay = other.wire.delay = delay
    one.sctp.peer_takes = peer_takes
    channel = one.open()
    await one.start(limit)
    await other.start()
    await until(lambda: channel.readyState == "open" and other.channels)
    await until(lambda: one.sctp.is_idle and other.sctp.is_idle)
    for end in (one, other):
        end.wire.sent.clear()
    yield one, other, channel
    for end in (one, other):
        await end.sctp.stop()


def data_packet(end: End, tsn: int, data: bytes, flags: int = 0, stream: int = 0) -> bytes:
    """A packet as the far side of ``end`` might send it."""
    chunk = data_chunk(flags | FIRST_FRAGMENT | LAST_FRAGMENT, tsn, stream, 0, BINARY, data)
    return Sealer(5000, 5000, end.tag).seal(chunk)


def next_tsn(end: End) -> int:
    """Of the packet it has to get next."""
    return end.wire.tsn + 1
