"""A UDP socket on the event loop that moves many datagrams per system call.

Batches leave through generic segmentation offload (UDP_SEGMENT) and arrive through its
counterpart (UDP_GRO), both Linux, see udp(7); elsewhere, and on devices that refuse them,
one datagram at a time. Replaces asyncio's DatagramTransport where aioice uses one; works
on any loop with add_reader().
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

UDP_SEGMENT = 103
UDP_GRO = 104
"""Options of level IPPROTO_UDP: linux/udp.h."""
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
PMTUDISC_DONT = 0
"""Linux, ip(7) and ipv6(7): the "don't fragment" bit is not set."""
MAX_BATCH = 60
MAX_BATCH_BYTES = 60_000
"""Datagrams and bytes of one batch; the kernel's limits are 64 and 65,507."""
DATAGRAMS_PER_TURN = 16
"""Delivered in one turn of the loop, 1 to 2 ms of work: others need it too."""
BUFFER_BYTES = 64 * 1024
MAX_BACKLOG = 2 * 1024 * 1024
"""Bytes queued while the socket is full. More are dropped, as any full queue on the path does."""

Address = tuple[Any, ...]
HAS_OFFLOAD = sys.platform == "linux"
"""Whether batches go through segmentation offload. Linux sets no "don't fragment" bit on them."""
_segment = struct.Struct("@H")
_buffer = bytearray(BUFFER_BYTES)  # copied out before anything is called
_FULL = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS}


