"""Somebody at a shell: a guest's session, a window's tab, a watch panel, a tty.

A participant outlives its connections. While one is attached, a task of its own carries output
from the participant's position in the log to the connection's sink, so that nobody is waited for
where the program is read. A participant in this process may attach without a sink: it paints
the shell's own screen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from engine.core.errors import ChannelClosedError, HatchwayError, PTYClosedError
from engine.core.model import (
    EndCode,
    ExitStatus,
    KeyboardView,
    ParticipantInfo,
    ParticipantKind,
    Person,
    Role,
    Size,
)
from engine.core.tasks import start
from engine.shells.rounds import metered
from engine.shells.screen import Snapshot
from engine.shells.size_log import SizeChange
from engine.shells.traffic import Counter
from engine.wire.conversation.positions import Positions
from engine.wire.terminal import Theme

logger = logging.getLogger(__name__)

PIECE = 16 * 1024
"""The most output passed to a sink at once, in bytes."""
NEARBY_LINES = 1000
"""Lines of history with which a screen can take any size: no screen is higher."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What may enter a PTY. ``refused_input`` makes the error for refused input; None allows it.

    It stands beside the shell's own rules (role and keyboard): both must allow.
    """

    refused_input: Callable[[], HatchwayError] | None = None
    resize: bool = True


class Sink(Protocol):
    """A connection that shows the shell's output. All calls come from the loop."""

    @property
    def reports(self) -> bool:
        """Whether ``Participant.acknowledge()`` says what was shown; else what was sent counts
        as shown."""

    def offer(self, data: bytes) -> int:
        """Send as much of the output as can be sent without waiting; returns how many bytes."""

    async def output(self, data: bytes) -> None:
        """Send at most PIECE bytes of output, waiting while the other end is slow. Raises
        ChannelClosedError."""

    async def ready(self) -> None:
        """Wait until a snapshot may be sent. Raises ChannelClosedError."""

    async def snapshot(self, snapshot: Snapshot, missed: int) -> None:
        """Send a screen; output goes on from ``snapshot.at``. ``missed``: the bytes of output
        that are left out before it, 0 when the guest has just joined or come back. Raises
        ChannelClosedError."""

    def size(self, size: Size, by: str) -> bool:
        """The terminal has another size from this position on. False: the other end cannot
        be told."""

    def people(self, people: Sequence[Person]) -> None: ...
    def keyboard(self, view: KeyboardView) -> None: ...
    def role(self, role: Role) -> None: ...
    def recording(self, since: float | None) -> None: ...
    def idle(self, seconds: float | None) -> None: ...

    def ended(self, status: ExitStatus) -> None:
        """The shell has ended; all output came before this."""


class Owner(Protocol):
    """What a participant needs from its shell."""

    @property
    def id(self) -> str: ...
    @property
    def is_connected(self) -> bool: ...
    @property
    def label(self) -> str: ...
    @property
    def current_size(self) -> Size: ...
    @property
    def exit_status(self) -> ExitStatus | None: ...
    @property
    def begin(self) -> int:
        """The position of the shell's first output."""

    @property
    def end(self) -> int:
        """The log's end."""

    def ask_keyboard(self, who: str, on: bool) -> None: ...

    def read(self, position: int, limit: int) -> bytes: ...
    def holds(self, position: int) -> bool:
        """Whether the log has the output from there on."""

    def next_size(self, number: int) -> SizeChange | None:
        """The first change of the size with at least this number."""

    def sizes_from(self, position: int) -> int:
        """The number of the first change of the size at or after ``position``."""

    def must_skip(self, participant: Participant) -> bool: ...
    def pause(self, participant: Participant) -> float:
        """Seconds that it must wait before anything is sent to it."""

    def spent(self, participant: Participant, seconds: float) -> None:
        """Sending to it took so much of the loop's time."""

    async def picture(self, participant: Participant, *, joins: bool) -> Snapshot:
        """The screen. ``joins``: with history; else the participant only fell behind. Raises
        PTYClosedError when the shell has ended and its screen is gone."""

    def progressed(self) -> None: ...
    def attached(self, participant: Participant) -> None: ...
    def detached(self, participant: Participant, *, lost: bool) -> None: ...
    async def typed(self, participant: Participant, data: bytes) -> None: ...
    def input_taken(self, who: str) -> int: ...
    async def settled(self, who: str) -> int: ...
    def permission_changed(self, participant: Participant) -> None: ...
    def window_changed(self, participant: Participant) -> None: ...
    def role_of(self, who: str) -> Role: ...
    def set_role(self, who: str, role: Role) -> None: ...
    async def leave(
        self, participant: Participant, reason: str, code: EndCode, *, closed: bool
    ) -> None: ...
    def typed_by_others(self, who: str) -> int:
        """Bytes of everybody else that have entered so far."""


