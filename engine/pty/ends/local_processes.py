"""Lists and signals the processes of this computer's terminals.

Reads /proc on Linux, psutil elsewhere. That blocks for some milliseconds, so it runs
in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil

from engine.pty.ends.ending import Process

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_HUP_BIT = 1 << (signal.SIGHUP - 1) if sys.platform != "win32" else 0


class LocalProcesses:
    """See engine.pty.ends.ending.ProcessTable. ``variable``: the environment variable of tags."""

    def __init__(self, variable: str) -> None:
        self._prefix = f"{variable}=".encode()

    async def find(
        self, sessions: Collection[int], tags: Collection[str] = ()
    ) -> Sequence[Process]:
        return await asyncio.to_thread(self._list, frozenset(sessions), frozenset(tags))

    async def signal(self, name: str, processes: Sequence[Process]) -> None:
        number = signal.Signals[f"SIG{name}"]
        for process in processes:
            if start_time_of(process.pid) == process.start_time:
                # Another user's (sudo), or gone meanwhile: the next listing shows which.
                with contextlib.suppress(OSError):
                    os.kill(process.pid, number)

    async def drop_input(self, processes: Sequence[Process]) -> frozenset[int]:
        return frozenset(process.pid for process in processes if _drop_input(process.pid))

    def _list(self, sessions: frozenset[int], tags: frozenset[str]) -> list[Process]:
        found = []
        for pid in psutil.pids():
            process = _facts(pid)
            if process is None:
                continue
            tag = self._tag(pid) if tags else ""
            tag = tag if tag in tags else ""
            if tag or process.session in sessions:
                found.append(
                    Process(
                        pid,
                        process.parent,
                        process.group,
                        process.session,
                        process.terminal,
                        process.state,
                        process.start_time,
                        process.session in sessions and _ignores_hup(pid),
                        tag,
                        process.name,
                    )
                )
        return found

    def _tag(self, pid: int) -> str:
        if sys.platform != "linux":
            return _tag_elsewhere(pid, self._prefix[:-1].decode())
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read().split(b"\0")
        except OSError:
            return ""  # another user's, or gone
        values = (one for one in environment if one.startswith(self._prefix))
        return next(values, b"")[len(self._prefix) :].decode("utf-8", "replace")


def start_time_of(pid: int) -> int:
    """See Process.start_time; 0 when there is no such process."""
    process = _facts(pid)
    return process.start_time if process else 0


def _facts(pid: int) -> Process | None:
    if sys.platform != "linux":
        return _facts_elsewhere(pid)
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return None
    name, _, rest = stat.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    if len(fields) < 20:
        return None
    parent, group, session, terminal = (int(text) for text in fields[1:5])
    return Process(
        pid,
        parent,
        group,
        session,
        terminal,
        fields[0].decode(),
        int(fields[19]),
        False,
        "",
        name.decode("utf-8", "replace"),
    )


def _facts_elsewhere(pid: int) -> Process | None:
    """The same by psutil: no SigIgn, and the start time in milliseconds since the epoch."""
    if sys.platform == "win32":
        return None
    states = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T"}
    try:
        process = psutil.Process(pid)
        return Process(
            pid,
            process.ppid(),
            os.getpgid(pid),
            os.getsid(pid),
            int(process.terminal() is not None),
            states.get(process.status(), "S"),
            int(process.create_time() * 1000),
            False,
            "",
            process.name(),
        )
    except (OSError, psutil.Error):
        return None


def _drop_input(pid: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        # The terminal itself: /dev/tty would be ours.
        terminal = os.open(f"/proc/{pid}/fd/0", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        termios.tcflush(terminal, termios.TCIFLUSH)
    except termios.error:
        return False
    finally:
        os.close(terminal)
    return True


def _tag_elsewhere(pid: int, variable: str) -> str:
    try:
        return str(psutil.Process(pid).environ().get(variable, ""))
    except psutil.Error:
        return ""


def _ignores_hup(pid: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"SigIgn:"):
                    return bool(int(line.split()[1], 16) & _HUP_BIT)
    except OSError:
        pass
    return False
