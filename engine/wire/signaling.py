"""Signaling payloads over Socket.IO: what may come in, what goes back.

Owns the shapes and their validation. Does not own routing (the relay) or what
an offer leads to (the handlers). Sizes are bounded here so that no later layer
sees an unbounded field. Peers of another make are read by the rule of
engine.core.lenient; ``correlation_id`` is theirs and only ever echoed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from engine.core import lenient
from engine.core.errors import BadRequestError
from engine.core.model import MAX_DIMENSION, MIN_DIMENSION

if TYPE_CHECKING:
    from engine.core.errors import HatchwayError

OFFER = "webrtc:offer"
ANSWER = "webrtc:answer"
ICE = "webrtc:ice"
DISCONNECT = "webrtc:disconnect"
HEARTBEAT = "heartbeat"
REGISTER = "agent:register"
TARGETS = "guest:targets"
CHALLENGE = "agent:challenge"
ICE_SERVERS = "ice:servers"

MAX_ID_LENGTH = 200
"""Characters in a session id, and in ids of our own making."""
MAX_SDP_LENGTH = 64 * 1024
"""Characters in a session description; a data-channel one has about 1,500."""
MAX_CANDIDATE_LENGTH = 1024
"""Characters in one candidate line; real ones stay under 200."""
MAX_TARGETS = 1000
"""Shared targets one agent may register."""

MAX_LINKS = 1200
"""Links one agent may register, ended ones included."""
MAX_DEPTH = 100
"""Objects and lists within each other. Socket.IO's packets are walked by recursion, so
that an answer that echoes deeper ones could not be sent."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
_OptionalId = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None
_Text = Annotated[str, msgspec.Meta(max_length=MAX_CANDIDATE_LENGTH)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]
_Device = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CANDIDATE_LENGTH)]
_Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SDP_LENGTH)]
_Cells = Annotated[int, msgspec.Meta(ge=MIN_DIMENSION, le=MAX_DIMENSION)]


class Proof(msgspec.Struct, frozen=True):
    """Possession of a share's secret: ``mac`` is hex HMAC-SHA256 (see engine.wire.proof)."""

    share: _Id
    nonce: _Id
    mac: _Id


class Offer(msgspec.Struct, frozen=True):
    """guest → relay → agent. The agent's acknowledgement carries the answer."""

    session_id: _Id
    device_id: _Device
    sdp: _Sdp
    sdp_type: Literal["offer"]
    correlation_id: Any = None
    cols: _Cells | None = None
    rows: _Cells | None = None
    resume: _OptionalId = None
    # Not lenient: who came with a link is told that it did not work, and never
    # let in as somebody without one.
    proof: Proof | None = None
    # Which agent, where several are connected; else the relay finds the device.
    agent_id: _OptionalId = None
    # Stamped by the relay, never believed further than for showing.
    guest_name: _Text | None = None
    guest_address: _Text | None = None
    guest_browser: _Text | None = None


class Ice(msgspec.Struct, frozen=True):
    """Either way. ``candidate`` of None or "" says that no more will come."""

    session_id: _Id
    candidate: _Text | None
    sdp_mid: _Text | None = None
    sdp_mline_index: Annotated[int, msgspec.Meta(ge=0, le=64)] | None = None
    correlation_id: Any = None


class Disconnect(msgspec.Struct, frozen=True):
    """guest or relay → agent."""

    session_id: _Id
    reason: _Text | None = None
    correlation_id: Any = None


class SharedTarget(msgspec.Struct, frozen=True):
    """What guests may be shown of one target. ``id`` is the ``device_id`` of an offer."""

    id: _Id
    kind: _Word = ""
    name: _Text = ""
    state: _Word = ""


class OpenLink(msgspec.Struct, frozen=True):
    """What a relay is told of a link: enough to let its holder ask, nothing to open it with."""

    id: _Id
    target: _Id
    kind: _Word = ""
    name: _Text = ""
    state: _Word = ""
    role: _Word = "control"
    approval: bool = False
    # What recognizes a guest who holds the link's secret (engine.wire.proof.relay_access);
    # none for a link that has ended, and from hosts that know nothing of it.
    access: _Text | None = None


