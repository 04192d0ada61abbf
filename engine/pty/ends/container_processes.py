"""The processes of terminals inside a container, listed and signalled from within.

Owns the helper script and its conversation. Does not own the terminal itself
(docker_exec), nor what is done with its processes (ending). There is no API to
end an exec, and its processes survive the closing of its socket: so a second exec
looks for them in /proc and signals them, for many terminals at once. A process
belongs to a terminal when it is in the session of the terminal's shell, or when
its environment carries the terminal's tag. One that left the session *and*
cleared its environment has left the terminal for good.

The helper needs nothing but a POSIX shell; with grep it is quicker.
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
"""In the environment of every process of a session, by the session's id."""
TAG_VARIABLE = "HATCHWAY_TERMINAL"
"""The same with a random value of our own, 32 hex digits: session ids are chosen by
guests, and nobody must end another's processes by choosing a colliding one."""
HOST_VARIABLE = "HATCHWAY_HOST"
"""And whose it is: the id of the profile that started it (records)."""
MAX_ANSWER_BYTES = 1024 * 1024
"""One listing of processes: the container's own shell writes it, so it is bounded."""
ANSWER_TIMEOUT_SECONDS = 10.0
"""For one order, which a container that is paused or out of memory leaves unanswered."""
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
"""What may run the helper, after the shell that started the terminal. Images differ, and
a person may remove /bin/sh while a terminal is open."""

# Arguments: $1 name of the variable to look for, $2 its values, each 32 characters long,
# with spaces between; or, where $3 is "any", one value of any length.
# Each line read is an order: "list" with the numbers of sessions lists their processes
# and those with one of the values, "look" the sessions' only, "kill" with a signal
# sends it to each "PID:BIRTH" that follows, "drop" drops what was typed into the
# terminals of such processes and prints a line "dropped PID" where that worked.
# An answer is a line per process found, "pid parent group session terminal state birth
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
    born=$1
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
find_deaf() {
    deaf=0
    if [ -n "$grep" ]; then
        case $ignoring in *"/proc/$1/status"*) deaf=1 ;; esac
        return
    fi
    while read -r key mask; do
        [ "$key" = SigIgn: ] || continue
        case $mask in *[13579bdf]) deaf=1 ;; esac
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
        find_deaf "$pid"
        printf '%s\n' "$pid $parent $group $session $terminal $state $born $deaf $value $name"
    done
}
drop() {
    # Without line mode and with no bytes to wait for, a read gives what is there.
    modes=$(stty -g <"$1") || return
    stty -icanon -echo min 0 time 0 <"$1" && cat <"$1" >/dev/null && dropped=yes
    stty "$modes" <"$1"
}
command -v grep >/dev/null && grep=yes || grep=
while read -r order rest; do
    case $order in
    kill)
        signal=${rest%% *}
        for one in ${rest#* }; do
            facts "${one%:*}" && [ "$born" = "${one#*:}" ] && kill -"$signal" "${one%:*}"
        done
        ;;
    drop)
        for one in $rest; do
            facts "${one%:*}" && [ "$born" = "${one#*:}" ] || continue
            dropped=
            drop "/proc/${one%:*}/fd/0"
            [ -n "$dropped" ] && echo "dropped ${one%:*}"
        done
        ;;
    *)
        sessions=" $rest "
        show "$order"
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

    Processes of another user can neither be looked into nor signalled without being
    root, and root without CAP_SYS_PTRACE cannot look into those of others: so there
    may be a helper for each.
    """

    def __init__(self, helpers: Sequence[_Helper]) -> None:
        self._helpers = helpers

    async def find(
        self, sessions: Collection[int], tags: Collection[str] = ()
    ) -> Sequence[Process]:
        order = " ".join(["list" if tags else "look", *map(str, sessions)])
        found: dict[int, Process] = {}
        for answer in await self._order(order):
            for process in _processes(answer):
                if process.tag or process.pid not in found:
                    found[process.pid] = process
        return tuple(found.values())

    async def signal(self, name: str, processes: Sequence[Process]) -> None:
        if processes:
            whom = (f"{process.pid}:{process.birth}" for process in processes)
            await self._order(" ".join(["kill", name, *whom]))

    async def drop_input(self, processes: Sequence[Process]) -> frozenset[int]:
        whom = (f"{process.pid}:{process.birth}" for process in processes)
        answers = await self._order(" ".join(["drop", *whom]))
        lines = b"\n".join(answers).decode("utf-8", "replace").splitlines()
        return frozenset(p.pid for p in processes if f"dropped {p.pid}" in lines)

    async def _order(self, order: str) -> list[bytes]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return await asyncio.gather(*(helper.order(order) for helper in self._helpers))
        except TimeoutError as error:
            raise DockerFailedError("The container's shell does not answer") from error


class _Helper:
    """A running helper: one order, one answer."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self._output: AsyncIterator[bytes] = frames(stream)
        self._held = bytearray()

    async def order(self, order: str) -> bytes:
        try:
            await self._stream.write(f"{order}\n".encode())
        except ConnectionError as error:
            raise DockerFailedError("The container ended our helper") from error
        while not (self._held.startswith(b".\n") or b"\n.\n" in self._held):
            piece = await anext(self._output, b"")
            self._held += piece
            if not piece or len(self._held) > MAX_ANSWER_BYTES:
                words = " ".join(self._held[:300].decode("utf-8", "replace").split())
                raise DockerFailedError(f"No shell works in the container: {words or 'no answer'}")
        answer, _, rest = (b"\n" + bytes(self._held)).partition(b"\n.\n")
        self._held = bytearray(rest)
        return answer

    async def close(self) -> None:
        """Its input ends with the connection, and so does the helper."""
        self._stream.close()
        await self._stream.wait_closed()


def _processes(answer: bytes) -> list[Process]:
    found = []
    for line in answer.decode("utf-8", "replace").splitlines()[:MAX_LISTED]:
        words = line.split(" ", 9)
        numbers = words[:5] + words[6:8]
        if len(words) < 10 or not all(w.lstrip("-").isdecimal() and len(w) < 21 for w in numbers):
            continue
        pid, parent, group, session, terminal, birth, deaf = map(int, numbers)
        tag = "" if words[8] == "-" else words[8]
        found.append(
            Process(
                pid, parent, group, session, terminal, words[5], birth, bool(deaf), tag, words[9]
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
    """The container's processes, seen with the eyes of ``users``.

    Raises DockerError: the container is not running or paused, nothing in it can
    run a shell, or Docker is away.
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
    """A helper that has answered, run by the first shell that can."""
    failure: DockerFailedError | None = None
    for shell in dict.fromkeys((*((path,) for path in shells), *SHELLS)):
        try:
            return await _start_by(docker, target, user, shell, arguments)
        except DockerFailedError as error:
            if error.status in (404, 409):
                raise  # the container is gone, not running or paused
            # What the first one says is worth the most: the others may never have been there.
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
            await helper.order("look")
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
    """The living processes in the container that a session's terminals left or still have.

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
