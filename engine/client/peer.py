"""The offering peer: a guest in Python. The window's terminals and the loopback test use it.

Owns one terminal over one peer connection. Signaling is in engine.client.handshake, the
messages over the data channel in engine.wire.conversation. It requests hatchway.v1; an
agent that does not answer hello with welcome speaks plain JSON.

A snapshot is output, too: RIS (ESC c), then the sequences that draw it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from engine.client.delivered import Delivered
from engine.client.handshake import Handshake
from engine.client.identities import Identities
from engine.core.errors import (
    ChannelClosedError,
    ConnectTimeoutError,
    HatchwayError,
    IceFailedError,
    OfferReplacedError,
    ProtocolError,
    RemoteError,
)
from engine.core.model import (
    Asked,
    CandidatePair,
    EndCode,
    KeyboardState,
    KeyboardView,
    ParticipantKind,
    Person,
    Role,
    Size,
)
from engine.core.settings import IceSettings
from engine.core.tasks import TaskOwner, start
from engine.signaling.guest import RelayAddress
from engine.signaling.guest_end import MakeEnd
from engine.transport import connection as rtc
from engine.transport.channel import Message
from engine.transport.data_channel import RtcChannel
from engine.wire import proof
from engine.wire import terminal as wire
from engine.wire.conversation.guest import GuestConversation, Introduction, Moment, Return

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0
"""For ICE, DTLS and the channel, each."""
PTY_SECONDS = 20.0
"""For the terminal to start."""
APPROVAL_SECONDS = 600.0
"""For the host's approval; the host's own time limit is much shorter."""
CLOSE_SECONDS = 5.0
MAX_UNRENDERED = 64 * 1024 * 1024
"""Bytes of output and snapshots that may wait to be shown: far above what is agreed."""
ANSWERING = (wire.IDLE, wire.SNAPSHOT, wire.PEOPLE, wire.KEYBOARD, wire.RECORDING, wire.REVEAL)
"""The hatchway.v1 capabilities of a peer in front of a terminal that answers the program's queries
by itself."""
CAPABILITIES = (*ANSWERING, wire.MUTE)
"""Those of a peer whose owner answers no queries while ``mutes`` is true: the host does."""
FOLLOWING = (*CAPABILITIES, wire.SIZE)
"""Those of a peer whose owner's emulator also has the shell's size, whatever its window's is: it
changes on ``PeerHandlers.size`` only."""
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
    """What this peer may do, once it is connected and when the host has changed it."""
    size: Callable[[Size], None] = lambda size: None
    """The shell's size from here on: in order with ``output``."""
    people: Callable[[tuple[Person, ...]], None] = lambda people: None
    """Everybody attached to the shell, this peer too (``participant``). Names are untrusted."""
    keyboard: Callable[[KeyboardView], None] = lambda keyboard: None
    """Who may type."""
    recording: Callable[[float | None], None] = lambda since: None
    """Since when the shell is recorded, in seconds since 1970 by the host's clock; None: not."""
    held: Callable[[bytes], None] = lambda data: None
    """What was typed while the connection was lost and is not sent by itself: see
    peer.send_held() and peer.discard_held()."""


@dataclass(slots=True)
class _Milestones:
    """How far connecting has come, so that a loopback test can report where it stopped."""

    ice: asyncio.Event = field(default_factory=asyncio.Event)
    channel: asyncio.Event = field(default_factory=asyncio.Event)
    pty: asyncio.Event = field(default_factory=asyncio.Event)
    failed: asyncio.Event = field(default_factory=asyncio.Event)


