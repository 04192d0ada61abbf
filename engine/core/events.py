"""The events the engine publishes, the bus that carries them, and a bounded history.

Events never carry terminal bytes. Handlers run synchronously on the loop, in the order of
subscription. An exception in one handler is logged; the other handlers still run.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.core.model import (
    CandidatePair,
    DockerStatus,
    EndCode,
    Guest,
    Orphan,
    RelayState,
    Restrictions,
    Role,
    Share,
    ShellInfo,
    Target,
)
from engine.core.selftest_report import StageResult
from engine.core.session_state import SessionState

logger = logging.getLogger(__name__)

HISTORY_PER_SESSION = 500
"""Events stored per session; the oldest are dropped first."""
HISTORY_SESSIONS = 200
"""Sessions whose history is stored besides those of live ones; the oldest are dropped first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root. ``at`` is seconds since the epoch."""

    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCreated(SessionEvent):
    device_id: str
    guest: Guest


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStateChanged(SessionEvent):
    old: SessionState
    new: SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed(SessionEvent):
    """The last event of a session. ``reason`` is a sentence for people, ``code`` a stable word."""

    reason: str
    exit_code: int | None = None
    code: EndCode = EndCode.CLOSED
    share: str = ""
    """The id of the link it was opened with."""
    was_connected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PtyConnected(SessionEvent):
    """The session's terminal started. ``code`` is the short code, also shown to the guest; empty
    where it is not known yet (see CodeKnown) or cannot be compared."""

    target: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeKnown(SessionEvent):
    """``code`` is the short code of a guest without a link, who has revealed its nonce."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionIdle(SessionEvent):
    """The session ends in ``seconds`` because it is idle; None: it is no longer idle.

    The command KeepOpen prevents the end. The guest is warned too, if its client supports that.
    """

    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IceGathering(SessionEvent):
    """``state`` is new, gathering or complete."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IceConnection(SessionEvent):
    """``state`` is aiortc's: new, checking, completed, failed, closed."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConnection(SessionEvent):
    """``state`` is the peer connection's: new, connecting, connected, failed, closed."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IceCandidate(SessionEvent):
    """``side`` is local or remote; ``candidate`` is the line without its prefix."""

    side: str
    candidate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IcePairSelected(SessionEvent):
    pair: CandidatePair


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNote(SessionEvent):
    """A line for the session's log that has no event of its own, such as a held candidate."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRefused(SessionEvent):
    """Offers were refused. ``code`` is the error's code, ``text`` a sentence for people.

    There are at most a few a second: this one stands for ``count`` refusals since the last.
    Whoever makes offers chooses their ids, so it is in no session's history.
    """

    device_id: str
    guest: Guest
    code: str
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested(SessionEvent):
    """A guest waits for the host's decision; the command DecideApproval answers it.

    ``role`` is what the link grants, ``code`` the short code that the guest sees too, "" when
    there is none to compare. ``shell``: the running shell that the guest wants to join, "" for
    a new one. ``waits_until`` is seconds since the epoch.
    """

    target: str
    guest: Guest
    role: Role
    code: str
    waits_until: float
    shell: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSettled(SessionEvent):
    """An approval was decided or withdrawn: the ``role`` granted (None: refused) and why."""

    role: Role | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesChanged(Event):
    """All links, oldest first. Ended ones stay for a while."""

    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(SessionEvent):
    """A sample of a session's traffic, about once a second while it changes.

    ``bytes_*`` are totals, ``rate_*`` bytes per second. ``rtt`` and ``idle`` (time since the
    last input or output) are seconds.
    """

    bytes_in: int
    bytes_out: int
    rate_in: float
    rate_out: float
    rtt: float | None
    idle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellStarted(Event):
    shell: ShellInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellChanged(Event):
    """People, roles, keyboard, size, title or recording of a shell have changed."""

    shell: ShellInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellEnded(Event):
    """The last event of a shell; ``shell.exit`` says how it ended."""

    shell: ShellInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingProblem(Event):
    """A recording has a gap or has stopped; ``text`` is a sentence for people."""

    target: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyboardAsked(Event):
    """A participant asks for the keyboard; GrantKeyboard or DenyKeyboard answers it."""

    shell_id: str
    participant: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndsPending(Event):
    """``count`` closed terminals still have processes that are being ended.

    ``text`` says, for people, why that takes long; "" while it does not.
    """

    count: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphansChanged(Event):
    """All shells without a terminal, sorted by target. See the query Orphans."""

    orphans: tuple[Orphan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsRestricted(Event):
    """All guests were frozen or locked out together, or that was undone. See the query
    GuestRestrictions, which also follows shells that are thawed one by one."""

    restrictions: Restrictions


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayStateChanged(Event):
    state: RelayState
    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsChanged(Event):
    """``targets`` is the whole catalogue, sorted."""

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerStatusChanged(Event):
    status: DockerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestStage(Event):
    """A stage of a running loopback test began or ended. ``run`` is RunSelfTest's id."""

    run: str
    target: str
    stage: StageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequested(Event):
    """Another start of the program asks for the window; ``link`` is to be opened in it, "" for
    none. It comes from a command line: show it before it is used."""

    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRestarted(Event):
    """A loop of the engine failed and was restarted (engine.core.tasks.supervise).

    ``name`` is its name, as the subject of a sentence; ``problem`` is its error.
    """

    name: str
    problem: str


Handler = Callable[[Event], None]


class EventBus:
    """Publish/subscribe on one loop, with a bounded history per session.

    Traffic samples are not stored: they would displace all other events.
    """

    def __init__(
        self,
        history_per_session: int = HISTORY_PER_SESSION,
        history_sessions: int = HISTORY_SESSIONS,
    ) -> None:
        self._handlers: list[Handler] = []
        self._history: OrderedDict[str, deque[SessionEvent]] = OrderedDict()
        self._live: set[str] = set()
        """Sessions that were created and have not closed. Nobody else's push theirs out."""
        self._per_session = history_per_session
        self._sessions = history_sessions

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` with every event from now on; the returned function unsubscribes it."""
        self._handlers.append(handler)

        def unsubscribe() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return unsubscribe

    def publish(self, event: Event) -> None:
        if isinstance(event, SessionEvent) and not isinstance(event, Traffic | OfferRefused):
            self._remember(event)
        for handler in tuple(self._handlers):
            try:
                handler(event)
            except Exception:
                logger.exception("An event handler failed on %s", type(event).__name__)

    def history(self, session_id: str) -> tuple[SessionEvent, ...]:
        """The events of one session, oldest first; empty for an unknown session."""
        return tuple(self._history.get(session_id, ()))

    def _remember(self, event: SessionEvent) -> None:
        if isinstance(event, SessionCreated):
            self._live.add(event.session_id)
        events = self._history.get(event.session_id)
        if events is None:
            events = self._history[event.session_id] = deque(maxlen=self._per_session)
        events.append(event)
        if isinstance(event, SessionClosed):
            self._live.discard(event.session_id)
        while len(self._history) - len(self._live) > self._sessions:
            del self._history[next(one for one in self._history if one not in self._live)]
