"""What passes over the local socket, as frames: 4 bytes of length, big-endian, then msgpack.

No I/O. Commands, queries, results and events are nested as msgpack of their own: the type of a
result follows from its command, and a bad one does not spoil the frame around it.
"""

from __future__ import annotations

import struct
import typing
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from engine.control import commands, queries
from engine.core import errors, events
from engine.core.errors import BadMessageError, HatchwayError, LimitError, RemoteError
from engine.core.model import ParticipantKind, Role, Size

VERSION = 1
"""Of this protocol; both ends must have the same. Fields with defaults may be added without
another version."""
MAX_REQUEST = 256 * 1024
"""Bytes of a frame from a client, without its length."""
MAX_REPLY = 16 * 1024 * 1024
"""Bytes of a frame from the server, without its length."""
MAX_INPUT = 64 * 1024
"""Bytes that one Input carries."""

_LENGTH = struct.Struct(">I")
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Color = int


class _Message(msgspec.Struct, frozen=True, tag=True):
    pass


# From a client. ``id`` numbers its requests, ``terminal`` its terminals; it chooses both.


class Do(_Message, frozen=True):
    """Run a command; Done or Failed answers."""

    id: int
    command: msgspec.Raw


class Cancel(_Message, frozen=True):
    """Cancel a command that is under way; nobody waits for its answer any more."""

    id: int


class Ask(_Message, frozen=True):
    """A query; Done or Failed answers, before anything that happens later."""

    id: int
    query: msgspec.Raw


class Listen(_Message, frozen=True):
    """Whether to send events from now on, and whether this client answers approvals."""

    events: bool
    decides: bool


class Attach(_Message, frozen=True):
    """See ControlApi.attach; Attached or Failed answers."""

    id: int
    terminal: int
    shell_id: str
    role: Role
    kind: ParticipantKind
    name: str
    size: Size | None


class Input(_Message, frozen=True):
    terminal: int
    data: bytes


class Resize(_Message, frozen=True):
    terminal: int
    size: Size | None


class Rendered(_Message, frozen=True):
    terminal: int
    count: int


class Theme(_Message, frozen=True):
    """Colors as 0xRRGGBB."""

    terminal: int
    foreground: Color
    background: Color
    cursor: Color
    palette: tuple[Color, ...]


class Look(_Message, frozen=True):
    terminal: int
    cell: tuple[int, int]
    dark: bool


class CursorDefault(_Message, frozen=True):
    """``shape`` is the name of a CursorShape."""

    terminal: int
    shape: str
    blink: bool


class Redraw(_Message, frozen=True):
    terminal: int


class Detach(_Message, frozen=True):
    terminal: int


# From the server.


class Hello(_Message, frozen=True):
    """The first frame of a connection. A client of another ``version`` leaves.

    ``lasting``: see Instance.serve.
    """

    version: int
    lasting: bool = True


class Done(_Message, frozen=True):
    id: int
    result: msgspec.Raw


class Failed(_Message, frozen=True):
    """``kind`` is the class of the error in engine.core.errors, ``fields`` its own attributes."""

    id: int
    kind: str
    code: str
    text: str
    fields: dict[str, str | int] = {}


class Attached(_Message, frozen=True):
    id: int
    participant: str
    size: Size


class Published(_Message, frozen=True):
    """``kind`` is the class of the event in engine.core.events."""

    kind: str
    event: msgspec.Raw


class Output(_Message, frozen=True):
    terminal: int
    data: bytes


class Snapshot(_Message, frozen=True):
    """What follows draws the whole screen, in a terminal of this size."""

    terminal: int
    size: Size


class Ended(_Message, frozen=True):
    """The last message of a terminal."""

    terminal: int
    reason: str
    exit_code: int | None


class Refused(_Message, frozen=True):
    terminal: int
    reason: str


OfTerminal = Input | Resize | Rendered | Theme | Look | CursorDefault | Redraw | Detach
Request = Do | Cancel | Ask | Listen | Attach | OfTerminal
Answer = Done | Failed | Attached
Reply = Hello | Answer | Published | Output | Snapshot | Ended | Refused

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def frame(message: Request | Reply, most: int) -> bytes:
    """A message as it is sent. Raises LimitError when it has more than ``most`` bytes."""
    data = _encoder.encode(message)
    if len(data) > most:
        raise LimitError(f"{type(message).__name__} of {len(data)} bytes is too long")
    return _LENGTH.pack(len(data)) + data


