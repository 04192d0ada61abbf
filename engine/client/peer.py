"""The offering peer: a guest in Python. The window's terminals and the loopback test use it.

Owns one terminal over one peer connection. Signaling is in engine.client.handshake, the
messages over the data channel in engine.wire.conversation. It requests hatchway.v1; an
agent that does not answer hello with welcome speaks plain JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from engine.client.handshake import Handshake
from engine.core.errors import (
    ChannelClosedError,
    ConnectTimeoutError,
    HatchwayError,
    IceFailedError,
    ProtocolError,
    RemoteError,
)
from engine.core.model import CandidatePair, Role, Size
from engine.core.settings import IceSettings
from engine.core.tasks import TaskOwner, start
from engine.signaling.guest import RelayAddress
from engine.transport import connection as rtc
from engine.transport.channel import Message
from engine.transport.data_channel import RtcChannel
from engine.wire import proof
from engine.wire import terminal as wire
from engine.wire.conversation.guest import GuestConversation, Introduction, Return

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0
"""For ICE, DTLS and the channel, each."""
PTY_SECONDS = 20.0
"""For the terminal to start."""
APPROVAL_SECONDS = 600.0
"""For the host's approval; the host's own time limit is much shorter."""
CLOSE_SECONDS = 5.0
CAPABILITIES = (wire.IDLE, wire.MUTE)
"""The hatchway.v1 capabilities of a peer whose owner answers no queries of the program while
``mutes`` is true: the host does."""
ANSWERING = (wire.IDLE,)
"""Those of a peer in front of a terminal that answers by itself, such as a tty."""
NOBODY = Introduction()
"""Says nothing about itself."""


@dataclass(slots=True)
class PeerHandlers:
    """Callbacks of a peer, on the loop. ``ended`` is called once, last."""

    output: Callable[[bytes], None] = lambda data: None
    ended: Callable[[str, int | None], None] = lambda reason, exit_code: None
    notice: Callable[[str], None] = lambda text: None
    approval: Callable[[str], None] = lambda state: None
    """The host's approval is waiting, allowed or denied."""
    idle: Callable[[float | None], None] = lambda seconds: None
    """The session ends as idle in so many seconds, unless peer.keep(); None cancels that."""
    role: Callable[[Role], None] = lambda role: None
    """The host has changed what this peer may do."""


@dataclass(slots=True)
class _Milestones:
    """How far connecting has come, so that a loopback test can report where it stopped."""

    ice: asyncio.Event = field(default_factory=asyncio.Event)
    channel: asyncio.Event = field(default_factory=asyncio.Event)
    pty: asyncio.Event = field(default_factory=asyncio.Event)
    failed: asyncio.Event = field(default_factory=asyncio.Event)


