"""UDP on the Qt loop: several datagrams for each time the socket is readable.

Owns asyncio's datagram transport, with the standard one's semantics, and how
much is taken at a time. Does not own sockets' readiness (gui.loop.event_loop).

Touches of asyncio's selector loop, as its own transports do: ``_add_reader``, ``_add_writer``,
``_remove_reader``, ``_remove_writer`` (the public ones refuse a descriptor that has a transport)
and ``_transports`` (which is where they look). Of its transports: ``_extra``, which the base class
reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import warnings
from asyncio.trsock import TransportSocket
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qasync import QEventLoop

logger = logging.getLogger("asyncio")

DRAIN_DATAGRAMS = 32
"""As many are taken before others have their turn."""

DRAIN_SECONDS = 0.002
"""No further one is taken after that long: a protocol may need a while for each."""

BUFFER_BYTES = 64 * 1024
"""Holds the longest UDP datagram."""

UNIX_BUFFER_BYTES = 256 * 1024
"""What asyncio grants a datagram; unix sockets carry longer ones than UDP."""

HIGH_WATER_BYTES = 64 * 1024
HEADER_BYTES = 8
"""Counted for each datagram kept, so that empty ones have a bound too."""

QUIET_SENDS = 5
"""Sends on a lost connection before the log tells of them."""


class DatagramTransport(asyncio.Transport, asyncio.DatagramTransport):
    """A socket's datagrams, both ways, for a ``DatagramProtocol``.

    Made by ``loop.create_datagram_endpoint()``. ``sendto()`` sends at once, or
    keeps a copy until the socket is writable; the protocol is paused above the
    high-water mark. Errors of the socket go to ``error_received()``. Of both kinds,
    as asyncio's is.
    """

    def __init__(
        self,
        loop: QEventLoop,
        sock: socket.socket,
        protocol: asyncio.DatagramProtocol,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(extra)
        self._extra: dict[str, Any] = {**(extra or {}), "socket": TransportSocket(sock)}
        with contextlib.suppress(OSError):
            self._extra["sockname"] = sock.getsockname()
        if "peername" not in self._extra:
            self._extra["peername"] = None
            with contextlib.suppress(OSError):
                self._extra["peername"] = sock.getpeername()
        self._loop = loop
        self._sock: socket.socket | None = sock
        self._fd = sock.fileno()
        unix = sock.family == getattr(socket, "AF_UNIX", None)
        self._size = UNIX_BUFFER_BYTES if unix else BUFFER_BYTES
        self._protocol: asyncio.DatagramProtocol | None = protocol
        self._address = address
        # The name of a unix socket's peer may be empty.
        self._connected = self._extra["peername"] is not None
        self._buffer: deque[tuple[bytes, Any]] = deque()
        self._buffered = 0
        self._paused = False
        self._closing = False
        self._lost = 0  # Above zero: nothing is sent any more.
        self.set_write_buffer_limits()
        loop._transports[self._fd] = self
        loop.call_soon(protocol.connection_made, self)
        # Reading starts when connection_made() has been called.
        loop.call_soon(self._start_reading)
        if waiter is not None:
            loop.call_soon(_release, waiter)

    def __repr__(self) -> str:
        state = "closed" if self._sock is None else "closing" if self._closing else "open"
        return f"<{type(self).__name__} {state} fd={self._fd} buffered={self._buffered}>"

    def __del__(self) -> None:
        if self._sock is not None:
            message = f"unclosed transport {self!r}"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
            self._sock.close()

    # --- What is asked of a transport ----------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.DatagramProtocol)
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Bytes kept above which the protocol is paused, and below which it goes on."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._pause_if_full()

    def close(self) -> None:
        """Receive nothing more; end when all that is kept has been sent."""
        if self._closing:
            return
        self._closing = True
        self._loop._remove_reader(self._fd)
        if not self._buffer:
            self._lost += 1
            self._loop._remove_writer(self._fd)
            self._loop.call_soon(self._end, None)

    def abort(self) -> None:
        """End at once; what is kept is dropped."""
        self._fail(None)

    # --- Receiving -----------------------------------------------------------

    def _start_reading(self) -> None:
        if not self._closing:
            self._loop._add_reader(self._fd, self._read_ready)

    def _read_ready(self) -> None:
        sock, size = self._sock, self._size
        end = monotonic() + DRAIN_SECONDS
        for _ in range(DRAIN_DATAGRAMS):
            # The protocol may have ended it, or handed over to another.
            if self._closing or sock is None or self._protocol is None:
                return
            try:
                data, address = sock.recvfrom(size)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal(error, "Fatal read error on datagram transport")
                return
            self._protocol.datagram_received(data, address)
            if monotonic() >= end:
                return

    # --- Sending -------------------------------------------------------------

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        """Send one datagram; on a connected socket ``addr`` is None or its peer.

        Raises TypeError for what is no bytes, ValueError for another peer.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._lost:
            if self._lost >= QUIET_SENDS:
                logger.warning("socket.send() raised exception.")
            self._lost += 1
            return
        if not self._buffer:
            try:
                self._send(data, addr)
                return
            except (BlockingIOError, InterruptedError):
                self._loop._add_writer(self._fd, self._write_ready)
            except OSError as error:
                self._tell(error)
                return
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal(error, "Fatal write error on datagram transport")
                return
        self._buffer.append((bytes(data), addr))  # A copy: the caller may change its own.
        self._buffered += len(data) + HEADER_BYTES
        self._pause_if_full()

    def _send(self, data: bytes | bytearray | memoryview, address: Any) -> None:
        assert self._sock is not None
        if self._connected:
            self._sock.send(data)
        else:
            self._sock.sendto(data, address)

    def _write_ready(self) -> None:
        while self._buffer:
            data, address = self._buffer[0]
            try:
                self._send(data, address)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._sent()
                self._tell(error)
                return
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal(error, "Fatal write error on datagram transport")
                return
            self._sent()
        self._resume_if_low()  # The protocol may send more.
        if not self._buffer:
            self._loop._remove_writer(self._fd)
            if self._closing:
                self._end(None)

    def _sent(self) -> None:
        data, _ = self._buffer.popleft()
        self._buffered -= len(data) + HEADER_BYTES

    # --- Flow control and ends -----------------------------------------------

    def _pause_if_full(self) -> None:
        if self._buffered > self._high and not self._paused:
            self._paused = True
            self._flow("pause_writing")

    def _resume_if_low(self) -> None:
        if self._paused and self._buffered <= self._low:
            self._paused = False
            self._flow("resume_writing")

    def _flow(self, method: str) -> None:
        try:
            getattr(self._protocol, method)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, f"protocol.{method}() failed")

    def _tell(self, error: OSError) -> None:
        if self._protocol is not None:
            self._protocol.error_received(error)

    def _fatal(self, error: BaseException, message: str) -> None:
        self._report(error, message)
        self._fail(error)

    def _report(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )

    def _fail(self, error: BaseException | None) -> None:
        if self._lost:
            return
        if self._buffer:
            self._buffer.clear()
            self._buffered = 0
            self._loop._remove_writer(self._fd)
        if not self._closing:
            self._closing = True
            self._loop._remove_reader(self._fd)
        self._lost += 1
        self._loop.call_soon(self._end, error)

    def _end(self, error: BaseException | None) -> None:
        protocol, sock = self._protocol, self._sock
        self._protocol = self._sock = None
        try:
            if protocol is not None:
                protocol.connection_lost(error if isinstance(error, Exception) else None)
        finally:
            if sock is not None:
                sock.close()


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
