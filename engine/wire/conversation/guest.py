"""The guest's end of the conversation over one data channel.

Owns the agent's dialect, which messages may come when, positions of output and input,
acknowledgements, and the state for a return. The page's conversation.js does the same.

An agent that knows hatchway.v1 answers hello with welcome before it connects a PTY;
another one may send an error about it, and sends its output as JSON. What an agent may
send, and when:

    ========================  ==================  ===========  =======
    message                   unknown             v1           plain
    ========================  ==================  ===========  =======
    welcome                   it is v1            refused      refused
    pty_connected             it is plain         taken        taken
    output                    taken               ignored      taken
    binary                    refused             taken        refused
    pty_disconnected          the end             ignored      the end
    exit                      the end             the end      ignored
    role, approval, notice    taken               taken        ignored
    ack, stats                ignored             taken        ignored
    idle, snapshot, size,     ignored             when agreed  ignored
    people, keyboard,
    recording, ice_offer,
    ice_answer
    error                     the first is held   taken        taken
    ping, pong                taken               taken        taken
    ========================  ==================  ===========  =======

*When agreed*: both ends list the capability of the message (wire.capability_of).

What was typed while the connection was lost is sent on return only if nobody else has typed
since and the loss is at most HELD_AFTER_SECONDS ago. Otherwise it is held, and the owner lets
the person choose between send_held() and discard_held().
"""

from __future__ import annotations

import codecs
import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from engine.core.errors import BadMessageError, LimitError, UnknownTypeError
from engine.core.model import Role, Size
from engine.wire import terminal as wire
from engine.wire.outbox import LIMIT, Outbox

HELD_AFTER_SECONDS = 30.0
"""How long after a loss waiting input is still sent without asking."""

GuestMessage = (
    wire.Hello
    | wire.Resize
    | wire.Ack
    | wire.Keep
    | wire.Close
    | wire.Pong
    | wire.AskKeyboard
    | wire.History
    | wire.Reveal
    | wire.IceOffer
    | wire.IceAnswer
)


class Dialect(enum.Enum):
    UNKNOWN = enum.auto()
    V1 = enum.auto()
    PLAIN = enum.auto()


class Stage(enum.Enum):
    STARTING = enum.auto()
    LIVE = enum.auto()
    """A program takes input."""
    LEAVING = enum.auto()
    """We sent close."""
    OVER = enum.auto()


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on both clocks, in seconds. The monotonic one may stand still while the machine
    sleeps, the wall clock may be set."""

    monotonic: float
    wall: float

    def age(self, now: Moment) -> float:
        """Seconds until ``now``: the larger of both clocks', never negative."""
        return max(0.0, now.monotonic - self.monotonic, now.wall - self.wall)


@dataclass(frozen=True, slots=True)
class Return:
    """The state that a guest carries from a lost connection to the next one."""

    token: str = ""
    """Empty when there is no session to resume."""
    received: int = 0
    was_live: bool = False
    outbox: Outbox = field(default_factory=Outbox)
    shell: str = ""
    """The shell that ``received`` is about; empty when the agent does not name shells."""
    lost: Moment | None = None
    """When the connection was lost: the first one since the last welcome."""
    held: bytes = b""
    """Input that waits for send_held() or discard_held()."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a guest says about itself in hello (see wire.Hello)."""

    name: str = ""
    guest: str = ""
    theme: wire.Theme | None = None
    features: tuple[str, ...] = ()


