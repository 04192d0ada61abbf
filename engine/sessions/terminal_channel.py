"""A session's data channel: messages in, messages out, strictly in order.

Owns the conversation with one guest over one channel in either dialect of
engine.wire.terminal: the input queue, flow control, error answers. Does not own
the PTY (the bridge does), who may have one (the host it is given decides), or
the session, which may outlive this channel.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
from collections import deque
from typing import Protocol

import msgspec

from engine.core.errors import (
    BadMessageError,
    ChannelClosedError,
    HatchwayError,
    LimitError,
    ProtocolError,
    PTYClosedError,
)
from engine.core.model import ExitStatus, Size
from engine.core.tasks import start
from engine.shells.bridge import PTYBridge
from engine.transport.channel import Message, MessageChannel
from engine.wire import terminal as wire

logger = logging.getLogger(__name__)

WINDOW = 256 * 1024
"""hatchway.v1: bytes of output that may be unrendered, and of input untaken."""
ACK_EVERY = 16 * 1024
"""hatchway.v1: input bytes taken between two acknowledgements."""
WRITE_CHUNK = 64 * 1024
"""Input merged into one write to the PTY."""
MAX_QUEUED_MESSAGES = 65_536
"""Control messages (and inputs) that may wait; the bytes have a bound of their own."""
HELLO_TIMEOUT_SECONDS = 5.0
"""How long a hatchway.v1 guest may take to say hello before defaults are used."""
CLOSE_DRAIN_SECONDS = 1.0
"""How long input before a close may take to reach a program that does not read."""
FLUSH_SECONDS = 0.5
FLUSH_POLL_SECONDS = 0.01
"""How long a closing channel waits for its last words to leave, and how often it looks."""
ERRORS_AT_ONCE = 20
ERRORS_PER_SECOND = 5.0
"""Error answers: a burst, then a trickle; more are dropped, the channel stays up."""


class TerminalHost(Protocol):
    """What the channel needs of its session."""

    @property
    def session_id(self) -> str: ...

    @property
    def device_id(self) -> str: ...

    @property
    def bridge(self) -> PTYBridge | None: ...

    def size_hint(self) -> Size:
        """The size the offer named, or the default."""

    async def connect_pty(self, device_id: str, size: Size, channel: TerminalChannel) -> PTYBridge:
        """Open a PTY there with ``channel`` as its sink. Raises HatchwayError."""

    def welcome(self, start: int, resumed: bool) -> wire.Welcome: ...

    def touch(self) -> None:
        """The guest did something, or wants the session kept: it is not idle."""

    def heard(self) -> None:
        """A message came: the guest is there."""

    def guest_closed(self) -> None:
        """The guest asked for the end of the session."""

    def channel_lost(self, channel: TerminalChannel) -> None:
        """The data channel has closed under us."""

    def broken(self, error: HatchwayError) -> None:
        """This channel cannot go on."""


class TerminalChannel:
    """Serves one data channel from open to close. ``start()`` once, ``close()`` at the end."""

    def __init__(
        self,
        channel: MessageChannel,
        host: TerminalHost,
        *,
        input_limit: int = 4 * 1024 * 1024,
        window: int = WINDOW,
    ) -> None:
        self._channel = channel
        self._host = host
        self._input_limit = input_limit
        self._window = window
        self._v1 = channel.protocol == wire.V1
        self._queue: deque[wire.GuestMessageV1 | bytes] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._size = host.size_hint()
        self._capabilities: frozenset[str] = frozenset()
        self._sent = 0
        self._rendered = 0
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._input_refused = 0  # before there was a bridge, which counts from then on
        self._input_acked = 0
        self._errors = float(ERRORS_AT_ONCE)
        self._errors_at = 0.0
        self._attached: PTYBridge | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_v1(self) -> bool:
        return self._v1

    @property
    def input_taken(self) -> int:
        """Input bytes dealt with since the session began."""
        bridge = self._host.bridge
        return bridge.input_taken if bridge is not None else self._input_refused

    @property
    def capabilities(self) -> frozenset[str]:
        """What the guest's hello listed; empty for older clients."""
        return self._capabilities

    @property
    def is_open(self) -> bool:
        return self._channel.is_open and not self._closed

    def start(self) -> None:
        """Greet the guest, connect the offered PTY, and serve until close()."""
        logger.info("Terminal data channel opened: session %s", self._host.session_id)
        self._channel.attach(self)
        self._task = start(self._serve(), f"terminal channel of {self._host.session_id}")

    def abandon(self) -> None:
        """Stop serving and close the data channel at once: the guest is elsewhere."""
        self._stop()
        self._channel.close()

    async def close(self) -> None:
        """Stop serving and close the data channel; idempotent."""
        self._stop()
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait([self._task])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._flushed()
        self._channel.close()

    async def _flushed(self) -> None:
        """Wait for what was posted last, such as the reason of the end, to leave."""
        # aiortc tells of the low-water mark only, never of empty.
        while self._channel.is_open and self._channel.buffered:  # noqa: ASYNC110
            await asyncio.sleep(FLUSH_POLL_SECONDS)

    def ping(self) -> bool:
        """Ask a hatchway.v1 guest whether it is there; False when nothing can be sent."""
        return self.post(wire.Ping())

    def post(self, message: wire.AgentMessage) -> bool:
        """Send a control message now; False when the channel is not open."""
        return self._channel.post(wire.encode(message), urgent=wire.may_overtake(message))

    # The receiving side (engine.transport.channel.Receiver).

    def message(self, message: Message) -> None:
        if self._closed:
            return
        self._host.heard()
        try:
            self._take(message)
        except ProtocolError as error:
            self._answer_error(error)
        except LimitError as error:
            self._answer_error(error)
            self._host.broken(error)

    def malformed(self, problem: str) -> None:
        self._answer_error(BadMessageError(problem))

    def closed(self) -> None:
        self._stop()
        self._host.channel_lost(self)

    # The sending side (engine.shells.bridge.Sink).

    async def output(self, data: bytes) -> None:
        if self._v1:
            for at in range(0, len(data), wire.MAX_V1_MESSAGE):
                part = data[at : at + wire.MAX_V1_MESSAGE]
                await self._wait_for_window()
                self._sent += len(part)
                await self._channel.send(part)
            return
        for at in range(0, len(data), wire.JSON_CHUNK):
            text = self._decoder.decode(data[at : at + wire.JSON_CHUNK])
            if text:
                await self._channel.send(wire.encode(wire.Output(text)), paced=True)

    def ended(self, status: ExitStatus) -> None:
        if not self._v1 and (rest := self._decoder.decode(b"", final=True)):
            self.post(wire.Output(rest))
        self._decoder.reset()
        self.post(wire.PtyDisconnected(status.exit_code, status.reason))
        if self._v1:
            self.post(wire.Exit(status.exit_code, status.reason, status.code))

    async def _wait_for_window(self) -> None:
        while self._sent - self._rendered >= self._window:
            self._may_send.clear()
            await self._may_send.wait()
            if self._closed:
                raise ChannelClosedError("The data channel is closed")

    def _stop(self) -> None:
        self._closed = True
        self._may_send.set()
        self._arrived.set()
        if self._leaving is not None:
            self._leaving.cancel()
        if self._attached is not None:
            self._attached.detach(self)
        if self._task is not None and self._task is not asyncio.current_task():
            # In the middle of a write, too: the bridge knows which byte was the last.
            self._task.cancel()

    def _take(self, message: Message) -> None:
        if isinstance(message, bytes):
            if not self._v1:
                raise BadMessageError(f"Binary messages need the data channel protocol {wire.V1!r}")
            if len(message) > wire.MAX_TEXT_BYTES:
                raise BadMessageError("The binary message is too long")
            self._enqueue(message)
            return
        match wire.decode_guest(message, v1=self._v1):
            case wire.Ping():
                self.post(wire.Pong())
            case wire.Pong():
                pass  # any message is a sign of life
            case wire.Ack(bytes=count):
                self._acknowledge(count)
            case wire.Keep():
                # At once: input that waits for its program must not hold it up.
                self._host.touch()
            case decoded:
                self._enqueue(decoded)

    def _enqueue(self, item: wire.GuestMessageV1 | bytes) -> None:
        if isinstance(item, wire.Input):
            try:
                item = item.data.encode()
            except UnicodeEncodeError:
                raise BadMessageError("Field 'data' holds half a surrogate pair") from None
        if isinstance(item, wire.Close) and self._leaving is None:
            # Input before it goes first, but a program that does not read cannot hold it up.
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_later(CLOSE_DRAIN_SECONDS, self._host.guest_closed)
        if isinstance(item, wire.Resize):
            # Known at once, so that a PTY still being opened gets it from the start.
            self._size = Size(item.cols, item.rows)
        size = len(item) if isinstance(item, bytes) else 0
        if self._queued_bytes + size > self._input_limit or len(self._queue) >= MAX_QUEUED_MESSAGES:
            raise LimitError(
                f"More than {self._input_limit // 1024} KiB of input is waiting "
                "for a program that does not read it"
            )
        self._queued_bytes += size
        self._queue.append(item)
        self._arrived.set()

    def _acknowledge(self, count: int) -> None:
        if count > self._sent:
            raise BadMessageError("Field 'bytes' acknowledges more than was sent")
        self._rendered = max(self._rendered, count)
        self._may_send.set()
        if self._host.bridge is not None:
            self._host.bridge.acknowledge(count)

    # Serving.

    async def _serve(self) -> None:
        self.post(wire.Ready())
        try:
            if self._v1:
                await self._greet()
            if self._host.bridge is None:
                await self._connect(self._host.device_id)
            while not self._closed:
                await self._handle(await self._next())
        except ChannelClosedError:
            pass
        except Exception:
            logger.exception("The terminal channel of %s failed", self._host.session_id)
            self._host.broken(HatchwayError("The terminal channel failed; see the log"))

    async def _greet(self) -> None:
        hello = wire.Hello()
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_SECONDS):
                first = await self._next()
        except TimeoutError:
            first = hello
        if isinstance(first, wire.Hello):
            hello = first
            self._size = Size(hello.cols, hello.rows)
            self._capabilities = frozenset(hello.caps)
        else:
            self._put_back(first)
        bridge = self._host.bridge
        if bridge is None:
            self.post(self._host.welcome(0, resumed=False))
            return

        def begin(start: int) -> None:
            self._sent = self._rendered = start
            welcome = self._host.welcome(start, resumed=True)
            self.post(msgspec.structs.replace(welcome, taken=taken))
            self.post(wire.PtyConnected(bridge.label))

        taken = self._input_acked = await bridge.settled()
        self._attached = bridge
        # What is printed for the new size, and until output goes on, moves where it goes on.
        await bridge.resize(self._size)
        await bridge.attach(self, hello.received, begin)

    async def _connect(self, device_id: str) -> None:
        try:
            bridge = await self._host.connect_pty(device_id, self._size, self)
        except HatchwayError as error:
            self._answer_error(error)
            return
        self._attached = bridge
        self.post(wire.PtyConnected(bridge.label))
        bridge.start(self)
        if bridge.size != self._size:
            await bridge.resize(self._size)

    async def _next(self) -> wire.GuestMessageV1 | bytes:
        """The next message; consecutive input comes merged."""
        while not self._queue:
            if self._closed:
                raise ChannelClosedError("The data channel is closed")
            self._arrived.clear()
            await self._arrived.wait()
        item = self._queue.popleft()
        if not isinstance(item, bytes):
            return item
        parts = [item]
        length = len(item)
        while self._queue and isinstance(following := self._queue[0], bytes):
            if length + len(following) > WRITE_CHUNK:
                break
            self._queue.popleft()
            parts.append(following)
            length += len(following)
        self._queued_bytes -= length
        return b"".join(parts)

    def _put_back(self, item: wire.GuestMessageV1 | bytes) -> None:
        self._queue.appendleft(item)
        if isinstance(item, bytes):
            self._queued_bytes += len(item)

    async def _handle(self, item: wire.GuestMessageV1 | bytes) -> None:
        match item:
            case bytes():
                await self._write(item)
            case wire.Resize(cols=cols, rows=rows):
                self._host.touch()
                if self._host.bridge is not None:
                    await self._host.bridge.resize(Size(cols, rows))
            case wire.ConnectPty():
                await self._connect_another(item)
            case wire.Close():
                self._host.guest_closed()
            case wire.Hello():
                self._answer_error(BadMessageError("hello may only be the first message"))
            case _:
                pass

    async def _write(self, data: bytes) -> None:
        bridge = self._host.bridge
        try:
            if bridge is None:
                self._input_refused += len(data)
                raise PTYClosedError("No terminal is connected")
            await bridge.write(data)
        except HatchwayError as error:
            self._answer_error(error)
        if self._v1 and self.input_taken - self._input_acked >= ACK_EVERY:
            self._input_acked = self.input_taken
            self.post(wire.Ack(self._input_acked))

    async def _connect_another(self, request: wire.ConnectPty) -> None:
        self._host.touch()
        bridge = self._host.bridge
        if bridge is not None and bridge.is_connected:
            self._answer_error(BadMessageError(f"Already connected to {bridge.label}"))
            return
        self._size = Size(request.cols or self._size.cols, request.rows or self._size.rows)
        await self._connect(request.container)

    def _answer_error(self, error: HatchwayError) -> None:
        """One error answer per faulty message, within the rate; never anything else."""
        now = asyncio.get_running_loop().time()
        self._errors = min(
            ERRORS_AT_ONCE, self._errors + (now - self._errors_at) * ERRORS_PER_SECOND
        )
        self._errors_at = now
        if self._errors < 1:
            return
        self._errors -= 1
        logger.info("Session %s: %s (%s)", self._host.session_id, error, error.code)
        self.post(wire.Error(str(error), error.code))
