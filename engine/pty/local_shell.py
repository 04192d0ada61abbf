"""A terminal on this computer: a pseudo-terminal with the user's own shell. POSIX only.

The shell becomes leader of a new session. Opening the terminal by name then makes
it the controlling terminal, so no code of ours runs between fork and exec.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.child_environment import child_environment
from engine.core.errors import PTYClosedError, PTYOpenError
from engine.core.model import LOCAL_TARGET, ExitStatus, Target, TargetKind
from engine.core.receive_buffer import ReceiveBuffer
from engine.core.tasks import start
from engine.core.text import shown
from engine.pty.base import CLOSE_TIMEOUT_SECONDS, READ_SIZE
from engine.pty.chunking import ChunkedReader
from engine.pty.ends.ends import TerminalEnds
from engine.pty.ends.local_processes import start_time_of

if sys.platform != "win32":
    import fcntl
    import pwd
    import termios
from engine.core.settings import TerminalSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.core.model import Size
    from engine.pty.ends.records import Record

logger = logging.getLogger(__name__)

REAP_SECONDS = 1.0
"""How long the shell, once ended, may take to exit."""
EXIT_POLL_SECONDS = 0.1
"""Between two polls of the shell's process, where there is no pidfd."""
EXIT_GRACE_SECONDS = 1.0
"""From closing the terminal's last descriptor to the shell's exit."""
MAX_OUTPUT_AFTER_EXIT = 256 * 1024
"""Output still read after the shell's exit. A pty buffers less; a background process
that continues to write must not hold the session open."""

# $0 is the terminal's name. Shells open redirections without O_NOCTTY.
# Opened once for all three, read-write: tmux and others write to their input.
_LAUNCHER = 'exec "$@" <>"$0" >&0 2>&0'


