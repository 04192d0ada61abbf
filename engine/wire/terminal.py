"""Messages of the ``terminal`` data channel: shapes, codecs, errors.

There are two dialects: plain JSON (always works), and ``hatchway.v1``, in which PTY
bytes are binary messages and control messages stay JSON. Every text message is one
JSON object with a ``type``. When each may be sent: engine.wire.conversation. Vectors
for Python and JavaScript are in ``tests/vectors/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast, get_args

import msgspec

from engine.core import lenient
from engine.core.errors import BadJSONError, BadMessageError, UnknownTypeError
from engine.core.model import MAX_DIMENSION, MIN_DIMENSION, Role
from engine.core.text import shown

LABEL = "terminal"
V1 = "hatchway.v1"
"""The data channel's ``protocol`` string that negotiates our extension."""

# Capabilities: each is used only when the other end lists it too (hello.caps,
# welcome.capabilities). capability_of() has the messages of each.
IDLE = "idle"
SNAPSHOT = "snapshot"
SIZE = "size"
PEOPLE = "people"
KEYBOARD = "keyboard"
RECORDING = "recording"
HISTORY = "history"
REVEAL = "reveal"
ICE = "ice"
MUTE = "mute"
"""A rule, not a message: the guest's emulator never answers queries, the agent does."""

PINNED = "pinned"
"""``Size.by`` when the host has pinned the size; no participant has this id."""
RESET = b"\x1bc"
"""What a snapshot begins with for a guest without SNAPSHOT: RIS, a full reset."""

MAX_TEXT_BYTES = 256 * 1024
"""The largest text message read; larger ones are answered with bad_message."""
MAX_V1_MESSAGE = 16 * 1024
"""Bytes in one hatchway.v1 message, either way."""
WINDOW = 256 * 1024
"""hatchway.v1: bytes that may be sent and not acknowledged, either way."""
ACK_EVERY = 16 * 1024
"""Bytes between two acknowledgements, either way; fewer if the window is small."""
JSON_CHUNK = 8 * 1024
"""Bytes in one plain input or output message: escaped to six times that, they fit in 64 KiB."""
MAX_NAME = 64
"""Characters of a person's name."""
MAX_PEOPLE = 128
"""People in one message: with long names it still fits in 64 KiB, the smallest limit of a
data channel."""
MAX_HISTORY = 100_000
"""Lines of history that one message may request."""
MAX_SDP = 64 * 1024
"""Characters in a session description."""
MAX_SHOWN_TYPE = 40
"""Characters of an unknown type that an error repeats."""