class GuestConversation:
    """One agent over one channel. ``open()`` first; ``leave()`` when the connection is lost.

    ``v1``: whether the channel requests hatchway.v1. A receive method that raises has
    changed nothing; log such a message.
    """

    def __init__(
        self,
        size: Size,
        *,
        v1: bool = True,
        capabilities: Collection[str] = (),
        before: Return | None = None,
        introduction: Introduction = Introduction(),
    ) -> None:
        before = before or Return()
        self._asks_v1 = v1
        self._own_capabilities = tuple(capabilities)
        self._introduction = introduction
        self._size = size
        self._dialect = Dialect.UNKNOWN if v1 else Dialect.PLAIN
        self._stage = Stage.STARTING
        self._opened = False
        self._agreed: frozenset[str] = frozenset()
        self._token = before.token
        self._was_live = before.was_live
        self._shell = before.shell
        self._lost = before.lost
        self._held = before.held
        self._participant = ""
        self._shell_size: Size | None = None
        self._keyboard: wire.Keyboard | None = None
        self._people: tuple[wire.Person, ...] = ()
        self._recording: wire.Recording | None = None
        self._resumed = False
        self._role = Role.CONTROL
        self._awaits_approval = False
        self._pending_error: wire.Error | None = None
        self._out: list[GuestMessage] = []
        self._received = before.received
        self._rendered = 0
        self._acked = 0
        self._ack_every = wire.ACK_EVERY
        self._screen_left = 0
        self._screen_at = 0
        self._outbox = before.outbox
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def is_v1(self) -> bool:
        """Whether the agent speaks hatchway.v1: it has sent welcome."""
        return self._dialect is Dialect.V1

    @property
    def is_live(self) -> bool:
        """Whether a program takes input."""
        return self._stage is Stage.LIVE

    @property
    def size(self) -> Size:
        """The size of this guest's own window."""
        return self._size

    @property
    def shell_size(self) -> Size | None:
        """The size of the shell at the end of what was received; None when the agent does not
        say it. It is the emulator's, whatever the size of the window."""
        return self._shell_size

    @property
    def shell(self) -> str:
        """The shell's id; empty when the agent does not name shells."""
        return self._shell

    @property
    def participant(self) -> str:
        """This guest's id in ``people``, ``keyboard.holder`` and the ``by`` of a size."""
        return self._participant

    @property
    def keyboard(self) -> wire.Keyboard | None:
        """Who may type; None while the agent has not said it."""
        return self._keyboard

    @property
    def may_type(self) -> bool:
        """Whether the agent takes input of this guest, as far as it has said: to be shown only.
        The agent decides."""
        keyboard = self._keyboard
        if keyboard is None or keyboard.state == "open":
            return self._role is Role.CONTROL
        return keyboard.state == "taken" and keyboard.holder == self._participant != ""

    @property
    def people(self) -> tuple[wire.Person, ...]:
        """Everybody attached to the shell, as the agent said last."""
        return self._people

    @property
    def recording(self) -> wire.Recording | None:
        """What the agent said last; None while it has not."""
        return self._recording

    @property
    def agreed(self) -> frozenset[str]:
        """The capabilities that both ends list; empty until welcome."""
        return self._agreed

    @property
    def held_input(self) -> bytes:
        """Input from before or during a loss, which is sent only by send_held(): known once
        welcome was received."""
        return self._held

    @property
    def role(self) -> Role:
        return self._role

    @property
    def token(self) -> str:
        """The token for a new offer that resumes this session; empty when there is none."""
        return self._token

    @property
    def resumed(self) -> bool:
        """Whether this is the program of the connection before; False until welcome."""
        return self._resumed

    @property
    def awaits_approval(self) -> bool:
        return self._awaits_approval

    @property
    def pending_error(self) -> wire.Error | None:
        """An error that may be about our hello; None once the dialect is known. If no terminal
        starts, it was about that."""
        return self._pending_error

    @property
    def rendered_to(self) -> int:
        """The output position that ``rendered()`` has reached."""
        return self._rendered

    def messages_to_send(self) -> Sequence[GuestMessage]:
        """The control messages to send now, in this order; empty when called again."""
        if not self._out:
            return ()
        out, self._out = self._out, []
        return out

    # From the owner.

    def introduce(self, introduction: Introduction) -> None:
        """What hello says of the guest; before ``open()``."""
        self._introduction = introduction

    def open(self) -> None:
        """The channel is open: queue the hello."""
        self._opened = True
        cols, rows = self._size.cols, self._size.rows
        if self._asks_v1:
            me = self._introduction
            self._out.append(
                wire.Hello(
                    cols,
                    rows,
                    self._received,
                    caps=self._own_capabilities,
                    name=me.name,
                    guest=me.guest,
                    theme=me.theme,
                    features=me.features,
                    shell=self._shell,
                )
            )
        else:
            self._out.append(wire.Resize(cols, rows))

    def resize(self, size: Size) -> None:
        if size == self._size:
            return
        self._size = size
        if self._opened and self._stage in (Stage.STARTING, Stage.LIVE):
            self._out.append(wire.Resize(size.cols, size.rows))

    def rendered(self, position: int) -> None:
        """All output before ``position`` is on the screen; for a snapshot, its ``at``."""
        position = self._rendered = max(self._rendered, min(position, self._received))
        if self._dialect is not Dialect.V1:
            return
        # A snapshot is acknowledged at once: the agent waits for it.
        if position - self._acked >= self._ack_every or self._acked < self._screen_at <= position:
            self._acked = position
            self._out.append(wire.Ack(position))

    def keep(self) -> None:
        """Queue a keep: the session must not end as idle."""
        self.request(wire.Keep())

    def request(
        self,
        message: wire.Keep
        | wire.AskKeyboard
        | wire.History
        | wire.Reveal
        | wire.IceOffer
        | wire.IceAnswer,
    ) -> bool:
        """Queue a message that needs a capability. False when it is not agreed, or all is over."""
        if self._stage is Stage.OVER or wire.capability_of(message) not in self._agreed:
            return False
        self._out.append(message)
        return True

    def type(self, data: bytes) -> None:
        """Queue input. Raises LimitError beyond outbox.LIMIT, what is held included."""
        if len(self._held) + self._outbox.waiting + len(data) > LIMIT:
            raise LimitError(f"More than {LIMIT // 2**20} MiB of input is waiting")
        self._outbox.push(data)

    def send_held(self) -> None:
        """Queue the held input, after what was typed since."""
        held, self._held = self._held, b""
        self._outbox.push(held)

    def discard_held(self) -> None:
        self._held = b""

    def next_input(self) -> str | bytes | None:
        """The next message of input; None while none may be sent."""
        if self._stage is not Stage.LIVE:
            return None
        if self._dialect is Dialect.V1:
            return self._outbox.next()
        while data := self._outbox.next(wire.JSON_CHUNK):
            # Nothing acknowledges plain input.
            self._outbox.take_sent()
            if text := self._decoder.decode(data):
                return wire.encode(wire.Input(text))
        return None

    def close(self) -> None:
        """Request the end of the session. No input is sent after it, so send what may be sent
        first."""
        if self._stage is not Stage.OVER:
            self._stage = Stage.LEAVING
        self._out.append(wire.Close())

    def leave(self, now: Moment | None = None) -> Return:
        """The connection is lost: returns the state for the next one. This object is then over."""
        # Half a snapshot is no screen: request everything again.
        received = 0 if self._screen_left else self._received
        outbox, self._outbox = self._outbox, Outbox()
        held, self._held = self._held, b""
        self._stage = Stage.OVER
        return Return(
            self._token,
            received,
            self._was_live,
            outbox,
            self._shell,
            # A connection that did not get as far as welcome ends no loss.
            self._lost or now,
            held,
        )

    # From the agent.

    def receive_bytes(self, data: bytes) -> int:
        """How many bytes at the start of ``data`` belong to the announced snapshot; the rest is
        output. Raises BadMessageError."""
        if self._dialect is not Dialect.V1:
            raise BadMessageError("A binary message came before welcome")
        screen = 0
        if self._screen_left:
            screen = min(self._screen_left, len(data))
            self._screen_left -= screen
            if not self._screen_left:
                self._received = self._screen_at
        self._received += len(data) - screen
        return screen

    def receive_text(self, text: str, *, away: float = 0.0) -> wire.AgentMessage | None:
        """The message, if the owner has to act on it; else None.

        ``away``: how many seconds ago the connection before this one was lost
        (``Return.lost``), used at welcome: look at ``held_input`` after it.

        Raises BadJSONError or BadMessageError.
        """
        message = wire.decode_agent(text)
        dialect = self._dialect
        match message:
            case None:
                return None
            case wire.Output():
                return None if dialect is Dialect.V1 else message
            case wire.Ack(bytes=count):
                if dialect is not Dialect.V1:
                    return None
                self._outbox.acknowledge(count)
                return message
            case wire.Ping():
                self._out.append(wire.Pong())
                return None
            case wire.Pong():
                return message
            case wire.Welcome() if dialect is Dialect.UNKNOWN:
                self._welcomed(message, away)
                return message
            case wire.Welcome():
                raise BadMessageError("welcome may only come once, before the terminal")
            case wire.PtyConnected():
                return message if self._connected() else None
            case wire.Error():
                return self._hold_error(message) if dialect is Dialect.UNKNOWN else message
            case wire.PtyDisconnected():
                # In hatchway.v1 exit follows, which says more.
                return message if dialect is not Dialect.V1 and self._ended() else None
            case _ if dialect is Dialect.PLAIN:
                return None
            case wire.Exit():
                return message if self._ended() else None
            case wire.RoleChanged(role=role):
                self._role = role
                return message
            case wire.Approval(state=state):
                self._awaits_approval = state == "waiting"
                return message
            case wire.Notice():
                return message
            case _ if dialect is Dialect.UNKNOWN:
                return None
            case wire.Stats():
                return message
            case _ if wire.capability_of(message) not in self._agreed:
                return None
            case wire.Snapshot():
                self._announced(message)
            case wire.SizeChanged(cols=cols, rows=rows):
                if self._screen_left:
                    raise BadMessageError("A size came in the middle of a snapshot")
                self._shell_size = Size(cols, rows)
            case wire.Keyboard():
                self._keyboard = message
            case wire.People(people=people):
                self._people = people
            case wire.Recording():
                self._recording = message
            case _:
                pass
        return message

    def _welcomed(self, message: wire.Welcome, away: float) -> None:
        self._dialect, self._pending_error = Dialect.V1, None
        self._agreed = frozenset(self._own_capabilities).intersection(message.capabilities)
        self._token, self._role = message.resume, message.role
        self._resumed = message.resumed
        self._ack_every = wire.ack_every(message.window)
        self._received = self._rendered = self._acked = self._screen_at = message.start
        self._participant = message.participant
        if message.cols and message.rows:
            self._shell_size = Size(message.cols, message.rows)
        is_other = bool(self._shell and message.shell and self._shell != message.shell)
        if (self._was_live and not message.resumed) or is_other:
            # Another program: it must not get input for the last one.
            self._outbox.restart()
            self._held = b""
        self._outbox.resume(message.taken, message.window)
        if message.typed or (self._lost is not None and away > HELD_AFTER_SECONDS):
            self._held += self._outbox.withdraw()
        self._shell, self._lost = message.shell, None

    def _connected(self) -> bool:
        """Whether a program takes input now."""
        if self._stage is Stage.STARTING:
            self._stage = Stage.LIVE
            if self._dialect is Dialect.UNKNOWN:
                self._dialect, self._pending_error = Dialect.PLAIN, None
                # The agent did not understand the hello, which had the size.
                self._out.append(wire.Resize(self._size.cols, self._size.rows))
            if self._dialect is Dialect.PLAIN and self._was_live:
                # Plain JSON cannot resume: this is always a new program.
                self._outbox.restart()
                self._held = b""
            self._was_live = True
        return self._stage is Stage.LIVE

    def _ended(self) -> bool:
        """Whether this is the first message about the end."""
        before, self._stage = self._stage, Stage.OVER
        return before is not Stage.OVER

    def _hold_error(self, error: wire.Error) -> wire.Error | None:
        """Hold an error that may be about our hello, while the dialect is unknown."""
        held = self._pending_error
        if held is None:
            self._pending_error = error
            return None
        if error.code == UnknownTypeError.code:
            return None
        if held.code == UnknownTypeError.code:
            return error
        # Unknown which of them was about the hello.
        return wire.Error(f"{held.message}; {error.message}", error.code)

    def _announced(self, message: wire.Snapshot) -> None:
        if self._screen_left:
            raise BadMessageError("A snapshot came before the last one was complete")
        if message.at < self._received:
            raise BadMessageError("Field 'at' is before the last position")
        self._screen_at, self._screen_left = message.at, message.bytes
        self._shell_size = Size(message.cols, message.rows)
        if not message.bytes:
            self._received = message.at