class Participant:
    """One of a shell's people. Made by ``Shell.join()``."""

    def __init__(
        self,
        shell: Owner,
        who: str,
        kind: ParticipantKind,
        *,
        name: str = "",
        session_id: str = "",
        counter: Counter | None = None,
        on_activity: Callable[[], None] = lambda: None,
        on_end: Callable[[ExitStatus], None] = lambda status: None,
        on_role: Callable[[Role], None] = lambda role: None,
    ) -> None:
        self.id = who
        self.kind = kind
        self._shell = shell
        self._name = name
        self._session_id = session_id
        self._counter = counter or Counter()
        self._on_activity = on_activity
        self._on_end = on_end
        self._on_role = on_role
        self._permission = Permission()
        self._sink: Sink | None = None
        self._paints = False
        self._pump: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._position = 0
        self._rendered = 0
        self._next_size = 0
        self._told_size: Size | None = None
        self._lacks_history = False
        self._behind_since: float | None = None
        self._needs_picture = False
        self._window: Size | None = None
        self._capabilities: frozenset[str] = frozenset()
        self._features: frozenset[str] = frozenset()
        self._theme: Theme | None = None
        self._positions: Positions | None = None
        self._history: int | None = None
        self._typed_at = 0.0
        self._told_end = False
        self._lost_at = 0

    # What others see.

    @property
    def name(self) -> str:
        return self._name

    @property
    def session_id(self) -> str:
        return self._session_id

    @property
    def is_connected(self) -> bool:
        """Whether the program takes input."""
        return self._shell.is_connected

    @property
    def is_attached(self) -> bool:
        """Whether somebody looks."""
        return self._sink is not None or self._paints

    @property
    def streams(self) -> bool:
        """Whether it gets bytes; else it paints the shell's screen, or is away."""
        return self._sink is not None

    @property
    def role(self) -> Role:
        return self._shell.role_of(self.id)

    @property
    def label(self) -> str:
        return self._shell.label

    @property
    def size(self) -> Size:
        """The terminal's."""
        return self._shell.current_size

    @property
    def window(self) -> Size | None:
        """The participant's own window; None while it has no say in the size."""
        return self._window

    @property
    def capabilities(self) -> frozenset[str]:
        return self._capabilities

    @property
    def features(self) -> frozenset[str]:
        """What its emulator can do."""
        return self._features

    @property
    def theme(self) -> Theme | None:
        return self._theme

    @property
    def positions(self) -> Positions | None:
        """How positions of its connections lie to the log's."""
        return self._positions

    @property
    def history(self) -> int | None:
        """Lines of history that it asked for; None: as many as usual."""
        return self._history

    @property
    def permission(self) -> Permission:
        return self._permission

    @property
    def position(self) -> int:
        """The log position up to which output was sent to it."""
        return self._position

    @property
    def rendered(self) -> int:
        """The log position up to which it has shown output, as far as we know."""
        if self._paints:
            return self._shell.end
        if self._sink is not None and not self._sink.reports:
            return self._position
        return self._rendered

    @property
    def next_size(self) -> int:
        """The number of the first change of the size that it has not been told."""
        return self._next_size

    @property
    def exit_status(self) -> ExitStatus | None:
        return self._shell.exit_status

    @property
    def knows_end(self) -> bool:
        """Whether its connection was told how the shell ended."""
        return self._told_end

    @property
    def end(self) -> int:
        """The position after the newest output."""
        return self._shell.end

    @property
    def shell_id(self) -> str:
        return self._shell.id

    @property
    def others_typed(self) -> bool:
        """Whether somebody else's input entered since this one was lost."""
        return self._shell.typed_by_others(self.id) > self._lost_at

    def info(self, now: float, typing_seconds: float = 2.0) -> ParticipantInfo:
        return ParticipantInfo(
            id=self.id,
            name=self._name,
            kind=self.kind,
            role=self.role,
            session_id=self._session_id,
            attached=self.is_attached,
            typing=bool(self._typed_at) and now - self._typed_at < typing_seconds,
        )

    # From the one it belongs to.

    def describe(
        self,
        *,
        name: str | None = None,
        session_id: str | None = None,
        capabilities: Collection[str] | None = None,
        features: Collection[str] | None = None,
        theme: Theme | None = None,
        positions: Positions | None = None,
    ) -> None:
        """What the participant said about itself; None leaves a fact as it is."""
        if name is not None:
            self._name = name
        if session_id is not None:
            self._session_id = session_id
        if capabilities is not None:
            self._capabilities = frozenset(capabilities)
        if features is not None:
            self._features = frozenset(features)
        if theme is not None:
            self._theme = theme
        if positions is not None:
            self._positions = positions

    def report_to(
        self,
        on_activity: Callable[[], None],
        on_end: Callable[[ExitStatus], None],
        on_role: Callable[[Role], None],
        counter: Counter,
    ) -> None:
        """It belongs to somebody else from now on: another session of the same guest."""
        self._on_activity, self._on_end, self._on_role = on_activity, on_end, on_role
        self._counter = counter

    def set_role(self, role: Role) -> None:
        """The host changes what it may do."""
        self._shell.set_role(self.id, role)

    def permit(self, permission: Permission) -> None:
        """Set what may enter the PTY from now on, beside role and keyboard."""
        self._permission = permission
        self._shell.permission_changed(self)

    def resumes_at(self, received: int | None, *, draws: bool) -> int | None:
        """The position from which output goes on for a connection that has everything before
        ``received``; None: a snapshot comes first.

        ``draws``: the other end knows snapshots. Then one is better than all output again.
        """
        if received is None or received > self._shell.end or not self._shell.holds(received):
            return None
        if draws and received < self._shell.end and received <= self._shell.begin:
            return None
        return received

    def attach(self, sink: Sink, begin: int | None) -> None:
        """Send output to ``sink`` from the position ``begin`` on; None: a snapshot first."""
        self._stop_pump()
        self._needs_picture = begin is None
        self._lacks_history = False
        self._position = self._rendered = self._shell.end if begin is None else begin
        self._next_size = self._shell.sizes_from(self._position)
        self._told_size = None
        self._behind_since = None
        self._told_end = False
        self._sink, self._paints = sink, False
        self._shell.attached(self)
        self._pump = start(self._carry(sink), f"output of {self._session_id or self.id}")

    def paint(self) -> None:
        """Attach without a sink: whoever it belongs to paints the shell's screen."""
        self._stop_pump()
        self._sink, self._paints = None, True
        self._shell.attached(self)

    def detach(
        self, sink: Sink | None = None, *, lost: bool = True, positions: Positions | None = None
    ) -> None:
        """Its connection is gone; ``sink`` names it, so that a late report changes nothing.
        ``positions``: as in describe()."""
        if sink is not None and self._sink is not sink and self.is_attached:
            return
        if positions is not None:
            self._positions = positions
        if not self.is_attached:
            return
        self._stop_pump()
        self._rendered = self.rendered
        self._sink, self._paints = None, False
        self._lost_at = self._shell.typed_by_others(self.id)
        self._shell.detached(self, lost=lost)

    def acknowledge(self, position: int) -> None:
        """Everything before ``position`` is on its screen."""
        if position > self._rendered:
            self._rendered = min(position, self._shell.end)
            self._shell.progressed()

    @property
    def input_taken(self) -> int:
        """Input bytes handled since it joined: written to the program, or refused."""
        return self._shell.input_taken(self.id)

    async def settled(self) -> int:
        """``input_taken`` once no write of it is under way: where a returning guest continues."""
        return await self._shell.settled(self.id)

    async def write(self, data: bytes) -> None:
        """Type. Raises PTYClosedError, or AccessDeniedError for refused input: then all of
        ``data`` counts as taken. If cancelled, only what was written counts."""
        await self._shell.typed(self, data)

    def resize(self, size: Size | None) -> None:
        """Its window's size; None: it has no say (hidden)."""
        if size != self._window:
            self._window = size
            self._shell.window_changed(self)

    def ask_keyboard(self, on: bool) -> None:
        """Ask for the keyboard; False withdraws that, or hands the keyboard back."""
        self._shell.ask_keyboard(self.id, on)

    def ask_history(self, lines: int) -> None:
        """Send the screen again, with so many lines of history."""
        self._history = lines
        self._needs_picture = True
        self._wake.set()

    async def leave(
        self, reason: str, code: EndCode = EndCode.CLOSED, *, closed: bool = True
    ) -> None:
        """It is a participant no longer. ``closed``: it said so, which also ends a shell that
        it opened, with this reason, unless another controller is attached."""
        self._stop_pump()
        self._sink, self._paints = None, False
        await self._shell.leave(self, reason, code, closed=closed)

    async def close(self) -> None:
        """Leave, and end the shell if it may."""
        await self.leave("Closed")

    # From the shell.

    def touched(self, now: float) -> None:
        """It typed."""
        self._typed_at = now
        self._on_activity()

    def count_input(self, count: int) -> None:
        self._counter.typed(count)

    def printed(self, data: bytes, start_at: int) -> None:
        """The program has printed ``data`` at ``start_at``."""
        sink = self._sink
        if sink is None:
            return
        self._on_activity()
        if (
            self._position == start_at
            and not self._wake.is_set()
            and self._is_waiting
            and self._shell.next_size(self._next_size) is None
            and not self._shell.pause(self)
        ):
            began = time.perf_counter()
            sent = sink.offer(data)
            self._spent(time.perf_counter() - began)
            self._sent(sent)
            if sent == len(data):
                return
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def fell_behind(self, now: float, *, least: int) -> float:
        """How long it has been more than ``least`` bytes behind, in seconds."""
        if self._shell.end - self._position <= least:
            self._behind_since = None
            return 0.0
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since

    def role_changed(self, role: Role) -> None:
        self._on_role(role)
        if self._sink is not None:
            self._sink.role(role)

    def show_keyboard(self, view: KeyboardView) -> None:
        if self._sink is not None:
            self._sink.keyboard(view)

    def tell(self, what: Callable[[Sink], object]) -> None:
        """Pass something to the connection, if there is one."""
        if self._sink is not None:
            what(self._sink)

    def program_ended(self, status: ExitStatus) -> None:
        self._wake.set()
        self._on_end(status)

    async def finished(self) -> None:
        """After the end: until its connection has everything."""
        if (pump := self._pump) is not None:
            await asyncio.wait([pump])

    # Output.

    _is_waiting = False

    async def _carry(self, sink: Sink) -> None:
        try:
            while not self._told_end:
                await self._step(sink)
        except ChannelClosedError:
            self.detach(sink)

    async def _step(self, sink: Sink) -> None:
        shell = self._shell
        if self._position < shell.end and (pause := shell.pause(self)):
            await asyncio.sleep(pause)
        if self._needs_picture or shell.must_skip(self):
            await self._send_picture(sink)
            return
        limit = PIECE
        change = shell.next_size(self._next_size)
        if change is not None:
            if change.at <= self._position:
                self._next_size = change.number + 1
                self._tell_size(sink, change)
                return
            limit = min(limit, change.at - self._position)
        data = shell.read(self._position, limit)
        if data:
            output = sink.output(data)
            # The share of the loop's time is the viewers'.
            await (metered(output, self._spent) if self.role is Role.VIEW else output)
            self._sent(len(data))
            shell.progressed()
            return
        if (status := shell.exit_status) is not None:
            self._tell_end(sink, status)
            return
        self._wake.clear()
        self._is_waiting = True
        try:
            await self._wake.wait()
        finally:
            self._is_waiting = False

    async def _send_picture(self, sink: Sink) -> None:
        # Before the screen is taken: what it shows must not be old when it is sent.
        await sink.ready()
        joins, self._needs_picture = self._needs_picture, False
        try:
            picture = await self._shell.picture(self, joins=joins)
        except PTYClosedError:
            self._tell_end(sink, self._shell.exit_status or ExitStatus(None, "Ended"))
            return
        self._history = None
        if picture.at < self._position:
            picture = self._continued(picture)
        missed = 0 if joins else max(0, picture.at - self._position)
        await metered(sink.snapshot(picture, missed), self._spent)
        self._position = picture.at
        self._next_size = picture.resizes
        self._told_size = Size(picture.cols, picture.rows)
        self._lacks_history = picture.left_out > 0 and picture.history < NEARBY_LINES
        self._behind_since = None
        self._shell.progressed()

    def _continued(self, picture: Snapshot) -> Snapshot:
        """The screen, and of a sequence that has begun on it what this one already has: its
        position never goes back."""
        tail, at = list[bytes](), picture.at
        while at < self._position:
            tail.append(self._shell.read(at, min(PIECE, self._position - at)))
            at += len(tail[-1])
        return replace(picture, at=at, data=(*picture.data, *tail))

    def _tell_end(self, sink: Sink, status: ExitStatus) -> None:
        self._told_end = True
        sink.ended(status)

    def _tell_size(self, sink: Sink, change: SizeChange) -> None:
        if change.size == self._told_size:
            return
        self._told_size = change.size
        if not sink.size(change.size, change.by) and change.size != self._window:
            # Its emulator has a size of its own, and cannot be told: it gets the screen drawn.
            self._needs_picture = True
        elif self._lacks_history:
            # In another size, lines of the history may be on the screen.
            self._needs_picture = True

    def _spent(self, seconds: float) -> None:
        self._shell.spent(self, seconds)

    def _sent(self, count: int) -> None:
        self._position += count
        self._counter.printed(count)

    def _stop_pump(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None and pump is not asyncio.current_task():
            pump.cancel()
