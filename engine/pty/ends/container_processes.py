"""Lists and signals the processes of terminals inside a container, through a helper in it.

Docker has no API to end an exec, and its processes survive the closing of its
socket. So a second exec, the helper, finds them in /proc and signals them, for many
terminals at once. A process belongs to a terminal when it is in the session of the
terminal's shell, or when its environment holds the terminal's tag. One that left
the session *and* cleared its environment no longer belongs to the terminal.

The helper needs only a POSIX shell; with grep it is faster. What is done with the
processes is decided in ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.errors import DockerFailedError
from engine.docker.exec_stream import frames, open_exec_stream
from engine.pty.ends.ending import Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Sequence

    from engine.core.model import Target
    from engine.docker.engines import DockerEngines
    from engine.docker.http_stream import HttpStream

logger = logging.getLogger(__name__)

SESSION_VARIABLE = "HATCHWAY_SESSION"
"""Environment variable of every process of a session: the session's id."""
TAG_VARIABLE = "HATCHWAY_TERMINAL"
"""Environment variable with a random tag of the terminal, 32 hex digits. Guests choose
session ids, and a colliding one must not end another guest's processes."""
HOST_VARIABLE = "HATCHWAY_HOST"
"""Environment variable with the id of the profile that started the terminal (records)."""
MAX_ANSWER_BYTES = 1024 * 1024
"""Bound of one process listing, which the untrusted container writes."""
ANSWER_TIMEOUT_SECONDS = 10.0
"""For one request, which a paused container or one out of memory does not answer."""
MAX_LISTED = 10_000
SHELLS = (
    ("/bin/sh",),
    ("/bin/bash",),
    ("/bin/dash",),
    ("/bin/ash",),
    ("/bin/busybox", "sh"),
    ("/usr/bin/sh",),
    ("/usr/bin/busybox", "sh"),
)
"""Shells to run the helper with, after the one that started the terminal. Images differ,
and /bin/sh may be removed while a terminal is open."""

# Arguments: $1 name of the variable to search for, $2 its values, each 32 characters long,
# separated by spaces; or, where $3 is "any", one value of any length.
# Each line read is a request: "list" with session numbers lists their processes and those
# with one of the values, "members" only those of the sessions, "kill" with a signal sends
# it to each "PID:START_TIME" that follows, "drop" discards unread input of the terminals of
# such processes and prints a line "dropped PID" where that worked.
# An answer is a line per process found, "pid parent group session terminal state start_time
# ignores-hup value name", and a line with a dot. See engine.pty.ends.ending.Process.
_HELPER = r"""
exec 2>/dev/null
variable=$1 values=" $2 " any=$3
[ -n "$any" ] && values=$2
facts() {
    stat=
    while IFS= read -r part; do stat="$stat $part"; done <"/proc/$1/stat"
    [ -n "$stat" ] || return 1
    name=${stat#*\(}
    name=${name%)*}
    set -f
    set -- ${stat##*)}
    set +f
    state=$1 parent=$2 group=$3 session=$4 terminal=$5
    shift 19
    started=$1
}
find_value() {
    value=-
    env=
    while IFS= read -r part; do env="$env$part"; done <"/proc/$1/environ"
    env=$env$part
    case $env in *"$variable="*) ;; *) return ;; esac
    env=${env#*"$variable="}
    if [ -n "$any" ]; then
        case $env in "$values"*) value=$values ;; esac
        return
    fi
    value=${env%"${env#????????????????????????????????}"}
    case $values in *" $value "*) ;; *) value=- ;; esac
}
find_ignored() {
    ignored=0
    if [ -n "$grep" ]; then
        case $ignoring in *"/proc/$1/status"*) ignored=1 ;; esac
        return
    fi
    while read -r key mask; do
        [ "$key" = SigIgn: ] || continue
        case $mask in *[13579bdf]) ignored=1 ;; esac
        return
    done <"/proc/$1/status"
}
show() {
    if [ -n "$grep" ]; then
        ignoring=$(grep -l 'SigIgn:.*[13579bdf]$' /proc/[0-9]*/status)
        tagged=
        if [ "$1" = list ] && [ -n "$any" ]; then
            tagged=$(grep -lzxF -e "$variable=$values" /proc/[0-9]*/environ)
        elif [ "$1" = list ]; then
            tagged=$(grep -lF -e "$variable=" /proc/[0-9]*/environ)
        fi
    fi
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        facts "$pid" || continue
        value=-
        if [ "$1" = list ]; then
            if [ -z "$grep" ]; then
                find_value "$pid"
            else
                case $tagged in *"$dir/environ"*) find_value "$pid" ;; esac
            fi
        fi
        case $sessions in
        *" $session "*) ;;
        *) [ "$value" != - ] || continue ;;
        esac
        find_ignored "$pid"
        printf '%s\n' "$pid $parent $group $session $terminal $state $started $ignored $value $name"
    done
}
drop() {
    # Without line mode and with min 0, a read returns what is there.
    modes=$(stty -g <"$1") || return
    stty -icanon -echo min 0 time 0 <"$1" && cat <"$1" >/dev/null && dropped=yes
    stty "$modes" <"$1"
}
command -v grep >/dev/null && grep=yes || grep=
while read -r request rest; do
    case $request in
    kill)
        signal=${rest%% *}
        for one in ${rest#* }; do
            facts "${one%:*}" && [ "$started" = "${one#*:}" ] && kill -"$signal" "${one%:*}"
        done
        ;;
    drop)
        for one in $rest; do
            facts "${one%:*}" && [ "$started" = "${one#*:}" ] || continue
            dropped=
            drop "/proc/${one%:*}/fd/0"
            [ -n "$dropped" ] && echo "dropped ${one%:*}"
        done
        ;;
    *)
        sessions=" $rest "
        show "$request"
        ;;
    esac
    echo .
done
"""


