"""One HTTP/1.1 exchange with Docker as an asyncio Protocol: a request, a head, then bytes.

Parsing is strict and bounded; flow control works in both directions. After
``101 Switching Protocols`` the bytes are the raw stream, otherwise the decoded body.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.core.errors import DockerFailedError, DockerRefusedError
from engine.core.receive_buffer import ReceiveBuffer
from engine.docker.endpoint import explain

if TYPE_CHECKING:
    from engine.core.errors import DockerError
    from engine.docker.endpoint import Endpoint

MAX_HEAD_BYTES = 16 * 1024
"""Status line and headers; Docker's take about 300 bytes."""
MAX_CHUNK_LINE_BYTES = 1024
"""A chunk's size line, or a trailer line (RFC 9112 §7.1)."""
MAX_ERROR_BYTES = 64 * 1024
"""Bytes of an error's body that are read for its message."""
RESPONSE_TIMEOUT_SECONDS = 10.0
"""From the request to the head of the answer."""
READ_SIZE = 64 * 1024
"""The most bytes that one read returns and that one write passes to the transport."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n\0]*))?\Z")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
_PREFIX = b"HTTP/1."


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """``headers`` has lower-case names; of a repeated name the last value counts."""

    status: int
    reason: str
    headers: dict[str, str] = field(default_factory=dict)


def parse_head(data: bytes | bytearray) -> tuple[ResponseHead, int] | None:
    """The head at the start of ``data`` and its length; None while it is incomplete.

    Raises DockerFailedError when it is not an HTTP/1 response or longer than MAX_HEAD_BYTES.
    """
    if not data.startswith(_PREFIX[: len(data)]):
        raise DockerFailedError("The server at Docker's address does not speak HTTP")
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        if len(data) >= MAX_HEAD_BYTES:
            raise DockerFailedError("The header of Docker's answer is too large")
        return None
    first, *lines = bytes(data[:end]).split(b"\r\n")
    status = _STATUS_LINE.match(first)
    if not status:
        raise DockerFailedError("Docker's answer has a malformed status line")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.match(line)
        if not header:
            raise DockerFailedError("Docker's answer has a malformed header")
        headers[header[1].decode("ascii").lower()] = header[2].decode("latin-1")
    reason = (status[2] or b"").decode("latin-1")
    return ResponseHead(int(status[1]), reason, headers), end + 4


class ChunkedDecoder:
    """Decodes a chunked body (RFC 9112 §7.1) from pieces of any size."""

    def __init__(self) -> None:
        self.done = False
        self._line = bytearray()
        self._left = 0  # of the current chunk's data
        self._state = "size"  # size → data → end → size …; size 0 → trailer

    def feed(self, data: bytes) -> bytes:
        """The body bytes in ``data``. Raises DockerFailedError on malformed framing."""
        body = bytearray()
        position = 0
        while position < len(data) and not self.done:
            if self._state == "data":
                piece = data[position : position + self._left]
                body += piece
                position += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = "end"
                continue
            newline = data.find(b"\n", position)
            stop = len(data) if newline < 0 else newline + 1
            self._line += data[position:stop]
            position = stop
            if len(self._line) > MAX_CHUNK_LINE_BYTES:
                raise DockerFailedError("Docker's answer has a malformed chunk")
            if newline >= 0:
                self._end_of_line()
        return bytes(body)

    def _end_of_line(self) -> None:
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise DockerFailedError("Docker's answer has a malformed chunk")
        line = line[:-2]
        if self._state == "trailer":
            self.done = not line
        elif self._state == "end":
            if line:
                raise DockerFailedError("Docker's answer has a malformed chunk")
            self._state = "size"
        else:
            size = _CHUNK_SIZE.match(line)
            if not size:
                raise DockerFailedError("Docker's answer has a malformed chunk")
            self._left = int(size[1], 16)
            self._state = "data" if self._left else "trailer"


class HttpStream(asyncio.Protocol):
    """The connection. One reader and one writer at a time; close() from anywhere.

    End of file, half-close and reset all end the stream in the same way: reads return what
    is buffered, then b"". ``error`` holds the reason.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.sent = 0
        """Bytes passed to the transport; exact even when a write() was cancelled."""
        self._transport: asyncio.Transport | None = None
        self._head_bytes = bytearray()
        self._head: asyncio.Future[ResponseHead] = asyncio.get_running_loop().create_future()
        self._chunked: ChunkedDecoder | None = None
        self._length: int | None = None  # body bytes still to come, if announced
        self._buffer = ReceiveBuffer(self._pause, self._resume)
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            if self._head.done():
                self._body(data)
                return
            self._head_bytes += data
            parsed = parse_head(self._head_bytes)
            if parsed:
                head, length = parsed
                rest = bytes(self._head_bytes[length:])
                self._head_bytes.clear()
                self._expect_body(head)
                self._head.set_result(head)
                self._body(rest)
        except DockerFailedError as error:
            self._fail(error)

    def eof_received(self) -> None:
        # Returning None closes our side too: nobody would read what we still send.
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.error is None:
            self.error = exc
        self._end()
        self._lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # -- for the owner

    @property
    def ended(self) -> bool:
        """Nothing more can be sent; what is buffered can still be read."""
        return self._buffer.ended

    async def response(self) -> ResponseHead:
        """The answer's head. Raises DockerFailedError when the connection ends before it."""
        return await asyncio.shield(self._head)

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """1..``limit`` bytes; b"" at the end. Without reads the connection is paused."""
        return await self._buffer.read(limit)

    async def read_until(self, mark: bytes, limit: int) -> bytes | None:
        """Up to and including ``mark``, or None: see ReceiveBuffer.read_until."""
        return await self._buffer.read_until(mark, limit)

    async def gather(self, enough: int, seconds: float) -> None:
        """Let data collect before the next read: see ReceiveBuffer.gather. For floods only."""
        await self._buffer.gather(enough, seconds)

    async def write(self, data: bytes) -> None:
        """Write all of ``data``; waits while the other side does not read.

        Raises ConnectionError when the stream has ended.
        """
        view = memoryview(data)
        for start in range(0, len(view), READ_SIZE):
            await self._writable.wait()
            if self.ended or self._transport is None:
                raise ConnectionResetError("the stream has ended")
            part = bytes(view[start : start + READ_SIZE])
            self._transport.write(part)
            self.sent += len(part)
        await self._writable.wait()
        if self.ended:
            raise ConnectionResetError("the stream has ended")

    def close(self) -> None:
        """Close at once: unread bytes are dropped, waiting read() and write() calls return."""
        self._buffer.end(discard=True)
        self._end()
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the socket is closed; call after close() or the end."""
        if self._transport is not None:
            await self._lost.wait()

    # -- inside

    def _expect_body(self, head: ResponseHead) -> None:
        if head.status == 101:
            return
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            self._chunked = ChunkedDecoder()
        elif "content-length" in head.headers:
            length = head.headers["content-length"]
            if not length.isascii() or not length.isdigit() or len(length) > 15:
                raise DockerFailedError("Docker's answer has a malformed header")
            self._length = int(length)

    def _body(self, data: bytes) -> None:
        if self._chunked:
            self._buffer.feed(self._chunked.feed(data))
            if self._chunked.done:
                self._end()
        elif self._length is not None:
            self._buffer.feed(data[: self._length])
            self._length -= min(len(data), self._length)
            if not self._length:
                self._end()
        else:
            self._buffer.feed(data)

    def _fail(self, error: DockerFailedError) -> None:
        self.error = error
        self._end()
        if self._transport is not None:
            self._transport.abort()

    def _end(self) -> None:
        self._buffer.end()
        self._writable.set()
        if not self._head.done():
            cause = self.error
            if not isinstance(cause, DockerFailedError):
                cause = DockerFailedError("Docker closed the connection without an answer")
                cause.__cause__ = self.error
            self._head.set_exception(cause)
            # Mark it as retrieved: the stream may be closed before response() is called.
            self._head.exception()

    def _pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


async def open_stream(
    endpoint: Endpoint, request: bytes, *, timeout: float = RESPONSE_TIMEOUT_SECONDS
) -> HttpStream:
    """Send ``request`` (head and body) and return the stream once the answer is 101 or 200.

    ``timeout`` is in seconds. Raises DockerAbsentError, DockerRefusedError, or
    DockerFailedError with the status and message of Docker's error response.
    """
    stream = await endpoint.connect(HttpStream)
    try:
        async with asyncio.timeout(timeout):
            # Docker may answer and close before it has read all; the answer then says why.
            with contextlib.suppress(ConnectionError):
                await stream.write(request)
            head = await stream.response()
            if head.status not in (101, 200):
                raise await _refusal(endpoint, stream, head)
    except BaseException as error:
        stream.close()
        await stream.wait_closed()
        if isinstance(error, TimeoutError):
            raise DockerFailedError(
                f"Docker at {endpoint.url} did not answer within {timeout:g} seconds"
            ) from error
        unanswered = isinstance(error, DockerFailedError) and not error.status
        if unanswered and isinstance(stream.error, OSError):
            raise explain(endpoint, stream.error) from error
        raise
    return stream


async def _refusal(endpoint: Endpoint, stream: HttpStream, head: ResponseHead) -> DockerError:
    body = bytearray()
    while len(body) < MAX_ERROR_BYTES and (data := await stream.read()):
        body += data
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        message = body.decode("utf-8", "replace")
    message = " ".join(str(message).split())[:1000] or head.reason
    return docker_error(endpoint.url, head.status, message)


def docker_error(url: str, status: int, message: str) -> DockerError:
    """Docker's error response as a typed error."""
    if status in (401, 403):
        return DockerRefusedError(f"Docker at {url} denied access ({message})")
    return DockerFailedError(f"Docker reported: {message}", status)
