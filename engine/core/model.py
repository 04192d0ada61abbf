"""Immutable value types that all rooms share: targets, sizes, exits, roles, links."""

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
    """The program ended."""
    CLOSED = "closed"
    """The guest or the host closed it, or the connection never came up."""
    IDLE = "idle"
    """session.timeout passed without input or output."""
    GRACE = "grace"
    """The guest's connection was lost and it did not return in time."""
    REMOVED = "removed"
    """The host removed the guest."""
    REMOVED_ASKS = "removed_asks"
    """The host removed the guest; the link needs approval from now on."""
    REMOVED_REVOKED = "removed_revoked"
    """The link was revoked."""
    LIMIT = "limit"
    """A limit was exceeded, such as that of unread input."""
    HOST_STOPPED = "host_stopped"
    TARGET_STOPPED = "target_stopped"
    """The container stopped or was removed, or its engine is unreachable."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a PTY ended.

    ``exit_code`` is the shell's (128 + n after signal n), or None when it is
    unknown: the Docker daemon became unreachable, or we closed first.
    """

    exit_code: int | None
    reason: str
    code: EndCode = EndCode.ENDED


class TargetKind(enum.StrEnum):
    CONTAINER = "container"
    LOCAL = "local"


class TargetState(enum.StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Target:
    """Where shells can run: a container or this computer.

    ``id`` is the wire's ``device_id``: the container name on the default engine,
    ``engine/name`` on others, LOCAL_TARGET for this computer. ``ref`` is the
    container's full id. ``shared``: guests may open it without approval.
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


class OrphanState(enum.StrEnum):
    """What is to be done about a shell of which processes are left."""

    ORPHAN = "orphan"
    """Its program died. It is ended on request."""
    ENDING = "ending"
    """Its end has begun and has not succeeded yet."""
    KEPT = "kept"
    """Only processes that asked to keep running (nohup, setsid, tmux) are left."""
    FOREIGN = "foreign"
    """Another host started it. It is never ended."""


@dataclass(frozen=True, slots=True)
class OrphanProcess:
    """A process by its pid in the target. Programs choose their ``name``: escape it."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A shell without a terminal.

    ``id`` names it, ``target`` is a Target's id, ``session`` the one it was opened for.
    ``processes`` are some of those left, ``more`` counts the others; unknown while there is a
    ``reason``: why it cannot be ended or examined, a sentence without a full stop. ``host`` is
    the id of the other host; "" when it is ours.
    """

    id: str
    target: str
    session: str
    state: OrphanState
    processes: tuple[OrphanProcess, ...] = ()
    more: int = 0
    reason: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class OrphansEnded:
    """How many shells were ended completely, and those of which something is left."""

    ended: int
    left: tuple[Orphan, ...] = ()


class EngineState(enum.StrEnum):
    """Whether a Docker engine can be used at the moment."""

    CONNECTING = "connecting"
    READY = "ready"
    ABSENT = "absent"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DockerStatus:
    """One configured engine's state. ``detail`` says, for people, what is wrong."""

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
    """How guests reach this agent. ``embedded``: this app runs the relay."""

    url: str
    guest_token: str
    embedded: bool

    @property
    def guest_address(self) -> str:
        """Where a browser lists the shared targets; with the token, if we know it."""
        return f"{self.url}/#token={self.guest_token}" if self.guest_token else self.url


class Role(enum.StrEnum):
    """What a guest may do: type, or only view."""

    CONTROL = "control"
    VIEW = "view"


class ParticipantKind(enum.StrEnum):
    """Whose participant of a shell it is."""

    GUEST = "guest"
    """A guest's session, whatever it paints with."""
    HOST = "host"
    """A tab or watch panel of the host's own window."""
    TTY = "tty"
    """The host's own terminal, attached over the local socket. A guest in a tty is a GUEST."""

    @property
    def is_host(self) -> bool:
        return self is not ParticipantKind.GUEST


class KeyboardState(enum.StrEnum):
    """Who may type into a shell."""

    OPEN = "open"
    """Every controller."""
    TAKEN = "taken"
    """One participant, the holder."""
    FROZEN = "frozen"
    """No guest."""


class Asked(enum.StrEnum):
    """What became of a participant's request for the keyboard."""

    NO = ""
    WAITING = "waiting"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What holds for all guests at once.

    ``frozen``: the guests of all shells were frozen together, and some still are. ``locked``:
    so were they, and all links are paused.
    """

    frozen: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class KeyboardView:
    """The keyboard as one participant sees it. ``holder`` is a participant, "" for nobody.

    ``again_in``: seconds, rounded up, until this participant may ask for it again.
    """

    state: KeyboardState = KeyboardState.OPEN
    holder: str = ""
    asked: Asked = Asked.NO
    again_in: int = 0


class PathKind(enum.StrEnum):
    """Whether packets go directly or through a TURN server."""

    UNKNOWN = ""
    DIRECT = "direct"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class CandidatePair:
    """The nominated ICE pair. Addresses are ``host:port``; types as in RFC 8445."""

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
        """The TURN server's address on a relayed path, ``host:port``; empty for a direct one.

        When both ends are relayed it is our server's, whose operator we can contact.
        """
        if self.local_type == "relay":
            return self.local
        return self.remote if self.remote_type == "relay" else ""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who made an offer. ``own``: proven to be this app itself.

    ``share`` is the id of the link whose secret the guest proved to hold. ``identity``: what
    the guest said of itself inside DTLS, as SHA-256 in hex (engine.access.guests); "" before
    that, and for guests that have none. The other fields come from the relay: they may be
    shown, but no decision may rely on them.
    """

    name: str = ""
    address: str = ""
    own: bool = False
    browser: str = ""
    share: str = ""
    identity: str = ""

    @property
    def label(self) -> str:
        """The name for people, with control characters escaped."""
        if self.own:
            return "This app"
        return shown(self.name or self.address or "Guest")


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session, as lists show it. Times are seconds since the epoch."""

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


@dataclass(frozen=True, slots=True)
class Person:
    """A participant, as all others see it. ``name`` is its own word."""

    id: str
    name: str
    role: Role
    kind: ParticipantKind
    typing: bool = False


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """A participant, as the host sees it. ``attached``: it is connected at the moment."""

    id: str
    name: str
    kind: ParticipantKind
    role: Role
    session_id: str = ""
    attached: bool = True
    typing: bool = False


@dataclass(frozen=True, slots=True)
class ShellInfo:
    """A shell, as lists show it. Times are seconds since the epoch.

    ``holder`` and ``asking`` are ids of participants: who has the keyboard, and who asks for
    it. ``exit``: how it ended, None while it runs.
    """

    id: str
    target: str
    own: bool
    title: str
    size: Size
    started_at: float
    participants: tuple[ParticipantInfo, ...] = ()
    keyboard: KeyboardState = KeyboardState.OPEN
    holder: str = ""
    asking: tuple[str, ...] = ()
    pinned: Size | None = None
    recording_since: float | None = None
    exit: ExitStatus | None = None


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """A recording, as lists show it. ``started_at`` is in seconds since the epoch.

    ``seconds``: from its beginning to its last event. ``target`` and ``shell`` (ids) are "" when
    the file does not say them.
    """

    id: str
    path: str
    target: str
    started_at: float
    seconds: float
    bytes: int
    running: bool
    shell: str = ""


@dataclass(frozen=True, slots=True)
class LinkState:
    """A terminal on another host that we opened by a link, as far as we know it.

    ``target``: as the host calls it, "" before it was reached. ``code``: the short code that the
    host sees too. ``approval``: "waiting", "allowed", "denied", or "" when the host was not
    asked. ``lost``: the connection was lost and is being retried. ``idle``: the seconds after
    which the host ends it for want of activity, unless it is kept; None while it does not.

    ``people``: everybody attached to the shell, ``participant`` the own id among them and in
    ``keyboard``; empty and None where the host does not say it. ``may_type``: as role and keyboard
    allow. ``recording``: since when it is recorded, by the host's clock. ``held``: what was typed
    while the connection was lost and waits to be sent or discarded. ``replaced``: its place was
    taken from elsewhere.
    """

    target: str = ""
    role: Role = Role.CONTROL
    code: str = ""
    approval: str = ""
    lost: bool = False
    idle: float | None = None
    participant: str = ""
    people: tuple[Person, ...] = ()
    keyboard: KeyboardView | None = None
    may_type: bool = True
    recording: float | None = None
    held: bytes = b""
    replaced: bool = False


class AfterRemoval(enum.StrEnum):
    """What follows for others when a guest is removed, besides that its identity is refused."""

    ASK = "ask"
    """The host is asked about everybody who comes by its link."""
    REVOKE = "revoke"
    """Its link is revoked, and what was opened with it ends."""
    ADDRESS = "address"
    """Guests without a link are refused from its address for a while."""
    NOTHING = "nothing"
    """Such as when the target of a guest without a link is not shared any more."""


class ShareState(enum.StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Paused by the host: it works again once that is undone."""
    USED = "used"
    EXPIRED = "expired"
    SHELL_ENDED = "shell ended"
    """The shell that it joins has ended."""
    REVOKED = "revoked"

    @property
    def is_over(self) -> bool:
        """Whether nobody new gets in with the link any more."""
        return self not in (ShareState.ACTIVE, ShareState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Share:
    """One link to one target. Times are seconds since the epoch.

    ``approval``: the host must approve each guest. ``expires_at`` bounds when a
    session may begin, not how long it lasts; revoking the link ends its sessions too.
    ``used_by`` is the last session opened with it, ``uses`` their number.
    ``kept``: it outlives the program. ``ref`` is Target.ref of the one container it opens;
    "" means whatever has the name. ``shell`` is the id of the shell it joins, in ``target``;
    "" means that it opens new shells. A join link ends with its shell and is never kept.
    ``record``: the shells that it opens or joins are recorded.
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
    kept: bool = False
    ref: str = ""
    shell: str = ""
    shell_ended: bool = False
    suspended: bool = False
    record: bool = False

    def state(self, now: float) -> ShareState:
        if self.revoked:
            return ShareState.REVOKED
        if self.shell_ended:
            return ShareState.SHELL_ENDED
        if self.expires_at is not None and now >= self.expires_at:
            return ShareState.EXPIRED
        if self.single_use and self.used_by:
            return ShareState.USED
        return ShareState.SUSPENDED if self.suspended else ShareState.ACTIVE

    def is_for(self, target: Target) -> bool:
        """Whether ``target`` is the one it was created for, and no other of the same name."""
        return self.target == target.id and self.ref in ("", target.ref)


ASK = "ask"
"""The third word of ``NAME=control|view|ask``: control, after the host's approval."""
