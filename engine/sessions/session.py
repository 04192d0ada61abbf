"""One session: a guest, a target, a PTY, and the connection they meet over.

Owns the bridge (which outlives a lost connection) and the links (which do
not: one in use, and the attempt of a guest who returns). Does not own its own
end: it asks the manager, which closes in order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.core import events as ev
from engine.core.errors import (
    AccessDeniedError,
    ChannelClosedError,
    HatchwayError,
    LimitError,
)
from engine.core.model import EndCode, ExitStatus, Guest, Role, Size
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, Settings
from engine.pty.base import PTY
from engine.sessions.idle import IdleWatch, RunningClock
from engine.sessions.link import Link
from engine.sessions.terminal_channel import TerminalChannel
from engine.shells.bridge import PTYBridge
from engine.shells.traffic import Counter
from engine.transport.connection import PeerConnection
from engine.wire import terminal as wire
from engine.wire.proof import genuine

logger = logging.getLogger(__name__)

CAPABILITIES = ("ack", "resume", "role", "notice", wire.IDLE)
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
    events: ev.EventBus
    clock: RunningClock

    @property
    def ice(self) -> IceSettings: ...

    def update_session_state(self, session_id: str, state: SessionState) -> object: ...
    def end_soon(self, session_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None: ...
    async def open_pty(self, session: Session, device_id: str, size: Size) -> PTY: ...


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
        self.was_connected = False
        self.state = SessionState.CREATED
        self.created_at = time.time()
        self.last_activity = self.created_at
        self.resume_token = secrets.token_urlsafe(16)
        self.counter = Counter()
        self.last_sample: tuple[object, ...] = ()
        self.last_rtt: float | None = None
        self.bridge: PTYBridge | None = None
        self.idle = IdleWatch(owner.clock.now)
        self.disconnected_at: float | None = None
        """Since when a lost guest is waited for, on the owner's clock."""
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        self._owner = owner
        self.link = Link(self, owner)
        """The connection in use; of a lost guest, the last one that was."""
        self.attempt: Link | None = None
        """The connection with which the guest is about to return."""
        self._link_lost = False
        self._dropped: set[Link] = set()

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
    def size(self) -> Size:
        return self.link.size

    @property
    def code(self) -> str:
        """The short code that both ends show."""
        return self.link.code

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

    def link_for(self, ufrag: str) -> Link | None:
        """The connection a remote candidate belongs to; None: to one that is still to come.

        ``ufrag`` is what the candidate names, if it does: browsers name it.
        """
        links = [link for link in (self.attempt, self.link) if link is not None]
        if ufrag:
            return next((link for link in links if link.pc.remote_ufrag == ufrag), None)
        if self.attempt is None and self._link_lost:
            return None  # the lost connection needs none, the one to come does
        return links[0] if links[0].pc.remote_ufrag else None

    def begin_attempt(self) -> Link:
        """A connection for a returning guest. An earlier attempt gives way: the newest counts."""
        self._drop_attempt("A newer offer took the place of this one")
        self.attempt = Link(self, self._owner)
        if self.state is SessionState.DISCONNECTED:
            self._owner.update_session_state(self.id, SessionState.CONNECTING)
        return self.attempt

    def attempt_failed(self, attempt: Link, reason: str) -> None:
        """Nothing has changed for the shell, nor for how long its guest is waited for."""
        if self.attempt is not attempt:
            return
        self._drop_attempt(reason)
        if self.state is SessionState.CONNECTING:
            self._owner.update_session_state(self.id, SessionState.DISCONNECTED)
        self.note(f"The guest could not return: {reason}")
        if self._link_lost and self.disconnected_at is None:
            self._owner.end_soon(self.id, reason)

    def _drop_attempt(self, reason: str) -> None:
        if self.attempt is not None:
            attempt, self.attempt = self.attempt, None
            self._drop(attempt, reason)

    def _drop(self, link: Link, reason: str) -> None:
        link.drop(reason)
        self._dropped = {one for one in self._dropped if not one.is_closed} | {link}

    def take_over(self, link: Link) -> None:
        """The data channel of ``link`` is open: from now on it is the one in use."""
        if link is not self.link:
            old, self.link, self.attempt = self.link, link, None
            self._drop(old, "The guest came back by another connection")

    def channel_opened(self) -> None:
        self.was_connected = True
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        self._back()
        self.touch()

    def _back(self) -> None:
        """The guest is there: its next loss is waited for anew."""
        self._link_lost, self.disconnected_at = False, None
        self._owner.update_session_state(self.id, SessionState.CONNECTED)

    def link_failed(self, link: Link, reason: str) -> None:
        if link is self.attempt:
            self.attempt_failed(link, reason)
        elif link is self.link:
            self.lost(reason)

    def disconnected(self, reason: str) -> None:
        """See WebRTCSessionManager.disconnect()."""
        if self.attempt is not None:
            self.attempt_failed(self.attempt, reason)
            return
        self.lost(reason)
        if self.disconnected_at is not None and self.channel is not None:
            # Whoever is there after all says so at once.
            self.channel.ping()

    def lost(self, reason: str) -> None:
        """The connection is gone. A guest that can come back is waited for."""
        if self.state is SessionState.CLOSED:
            return
        self.link.stop_watching()
        self._link_lost = True
        if self.state in (SessionState.CONNECTING, SessionState.CONNECTED):
            self._owner.update_session_state(self.id, SessionState.DISCONNECTED)
        if self.resumable and self.disconnected_at is None:
            self.disconnected_at = self._owner.clock.now
            self.note(f"{reason}; waiting for the guest to return")
        if self.attempt is not None:
            self._owner.update_session_state(self.id, SessionState.CONNECTING)
        elif self.disconnected_at is None:
            self._owner.end_soon(self.id, reason)

    # engine.sessions.terminal_channel.TerminalHost

    def size_hint(self) -> Size:
        return self.size

    async def connect_pty(self, device_id: str, size: Size, channel: TerminalChannel) -> PTYBridge:
        if self.state is SessionState.CLOSED:
            raise ChannelClosedError("The session is closed")
        position = self.bridge.replay_from(0)[1] if self.bridge else 0
        input_position = channel.input_taken
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
            input_position=input_position,
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
            window=wire.WINDOW,
            start=start,
            resumed=resumed,
            capabilities=CAPABILITIES,
        )

    def touch(self) -> None:
        self.last_activity = time.time()
        if self.idle.touch(self._owner.clock.now):
            self.tell_idle(None)

    def away(self) -> None:
        """No guest is attached: that is no idleness, and a warning would reach nobody."""
        if self.idle.touch(self._owner.clock.now):
            self.tell_idle(None)

    def tell_idle(self, seconds: float | None) -> None:
        """Warn both ends that the session ends as idle in ``seconds``; None: no longer."""
        self._owner.events.publish(ev.SessionIdle(session_id=self.id, seconds=seconds))
        channel = self.channel
        if channel is None or not channel.is_v1:
            return  # the plain dialect has no message for it
        if wire.IDLE in channel.capabilities:
            channel.post(wire.Idle(seconds))
        elif seconds is not None:
            text = f"Idle: this session ends in {seconds:.0f} s"
            channel.post(wire.Notice(text, "warning"))

    def heard(self) -> None:
        self.last_heard = time.monotonic()
        self.asked_at = 0.0
        closed = self.state is SessionState.CLOSED
        if self._link_lost and not closed and self.channel and self.channel.is_open:
            self._back()

    def guest_closed(self) -> None:
        # A guest leaves when its program has ended: then that is the reason worth showing.
        ended = self.bridge.exit_status if self.bridge else None
        status = ended or ExitStatus(None, "Closed by the guest", EndCode.CLOSED)
        self._owner.end_soon(self.id, status.reason, status.code)

    def channel_lost(self, channel: TerminalChannel) -> None:
        if channel is self.channel:
            self.lost("The guest went away")

    def broken(self, error: HatchwayError) -> None:
        code = EndCode.LIMIT if isinstance(error, LimitError) else EndCode.CLOSED
        self._owner.end_soon(self.id, str(error), code)

    # The three steps of a close, in the order the manager takes them.

    async def close_bridge(self, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        self.link.stop_watching()
        self._drop_attempt(reason)
        # Otherwise the guest has been told how its program ended.
        if self.bridge is not None:
            tell = self.bridge.is_connected
            await self.bridge.close()
        else:
            tell = self.channel is not None and self.channel.is_v1
        if tell and self.channel is not None and self.channel.is_open:
            self.channel.ended(ExitStatus(None, reason, code))

    async def close_channel(self) -> None:
        if self.channel is not None:
            await self.channel.close()

    async def close_connection(self) -> None:
        self._drop(self.link, "The session was closed")
        await asyncio.gather(*(link.closed() for link in self._dropped))

    def check_resume(self, token: str | None) -> None:
        """Raises AccessDeniedError when ``token`` is not this session's."""
        if not token or not genuine(self.resume_token, token):
            raise AccessDeniedError("The resume token is wrong")

    def _pty_ended(self, status: ExitStatus) -> None:
        self.note(status.reason)
