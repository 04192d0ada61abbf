"""A session's data channel: runs the conversation of engine.wire.conversation over it.

Owns the input queue, the order of a guest's messages, and the tasks and timers. Which
messages may come when is decided in engine.wire.conversation; the shell's output comes from the
session's participant, which outlives this channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.core.errors import (
    AccessDeniedError,
    BadMessageError,
    BadProofError,
    ChannelClosedError,
    HatchwayError,
    LimitError,
    OfferReplacedError,
    ProtocolError,
    PTYClosedError,
)
from engine.core.model import ExitStatus, KeyboardView, Person, Role, Size
from engine.core.tasks import start
from engine.core.text import shown
from engine.shells.participant import Participant
from engine.shells.screen import Snapshot
from engine.transport.channel import HIGH_WATER, Message, MessageChannel
from engine.wire import terminal as wire
from engine.wire.conversation.agent import AgentConversation, AgentEvent

logger = logging.getLogger(__name__)

WRITE_CHUNK = 64 * 1024
"""The most input merged into one write to the PTY, in bytes."""
MAX_QUEUED_MESSAGES = 65_536
"""Messages that may wait; the bytes of input have their own bound."""
HELLO_TIMEOUT_SECONDS = 5.0
"""How long a hatchway.v1 guest may take to send hello before defaults are used."""
CLOSE_DRAIN_SECONDS = 1.0
"""How long input before a close may take to reach a program that does not read."""
FLUSH_SECONDS = 1.0
FLUSH_POLL_SECONDS = 0.01
"""How long a closing channel waits until its last messages have arrived, and how often it looks."""

_Queued = bytes | wire.Resize | wire.ConnectPty | wire.Close


class TerminalHost(Protocol):
    """What the channel needs from its session."""

    @property
    def session_id(self) -> str: ...

    @property
    def device_id(self) -> str: ...

    @property
    def bridge(self) -> Participant | None:
        """What it is at its shell; None before that has started."""

    @property
    def positions(self) -> tuple[int, int]:
        """Where output and input of its next terminal begin to count."""

    @property
    def joins(self) -> str:
        """The running shell that it will join; "" when it opens one."""

    def size_hint(self) -> Size:
        """The size in the offer, or the default."""

    async def connect_pty(
        self, device_id: str, size: Size, channel: TerminalChannel
    ) -> Participant:
        """Open a shell there, or join the one it is for. Raises HatchwayError."""

    def welcome(self, start: int, resumed: bool) -> wire.Welcome: ...

    def touch(self) -> None:
        """The guest did something: the session is not idle."""

    def introduce(self, hello: wire.Hello) -> None:
        """What the guest says about itself."""

    def revealed(self, nonce: str) -> None:
        """The nonce that the offer committed to. Raises BadProofError for another one."""

    def keep(self) -> None:
        """The guest wants to keep the session although it is idle."""

    def heard(self) -> None:
        """A message came: the guest is connected."""

    def guest_closed(self) -> None:
        """The guest requested the end of the session."""

    def channel_lost(self, channel: TerminalChannel) -> None:
        """The data channel has closed."""

    def broken(self, error: HatchwayError) -> None:
        """This channel has failed."""


class TerminalChannel:
    """Serves one data channel from open to close. ``start()`` once, ``close()`` at the end."""

    def __init__(
        self,
        channel: MessageChannel,
        host: TerminalHost,
        *,
        input_limit: int = 4 * 1024 * 1024,
    ) -> None:
        self._channel = channel
        self._host = host
        self._input_limit = input_limit
        self._v1 = channel.protocol == wire.V1
        before = host.bridge
        self._conversation = AgentConversation(
            v1=self._v1, positions=before.positions if before is not None else None
        )
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._size = host.size_hint()
        self._may_send = asyncio.Event()
        self._input_refused = 0  # before there was a bridge, which counts from then on
        self._attached: Participant | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_v1(self) -> bool:
        return self._v1

    @property
    def input_taken(self) -> int:
        """Input bytes handled since the session began (see Participant.input_taken)."""
        bridge = self._host.bridge
        return bridge.input_taken if bridge is not None else self._input_refused

    @property
    def capabilities(self) -> frozenset[str]:
        """What the guest's hello listed; empty for older clients."""
        return self._conversation.capabilities

    @property
    def is_open(self) -> bool:
        return self._channel.is_open and not self._closed

    def start(self) -> None:
        """Greet the guest, connect the PTY, and serve until close()."""
        logger.info("Terminal data channel opened: session %s", self._host.session_id)
        self._channel.attach(self)
        self._task = start(self._serve(), f"terminal channel of {self._host.session_id}")

    def abandon(self) -> None:
        """Stop serving and close the data channel at once: the guest has another one."""
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
        """Wait until the last messages, such as the reason of the end, have arrived: once the
        connection is closed, nothing that was lost is sent again."""
        # No event tells that.
        while self._channel.is_open and not self._channel.is_delivered:  # noqa: ASYNC110
            await asyncio.sleep(FLUSH_POLL_SECONDS)

    def ping(self) -> bool:
        """Send a ping to a hatchway.v1 guest; False when nothing can be sent."""
        return self.post(wire.Ping())

    def post(self, message: wire.AgentMessage) -> bool:
        """Send a control message now; False when the channel is not open, or the guest does
        not know such a message."""
        return self._conversation.queue(message) and self._send_messages()

    def replaced(self) -> None:
        """Tell the guest that it has returned from elsewhere; the end follows."""
        error = OfferReplacedError("This terminal was opened elsewhere")
        self.post(wire.Error(str(error), error.code))

    def idle(self, seconds: float | None) -> None:
        """Warn the guest that the session ends in ``seconds``; None cancels that."""
        self._conversation.idle(seconds)
        self._send_messages()

    # The receiving side (engine.transport.channel.Receiver).

    def message(self, message: Message) -> None:
        if self._closed:
            return
        self._host.heard()
        try:
            if isinstance(message, bytes):
                if self._conversation.receive_bytes(message):
                    self._enqueue(message)
                return
            request = self._conversation.receive_text(message)
            if isinstance(request, bytes):
                self._enqueue(request)  # input produces no reply
                return
            self._send_messages()
            if request is not None:
                self._act(request)
        except ProtocolError as error:
            self._refuse(error)
        except LimitError as error:
            self._refuse(error)
            self._host.broken(error)

    def malformed(self, problem: str) -> None:
        self._refuse(BadMessageError(problem))

    def closed(self) -> None:
        self._stop()
        self._host.channel_lost(self)

    # The sending side (engine.shells.participant.Sink).

    def offer(self, data: bytes) -> int:
        # The plain dialect has no window: there send() measures what the guest can take.
        conversation, channel, sent = self._conversation, self._channel, 0
        while self._v1 and sent < len(data) and channel.buffered <= HIGH_WATER:
            part = data[sent : sent + wire.MAX_V1_MESSAGE]
            if not (conversation.output(len(part)) and channel.post(part)):
                break
            sent += len(part)
        return sent

    async def output(self, data: bytes) -> None:
        conversation = self._conversation
        if self._v1:
            for at in range(0, len(data), wire.MAX_V1_MESSAGE):
                part = data[at : at + wire.MAX_V1_MESSAGE]
                while not conversation.output(len(part)):
                    await self._window_moved()
                await self._channel.send(part)
            return
        await self._send_plain(data)

    async def _send_plain(self, data: bytes) -> None:
        for at in range(0, len(data), wire.JSON_CHUNK):
            if text := self._conversation.plain_output(data[at : at + wire.JSON_CHUNK]):
                await self._channel.send(text, paced=True)

    @property
    def reports(self) -> bool:
        return self._v1

    async def ready(self) -> None:
        while not self._conversation.may_snapshot:
            await self._window_moved()

    async def snapshot(self, snapshot: Snapshot, missed: int) -> None:
        conversation = self._conversation
        count = sum(len(piece) for piece in snapshot.data)
        lead = conversation.snapshot(
            wire.Snapshot(snapshot.at, snapshot.cols, snapshot.rows, count, snapshot.left_out)
        )
        self._send_messages()
        for piece in (lead, *snapshot.data):
            if not piece:
                continue
            while not conversation.screen(len(piece)):
                await self._window_moved()
            if self._v1:
                await self._channel.send(piece)
            else:
                await self._send_plain(piece)
        if missed and wire.SNAPSHOT not in conversation.capabilities:
            self.post(wire.Notice(f"{missed // 1024} KiB of output were left out"))

    def size(self, size: Size, by: str) -> bool:
        return self.post(wire.SizeChanged(size.cols, size.rows, by))

    def people(self, people: Sequence[Person]) -> None:
        shown = (
            wire.Person(one.id, one.name, one.role, one.kind.value, one.typing)
            for one in people[: wire.MAX_PEOPLE]
        )
        self.post(wire.People(tuple(shown)))

    def keyboard(self, view: KeyboardView) -> None:
        self.post(wire.Keyboard(view.state.value, view.holder, view.asked.value, view.again_in))

    def role(self, role: Role) -> None:
        self.post(wire.RoleChanged(role))

    def recording(self, since: float | None) -> None:
        self.post(wire.Recording(since is not None, since))

    def ended(self, status: ExitStatus) -> None:
        self._conversation.ended(status)
        self._send_messages()

    async def _window_moved(self) -> None:
        """Wait until more output may be sent. Raises ChannelClosedError."""
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
            self._attached.detach(self, positions=self._conversation.positions)
        if self._task is not None and self._task is not asyncio.current_task():
            # Even in the middle of a write: the bridge counts the bytes written.
            self._task.cancel()

    def _send_messages(self) -> bool:
        """Send what the conversation has queued; False when the channel is not open."""
        sent = True
        for message in self._conversation.messages_to_send():
            sent = self._channel.post(wire.encode(message), urgent=wire.may_overtake(message))
        return sent

    def _act(self, request: AgentEvent) -> None:
        """Handle at once what may not wait for earlier input; queue the rest."""
        match request:
            case wire.Ack(bytes=count):
                self._may_send.set()
                if self._host.bridge is not None:
                    self._host.bridge.acknowledge(count)
            case wire.Keep():
                self._host.keep()
            case wire.AskKeyboard(on=on):
                if self._attached is not None:
                    self._attached.ask_keyboard(on)
            case wire.History(lines=lines):
                if self._attached is not None:
                    self._attached.ask_history(lines)
            case wire.Reveal(nonce=nonce):
                self._revealed(nonce)
            case wire.IceOffer() | wire.IceAnswer():
                pass  # no welcome offers this capability yet
            case wire.Hello(cols=cols, rows=rows):
                self._size = Size(cols, rows)
                self._arrived.set()
            case wire.Resize(cols=cols, rows=rows):
                # Stored at once, so that a PTY that is being opened starts with it.
                self._size = Size(cols, rows)
                self._enqueue(request)
            case wire.Close():
                # Earlier input goes first, but a program that does not read must not delay this.
                loop = asyncio.get_running_loop()
                self._leaving = loop.call_later(CLOSE_DRAIN_SECONDS, self._host.guest_closed)
                self._enqueue(request)
            case _:
                self._enqueue(request)

    def _revealed(self, nonce: str) -> None:
        try:
            self._host.revealed(nonce)
        except BadProofError as error:
            self._refuse(error)
            self._host.broken(error)

    def _enqueue(self, item: _Queued) -> None:
        size = len(item) if isinstance(item, bytes) else 0
        if self._queued_bytes + size > self._input_limit or len(self._queue) >= MAX_QUEUED_MESSAGES:
            raise LimitError(
                f"More than {self._input_limit // 1024} KiB of input is waiting "
                "for a program that does not read it"
            )
        self._queued_bytes += size
        self._queue.append(item)
        self._arrived.set()

    # Serving.

    async def _serve(self) -> None:
        self._conversation.ready()
        self._send_messages()
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
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_SECONDS):
                while not self._conversation.is_greeted:
                    await self._arrival()
        except TimeoutError:
            self._conversation.no_hello()
        self._host.introduce(self._conversation.hello)
        bridge = self._host.bridge
        if bridge is None:
            output, taken = self._host.positions
            self._welcome(output, taken or self.input_taken, screen_first=bool(self._host.joins))
            return
        taken = await bridge.settled()
        # No await from here: the position must not become older than the log.
        received = self._conversation.received(bridge.shell_id, bridge.end)
        begin = bridge.resumes_at(received, draws=wire.SNAPSHOT in self.capabilities)
        position = bridge.end if begin is None else begin
        self._welcome(position, taken, resumed=True, screen_first=begin is None)
        self._connected(bridge)
        self._attach(bridge, begin)

    def _welcome(
        self, start: int, taken: int, *, resumed: bool = False, screen_first: bool = False
    ) -> None:
        welcome = self._host.welcome(start, resumed)
        self._conversation.welcome(
            msgspec.structs.replace(welcome, taken=taken), screen_first=screen_first
        )
        self._send_messages()

    def _connected(self, bridge: Participant) -> None:
        self._conversation.connected(bridge.label)
        self._send_messages()

    def _attach(self, bridge: Participant, begin: int | None) -> None:
        hello = self._conversation.hello
        bridge.describe(
            name=shown(hello.name, wire.MAX_NAME) or None,
            capabilities=self.capabilities,
            features=hello.features,
            theme=hello.theme,
        )
        self._attached = bridge
        bridge.resize(self._size)
        bridge.attach(self, begin)

    async def _connect(self, device_id: str) -> None:
        try:
            bridge = await self._host.connect_pty(device_id, self._size, self)
        except HatchwayError as error:
            self._refuse(error)
            return
        self._connected(bridge)
        self._attach(bridge, None if self._host.joins else self._host.positions[0])

    async def _arrival(self) -> None:
        """Wait for a message. Raises ChannelClosedError."""
        if self._closed:
            raise ChannelClosedError("The data channel is closed")
        self._arrived.clear()
        await self._arrived.wait()

    async def _next(self) -> _Queued:
        """The next message; consecutive input is merged."""
        while not self._queue:
            await self._arrival()
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

    async def _handle(self, item: _Queued) -> None:
        match item:
            case bytes():
                await self._write(item)
            case wire.Resize(cols=cols, rows=rows):
                self._host.touch()
                if self._host.bridge is not None:
                    self._host.bridge.resize(Size(cols, rows))
            case wire.ConnectPty():
                await self._connect_another(item)
            case wire.Close():
                self._host.guest_closed()

    async def _write(self, data: bytes) -> None:
        bridge = self._host.bridge
        try:
            if bridge is None:
                self._input_refused += len(data)
                raise PTYClosedError("No terminal is connected")
            await bridge.write(data)
        except HatchwayError as error:
            self._refuse(error)
        if self._v1:
            self._conversation.taken(self.input_taken)
            self._send_messages()

    async def _connect_another(self, request: wire.ConnectPty) -> None:
        self._host.touch()
        bridge = self._host.bridge
        if self._host.joins:
            self._refuse(AccessDeniedError("This link leads to one terminal and opens no other"))
            return
        if bridge is not None and bridge.is_connected:
            self._refuse(BadMessageError(f"Already connected to {bridge.label}"))
            return
        self._size = Size(request.cols or self._size.cols, request.rows or self._size.rows)
        await self._connect(request.container)

    def _refuse(self, error: HatchwayError) -> None:
        """Send one error for a faulty message, unless beyond the rate limit."""
        if self._conversation.refuse(error, asyncio.get_running_loop().time()):
            logger.info("Session %s: %s (%s)", self._host.session_id, error, error.code)
            self._send_messages()
