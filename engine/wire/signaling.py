"""Signaling payloads over Socket.IO: shapes, validation and replies.

Every size is bounded here, so that no later layer sees an unbounded field. Payloads
of foreign peers are read by the rule of engine.core.lenient; ``correlation_id`` is
opaque and only echoed.
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
"""Characters in a session id, and in ids that we make."""
MAX_SDP_LENGTH = 64 * 1024
"""Characters in a session description; one for a data channel has about 1,500."""
MAX_CANDIDATE_LENGTH = 1024
"""Characters in one candidate line; real ones stay under 200."""
MAX_TARGETS = 1000
"""Shared targets one agent may register."""

MAX_LINKS = 1200
"""Links one agent may register, ended ones included."""
MAX_DEPTH = 100
"""Nesting of objects and lists. Socket.IO walks packets recursively, so a reply that
echoes deeper values could not be sent."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
_OptionalId = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None
_Text = Annotated[str, msgspec.Meta(max_length=MAX_CANDIDATE_LENGTH)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]
_Device = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CANDIDATE_LENGTH)]
_Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SDP_LENGTH)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Nonce = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
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
    # The token of a participant: the offer returns to its shell, under the same session id
    # or a new one.
    resume: _OptionalId = None
    # The session id was replaced by another connection of the participant: take it back.
    again: bool = False
    # Not lenient: a guest with a broken proof gets an error, and is never admitted as
    # one without a link.
    proof: Proof | None = None
    # Without a link: the SHA-256 of the nonce that a ``reveal`` will bring (wire.proof).
    commit: _Digest | None = None
    # The agent, where several are connected; else the relay finds it by the device.
    agent_id: _OptionalId = None
    # Set by the relay; only shown, never trusted.
    guest_name: _Text | None = None
    guest_address: _Text | None = None
    guest_browser: _Text | None = None


class Ice(msgspec.Struct, frozen=True):
    """Either way. A ``candidate`` of None or "" is the end of candidates."""

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
    """A target as guests see it. ``id`` is the ``device_id`` of an offer."""

    id: _Id
    kind: _Word = ""
    name: _Text = ""
    state: _Word = ""


class OpenLink(msgspec.Struct, frozen=True):
    """A link as a relay sees it: enough to route its holders, nothing to open it with."""

    id: _Id
    target: _Id
    kind: _Word = ""
    name: _Text = ""
    state: _Word = ""
    role: _Word = "control"
    approval: bool = False
    # Recognizes guests who hold the link's secret (engine.wire.proof.relay_access); None for
    # a link that has ended, and from hosts that do not know this field.
    access: _Text | None = None


class Register(msgspec.Struct, frozen=True):
    """agent → relay, after every connect and when the shared targets or links change."""

    agent_id: _Id
    name: _Text = ""
    targets: tuple[SharedTarget, ...] = ()
    links: tuple[OpenLink, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """The fields common to all acknowledgements."""

    status: Literal["success", "warning", "error"]
    error: _Text | None = None
    code: _Word | None = None


class Answer(msgspec.Struct, frozen=True):
    """agent → relay → guest: the successful acknowledgement of an offer."""

    sdp: _Sdp
    sdp_type: Literal["answer"]
    # To an offer with ``commit``.
    code_nonce: _Nonce | None = None


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
        # An invalid row is skipped; the others stay.
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
    """Whether JSON and Socket.IO can carry a value unchanged.

    Not so binary values (separate packets, which others could interleave) and NaN
    (rejected by browsers' parsers).
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
    """A success reply to a payload that may lack a session."""
    ids = correlation_of(payload), field_of(payload, "session_id")
    return _reply(action, *ids, "success", **extra)


def success(action: str, message: Offer | Ice | Disconnect, **extra: Any) -> dict[str, Any]:
    return _reply(action, message.correlation_id, message.session_id, "success", **extra)


def warning(action: str, message: Offer | Ice | Disconnect, **extra: Any) -> dict[str, Any]:
    return _reply(action, message.correlation_id, message.session_id, "warning", **extra)


def failure(action: str, payload: object, error: HatchwayError) -> dict[str, Any]:
    """The error reply to any payload, valid or not: readable ids are echoed."""
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
