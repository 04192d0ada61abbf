"""The agent's end of the conversation over one data channel.

Owns the dialect, which messages may come when, both windows, acknowledgements, positions, and
the error replies with their rate limit. Its owner queues input and acts on requests.

The owner knows output by its position in the shell's log only. After welcome it sends one
ordered sequence of output, sizes and snapshots; where a guest does not know snapshots they go
as output (engine.wire.conversation.positions). Before it sends bytes that this object has
counted, it sends the messages that are queued.

What a guest may send, and when:

    ====================================  ===================  =======  ========
    message                               greeting (v1 only)   open     leaving
    ====================================  ===================  =======  ========
    hello                                 taken                refused  refused
    ping, pong, ack                       taken                taken    taken
    input, resize, connect_pty, keep      taken: no hello now  taken    ignored
    ask_keyboard, history, reveal,        ignored              when     ignored
    ice_offer, ice_answer                                      listed
    close                                 taken: leaving now   taken    ignored
    ====================================  ===================  =======  ========

*When listed*: the guest's hello has the capability of the message (wire.capability_of). The
same holds for what the agent sends.
"""

from __future__ import annotations

import codecs
import enum
from collections.abc import Sequence

import msgspec

from engine.core.errors import BadMessageError, HatchwayError
from engine.core.model import ExitStatus
from engine.wire import terminal as wire
from engine.wire.conversation.positions import Positions, Stretch

ERRORS_AT_ONCE = 20
ERRORS_PER_SECOND = 5.0
"""Rate limit of error replies: a burst, then a steady rate; the rest is dropped."""

AgentEvent = (
    bytes
    | wire.Hello
    | wire.Resize
    | wire.ConnectPty
    | wire.Close
    | wire.Ack
    | wire.Keep
    | wire.AskKeyboard
    | wire.History
    | wire.Reveal
    | wire.IceOffer
    | wire.IceAnswer
)
"""What a guest's text message requests; ``bytes`` is input of the plain dialect. An Ack has a
position of the log."""

_PLAIN = frozenset(
    {wire.Ready, wire.PtyConnected, wire.Output, wire.Pong, wire.PtyDisconnected, wire.Error}
)
"""The messages that a guest of the plain dialect may be sent."""


class Phase(enum.Enum):
    GREETING = enum.auto()
    """hatchway.v1: no hello yet, nor a message that it would have to precede."""
    OPEN = enum.auto()
    LEAVING = enum.auto()
    """The guest sent close: later input is ignored."""


