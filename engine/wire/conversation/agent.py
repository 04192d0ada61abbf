"""The agent's end of the conversation over one data channel.

Owns the dialect, which messages may come when, both windows, acknowledgements, and the
error replies with their rate limit. Its owner queues input and acts on requests.

What a guest may send, and when:

    ====================================  ===================  =======  ========
    message                               greeting (v1 only)   open     leaving
    ====================================  ===================  =======  ========
    hello                                 taken                refused  refused
    ping, pong, ack                       taken                taken    taken
    input, resize, connect_pty, keep      taken: no hello now  taken    ignored
    close                                 taken: leaving now   taken    ignored
    ====================================  ===================  =======  ========
"""

from __future__ import annotations

import codecs
import enum
from collections.abc import Sequence

from engine.core.errors import BadMessageError, HatchwayError
from engine.core.model import ExitStatus
from engine.wire import terminal as wire

ERRORS_AT_ONCE = 20
ERRORS_PER_SECOND = 5.0
"""Rate limit of error replies: a burst, then a steady rate; the rest is dropped."""

AgentEvent = bytes | wire.Hello | wire.Resize | wire.ConnectPty | wire.Close | wire.Ack | wire.Keep
"""What a guest's text message requests; ``bytes`` is input of the plain dialect."""

_PLAIN = frozenset(
    {wire.Ready, wire.PtyConnected, wire.Output, wire.Pong, wire.PtyDisconnected, wire.Error}
)
"""The messages that a guest of the plain dialect may be sent."""
_CAPABILITY: dict[type, str] = {wire.Idle: wire.IDLE, wire.Snapshot: wire.SNAPSHOT}
"""Messages that only a guest with the capability may be sent."""


class Phase(enum.Enum):
    GREETING = enum.auto()
    """hatchway.v1: no hello yet, nor a message that it would have to precede."""
    OPEN = enum.auto()
    LEAVING = enum.auto()
    """The guest sent close: later input is ignored."""


