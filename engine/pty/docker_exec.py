"""A terminal in a container: one ``docker exec``, from its start to its last process.

The exec runs a small script that prints its pid, waits for a line, and becomes
the shell. While it waits we set the terminal's size, so that the first prompt has
the right size on every Docker API version. Resizing earlier blocks in the daemon;
resizing later makes the shell draw twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.core.errors import (
    DockerAbsentError,
    DockerError,
    DockerFailedError,
    NoShellError,
    PTYClosedError,
    PTYOpenError,
    TargetNotFoundError,
    TargetNotRunningError,
)
from engine.core.model import EndCode, ExitStatus
from engine.core.tasks import start
from engine.core.text import shown
from engine.docker.exec_stream import open_exec_stream
from engine.pty.base import CLOSE_TIMEOUT_SECONDS
from engine.pty.chunking import ChunkedReader
from engine.pty.container_end import why_it_ended
from engine.pty.ends.ends import TerminalEnds

if TYPE_CHECKING:
    from docker import DockerClient

    from engine.core.model import Size, Target
    from engine.core.settings import TerminalSettings
    from engine.docker.engines import DockerEngines
    from engine.docker.http_stream import HttpStream
    from engine.pty.ends.records import Record

logger = logging.getLogger(__name__)

START_TIMEOUT_SECONDS = 10.0
"""From starting the exec to starting the shell in it."""
EXIT_TIMEOUT_SECONDS = 3.0
"""How long Docker may take to report the exit code after the last byte."""
RESIZE_TRIES = 20
POLL_SECONDS = 0.05
CONTAINER_END_SECONDS = 0.3
"""Between the end of a killed terminal and that of its container, if both end."""
REPORT_SECONDS = 2.0
"""How long the engine may take to report why a container ended."""
MAX_PREAMBLE_BYTES = 16 * 1024
"""Output before the script's first line, or instead of it: an error of the runtime."""
DETACH_KEYS = r"ctrl-\,ctrl-],ctrl-^,ctrl-_,ctrl-],ctrl-^"
"""Docker consumes this sequence and delays its first key until the next one comes. It cannot be
disabled, and every key that it takes can be typed; the default would delay Ctrl-P. Ctrl-Backslash
is typed least: editors use it as the first of two keys, and what it quits it also quits when it
is pressed twice."""
SHELL_LABEL = "hatchway.shell"
USER_LABEL = "hatchway.user"
LOGIN_LABEL = "hatchway.login"
OTHER_SHELLS = (
    "/busybox/sh",
    "/run/current-system/sw/bin/bash",
    "/run/current-system/sw/bin/sh",
    "/bin/ash",
    "/bin/dash",
)
"""Tried after the configured shells and those in PATH: distroless debug images, NixOS, others."""

_SHELL_PATH = re.compile(r"/[^\0\r\n]{1,1000}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")
_ROOTS = frozenset({"", "0", "root", "0:0", "root:root"})

# Prints "TAG pid start_time hup_ignored program TAG", waits for a line, prints TAG (to
# separate the echo of that line from the program's own output), becomes the program.
# start_time is field 22 of stat; hup_ignored is 1 if HUP is ignored from the start (see
# ending). The first part finds the program; "" for none. The image's own locale is kept; only
# where there is none it is a UTF-8 one, and one that exists: programs complain of others.
_SCRIPT = r"""
tag=$HATCHWAY_TERMINAL
%s
if [ -z "$LANG$LC_ALL$LC_CTYPE" ]; then
    case $(locale -a 2>/dev/null) in
    *C.[uU][tT][fF]8* | *C.[uU][tT][fF]-8* | "") LANG=C.UTF-8 ;;
    *en_US.[uU][tT][fF]8* | *en_US.[uU][tT][fF]-8*) LANG=en_US.UTF-8 ;;
    *) unset LANG ;;
    esac
    [ -z "$LANG" ] || export LANG
fi
field_22() { [ $# -gt 19 ] && shift 19; start_time=${1:-0}; }
read -r stat 2>/dev/null <"/proc/$$/stat"
field_22 ${stat##*)}
hup_ignored=0
while read -r key mask; do
    case $key$mask in SigIgn:*[13579bdf]) hup_ignored=1 ;; esac
done 2>/dev/null <"/proc/$$/status"
printf '%%s %%s %%s %%s %%s %%s' "$tag" "$$" "$start_time" "$hup_ignored" "$program" "$tag"
[ -n "$program" ] || exit 127
read -r go
printf '%%s' "$tag"
exec %s
"""
# Arguments: "-l" or "", the configured shells, "", and the others to try, best first.
_SHELL_SCRIPT = _SCRIPT % (
    """login=$1; shift
for program in "$@" ""; do
    if [ -z "$program" ]; then
        program=$(command -v bash || command -v sh)
        case $program in /*) ;; *) program= ;; esac
    fi
    [ -f "$program" ] && [ -x "$program" ] && break
done""",
    '"$program" $login',
)
# Arguments: the command.
_COMMAND_SCRIPT = _SCRIPT % (
    """program=$(command -v "$1")
case $program in */*) [ -f "$program" ] && [ -x "$program" ] || program= ;; esac""",
    '"$@"',
)