@dataclass(frozen=True, slots=True)
class SessionProcess:
    """A living process of a terminal, by its pid inside the container."""

    pid: int
    name: str


class ContainerProcesses:
    """See engine.pty.ends.ending.ProcessTable. Made by container_processes().

    Only root can inspect and signal processes of another user, and root without
    CAP_SYS_PTRACE cannot inspect them: so there may be one helper per user.
    """

    def __init__(self, helpers: Sequence[_Helper]) -> None:
        self._helpers = helpers

    async def find(
        self, sessions: Collection[int], tags: Collection[str] = ()
    ) -> Sequence[Process]:
        request = " ".join(["list" if tags else "members", *map(str, sessions)])
        found: dict[int, Process] = {}
        for answer in await self._request(request):
            for process in _processes(answer):
                if process.tag or process.pid not in found:
                    found[process.pid] = process
        return tuple(found.values())

    async def signal(self, name: str, processes: Sequence[Process]) -> None:
        if processes:
            targets = (f"{process.pid}:{process.start_time}" for process in processes)
            await self._request(" ".join(["kill", name, *targets]))

    async def drop_input(self, processes: Sequence[Process]) -> frozenset[int]:
        targets = (f"{process.pid}:{process.start_time}" for process in processes)
        answers = await self._request(" ".join(["drop", *targets]))
        lines = b"\n".join(answers).decode("utf-8", "replace").splitlines()
        return frozenset(p.pid for p in processes if f"dropped {p.pid}" in lines)

    async def _request(self, request: str) -> list[bytes]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return await asyncio.gather(*(helper.request(request) for helper in self._helpers))
        except TimeoutError as error:
            raise DockerFailedError("The container's shell does not answer") from error


