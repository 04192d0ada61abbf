"""Ending terminals: everything of their sessions, and nothing started on the way.

Owns the algorithm, the same for containers and this computer. Does not own how
processes are listed and signalled (ProcessTable), nor when an end is tried again
(ends).

A shell whose child dies goes on to its next command. So everything of a
terminal's session is stopped first, the shell before its children. Then:

1. HUP, then CONT, for all but the shell; KILL for what is left after a second.
   What ignores HUP (``nohup``, ``trap '' HUP``) is *kept*: it goes on, and so does
   what has left the session (``setsid``, tmux) and is known by its tag only.
2. A shell that runs commands which no person typed at its prompt is killed while
   it is stopped: it was started with a command, or another process of its session
   was in its own process group (a script, ``exec``, a command substitution).
   An interactive shell gives each job a group of its own. What was typed ahead is
   dropped, or it would read that next; then it gets INT and CONT (it drops the rest
   of its line and reaps its children), then HUP, then KILL. Where typed input cannot
   be dropped it is killed while it is stopped, too.

"Ignores HUP" is the lowest bit of SigIgn in /proc/PID/status (proc(5)). It says
nothing where the shell itself was started with HUP ignored: then only what left
the session is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

STOP_SECONDS = 1.0
"""What the kernel gets to stop everything; a process in the kernel's hands may take longer."""
HANG_UP_SECONDS = 1.0
"""What programs get to save their work between HUP and KILL."""
KILL_SECONDS = 1.0
"""What the kernel gets to remove killed processes."""
REAP_SECONDS = 0.3
"""What an interactive shell gets to drop its line and reap its children."""
SHELL_SECONDS = 0.5
"""What it gets between HUP and KILL, to write its history."""
CHECK_SECONDS = 0.02
"""Between two listings."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as /proc/PID/stat tells, in the pid namespace of its target.

    ``birth`` is field 22 (clock ticks since boot), which tells a reused pid.
    ``ignores_hup``: see the module. ``tag`` is its terminal's, "" when it carries
    none or none was asked for.
    """

    pid: int
    parent: int
    group: int
    session: int
    terminal: int
    state: str
    birth: int
    ignores_hup: bool
    tag: str
    name: str

    @property
    def dead(self) -> bool:
        return self.state in ("Z", "X")

    @property
    def stopped(self) -> bool:
        return self.state in ("T", "t")

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


class ProcessTable(Protocol):
    """The processes of one target."""

    async def find(
        self, sessions: Collection[int], tags: Collection[str] = ()
    ) -> Sequence[Process]:
        """All processes of these sessions, and those that carry one of the tags; dead ones too.

        Raises a HatchwayError when the target does not answer.
        """

    async def signal(self, name: str, processes: Sequence[Process]) -> None:
        """Send SIG``name`` to each in this order, unless its pid is another's by now."""

    async def drop_input(self, processes: Sequence[Process]) -> frozenset[int]:
        """Drop what was typed into their terminals and not read; the pids where that worked."""


@dataclass(slots=True)
class Terminal:
    """What is known of a terminal: ``pid`` and ``birth`` are its shell's, 0 before it is known.

    ``by_command``: the shell does not read commands from a person, or was seen not
    to: this stays true when an end is tried again after the other processes are gone.
    ``deaf``: the shell was started with HUP ignored.
    """

    tag: str
    pid: int = 0
    birth: int = 0
    deaf: bool = False
    by_command: bool = False

    def found(self, pid: int, birth: int) -> None:
        """Its shell, or another process of the shell's session, by its tag."""
        self.pid, self.birth = pid, birth

    def reads_no_commands(self) -> None:
        """The shell was seen to run something for whoever started it."""
        self.by_command = True


@dataclass(slots=True)
class Left:
    """What an end left, by tag: processes that asked to go on, and those that resist."""

    kept: dict[str, list[Process]] = field(default_factory=dict)
    resisting: dict[str, list[Process]] = field(default_factory=dict)


async def end_terminals(
    table: ProcessTable, terminals: Sequence[Terminal], *, everything: bool = False
) -> Left:
    """End all of them together. With ``everything`` nothing is kept.

    May be called again for the same terminals, at any point where it raised what
    the table raises. Takes about 4 s at most beside the table's own time.
    """
    return await _End(table, terminals, everything).run()