class UdpEndpoint:
    """An already bound socket. ``receive(datagrams, address)`` gets what one turn of the loop
    brought from one sender; ``lost(error)`` is called once, at the end."""

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[list[bytes], Address], None],
        error_received: Callable[[OSError], None],
        lost: Callable[[Exception | None], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._receive = receive
        self._error_received = error_received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._backlog: deque[tuple[bytes, Address]] = deque()
        self._backlog_bytes = 0
        self._waiting: list[bytes] = []  # read, and not delivered yet
        self._waiting_from: Address = ()
        self._continue: asyncio.Handle | None = None
        self._closing = False
        self._sendmsg_works = HAS_OFFLOAD
        self._gro = False
        if HAS_OFFLOAD:
            try:
                sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
                self._gro = True
            except OSError:
                pass  # Linux before 5.0
        self._loop.add_reader(sock.fileno(), self._readable)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":
            return self._sock
        try:
            if name == "sockname":
                return self._sock.getsockname()
        except OSError:
            pass
        return default

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait because the socket is full."""
        return self._backlog_bytes

    def is_closing(self) -> bool:
        return self._closing

    def sendto(self, data: bytes, address: Address) -> None:
        if not self._backlog:
            try:
                self._sock.sendto(data, address)
                return
            except OSError as error:
                if not self._full(error):
                    return
        self._enqueue(data, address)

    def send_batch(self, datagrams: list[bytes], address: Address) -> None:
        """Send them, none of them empty, in order.

        Runs of equal size, whose last one may be smaller, go together.
        """
        if len(datagrams) == 1:
            self.sendto(datagrams[0], address)
            return
        at, count = 0, len(datagrams)
        while at < count:
            size = len(datagrams[at])
            end = at + 1
            most = min(count, at + min(MAX_BATCH, MAX_BATCH_BYTES // size))
            while end < most and len(datagrams[end]) == size:
                end += 1
            if end < most and len(datagrams[end]) < size:
                end += 1
            if end - at == 1 or self._backlog or not self._sendmsg_works:
                self.sendto(datagrams[at], address)
                at += 1
                continue
            self._send_run(datagrams[at:end], size, address)
            at = end

    def allow_fragments(self) -> None:
        """Let IP fragment datagrams that are too large for a link, where the system can."""
        level, option = socket.IPPROTO_IP, IP_MTU_DISCOVER
        if self._sock.family == socket.AF_INET6:
            level, option = socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER
        if sys.platform == "linux" and not self._closing:
            self._sock.setsockopt(level, option, PMTUDISC_DONT)

    def close(self) -> None:
        """Stop receiving; what is queued is still sent. ``lost(None)`` follows."""
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._sock.fileno())
        self._waiting = []
        if self._continue is not None:
            self._continue.cancel()
            self._continue = None
        if not self._backlog:
            self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """End now; what is queued is dropped."""
        self._backlog.clear()
        self._backlog_bytes = 0
        if self._sock.fileno() < 0:
            return
        self._loop.remove_writer(self._sock.fileno())
        if self._closing:
            self._loop.call_soon(self._end, None)
        else:
            self.close()

    def _send_run(self, run: list[bytes], size: int, address: Address) -> None:
        option = [(socket.IPPROTO_UDP, UDP_SEGMENT, _segment.pack(size))]
        try:
            self._sock.sendmsg(run, option, 0, address)
            return
        except OSError as error:
            if error.errno in (errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP):
                # The device cannot, or the path takes no datagrams of this size at once.
                logger.debug("No segmentation offload: %s", error)
                self._sendmsg_works = False
            elif not self._full(error):
                return
        for datagram in run:
            self.sendto(datagram, address)

    def _full(self, error: OSError) -> bool:
        """True when sending must wait; other errors are reported, and the datagram is lost."""
        if error.errno in _FULL:
            return True
        self._error_received(error)
        return False

    def _enqueue(self, data: bytes, address: Address) -> None:
        if self._backlog_bytes + len(data) > MAX_BACKLOG or self._closing:
            return
        if not self._backlog:
            self._loop.add_writer(self._sock.fileno(), self._writable)
        self._backlog.append((data, address))
        self._backlog_bytes += len(data)

    def _writable(self) -> None:
        while self._backlog:
            data, address = self._backlog[0]
            try:
                self._sock.sendto(data, address)
            except OSError as error:
                if self._full(error):
                    return
            self._backlog.popleft()
            self._backlog_bytes -= len(data)
        self._loop.remove_writer(self._sock.fileno())
        if self._closing:
            self._end(None)

    def _readable(self) -> None:
        """All that is there now, within the budget, delivered together: so answered together."""
        if self._waiting:
            return  # what was read before is delivered first
        batch: list[bytes] = []
        sender: Address | None = None
        error: OSError | None = None
        while len(batch) < DATAGRAMS_PER_TURN and not self._closing:
            try:
                if self._gro:
                    datagrams, address = self._read_coalesced()
                else:
                    data, address = self._sock.recvfrom(BUFFER_BYTES)
                    datagrams = [data]
            except (BlockingIOError, InterruptedError):
                break
            except OSError as problem:
                error = problem  # an ICMP message about something sent before, for one
                break
            if address != sender and sender is not None:
                self._receive(batch, sender)
                batch = []
            sender = address
            batch += datagrams
        if batch and sender is not None and not self._closing:
            self._deliver(batch, sender)
        if error is not None:
            self._error_received(error)

    def _deliver(self, batch: list[bytes], sender: Address) -> None:
        """One read may bring some forty datagrams: too many for one turn."""
        if len(batch) > DATAGRAMS_PER_TURN:
            batch, self._waiting = batch[:DATAGRAMS_PER_TURN], batch[DATAGRAMS_PER_TURN:]
            self._waiting_from = sender
            self._continue = self._loop.call_soon(self._deliver_rest)
        self._receive(batch, sender)

    def _deliver_rest(self) -> None:
        self._continue = None
        batch, self._waiting = self._waiting, []
        self._deliver(batch, self._waiting_from)

    def _read_coalesced(self) -> tuple[list[bytes], Address]:
        """One system call: datagrams of one sender, all of a size but the last."""
        length, control, _, address = self._sock.recvmsg_into([_buffer], socket.CMSG_SPACE(4))
        data = bytes(_buffer[:length])
        size = length
        for level, kind, value in control:
            if level == socket.IPPROTO_UDP and kind == UDP_GRO:
                size = int.from_bytes(value[:4], sys.byteorder)
        if not 0 < size < length:
            return [data], address
        return [data[at : at + size] for at in range(0, length, size)], address

    def _end(self, error: Exception | None) -> None:
        if self._sock.fileno() >= 0:
            self._sock.close()
            self._lost(error)
