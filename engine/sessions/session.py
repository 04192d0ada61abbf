"""One session: a guest's WebRTC conversation, which makes it a participant of a shell.

Owns its state, its participant, which outlives a lost connection, and the connections: the one
in use, and the attempt of a returning guest. It asks the manager to close it. Other modules call
methods that report what happened and set no fields.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from engine.access.decide import (
    Action,
    Approval,
    Deny,
    Kind,
    Resource,
    SessionFacts,
    Subject,
    Token,
    decide,
)
from engine.access.guests import identity
from engine.core import events as ev
from engine.core.errors import ChannelClosedError, HatchwayError, LimitError
from engine.core.model import EndCode, ExitStatus, Guest, ParticipantKind, Role, SessionInfo, Size
from engine.core.session_state import SessionState, transition
from engine.core.settings import IceSettings, Settings
from engine.pty.base import PTY
from engine.sessions.guest_connection import GuestConnection
from engine.sessions.liveness import Liveness
from engine.sessions.terminal_channel import TerminalChannel
from engine.shells.idle import IdleWatch, RunningClock
from engine.shells.participant import Participant, Permission
from engine.shells.shell import Shell
from engine.shells.traffic import Counter, Sampler
from engine.transport.connection import PeerConnection
from engine.wire import terminal as wire
from engine.wire.proof import genuine

logger = logging.getLogger(__name__)

CAPABILITIES = (
    *("ack", "resume", "role", "notice"),
    *(wire.IDLE, wire.SNAPSHOT, wire.HISTORY, wire.SIZE, wire.MUTE),
    *(wire.PEOPLE, wire.KEYBOARD, wire.RECORDING, wire.REVEAL),
)
"""Our hatchway.v1 capabilities, as ``welcome`` lists them."""

MAPPED = (
    "id",
    "session_id",
    "device_id",
    "guest",
    "role",
    "state",
    "created_at",
    "last_activity",
)
"""The names that ``session[name]`` accepts."""

OpenPty = Callable[["Session", str, Size], Awaitable[PTY]]
"""Opens the PTY of a device for a session, after checking that it may."""


class SessionOwner(Protocol):
    """What a session needs from the manager."""

    settings: Settings
    events: ev.EventBus
    clock: RunningClock

    @property
    def ice(self) -> IceSettings: ...

    def end_soon(self, session_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None: ...
    async def enter(self, session: Session, device_id: str, size: Size) -> Participant:
        """Open a shell for the session, or join the one that it is for. Raises HatchwayError."""

    def keep_shell(self, shell_id: str) -> None: ...
    def size_of(self, shell_id: str, position: int) -> Size | None:
        """The size of a running shell at a position of its output; None for another one."""

    def issue_token(self, session: Session) -> str:
        """The resume token of the session's participant."""

    def role_changed(self, session: Session, role: Role) -> None: ...
    def came_back(self, session: Session) -> None:
        """The session has come back by its participant's token, from elsewhere."""