class _End:
    def __init__(
        self, table: ProcessTable, terminals: Sequence[Terminal], everything: bool
    ) -> None:
        self._table = table
        self._terminals = terminals
        self._everything = everything
        self._sessions: dict[int, Terminal] = {}
        self._by_tag = {terminal.tag: terminal for terminal in terminals}
        self._seen: Sequence[Process] = ()

    async def run(self) -> Left:
        await self._find()
        if self._sessions or self._rest():
            await self._stop()
            self._judge()
            await self._hang_up()
            await self._kill()
            await self._end_shells()
            # What a shell started while it ended.
            await self._kill()
        return await self._left()

    async def _look(self, *, tagged: bool = False) -> None:
        tags = self._by_tag if tagged or self._everything else ()
        self._seen = [
            process
            for process in await self._table.find(self._sessions, tags)
            if process.session in self._sessions or process.tag in self._by_tag
        ]

    async def _find(self) -> None:
        """The terminals' sessions, by their shells or else by their tags."""
        for terminal in self._terminals:
            if terminal.pid:
                self._sessions[terminal.pid] = terminal
        await self._look(tagged=True)
        by_pid = {process.pid: process for process in self._seen}
        for terminal in self._terminals:
            if not terminal.pid:
                self._find_by_tag(terminal, by_pid)
            leader = by_pid.get(terminal.pid)
            # A session's number is not given again while it has members: a leader
            # with another birth says that none is left of ours.
            if leader and terminal.birth and leader.birth != terminal.birth:
                self._sessions.pop(terminal.pid, None)
        living = {process.session for process in self._seen if not process.dead}
        for session in self._sessions.keys() - living:
            del self._sessions[session]

    def _find_by_tag(self, terminal: Terminal, by_pid: dict[int, Process]) -> None:
        # The oldest one before a terminal is the shell, or of its session.
        ours = [p for p in by_pid.values() if p.tag == terminal.tag and p.terminal]
        if ours:
            first = min(ours, key=_age)
            leader = by_pid.get(first.session)
            terminal.found(first.session, leader.birth if leader else 0)
            self._sessions[terminal.pid] = terminal

    async def _stop(self) -> None:
        """Until a listing shows nothing that could fork: a fork may have been under way."""

        def running() -> list[Process]:
            return [p for p in self._members() if not p.stopped]

        loop = asyncio.get_running_loop()
        until = loop.time() + STOP_SECONDS
        while True:
            # Shells come before their children: one that sees its child stop reads on.
            await self._table.signal("STOP", sorted(running(), key=self._shells_first))
            await self._look()
            if not running() or loop.time() > until:
                return
            await asyncio.sleep(CHECK_SECONDS)

    def _judge(self) -> None:
        living = {process.pid for process in self._seen if not process.dead}
        for shell in self._shells():
            beside = (
                process
                for process in self._seen
                if process.group == shell.group
                and process.pid != shell.pid
                # One that its parent has not reaped yet counts, one nobody will reap does not.
                and (not process.dead or process.parent in living)
            )
            if any(process.session == shell.session for process in beside):
                self._sessions[shell.pid].reads_no_commands()

    async def _hang_up(self) -> None:
        rest = self._rest()
        await self._table.signal("HUP", rest)
        shells = {shell.pid for shell in self._shells()}
        await self._table.signal("CONT", [p for p in self._members() if p.pid not in shells])
        if rest:
            await self._gone(self._rest, HANG_UP_SECONDS)

    async def _kill(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + KILL_SECONDS
        while (rest := self._rest()) and loop.time() < until:
            # Stopped first: what forks as fast as it is killed must not win.
            await self._table.signal("STOP", rest)
            await self._table.signal("KILL", rest)
            await self._look()
            if self._rest():
                await asyncio.sleep(CHECK_SECONDS)
                await self._look()

    async def _end_shells(self) -> None:
        shells = self._shells()
        if not shells:
            return
        reading = [shell for shell in shells if not self._sessions[shell.pid].by_command]
        if reading:
            dropped = await self._table.drop_input(reading)
            reading = [shell for shell in reading if shell.pid in dropped]
        await self._table.signal("KILL", [shell for shell in shells if shell not in reading])
        if reading:
            pids = {shell.pid for shell in reading}
            await self._table.signal("INT", reading)
            await self._table.signal("CONT", reading)
            await self._gone(
                lambda: [p for p in self._seen if p.dead and p.parent in pids], REAP_SECONDS
            )
            await self._table.signal("HUP", reading)
        if not await self._gone(self._shells, SHELL_SECONDS):
            await self._table.signal("KILL", self._shells())
            await self._gone(self._shells, KILL_SECONDS)

    async def _left(self) -> Left:
        await self._look(tagged=True)
        left = Left()
        for process in self._seen:
            if process.dead:
                continue
            ours = self._sessions.get(process.session)
            terminal = ours or self._by_tag[process.tag]
            keeps = not self._everything and (ours is None or self._asked_to_stay(process))
            found = left.kept if keeps and not self._is_shell(process) else left.resisting
            found.setdefault(terminal.tag, []).append(process)
        return left

    async def _gone(self, which: Callable[[], Iterable[Process]], seconds: float) -> bool:
        """Whether none of them is left within ``seconds``; looks once at least."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            await self._look()
            if not any(True for _ in which()):
                return True
            if loop.time() > until:
                return False
            await asyncio.sleep(CHECK_SECONDS)

    # -- whom

    def _members(self) -> list[Process]:
        """What is stopped: the living of our sessions, and with ``everything`` the tagged."""
        return [
            process
            for process in self._seen
            if not process.dead and (process.session in self._sessions or self._everything)
        ]

    def _shells(self) -> list[Process]:
        return [p for p in self._seen if not p.dead and self._is_shell(p)]

    def _rest(self) -> list[Process]:
        """What has to end before the shells do."""
        return [
            process
            for process in self._members()
            if not self._is_shell(process)
            and (self._everything or not self._asked_to_stay(process))
        ]

    def _is_shell(self, process: Process) -> bool:
        return process.pid == process.session and process.session in self._sessions

    def _asked_to_stay(self, process: Process) -> bool:
        terminal = self._sessions.get(process.session)
        return process.ignores_hup and not (terminal and terminal.deaf)

    def _shells_first(self, process: Process) -> tuple[bool, int, int]:
        return (not self._is_shell(process), *_age(process))


def _age(process: Process) -> tuple[int, int]:
    return process.birth, process.pid
