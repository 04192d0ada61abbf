"""Ends all processes of terminals' sessions, without letting new commands start meanwhile.

The algorithm is the same for containers and this computer. When it is retried is
decided in ends.

A shell whose child dies runs its next command. So everything in a terminal's
session is stopped first, the shell before its children. Then:

1. HUP, then CONT, for all but the shell; KILL for what is left after a second.
   What ignores HUP (``nohup``, ``trap '' HUP``) is *kept*: it continues to run, and so
   does what has left the session (``setsid``, tmux) and is known only by its tag.
2. A shell that runs commands nobody typed at its prompt is killed while stopped: it
   was started with a command, or another process of its session was in its own
   process group (a script, ``exec``, a command substitution).
   An interactive shell gives each job its own group. Its unread input is discarded, or
   it would read that next; then it gets INT and CONT (it drops the rest of its line and
   reaps its children), then HUP, then KILL. If its input cannot be discarded, it is
   killed while stopped, too.

"Ignores HUP" is the lowest bit of SigIgn in /proc/PID/status (proc(5)). The bit
means nothing if the shell itself was started with HUP ignored: then only what left
the session is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

STOP_SECONDS = 1.0
"""How long stopping everything may take; a process inside a system call may take longer."""
HANG_UP_SECONDS = 1.0
"""How long programs have between HUP and KILL, to save their work."""
KILL_SECONDS = 1.0
"""How long the kernel may take to remove killed processes."""
REAP_SECONDS = 0.3
"""How long an interactive shell has to drop its line and reap its children."""
SHELL_SECONDS = 0.5
"""How long it has between HUP and KILL, to write its history."""
CHECK_SECONDS = 0.02
"""Between two listings."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as in /proc/PID/stat, in the pid namespace of its target.

    ``start_time`` is field 22 (clock ticks since boot); it detects a reused pid.
    ``ignores_hup``: see the module. ``tag`` is its terminal's, "" when it has
    none or none was requested.
    """

    pid: int
    parent: int
    group: int
    session: int
    terminal: int
    state: str
    start_time: int
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
        """All processes of these sessions and those with one of the tags, dead ones included.

        Raises a HatchwayError when the target does not answer.
        """

    async def signal(self, name: str, processes: Sequence[Process]) -> None:
        """Send SIG``name`` to each in this order, unless its pid was reused."""

    async def drop_input(self, processes: Sequence[Process]) -> frozenset[int]:
        """Discard the unread input of their terminals; returns the pids where that worked."""


@dataclass(slots=True)
class Terminal:
    """A terminal to end: ``pid`` and ``start_time`` are its shell's, 0 while unknown.

    ``by_command``: the shell was started with a command, or was seen to run commands nobody
    typed. This stays true when an end is retried after the other processes are gone.
    ``hup_ignored``: the shell was started with HUP ignored.
    """

    tag: str
    pid: int = 0
    start_time: int = 0
    hup_ignored: bool = False
    by_command: bool = False

    def found(self, pid: int, start_time: int) -> None:
        """The shell was found, or another process of its session, by the tag."""
        self.pid, self.start_time = pid, start_time

    def reads_no_commands(self) -> None:
        """The shell was seen to run commands nobody typed."""
        self.by_command = True


@dataclass(slots=True)
class Outcome:
    """What an end left, by tag: processes that asked to keep running, and those that resist."""

    kept: dict[str, list[Process]] = field(default_factory=dict)
    resisting: dict[str, list[Process]] = field(default_factory=dict)


async def end_terminals(
    table: ProcessTable, terminals: Sequence[Terminal], *, everything: bool = False
) -> Outcome:
    """End all of them together. With ``everything`` nothing is kept.

    Raises what the table raises; may then be called again for the same terminals. Takes
    about 4 s at most, plus the table's own time.
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

    async def run(self) -> Outcome:
        await self._find()
        if self._sessions or self._remaining():
            await self._stop()
            self._find_command_shells()
            await self._hang_up()
            await self._kill()
            await self._end_shells()
            # A shell may have started something while it ended.
            await self._kill()
        return await self._outcome()

    async def _refresh(self, *, tagged: bool = False) -> None:
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
        await self._refresh(tagged=True)
        by_pid = {process.pid: process for process in self._seen}
        for terminal in self._terminals:
            if not terminal.pid:
                self._find_by_tag(terminal, by_pid)
            leader = by_pid.get(terminal.pid)
            # A session id is not reused while it has members: a leader with another
            # start time means that none of ours is left.
            if leader and terminal.start_time and leader.start_time != terminal.start_time:
                self._sessions.pop(terminal.pid, None)
        living = {process.session for process in self._seen if not process.dead}
        for session in self._sessions.keys() - living:
            del self._sessions[session]

    def _find_by_tag(self, terminal: Terminal, by_pid: dict[int, Process]) -> None:
        # The oldest one with a terminal is the shell, or in its session.
        ours = [p for p in by_pid.values() if p.tag == terminal.tag and p.terminal]
        if ours:
            first = min(ours, key=_age)
            leader = by_pid.get(first.session)
            terminal.found(first.session, leader.start_time if leader else 0)
            self._sessions[terminal.pid] = terminal

    async def _stop(self) -> None:
        """Repeated until a listing shows nothing running: a fork may have been under way."""

        def running() -> list[Process]:
            return [p for p in self._members() if not p.stopped]

        loop = asyncio.get_running_loop()
        until = loop.time() + STOP_SECONDS
        while True:
            # Shells before their children: a shell that sees its child stop continues reading.
            await self._table.signal("STOP", sorted(running(), key=self._shells_first))
            await self._refresh()
            if not running() or loop.time() > until:
                return
            await asyncio.sleep(CHECK_SECONDS)

    def _find_command_shells(self) -> None:
        living = {process.pid for process in self._seen if not process.dead}
        for shell in self._shells():
            beside = (
                process
                for process in self._seen
                if process.group == shell.group
                and process.pid != shell.pid
                # A zombie counts if its parent may still reap it.
                and (not process.dead or process.parent in living)
            )
            if any(process.session == shell.session for process in beside):
                self._sessions[shell.pid].reads_no_commands()

    async def _hang_up(self) -> None:
        rest = self._remaining()
        await self._table.signal("HUP", rest)
        shells = {shell.pid for shell in self._shells()}
        await self._table.signal("CONT", [p for p in self._members() if p.pid not in shells])
        if rest:
            await self._wait_gone(self._remaining, HANG_UP_SECONDS)

    async def _kill(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + KILL_SECONDS
        while (rest := self._remaining()) and loop.time() < until:
            # Stopped first, or a program that forks fast enough would survive.
            await self._table.signal("STOP", rest)
            await self._table.signal("KILL", rest)
            await self._refresh()
            if self._remaining():
                await asyncio.sleep(CHECK_SECONDS)
                await self._refresh()

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
            await self._wait_gone(
                lambda: [p for p in self._seen if p.dead and p.parent in pids], REAP_SECONDS
            )
            await self._table.signal("HUP", reading)
        if not await self._wait_gone(self._shells, SHELL_SECONDS):
            await self._table.signal("KILL", self._shells())
            await self._wait_gone(self._shells, KILL_SECONDS)

    async def _outcome(self) -> Outcome:
        await self._refresh(tagged=True)
        left = Outcome()
        for process in self._seen:
            if process.dead:
                continue
            ours = self._sessions.get(process.session)
            terminal = ours or self._by_tag[process.tag]
            keeps = not self._everything and (ours is None or self._asked_to_stay(process))
            found = left.kept if keeps and not self._is_shell(process) else left.resisting
            found.setdefault(terminal.tag, []).append(process)
        return left

    async def _wait_gone(self, which: Callable[[], Iterable[Process]], seconds: float) -> bool:
        """Whether none of them is left within ``seconds``; lists them at least once."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            await self._refresh()
            if not any(True for _ in which()):
                return True
            if loop.time() > until:
                return False
            await asyncio.sleep(CHECK_SECONDS)

    # -- which processes

    def _members(self) -> list[Process]:
        """What to stop: the living of our sessions, with ``everything`` also the tagged."""
        return [
            process
            for process in self._seen
            if not process.dead and (process.session in self._sessions or self._everything)
        ]

    def _shells(self) -> list[Process]:
        return [p for p in self._seen if not p.dead and self._is_shell(p)]

    def _remaining(self) -> list[Process]:
        """What has to end before the shells."""
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
        return process.ignores_hup and not (terminal and terminal.hup_ignored)

    def _shells_first(self, process: Process) -> tuple[bool, int, int]:
        return (not self._is_shell(process), *_age(process))


def _age(process: Process) -> tuple[int, int]:
    return process.start_time, process.pid