class AgentConversation:
    """One guest over one channel; a returning guest gets a new one, with the ``positions`` of the
    one before.

    A receive method that raises has changed nothing: answer with ``refuse(error, now)``.
    """

    def __init__(self, *, v1: bool, positions: Positions | None = None) -> None:
        self._v1 = v1
        self._phase = Phase.GREETING if v1 else Phase.OPEN
        self._hello = wire.Hello()
        self._capabilities: frozenset[str] = frozenset()
        self._welcomed = False
        self._out: list[wire.AgentMessage] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._window = 0  # until welcome
        # Positions of the guest, not of the log.
        self._positions = positions or Positions()
        self._sent = 0
        self._rendered = 0
        self._rendered_log = 0
        self._limit = 0  # output may be sent up to this position
        self._needs_screen = False  # nothing may be sent before a snapshot
        self._screen_left = 0
        self._screen_end = 0  # rendered: the guest has the last snapshot
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
                return wire.Ack(self.rendered_to)
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
            case wire.Keep() | wire.Resize() | wire.ConnectPty():
                return self._in_order(message)
            case _:
                self._phase = Phase.OPEN
                return message if self._knows(message) else None

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

    def _knows(self, message: wire.AgentMessage | wire.GuestMessageV1) -> bool:
        """Whether the guest lists the capability that a message needs, if any."""
        needs = wire.capability_of(message)
        return not needs or needs in self._capabilities

    def _acknowledge(self, count: int) -> None:
        if count > self._sent:
            raise BadMessageError("Field 'bytes' acknowledges more than was sent")
        if count > self._rendered:
            self._rendered = count
            self._move_rendered()
            self._move_limit()

    def _move_rendered(self) -> None:
        """Update the log position that the guest has rendered."""
        if self._draws:
            position = self._rendered
        elif self._needs_screen:
            position = 0
        elif self._has_screen:
            position = max(self._positions.rendered(self._rendered), self._positions.now.log)
        else:
            position = self._positions.rendered(self._rendered)
        self._rendered_log = max(self._rendered_log, position)

    def _move_limit(self) -> None:
        """Update up to where output may be sent: none while a snapshot is under way."""
        waits = self._needs_screen or self._screen_left
        self._limit = 0 if waits else self._rendered + self._window

    # From the owner.

    def ready(self) -> None:
        self._out.append(wire.Ready())

    def received(self, shell: str, end: int) -> int | None:
        """From which log position a guest that said hello needs the output of ``shell``, whose
        log ends at ``end``. None: it needs a snapshot, because its position is unknown.
        """
        position = self._received(shell)
        if self._draws:
            return position if position <= end else None
        found = self._positions.log_position(position)
        return found if found is not None and found <= end else None

    def _received(self, shell: str) -> int:
        hello = self._hello
        return 0 if hello.shell and shell and hello.shell != shell else hello.received

    @property
    def _draws(self) -> bool:
        """Whether the guest knows snapshots, so that its positions are the log's."""
        return wire.SNAPSHOT in self._capabilities

    def welcome(self, message: wire.Welcome, *, screen_first: bool = False) -> None:
        """hatchway.v1: output begins at the log position ``message.start``, within
        ``message.window``; what is sent has the guest's position for it.

        ``screen_first``: no output before a snapshot, which must be at ``message.start`` or
        later. Raises ValueError when only that is possible (see ``received``).
        """
        received, start = self._received(message.shell), message.start
        if self._draws:
            position = min(received, start) if screen_first else start
        elif screen_first:
            position = received
        elif (continued := self._positions.log_position(received)) is None:
            raise ValueError("The guest needs a snapshot first")
        else:
            # Later than what it has if the log is shorter, and its screen was reset.
            position = max(0, received + start - continued)
            self._positions = Positions(Stretch(position, start))
        self._welcomed = True
        self._needs_screen = screen_first
        self._window = message.window
        self._sent = self._rendered = self._screen_end = position
        self._move_rendered()
        self._move_limit()
        self._input_acked = message.taken
        self._ack_every = wire.ack_every(message.window)
        self._out.append(msgspec.structs.replace(message, start=position))

    def connected(self, container: str) -> None:
        self._out.append(wire.PtyConnected(container))

    @property
    def positions(self) -> Positions:
        """How the guest's positions lie to the log's, for its next connection."""
        return self._positions

    @property
    def rendered_to(self) -> int:
        """hatchway.v1: the log position before which the guest has rendered all output, as far as
        it says. Half a snapshot is nothing; 0 when nothing is known."""
        return self._rendered_log

    def output(self, count: int) -> bool:
        """hatchway.v1: count the next ``count`` bytes of the log as sent, one message.

        False while they do not fit into the window, or a snapshot must come or end first: then
        nothing is counted; try again after an ack, or at the snapshot's end.
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
        """Queue any other message. False when this guest does not know its type.

        Raises ValueError for a size in the middle of a snapshot.
        """
        if not self._v1 and type(message) not in _PLAIN:
            return False
        if not self._knows(message):
            return False
        if self._screen_left and isinstance(message, wire.SizeChanged):
            raise ValueError("No size may be sent in the middle of a snapshot")
        self._out.append(message)
        return True

    def idle(self, seconds: float | None) -> None:
        """Warn that the session ends as idle in ``seconds``; None cancels that. A guest without
        the capability gets a notice, one of the plain dialect nothing."""
        if not self.queue(wire.Idle(seconds)) and seconds is not None:
            self.queue(wire.Notice(f"Idle: this session ends in {seconds:.0f} s", "warning"))

    @property
    def may_snapshot(self) -> bool:
        """Whether a snapshot may begin: none is under way, and the guest has rendered the last one
        (one of the plain dialect does not say that)."""
        return self._has_screen if self._v1 else not self._screen_left

    @property
    def _has_screen(self) -> bool:
        """hatchway.v1: whether the guest has rendered the last snapshot, if any."""
        unrendered = self._screen_end - self._rendered
        # One that does not know snapshots acknowledges their end as any output: only once there
        # is enough, which may be never.
        most = 0 if self._draws else self._ack_every - 1
        return self._welcomed and not self._screen_left and unrendered <= most

    def snapshot(self, message: wire.Snapshot) -> bytes:
        """Begin a snapshot. Returns what goes before its bytes: nothing for a guest that knows
        snapshots, else wire.RESET, and then all of it is output.

        Send these and then ``message.bytes`` bytes, counted by ``screen()``. The log continues
        from ``message.at``, within the window of what the guest has rendered.

        Raises ValueError unless ``may_snapshot``, or when ``at`` is before the last position.
        """
        if not self.may_snapshot:
            raise ValueError("No snapshot may be sent now")
        if not self._v1:
            # The rest of a character that the snapshot replaces does not come.
            self._decoder.reset()
            self._screen_left = len(wire.RESET) + message.bytes
            return wire.RESET
        sent = self._sent_to
        if sent is not None and message.at < sent:
            raise ValueError("A snapshot cannot go back")
        self._needs_screen = False
        if self._draws:
            lead = b""
            self._out.append(message)
            self._screen_end = message.at
        else:
            lead = wire.RESET
            count = len(lead) + message.bytes
            self._screen_end = self._sent + count
            self._positions = self._positions.snapshot(self._sent, count, message.at)
        self._screen_left = len(lead) + message.bytes
        if not self._screen_left:
            self._sent = self._screen_end
        self._move_limit()
        return lead

    @property
    def _sent_to(self) -> int | None:
        """The log position after what was sent; None when that is unknown."""
        if self._draws:
            return self._sent
        return None if self._needs_screen else self._positions.log_position(self._sent)

    def screen(self, count: int) -> bool:
        """Count the next ``count`` bytes of the snapshot as sent, at most wire.MAX_V1_MESSAGE.

        False while they do not fit into the window, as with ``output()``; only a guest that
        does not know snapshots has one for them. Raises ValueError when it has fewer.
        """
        if not 0 < count <= self._screen_left:
            raise ValueError("The snapshot has fewer bytes")
        if not self._v1:
            self._screen_left -= count
            return True
        if not self._draws:
            if self._sent + count > self._rendered + self._window:
                return False
            self._sent += count
        self._screen_left -= count
        if not self._screen_left:
            self._sent = self._screen_end
            self._move_rendered()
            self._move_limit()
        return True

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
