"""Somebody at a shell, and a program in it, for tests: both do what the test says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.core.errors import ChannelClosedError, PTYClosedError
from engine.core.model import (
    ExitStatus,
    KeyboardView,
    ParticipantKind,
    Person,
    Role,
    Size,
)
from engine.emulator import FEATURES, Terminal
from engine.shells.participant import Participant
from engine.shells.screen import Snapshot
from engine.shells.shell import Shell, ShellLimits
from engine.wire.terminal import MUTE, SIZE, SNAPSHOT

SIZE_80 = Size(80, 24)
CAPABILITIES = (SNAPSHOT, SIZE, MUTE)
READ = 16 * 1024
READ_SECONDS = 0.01
"""Of the loop's time, for each read of a flood."""


class Program:
    """A PTY whose program prints what the test says, when somebody reads it."""

    label = "program"

    def __init__(self, size: Size = SIZE_80, flood: bytes = b"") -> None:
        """``flood``: printed again and again, as fast as it is read."""
        self.size = size
        self.sizes: list[Size] = []
        self.typed = b""
        self.exit_status: ExitStatus | None = None
        self.flood = flood
        self.printed = 0
        """Bytes that were read of it."""
        self.closed = False
        self.hears = asyncio.Event()
        """Whether it reads what is typed."""
        self.hears.set()
        self._chunks: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._over = False

    @property
    def taken(self) -> int:
        return len(self.typed)

    @property
    def waiting(self) -> int:
        """Reads of it that are left."""
        return len(self._chunks)

    def print(self, data: bytes) -> None:
        for at in range(0, len(data), READ):
            self._chunks.append(data[at : at + READ])
        self._ready.set()

    def end(self, code: int = 0) -> None:
        """It ends by itself."""
        self.exit_status = ExitStatus(code, f"Ended with {code}")
        self._over = True
        self._ready.set()

    def stop_flood(self) -> None:
        self.flood = b""

    async def read(self) -> bytes:
        while not self._chunks:
            if self.flood:
                await asyncio.sleep(READ_SECONDS)
                self.printed += len(self.flood)
                return self.flood
            if self._over or self.closed:
                return b""
            self._ready.clear()
            await self._ready.wait()
        self.printed += len(self._chunks[0])
        return self._chunks.popleft()

    async def write(self, data: bytes) -> None:
        if self.closed or self._over:
            raise PTYClosedError("The terminal has ended")
        await self.hears.wait()
        self.typed += data

    async def resize(self, size: Size) -> None:
        self.size = size
        self.sizes.append(size)

    async def close(self) -> None:
        self.closed = True
        self._ready.set()