class TerminalPeer:
    """One terminal. ``connect()`` does all steps; a loopback test does them one by one:
    reach_relay, negotiate, wait_ice, wait_channel, wait_pty."""

    @classmethod
    def of_link(
        cls,
        link: proof.Link,
        size: Size,
        handlers: PeerHandlers | None = None,
        *,
        ice: IceSettings | None = None,
        ssl_context: ssl.SSLContext | None = None,
        capabilities: Collection[str] = CAPABILITIES,
        introduction: Introduction = NOBODY,
    ) -> TerminalPeer:
        """A guest with a link: its relay, its target, its secret. A return link brings back the
        participant whose token it has, and opens nothing else."""
        return cls(
            RelayAddress(link.base, link=link.id),
            "",
            size,
            handlers,
            link=link,
            ice=ice,
            ssl_context=ssl_context,
            before=Return(link.token) if link.token else None,
            capabilities=capabilities,
            introduction=introduction,
        )

    def __init__(
        self,
        relay: RelayAddress,
        device_id: str,
        size: Size,
        handlers: PeerHandlers | None = None,
        *,
        own_secret: bytes | None = None,
        link: proof.Link | None = None,
        ice: IceSettings | None = None,
        session_id: str = "",
        ssl_context: ssl.SSLContext | None = None,
        before: Return | None = None,
        capabilities: Collection[str] = CAPABILITIES,
        introduction: Introduction = NOBODY,
    ) -> None:
        self.session_id = session_id or secrets.token_urlsafe(12)
        self.exit_code: int | None = None
        self.end_code = ""
        """Why it ended, as an engine.core.model.EndCode from the agent; empty when none came."""
        self.pair: CandidatePair | None = None
        self._handlers = handlers or PeerHandlers()
        self._handshake = Handshake(
            relay,
            device_id,
            self.session_id,
            own_secret=own_secret,
            link=link,
            ice=ice,
            ssl_context=ssl_context,
        )
        self._capabilities = capabilities
        self._introduction = introduction
        self._conversation = GuestConversation(
            size, capabilities=capabilities, before=before, introduction=introduction
        )
        self._tasks = TaskOwner("peer")
        self._pc: rtc.PeerConnection | None = None
        self._channel: RtcChannel | None = None
        self._reached = _Milestones()
        self._error: HatchwayError | None = None
        self._ended = False
        self._program_over = False
        self._closing = False
        self._succeeded = False
        self._end_task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    @property
    def device_id(self) -> str:
        """The target; with a link, known once the relay is connected."""
        return self._handshake.device_id

    @property
    def role(self) -> Role:
        return self._conversation.role

    @property
    def mutes(self) -> bool:
        """Whether the host answers the program's queries, so that the owner must not."""
        return wire.MUTE in self._conversation.agreed

    @property
    def code(self) -> str:
        """The short code that both ends show; empty before the answer."""
        return self._handshake.code

    async def connect(self) -> None:
        """Connect until the terminal takes input. Raises HatchwayError after closing everything."""
        try:
            await self.reach_relay()
            await self.negotiate()
            await self.wait_ice()
            await self.wait_channel()
            await self.wait_pty()
        except BaseException:
            await self.close()
            raise

    async def reach_relay(self) -> None:
        """Raises RelayUnreachableError, RelayRefusedError, LinkUnknownError, AgentOfflineError."""
        await self._handshake.reach(returning=bool(self._conversation.token))

    async def negotiate(self) -> None:
        """Offer and answer. Raises RemoteError when the agent or relay refuses."""
        pc = self._pc = rtc.PeerConnection(await self._handshake.ice_settings(), self)
        channel = self._channel = pc.open_channel(wire.V1)
        channel.attach(self)
        sdp = await pc.make_offer()
        await pc.take_answer(
            await self._handshake.offer(sdp, self._conversation.size, self._conversation.token)
        )

    async def wait_ice(self) -> None:
        """Raises IceFailedError."""
        await self._milestone(
            self._reached.ice, IceFailedError("ICE found no path to the other side")
        )

    async def wait_channel(self) -> None:
        """Raises ConnectTimeoutError or ChannelClosedError."""
        await self._milestone(
            self._reached.channel, ConnectTimeoutError("The data channel did not open")
        )
        self._conversation.open()
        if not self._send_messages():
            raise self._failure(ChannelClosedError("The data channel closed at once"))

    async def wait_pty(self) -> None:
        """Raises RemoteError with the agent's message when the terminal cannot start."""
        late = ConnectTimeoutError("The terminal did not start")
        try:
            await self._milestone(self._reached.pty, late, PTY_SECONDS)
        except ConnectTimeoutError:
            if not self._conversation.awaits_approval:
                raise
            await self._milestone(self._reached.pty, late, APPROVAL_SECONDS)
        self._sender = self._tasks.start(self._send_loop(), "send input")

    def send(self, data: bytes) -> None:
        """Queue input; ordered. Raises LimitError beyond outbox.LIMIT, ChannelClosedError."""
        if self._ended or self._closing or self._succeeded:
            raise ChannelClosedError("The terminal has ended")
        self._conversation.type(data)
        self._wake.set()

    def keep(self) -> None:
        """Answer an idle warning: do not end the session."""
        self._conversation.keep()
        self._send_messages()

    def resize(self, size: Size) -> None:
        self._conversation.resize(size)
        self._send_messages()

    def rendered(self, count: int) -> None:
        """``count`` more bytes of output are on the screen: the agent may send more."""
        self._conversation.rendered(self._conversation.rendered_to + count)
        self._send_messages()

    def successor(
        self, output: Callable[[bytes], None], ended: Callable[[str, int | None], None]
    ) -> TerminalPeer:
        """A peer that resumes this one's session, with the same shell, where its output stopped.

        Input that the program has not taken moves to it. This peer takes no input and reports
        no output any more.
        """
        made = self._handshake
        before = self._conversation.leave()
        self._succeeded = True
        self._wake.set()
        return TerminalPeer(
            made.relay,
            made.device_id,
            self._conversation.size,
            replace(self._handlers, output=output, ended=ended),
            own_secret=made.own_secret,
            link=made.link,
            ice=made.ice,
            session_id=self.session_id,
            ssl_context=made.ssl_context,
            before=before,
            capabilities=self._capabilities,
            introduction=self._introduction,
        )

    @property
    def is_lost(self) -> bool:
        """Whether a running terminal lost its connection, so that a successor may resume it."""
        return self._ended and not self._program_over

    @property
    def resumed(self) -> bool:
        """Whether the shell is the one of the peer before this one; known once connected."""
        return self._conversation.resumed

    @property
    def is_closed(self) -> bool:
        """Whether close() has finished."""
        return self._end_task is not None and self._end_task.done()

    @property
    def peer_connection(self) -> rtc.PeerConnection | None:
        """What carries the terminal; None until it is negotiated."""
        return self._pc

    def rtt(self) -> float | None:
        """Smoothed round trip in seconds; None before the first measurement."""
        return self._pc.rtt if self._pc else None

    async def close(self) -> None:
        """End the session and release everything, within CLOSE_SECONDS; idempotent.

        Once begun it finishes, even when the caller is cancelled.
        """
        if self._end_task is None:
            self._closing = True
            self._end_task = start(self._close(), f"close {self.session_id}")
        await asyncio.shield(self._end_task)

    async def _close(self) -> None:
        with contextlib.suppress(TimeoutError, HatchwayError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send_close()
        if self._pc is not None:
            await self._pc.close()
        await self._handshake.close()
        await self._tasks.close()

    async def _send_close(self) -> None:
        """Close the session over the channel if it is open, else cancel the offer at the relay."""
        if self._succeeded:
            return  # the successor continues the session
        if self._channel is None or not self._channel.is_open:
            await self._handshake.cancel_offer()
            return
        if self._sender is not None:
            # Input goes first, as far as the window allows.
            self._wake.set()
            await asyncio.wait([self._sender])
        self._conversation.close()
        self._send_messages()
        # The agent closes the channel once the terminal is gone.
        while self._channel.is_open:
            self._wake.clear()
            await self._wake.wait()

    # engine.transport.channel.Receiver

    def message(self, message: Message) -> None:
        if self._succeeded:
            return
        try:
            if isinstance(message, bytes):
                # It holds no snapshot: we do not list that capability.
                self._conversation.receive_bytes(message)
                self._handlers.output(message)
                return
            meant = self._conversation.receive_text(message)
        except ProtocolError as error:
            logger.debug("Session %s: %s", self.session_id, error)
            return
        self._send_messages()
        if meant is not None:
            self._act(meant)

    def _act(self, message: wire.AgentMessage) -> None:
        match message:
            case wire.Approval(state=state):
                self._handlers.approval(state)
            case wire.PtyConnected():
                self._reached.pty.set()
            case wire.Output(data=text):
                self._handlers.output(text.encode("utf-8", "replace"))
            case wire.Ack():
                self._wake.set()
            case wire.PtyDisconnected(exit_code=exit_code, reason=reason):
                self._program_ended(exit_code, reason, "")
            case wire.Exit(exit_code=exit_code, reason=reason, code=code):
                self._program_ended(exit_code, reason, code)
            case wire.Error(message=text, code=code):
                error = RemoteError(code, text)
                if self._reached.pty.is_set():
                    self._handlers.notice(str(error))
                else:
                    self._fail(error)
            case wire.RoleChanged(role=role):
                self._handlers.role(role)
            case wire.Idle(seconds=seconds):
                self._handlers.idle(seconds)
            case wire.Notice(text=text):
                self._handlers.notice(text)
            case _:
                pass

    def malformed(self, problem: str) -> None:
        logger.warning("Session %s: %s", self.session_id, problem)

    def closed(self) -> None:
        self._fail(ChannelClosedError("The data channel closed"))
        self._end("Connection lost", None)

    # engine.transport.connection.Observer

    def ice_gathering(self, state: str) -> None:
        pass

    def ice_connection(self, state: str) -> None:
        if state == "completed":
            self._reached.ice.set()
        elif state == "failed":
            self._fail(IceFailedError("ICE found no path to the other side"))

    def connection(self, state: str) -> None:
        if state in ("failed", "closed"):
            self._fail(ConnectTimeoutError("The encrypted connection could not be established"))
            self._end("Connection lost", None)
        elif state == "connected":
            self._tasks.start(self._await_channel(), "await the data channel")

    def candidate(self, side: str, candidate: str) -> None:
        pass

    def pair_selected(self, pair: CandidatePair) -> None:
        self.pair = pair

    def channel_opened(self, channel: RtcChannel) -> None:
        channel.close()

    async def _await_channel(self) -> None:
        if self._channel is not None:
            with contextlib.suppress(ChannelClosedError):
                await self._channel.opened()
                self._reached.channel.set()

    async def _milestone(
        self, reached: asyncio.Event, late: HatchwayError, seconds: float = CONNECT_SECONDS
    ) -> None:
        """Wait for ``reached``. Raises an earlier failure, or ``late`` after ``seconds``."""
        waits = [asyncio.create_task(e.wait()) for e in (reached, self._reached.failed)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if reached.is_set():
            return
        raise self._failure(late)

    def _failure(self, otherwise: HatchwayError) -> HatchwayError:
        """Why no terminal started: the failure, else ``otherwise``. An error held back as
        possibly about our hello explains more than either."""
        error, pending = self._error or otherwise, self._conversation.pending_error
        if pending is None or isinstance(error, RemoteError):
            return error
        return RemoteError(pending.code, pending.message)

    async def _send_loop(self) -> None:
        """Send input, as fast as the conversation and the channel allow, until close()."""
        channel = self._channel
        try:
            while channel is not None and not self._succeeded:
                message = self._conversation.next_input()
                if message is not None:
                    await channel.send(message)
                elif self._closing:
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except ChannelClosedError:
            pass
        except Exception:
            # A terminal that shows output and drops keys would be worse than one that ended.
            self._end("Sending input failed; see the log", None)
            raise

    def _send_messages(self) -> bool:
        """Send what the conversation has queued; False when the channel is not open."""
        sent = True
        for message in self._conversation.messages_to_send():
            sent = self._channel is not None and self._channel.post(
                wire.encode(message), urgent=wire.may_overtake(message)
            )
        return sent

    def _fail(self, error: HatchwayError) -> None:
        self._error = self._error or error
        self._reached.failed.set()
        self._wake.set()

    def _program_ended(self, exit_code: int | None, reason: str, code: str) -> None:
        self.exit_code, self.end_code = exit_code, code
        self._program_over = True
        reason = reason or "The terminal ended"
        # Before the terminal started, this is why it will not start.
        self._fail(ChannelClosedError(reason))
        self._end(reason, exit_code)

    def _end(self, reason: str, exit_code: int | None) -> None:
        self._wake.set()
        if not self._ended and self._reached.pty.is_set():
            self._ended = True
            self._handlers.ended(reason, exit_code)