def now() -> Moment:
    return Moment(time.monotonic(), time.time())


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
        identities: Identities | None = None,
        clock: Callable[[], Moment] = now,
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
            identities=identities,
            clock=clock,
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
        identities: Identities | None = None,
        again: bool = False,
        unrendered: int = 0,
        clock: Callable[[], Moment] = now,
        make_end: MakeEnd | None = None,
    ) -> None:
        """``introduction``: what it says of itself; ``identities`` adds who it is to this host.
        ``again``: it comes back although another connection has taken its place.
        ``unrendered``: bytes delivered by the peer before it that are not on the screen yet.
        ``make_end``: how the agent is reached, if not through ``relay``.
        """
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
            again=again,
            make_end=make_end,
        )
        self._capabilities = capabilities
        self._introduction = introduction
        self._identities = identities
        self._clock = clock
        self._lost_before = before.lost if before is not None else None
        self._lost_at: Moment | None = None
        self._delivered = Delivered(unrendered)
        self._screen_at = 0
        self._told_size: Size | None = None
        self._replaced = False
        self._overran = False
        self._left = False
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
    def may_type(self) -> bool:
        """Whether the host takes input of this peer, as far as it has said: to be shown only."""
        return self._conversation.may_type

    @property
    def participant(self) -> str:
        """This peer's id in ``people`` and ``keyboard.holder``; empty until it is known."""
        return self._conversation.participant

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody attached to the shell, this peer too, as the host said last."""
        return tuple(_person(one) for one in self._conversation.people)

    @property
    def keyboard(self) -> KeyboardView | None:
        """None while the host has not said it."""
        said = self._conversation.keyboard
        return _view(said) if said is not None else None

    @property
    def recording(self) -> float | None:
        """Since when the shell is recorded, by the host's clock; None: it is not, or unknown."""
        said = self._conversation.recording
        return _since(said) if said is not None else None

    @property
    def shell_size(self) -> Size | None:
        """The shell's, at the end of what was delivered; None when the host does not say it."""
        return self._conversation.shell_size

    @property
    def held_input(self) -> bytes:
        """What waits for send_held() or discard_held()."""
        return self._conversation.held_input

    @property
    def return_link(self) -> proof.Link | None:
        """The link by which this person comes back from another device, into the same place;
        None without a link, or while the host has not given a token."""
        link, token = self._handshake.link, self._conversation.token
        return replace(link, token=token) if link is not None and token else None

    @property
    def replaced(self) -> bool:
        """Whether another connection has taken its place, as by its return link."""
        return self._replaced

    @property
    def code(self) -> str:
        """The short code that both ends show; empty while, or where, there is none."""
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
            # What is typed now is for a successor.
            await self._close_soon()
            raise

    async def reach_relay(self) -> None:
        """Raises RelayUnreachableError, RelayRefusedError, LinkUnknownError, AgentOfflineError."""
        await self._handshake.reach(returning=bool(self._conversation.token))
        if self._identities is not None and not self._introduction.guest:
            relay = self._handshake.relay
            guest = await asyncio.to_thread(self._identities.of, relay.url, relay.agent_id)
            self._introduction = replace(self._introduction, guest=guest)
            self._conversation.introduce(self._introduction)

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
        """Queue input; ordered. Raises LimitError beyond outbox.LIMIT, ChannelClosedError.

        It may be called before ``connect()``, and after one that failed: a successor sends it.
        """
        if self._ended or self._left or self._succeeded:
            raise ChannelClosedError("The terminal has ended")
        self._conversation.type(data)
        self._wake.set()

    def keep(self) -> None:
        """Answer an idle warning: do not end the session."""
        self._conversation.keep()
        self._send_messages()

    def resize(self, size: Size) -> None:
        """The size of this peer's own window."""
        self._conversation.resize(size)
        self._send_messages()

    def rendered(self, count: int) -> None:
        """``count`` more bytes of output are on the screen: the agent may send more."""
        self._conversation.rendered(self._delivered.rendered(count))
        self._send_messages()

    def ask_keyboard(self, on: bool) -> bool:
        """Ask for the keyboard; False withdraws that, or hands the keyboard back. Returns whether
        the host knows such requests."""
        asked = self._conversation.request(wire.AskKeyboard(on))
        self._send_messages()
        return asked

    def send_held(self) -> None:
        """Send what was held, after what was typed since."""
        self._conversation.send_held()
        self._wake.set()

    def discard_held(self) -> None:
        self._conversation.discard_held()

    def successor(
        self,
        output: Callable[[bytes], None],
        ended: Callable[[str, int | None], None],
        *,
        again: bool = False,
    ) -> TerminalPeer:
        """A peer that resumes this one's session, with the same shell, where its output stopped.

        Input that the program has not taken moves to it. This peer takes no input and reports
        no output any more. ``again``: also when it was ``replaced``.
        """
        made = self._handshake
        before = self._conversation.leave(self._lost_at or self._clock())
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
            identities=self._identities,
            again=again,
            unrendered=self._delivered.unrendered,
            clock=self._clock,
            make_end=made.make_end,
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
        self._left = True
        await self._close_soon()

    async def _close_soon(self) -> None:
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
        if self._succeeded or self._overran:
            return
        try:
            if isinstance(message, bytes):
                screen = self._conversation.receive_bytes(message)
                self._delivered.screen(screen, self._screen_at)
                self._delivered.output(len(message) - screen)
                self._handlers.output(message)
                self._check_overrun()
                return
            before = self._lost_before
            away = before.age(self._clock()) if before is not None else 0.0
            meant = self._conversation.receive_text(message, away=away)
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
            case wire.Welcome(start=start):
                self._welcomed(start)
            case wire.Snapshot(at=at):
                self._show_size()
                self._screen_at = at
                self._delivered.screen(len(wire.RESET), at)
                self._handlers.output(wire.RESET)
            case wire.SizeChanged():
                self._show_size()
            case wire.People():
                self._handlers.people(self.people)
            case wire.Keyboard():
                self._handlers.keyboard(_view(message))
            case wire.Recording():
                self._handlers.recording(_since(message))
            case wire.Ack():
                self._wake.set()
            case wire.PtyDisconnected(exit_code=exit_code, reason=reason):
                self._program_ended(exit_code, reason, "")
            case wire.Exit(exit_code=exit_code, reason=reason, code=code):
                self._program_ended(exit_code, reason, code)
            case wire.Error(message=text, code=code):
                error = RemoteError(code, text)
                self._replaced = self._replaced or code == OfferReplacedError.code
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

    def _welcomed(self, start: int) -> None:
        self._lost_before = None
        self._handshake.reveal(lambda nonce: self._conversation.request(wire.Reveal(nonce)))
        self._delivered.begin(start)
        self._show_size()
        self._handlers.role(self.role)
        if held := self._conversation.held_input:
            self._handlers.held(held)

    def _check_overrun(self) -> None:
        """A host that does not keep to the window must not fill our memory."""
        if self._delivered.unrendered > MAX_UNRENDERED:
            self._overran = True
            self._program_ended(None, "The host sent more output than was agreed", EndCode.LIMIT)

    def _show_size(self) -> None:
        size = self._conversation.shell_size
        if wire.SIZE not in self._conversation.agreed:
            return
        if size is not None and size != self._told_size:
            self._told_size = size
            self._handlers.size(size)

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

    def server_failed(self, url: str, why: str) -> None:
        logger.info("The ICE server %s %s", url, why)

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
        self._lost_at = self._lost_at or self._clock()
        if not self._ended and self._reached.pty.is_set():
            self._ended = True
            self._handlers.ended(reason, exit_code)


def _person(said: wire.Person) -> Person:
    try:
        kind = ParticipantKind(said.kind)
    except ValueError:  # of a later version
        kind = ParticipantKind.GUEST
    return Person(said.id, said.name, said.role, kind, said.typing)


def _view(said: wire.Keyboard) -> KeyboardView:
    state, asked = KeyboardState(said.state), Asked(said.asked)
    return KeyboardView(state, said.holder, asked, math.ceil(said.again_in))


def _since(said: wire.Recording) -> float | None:
    return (said.since or 0.0) if said.on else None
