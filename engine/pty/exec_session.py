"""Finding and ending the processes of a terminal inside a container.

Owns the helper script and its conversation. Does not own the terminal itself
(docker_exec). There is no API to end an exec, and its processes survive the
closing of its socket: so a second exec looks for them in /proc and signals
them. A process belongs to a terminal when its environment carries the
terminal's tag, or when it is in the session of the terminal's shell. One that
left the session *and* cleared its environment has left the terminal for good.

The helper needs nothing but a POSIX shell; with grep it is quicker and exact.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import DockerFailedError
from engine.pty.exec_stream import frames, open_exec_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.docker_engines import DockerEngines
    from engine.http_stream import HttpStream
    from engine.model import Target

logger = logging.getLogger(__name__)

SESSION_VARIABLE = "HATCHWAY_SESSION"
"""In the environment of every process of a session: how orphans of a crash are found."""
TAG_VARIABLE = "HATCHWAY_TERMINAL"
"""The same with a random value of our own: session ids are chosen by guests, and
nobody must end another's processes by choosing a colliding one."""
_STEPS = (("HUP", "rest", 0.5), ("KILL", "rest", 0.3), ("HUP", "all", 0.5), ("KILL", "all", 1.0))
"""Signal, whom, and the seconds it gets to work. The shell comes last: it reaps its
children, and a container whose first process is no init keeps no zombies of ours."""
ASK_AGAIN_SECONDS = 0.02
MAX_ANSWER_BYTES = 256 * 1024
"""One listing of processes: the container's own shell writes it, so it is bounded."""
ANSWER_TIMEOUT_SECONDS = 4.0
MAX_LISTED = 10_000

# Arguments: $1 NAME=value to look for, $2 the shell's pid or "", $3 its birth.
# Each line read is an order, "SIGNAL WHOM": SIGNAL is one kill knows, or list;
# WHOM is all or rest (all but the shell, which so lives to reap its children).
# Each answer is one line "pid name" per process found, then a line with a dot.
# The shell's birth (field 22 of stat) guards against a reused pid.
_HELPER = r"""
exec 2>/dev/null
tag=$1 shell=$2 birth=$3
look() {
    stat=
    while IFS= read -r part; do stat="$stat $part"; done <"/proc/$1/stat"
    [ -n "$stat" ] || return 1
    name=${stat#*\(}
    name=${name%)*}
    set -f
    set -- ${stat##*)}
    set +f
    state=$1 session=$4
    shift 19
    born=$1
}
tagged() {
    if [ -n "$grep" ]; then
        case $found in *"/proc/$1/environ"*) return 0 ;; esac
        return 1
    fi
    env=
    while IFS= read -r part; do env="$env$part"; done <"/proc/$1/environ"
    case $env$part in *"$tag"*) return 0 ;; esac
    return 1
}
command -v grep >/dev/null && grep=yes || grep=
while read -r signal whom; do
    [ -n "$grep" ] && found=$(grep -lzxF -e "$tag" /proc/[0-9]*/environ)
    ours=$shell
    [ -n "$ours" ] && look "$ours" && [ "$born" != "$birth" ] && ours=
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        [ "$pid" != "$$" ] && look "$pid" || continue
        case $state in Z | X) continue ;; esac
        { [ -n "$ours" ] && [ "$session" = "$ours" ]; } || tagged "$pid" || continue
        echo "$pid $name"
        [ "$signal" = list ] && continue
        [ "$whom" = rest ] && [ "$pid" = "$shell" ] && continue
        kill -"$signal" "$pid"
        kill -CONT "$pid"
    done
    echo .
done
"""


@dataclass(frozen=True, slots=True)
class SessionProcess:
    """A living process of a terminal, by its pid inside the container."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class ExecSession:
    """What is needed to find one terminal's processes again.

    ``pid`` is the shell's inside the container, 0 before it is known.
    ``shell_path`` runs the helper; ``users`` are those it must run as: processes
    of another user can neither be looked into nor signalled without being root,
    and root without CAP_SYS_PTRACE cannot look into those of others.
    """

    tag: str
    pid: int
    birth: str
    shell_path: str
    users: tuple[str, ...]


class _Helper:
    """A running helper: one order, one answer."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self._output: AsyncIterator[bytes] = frames(stream)
        self._held = bytearray()

    async def order(self, signal: str, whom: str = "all") -> tuple[SessionProcess, ...]:
        try:
            await self._stream.write(f"{signal} {whom}\n".encode())
        except ConnectionError as error:
            raise DockerFailedError("The container ended our helper") from error
        while not (self._held.startswith(b".\n") or b"\n.\n" in self._held):
            piece = await anext(self._output, b"")
            self._held += piece
            if not piece or len(self._held) > MAX_ANSWER_BYTES:
                raise DockerFailedError("The container has no working shell for our helper")
        answer, _, rest = (b"\n" + bytes(self._held)).partition(b"\n.\n")
        self._held = bytearray(rest)
        return tuple(_processes(answer))


