"""The sessions by id: making, watching and closing them.

Owns the registry, the time-outs, the heartbeat and the close order: PTY bridge,
data channel, peer connection, removal. Does not own negotiation (the signaling
handlers do) and never touches a terminal byte.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Protocol

import msgspec

from engine.core import events as ev
from engine.core.errors import (
    HostStoppedError,
    SessionExistsError,
    SessionLimitError,
    SessionNotFoundError,
    TargetError,
)
from engine.core.model import EndCode, Guest, Role, SessionInfo, Size
from engine.core.session_state import SessionState, transition
from engine.core.settings import IceSettings, Settings
from engine.pty.base import PTY
from engine.sessions.idle import RunningClock, Verdict, warning_seconds
from engine.sessions.session import OpenPty, Session
from engine.transport.connection import PeerConnection

__all__ = ["SessionState", "WebRTCSessionManager"]

logger = logging.getLogger(__name__)

SESSION_TIMEOUT_SECONDS = 300
CLEANUP_INTERVAL_SECONDS = 60
"""The defaults of session.timeout and session.cleanup_interval."""
CLEANUP_PER_TIMEOUT = 5
"""A short time-out is looked at this many times within it."""
CLOSE_STEP_SECONDS = 6.0
"""How long each step of a close may take. The next one is taken all the same."""
TICK_SECONDS = 1.0
"""Between two samples of traffic, and looks at the heartbeat."""
MISSED_HEARTBEATS = 3
"""Heartbeat intervals without an answer to a ping after which the guest is disconnected."""
RTT_TOLD_APART = 0.1
"""By how much of itself a round trip must change to be told of while nothing else does: the
answer to each ping moves it a little."""
REST_FACTOR = 10
"""How much rarer the pings are while nothing is typed or printed: ICE's consent watches
the path meanwhile (engine.transport.tuning.ice), the pings only whether the page still runs."""


def _alike(rtt: float | None, told: float | None) -> bool:
    """Whether two round trips look the same to whoever reads them."""
    if rtt is None or told is None:
        return rtt is told
    return abs(rtt - told) <= RTT_TOLD_APART * told


class Paths(Protocol):
    """Which paths connections may take, as far as it is known."""

    def current(self) -> IceSettings: ...
    async def known(self) -> None:
        """Raises NoTurnError."""


class _Done:
    """What update_session_state() returns: it is done, and may be awaited or not."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class WebRTCSessionManager:
    """All sessions of one agent. Everything runs on the loop that called start()."""

    def __init__(
        self,
        settings: Settings | None = None,
        events: ev.EventBus | None = None,
        open_pty: OpenPty | None = None,
        paths: Paths | None = None,
    ) -> None:
        """``paths`` says which paths connections may take; the settings alone without it."""
        self.settings = settings or Settings()
        self.events = events or ev.EventBus()
        self.clock = RunningClock()
        self._paths = paths
        self._open_pty = open_pty
        self._sessions: dict[str, Session] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._refusing = False

    @property
    def ice(self) -> IceSettings:
        """For a connection that begins now: the settings', and what the relay says besides."""
        return self._paths.current() if self._paths is not None else self.settings.ice

    async def paths_known(self) -> None:
        """Wait, within a bound, until ``ice`` can be believed. Raises NoTurnError."""
        if self._paths is not None:
            await self._paths.known()

    async def start(self) -> None:
        """Begin looking after time-outs and heartbeats."""
        self._refusing = False
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._cleanup_loop(), name="session cleanup"),
                asyncio.create_task(self._tick_loop(), name="session heartbeat"),
            ]

    def refuse(self) -> None:
        """Make no session any more, until start() is called again."""
        self._refusing = True

    async def stop(self) -> None:
        """Close every session and leave no task behind. None can be made meanwhile or after."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []
        for session_id in list(self._sessions):
            self.end_soon(session_id, "The host stopped", EndCode.HOST_STOPPED)
        while self._closing:
            await asyncio.wait(list(self._closing.values()))

    def create_session(
        self,
        session_id: str,
        device_id: str,
        *,
        guest: Guest | None = None,
        role: Role = Role.CONTROL,
    ) -> PeerConnection:
        """A new session in state CREATED; its peer connection, ready for an offer.

        The result may also be awaited. Raises SessionExistsError, SessionLimitError, and
        HostStoppedError from refuse() on.
        """
        if self._refusing:
            raise HostStoppedError
        guest = guest or Guest()
        if session_id in self._sessions:
            raise SessionExistsError(f"Session {session_id} exists already")
        self._check_limits(guest)
        logger.info("Creating WebRTC session: %s for %s", session_id, device_id)
        session = Session(session_id, device_id, self, guest, role)
        self._sessions[session_id] = session
        self.events.publish(
            ev.SessionCreated(session_id=session_id, device_id=device_id, guest=guest)
        )
        return session.pc

    def get_session(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    def require_session(self, session_id: str) -> Session:
        """Raises SessionNotFoundError."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFoundError(f"Session {session_id} not found")
        return session

    def sessions(self) -> tuple[Session, ...]:
        return tuple(self._sessions.values())

    def infos(self) -> tuple[SessionInfo, ...]:
        return tuple(session.info() for session in self._sessions.values())

    def update_session_state(self, session_id: str, state: SessionState) -> Awaitable[None]:
        """Set a state at once. Raises SessionNotFoundError, InvalidTransitionError."""
        session = self.require_session(session_id)
        old = session.state
        if transition(old, state):
            session.state = state
            logger.debug("Session %s: %s -> %s", session_id, old, state)
            self.events.publish(ev.SessionStateChanged(session_id=session_id, old=old, new=state))
        return _Done()

    async def close_session(
        self, session_id: str, reason: str = "Closed", code: EndCode = EndCode.CLOSED
    ) -> bool:
        """Close in order, each step guarded and bounded. False when there is no such session."""
        self.end_soon(session_id, reason, code)
        task = self._closing.get(session_id)
        if task is None:
            return False
        await asyncio.shield(task)
        return True

    async def disconnect(self, session_id: str, reason: str) -> bool:
        """The guest says through the relay that it is gone; False when there is no such session.

        That ends what it cannot come back to. An attempt to return ends alone, and a guest that
        can come back counts as lost: a relay can forge this, and a guest that is still there
        proves it with its next message.
        """
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return await self.close_session(session_id, reason)
        session.disconnected(reason)
        if session_id in self._closing:
            await self.close_session(session_id, reason)
        return True

    def end_soon(self, session_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """Begin the close without waiting for it; the first reason given stays."""
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return
        task = asyncio.create_task(
            self._close(session, reason, code), name=f"close session {session_id}"
        )
        self._closing[session_id] = task
        task.add_done_callback(lambda _: self._closing.pop(session_id, None))

    def keep_open(self, session_id: str) -> bool:
        """The session counts as used just now; False when there is none, or it is closing."""
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return False
        session.touch()
        return True

    async def open_pty(self, session: Session, device_id: str, size: Size) -> PTY:
        if self._open_pty is None:
            raise TargetError("This session manager has no terminals to offer")
        return await self._open_pty(session, device_id, size)

    async def _close(self, session: Session, reason: str, code: EndCode) -> None:
        self.update_session_state(session.id, SessionState.CLOSED)
        steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("PTY bridge", lambda: session.close_bridge(reason, code)),
            ("data channel", session.close_channel),
            ("peer connection", session.close_connection),
        )
        for name, step in steps:
            try:
                async with asyncio.timeout(CLOSE_STEP_SECONDS):
                    await step()
            except TimeoutError:
                logger.warning("Session %s: closing the %s took too long", session.id, name)
            except Exception as error:
                logger.warning("Session %s: closing the %s failed: %r", session.id, name, error)
        self._sessions.pop(session.id, None)
        logger.info("Session %s closed: %s", session.id, reason)
        status = session.bridge.exit_status if session.bridge else None
        self.events.publish(
            ev.SessionClosed(
                session_id=session.id,
                reason=reason,
                code=code,
                exit_code=status.exit_code if status else None,
                share=session.guest.share,
                was_connected=session.was_connected,
            )
        )

    def _check_limits(self, guest: Guest) -> None:
        limits = self.settings.session
        if len(self._sessions) >= limits.max_sessions:
            raise SessionLimitError(f"The host has {limits.max_sessions} sessions, its limit")
        if guest.own or not guest.address:
            return
        of_guest = sum(s.guest.address == guest.address for s in self._sessions.values())
        if of_guest >= limits.max_sessions_per_guest:
            raise SessionLimitError(
                f"You have {limits.max_sessions_per_guest} sessions here, the limit for one guest"
            )

    def set_timeout(self, seconds: float) -> None:
        """session.timeout from now on, for the sessions there are, too."""
        session = msgspec.structs.replace(self.settings.session, timeout=seconds)
        self.settings = msgspec.structs.replace(self.settings, session=session)

    async def _cleanup_loop(self) -> None:
        while True:
            limits = self.settings.session
            interval = min(limits.cleanup_interval, TICK_SECONDS)
            if limits.timeout:
                interval = min(interval, limits.timeout / CLEANUP_PER_TIMEOUT)
            await asyncio.sleep(interval)
            self.clock.tick()
            for session in self.sessions():
                if session.id not in self._closing and not session.guest.own:
                    self._look_whether_idle(session)

    def _look_whether_idle(self, session: Session) -> None:
        if session.state is SessionState.DISCONNECTED:
            session.away()
            return
        timeout = self.settings.session.timeout
        warning = warning_seconds(timeout, self.settings.session.timeout_warning)
        verdict = session.idle.look(self.clock.now, timeout, warning)
        if verdict is Verdict.WARN:
            session.tell_idle(warning)
        elif verdict is Verdict.END:
            logger.info("Session timed out: %s", session.id)
            reason = f"Session timed out after {timeout:g} s without activity"
            self.end_soon(session.id, reason, EndCode.IDLE)

    async def _tick_loop(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for session in self.sessions():
                if session.state is not SessionState.CLOSED:
                    self._tick(session)

    def _sample(self, session: Session, idle: float) -> None:
        """Tell what went through, unless it is what was told last."""
        counter = session.counter
        rate_in, rate_out = counter.sample()
        rtt = session.pc.rtt
        sample = (counter.bytes_in, counter.bytes_out, rate_in, rate_out)
        if sample == session.last_sample and _alike(rtt, session.last_rtt):
            return
        session.last_sample, session.last_rtt = sample, rtt
        self.events.publish(
            ev.Traffic(
                session_id=session.id,
                bytes_in=counter.bytes_in,
                bytes_out=counter.bytes_out,
                rate_in=rate_in,
                rate_out=rate_out,
                rtt=rtt,
                idle=idle,
            )
        )

    def _tick(self, session: Session) -> None:
        now, limits = time.monotonic(), self.settings.session
        idle = session.idle.seconds(self.clock.now)
        self._sample(session, idle)
        channel = session.channel
        lost_at = session.disconnected_at
        # An attempt to return has a bound of its own: when it fails, this goes on.
        if (
            lost_at is not None
            and session.attempt is None
            and self.clock.now - lost_at > limits.resume_window
        ):
            self.end_soon(session.id, "The guest did not come back", EndCode.GRACE)
        if channel is None or not channel.is_v1 or not channel.is_open:
            return
        interval = limits.heartbeat_interval
        if idle > interval:
            interval *= REST_FACTOR
        silence = now - session.last_heard
        if silence > interval:
            channel.ping()
            # Silence alone proves nothing: at rest nobody has asked for long.
            session.asked_at = session.asked_at or now
        patience = limits.heartbeat_interval * MISSED_HEARTBEATS
        if (
            session.asked_at
            and now - session.asked_at > patience
            and session.state is SessionState.CONNECTED
        ):
            session.lost("The guest does not answer")