class Register(msgspec.Struct, frozen=True):
    """agent → relay, after every connect and when the shared targets or links change."""

    agent_id: _Id
    name: _Text = ""
    targets: tuple[SharedTarget, ...] = ()
    links: tuple[OpenLink, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """What every acknowledgement has in common."""

    status: Literal["success", "warning", "error"]
    error: _Text | None = None
    code: _Word | None = None


class Answer(msgspec.Struct, frozen=True):
    """agent → relay → guest: the successful acknowledgement of an offer."""

    sdp: _Sdp
    sdp_type: Literal["answer"]


T = TypeVar("T", Offer, Ice, Disconnect, Register, Reply, Answer)

_STRICT = frozenset({"proof"})
_ROWS: dict[str, tuple[type[SharedTarget] | type[OpenLink], int]] = {
    "targets": (SharedTarget, MAX_TARGETS),
    "links": (OpenLink, MAX_LINKS),
}


def parse(kind: type[T], payload: object) -> T:
    """The payload as a ``kind``, read by the rule of engine.core.lenient.

    Raises BadRequestError naming the field that is missing, mistyped or too long.
    """
    if not isinstance(payload, dict):
        raise BadRequestError(f"The payload must be an object, not {_type_name(payload)}")
    try:
        message = lenient.read(kind, payload, strict=_STRICT)
    except lenient.FieldError as error:
        raise BadRequestError(str(error)) from None
    if isinstance(message, Register):
        # One row that cannot be read costs no other its place.
        rows = {name: _rows(payload, name) for name in _ROWS}
        return msgspec.structs.replace(message, **rows)
    if isinstance(message, Offer | Ice | Disconnect):
        return msgspec.structs.replace(message, correlation_id=correlation_of(payload))
    return message


def _rows(payload: dict[str, object], name: str) -> tuple[Any, ...]:
    kind, most = _ROWS[name]
    rows = lenient.read_all(kind, payload.get(name))
    if len(rows) > most:
        raise BadRequestError(f"Field '{name}' has more than {most} rows")
    return rows


def _type_name(value: object) -> str:
    return "null" if value is None else type(value).__name__


def correlation_of(payload: object) -> Any:
    """The ``correlation_id`` of an unvalidated payload: any JSON value, None without one."""
    value = payload.get("correlation_id") if isinstance(payload, dict) else None
    return value if value is None or is_plain(value) else None


def is_plain(value: object) -> bool:
    """Whether JSON can carry a value on as it is, and Socket.IO's packets too.

    Attachments are packets of their own, which others could come between; a
    browser's parser refuses NaN.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            break
    else:
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def field_of(payload: object, name: str) -> str | None:
    """A short string field of an unvalidated payload, for echoing it in an error reply."""
    value = payload.get(name) if isinstance(payload, dict) else None
    return value if isinstance(value, str) and len(value) <= MAX_ID_LENGTH else None


def accepted(action: str, payload: object, **extra: Any) -> dict[str, Any]:
    """A success reply to a payload that need not be about a session."""
    ids = correlation_of(payload), field_of(payload, "session_id")
    return _reply(action, *ids, "success", **extra)


def success(action: str, message: Offer | Ice | Disconnect, **extra: Any) -> dict[str, Any]:
    return _reply(action, message.correlation_id, message.session_id, "success", **extra)


def warning(action: str, message: Offer | Ice | Disconnect, **extra: Any) -> dict[str, Any]:
    return _reply(action, message.correlation_id, message.session_id, "warning", **extra)


def failure(action: str, payload: object, error: HatchwayError) -> dict[str, Any]:
    """The error reply for whatever came, valid or not: ids are echoed where they can be read."""
    return _reply(
        action,
        correlation_of(payload),
        field_of(payload, "session_id"),
        "error",
        error=str(error),
        code=error.code,
    )


def _reply(
    action: str, correlation_id: Any, session_id: str | None, status: str, **extra: Any
) -> dict[str, Any]:
    return {
        "action": action,
        "correlation_id": correlation_id,
        "status": status,
        "session_id": session_id,
        **extra,
    }