class Session:
    """Mapping access works too (``session["state"]``), for the names in MAPPED."""

    def __init__(
        self,
        session_id: str,
        device_id: str,
        owner: SessionOwner,
        guest: Guest,
        role: Role,
        *,
        approval: bool = False,
        shell: str = "",
        successor_of: Session | None = None,
    ) -> None:
        """``approval``: the host is asked before the first terminal starts. ``shell``: the
        running shell that it joins; "" opens one. ``successor_of``: the session whose
        participant it takes over once its data channel is open."""
        self.id = session_id
        self.device_id = device_id
        self.guest = guest
        self.was_connected = False
        self.created_at = time.time()
        self.last_activity = self.created_at
        self._joins = shell
        self._shell_id = shell or secrets.token_hex(8)
        self._participant_id = secrets.token_hex(4)
        self._predecessor = successor_of
        self.counter = Counter()
        self.sampler = Sampler(self.counter)
        self.bridge: Participant | None = None
        self.idle = IdleWatch(owner.clock.now)
        self.liveness = Liveness(time.monotonic())
        self.disconnected_at: float | None = None
        """When the guest was lost whose return is awaited, on the owner's clock; else None."""
        self._state = SessionState.CREATED
        self._role = role
        self._approval = Approval.NEEDED if approval else Approval.NOT_NEEDED
        self._owner = owner
        self.connection = GuestConnection(self, owner)
        """The connection in use; for a lost guest, the last one."""
        self.attempt: GuestConnection | None = None
        """The connection over which the guest is about to return."""
        self._token = owner.issue_token(self)
        self._connection_lost = False
        self._output_position = self._input_position = 0
        self._dropped: set[GuestConnection] = set()

    def __getitem__(self, key: str) -> Any:
        if key not in MAPPED:
            raise KeyError(key)
        return getattr(self, key)

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def role(self) -> Role:
        """What the guest may do."""
        return self.bridge.role if self.bridge is not None else self._role

    @property
    def resume_token(self) -> str:
        """It names this session's participant, for as long as that lives."""
        return self._token

    @property
    def shell_id(self) -> str:
        """The shell that it is in, or will be once its terminal has started."""
        return self._shell_id

    @property
    def participant_id(self) -> str:
        """The id of its participant, which may come later."""
        return self._participant_id

    @property
    def joins(self) -> str:
        """The running shell that it came to join; "" when it opens shells."""
        return self._joins

    @property
    def session_id(self) -> str:
        return self.id

    @property
    def pc(self) -> PeerConnection:
        return self.connection.pc

    @property
    def size(self) -> Size:
        return self.connection.size

    @property
    def code(self) -> str:
        """The short code that both ends show; empty where there is none to compare."""
        return self.connection.code

    @property
    def channel(self) -> TerminalChannel | None:
        return self.connection.channel

    @property
    def resumable(self) -> bool:
        """Whether a guest who lost the connection could resume the session."""
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

    # Access.

    def facts(self) -> SessionFacts:
        """The current facts for a decision."""
        return SessionFacts(
            self.id,
            self.device_id,
            Kind.of(self.guest),
            self.guest.share,
            self.role,
            self._approval,
            self._state is SessionState.CLOSED,
        )

    def check_token(self, token: str | None) -> Token:
        """Whether an offer's resume token is this session's."""
        if not token:
            return Token.ABSENT
        return Token.RIGHT if genuine(self._token, token) else Token.WRONG

    def waits_for_approval(self) -> None:
        self._notify(wire.Approval("waiting"))

    def admitted(self, role: Role) -> None:
        """The host admitted the guest as ``role``."""
        before, self._role, self._approval = self.role, role, Approval.GIVEN
        self._notify(wire.Approval("allowed"))
        if self.bridge is not None:
            self.bridge.set_role(role)
            self._update_permission()
        elif role is not before:
            self._notify(wire.RoleChanged(role))

    def refused(self, reason: str) -> None:
        """The host did not admit the guest: the session ends."""
        self._notify(wire.Approval("denied"))
        self._owner.end_soon(self.id, reason)

    def _permission(self) -> Permission:
        subject, resource = (
            Subject(Kind.of(self.guest)),
            Resource(self.device_id, None, self.facts()),
        )
        write = decide(subject, Action.WRITE, resource)
        resize = decide(subject, Action.RESIZE, resource)
        return Permission(
            refused_input=write.error if isinstance(write, Deny) else None,
            resize=not isinstance(resize, Deny),
        )

    def _update_permission(self) -> None:
        """Role, approval or state changed: decide again what the bridge allows."""
        if self.bridge is not None:
            self.bridge.permit(self._permission())

    def _notify(self, message: wire.AgentMessage) -> None:
        """Send ``message`` if the guest speaks hatchway.v1."""
        if self.channel is not None and self.channel.is_v1:
            self.channel.post(message)

    # State and connections.

    def change_state(self, new: SessionState) -> None:
        """Set and publish the state, if it differs. Raises InvalidTransitionError."""
        old = self._state
        if not transition(old, new):
            return
        self._state = new
        self._update_permission()
        logger.debug("Session %s: %s -> %s", self.id, old, new)
        self._owner.events.publish(ev.SessionStateChanged(session_id=self.id, old=old, new=new))

    def offered(self) -> GuestConnection:
        """Begin to answer the offer that created the session; returns the connection for it."""
        self.change_state(SessionState.CONNECTING)
        return self.connection

    def take_part(self, shell: Shell, *, opens: bool, input_position: int = 0) -> Participant:
        """Become a participant of ``shell``, which was opened for this session or not. Raises
        PTYClosedError or LimitError."""
        return shell.join(
            ParticipantKind.HOST if self.guest.own else ParticipantKind.GUEST,
            self.role,
            who=self._participant_id,
            opens=opens,
            # Without its name a guest has none here: others must not see its address.
            name=self.guest.label if self.guest.own or self.guest.name else "",
            session_id=self.id,
            counter=self.counter,
            input_position=input_position,
            on_activity=self.touch,
            on_end=self._pty_ended,
            on_role=self._role_changed,
        )

    def begin_attempt(self) -> GuestConnection:
        """A connection for a returning guest. It replaces an earlier attempt."""
        self._drop_attempt("Replaced by a newer offer")
        self.attempt = GuestConnection(self, self._owner)
        if self._state is SessionState.DISCONNECTED:
            self.change_state(SessionState.CONNECTING)
        return self.attempt

    def attempt_failed(self, attempt: GuestConnection, reason: str) -> None:
        """The attempt to return failed.

        The shell and the time its guest has to return are not affected. A session that was
        never connected ends.
        """
        if self._state is SessionState.CLOSED:
            return
        if attempt is self.connection and not self.was_connected:
            self._owner.end_soon(self.id, reason)
        if attempt is not self.attempt:
            return
        self._drop_attempt(reason)
        if self._state is SessionState.CONNECTING:
            self.change_state(SessionState.DISCONNECTED)
        self.note(f"The guest could not reconnect: {reason}")
        if self._connection_lost and self.disconnected_at is None:
            self._owner.end_soon(self.id, reason)

    def connection_for(self, ufrag: str) -> GuestConnection | None:
        """The connection of a remote candidate; None for one whose offer is still to come.

        ``ufrag`` is the candidate's, or empty: browsers set it.
        """
        known = [one for one in (self.attempt, self.connection) if one is not None]
        if ufrag:
            return next((one for one in known if one.pc.remote_ufrag == ufrag), None)
        if self.attempt is None and self._connection_lost:
            return None  # for the connection to come, not the lost one
        return known[0] if known[0].pc.remote_ufrag else None

    def _drop_attempt(self, reason: str) -> None:
        if self.attempt is not None:
            attempt, self.attempt = self.attempt, None
            self._drop(attempt, reason)

    def _drop(self, connection: GuestConnection, reason: str) -> None:
        connection.drop(reason)
        self._dropped = {one for one in self._dropped if not one.is_closed} | {connection}

    def take_over(self, connection: GuestConnection) -> None:
        """The data channel of ``connection`` is open: it becomes the one in use."""
        if connection is not self.connection:
            old, self.connection, self.attempt = self.connection, connection, None
            self._drop(old, "The guest reconnected")
        if self._predecessor is not None:
            predecessor, self._predecessor = self._predecessor, None
            self._inherit(predecessor)

    def _inherit(self, predecessor: Session) -> None:
        """Become the participant that ``predecessor`` was; that one is told and ends."""
        bridge = predecessor.give_away()
        if bridge is None:
            return
        self.bridge = bridge
        self._token, self._shell_id = predecessor.resume_token, predecessor.shell_id
        self._joins, self._participant_id = predecessor.joins, bridge.id
        self._owner.came_back(self)
        bridge.report_to(self.touch, self._pty_ended, self._role_changed, self.counter)
        bridge.describe(session_id=self.id)
        self._update_permission()

    def give_away(self) -> Participant | None:
        """The guest goes on as another session, which gets the participant; this one ends."""
        bridge, self.bridge = self.bridge, None
        if self.channel is not None:
            self.channel.replaced()
        self._owner.end_soon(self.id, "You opened this terminal elsewhere")
        return bridge

    def channel_opened(self) -> None:
        self.was_connected = True
        self.liveness.heard(time.monotonic())
        self._back()
        self.touch()

    def _back(self) -> None:
        """The guest is connected again; its next loss starts a new wait."""
        self._connection_lost, self.disconnected_at = False, None
        self.change_state(SessionState.CONNECTED)

    def connection_failed(self, connection: GuestConnection, reason: str) -> None:
        if connection is self.attempt:
            self.attempt_failed(connection, reason)
        elif connection is self.connection:
            self.lost(reason)

    def disconnected(self, reason: str) -> None:
        """See WebRTCSessionManager.disconnect()."""
        if self.attempt is not None:
            self.attempt_failed(self.attempt, reason)
            return
        self.lost(reason)
        if self.disconnected_at is not None and self.channel is not None:
            # A guest that is still connected answers at once.
            self.channel.ping()

    def lost(self, reason: str) -> None:
        """The connection is lost. If the session is resumable it waits for the guest."""
        if self.state is SessionState.CLOSED:
            return
        self.connection.stop_watching()
        self._connection_lost = True
        if self.state in (SessionState.CONNECTING, SessionState.CONNECTED):
            self.change_state(SessionState.DISCONNECTED)
        if self.resumable and self.disconnected_at is None:
            self.disconnected_at = self._owner.clock.now
            self.note(f"{reason}; waiting for the guest to reconnect")
        if self.attempt is not None:
            self.change_state(SessionState.CONNECTING)
        elif self.disconnected_at is None:
            self._owner.end_soon(self.id, reason)

    # engine.sessions.terminal_channel.TerminalHost

    def size_hint(self) -> Size:
        return self.size

    async def connect_pty(
        self, device_id: str, size: Size, channel: TerminalChannel
    ) -> Participant:
        if self.state is SessionState.CLOSED:
            raise ChannelClosedError("The session is closed")
        if self.bridge is not None:
            # Positions go on: the guest counts over all terminals of its session.
            before, self._role = self.bridge, self.bridge.role
            self._output_position, self._input_position = before.end, before.input_taken
            self.bridge = None
            await before.leave("Another terminal was opened")
        else:
            self._input_position = channel.input_taken
        bridge = await self._owner.enter(self, device_id, size)
        if self.current_state() is SessionState.CLOSED:
            await bridge.leave("The session is closed")
            raise ChannelClosedError("The session is closed")
        self.bridge = bridge
        self._update_permission()
        self._owner.events.publish(
            ev.PtyConnected(session_id=self.id, target=bridge.label, code=self.code)
        )
        return bridge

    @property
    def positions(self) -> tuple[int, int]:
        """Where output and input of its next terminal begin to count."""
        return self._output_position, self._input_position

    def current_state(self) -> SessionState:
        """The state now; a call, so that mypy does not assume it unchanged after an await."""
        return self.state

    def welcome(self, start: int, resumed: bool) -> wire.Welcome:
        bridge = self.bridge
        size = self._owner.size_of(self._shell_id, start) or self.size
        return wire.Welcome(
            session_id=self.id,
            target=bridge.label if bridge else self.device_id,
            role=self.role,
            resume=self._token,
            window=wire.WINDOW,
            start=start,
            resumed=resumed,
            capabilities=CAPABILITIES,
            shell=self._shell_id,
            participant=self._participant_id,
            cols=size.cols,
            rows=size.rows,
            typed=bridge.others_typed if bridge else False,
        )

    def introduce(self, hello: wire.Hello) -> None:
        if hello.guest and not self.guest.own:
            self.guest = replace(self.guest, identity=identity(hello.guest))

    def revealed(self, nonce: str) -> None:
        if self.connection.revealed(nonce):
            self._owner.events.publish(ev.CodeKnown(session_id=self.id, code=self.code))

    def keep(self) -> None:
        self.touch()
        self._owner.keep_shell(self._shell_id)

    def touch(self) -> None:
        self.last_activity = time.time()
        if self.idle.touch(self._owner.clock.now):
            self.report_idle(None)

    def away(self) -> None:
        """No guest is attached: this does not count as idle, and a warning would reach nobody."""
        if self.idle.touch(self._owner.clock.now):
            self.report_idle(None)

    def report_idle(self, seconds: float | None) -> None:
        """Warn both ends that the session ends as idle in ``seconds``; None cancels that."""
        self._owner.events.publish(ev.SessionIdle(session_id=self.id, seconds=seconds))
        if self.channel is not None:
            self.channel.idle(seconds)

    def heard(self) -> None:
        self.liveness.heard(time.monotonic())
        closed = self.state is SessionState.CLOSED
        if self._connection_lost and not closed and self.channel and self.channel.is_open:
            self._back()

    def guest_closed(self) -> None:
        # A guest also leaves because its program ended: then that is the reason to show.
        ended = self.bridge.exit_status if self.bridge else None
        status = ended or ExitStatus(None, "Closed by the guest", EndCode.CLOSED)
        self._owner.end_soon(self.id, status.reason, status.code)

    def channel_lost(self, channel: TerminalChannel) -> None:
        if channel is self.channel:
            self.lost("The guest disconnected")

    def broken(self, error: HatchwayError) -> None:
        code = EndCode.LIMIT if isinstance(error, LimitError) else EndCode.CLOSED
        self._owner.end_soon(self.id, str(error), code)

    # The three steps of a close, in the order the manager takes them.

    async def close_bridge(self, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        self.connection.stop_watching()
        self._drop_attempt(reason)
        bridge, channel = self.bridge, self.channel
        # Otherwise the guest already knows how its program ended.
        report = (
            not bridge.knows_end if bridge is not None else channel is not None and channel.is_v1
        )
        try:
            if bridge is not None:
                # After a loss the shell waits for its guest, as long as its grace time lasts.
                await bridge.leave(reason, code, closed=code is not EndCode.GRACE)
        finally:
            # Even if ending the processes takes too long: the guest is to know why.
            if report and channel is not None and channel.is_open:
                channel.ended(ExitStatus(None, reason, code))

    async def close_channel(self) -> None:
        if self.channel is not None:
            await self.channel.close()

    async def close_connection(self) -> None:
        self._drop(self.connection, "The session was closed")
        await asyncio.gather(*(one.closed() for one in self._dropped))

    def _pty_ended(self, status: ExitStatus) -> None:
        self.note(status.reason)
        if status.code is not EndCode.ENDED:
            self._owner.end_soon(self.id, status.reason, status.code)

    def _role_changed(self, role: Role) -> None:
        self._update_permission()
        self._owner.role_changed(self, role)
