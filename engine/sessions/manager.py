"""All sessions by id: creates, watches and closes them.

Owns the registry, the shells that sessions open and join, the heartbeat and the close order:
PTY bridge, data channel, peer connection, removal. Negotiation is in engine.agent.offers, who may
open a session in engine.access.decide. No terminal bytes pass through here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Protocol

import msgspec

from engine.access.decide import SCARCE, Deny, Kind, ShellFacts, Usage
from engine.access.guests import key
from engine.access.limits import PENDING_PER_ADDRESS, Held, make_room
from engine.access.returns import Place, Returns
from engine.core import descriptors
from engine.core import events as ev
from engine.core.errors import (
    HatchwayError,
    HostStoppedError,
    SessionExistsError,
    SessionLimitError,
    SessionNotFoundError,
    ShellEndedError,
    TargetError,
)
from engine.core.model import EndCode, Guest, Role, SessionInfo, Size
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, Settings
from engine.core.tasks import TaskOwner, start
from engine.sessions.guest_connection import GuestConnection
from engine.sessions.session import OpenPty, Session
from engine.shells.idle import Verdict, warning_seconds
from engine.shells.participant import Participant
from engine.shells.registry import Shells
from engine.transport.connection import PeerConnection

__all__ = ["SessionState", "WebRTCSessionManager"]

logger = logging.getLogger(__name__)

SESSION_TIMEOUT_SECONDS = 300
CLEANUP_INTERVAL_SECONDS = 60
"""The defaults of session.timeout and session.cleanup_interval."""
CLEANUP_PER_TIMEOUT = 5
"""A short time-out is checked this many times before it ends."""
CLOSE_STEP_SECONDS = 6.0
"""For each step of a close. The next step follows even if one takes longer."""
TICK_SECONDS = 1.0
"""Between two samples of traffic, and two checks of the heartbeat."""
MISSED_HEARTBEATS = 3
"""Heartbeat intervals without a reply to a ping after which the guest counts as lost."""
REST_FACTOR = 10
"""How much rarer pings are while there is no input or output: ICE consent checks the path
meanwhile (engine.transport.tuning.ice); pings only check that the page still runs."""


class Paths(Protocol):
    """Which paths connections may take, as far as known."""

    def current(self) -> IceSettings: ...
    async def known(self) -> None:
        """Raises NoTurnError."""


class _Done:
    """What update_session_state() returns: already done; awaiting it is optional."""

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
        let_in: Callable[[Session, str], Awaitable[None]] | None = None,
        returns: Returns | None = None,
    ) -> None:
        """``paths``: which paths connections may take; None means as in the settings.
        ``let_in`` decides whether a session may join a running shell, by its id; without it none
        may. ``returns``: the tokens by which guests come back."""
        self.settings = settings or Settings()
        self.events = events or ev.EventBus()
        self.returns = returns or Returns()
        self.shells = Shells(lambda: self.settings, self.events)
        self.clock = self.shells.clock
        self._paths = paths
        self._open_pty = open_pty
        self._let_in = let_in
        self._sessions: dict[str, Session] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._loops: TaskOwner | None = None
        self._refusing = False
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def ice(self) -> IceSettings:
        """The ICE settings for a new connection, extended by what the relay provides."""
        return self._paths.current() if self._paths is not None else self.settings.ice

    async def paths_known(self) -> None:
        """Wait, bounded, until ``ice`` includes the relay's rule. Raises NoTurnError."""
        if self._paths is not None:
            await self._paths.known()

    async def start(self) -> None:
        """Begin watching time-outs and heartbeats."""
        self._unsubscribe = self.events.subscribe(self._on_event)
        self._refusing = False
        if self._loops is None:
            self._loops = TaskOwner("sessions", self.events.publish)
            self._loops.supervise("The check for idle sessions", self._cleanup_loop)
            self._loops.supervise("The heartbeat of sessions", self._tick_loop)

    def refuse(self) -> None:
        """Create no sessions any more, until start() is called again."""
        self._refusing = True

    async def stop(self) -> None:
        """Close every session and stop all tasks. No session can be created from now on."""
        self.refuse()
        loops, self._loops = self._loops, None
        if loops is not None:
            await loops.close()
        for session_id in list(self._sessions):
            self.end_soon(session_id, "The host stopped", EndCode.HOST_STOPPED)
        while self._closing:
            await asyncio.wait(list(self._closing.values()))
        await self.shells.stop()
        self._unsubscribe()

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.ShellEnded):
            self.returns.shell_ended(event.shell.id)

    def create_session(
        self,
        session_id: str,
        device_id: str,
        *,
        guest: Guest | None = None,
        role: Role = Role.CONTROL,
        approval: bool = False,
        shell: str = "",
        successor_of: Session | None = None,
    ) -> PeerConnection:
        """A new session in state CREATED; its peer connection, ready for an offer.

        Whether the guest may open one was decided before, with the counts of ``usage()``.
        ``shell``: the running shell that it joins. ``successor_of``: see Session. The result may
        also be awaited. Raises SessionExistsError, and HostStoppedError after refuse().
        """
        if self._refusing:
            raise HostStoppedError
        guest = guest or Guest()
        if session_id in self._sessions:
            raise SessionExistsError(f"Session {session_id} already exists")
        logger.info("Creating WebRTC session: %s for %s", session_id, device_id)
        session = Session(
            session_id,
            device_id,
            self,
            guest,
            role,
            approval=approval,
            shell=shell,
            successor_of=successor_of,
        )
        self._sessions[session_id] = session
        self.events.publish(
            ev.SessionCreated(session_id=session_id, device_id=device_id, guest=guest)
        )
        return session.pc

    def usage(self, address: str = "") -> Usage:
        """The number of sessions in total, and of those that guests at ``address`` have offered
        and not opened yet, with both limits. A guest's own limits count its shells, once it has
        said who it is."""
        sessions = self._sessions.values()
        opening = [session for session in sessions if not session.was_connected]
        pending = (session for session in opening if session.guest.address == address)
        return Usage(
            total=len(sessions),
            limit=self.settings.session.max_shells,
            pending=sum(1 for _ in pending) if address else 0,
            pending_limit=PENDING_PER_ADDRESS,
            scarce=descriptors.are_scarce(len(opening)),
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
        """Change a session's state at once. Raises SessionNotFoundError, InvalidTransitionError."""
        self.require_session(session_id).change_state(state)
        return _Done()

    async def close_session(
        self, session_id: str, reason: str = "Closed", code: EndCode = EndCode.CLOSED
    ) -> bool:
        """Close in order, each step guarded and bounded. False for an unknown session."""
        self.end_soon(session_id, reason, code)
        task = self._closing.get(session_id)
        if task is None:
            return False
        await asyncio.shield(task)
        return True

    async def settled(self, session_id: str) -> None:
        """Wait, bounded, for a session that is being closed; return at once for any other."""
        if (task := self._closing.get(session_id)) is not None:
            await asyncio.shield(task)

    async def attempt_failed(self, session: Session, attempt: GuestConnection, reason: str) -> None:
        """An offer could not be answered. Returns when the session it may end is closed."""
        session.attempt_failed(attempt, reason)
        # Another session may have its id by now.
        if self._sessions.get(session.id) is session and session.id in self._closing:
            await self.close_session(session.id)

    async def disconnect(self, session_id: str, reason: str) -> bool:
        """The guest left, as signaling reports; False for an unknown session.

        A session that cannot be resumed ends. Of a resumable one only an attempt to return
        ends, or else the guest counts as lost: a relay can forge this message, and a guest
        that is still connected proves it with its next message.
        """
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return await self.close_session(session_id, reason)
        session.disconnected(reason)
        if session_id in self._closing:
            await self.close_session(session_id, reason)
        return True

    def end_soon(self, session_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """Begin to close without waiting; the first reason counts."""
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return
        task = start(self._close(session, reason, code), f"close session {session_id}")
        self._closing[session_id] = task
        task.add_done_callback(lambda _: self._closing.pop(session_id, None))

    def keep_open(self, session_id: str) -> bool:
        """Reset the idle time; False when there is no such session, or it is closing."""
        session = self._sessions.get(session_id)
        if session is None or session_id in self._closing:
            return False
        session.keep()
        return True

    # engine.sessions.session.SessionOwner

    async def enter(self, session: Session, device_id: str, size: Size) -> Participant:
        if session.joins:
            return await self._join(session)
        if self._open_pty is None:
            raise TargetError("This session manager cannot open terminals")
        owner, link_id = key(session.guest), session.guest.share
        self.make_room(owner, link_id)
        pty = await self._open_pty(session, device_id, size)
        position, typed = session.positions
        try:
            # Others may have been opened meanwhile.
            self.make_room(owner, link_id)
            shell = self.shells.add(
                pty,
                shell_id=session.shell_id,
                target=device_id,
                own=session.guest.own,
                owner=owner,
                link_id=link_id,
                position=position,
            )
        except HatchwayError:
            await pty.close()
            raise
        return session.take_part(shell, opens=True, input_position=typed)

    def make_room(self, owner: str = "", link_id: str = "") -> None:
        """For another shell: see engine.access.limits. Raises SessionLimitError."""
        self.shells.check_running()
        left = descriptors.free()
        if left is not None and left < descriptors.PER_SESSION:
            raise SessionLimitError(SCARCE)
        held = (
            Held(one.id, one.owner, one.link_id, one.alone_since)
            for one in self.shells.all()
            if one.is_connected
        )
        room = make_room(held, owner, link_id, self.settings.session)
        if isinstance(room, Deny):
            raise room.error()
        for shell_id in room.ends:
            reason = "Another terminal was opened, and this one was not in use"
            self.shells.end_soon(shell_id, reason, EndCode.LIMIT)

    async def _join(self, session: Session) -> Participant:
        shell = self.shells.find(session.joins)
        if shell is None or self._let_in is None:
            raise ShellEndedError
        await self._let_in(session, shell.id)
        if not shell.is_connected:
            raise ShellEndedError
        return session.take_part(shell, opens=False)

    def keep_shell(self, shell_id: str) -> None:
        self.shells.keep_open(shell_id)

    def size_of(self, shell_id: str, position: int) -> Size | None:
        shell = self.shells.find(shell_id)
        return shell.size_at(position) if shell is not None else None

    def issue_token(self, session: Session) -> str:
        guest = session.guest
        return self.returns.issue(
            session.shell_id,
            session.participant_id,
            session.id,
            session.role,
            Kind.of(guest),
            guest.share,
        )

    def role_changed(self, session: Session, role: Role) -> None:
        self.returns.set_role(session.shell_id, session.participant_id, role)

    def came_back(self, session: Session) -> None:
        self.returns.use(session.resume_token, session.id)

    def shell_facts(self, shell_id: str) -> ShellFacts | None:
        """A running shell's facts for a decision; None when there is none."""
        shell = self.shells.find(shell_id)
        if shell is None:
            return None
        return ShellFacts(
            shell.id,
            shell.target,
            not shell.is_connected,
            sum(one.is_attached for one in shell.participants),
            self.settings.session.max_participants,
        )

    def session_at(self, place: Place) -> Session | None:
        """The session whose participant a resume token names; None when that has ended."""
        session = self._sessions.get(place.session_id)
        return session if session is not None and session.id not in self._closing else None

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
        """Set session.timeout, for existing sessions, too."""
        session = msgspec.structs.replace(self.settings.session, timeout=seconds)
        self.settings = msgspec.structs.replace(self.settings, session=session)

    def set_grace(self, seconds: float) -> None:
        """Set session.grace, for shells that are alone already, too."""
        session = msgspec.structs.replace(self.settings.session, grace=seconds)
        self.settings = msgspec.structs.replace(self.settings, session=session)

    async def _cleanup_loop(self) -> None:
        while True:
            limits = self.settings.session
            interval = min(limits.cleanup_interval, TICK_SECONDS)
            if limits.timeout:
                interval = min(interval, limits.timeout / CLEANUP_PER_TIMEOUT)
            await asyncio.sleep(interval)
            self.shells.check()
            for session in self.sessions():
                if session.id not in self._closing and not session.guest.own:
                    self._guarded(self._check_idle, session)

    def _check_idle(self, session: Session) -> None:
        """Of a session without a running shell; shells have their own check."""
        if session.bridge is not None and session.bridge.exit_status is None:
            return
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
        # An attempt to return has its own time limit; when it fails, this check continues.
        if (
            lost_at is not None
            and session.attempt is None
            and limits.grace
            and self.clock.now - lost_at > limits.grace
        ):
            self.end_soon(session.id, "The guest did not reconnect", EndCode.GRACE)
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
            session.lost("The guest is not responding")
