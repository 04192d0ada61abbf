"""The agent's end of the conversation over one data channel.

Owns the dialect, what may be said when, both windows, acknowledgements, and the
error answers with their rate. Does not own the queue towards the program (its owner
keeps input in order), the channel, or the meaning of what a guest asks for.

What a guest may say, and when:

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
"""Error answers: a burst, then a trickle; more are dropped, the channel stays up."""

AgentEvent = bytes | wire.Hello | wire.Resize | wire.ConnectPty | wire.Close | wire.Ack | wire.Keep
"""What a guest's text message asks of the owner; ``bytes`` is input of the plain dialect."""

_PLAIN = frozenset(
    {wire.Ready, wire.PtyConnected, wire.Output, wire.Pong, wire.PtyDisconnected, wire.Error}
)
"""All that a guest of the plain dialect is sent."""
_CAPABILITY: dict[type, str] = {wire.Idle: wire.IDLE, wire.Snapshot: wire.SNAPSHOT}
"""Messages that only a guest with the capability is sent."""


class Phase(enum.Enum):
    GREETING = enum.auto()
    """hatchway.v1: the guest has not said anything that has its place in the order."""
    OPEN = enum.auto()
    LEAVING = enum.auto()
    """The guest said close: nothing that it says later is for the program."""


class AgentConversation:
    """One guest over one channel; a guest that returns begins another one.

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
        """Whether a hello is no longer awaited."""
        return self._phase is not Phase.GREETING

    @property
    def hello(self) -> wire.Hello:
        """The guest's, or one of defaults when it said none."""
        return self._hello

    @property
    def capabilities(self) -> frozenset[str]:
        """What the guest's hello listed; empty for older clients."""
        return self._capabilities

    def messages_to_send(self) -> Sequence[wire.AgentMessage]:
        """What is to be sent now, in this order; empty when called again."""
        if not self._out:
            return ()
        out, self._out = self._out, []
        return out

    # What the guest says.

    def receive_text(self, text: str) -> AgentEvent | None:
        """What a message asks of the owner; None: nothing. Input queues no message to send.

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
        """A message with a place in the order: no hello may come after it."""
        self._phase = Phase.OPEN
        return message

    def receive_bytes(self, data: bytes) -> bool:
        """Input; False when it came after close and is for nobody. Raises BadMessageError."""
        if not self._v1:
            raise BadMessageError(f"Binary messages need the data channel protocol {wire.V1!r}")
        if len(data) > wire.MAX_TEXT_BYTES:
            raise BadMessageError("The binary message is too long")
        if self._phase is Phase.GREETING:
            self._phase = Phase.OPEN
        return self._phase is Phase.OPEN

    def no_hello(self) -> None:
        """The guest has taken too long to say hello: it is one without capabilities."""
        if self._phase is Phase.GREETING:
            self._phase = Phase.OPEN

    def _acknowledge(self, count: int) -> None:
        if count > self._sent:
            raise BadMessageError("Field 'bytes' acknowledges more than was sent")
        if count > self._rendered:
            self._rendered = count
            self._move_limit()

    def _move_limit(self) -> None:
        """Up to where output may be sent: nowhere while a snapshot is under way."""
        self._limit = 0 if self._screen_left else self._rendered + self._window

    # What the owner says.

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

        False while they do not fit into the window, or a snapshot is under way: nothing is
        counted then, and an ack, or the snapshot's end, changes it.
        """
        if self._sent + count > self._limit:
            return False
        self._sent += count
        return True

    def plain_output(self, data: bytes) -> str:
        """The plain dialect: the message for ``data``, at most wire.JSON_CHUNK bytes; empty when
        the rest of a character is still to come."""
        text = self._decoder.decode(data)
        return wire.encode(wire.Output(text)) if text else ""

    def taken(self, position: int) -> None:
        """The program has taken all input before ``position``, or it was refused."""
        if self._v1 and position - self._input_acked >= self._ack_every:
            self._input_acked = position
            self._out.append(wire.Ack(position))

    def ended(self, status: ExitStatus) -> None:
        """The program has ended, or the session has; all output was sent before."""
        if not self._v1 and (rest := self._decoder.decode(b"", final=True)):
            self._out.append(wire.Output(rest))
        self._decoder.reset()
        if self._welcomed or not self._v1:
            self._out.append(wire.PtyDisconnected(status.exit_code, status.reason))
        if self._v1:
            self._out.append(wire.Exit(status.exit_code, status.reason, status.code))

    def say(self, message: wire.AgentMessage) -> bool:
        """Queue any other message. False when this guest does not know its kind."""
        kind = type(message)
        if not self._v1 and kind not in _PLAIN:
            return False
        if (needs := _CAPABILITY.get(kind)) is not None and needs not in self._capabilities:
            return False
        self._out.append(message)
        return True

    def idle(self, seconds: float | None) -> None:
        """The session ends in ``seconds`` for being idle; None: no longer. A guest without the
        capability gets a notice; one of the plain dialect nothing."""
        if not self.say(wire.Idle(seconds)) and seconds is not None:
            self.say(wire.Notice(f"Idle: this session ends in {seconds:.0f} s", "warning"))

    @property
    def may_snapshot(self) -> bool:
        """Whether a snapshot may begin: the guest knows them, and has rendered the last one."""
        return (
            self._welcomed
            and wire.SNAPSHOT in self._capabilities
            and not self._screen_left
            and self._rendered >= self._screen_at
        )

    def snapshot(self, message: wire.Snapshot) -> None:
        """Announce a snapshot: its bytes follow, counted by ``screen()``. Output goes on from
        ``message.at``, within the window of what the guest has rendered.

        Raises ValueError unless ``may_snapshot``, or when ``at`` goes back.
        """
        if not self.may_snapshot or message.at < self._sent:
            raise ValueError("No snapshot may be sent now")
        self._screen_at, self._screen_left = message.at, message.bytes
        self._out.append(message)
        if not message.bytes:
            self._sent = message.at
        self._move_limit()

    def screen(self, count: int) -> None:
        """The next ``count`` bytes of the snapshot are sent, at most wire.MAX_V1_MESSAGE.

        Raises ValueError when it has fewer.
        """
        if not 0 < count <= self._screen_left:
            raise ValueError("The snapshot has fewer bytes")
        self._screen_left -= count
        if not self._screen_left:
            self._sent = self._screen_at
            self._move_limit()

    def refuse(self, error: HatchwayError, now: float) -> bool:
        """Answer with one error; False beyond the rate. ``now`` in seconds, of any clock that
        never goes back."""
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
        raise BadMessageError("Field 'data' holds half a surrogate pair") from None
