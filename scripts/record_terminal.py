"""Records the real programs that the emulator is compared with an independent one on.

    python -m scripts.record_terminal [NAME...]      # all, or those whose name begins so

Owns the sandbox a program runs in, typing, and writing down what comes back.
Does not own the list (tests/engine/emulator/recordings/programs.py) or the
file format. Needs Linux, root, the programs, and the oracle's packages:
xterm.js answers the programs' questions while they are recorded.

A recording must not tell whose machine it was made on: the program runs as
user and host "demo", sees its own processes, a made-up home folder and
processor, and, with libfaketime, a fixed date.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.engine.emulator.oracle import Oracle
from tests.engine.emulator.recordings import Output, Recording, Resized, Settled
from tests.engine.emulator.recordings.home import make_home
from tests.engine.emulator.recordings.programs import PROGRAMS, SIZES, Do, Program

QUIET_SECONDS = 0.2
"""A program that has written and writes nothing for so long waits for a key."""
PROMPT_SECONDS = 0.05
"""The same for one that has written its prompt."""
END_SECONDS = 2.0
"""How long a program may take to end after its last key."""
MOST_BYTES = 64 * 1024
"""What one recording may hold: an animation at full speed ends here."""
AT_ONCE = 6
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
CPUINFO = "\n\n".join(
    f"processor\t: {n}\nmodel name\t: Demo CPU\ncpu MHz\t\t: 1000.0" for n in (0, 1)
)

CHECKOUT = "/" + Path(__file__).resolve().parts[1]
"""The folder of the root that the checkout is in: hidden from the programs."""

SANDBOX = """
set -e
hostname demo
mount -t tmpfs none /home && cp -a "$1/home" /home/demo && chown -R 1000:1000 /home/demo
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mount --bind "$1/hostname" /etc/hostname
mount --bind "$1/cpuinfo" /proc/cpuinfo
for place in "$2" /root /tmp /run /mnt; do
    if [ -d "$place" ]; then mount -t tmpfs -o mode=1777 none "$place"; fi
done
cd /home/demo
shift 2
exec setsid --ctty setpriv --pdeathsig KILL --reuid 1000 --regid 1000 --clear-groups \
    env -i HOME=/home/demo USER=demo LOGNAME=demo SHELL=/bin/bash TERM=xterm-256color \
    LANG=C.UTF-8 PATH=/usr/bin:/bin:/usr/games TZ=UTC XDG_RUNTIME_DIR=/tmp "$@"
"""


def sandbox(stage: Path) -> None:
    make_home(stage / "home")
    (stage / "passwd").write_text("root:x:0:0::/:/bin/sh\ndemo:x:1000:1000::/home/demo:/bin/bash\n")
    (stage / "group").write_text("root:x:0:\ndemo:x:1000:\n")
    (stage / "hostname").write_text("demo\n")
    (stage / "cpuinfo").write_text(CPUINFO + "\n")


def command(stage: Path, program: Program) -> list[str]:
    clock = []
    if FAKETIME.exists():
        clock = [f"LD_PRELOAD={FAKETIME}", "FAKETIME=@2026-01-02 03:04:05", "DONT_FAKE_MONOTONIC=1"]
    namespaces = ["--uts", "--ipc", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    return [
        *(
            "unshare",
            *namespaces,
            "--mount-proc",
            "sh",
            "-c",
            SANDBOX,
            "sandbox",
            str(stage),
            CHECKOUT,
        ),
        *(*clock, "sh", "-c", program.command),
    ]


class Session:
    """One program under a PTY, with xterm.js to answer its questions."""

    def __init__(
        self, program: Program, size: tuple[int, int], stage: Path, oracle: Oracle
    ) -> None:
        self._program, self._oracle = program, oracle
        self._terminal = oracle.terminal(*size)
        self.recording = Recording(program.name, *size)
        self._taken = 0
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            arguments = command(stage, program)
            os.execvp(arguments[0], arguments)
        self._began = time.monotonic()

    def _note(self, event: Output | Resized | Settled) -> None:
        self.recording.events.append((time.monotonic() - self._began, event))

    def _type(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # It has ended; reading says so.
            os.write(self._fd, keys)

    def _patience(self, last: bytes) -> float:
        """How long to wait for more; ``last`` is what came since the key."""
        if not last:
            return self._program.longest
        if self._program.prompt:
            ended = last.decode("utf-8", "replace").endswith(self._program.prompt)
            return PROMPT_SECONDS if ended else self._program.longest
        return QUIET_SECONDS

    def listen(self, longest: float) -> bool:
        """Write down output until it rests; False when the program has ended."""
        deadline = time.monotonic() + longest
        last = b""
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], min(left, self._patience(last)))[0]:
                break
            try:
                data = os.read(self._fd, 65536)
            except OSError:  # Linux's end of a PTY
                return False
            if not data:
                return False
            self._note(Output(data))
            last = (last + data)[-64:]
            self._terminal.feed(data)
            if reply := self._terminal.take_replies():
                self._type(reply)
            self._taken += len(data)
            if self._taken >= MOST_BYTES:
                return False
        return True

    def run(self) -> None:
        others = iter(SIZES[self.recording.cols, self.recording.rows])
        alive = self.listen(3 * self._program.longest + 1)
        self._note(Settled())
        for key in self._program.keys:
            if not alive:
                break
            if key is Do.RESIZE:
                cols, rows = next(others)
                # Noted first: what the program wrote before it knew comes after it, as in life.
                self._note(Resized(cols, rows))
                self._terminal.resize(rows, cols)
                fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            elif isinstance(key, str):
                self._type(key.encode())
            alive = self.listen(self._program.longest)
            self._note(Settled())
        if alive:
            self.listen(END_SECONDS)

    def end(self) -> None:
        """End all that was started: the group led by unshare, and with it, by
        --kill-child, everything in its namespace."""
        os.close(self._fd)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def record(program: Program, size: tuple[int, int]) -> str:
    with tempfile.TemporaryDirectory(prefix="recording-") as folder, Oracle() as oracle:
        stage = Path(folder)
        sandbox(stage)
        session = Session(program, size, stage, oracle)
        try:
            session.run()
        finally:
            session.end()
    recording = session.recording
    if len(recording.output) < 100:
        return f"{program.name} {size}: it wrote only {recording.output!r}; not kept"
    recording.save()
    kept = recording.path.stat().st_size
    return f"{recording.path.name}: {len(recording.output)} bytes, {kept} kept"


async def main(names: list[str]) -> int:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        print("Recording needs root, for namespaces of its own.", file=sys.stderr)
        return 1
    chosen = [p for p in PROGRAMS if not names or p.name.startswith(tuple(names))]
    jobs = [(program, size) for program in chosen for size in program.sizes]
    # Each in a process of its own: forking a PTY and threads do not go together.
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(program: Program, size: tuple[int, int]) -> None:
        async with limit:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __spec__.name,
                "--one",
                program.name,
                str(size[0]),
                str(size[1]),
            )
            await child.wait()

    await asyncio.gather(*(one(*job) for job in jobs))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        (wanted,) = (p for p in PROGRAMS if p.name == sys.argv[2])
        print(record(wanted, (int(sys.argv[3]), int(sys.argv[4]))), flush=True)
    else:
        sys.exit(asyncio.run(main(sys.argv[1:])))
