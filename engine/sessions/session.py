"""One session: a guest, a target, a PTY, and the connection they meet over.

Owns the bridge (which outlives a lost connection) and the link (which does
not). Does not own its own end: it asks the manager, which closes in order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from engine import events as ev
from engine.errors import AccessDeniedError, ChannelClosedError, HatchwayError
from engine.metrics import Counter
from engine.model import CandidatePair, ExitStatus, Guest, Role, Size
from engine.pty.base import PTY
from engine.rtc import PeerConnection, RtcChannel
from engine.sessions.state import SessionState
from engine.settings import IceSettings, Settings
from engine.terminal.bridge import PTYBridge
from engine.terminal.channel import WINDOW, TerminalChannel
from engine.wire import terminal as wire
from engine.wire.proof import genuine

logger = logging.getLogger(__name__)

CAPABILITIES = ("ack", "resume", "role", "notice")
"""What our side of hatchway.v1 does, told in welcome."""

OpenPty = Callable[["Session", str, Size], Awaitable[PTY]]
"""Opens the PTY of a device for a session; checks that the session may have it."""


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


class SessionOwner(Protocol):
    """What a session needs of the manager."""

    settings: Settings
    ice: IceSettings
    events: ev.EventBus

    def update_session_state(self, session_id: str, state: SessionState) -> object: ...
    def end_soon(self, session_id: str, reason: str) -> None: ...
    async def open_pty(self, session: Session, device_id: str, size: Size) -> PTY: ...


class Link:
    """One connection of a guest to a session: a peer connection and its data channel.

    A returning guest gets a new link; what an old one still says is ignored.
    """

    def __init__(self, session: Session, owner: SessionOwner) -> None:
        self._session = session
        self._owner = owner
        self.channel: TerminalChannel | None = None
        self.pc = PeerConnection(owner.ice, self)

    @property
    def current(self) -> bool:
        return self._session.link is self and self._session.state is not SessionState.CLOSED

    # engine.rtc.Observer

    def ice_gathering(self, state: str) -> None:
        self._publish(ev.IceGathering(session_id=self._session.id, state=state))

    def ice_connection(self, state: str) -> None:
        self._publish(ev.IceConnection(session_id=self._session.id, state=state))

    def connection(self, state: str) -> None:
        self._publish(ev.PeerConnection(session_id=self._session.id, state=state))
        if state in ("failed", "closed") and self.current:
            self._session.lost("ICE found no path" if self.channel is None else "Connection lost")

    def candidate(self, side: str, candidate: str) -> None:
        self._publish(ev.IceCandidate(session_id=self._session.id, side=side, candidate=candidate))

    def pair_selected(self, pair: CandidatePair) -> None:
        self._publish(ev.IcePairSelected(session_id=self._session.id, pair=pair))

    def channel_opened(self, channel: RtcChannel) -> None:
        if not self.current or self.channel is not None or channel.label != wire.LABEL:
            logger.info("Session %s: closing an extra data channel", self._session.id)
            channel.close()
            return
        self.channel = TerminalChannel(
            channel, self._session, input_limit=self._owner.settings.terminal.input_queue
        )
        self._session.channel_opened()
        self.channel.start()

    def _publish(self, event: ev.SessionEvent) -> None:
        if self.current:
            self._owner.events.publish(event)


class Session:
    """Mapping access (``session["state"]``) works beside the attributes of the same names."""

    def __init__(
        self, session_id: str, device_id: str, owner: SessionOwner, guest: Guest, role: Role
    ) -> None:
        self.id = session_id
        self.device_id = device_id
        self.guest = guest
        self.role = role
        self.needs_approval = False
        self.code = ""
        self.was_connected = False
        self.state = SessionState.CREATED
        self.created_at = time.time()
        self.last_activity = self.created_at
        self.resume_token = secrets.token_urlsafe(16)
        self.counter = Counter()
        self.last_sample: tuple[object, ...] = ()
        self.last_rtt: float | None = None
        self.bridge: PTYBridge | None = None
        self.size = Size()
        self.warned = False
        self.disconnected_at = 0.0
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        self.offer_sdp = ""
        self.answer: asyncio.Future[dict[str, str]] | None = None
        self._owner = owner
        self._connect_timer: asyncio.TimerHandle | None = None
        self.link = Link(self, owner)
        self._watch_connecting()

    def __getitem__(self, key: str) -> Any:
        if key.startswith("_") or key not in self.__dict__:
            raise KeyError(key)
        return getattr(self, key)

    @property
    def session_id(self) -> str:
        return self.id

    @property
    def pc(self) -> PeerConnection:
        return self.link.pc

    @property
    def channel(self) -> TerminalChannel | None:
        return self.link.channel

    @property
    def resumable(self) -> bool:
        """Whether a guest who lost the connection could come back to something."""
        channel, bridge = self.channel, self.bridge
        return bool(channel and channel.is_v1 and bridge and bridge.is_connected)

    def info(self) -> SessionInfo:
        return SessionInfo(
            self.id,
            self.device_id,
            self.guest,
            self.state,
            self.created_at,
            self.last_activity,
            self.role,
            self.code,
        )

    def note(self, text: str) -> None:
        self._owner.events.publish(ev.SessionNote(session_id=self.id, text=text))

    async def new_link(self) -> None:
        """A returning guest: the old connection goes, the bridge stays."""
        old, self.link = self.link, Link(self, self._owner)
        self._watch_connecting()
        if old.channel is not None:
            await old.channel.close()
        await old.pc.close()

    def channel_opened(self) -> None:
        self._stop_watching()
        self.was_connected = True
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        self._owner.update_session_state(self.id, SessionState.CONNECTED)

    def lost(self, reason: str) -> None:
        """The connection is gone. A guest that can come back is waited for."""
        if self.state is SessionState.CLOSED:
            return
        self._stop_watching()
        if self.state is not SessionState.CREATED:
            self._owner.update_session_state(self.id, SessionState.DISCONNECTED)
        if self.resumable or (self.bridge is not None and self.disconnected_at):
            self.disconnected_at = self.disconnected_at or time.monotonic()
            self.note(f"{reason}; waiting for the guest to return")
        else:
            self._owner.end_soon(self.id, reason)

    # engine.terminal.channel.TerminalHost

    def size_hint(self) -> Size:
        return self.size

    async def connect_pty(self, device_id: str, size: Size, channel: TerminalChannel) -> PTYBridge:
        if self.state is SessionState.CLOSED:
            raise ChannelClosedError("The session is closed")
        position = self.bridge.replay_from(0)[1] if self.bridge else 0
        if self.bridge is not None:
            await self.bridge.close()
        pty = await self._owner.open_pty(self, device_id, size)
        if self.current_state() is SessionState.CLOSED:
            await pty.close()
            raise ChannelClosedError("The session is closed")
        replay = self._owner.settings.terminal.replay_bytes if channel.is_v1 else 0
        self.bridge = PTYBridge(
            pty,
            self.id,
            self.counter,
            replay_bytes=replay,
            position=position,
            role=self.role,
            on_activity=self.touch,
            on_end=self._pty_ended,
        )
        self._owner.events.publish(
            ev.PtyConnected(session_id=self.id, target=pty.label, code=self.code)
        )
        return self.bridge

    def current_state(self) -> SessionState:
        """The state now: it may have changed while something was awaited."""
        return self.state

    def welcome(self, start: int, resumed: bool) -> wire.Welcome:
        return wire.Welcome(
            session_id=self.id,
            target=self.bridge.label if self.bridge else self.device_id,
            role=self.role,
            resume=self.resume_token,
            window=WINDOW,
            start=start,
            resumed=resumed,
            capabilities=CAPABILITIES,
        )

    def touch(self) -> None:
        self.last_activity = time.time()
        self.warned = False

    def heard(self) -> None:
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        if self.state is SessionState.DISCONNECTED and self.channel and self.channel.is_open:
            self.disconnected_at = 0.0
            self._owner.update_session_state(self.id, SessionState.CONNECTED)

    def guest_closed(self) -> None:
        # A guest leaves when its program has ended: then that is the reason worth showing.
        status = self.bridge.exit_status if self.bridge else None
        self._owner.end_soon(self.id, status.reason if status else "Closed by the guest")

    def channel_lost(self, channel: TerminalChannel) -> None:
        if channel is self.channel:
            self.lost("The guest went away")

    def broken(self, error: HatchwayError) -> None:
        self._owner.end_soon(self.id, str(error))

    # The three steps of a close, in the order the manager takes them.

    async def close_bridge(self, reason: str) -> None:
        self._stop_watching()
        if self.bridge is None:
            return
        was_connected = self.bridge.is_connected
        await self.bridge.close()
        if was_connected and self.channel is not None and self.channel.is_open:
            self.channel.ended(ExitStatus(None, reason))

    async def close_channel(self) -> None:
        if self.channel is not None:
            await self.channel.close()

    async def close_connection(self) -> None:
        await self.pc.close()

    def check_resume(self, token: str | None) -> None:
        """Raises AccessDeniedError when ``token`` is not this session's."""
        if not token or not genuine(self.resume_token, token):
            raise AccessDeniedError("The resume token is wrong")

    def _pty_ended(self, status: ExitStatus) -> None:
        self.note(status.reason)

    def _watch_connecting(self) -> None:
        self._stop_watching()
        seconds = self._owner.settings.session.connect_timeout
        loop = asyncio.get_running_loop()
        self._connect_timer = loop.call_later(seconds, self._connect_timed_out)

    def _stop_watching(self) -> None:
        if self._connect_timer is not None:
            self._connect_timer.cancel()
            self._connect_timer = None

    def _connect_timed_out(self) -> None:
        if self.state is not SessionState.CONNECTED:
            seconds = self._owner.settings.session.connect_timeout
            self.lost(f"The guest did not connect within {seconds:.0f} s")