_SIGNALLED = {129: "HUP", 137: "KILL", 143: "TERM"}


@dataclass(frozen=True, slots=True)
class _Plan:
    """User and shells for a terminal, from the container and the settings."""

    user: str
    users: tuple[str, ...]
    shells: tuple[str, ...]
    read_chunk: int
    login: bool
    started_at: str
    command: tuple[str, ...] = ()


class DockerExecPTY:
    """See engine.pty.base.PTY. Made by open()."""

    def __init__(
        self,
        docker: DockerEngines,
        target: Target,
        exec_id: str,
        stream: HttpStream,
        size: Size,
        read_chunk: int,
        ends: TerminalEnds,
        record: Record,
        *,
        own_ends: bool,
        started_at: str,
    ) -> None:
        self.exec_id = exec_id
        self.shell = ""
        """The path of the shell or program that runs, once the terminal is open."""
        self._docker = docker
        self._target = target
        self._stream = stream
        self._ends = ends
        self._own_ends = own_ends
        self._started_at = started_at  # of the container's run
        self._record = record
        self._size = size
        # The connection buffers output meanwhile, so the program does not wait.
        self._output = ChunkedReader(stream.read, stream.gather, read_chunk)
        self._applied_size: Size | None = None  # the last size sent to Docker
        self._resizing = asyncio.Lock()
        self._sent_before = 0  # bytes sent before the shell started
        self._exit: ExitStatus | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        target: Target,
        *,
        session_id: str,
        size: Size,
        docker: DockerEngines,
        settings: TerminalSettings,
        ends: TerminalEnds | None = None,
        command: tuple[str, ...] = (),
    ) -> DockerExecPTY:
        """A terminal whose shell is about to print its first prompt, or whose ``command`` starts.

        For ``ends`` and ``command`` see create_pty_session(). Raises TargetNotFoundError,
        TargetNotRunningError, NoShellError, PTYOpenError, or a DockerError.
        Cancelling leaves nothing behind.
        """
        opening = asyncio.create_task(
            cls._open(target, session_id, size, docker, settings, ends, command),
            name=f"open exec {session_id}",
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # An exec that was created but never started stays in the daemon for ever.
            with contextlib.suppress(Exception):
                await (await opening).close()
            raise

    @classmethod
    async def _open(
        cls,
        target: Target,
        session_id: str,
        size: Size,
        docker: DockerEngines,
        settings: TerminalSettings,
        ends: TerminalEnds | None,
        command: tuple[str, ...],
    ) -> DockerExecPTY:
        try:
            container = await docker.call(
                target.engine, lambda client: dict(client.api.inspect_container(target.ref))
            )
            plan = replace(_plan(container, target, settings), command=_checked(command))
            # /bin/sh nearly always runs the script; images without it may have another shell.
            places = ("/bin/sh", *plan.shells, "sh", "bash", *OTHER_SHELLS)
            for interpreter in dict.fromkeys(places):
                try:
                    return await cls._start(
                        target, session_id, size, docker, plan, interpreter, ends
                    )
                except NoShellError as error:
                    failure = error
            raise failure
        except DockerFailedError as error:
            if error.status == 404:
                raise TargetNotFoundError(target.id) from error
            if error.status == 409:
                raise TargetNotRunningError(f"{target.name} is not running") from error
            raise

    @classmethod
    async def _start(
        cls,
        target: Target,
        session_id: str,
        size: Size,
        docker: DockerEngines,
        plan: _Plan,
        interpreter: str,
        ends: TerminalEnds | None,
    ) -> DockerExecPTY:
        ends, own_ends = ends or TerminalEnds(docker), ends is None
        record = ends.new_record(
            target,
            session_id,
            users=plan.users,
            path=interpreter,
            by_command=bool(plan.command),
        )
        environment = {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            **ends.environment(record),
        }
        script, arguments = _COMMAND_SCRIPT, plan.command
        if not arguments:
            script = _SHELL_SCRIPT
            arguments = ("-l" if plan.login else "", *plan.shells, "", *OTHER_SHELLS)
        command = [interpreter, "-c", script, "hatchway", *arguments]

        def create(client: DockerClient) -> str:
            created = client.api.exec_create(
                target.ref,
                command,
                stdin=True,
                tty=True,
                user=plan.user,
                environment=environment,
                detach_keys=DETACH_KEYS,
            )
            return str(created["Id"])

        try:
            exec_id, _ = await asyncio.gather(docker.call(target.engine, create), ends.saved())
        except BaseException:
            ends.remove(record)  # nothing was started
            raise
        try:
            stream = await open_exec_stream(docker.endpoint(target.engine), exec_id, tty=True)
        except BaseException:
            # The exec may still start, if the daemon was only slow to answer.
            await _end(ends, record, own_ends=own_ends)
            raise
        pty = cls(
            docker,
            target,
            exec_id,
            stream,
            size,
            plan.read_chunk,
            ends,
            record,
            own_ends=own_ends,
            started_at=plan.started_at,
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                await pty._release_shell(plan.command)
        except BaseException as error:
            if isinstance(error, NoShellError):
                ends.remove(record)
            else:
                await pty.close()
            stream.close()
            await stream.wait_closed()
            if isinstance(error, TimeoutError):
                raise PTYOpenError(f"The shell in {target.name} did not start in time") from error
            raise
        return pty

    async def _release_shell(self, command: tuple[str, ...]) -> None:
        tag = self._record.tag.encode()
        # The tag comes twice; no other output of the container can contain it.
        first = await self._stream.read_until(tag + b" ", MAX_PREAMBLE_BYTES)
        header = first and await self._stream.read_until(b" " + tag, MAX_PREAMBLE_BYTES)
        if not header:
            raise await self._start_error()
        pid, start_time, hup_ignored, shell = header.removesuffix(b" " + tag).split(b" ", 3)
        if not (pid.isdigit() and start_time.isdigit() and max(len(pid), len(start_time)) < 19):
            raise PTYOpenError(f"The shell in {self._target.name} sent an unexpected reply")
        if not shell and command:
            raise PTYOpenError(f"{self._target.name} has no program {shown(command[0])}")
        if not shell:
            raise _no_shell(self._target.name)
        self.shell = shell.decode("utf-8", "replace")
        record = self._record
        record.started(int(pid), int(start_time), hup_ignored=hup_ignored == b"1")
        self._ends.save(record)
        await self.resize(self._size)
        try:
            await self._stream.write(b"\n")
        except ConnectionError:
            raise await self._start_error() from None
        if await self._stream.read_until(tag, MAX_PREAMBLE_BYTES) is None:
            raise await self._start_error()
        self._sent_before = self._stream.sent

    async def _start_error(self) -> NoShellError | PTYOpenError | DockerError:
        """The error for a stream that ended, or carried other output, before the shell started."""
        output = (await self._stream.read()).decode("utf-8", "replace")
        output = " ".join(output.split())[:500]
        code: int | None = None
        with contextlib.suppress(DockerFailedError):
            code = (await self._inspect()).get("ExitCode")
        name = self._target.name
        missing = ("no such file", "not found", "permission denied", "executable file")
        if code in (126, 127) and any(text in output.lower() for text in missing):
            return _no_shell(name)
        if "user" in output.lower() and code in (126, 127):
            return PTYOpenError(f"{name} has no such user ({output})")
        return PTYOpenError(f"The shell in {name} did not start: {output or f'exit code {code}'}")

    # -- PTY

    @property
    def label(self) -> str:
        return self._target.id

    @property
    def size(self) -> Size:
        return self._size

    @property
    def exit_status(self) -> ExitStatus | None:
        return self._exit

    @property
    def taken(self) -> int:
        return self._stream.sent - self._sent_before

    async def read(self) -> bytes:
        if data := await self._output.read():
            return data
        if self._exit is None:
            if self._finishing is None:
                self._finishing = start(self._finish(), f"end of {self.label}")
            # Shielded: a cancelled reader must not take the exit status from the next one.
            await asyncio.shield(self._finishing)
        return b""

    async def write(self, data: bytes) -> None:
        if self._exit is not None or self._stream.ended:
            raise PTYClosedError("The terminal has ended")
        try:
            await self._stream.write(data)
        except ConnectionError:
            raise PTYClosedError("The terminal has ended") from None

    async def resize(self, size: Size) -> None:
        self._size = size
        async with self._resizing:
            for _ in range(RESIZE_TRIES):
                # A later call may have set a newer size: only the last one counts.
                size = self._size
                if self._exit is not None or self._stream.ended or self._applied_size == size:
                    return
                try:
                    await self._apply_size(size)
                except DockerAbsentError:
                    return  # the end of the stream reports the same
                except DockerError as error:
                    # Right after the start the runtime may not know the process yet.
                    logger.debug("Resizing %s: %s", self.label, error)
                    await asyncio.sleep(POLL_SECONDS)
                else:
                    self._applied_size = size

    async def _apply_size(self, size: Size) -> None:
        await self._docker.call(
            self._target.engine,
            lambda client: client.api.exec_resize(self.exec_id, height=size.rows, width=size.cols),
        )

    async def close(self) -> None:
        if self._closing is None:
            if self._exit is None:
                self._exit = ExitStatus(None, "The terminal was closed")
            self._stream.close()
            self._closing = start(self._close(), f"close {self.label}")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await _end(self._ends, self._record, own_ends=self._own_ends)
        if self._finishing is not None:
            await self._finishing  # bounded by EXIT_TIMEOUT_SECONDS
        await self._stream.wait_closed()

    # -- the end

    async def _finish(self) -> None:
        status = ExitStatus(None, "The connection to the terminal was lost")
        try:
            async with asyncio.timeout(EXIT_TIMEOUT_SECONDS):
                code = await self._read_exit_code()
                status = _exit_status(code)
            async with asyncio.timeout(REPORT_SECONDS):
                why = await why_it_ended(self._docker, self._target, self._started_at)
                if not why and (code is None or code in _SIGNALLED):
                    # As by the end of the container, which the daemon records a little later.
                    await asyncio.sleep(CONTAINER_END_SECONDS)
                    why = await why_it_ended(self._docker, self._target, self._started_at)
                if why:
                    status = ExitStatus(code, why, EndCode.TARGET_STOPPED)
        except TimeoutError:
            logger.debug("Docker did not report how the terminal in %s ended", self.label)
        except DockerAbsentError:
            status = ExitStatus(None, "Lost the connection to Docker", EndCode.TARGET_STOPPED)
        except DockerError as error:
            logger.debug("Cannot read how the terminal in %s ended: %s", self.label, error)
        if self._exit is None:
            self._exit = status

    async def _read_exit_code(self) -> int | None:
        """None when the engine no longer knows the terminal, as after the container's end."""
        # The stream may end before the daemon has recorded the exit.
        try:
            while True:
                facts = await self._inspect()
                if not facts["Running"]:
                    break
                await asyncio.sleep(POLL_SECONDS)
        except DockerFailedError as error:
            if error.status == 404:
                return None
            raise
        code = facts.get("ExitCode")
        return code if isinstance(code, int) else None

    async def _inspect(self) -> dict[str, Any]:
        return await self._docker.call(
            self._target.engine, lambda client: dict(client.api.exec_inspect(self.exec_id))
        )


def _no_shell(name: str) -> NoShellError:
    return NoShellError(
        f"{name} has no shell in any of the usual places, so no terminal can run in it. If it has"
        f" one elsewhere, start the container with the label {SHELL_LABEL}=PATH"
    )


async def _end(ends: TerminalEnds, record: Record, *, own_ends: bool) -> None:
    """End the terminal, for CLOSE_TIMEOUT_SECONDS at most; ``ends`` continues after that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
            await ends.end(record)
    if own_ends:
        await ends.stop()


def _exit_status(code: int | None) -> ExitStatus:
    if code is None:
        return ExitStatus(None, "The connection to the terminal was lost")
    if code in _SIGNALLED:
        return ExitStatus(code, f"The terminal was killed ({_SIGNALLED[code]})")
    return ExitStatus(code, f"The shell exited with code {code}")


def _checked(command: tuple[str, ...]) -> tuple[str, ...]:
    """Raises PTYOpenError."""
    if any("\0" in word for word in command):
        raise PTYOpenError("A command cannot contain a null character")
    return command


def _plan(container: dict[str, Any], target: Target, settings: TerminalSettings) -> _Plan:
    """Raises TargetNotRunningError, and PTYOpenError for a label that cannot be used."""
    state = container["State"]
    if state.get("Paused"):
        raise TargetNotRunningError(f"{target.name} is paused: unpause it first")
    if not state.get("Running"):
        raise TargetNotRunningError(f"{target.name} is not running: start it first")
    config = container["Config"]
    labels = config.get("Labels") or {}
    shell, user = str(labels.get(SHELL_LABEL, "")), str(labels.get(USER_LABEL, ""))
    if shell and not _SHELL_PATH.fullmatch(shell):
        raise PTYOpenError(f"The label {SHELL_LABEL} of {target.name} is not an absolute path")
    if user and not _USER.fullmatch(user):
        raise PTYOpenError(f"The label {USER_LABEL} of {target.name} is not a user name")
    candidates = (shell, settings.shell, settings.fallback_shell)
    effective = user or str(config.get("User") or "")
    users = (user,) if effective in _ROOTS else (user, "0")
    shells = tuple(dict.fromkeys(path for path in candidates if path))
    login = str(labels.get(LOGIN_LABEL, "")).lower()
    return _Plan(
        user,
        users,
        shells,
        settings.read_chunk,
        login=login in ("1", "true", "yes") if login else settings.login,
        started_at=str(state.get("StartedAt", "")),
    )