def request(data: bytes) -> Request:
    """What a client sent. Raises BadMessageError."""
    try:
        return _requests.decode(data)
    except _BAD as error:
        raise BadMessageError(f"Not a request: {error}") from None


def reply(data: bytes) -> Reply:
    """What a server sent. Raises BadMessageError."""
    try:
        return _replies.decode(data)
    except _BAD as error:
        raise BadMessageError(f"Not a reply: {error}") from None


class Splitter:
    """Bytes in, whole frames out. Holds one frame of at most ``most`` bytes that is not whole."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes, in order, without their lengths.

        Raises BadMessageError when one is too long; the connection is of no use then.
        """
        held = self._held
        held += data
        found = []
        start = 0
        while len(held) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held, start)
            if length > self._most:
                raise BadMessageError(f"A frame of {length} bytes is too long")
            begin = start + _LENGTH.size
            if len(held) - begin < length:
                break
            found.append(bytes(held[begin : begin + length]))
            start = begin + length
        del held[:start]
        return found


# -- nested values


def leaves(root: type[Any]) -> list[type[Any]]:
    """The classes below ``root`` that have none below them."""
    below = root.__subclasses__()
    return [leaf for one in below for leaf in leaves(one)] if below else [root]


_command: msgspec.msgpack.Decoder[commands.Command[Any]] = msgspec.msgpack.Decoder(
    reduce(or_, leaves(commands.Command))
)
_query: msgspec.msgpack.Decoder[queries.Query[Any]] = msgspec.msgpack.Decoder(
    reduce(or_, leaves(queries.Query))
)
# By name, as the modules export them: a dataclass with slots replaces a class of the same name.
_events = {
    name: kind
    for name, kind in vars(events).items()
    if isinstance(kind, type) and issubclass(kind, events.Event)
}
_errors = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, HatchwayError)
}


def packed(value: object) -> msgspec.Raw:
    """A command, query, result or event, to be nested."""
    return msgspec.Raw(_encoder.encode(value))


def command(data: msgspec.Raw) -> commands.Command[Any]:
    """Raises BadMessageError."""
    try:
        return _command.decode(data)
    except _BAD as error:
        raise BadMessageError(f"Not a command: {error}") from None


def query(data: msgspec.Raw) -> queries.Query[Any]:
    """Raises BadMessageError."""
    try:
        return _query.decode(data)
    except _BAD as error:
        raise BadMessageError(f"Not a query: {error}") from None


def result(data: msgspec.Raw, asked: commands.Command[Any] | queries.Query[Any]) -> Any:
    """The result of a command or query. Raises BadMessageError."""
    (base,) = type(asked).__orig_bases__  # type: ignore[union-attr]
    (kind,) = typing.get_args(base)
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except _BAD as error:
        raise BadMessageError(f"Not a result of {type(asked).__name__}: {error}") from None


def published(event: events.Event) -> Published:
    return Published(type(event).__name__, packed(event))


def event(message: Published) -> events.Event | None:
    """The event; None when this version does not know it. Raises BadMessageError."""
    kind = _events.get(message.kind)
    try:
        return None if kind is None else msgspec.msgpack.decode(message.event, type=kind)
    except _BAD as error:
        raise BadMessageError(f"Not the event {message.kind}: {error}") from None


def failed(number: int, error: HatchwayError) -> Failed:
    fields = {key: value for key, value in vars(error).items() if isinstance(value, str | int)}
    return Failed(number, type(error).__name__, error.code, str(error), fields)


def error(message: Failed) -> HatchwayError:
    """The error, as the engine raised it; a RemoteError when this version does not know it."""
    kind = _errors.get(message.kind)
    if kind is None:
        return RemoteError(message.code, message.text)
    # As pickle does: each class has an __init__ of its own.
    made = kind.__new__(kind, message.text)
    made.__setstate__(dict(message.fields))
    return made