class _Helper:
    """A running helper: one answer per request."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self._output: AsyncIterator[bytes] = frames(stream)
        self._held = bytearray()

    async def request(self, request: str) -> bytes:
        try:
            await self._stream.write(f"{request}\n".encode())
        except ConnectionError as error:
            raise DockerFailedError("The helper process in the container ended") from error
        while not (self._held.startswith(b".\n") or b"\n.\n" in self._held):
            piece = await anext(self._output, b"")
            self._held += piece
            if not piece or len(self._held) > MAX_ANSWER_BYTES:
                output = " ".join(self._held[:300].decode("utf-8", "replace").split())
                raise DockerFailedError(f"No shell works in the container: {output or 'no answer'}")
        answer, _, rest = (b"\n" + bytes(self._held)).partition(b"\n.\n")
        self._held = bytearray(rest)
        return answer

    async def close(self) -> None:
        """Close the connection: the helper ends with its input."""
        self._stream.close()
        await self._stream.wait_closed()


def _processes(answer: bytes) -> list[Process]:
    found = []
    for line in answer.decode("utf-8", "replace").splitlines()[:MAX_LISTED]:
        fields = line.split(" ", 9)
        numbers = fields[:5] + fields[6:8]
        if len(fields) < 10 or not all(w.lstrip("-").isdecimal() and len(w) < 21 for w in numbers):
            continue
        pid, parent, group, session, terminal, start_time, hup_ignored = map(int, numbers)
        tag = "" if fields[8] == "-" else fields[8]
        found.append(
            Process(
                pid,
                parent,
                group,
                session,
                terminal,
                fields[5],
                start_time,
                bool(hup_ignored),
                tag,
                fields[9],
            )
        )
    return found


@contextlib.asynccontextmanager
async def container_processes(
    docker: DockerEngines,
    target: Target,
    tags: Iterable[str],
    *,
    users: Iterable[str] = ("",),
    shells: Iterable[str] = (),
) -> AsyncIterator[ContainerProcesses]:
    """The container's processes as ``users`` see them.

    Raises DockerError when the container is not running or paused, has no working
    shell, or Docker cannot be reached.
    """
    arguments = [TAG_VARIABLE, " ".join(tags), ""]
    async with contextlib.AsyncExitStack() as stack:
        helpers = []
        for user in users:
            helper = await _start(docker, target, user, shells, arguments)
            stack.push_async_callback(helper.close)
            helpers.append(helper)
        yield ContainerProcesses(helpers)


async def _start(
    docker: DockerEngines,
    target: Target,
    user: str,
    shells: Iterable[str],
    arguments: list[str],
) -> _Helper:
    """A helper that has answered, run by the first shell that works."""
    failure: DockerFailedError | None = None
    for shell in dict.fromkeys((*((path,) for path in shells), *SHELLS)):
        try:
            return await _start_by(docker, target, user, shell, arguments)
        except DockerFailedError as error:
            if error.status in (404, 409):
                raise  # the container is gone, not running or paused
            # The first error says the most: the other shells may not exist at all.
            failure = failure or error
    raise failure or DockerFailedError("No shell works in the container")


async def _start_by(
    docker: DockerEngines, target: Target, user: str, shell: tuple[str, ...], arguments: list[str]
) -> _Helper:
    command = [*shell, "-c", _HELPER, "hatchway", *arguments]
    created = await docker.call(
        target.engine,
        lambda client: client.api.exec_create(target.ref, command, stdin=True, user=user),
    )
    stream = await open_exec_stream(docker.endpoint(target.engine), str(created["Id"]), tty=False)
    helper = _Helper(stream)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            await helper.request("members")
    except BaseException as error:
        await helper.close()
        if isinstance(error, TimeoutError):
            raise DockerFailedError("The container's shell does not answer") from error
        raise
    return helper


async def list_session_processes(
    docker: DockerEngines,
    target: Target,
    session_id: str,
    *,
    shell: str = "/bin/sh",
    users: tuple[str, ...] = ("", "0"),
) -> tuple[SessionProcess, ...]:
    """The living processes in the container that belong to a session's terminals.

    Raises DockerAbsentError, DockerRefusedError, DockerFailedError (also when
    the container is not running). In a container without grep a session whose
    id begins with this one is listed too.
    """
    found: dict[int, SessionProcess] = {}
    for user in users:
        helper = await _start(docker, target, user, (shell,), [SESSION_VARIABLE, session_id, "any"])
        try:
            processes = await ContainerProcesses([helper]).find((), (session_id,))
        finally:
            await helper.close()
        found.update((p.pid, SessionProcess(p.pid, p.name)) for p in processes if not p.dead)
    return tuple(sorted(found.values(), key=lambda process: process.pid))


async def exec_running(docker: DockerEngines, target: Target, exec_id: str) -> bool:
    """Whether Docker reports the exec as running; False when it no longer knows it."""
    try:
        facts = await docker.call(
            target.engine, lambda client: dict(client.api.exec_inspect(exec_id))
        )
    except DockerFailedError as error:
        if error.status == 404:
            return False
        raise
    return bool(facts["Running"])
