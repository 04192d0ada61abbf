"""aioice's side of the tuning: straight dispatch, batches, consent.

Owns the way of a datagram between the socket and DTLS, and RFC 7675's freshness.
Does not own encryption (dtls) nor the socket's system calls (engine.udp).
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

import aioice.ice
from aioice.stun import TransactionError

from engine.udp import UdpEndpoint

if TYPE_CHECKING:
    from aioice.ice import CandidatePair, StunProtocol
    from aioice.stun import Message

logger = logging.getLogger(__name__)

CONSENT_FAILURES = 2
CONSENT_INTERVAL_SECONDS = 2
CONSENT_SECONDS = CONSENT_FAILURES * CONSENT_INTERVAL_SECONDS
"""A peer silent for so long, though asked, is gone (RFC 7675: within 30 s)."""
CONSENT_BEATS = 4
"""Questions are asked at one of so many moments of the interval, the same for all peers:
one by one they would wake an app at rest a hundred times a second for 200 of them."""
CONSENT_RETRANSMISSIONS = 2
"""Of each question, 0.5 s and 1.5 s later: with a tenth of all packets lost, single ones
would end a good connection within minutes."""

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


def _next_beat(now: float) -> float:
    """Seconds to the next question: RFC 7675's 0.8 to 1.2 intervals, to the nearest beat."""
    beat = CONSENT_INTERVAL_SECONDS / CONSENT_BEATS
    due = now + CONSENT_INTERVAL_SECONDS * random.uniform(0.8, 1.2)
    return round(due / beat) * beat - now


class Pump(Protocol):
    """Takes encrypted datagrams as they come, in place of a task that awaits each."""

    def datagrams(self, datagrams: list[bytes]) -> None: ...
    def path_lost(self) -> None: ...


class TunedStunProtocol(aioice.ice.StunProtocol):
    """Tells DTLS from STUN by its first byte (RFC 7983); can take over its socket."""

    _moving = False

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        kind = data[0] if isinstance(data, bytes) and data else NOBODYS
        if FIRST_DTLS <= kind <= LAST_DTLS:
            cast("TunedIceConnection", self.receiver).datagrams_received([cast("bytes", data)])
        elif kind <= LAST_STUN:
            try:
                super().datagram_received(data, addr)
            except Exception as error:  # its parser raises whatever it trips over
                logger.debug("A STUN message from %s was dropped: %r", addr[0], error)

    def datagrams_received(self, datagrams: list[bytes], addr: tuple[Any, ...]) -> None:
        encrypted = [data for data in datagrams if data and FIRST_DTLS <= data[0] <= LAST_DTLS]
        if encrypted:
            cast("TunedIceConnection", self.receiver).datagrams_received(encrypted)
        if len(encrypted) < len(datagrams):
            for data in datagrams:
                if not (data and FIRST_DTLS <= data[0] <= LAST_DTLS):
                    self.datagram_received(data, addr)

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
    """Hands datagrams straight to a Pump; notices a dead peer within CONSENT_SECONDS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pump: Pump | None = None
        self._heard_at = 0.0
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

    def stop_pump(self) -> None:
        self._pump = None

    def heard(self) -> None:
        """Something came that only the peer can have sent."""
        self._heard_at = asyncio.get_running_loop().time()

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

    async def query_consent(self) -> None:
        """Ask each CONSENT_INTERVAL_SECONDS; close after CONSENT_SECONDS without a word, and
        CONSENT_FAILURES questions.

        Data that decrypts is a word too, and so is a question that only the peer can ask.
        Never starts on a connection that is closing.
        """
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        asking: set[asyncio.Task[None]] = set()
        unanswered: list[float] = []
        try:
            while not self._closing:
                await asyncio.sleep(_next_beat(loop.time()))
                now = loop.time()
                silence = now - self._heard_at
                unanswered = [asked_at for asked_at in unanswered if asked_at > self._heard_at]
                if silence > CONSENT_SECONDS and len(unanswered) >= CONSENT_FAILURES:
                    self._query_consent_task = None
                    await self.close()
                    return
                if silence < CONSENT_INTERVAL_SECONDS / 2:
                    continue  # nothing to ask: the peer is talking
                unanswered.append(now)
                for pair in self._nominated.values():
                    task = asyncio.create_task(self._ask(pair), name="ICE consent")
                    asking.add(task)
                    task.add_done_callback(asking.discard)
        finally:
            for task in asking:
                task.cancel()

    async def _ask(self, pair: CandidatePair) -> None:
        assert self.remote_password is not None
        try:
            await pair.protocol.request(
                self.build_request(pair, nominate=False),
                pair.remote_addr,
                integrity_key=self.remote_password.encode(),
                retransmissions=CONSENT_RETRANSMISSIONS,
            )
        except TransactionError:
            return
        self.heard()

    def _selected(self) -> CandidatePair | None:
        return self._nominated.get(1)