def _processes(answer: bytes) -> list[SessionProcess]:
    found = []
    for line in answer.decode("utf-8", "replace").splitlines()[:MAX_LISTED]:
        pid, _, name = line.partition(" ")
        if pid.isascii() and pid.isdigit() and len(pid) < 10:
            found.append(SessionProcess(int(pid), name))
    return found


@contextlib.asynccontextmanager
async def _helper(
    docker: DockerEngines, target: Target, shell: str, user: str, arguments: list[str]
) -> AsyncIterator[_Helper]:
    command = [shell, "-c", _HELPER, "hatchway", *arguments]
    created = await docker.call(
        target.engine,
        lambda client: client.api.exec_create(target.ref, command, stdin=True, user=user),
    )
    stream = await open_exec_stream(docker.endpoint(target.engine), str(created["Id"]), tty=False)
    try:
        yield _Helper(stream)
    finally:
        # Its input ends with the connection, and so does the helper.
        stream.close()
        await stream.wait_closed()


async def end_session(docker: DockerEngines, target: Target, session: ExecSession) -> None:
    """HUP, then KILL, everything that belongs to the terminal.

    Returns when nothing is left. Raises DockerError when that cannot be done or
    known: the container stopped (then nothing is left either), is paused, or
    Docker went away.
    """
    results = await asyncio.gather(
        *(_end_as(docker, target, session, user) for user in session.users),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _end_as(docker: DockerEngines, target: Target, session: ExecSession, user: str) -> None:
    arguments = [f"{TAG_VARIABLE}={session.tag}", str(session.pid or ""), session.birth]
    loop = asyncio.get_running_loop()
    async with _helper(docker, target, session.shell_path, user, arguments) as helper:
        for signal, whom, seconds in _STEPS:
            until = loop.time() + seconds
            left = await helper.order(signal, whom)
            while left and loop.time() < until:
                if whom == "rest" and all(process.pid == session.pid for process in left):
                    break
                await asyncio.sleep(ASK_AGAIN_SECONDS)
                left = await helper.order("list")
            if not left:
                return
    names = ", ".join(f"{process.name} ({process.pid})" for process in left[:5])
    raise DockerFailedError(f"Processes of the terminal are still there: {names}")


async def list_session_processes(
    docker: DockerEngines,
    target: Target,
    session_id: str,
    *,
    shell: str = "/bin/sh",
    users: tuple[str, ...] = ("", "0"),
) -> tuple[SessionProcess, ...]:
    """The living processes in the container that a session's terminals left or still have.

    Raises DockerAbsentError, DockerRefusedError, DockerFailedError (also when
    the container is not running). In a container without grep a session whose
    id begins with this one is listed too.
    """
    found: dict[int, SessionProcess] = {}
    for user in users:
        arguments = [f"{SESSION_VARIABLE}={session_id}", "", ""]
        async with (
            _answered_in_time(),
            _helper(docker, target, shell, user, arguments) as helper,
        ):
            found.update((process.pid, process) for process in await helper.order("list"))
    return tuple(sorted(found.values(), key=lambda process: process.pid))


@contextlib.asynccontextmanager
async def _answered_in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            yield
    except TimeoutError as error:
        raise DockerFailedError("The container's shell does not answer") from error


async def exec_running(docker: DockerEngines, target: Target, exec_id: str) -> bool:
    """Whether Docker still counts the exec as running; one it has forgotten is not."""
    try:
        facts = await docker.call(
            target.engine, lambda client: dict(client.api.exec_inspect(exec_id))
        )
    except DockerFailedError as error:
        if error.status == 404:
            return False
        raise
    return bool(facts["Running"])