class Eyes:
    """A Sink with an emulator of its own, as a page has: it draws what comes, in order."""

    def __init__(
        self,
        size: Size = SIZE_80,
        *,
        reports: bool = True,
        knows_size: bool = True,
        draws: bool = True,
    ) -> None:
        """``draws``: else it only counts what comes."""
        self.draws = draws
        self.reports = reports
        self.knows_size = knows_size
        self.terminal = Terminal(size.cols, size.rows, scrollback=1000)
        self.output_bytes = b""
        """All output, without snapshots."""
        self.said: list[tuple[str, Any]] = []
        """Everything else, in order: ("snapshot", at), ("size", size), ("ended", status)..."""
        self.position = 0
        self.gaps: list[tuple[int, int]] = []
        self.missed: list[int] = []
        self.open = True
        self.participant: Participant | None = None
        self._running = asyncio.Event()
        self._running.set()
        self.per_second = 0.0
        """Bytes that its line carries in a second; 0: any number."""

    # What the test says.

    def stop(self) -> None:
        """It takes nothing any more."""
        self._running.clear()

    def go_on(self) -> None:
        self._running.set()

    def break_line(self) -> None:
        self.open = False
        self._running.set()

    def of(self, kind: str) -> list[Any]:
        return [what for which, what in self.said if which == kind]

    # Sink

    def offer(self, data: bytes) -> int:
        if not self._running.is_set() or self.per_second or not self.open:
            return 0
        self._draw(data)
        return len(data)

    async def output(self, data: bytes) -> None:
        assert len(data) <= READ
        await self._line(len(data))
        self._draw(data)

    async def ready(self) -> None:
        await self._line(0)

    async def snapshot(self, snapshot: Snapshot, missed: int) -> None:
        assert snapshot.at >= self.position, "the position went back"
        self.terminal = Terminal(snapshot.cols, snapshot.rows, scrollback=1000)
        self.said.append(("snapshot", snapshot.at))
        self.missed.append(missed)
        for piece in snapshot.data:
            await self._line(len(piece))
            self.terminal.feed(piece)
        self.gaps.append((self.position, snapshot.at))
        self.position = snapshot.at
        self._shown()

    def size(self, size: Size, by: str) -> bool:
        self.said.append(("size", size))
        if self.knows_size:
            self.terminal.resize(size.rows, size.cols)
        return self.knows_size

    def people(self, people: Sequence[Person]) -> None:
        self.said.append(("people", tuple(people)))

    def keyboard(self, view: KeyboardView) -> None:
        self.said.append(("keyboard", view))

    def role(self, role: Role) -> None:
        self.said.append(("role", role))

    def recording(self, since: float | None) -> None:
        self.said.append(("recording", since))

    def idle(self, seconds: float | None) -> None:
        self.said.append(("idle", seconds))

    def ended(self, status: ExitStatus) -> None:
        self.said.append(("ended", status))

    # --

    async def _line(self, count: int) -> None:
        if self.per_second:
            await asyncio.sleep(count / self.per_second)
        await self._running.wait()
        if not self.open:
            raise ChannelClosedError("The line is broken")

    def _draw(self, data: bytes) -> None:
        assert not self.of("ended"), "output after the end"
        self.position += len(data)
        if self.draws:
            self.output_bytes += data
            self.terminal.feed(data)
        self._shown()

    def _shown(self) -> None:
        if self.reports and self.participant is not None:
            self.participant.acknowledge(self.position)


class Room:
    """A shell, its program and its people."""

    def __init__(
        self,
        *,
        flood: bytes = b"",
        own: bool = False,
        limits: ShellLimits | None = None,
        size: Size = SIZE_80,
        **more: Any,
    ) -> None:
        self.program = Program(size, flood)
        self.ends: list[ExitStatus] = []
        self.shell = Shell(
            self.program,
            own=own,
            limits=limits or ShellLimits(),
            ended=lambda shell, status: self.ends.append(status),
            clock=asyncio.get_running_loop().time,
            **more,
        )

    def person(
        self,
        who: str,
        role: Role = Role.CONTROL,
        *,
        kind: ParticipantKind = ParticipantKind.GUEST,
        window: Size = SIZE_80,
        opens: bool = False,
        capabilities: Sequence[str] = CAPABILITIES,
        reports: bool = True,
        knows_size: bool = True,
        draws: bool = True,
        first: bool | None = None,
    ) -> tuple[Participant, Eyes]:
        """Joins and is attached: from the beginning if nothing was printed yet, else with a
        snapshot."""
        one = self.shell.join(kind, role, who=who, name=who, opens=opens)
        one.describe(capabilities=capabilities, features=FEATURES)
        one.resize(window)
        eyes = Eyes(self.shell.current_size, reports=reports, knows_size=knows_size, draws=draws)
        from_start = self.shell.end == 0 if first is None else first
        self.look(one, eyes, 0 if from_start else None)
        return one, eyes

    def look(self, one: Participant, eyes: Eyes, begin: int | None) -> None:
        eyes.participant = one
        if begin is not None:
            eyes.position = begin
        one.attach(eyes, begin)

    async def have(self, *everybody: Eyes) -> None:
        """Until all that the program was to print is in the log, and these have it."""
        await until(lambda: not self.program.waiting and self.shell.end == self.program.printed)
        await until(lambda: all(eyes.position == self.shell.end for eyes in everybody))

    async def close(self) -> None:
        await self.shell.finish("Closed")


async def until(condition: Callable[[], object], seconds: float = 60.0, what: str = "") -> None:
    """As tests.engine.until, in the loop's time, which may be virtual."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"Not within {seconds} s: {what or condition}"
        await asyncio.sleep(0.001)


def cells(terminal: Terminal) -> list[object]:
    """What is on the screen, for comparing."""
    rows = [terminal.line(index) for index in range(terminal.rows)]
    return [
        (terminal.cols, terminal.rows, terminal.cursor()),
        *(line.runs for line in rows),
    ]
