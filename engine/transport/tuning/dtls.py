"""aiortc's DTLS transport, record by record without a task in between.

Ours is encryption on the hot path, both ways. The handshake remains aiortc's.

Touches of aiortc's RTCDtlsTransport: replaces ``_RTCDtlsTransport__run`` (the task that awaits
one datagram after another), overrides ``_send_data``, calls ``_recv_next`` and ``_set_state``,
reads ``_state``, ``_ssl`` (pyOpenSSL's connection) and ``_data_receiver``; of its
RTCIceTransport: ``_connection`` (aioice's).

Touches of pyOpenSSL, in FastRecords alone: ``_lib`` and ``_ffi`` (cffi's view of OpenSSL), and of
a connection ``_ssl``, ``_into_ssl``, ``_from_ssl`` and ``_raise_ssl_error``. Its public calls do
three times the work a record needs. Outside the tested range these handles are not used.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from OpenSSL import SSL

from engine.core import dependencies

if TYPE_CHECKING:
    from engine.transport.tuning.ice import TunedIceConnection

logger = logging.getLogger(__name__)

MAX_OVERHEAD = 80
"""The most bytes a record adds to a packet: 13 of header, 16 of IV, 32 of MAC, 16 of padding.
A datagram that is longer by more than that has several records in it."""
RECORD_BYTES = 17 * 1024
"""The largest DTLS record: 16 KiB and its overhead (RFC 6347 section 4.1)."""


class PacketReceiver(Protocol):
    """Gets decrypted packets, all that came together."""

    def packets_received(self, packets: list[bytes]) -> None: ...


class Records:
    """One DTLS connection's records, through pyOpenSSL's own interface."""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def seal(self, packet: bytes) -> bytes:
        """One packet as one record."""
        self._connection.send(packet)
        return self._connection.bio_read(RECORD_BYTES)

    def open(self, datagram: bytes) -> bytes:
        """The content of a datagram's first record; b"" for anything that is not a valid one.

        Raises ConnectionError when it is the peer's close_notify.
        """
        if not datagram:
            return b""
        self._connection.bio_write(datagram)
        return self.more()

    def more(self) -> bytes:
        """The content of the next record of the same datagram; b"" when there is none."""
        try:
            return self._connection.recv(RECORD_BYTES)
        except SSL.ZeroReturnError:
            raise ConnectionError("The peer has closed the connection") from None
        except SSL.Error:
            return b""

    def answer(self) -> bytes:
        """What DTLS itself must send after open(), such as its last flight; b"" for nothing."""
        try:
            return self._connection.bio_read(RECORD_BYTES)
        except SSL.WantReadError:
            return b""


class FastRecords(Records):
    """The same with a third of the work: no copies and checks that a record does not need.

    Making one raises AttributeError when pyOpenSSL has no such handles.
    """

    def __init__(self, connection: SSL.Connection) -> None:
        super().__init__(connection)
        private: Any = connection
        module: Any = SSL
        lib, self._ffi = module._lib, module._ffi
        self._read, self._write = lib.SSL_read, lib.SSL_write
        self._bio_read, self._bio_write = lib.BIO_read, lib.BIO_write
        self._ssl, self._in, self._out = private._ssl, private._into_ssl, private._from_ssl
        self._raise = private._raise_ssl_error
        self._view = self._ffi.buffer(_buffer(self._ffi))
        self._space = _buffer(self._ffi)

    def seal(self, packet: bytes) -> bytes:
        result = self._write(self._ssl, self._ffi.from_buffer(packet), len(packet))
        if result <= 0:
            self._raise(self._ssl, result)
        size = self._bio_read(self._out, self._space, RECORD_BYTES)
        return bytes(self._view[:size])

    def open(self, datagram: bytes) -> bytes:
        self._bio_write(self._in, self._ffi.from_buffer(datagram), len(datagram))
        return self.more()

    def more(self) -> bytes:
        size = self._read(self._ssl, self._space, RECORD_BYTES)
        if size > 0:
            return bytes(self._view[:size])
        try:
            self._raise(self._ssl, size)
        except SSL.ZeroReturnError:
            raise ConnectionError("The peer has closed the connection") from None
        except SSL.Error:
            pass
        return b""


_shared: list[Any] = []


def _buffer(ffi: Any) -> Any:
    """One buffer for all connections: its content is copied out before anything else runs."""
    if not _shared:
        _shared.append(ffi.new("char[]", RECORD_BYTES))
    return _shared[0]


@functools.cache
def _handles_are_known() -> bool:
    return dependencies.find("pyOpenSSL").is_tested


def records(connection: SSL.Connection) -> Records:
    if not _handles_are_known():
        return Records(connection)
    try:
        return FastRecords(connection)
    except AttributeError as error:
        logger.warning("pyOpenSSL's handles were not found (%s): encryption is slower", error)
        return Records(connection)


class TunedDtlsTransport(RTCDtlsTransport):
    """After the handshake a Pump (engine.transport.tuning.ice): datagrams in, packets out."""

    _records: Records | None = None
    _ended: asyncio.Future[None] | None = None

    @property
    def ice(self) -> TunedIceConnection:
        return cast("TunedIceConnection", self.transport._connection)

    def send_packets(self, packets: list[bytes]) -> None:
        """Encrypt and send, in order. Raises ConnectionError when not connected."""
        if self._state != State.CONNECTED or self._ssl is None:
            raise ConnectionError("Cannot send encrypted data, not connected")
        if self._records is None:
            self._records = records(self._ssl)
        seal = self._records.seal
        self.ice.send_now([seal(packet) for packet in packets])

    async def _send_data(self, data: bytes) -> None:
        self.send_packets([data])

    # Pump

    def datagrams(self, datagrams: list[bytes]) -> None:
        receiver = cast("PacketReceiver | None", self._data_receiver)
        records = self._records
        if records is None or self._ended is None or self._ended.done():
            return
        opened = records.open
        packets: list[bytes] = []
        silent = False
        ended: ConnectionError | None = None
        try:
            for datagram in datagrams:
                try:
                    packet = opened(datagram)
                    if not packet:
                        silent = True
                        continue
                    packets.append(packet)
                    if len(datagram) - len(packet) > MAX_OVERHEAD:
                        while packet := records.more():
                            packets.append(packet)
                except ConnectionError as error:
                    # What came before the end is still delivered.
                    ended = error
                    break
            if silent and (answer := records.answer()):
                self.ice.send_now([answer])
            if packets:
                self.ice.heard()
                if receiver is not None:
                    receiver.packets_received(packets)
        except ConnectionError as error:
            ended = error
        if ended is not None:
            self._fail(ended)

    def path_lost(self) -> None:
        self._fail(ConnectionError("The path to the peer is gone"))

    def _fail(self, error: ConnectionError) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    async def _pump(self) -> None:
        """Replaces aiortc's task that awaits one datagram after another."""
        connection = self._ssl
        assert connection is not None
        try:
            # The last flight of the handshake may have to be sent again.
            while connection.DTLSv1_get_timeout() is not None:
                await self._recv_next()
            if self._records is None:
                self._records = records(connection)
            self._ended = asyncio.get_running_loop().create_future()
            self.ice.start_pump(self)
            await self._ended
        except ConnectionError as error:
            logger.debug("DTLS ended: %s", error)
        finally:
            self.ice.stop_pump()
            self._set_state(State.CLOSED)

    # aiortc calls its private name.
    _RTCDtlsTransport__run = _pump