class LocalShellPTY:
    """See engine.pty.base.PTY. Made by open()."""

    def __init__(
        self,
        master: int,
        process: subprocess.Popen[bytes],
        size: Size,
        read_chunk: int,
        ends: TerminalEnds,
        record: Record,
        *,
        own_ends: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._master = master
        self._process = process
        self._size = size
        self._taken = 0
        self._exit: ExitStatus | None = None
        self._buffer = ReceiveBuffer(self._pause, self._resume)
        # Reading continues meanwhile: a pseudo-terminal buffers only about 12 KB.
        self._output = ChunkedReader(self._buffer.read, self._buffer.fill, read_chunk)
        self._reading = False
        self._read_after_exit = 0
        self._writable = asyncio.Event()
        self._exited = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._ends = ends
        self._own_ends = own_ends
        self._record = record
        self._grace: asyncio.TimerHandle | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._pidfd = -1
        self._watch_exit()
        self._resume()

    @classmethod
    async def open(
        cls,
        *,
        session_id: str,
        size: Size,
        settings: TerminalSettings,
        ends: TerminalEnds | None = None,
        command: tuple[str, ...] = (),
    ) -> LocalShellPTY:
        """A login shell of the user who runs this program, or ``command`` as this user.

        For ``ends`` and ``command`` see create_pty_session(). Raises PTYOpenError.
        """
        if sys.platform == "win32":
            raise PTYOpenError("Terminals on this computer require Linux or macOS")
        program = _find_program(command) if command else (_find_shell(settings), "-l")
        ends, own_ends = ends or TerminalEnds(None), ends is None
        record = ends.new_record(
            Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=LOCAL_TARGET),
            session_id,
            by_command=bool(command),
        )
        await ends.saved()
        try:
            process, master = _launch(program, size, ends.environment(record))
        except PTYOpenError:
            ends.remove(record)
            raise
        record.started(process.pid, start_time_of(process.pid))
        ends.save(record)
        return cls(master, process, size, settings.read_chunk, ends, record, own_ends=own_ends)

    # -- PTY

    @property
    def label(self) -> str:
        return LOCAL_TARGET

    @property
    def size(self) -> Size:
        return self._size

    @property
    def exit_status(self) -> ExitStatus | None:
        return self._exit

    @property
    def pid(self) -> int:
        """The shell's process id, which is also its session id."""
        return self._process.pid

    @property
    def taken(self) -> int:
        return self._taken

    async def read(self) -> bytes:
        return await self._output.read()

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while True:
            if self._exit is not None or self._closing is not None:
                raise PTYClosedError("The terminal has ended")
            if not view:
                return
            try:
                written = os.write(self._master, view[:READ_SIZE])
            except BlockingIOError:
                await self._wait_writable()
                continue
            except OSError:
                raise PTYClosedError("The terminal has ended") from None
            self._taken += written
            view = view[written:]

    async def resize(self, size: Size) -> None:
        self._size = size
        if self._exit is None and self._closing is None:
            with contextlib.suppress(OSError):  # it has just ended
                _set_size(self._master, size)

    async def close(self) -> None:
        if self._closing is None:
            self._end(ExitStatus(None, "The terminal was closed"), discard=True)
            self._closing = start(self._close(), f"close {self.label}")
        await asyncio.shield(self._closing)

    # -- bytes

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._master)

    def _resume(self) -> None:
        if not self._reading and self._master >= 0:
            self._reading = True
            self._loop.add_reader(self._master, self._on_readable)

    def _on_readable(self) -> None:
        taken = 0
        while self._reading:
            try:
                data = os.read(self._master, READ_SIZE)
            except BlockingIOError:
                if self._process.returncode is not None:
                    self._end(_exit_status(self._process.returncode))
                return
            except OSError as error:
                if error.errno != errno.EIO:
                    logger.warning("Reading the terminal failed: %s", error)
                data = b""
            if not data:
                self._on_terminal_closed()
                return
            self._buffer.feed(data)
            taken += len(data)
            if self._process.returncode is None:
                # The kernel returns at most 4095 bytes. One turn of the loop takes READ_SIZE;
                # the reader is level-triggered, so the rest comes.
                if taken < READ_SIZE:
                    continue
                return
            self._read_after_exit += len(data)
            if self._read_after_exit > MAX_OUTPUT_AFTER_EXIT:
                self._end(_exit_status(self._process.returncode))

    def _on_terminal_closed(self) -> None:
        """EIO: the last process that had the terminal open is gone, most likely the shell."""
        self._pause()
        code = self._process.poll()
        if code is not None:
            self._end(_exit_status(code))
        elif self._grace is None:
            status = ExitStatus(None, "The shell closed its terminal")
            self._grace = self._loop.call_later(EXIT_GRACE_SECONDS, self._end, status)

    async def _wait_writable(self) -> None:
        self._writable.clear()
        self._loop.add_writer(self._master, self._writable.set)
        try:
            await self._writable.wait()
        finally:
            if self._master >= 0:
                self._loop.remove_writer(self._master)

    # -- the end

    def _watch_exit(self) -> None:
        if sys.platform == "linux":
            try:
                self._pidfd = os.pidfd_open(self._process.pid)
            except OSError:  # an old kernel or a strict sandbox
                self._pidfd = -1
        if self._pidfd >= 0:
            self._loop.add_reader(self._pidfd, self._on_exit)
        else:
            self._poll_exit()

    def _poll_exit(self) -> None:
        if self._process.poll() is None:
            self._poll = self._loop.call_later(EXIT_POLL_SECONDS, self._poll_exit)
        else:
            self._on_exit()

    def _on_exit(self) -> None:
        code = self._process.poll()
        if code is None:
            return
        self._close_pidfd()
        self._exited.set()
        if self._exit is None:
            if self._grace is not None:
                self._end(_exit_status(code))
            elif self._reading:
                self._on_readable()
            # Else reading is paused; once it resumes it reaches the end.

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _end(self, status: ExitStatus, *, discard: bool = False) -> None:
        self._pause()
        if self._grace is not None:
            self._grace.cancel()
        if self._exit is None:
            self._exit = status
        self._buffer.end(discard=discard)
        self._writable.set()

    async def _close(self) -> None:
        # The master stays open while the session ends: closing it makes the kernel send HUP
        # and CONT to the shell. It is read meanwhile, so that no writer blocks.
        self._loop.remove_writer(self._master)
        self._loop.add_reader(self._master, self._drop_output)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await self._ends.end(self._record)
        self._loop.remove_reader(self._master)
        os.close(self._master)
        self._master = -1
        if self._own_ends:
            await self._ends.stop()
        # Reaps the shell, unless its end takes longer. It may be about to exit.
        if self._process.poll() is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REAP_SECONDS):
                    await self._exited.wait()
        if self._poll is not None:
            self._poll.cancel()
        self._close_pidfd()

    def _drop_output(self) -> None:
        try:
            if os.read(self._master, READ_SIZE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._loop.remove_reader(self._master)


def _launch(
    program: tuple[str, ...], size: Size, environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """The program's process, and the master of its terminal. Raises PTYOpenError."""
    try:
        master, slave = os.openpty()
    except OSError as error:
        raise PTYOpenError(f"Cannot open a pseudo-terminal: {error.strerror}") from error
    try:
        os.set_blocking(master, False)
        _set_size(master, size)
        with _default_hang_up():
            process = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCHER, os.ttyname(slave), *program],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=_home(),
                env=_environment() | environment,
                start_new_session=True,
            )
    except OSError as error:
        os.close(master)
        raise PTYOpenError(f"{shown(program[0])} could not be started: {error.strerror}") from error
    finally:
        os.close(slave)
    return process, master