class AgentConversation:
    """One guest over one channel; a returning guest gets a new one.

    A receive method that raises has changed nothing: answer with ``refuse(error, now)``.
    """

    def __init__(self, *, v1: bool) -> None:
        self._v1 = v1
        self._phase = Phase.GREETING if v1 else Phase.OPEN
        self._hello = wire.Hello()
        self._capabilities: frozenset[str] = frozenset()
        self._welcomed = False
        self._out: list[wire.AgentMessage] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._window = 0  # until welcome
        self._sent = 0
        self._rendered = 0
        self._limit = 0  # output may be sent up to this position
        self._screen_left = 0
        self._screen_at = 0
        self._input_acked = 0
        self._ack_every = wire.ACK_EVERY
        self._errors = float(ERRORS_AT_ONCE)
        self._errors_at = 0.0

    @property
    def is_v1(self) -> bool:
        return self._v1

    @property
    def is_greeted(self) -> bool:
        """Whether no hello is awaited any more."""
        return self._phase is not Phase.GREETING

    @property
    def hello(self) -> wire.Hello:
        """The guest's hello, or one of defaults."""
        return self._hello

    @property
    def capabilities(self) -> frozenset[str]:
        """What the guest's hello listed; empty for older clients."""
        return self._capabilities

    def messages_to_send(self) -> Sequence[wire.AgentMessage]:
        """The messages to send now, in this order; empty when called again."""
        if not self._out:
            return ()
        out, self._out = self._out, []
        return out

    # From the guest.

    def receive_text(self, text: str) -> AgentEvent | None:
        """The request in a message, if any. Input queues no message to send.

        Raises BadJSONError, BadMessageError, UnknownTypeError.
        """
        message = wire.decode_guest(text, v1=self._v1)
        is_leaving = self._phase is Phase.LEAVING
        match message:
            case wire.Input(data=data):
                typed = _encoded(data)
                return None if is_leaving else self._in_order(typed)
            case wire.Ack(bytes=count):
                self._acknowledge(count)
                return message
            case wire.Ping():
                self._out.append(wire.Pong())
                return None
            case wire.Pong():
                return None
            case wire.Hello(caps=capabilities) if self._phase is Phase.GREETING:
                self._hello, self._capabilities = message, frozenset(capabilities)
                return self._in_order(message)
            case wire.Hello():
                raise BadMessageError("hello may only be the first message")
            case _ if is_leaving:
                return None
            case wire.Close():
                self._phase = Phase.LEAVING
                return message
            case _:
                return self._in_order(message)

    def _in_order(self, message: AgentEvent) -> AgentEvent:
        """A message after which no hello may come."""
        self._phase = Phase.OPEN
        return message

    def receive_bytes(self, data: bytes) -> bool:
        """Input; False when it came after close and is ignored. Raises BadMessageError."""
        if not self._v1:
            raise BadMessageError(f"Binary messages need the data channel protocol {wire.V1!r}")
        if len(data) > wire.MAX_TEXT_BYTES:
            raise BadMessageError("The binary message is too long")
        if self._phase is Phase.GREETING:
            self._phase = Phase.OPEN
        return self._phase is Phase.OPEN

    def no_hello(self) -> None:
        """No hello came in time: the guest counts as one without capabilities."""
        if self._phase is Phase.GREETING:
            self._phase = Phase.OPEN

    def _acknowledge(self, count: int) -> None:
        if count > self._sent:
            raise BadMessageError("Field 'bytes' acknowledges more than was sent")
        if count > self._rendered:
            self._rendered = count
            self._move_limit()

    def _move_limit(self) -> None:
        """Update up to where output may be sent: none while a snapshot is under way."""
        self._limit = 0 if self._screen_left else self._rendered + self._window

    # From the owner.

    def ready(self) -> None:
        self._out.append(wire.Ready())

    def welcome(self, message: wire.Welcome) -> None:
        """hatchway.v1: output begins at ``message.start``, within ``message.window``."""
        self._welcomed = True
        self._window = message.window
        self._sent = self._rendered = message.start
        self._move_limit()
        self._screen_at = self._sent
        self._input_acked = message.taken
        self._ack_every = wire.ack_every(message.window)
        self._out.append(message)

    def connected(self, container: str) -> None:
        self._out.append(wire.PtyConnected(container))

    def output(self, count: int) -> bool:
        """hatchway.v1: count the next ``count`` bytes of output as sent, one message.

        False while they do not fit into the window, or a snapshot is under way: then nothing
        is counted; try again after an ack, or at the snapshot's end.
        """
        if self._sent + count > self._limit:
            return False
        self._sent += count
        return True

    def plain_output(self, data: bytes) -> str:
        """The plain dialect: the message for ``data``, at most wire.JSON_CHUNK bytes; empty
        while a character is incomplete."""
        text = self._decoder.decode(data)
        return wire.encode(wire.Output(text)) if text else ""

    def taken(self, position: int) -> None:
        """All input before ``position`` was written to the program, or refused."""
        if self._v1 and position - self._input_acked >= self._ack_every:
            self._input_acked = position
            self._out.append(wire.Ack(position))

    def ended(self, status: ExitStatus) -> None:
        """The program or the session has ended; all output was sent before."""
        if not self._v1 and (rest := self._decoder.decode(b"", final=True)):
            self._out.append(wire.Output(rest))
        self._decoder.reset()
        if self._welcomed or not self._v1:
            self._out.append(wire.PtyDisconnected(status.exit_code, status.reason))
        if self._v1:
            self._out.append(wire.Exit(status.exit_code, status.reason, status.code))

    def queue(self, message: wire.AgentMessage) -> bool:
        """Queue any other message. False when this guest does not know its type."""
        kind = type(message)
        if not self._v1 and kind not in _PLAIN:
            return False
        if (needs := _CAPABILITY.get(kind)) is not None and needs not in self._capabilities:
            return False
        self._out.append(message)
        return True

    def idle(self, seconds: float | None) -> None:
        """Warn that the session ends as idle in ``seconds``; None cancels that. A guest without
        the capability gets a notice, one of the plain dialect nothing."""
        if not self.queue(wire.Idle(seconds)) and seconds is not None:
            self.queue(wire.Notice(f"Idle: this session ends in {seconds:.0f} s", "warning"))

    @property
    def may_snapshot(self) -> bool:
        """Whether a snapshot may begin: the guest supports it, and has rendered the last one."""
        return (
            self._welcomed
            and wire.SNAPSHOT in self._capabilities
            and not self._screen_left
            and self._rendered >= self._screen_at
        )

    def snapshot(self, message: wire.Snapshot) -> None:
        """Announce a snapshot: its bytes follow, counted by ``screen()``. Output continues from
        ``message.at``, within the window of what the guest has rendered.

        Raises ValueError unless ``may_snapshot``, or when ``at`` is before the last position.
        """
        if not self.may_snapshot or message.at < self._sent:
            raise ValueError("No snapshot may be sent now")
        self._screen_at, self._screen_left = message.at, message.bytes
        self._out.append(message)
        if not message.bytes:
            self._sent = message.at
        self._move_limit()

    def screen(self, count: int) -> None:
        """Count the next ``count`` bytes of the snapshot as sent, at most wire.MAX_V1_MESSAGE.

        Raises ValueError when it has fewer.
        """
        if not 0 < count <= self._screen_left:
            raise ValueError("The snapshot has fewer bytes")
        self._screen_left -= count
        if not self._screen_left:
            self._sent = self._screen_at
            self._move_limit()

    def refuse(self, error: HatchwayError, now: float) -> bool:
        """Queue one error reply; False beyond the rate limit. ``now`` is in seconds of a monotonic
        clock."""
        self._errors = min(
            ERRORS_AT_ONCE, self._errors + (now - self._errors_at) * ERRORS_PER_SECOND
        )
        self._errors_at = now
        if self._errors < 1:
            return False
        self._errors -= 1
        self._out.append(wire.Error(str(error), error.code))
        return True


def _encoded(data: str) -> bytes:
    try:
        return data.encode()
    except UnicodeEncodeError:
        raise BadMessageError("Field 'data' holds an unpaired surrogate") from None
