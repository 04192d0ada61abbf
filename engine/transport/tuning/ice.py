"""aioice's side of the tuning: straight dispatch, batches, checks.

Owns the way of a datagram between the socket and DTLS, and the pace of checks.
Does not own encryption (dtls), consent (consent), nor the socket's system calls
(engine.transport.udp).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

import aioice.ice

from engine.transport.tuning.consent import Consent
from engine.transport.udp import UdpEndpoint

if TYPE_CHECKING:
    from aioice.ice import CandidatePair, StunProtocol
    from aioice.stun import Message

logger = logging.getLogger(__name__)

PACE_SECONDS = 0.02
"""Between the beginnings of two connectivity checks. RFC 8445 section 14.2 allows 5 ms; but
each one has the peer check back, in a pace of its own that is often 50 ms: four at once,
and the pair that is to be chosen comes 60 ms later."""

LAST_STUN = 3
FIRST_DTLS = 20
LAST_DTLS = 63
NOBODYS = 255
"""First bytes of datagrams by protocol (RFC 7983); any other is dropped."""

IP_MTU = 14
IPV6_MTU = 24
"""getsockopt() of a connected socket: what the kernel knows of the path (ip(7), ipv6(7))."""

_stock_host_addresses = aioice.ice.get_host_addresses


def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """aioice's own list, or loopback when that is empty."""
    addresses = _stock_host_addresses(use_ipv4, use_ipv6)
    if not addresses and use_ipv4:
        return ["127.0.0.1"]
    return addresses


class Pump(Protocol):
    """Takes encrypted datagrams as they come, in place of a task that awaits each."""

    def datagrams(self, datagrams: list[bytes]) -> None: ...
    def path_lost(self) -> None: ...