Cells = Annotated[int, msgspec.Meta(ge=MIN_DIMENSION, le=MAX_DIMENSION)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Bytes since the session began; exact in JavaScript."""
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]
Words = Annotated[tuple[_Word, ...], msgspec.Meta(max_length=64)]
"""Capabilities or features: words that an end knows. Unknown ones are ignored."""
_Id = Annotated[str, msgspec.Meta(max_length=200)]
_PersonName = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
_Nonce = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
_Identity = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{32})?$", max_length=32)]
_Color = Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$", max_length=7)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
_Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SDP)]


class _Message(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    pass


# guest → agent


class Input(_Message, tag="input", frozen=True):
    data: str


class Resize(_Message, tag="resize", frozen=True):
    cols: Cells
    rows: Cells


class Ping(_Message, tag="ping", frozen=True):
    """Either way under hatchway.v1; guest to agent in plain JSON. Answered by Pong."""


class Close(_Message, tag="close", frozen=True):
    """The guest ends the session and its processes."""


class ConnectPty(_Message, tag="connect_pty", frozen=True):
    """Connect a PTY when none is connected. The default size is the guest's last one."""

    container: _Name
    cols: Cells | None = None
    rows: Cells | None = None


class Theme(msgspec.Struct, frozen=True):
    """The colors of a guest's terminal, each ``#rrggbb``, to answer queries with."""

    foreground: _Color
    background: _Color
    cursor: _Color
    palette: Annotated[tuple[_Color, ...], msgspec.Meta(min_length=16, max_length=16)]
    """Black to white, then their bright forms."""


class Hello(_Message, tag="hello", frozen=True):
    """hatchway.v1, the guest's first message.

    ``received`` counts the output bytes of ``shell`` that a returning guest already has;
    output continues from there. With another shell's id it counts as 0. ``caps`` lists its
    capabilities beyond the first hatchway.v1, such as IDLE. ``name`` is what the person is
    called, untrusted text. ``guest`` is 128 random bits as 32 hex digits, which the guest
    makes once per host; empty when it has none. ``features`` says what its emulator can
    do: margins, rectangles, kitty_keyboard, sixel, images, sync, graphemes, osc52.
    """

    cols: Cells = 80
    rows: Cells = 24
    received: Count = 0
    version: int = 1
    caps: Words = ()
    name: _PersonName = ""
    guest: _Identity = ""
    theme: Theme | None = None
    features: Words = ()
    shell: _Id = ""


class Keep(_Message, tag="keep", frozen=True):
    """hatchway.v1 with the capability IDLE: do not end the session as idle."""


class Ack(_Message, tag="ack", frozen=True):
    """hatchway.v1. From the guest: output bytes *rendered*. From the agent: input
    bytes the PTY has taken. Totals since the session began, over all its channels."""

    bytes: Count


class AskKeyboard(_Message, tag="ask_keyboard", omit_defaults=False, frozen=True):
    """hatchway.v1 with KEYBOARD: request the keyboard; ``false`` withdraws that, or hands
    the keyboard back."""

    on: bool


class History(_Message, tag="history", frozen=True):
    """hatchway.v1 with HISTORY: request up to ``lines`` lines of history, which the snapshot
    at ``before`` left out. The answer is another snapshot: history, then screen."""

    before: Count
    lines: Annotated[int, msgspec.Meta(ge=1, le=MAX_HISTORY)]


class Reveal(_Message, tag="reveal", frozen=True):
    """hatchway.v1 with REVEAL: the nonce, 32 hex digits, whose SHA-256 was the offer's
    ``commit``."""

    nonce: _Nonce


class IceOffer(_Message, tag="ice_offer", frozen=True):
    """Either way under hatchway.v1 with ICE: the offer of an ICE restart."""

    sdp: _Sdp


class IceAnswer(_Message, tag="ice_answer", frozen=True):
    """Either way under hatchway.v1 with ICE: the answer to an IceOffer."""

    sdp: _Sdp


# agent → guest


class Ready(_Message, tag="ready", frozen=True):
    pass


class PtyConnected(_Message, tag="pty_connected", frozen=True):
    container: str


class Output(_Message, tag="output", frozen=True):
    data: str


class Pong(_Message, tag="pong", frozen=True):
    pass


class PtyDisconnected(_Message, tag="pty_disconnected", omit_defaults=False, frozen=True):
    exit_code: int | None = None
    reason: str = ""


class Error(_Message, tag="error", frozen=True):
    message: str
    code: str = ""


class Welcome(_Message, tag="welcome", frozen=True):
    """hatchway.v1, the agent's answer to Hello.

    ``resume`` is the token that resumes this session in a new offer with the same
    session id. ``window`` is how many bytes may be unacknowledged. ``start`` is the
    position at which output begins: the guest's ``received``, or more when older
    output is no longer stored and the screen was reset. ``taken`` counts the input
    bytes the session has had: a returning guest continues to send from there, so
    nothing comes twice and nothing is lost.

    Newer agents add: ``shell``, whose bytes the output positions count; ``participant``,
    this guest's id in People, SizeChanged and Keyboard; the shell's size at ``start``;
    ``typed``, whether the input of others entered the shell since this participant was lost.
    """

    session_id: str
    target: str
    role: Role
    resume: str
    window: int
    start: Count = 0
    resumed: bool = False
    capabilities: tuple[str, ...] = ()
    taken: Count = 0
    shell: _Id = ""
    participant: _Id = ""
    cols: Cells | None = None
    rows: Cells | None = None
    typed: bool = False


class Exit(_Message, tag="exit", omit_defaults=False, frozen=True):
    """hatchway.v1: the end. ``code`` is one of engine.core.model.EndCode; later versions may
    add more, older ones send none."""

    exit_code: int | None = None
    reason: str = ""
    code: str = ""


class Idle(_Message, tag="idle", omit_defaults=False, frozen=True):
    """hatchway.v1 with the capability IDLE: the session ends in ``seconds`` unless something
    is typed or printed, or Keep comes. ``null`` cancels the warning."""

    seconds: Annotated[float, msgspec.Meta(ge=0)] | None


class Approval(_Message, tag="approval", omit_defaults=False, frozen=True):
    """hatchway.v1: the host's approval is pending (waiting), allowed or denied."""

    state: Literal["waiting", "allowed", "denied"]


class RoleChanged(_Message, tag="role", frozen=True):
    role: Role


class Snapshot(_Message, tag="snapshot", frozen=True):
    """hatchway.v1 with the capability SNAPSHOT: the next ``bytes`` bytes of binary messages are
    the screen at the output position ``at``, as escape sequences for a new terminal of
    ``cols`` by ``rows``. They count in no position; output continues from ``at``."""

    at: Count
    cols: Cells
    rows: Cells
    bytes: Count
    left_out: Count = 0
    """Lines of history that it leaves out; a guest with HISTORY can request them."""


class SizeChanged(_Message, tag="size", frozen=True):
    """hatchway.v1 with SIZE: the shell has this size from this position of the output on.
    ``by`` is the participant whose window decides it, or PINNED."""

    cols: Cells
    rows: Cells
    by: _Id = ""


class Person(msgspec.Struct, frozen=True):
    """Somebody attached to the shell. ``kind`` is guest, host or tty; later versions may add
    more. ``name`` is untrusted text."""

    id: _Id
    name: _PersonName
    role: Role
    kind: _Word
    typing: bool = False


class People(_Message, tag="people", frozen=True):
    """hatchway.v1 with PEOPLE: everybody attached to the shell, this guest too."""

    people: Annotated[tuple[Person, ...], msgspec.Meta(max_length=MAX_PEOPLE)]


class Keyboard(_Message, tag="keyboard", frozen=True):
    """hatchway.v1 with KEYBOARD: who may type.

    ``open``: every controller; ``taken``: only ``holder``, a participant; ``frozen``: no
    guest. ``asked`` is this guest's own request, which may be repeated in ``again_in``
    seconds.
    """

    state: Literal["open", "taken", "frozen"]
    holder: _Id = ""
    asked: Literal["", "waiting", "denied"] = ""
    again_in: _Seconds = 0


class Recording(_Message, tag="recording", frozen=True):
    """hatchway.v1 with RECORDING: whether the shell is recorded, and since when: seconds since
    1970 by the host's clock, None when it is not."""

    on: bool
    since: _Seconds | None = None


class Notice(_Message, tag="notice", frozen=True):
    """A message from the host or about the session; ``level`` is info or warning."""

    text: str
    level: str = "info"


class Stats(_Message, tag="stats", frozen=True):
    bytes_in: Count
    bytes_out: Count
    rtt_ms: float | None = None


GuestMessage = Input | Resize | Ping | Close | ConnectPty
GuestMessageV1 = (
    Input
    | Resize
    | Ping
    | Pong
    | Close
    | ConnectPty
    | Hello
    | Ack
    | Keep
    | AskKeyboard
    | History
    | Reveal
    | IceOffer
    | IceAnswer
)
AgentMessage = (
    Ready
    | PtyConnected
    | Output
    | Pong
    | Ping
    | PtyDisconnected
    | Error
    | Welcome
    | Exit
    | Idle
    | Approval
    | RoleChanged
    | Snapshot
    | SizeChanged
    | People
    | Keyboard
    | Recording
    | IceOffer
    | IceAnswer
    | Notice
    | Stats
    | Ack
)

_CAPABILITIES: Mapping[type, str] = {
    Idle: IDLE,
    Keep: IDLE,
    Snapshot: SNAPSHOT,
    SizeChanged: SIZE,
    People: PEOPLE,
    Keyboard: KEYBOARD,
    AskKeyboard: KEYBOARD,
    Recording: RECORDING,
    History: HISTORY,
    Reveal: REVEAL,
    IceOffer: ICE,
    IceAnswer: ICE,
}
# Not Snapshot and SizeChanged, which have a position in the output. Ready and Welcome come before
# all output, and before what they agree on: other urgent messages must not overtake them.
_URGENT = (
    Ready,
    Welcome,
    Ping,
    Pong,
    Ack,
    RoleChanged,
    Notice,
    Stats,
    Idle,
    Keep,
    People,
    Keyboard,
    AskKeyboard,
    Recording,
    History,
    IceOffer,
    IceAnswer,
)

_encoder = msgspec.json.Encoder()
_guest: msgspec.json.Decoder[GuestMessage] = msgspec.json.Decoder(GuestMessage)
_guest_v1: msgspec.json.Decoder[GuestMessageV1] = msgspec.json.Decoder(GuestMessageV1)
_agent: msgspec.json.Decoder[AgentMessage] = msgspec.json.Decoder(AgentMessage)


def _by_type(union: Any) -> dict[str, type[Any]]:
    return {str(kind.__struct_config__.tag): kind for kind in get_args(union)}


_GUEST, _GUEST_V1, _AGENT = map(_by_type, (GuestMessage, GuestMessageV1, AgentMessage))

T = TypeVar("T")


def ack_every(window: int) -> int:
    """How many bytes may pass between two acknowledgements within ``window``."""
    return max(1, min(ACK_EVERY, window // 16))


def encode(message: _Message) -> str:
    try:
        return _encoder.encode(message).decode()
    except UnicodeEncodeError:
        # Ids from others may hold an unpaired surrogate, which JSON can write as \uXXXX.
        return json.dumps(msgspec.to_builtins(message))


def capability_of(message: _Message) -> str:
    """The capability that both ends must list for a message; empty when it needs none."""
    return _CAPABILITIES.get(type(message), "")


def may_overtake(message: _Message) -> bool:
    """Whether a message may be sent before earlier output and input.

    Such a message need not queue behind a flood; all others stay in order.
    """
    return isinstance(message, _URGENT)


def decode_guest(text: str, *, v1: bool) -> GuestMessageV1:
    """A message from a guest. Raises BadJSONError, BadMessageError or UnknownTypeError."""
    if v1:
        return _decode(_guest_v1, _GUEST_V1, text, liberal=False)
    return _decode(_guest, _GUEST, text, liberal=False)


def decode_agent(text: str) -> AgentMessage | None:
    """A message from an agent, possibly a foreign one: an invalid optional field counts as
    absent; an unknown type returns None.

    Raises BadJSONError or BadMessageError.
    """
    try:
        return _decode(_agent, _AGENT, text, liberal=True)
    except UnknownTypeError:
        return None


def _decode(
    decoder: msgspec.json.Decoder[T], kinds: Mapping[str, type[Any]], text: str, *, liberal: bool
) -> T:
    if len(text) > MAX_TEXT_BYTES:
        raise BadMessageError(f"The message is longer than {MAX_TEXT_BYTES} characters")
    try:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError:
            # msgspec stops at the first error; the rest may not even be JSON.
            fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        # An unpaired surrogate cannot be encoded; too deep nesting cannot be parsed.
        raise BadJSONError("The message is not valid JSON") from None
    if not isinstance(fields, dict):
        raise BadMessageError("The message must be a JSON object")
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise BadMessageError("Field 'type' is missing or not a string")
    if kind not in kinds:
        raise UnknownTypeError(f"Unknown message type '{shown(kind, MAX_SHOWN_TYPE)}'")
    strict = frozenset() if liberal else frozenset(fields)
    try:
        return cast("T", lenient.read(kinds[kind], fields, strict=strict))
    except lenient.FieldError as error:
        raise BadMessageError(str(error)) from None
