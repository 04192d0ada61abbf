"""The offering peer: what a guest is, in Python. The window's terminals and the self-test use it.

Owns one terminal over one relay: offer, answer, data channel, flow control, its end.
Does not own painting or the relay. It reaches the agent only as any guest would. It asks
for hatchway.v1; an agent that does not answer its hello with welcome speaks plain JSON.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import secrets
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.client.invitation import Invitation
from engine.client.progress import PeerHandlers, Progress
from engine.core.errors import (
    AgentOfflineError,
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
from engine.signaling.guest import GuestLine, RelayAddress
from engine.transport import connection as rtc
from engine.transport.channel import Message
from engine.transport.data_channel import RtcChannel
from engine.transport.ice_servers import require_turn
from engine.wire import proof, signaling
from engine.wire import terminal as wire
from engine.wire.outbox import Outbox

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0
"""For ICE, DTLS and the channel, each."""
PTY_SECONDS = 20.0
"""For the terminal to start."""
APPROVAL_SECONDS = 600.0
"""For the host to say yes or no; it answers for itself much sooner."""
CLOSE_SECONDS = 5.0
MAX_COMPLAINT = 600
"""Characters of what an agent of another make complained of before its terminal was there."""
ACK_EVERY = 16 * 1024
"""Output bytes rendered between two acknowledgements."""
CAPABILITIES = (wire.IDLE,)
"""What our side of hatchway.v1 knows beyond its first version."""


class TerminalPeer:
    """One terminal. ``connect()`` does all steps; a self-test takes them one by one:
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
    ) -> TerminalPeer:
        """A guest with a link: its relay, its target, its secret."""
        address = RelayAddress(link.base, link=link.id)
        return cls(address, "", size, handlers, link=link, ice=ice, ssl_context=ssl_context)

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
    ) -> None:
        self.session_id = session_id or secrets.token_urlsafe(12)
        self.device_id = device_id
        self.exit_code: int | None = None
        self.end_code = ""
        """The agent's word for why it ended (engine.core.model.EndCode); empty when none came."""
        self.pair: CandidatePair | None = None
        self._relay = relay
        self._size = size
        self._handlers = handlers or PeerHandlers()
        self.role = Role.CONTROL
        self.code = ""
        self._invitation = Invitation.of(link, own_secret)
        self._link = link
        self._ice = ice or IceSettings()
        self._ssl = ssl_context
        self._line = GuestLine(relay, ssl_context)
        self._tasks = TaskOwner("peer")
        self._pc: rtc.PeerConnection | None = None
        self._channel: RtcChannel | None = None
        self._progress = Progress()
        self._error: HatchwayError | None = None
        self._ended = False
        self._closing = False
        self._end_task: asyncio.Task[None] | None = None
        self._resume_token = ""
        self._v1 = False  # until welcome
        self._plain_input = codecs.getincrementaldecoder("utf-8")("replace")
        self._waits = False
        self._received = 0
        self._rendered = 0
        self._acked = 0
        self._outbox = Outbox()
        self._succeeded = False
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """All the way to a terminal that takes input. Raises HatchwayError, leaving nothing."""
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
        await self._line.connect()
        if self._link is not None:
            agent_id, self.device_id = await self._line.link_target()
            if self._resume_token and agent_id != self._relay.agent_id:
                # Whoever it is has no claim to the token, and none to what it opens.
                raise AgentOfflineError("The host of this terminal is not connected to the relay")
            self._relay = replace(self._relay, agent_id=agent_id)

    async def negotiate(self) -> None:
        """Offer and answer. Raises RemoteError for what the agent or relay refuses."""
        # Our own agent is near: it needs no server in between, and knows the relay's rule.
        if self._link is None and self._invitation.secret is not None:
            ice = require_turn(self._ice)
        else:
            ice = await self._line.ice_settings(
                self._ice, self._link.secret if self._link is not None else None
            )
        pc = self._pc = rtc.PeerConnection(ice, self)
        channel = self._channel = pc.open_channel(wire.V1)
        channel.attach(self)
        sdp = await pc.make_offer()
        offer: dict[str, Any] = {
            "session_id": self.session_id,
            "device_id": self.device_id,
            "sdp": sdp,
            "sdp_type": "offer",
            "correlation_id": secrets.token_hex(8),
            "cols": self._size.cols,
            "rows": self._size.rows,
        }
        if self._resume_token:
            offer["resume"] = self._resume_token
        if self._relay.agent_id:
            offer["agent_id"] = self._relay.agent_id
        offer |= self._invitation.prove(self.session_id, sdp)
        answer = await self._line.call(signaling.OFFER, offer)
        signaling.parse(signaling.Answer, answer)
        await self._check_answer(offer, answer)
        await pc.take_answer(str(answer["sdp"]))

    async def _check_answer(self, offer: dict[str, Any], answer: dict[str, Any]) -> None:
        """Raises BadProofError, having told the host, before anything of the answer is used."""
        try:
            self.code = self._invitation.check(offer, answer)
        except HatchwayError as error:
            goodbye = {"session_id": self.session_id, "reason": f"The guest refused: {error}"}
            with contextlib.suppress(HatchwayError):
                await self._line.call(signaling.DISCONNECT, goodbye, CLOSE_SECONDS)
            raise

    async def wait_ice(self) -> None:
        """Raises IceFailedError."""
        await self._milestone(
            self._progress.ice, IceFailedError("No path to the other side was found")
        )

    async def wait_channel(self) -> None:
        """Raises ConnectTimeoutError or ChannelClosedError."""
        await self._milestone(
            self._progress.channel, ConnectTimeoutError("The data channel did not open")
        )
        hello = wire.Hello(
            cols=self._size.cols, rows=self._size.rows, received=self._received, caps=CAPABILITIES
        )
        if self._channel is None or not self._channel.post(wire.encode(hello)):
            raise ChannelClosedError("The data channel closed at once")

    async def wait_pty(self) -> None:
        """Raises RemoteError with the agent's words when the terminal cannot start."""
        late = ConnectTimeoutError("The terminal did not start")
        try:
            await self._milestone(self._progress.pty, late, PTY_SECONDS)
        except ConnectTimeoutError:
            if not self._waits:
                raise
            await self._milestone(self._progress.pty, late, APPROVAL_SECONDS)
        self._sender = self._tasks.start(self._send_loop(), "send input")

    def send(self, data: bytes) -> None:
        """Queue input; ordered. Raises LimitError beyond outbox.LIMIT, ChannelClosedError."""
        if self._ended or self._closing or self._succeeded:
            raise ChannelClosedError("The terminal has ended")
        self._outbox.push(data)
        self._wake.set()

    def keep(self) -> None:
        """Answer an idle warning: somebody is here."""
        self._post(wire.Keep())

    def resize(self, size: Size) -> None:
        if size != self._size:
            self._size = size
            self._post(wire.Resize(size.cols, size.rows))

    def rendered(self, count: int) -> None:
        """``count`` more bytes of output are on the screen: the agent may send more."""
        self._rendered = min(self._rendered + count, self._received)
        if self._v1 and self._rendered - self._acked >= ACK_EVERY:
            self._acked = self._rendered
            self._post(wire.Ack(self._rendered))

    def successor(
        self, output: Callable[[bytes], None], ended: Callable[[str, int | None], None]
    ) -> TerminalPeer:
        """A peer that takes up this one's session where its output stopped: same shell.

        Input that the program has not taken goes with it; this peer takes none any more.
        """
        peer = TerminalPeer(
            self._relay,
            self.device_id,
            self._size,
            replace(self._handlers, output=output, ended=ended),
            link=self._link,
            ice=self._ice,
            session_id=self.session_id,
            ssl_context=self._ssl,
        )
        peer._invitation = self._invitation
        peer._resume_token = self._resume_token
        peer._received = self._received
        peer._outbox, self._succeeded = self._outbox, True
        self._wake.set()
        return peer

    @property
    def is_closed(self) -> bool:
        """Whether close() has come to its end."""
        return self._end_task is not None and self._end_task.done()

    @property
    def peer_connection(self) -> rtc.PeerConnection | None:
        """What carries the terminal; None until it is negotiated."""
        return self._pc

    def rtt(self) -> float | None:
        return self._pc.rtt if self._pc else None

    async def close(self) -> None:
        """End the session and leave nothing behind, within CLOSE_SECONDS; idempotent.

        Once begun it goes on to its end, even when the caller is cancelled.
        """
        if self._end_task is None:
            self._closing = True
            self._end_task = start(self._close(), f"close {self.session_id}")
        await asyncio.shield(self._end_task)

    async def _close(self) -> None:
        with contextlib.suppress(TimeoutError, HatchwayError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._say_goodbye()
        if self._pc is not None:
            await self._pc.close()
        await self._line.close()
        await self._tasks.close()

    async def _say_goodbye(self) -> None:
        """Over the channel when it is open, through the relay when it never was."""
        if self._succeeded:
            # The session goes on with the successor.
            return
        if self._channel is not None and self._channel.is_open:
            self._post(wire.Close())
            # The agent closes the channel once the terminal is gone.
            while self._channel.is_open:
                self._wake.clear()
                await self._wake.wait()
        elif self._pc is not None and self._line.is_connected:
            goodbye = {"session_id": self.session_id}
            await self._line.call(signaling.DISCONNECT, goodbye, CLOSE_SECONDS)

    # engine.transport.channel.Receiver

    def message(self, message: Message) -> None:
        if isinstance(message, bytes):
            self._received += len(message)
            self._handlers.output(message)
            return
        try:
            decoded = wire.decode_agent(message)
        except ProtocolError as error:
            logger.debug("Session %s: %s", self.session_id, error)
        else:
            self._take(decoded)

    def _take(self, message: wire.AgentMessage | None) -> None:
        match message:
            case wire.Ping():
                self._post(wire.Pong())
            case wire.Welcome(resume=token, start=start, role=role, taken=taken):
                self._v1 = True
                self._resume_token = token
                self.role = role
                if not self._succeeded:
                    self._outbox.resume(taken)
                self._received = self._rendered = self._acked = start
            case wire.RoleChanged(role=role):
                self.role = role
            case wire.Approval(state=state):
                self._waits = state == "waiting"
                self._handlers.approval(state)
            case wire.PtyConnected():
                if not self._v1:
                    # The hello that had it was not understood.
                    self._post(wire.Resize(self._size.cols, self._size.rows))
                self._progress.pty.set()
            case wire.Output(data=text) if not self._v1:
                self._handlers.output(text.encode("utf-8", "replace"))
            case wire.PtyDisconnected(exit_code=exit_code, reason=reason) if not self._v1:
                self.exit_code = exit_code
                self._end(reason or "The terminal ended", exit_code)
            case wire.Ack(bytes=count):
                if not self._succeeded:
                    self._outbox.acknowledge(count)
                self._wake.set()
            case wire.Error(message=text, code=code):
                self._remote_error(RemoteError(code, text))
            case wire.Idle(seconds=seconds):
                self._handlers.idle(seconds)
            case wire.Exit(exit_code=exit_code, reason=reason, code=code):
                self.exit_code, self.end_code = exit_code, code
                # Before there was a terminal it says why there will be none.
                self._fail(ChannelClosedError(reason))
                self._end(reason, exit_code)
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
            self._progress.ice.set()
        elif state == "failed":
            self._fail(IceFailedError("No path to the other side was found"))

    def connection(self, state: str) -> None:
        if state in ("failed", "closed"):
            self._fail(ConnectTimeoutError("The encrypted connection could not be made"))
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
                self._progress.channel.set()

    async def _milestone(
        self, reached: asyncio.Event, late: HatchwayError, seconds: float = CONNECT_SECONDS
    ) -> None:
        """Wait for ``reached``; a failure meanwhile is raised, no news is ``late``."""
        waits = [asyncio.create_task(e.wait()) for e in (reached, self._progress.failed)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if reached.is_set():
            return
        raise self._error or late

    async def _send_loop(self) -> None:
        """What is typed, under hatchway.v1 never more than the window ahead of the program."""
        channel = self._channel
        with contextlib.suppress(ChannelClosedError):
            while channel is not None and not self._succeeded:
                data = self._outbox.next(wire.MAX_V1_MESSAGE if self._v1 else wire.JSON_CHUNK)
                if data is None:
                    self._wake.clear()
                    await self._wake.wait()
                elif self._v1:
                    await channel.send(data)
                else:
                    # Nothing acknowledges plain input.
                    self._outbox.take_sent()
                    if text := self._plain_input.decode(data):
                        await channel.send(wire.encode(wire.Input(text)))

    def _post(self, message: Any) -> None:
        if self._channel is not None:
            self._channel.post(wire.encode(message), urgent=wire.may_overtake(message))

    def _remote_error(self, error: RemoteError) -> None:
        if self._progress.pty.is_set():
            self._handlers.notice(str(error))
        elif self._v1:
            self._fail(error)
        else:
            # An agent of another make says that it does not know our hello, and goes on; or
            # that its terminal cannot start. Which it was is known when no terminal comes.
            words = f"{self._error}; {error}" if self._error else str(error)
            self._error = RemoteError(error.remote_code, words[:MAX_COMPLAINT])

    def _fail(self, error: HatchwayError) -> None:
        self._error = self._error or error
        self._progress.failed.set()
        self._wake.set()

    def _end(self, reason: str, exit_code: int | None) -> None:
        self._wake.set()
        if not self._ended and self._progress.pty.is_set():
            self._ended = True
            self._handlers.ended(reason, exit_code)
