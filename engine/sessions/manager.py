"""The sessions by id: making, watching and closing them.

Owns the registry, the time-outs, the heartbeat and the close order: PTY bridge, data channel,
peer connection, removal. Does not own negotiation (the signaling handlers do), who may open a
session (engine.access.decide) or a session's fields, and never touches a terminal byte.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Protocol

import msgspec

from engine.access.decide import Usage
from engine.core import events as ev
from engine.core.errors import (
    HostStoppedError,
    SessionExistsError,
    SessionNotFoundError,
    TargetError,
)
from engine.core.model import EndCode, Guest, Role, SessionInfo, Size
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, Settings
from engine.core.tasks import TaskOwner, start
from engine.pty.base import PTY
from engine.sessions.guest_connection import GuestConnection
from engine.sessions.idle import RunningClock, Verdict, warning_seconds
from engine.sessions.session import OpenPty, Session
from engine.transport.connection import PeerConnection

__all__ = ["SessionState", "WebRTCSessionManager"]

logger = logging.getLogger(__name__)

SESSION_TIMEOUT_SECONDS = 300
CLEANUP_INTERVAL_SECONDS = 60
"""The defaults of session.timeout and session.cleanup_interval."""
CLEANUP_PER_TIMEOUT = 5
"""A short time-out is checked this many times within it."""
CLOSE_STEP_SECONDS = 6.0
"""How long each step of a close may take. The next one is taken all the same."""
TICK_SECONDS = 1.0
"""Between two samples of traffic, and two checks of the heartbeat."""
MISSED_HEARTBEATS = 3
"""Heartbeat intervals without an answer to a ping after which the guest is disconnected."""
REST_FACTOR = 10
"""How much rarer the pings are while nothing is typed or printed: ICE's consent watches
the path meanwhile (engine.transport.tuning.ice), the pings only whether the page still runs."""


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
        self._loops: TaskOwner | None = None
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
        """Begin watching time-outs and heartbeats."""
        self._refusing = False
        if self._loops is None:
            self._loops = TaskOwner("sessions", self.events.publish)
            self._loops.supervise("The check for idle sessions", self._cleanup_loop)
            self._loops.supervise("The heartbeat of sessions", self._tick_loop)

    def refuse(self) -> None:
        """Make no session any more, until start() is called again."""
        self._refusing = True

    async def stop(self) -> None:
        """Close every session and leave no task behind. None can be made meanwhile or after."""
        self.refuse()
        loops, self._loops = self._loops, None
        if loops is not None:
            await loops.close()
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
        approval: bool = False,
    ) -> PeerConnection:
        """A new session in state CREATED; its peer connection, ready for an offer.

        Whether the guest may have one was decided before (``usage()`` counts for that). The
        result may also be awaited. Raises SessionExistsError, and HostStoppedError from
        refuse() on.
        """
        if self._refusing:
            raise HostStoppedError
        guest = guest or Guest()
        if session_id in self._sessions:
            raise SessionExistsError(f"Session {session_id} exists already")
        logger.info("Creating WebRTC session: %s for %s", session_id, device_id)
        session = Session(session_id, device_id, self, guest, role, approval=approval)
        self._sessions[session_id] = session
        self.events.publish(
            ev.SessionCreated(session_id=session_id, device_id=device_id, guest=guest)
        )
        return session.pc

    def usage(self, address: str = "") -> Usage:
        """Sessions there are, and of the guests at ``address``, with the limits of both."""
        limits, sessions = self.settings.session, self._sessions.values()
        return Usage(
            total=len(sessions),
            limit=limits.max_sessions,
            of_guest=sum(s.guest.address == address for s in sessions) if address else 0,
            guest_limit=limits.max_sessions_per_guest,
        )

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
        """Change a state at once. Raises SessionNotFoundError, InvalidTransitionError."""
        self.require_session(session_id).change_state(state)
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

    async def attempt_failed(self, session: Session, attempt: GuestConnection, reason: str) -> None:
        """An offer could not be answered. Returns when what ends with it has ended."""
        session.attempt_failed(attempt, reason)
        # Its id may be another session's by now.
        if self._sessions.get(session.id) is session and session.id in self._closing:
            await self.close_session(session.id)

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
        task = start(self._close(session, reason, code), f"close session {session_id}")
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
                    self._guarded(self._check_idle, session)

    def _check_idle(self, session: Session) -> None:
        if session.state is SessionState.DISCONNECTED:
            session.away()
            return
        timeout = self.settings.session.timeout
        warning = warning_seconds(timeout, self.settings.session.timeout_warning)
        verdict = session.idle.check(self.clock.now, timeout, warning)
        if verdict is Verdict.WARN:
            session.report_idle(warning)
        elif verdict is Verdict.END:
            logger.info("Session timed out: %s", session.id)
            reason = f"Session timed out after {timeout:g} s without activity"
            self.end_soon(session.id, reason, EndCode.IDLE)

    async def _tick_loop(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for session in self.sessions():
                if session.state is not SessionState.CLOSED:
                    self._guarded(self._tick, session)

    def _guarded(self, check: Callable[[Session], None], session: Session) -> None:
        """A fault in one session's check costs the other sessions nothing: it ends that one."""
        try:
            check(session)
        except Exception:
            logger.exception("Session %s: a regular check failed", session.id)
            self.end_soon(session.id, "The host failed to look after the session; see its log")

    def _sample(self, session: Session, idle: float) -> None:
        sample = session.sampler.sample(session.pc.rtt)
        if sample is not None:
            self.events.publish(
                ev.Traffic(
                    session_id=session.id,
                    bytes_in=sample.bytes_in,
                    bytes_out=sample.bytes_out,
                    rate_in=sample.rate_in,
                    rate_out=sample.rate_out,
                    rtt=sample.rtt,
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
        if session.liveness.silence(now) > interval:
            channel.ping()
            session.liveness.asked(now)
        patience = limits.heartbeat_interval * MISSED_HEARTBEATS
        if session.liveness.unanswered(now) > patience and session.state is SessionState.CONNECTED:
            session.lost("The guest does not answer")
