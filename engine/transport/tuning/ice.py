"""aioice's side of the tuning: direct dispatch, batches, checks.

Ours are the path of a datagram between the socket and DTLS, and the pace of checks.

Touches of aioice's Connection: overrides ``_check_periodic`` (the pace); reads ``_check_list``,
``_nominated`` (the selected pair), ``_closing``, ``_queue`` (what waits for its reader),
``_protocols`` and ``_transport_policy`` (gathering); appends to ``_protocols``; clears
``_query_consent_task``. Relies without underscores on: StunProtocol.transport may be replaced
by another transport on the same socket; CandidatePair.state and .task may be read and set;
a StunProtocol reports to ``receiver``; host addresses come from aioice.ice.get_host_addresses.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

import aioice.ice

from engine.transport.tuning.consent import Consent
from engine.transport.tuning.gathering import Gathering, Server
from engine.transport.udp import UdpEndpoint

if TYPE_CHECKING:
    from aioice import Candidate
    from aioice.ice import CandidatePair, StunProtocol
    from aioice.stun import Message

logger = logging.getLogger(__name__)

PACE_SECONDS = 0.02
"""Between the starts of two connectivity checks. RFC 8445 section 14.2 allows 5 ms, but each
check makes the peer check back, at a pace of its own that is often 50 ms: four at once, and
the pair that will be selected comes 60 ms later."""

MAX_CHECKED = 256
"""Addresses of the peer that are remembered; only the peer itself can add one."""

LAST_STUN = 3
FIRST_DTLS = 20
LAST_DTLS = 63
UNKNOWN = 255
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
    """Gets encrypted datagrams as they arrive, instead of a task that awaits each one."""

    def datagrams(self, datagrams: list[bytes]) -> None: ...
    def path_lost(self) -> None: ...


class TunedStunProtocol(aioice.ice.StunProtocol):
    """Separates DTLS from STUN by the first byte (RFC 7983); can take over its socket."""

    receiver: TunedIceConnection
    last_sent: Message | None = None
    """The last STUN message aioice sent (engine.transport.tuning.consent sends its own)."""
    _moving = False

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        kind = data[0] if isinstance(data, bytes) and data else UNKNOWN
        if FIRST_DTLS <= kind <= LAST_DTLS:
            if not self.receiver.is_validated(self, addr):
                return
            if self.receiver.has_pump:
                self.take_over()  # the peer has selected another pair
            self.receiver.datagrams_received([cast("bytes", data)])
        elif kind <= LAST_STUN:
            try:
                if not self.receiver.stun_received(cast("bytes", data), addr, self):
                    super().datagram_received(data, addr)
            except Exception as error:  # its parser raises anything
                logger.debug("A STUN message from %s was dropped: %r", addr[0], error)

    def datagrams_received(self, datagrams: list[bytes], addr: tuple[Any, ...]) -> None:
        encrypted = [data for data in datagrams if data and FIRST_DTLS <= data[0] <= LAST_DTLS]
        if encrypted and self.receiver.is_validated(self, addr):
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
        """Continue with a UdpEndpoint on the same socket. No datagram is lost: the kernel
        holds them meanwhile. A relayed candidate has no socket and is left as it is."""
        transport: Any = self.transport
        sock = transport.get_extra_info("socket")
        if not isinstance(transport, asyncio.DatagramTransport) or sock is None:
            return
        own = sock.dup()
        try:
            endpoint = UdpEndpoint(
                own, self.datagrams_received, self.error_received, self.connection_lost
            )
        except NotImplementedError:  # a loop without readers (Windows): slower, and it works
            own.close()
            return
        self._moving = True
        transport.abort()
        self.transport = endpoint  # type: ignore[assignment]


class TunedIceConnection(aioice.ice.Connection):
    """Passes datagrams directly to a Pump; closes when the peer is silent (consent)."""

    def __init__(self, *args: Any, servers: tuple[Server, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server_problems: list[tuple[str, str]] = []
        """URLs of servers that gave no candidate, and why."""
        self._gathering = Gathering(
            servers,
            relay_only=self._transport_policy is aioice.TransportPolicy.RELAY,
            protocol_factory=lambda: aioice.ice.StunProtocol(self),
            failed=lambda url, why: self.server_problems.append((url, why)),
        )
        self._pump: Pump | None = None
        self.consent = Consent(self)
        self._pacing: asyncio.TimerHandle | None = None
        self._checked: set[tuple[StunProtocol, tuple[str, int]]] = set()

    def is_validated(self, protocol: StunProtocol, addr: tuple[Any, ...]) -> bool:
        """Whether the peer has shown there that it knows our password, or answered a check of
        ours: anybody else's datagrams are not for DTLS."""
        host_port = (addr[0], addr[1])
        pair = self.selected()
        if pair is not None and pair.protocol is protocol and pair.remote_addr == host_port:
            return True
        if (protocol, host_port) in self._checked:
            return True
        succeeded = aioice.ice.CandidatePair.State.SUCCEEDED
        return any(
            each.protocol is protocol and each.remote_addr == host_port and each.state is succeeded
            for each in self._check_list
        )

    def start_pump(self, pump: Pump) -> None:
        """Deliver to ``pump`` from now on, including what is queued."""
        waiting: list[bytes] = []
        lost = False
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if item is None:
                lost = True
            else:
                waiting.append(item[0])
        self._pump = pump
        pair = self.selected()
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
        """Something arrived that only the peer can have sent."""
        self.consent.heard()

    def send_now(self, datagrams: list[bytes]) -> None:
        """Raises ConnectionError when there is no path."""
        pair = self.selected()
        if pair is None:
            raise ConnectionError("Cannot send data, not connected")
        transport = pair.protocol.transport
        if isinstance(transport, UdpEndpoint):
            transport.send_batch(datagrams, pair.remote_addr)
        else:
            for datagram in datagrams:
                transport.sendto(datagram, pair.remote_addr)

    def path_mtu(self) -> int:
        """Bytes of an IP packet on the selected path, 0 when unknown: the kernel does not know
        an MTU behind a router, so only host candidates have one."""
        pair = self.selected()
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
        """Let IP fragment datagrams that are too large for a link: the path may take less than
        before, without any ICMP message that says so (RFC 8900: why not always)."""
        pair = self.selected()
        transport: Any = None if pair is None else pair.protocol.transport
        if isinstance(transport, UdpEndpoint):
            transport.allow_fragments()

    def stun_received(self, data: bytes, addr: tuple[Any, ...], protocol: StunProtocol) -> bool:
        """Whether it needs no further reading; False when aioice must read it."""
        return not self._closing and self.consent.received(data, addr, protocol)

    # What aioice calls.

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[Candidate]:
        """aioice's own host candidates, and those of our servers."""
        candidates = await super().get_component_candidates(component, addresses)
        for candidate, protocol in await self._gathering.run(component, tuple(self._protocols)):
            candidates.append(candidate)
            if protocol is not None:
                self._protocols.append(protocol)
        return candidates

    def data_received(self, data: bytes, component: int) -> None:
        """Looks like STUN and is not: dropped."""

    def datagrams_received(self, datagrams: list[bytes]) -> None:
        if self._pump is not None:
            self._pump.datagrams(datagrams)
        else:
            for data in datagrams:
                super().data_received(data, 1)

    def protocol_lost(self, protocol: StunProtocol) -> None:
        super().protocol_lost(protocol)
        pair = self.selected()
        if self._pump is not None and pair is not None and pair.protocol is protocol:
            self._pump.path_lost()

    async def add_remote_candidate(self, remote_candidate: Candidate | None) -> None:
        """The end of no candidates at all is not passed on: aioice would fail at once. The peer may
        still find us (RFC 8863), as a browser does whose names cannot be resolved here. Until then
        it has to have our answer, and a busy host takes its time for that."""
        if remote_candidate is None and not self.remote_candidates:
            return
        await super().add_remote_candidate(remote_candidate)

    def _check_periodic(self) -> bool:
        """Pace the checks here: connect() would notice only 20 ms later that they are done."""
        if not self._check_list:
            return super()._check_periodic()  # nothing to check yet
        self._pace()
        return False

    def check_start_task(self, pair: CandidatePair) -> None:
        begins = pair.task is None
        super().check_start_task(pair)
        if begins:
            # Otherwise it is WAITING until its task runs, and would be started again.
            pair.state = aioice.ice.CandidatePair.State.IN_PROGRESS

    def _pace(self) -> None:
        self._pacing = None
        if super()._check_periodic():
            self._pacing = asyncio.get_running_loop().call_later(PACE_SECONDS, self._pace)

    async def close(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
        self._gathering.close()
        await super().close()
        if self._pump is not None:
            self._pump.path_lost()

    def request_received(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        super().request_received(message, addr, protocol)
        pair = self.selected()
        selected = pair and pair.protocol is protocol and pair.remote_addr == addr
        if not selected and len(self._checked) >= MAX_CHECKED:
            return
        if message.check_message_integrity(self.local_password.encode()):
            self._checked.add((protocol, addr))
            if not selected:
                return
            self.heard()
            self.consent.learn(message, cast("TunedStunProtocol", protocol).last_sent)

    def switch_role(self, ice_controlling: bool) -> None:
        super().switch_role(ice_controlling)
        self.consent.forget()

    async def query_consent(self) -> None:
        """Close when the peer is silent. Never starts on a connection that is closing."""
        if self._closing:
            return
        await self.consent.lost()
        self._query_consent_task = None
        await self.close()

    def selected(self) -> CandidatePair | None:
        """The nominated pair of component 1, the only one; None while there is none."""
        return self._nominated.get(1)
