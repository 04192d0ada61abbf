"""The plain facts every layer speaks about: targets, sizes, exits, roles.

Owns values only: immutable, comparable, printable. Does not own behaviour,
input or output.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from engine.core.session_state import SessionState
from engine.core.text import shown

LOCAL_TARGET = "This computer"
"""The target id of a shell on this machine. A container name cannot hold a space."""

MIN_DIMENSION = 1
MAX_DIMENSION = 1000
"""Bounds of a terminal's columns and rows, in cells."""


@dataclass(frozen=True, slots=True)
class Size:
    """A terminal's size in cells, each within MIN_DIMENSION..MAX_DIMENSION."""

    cols: int = 80
    rows: int = 24

    def __post_init__(self) -> None:
        for name, value in (("cols", self.cols), ("rows", self.rows)):
            if not MIN_DIMENSION <= value <= MAX_DIMENSION:
                raise ValueError(f"{name} must be {MIN_DIMENSION}..{MAX_DIMENSION}, not {value}")


class EndCode(enum.StrEnum):
    """Why a terminal or a session ended, as a stable word: ``exit.code`` on the wire."""

    ENDED = "ended"
    """The program came to its end."""
    CLOSED = "closed"
    """The guest or the host closed it, or the connection never came up."""
    IDLE = "idle"
    """session.timeout passed without input and output."""
    GRACE = "grace"
    """The guest was lost and did not come back in time."""
    REMOVED = "removed"
    """The host removed the guest."""
    REMOVED_ASKS = "removed_asks"
    """Removed; the link asks the host from now on."""
    REMOVED_REVOKED = "removed_revoked"
    """The link was revoked."""
    LIMIT = "limit"
    """A limit was crossed, such as that of unread input."""
    HOST_STOPPED = "host_stopped"
    TARGET_STOPPED = "target_stopped"
    """The container stopped or was removed, or its engine went away."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a PTY ended.

    ``exit_code`` is the shell's own (128 + n after signal n), or None when
    nobody can know it: the daemon went away, or we closed first.
    """

    exit_code: int | None
    reason: str
    code: EndCode = EndCode.ENDED


class TargetKind(enum.StrEnum):
    CONTAINER = "container"
    LOCAL = "local"
    ECHO = "echo"


class TargetState(enum.StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Target:
    """Something a terminal can be opened in. ``id`` is the wire's ``device_id``.

    ``id`` is the container name on the default engine, ``engine/name`` on
    others, LOCAL_TARGET for this computer. ``ref`` is what the backend knows it
    by (the container's full id). ``shared`` says guests may open it unasked.
    """

    id: str
    kind: TargetKind
    name: str
    state: TargetState = TargetState.RUNNING
    engine: str = ""
    ref: str = ""
    image: str = ""
    status: str = ""
    labels: dict[str, str] = field(default_factory=dict, compare=False)
    shared: bool = False


class EngineState(enum.StrEnum):
    """What a Docker engine is to us right now."""

    CONNECTING = "connecting"
    READY = "ready"
    ABSENT = "absent"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DockerStatus:
    """One configured engine's state, with words a person can act on."""

    engine: str
    url: str
    state: EngineState
    detail: str = ""
    version: str = ""


class RelayState(enum.StrEnum):
    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RelayInfo:
    """How guests reach this agent. ``embedded``: the relay is ours, and so is the token."""

    url: str
    guest_token: str
    embedded: bool


class Role(enum.StrEnum):
    """What a guest may do: type, or only watch."""

    CONTROL = "control"
    VIEW = "view"


class PathKind(enum.StrEnum):
    """How the packets travel once ICE has chosen a pair."""

    UNKNOWN = ""
    DIRECT = "direct"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class CandidatePair:
    """The nominated ICE pair. Addresses are ``host:port``; types are RFC 8445's."""

    local: str
    remote: str
    local_type: str
    remote_type: str
    protocol: str = "udp"

    @property
    def path(self) -> PathKind:
        relayed = "relay" in (self.local_type, self.remote_type)
        return PathKind.RELAYED if relayed else PathKind.DIRECT

    @property
    def via(self) -> str:
        """The TURN server's end of a relayed path, ``host:port``; empty for a direct one.

        Where both ends are relayed it is ours: the one whose operator we can ask.
        """
        if self.local_type == "relay":
            return self.local
        return self.remote if self.remote_type == "relay" else ""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who asks, as far as we can know. ``own`` is proven to be this very app.

    ``share`` is the id of the link whose secret they proved to hold. The rest
    is the relay's word: fit to show, not to decide by.
    """

    name: str = ""
    address: str = ""
    own: bool = False
    browser: str = ""
    share: str = ""

    @property
    def label(self) -> str:
        """Fit to show as it is."""
        if self.own:
            return "This app"
        return shown(self.name or self.address or "Guest")


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as a list shows it. Times are seconds since the epoch."""

    id: str
    target: str
    guest: Guest
    state: SessionState
    created_at: float
    last_activity: float
    role: Role = Role.CONTROL
    code: str = ""
    """The short code both ends show."""

    @property
    def own(self) -> bool:
        return self.guest.own


class ShareState(enum.StrEnum):
    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Share:
    """One link to one target. Times are seconds since the epoch.

    ``approval``: the host is asked for each guest. ``expires_at`` bounds when a
    session may begin, not how long it lasts; revoking ends sessions too.
    ``used_by`` is the last session opened with it, ``uses`` how many were.
    """

    id: str
    target: str
    role: Role
    secret: bytes = field(repr=False)
    created_at: float
    approval: bool = False
    expires_at: float | None = None
    single_use: bool = False
    revoked: bool = False
    uses: int = 0
    used_by: str = ""

    def state(self, now: float) -> ShareState:
        if self.revoked:
            return ShareState.REVOKED
        if self.expires_at is not None and now >= self.expires_at:
            return ShareState.EXPIRED
        if self.single_use and self.used_by:
            return ShareState.USED
        return ShareState.ACTIVE


ASK = "ask"
"""The third word of ``NAME=control|view|ask``: control, once the host has said yes."""