class TunedStunProtocol(aioice.ice.StunProtocol):
    """Tells DTLS from STUN by its first byte (RFC 7983); can take over its socket."""

    receiver: TunedIceConnection
    last_sent: Message | None = None
    """Of STUN, and not by the short way (engine.transport.tuning.consent)."""
    _moving = False

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        kind = data[0] if isinstance(data, bytes) and data else NOBODYS
        if FIRST_DTLS <= kind <= LAST_DTLS:
            if self.receiver.has_pump:
                self.take_over()  # the peer has selected another pair than we
            self.receiver.datagrams_received([cast("bytes", data)])
        elif kind <= LAST_STUN:
            try:
                if not self.receiver.stun_received(cast("bytes", data), addr, self):
                    super().datagram_received(data, addr)
            except Exception as error:  # its parser raises whatever it trips over
                logger.debug("A STUN message from %s was dropped: %r", addr[0], error)

    def datagrams_received(self, datagrams: list[bytes], addr: tuple[Any, ...]) -> None:
        encrypted = [data for data in datagrams if data and FIRST_DTLS <= data[0] <= LAST_DTLS]
        if encrypted:
            self.receiver.datagrams_received(encrypted)
        if len(encrypted) < len(datagrams):
            for data in datagrams:
                if not (data and FIRST_DTLS <= data[0] <= LAST_DTLS):
                    self.datagram_received(data, addr)

    def send_stun(self, message: Message, addr: tuple[str, int]) -> None:
        self.last_sent = message
        super().send_stun(message, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._moving:
            self._moving = False
            return
        super().connection_lost(exc)

    def take_over(self) -> None:
        """Go on with a UdpEndpoint on the same socket. No datagram is lost: the kernel
        keeps them meanwhile. A relayed candidate has no socket and stays as it is."""
        transport: Any = self.transport
        sock = transport.get_extra_info("socket")
        if not isinstance(transport, asyncio.DatagramTransport) or sock is None:
            return
        own = sock.dup()
        self._moving = True
        transport.abort()
        self.transport = UdpEndpoint(  # type: ignore[assignment]
            own, self.datagrams_received, self.error_received, self.connection_lost
        )


class TunedIceConnection(aioice.ice.Connection):
    """Hands datagrams straight to a Pump; closes when the peer has fallen silent (consent)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pump: Pump | None = None
        self.consent = Consent(self)
        self._pacing: asyncio.TimerHandle | None = None

    def start_pump(self, pump: Pump) -> None:
        """Deliver to ``pump`` from now on, what waits included."""
        waiting: list[bytes] = []
        lost = False
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if item is None:
                lost = True
            else:
                waiting.append(item[0])
        self._pump = pump
        pair = self._selected()
        if pair is not None and isinstance(pair.protocol, TunedStunProtocol):
            pair.protocol.take_over()
        if waiting:
            pump.datagrams(waiting)
        if lost or pair is None:
            pump.path_lost()

    @property
    def has_pump(self) -> bool:
        return self._pump is not None

    def stop_pump(self) -> None:
        self._pump = None

    def heard(self) -> None:
        """Something came that only the peer can have sent."""
        self.consent.heard()

    def send_now(self, datagrams: list[bytes]) -> None:
        """Raises ConnectionError when there is no path."""
        pair = self._selected()
        if pair is None:
            raise ConnectionError("Cannot send data, not connected")
        transport = pair.protocol.transport
        if isinstance(transport, UdpEndpoint):
            transport.send_batch(datagrams, pair.remote_addr)
        else:
            for datagram in datagrams:
                transport.sendto(datagram, pair.remote_addr)

    def path_mtu(self) -> int:
        """Bytes of an IP packet on the selected path, 0 when nobody knows: an MTU on the
        far side of a router is not ours to know, so only host candidates have one."""
        pair = self._selected()
        if pair is None or pair.local_candidate.type != "host":
            return 0
        host, port = pair.remote_addr
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        level, option = socket.IPPROTO_IP, IP_MTU
        if family == socket.AF_INET6:
            level, option = socket.IPPROTO_IPV6, IPV6_MTU
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((host, port))
                return probe.getsockopt(level, option)
        except OSError:
            return 0

    def allow_fragments(self) -> None:
        """Let IP cut datagrams that are too large for a link: some path takes less than
        it took, and nothing comes back that would say so (RFC 8900 on why not always)."""
        pair = self._selected()
        transport: Any = None if pair is None else pair.protocol.transport
        if isinstance(transport, UdpEndpoint):
            transport.allow_fragments()

    def stun_received(self, data: bytes, addr: tuple[Any, ...], protocol: StunProtocol) -> bool:
        """False when aioice is to read it."""
        return not self._closing and self.consent.received(data, addr, protocol)

    # What aioice calls.

    def data_received(self, data: bytes, component: int) -> None:
        """Looks like STUN, and is not: nobody's."""

    def datagrams_received(self, datagrams: list[bytes]) -> None:
        if self._pump is not None:
            self._pump.datagrams(datagrams)
        else:
            for data in datagrams:
                super().data_received(data, 1)

    def protocol_lost(self, protocol: StunProtocol) -> None:
        super().protocol_lost(protocol)
        pair = self._selected()
        if self._pump is not None and pair is not None and pair.protocol is protocol:
            self._pump.path_lost()

    def _check_periodic(self) -> bool:
        """Pace the checks from here: connect() would see only 20 ms later that they are done."""
        if not self._check_list:
            return super()._check_periodic()  # nothing to wait for yet
        self._pace()
        return False

    def check_start_task(self, pair: CandidatePair) -> None:
        begins = pair.task is None
        super().check_start_task(pair)
        if begins:
            # Else it counts as waiting until its task runs, and is begun again in its turn.
            pair.state = aioice.ice.CandidatePair.State.IN_PROGRESS

    def _pace(self) -> None:
        self._pacing = None
        if super()._check_periodic():
            self._pacing = asyncio.get_running_loop().call_later(PACE_SECONDS, self._pace)

    async def close(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
        await super().close()
        if self._pump is not None:
            self._pump.path_lost()

    def request_received(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        super().request_received(message, addr, protocol)
        pair = self._selected()
        if pair is None or pair.protocol is not protocol or pair.remote_addr != addr:
            return
        if message.check_message_integrity(self.local_password.encode()):
            self.heard()
            self.consent.learn(message, cast("TunedStunProtocol", protocol).last_sent)

    def switch_role(self, ice_controlling: bool) -> None:
        super().switch_role(ice_controlling)
        self.consent.forget()

    async def query_consent(self) -> None:
        """Close when the peer has fallen silent. Never starts on a connection that is closing."""
        if self._closing:
            return
        await self.consent.lost()
        self._query_consent_task = None
        await self.close()

    def _selected(self) -> CandidatePair | None:
        return self._nominated.get(1)