@contextlib.contextmanager
def _default_hang_up() -> Iterator[None]:
    """A program started in this context does not ignore HUP, even if we do (``nohup hatchway``).

    A shell cannot undo that itself, so all its programs would survive it unasked.
    """
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield
        return
    # exec resets a caught signal to its default, but not an ignored one.
    signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _set_size(master: int, size: Size) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.cols, 0, 0))


def _exit_status(code: int) -> ExitStatus:
    if code >= 0:
        return ExitStatus(code, f"The shell exited with code {code}")
    try:
        name = signal.Signals(-code).name
    except ValueError:  # Python names no real-time signal but the first and the last one
        name = f"signal {-code}"
    return ExitStatus(128 - code, f"The terminal was killed ({name})")


def _find_shell(settings: TerminalSettings) -> str:
    """The shell that was set, else the user's own. Raises PTYOpenError if none is usable."""
    candidates = [os.environ.get("SHELL", "")]
    with contextlib.suppress(KeyError):
        candidates.append(pwd.getpwuid(os.getuid()).pw_shell)
    # The default says what containers have; here the user has a shell.
    is_set = settings.shell != TerminalSettings().shell
    candidates.insert(0 if is_set else len(candidates), settings.shell)
    candidates.append(settings.fallback_shell)
    for path in candidates:
        if path.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise PTYOpenError("None of these shells can be run: " + ", ".join(filter(None, candidates)))


def _find_program(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with its program's path. Raises PTYOpenError: there is no shell to say why."""
    if any("\0" in word for word in command):
        raise PTYOpenError("A command cannot contain a null character")
    # A relative path is one in the folder where it will run.
    name = os.path.join(_home(), command[0]) if "/" in command[0] else command[0]
    path = shutil.which(name, path=_environment().get("PATH"))
    if path is None:
        raise PTYOpenError(f"{shown(command[0])} is not a program that can be run here")
    return path, *command[1:]


def _home() -> str:
    try:
        home = Path.home()
    except RuntimeError:  # a user without one
        return "/"
    return str(home) if home.is_dir() else "/"


def _environment() -> dict[str, str]:
    # Our own settings may hold the relay's token, which whoever types here must not see.
    environment = {k: v for k, v in child_environment().items() if not k.startswith("HATCHWAY_")}
    if not any(environment.get(name) for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        environment["LANG"] = "C.UTF-8"
    return environment | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
