"""Signals that end the program, from outside: exit codes, and what is left of the shells."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.core.model import LOCAL_TARGET
from engine.wire.proof import parse_link
from tests.engine.hosting import Visitor
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker_fixtures import ContainerFactory

ROOT = Path(__file__).parents[3]
# A link that is printed as JSON is one that works already.
HOST = (
    *(sys.executable, "-m", "engine"),
    *("--links-json", "--share", f"{LOCAL_TARGET}=control"),
)


class Hosting:
    """A host on a terminal of its own, as after ``ssh workstation``; what it printed."""

    def __init__(self, command: tuple[str, ...] = HOST, *, docker: bool = False) -> None:
        self.master, self.slave = pty.openpty()
        self.said = b""
        # Opening a terminal without having one makes it the controlling one.
        words = ("/bin/sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(self.slave), *command)
        self.process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, "HATCHWAY_DOCKER__ENABLED": str(docker)},
            start_new_session=True,
        )
        os.set_blocking(self.master, False)

    async def link(self) -> str:
        await until(self._read_line, 30, "a link")
        return link_in(self.said)

    def hang_up(self) -> None:
        os.close(self.master)
        os.close(self.slave)
        self.master = -1

    async def ended(self) -> int:
        await until(lambda: self.process.poll() is not None, 30, "the end of the host")
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master >= 0:
            self.hang_up()

    def _read_line(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            self.said += os.read(self.master, 65536)
        return bool(re.search(rb"^{.*}\s*\n", self.said, re.MULTILINE))


def link_in(said: bytes) -> str:
    """The link among the lines of the log, which share the terminal with it."""
    return str(json.loads(next(line for line in said.splitlines() if line[:1] == b"{"))["url"])


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    host = Hosting()
    yield host
    host.close()


def marked() -> list[psutil.Process]:
    """Processes of sessions of any Hatchway started by this test."""
    home = os.environ["HOME"]
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if "HATCHWAY_SESSION" in environment and environment.get("HOME") == home:
            found.append(process)
    return found


async def visit(hosting: Hosting) -> Visitor:
    """A guest with a shell that ignores hang-ups, as an editor with unsaved text may."""
    visitor = Visitor(parse_link(await hosting.link()))
    await visitor.peer.connect()
    visitor.peer.send(b"sleep 1000 & echo $((6*7))\r")
    await visitor.sees(b"42")
    assert len(marked()) >= 2
    return visitor


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
async def test_each_signal_ends_the_shells_and_tells_the_guests(
    hosting: Hosting, number: signal.Signals
) -> None:
    visitor = await visit(hosting)
    hosting.process.send_signal(number)
    assert await hosting.ended() == 0
    assert marked() == []
    assert visitor.end == ("The host stopped", None)
    await visitor.peer.close()


async def test_a_hang_up_leaves_no_process_in_a_container(containers: ContainerFactory) -> None:
    container = containers()

    def processes() -> list[str]:
        return [row[-1] for row in container.top()["Processes"]]

    name = str(container.name)
    own = processes()
    command = (sys.executable, "-m", "engine", "--links-json", "--share", f"{name}=control")
    hosting = Hosting(command, docker=True)
    try:
        visitor = Visitor(parse_link(await hosting.link()))
        await visitor.peer.connect()
        visitor.peer.send(b"sleep 1000 & echo $((6*7))\r")
        await visitor.sees(b"42")
        assert len(await asyncio.to_thread(processes)) > len(own)
        hosting.hang_up()
        assert await hosting.ended() == 0
        assert await asyncio.to_thread(processes) == own
        await visitor.peer.close()
    finally:
        hosting.close()


async def test_a_terminal_that_closes_ends_it_in_order(hosting: Hosting) -> None:
    visitor = await visit(hosting)
    hosting.hang_up()
    assert await hosting.ended() == 0
    assert marked() == []
    assert visitor.end == ("The host stopped", None)
    await visitor.peer.close()


async def test_under_nohup_it_lives_on_and_its_shells_can_be_hung_up(tmp_path: Path) -> None:
    output = tmp_path / "output"
    hosting = Hosting(("/bin/sh", "-c", f'exec nohup "$@" >{output} 2>{tmp_path}/log', "sh", *HOST))
    try:
        await until(lambda: output.exists() and b"\n" in output.read_bytes(), 30)
        hosting.hang_up()
        hosting.process.send_signal(signal.SIGHUP)
        visitor = Visitor(parse_link(link_in(output.read_bytes())))
        await visitor.peer.connect()
        # Ignored signals would be inherited: bit 0 of SigIgn is SIGHUP.
        visitor.peer.send(b"grep SigIgn /proc/self/status; echo $((6*7))\r")
        await visitor.sees(b"42")
        ignored = int(visitor.said.split(b"SigIgn:")[1].split()[0], 16)
        assert not ignored & 1
        hosting.process.terminate()
        assert await hosting.ended() == 0
        await visitor.peer.close()
        assert marked() == []
    finally:
        hosting.close()


async def test_a_second_signal_ends_a_stop_that_hangs() -> None:
    code = (
        "import asyncio\n"
        "from engine.core import stop_signals\n"
        "async def main():\n"
        "    stop = asyncio.Event()\n"
        "    with stop_signals.watched(lambda: (stop.set(), print('stopping', flush=True))):\n"
        "        print('running', flush=True)\n"
        "        await stop.wait()\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"running\n"
    process.send_signal(signal.SIGHUP)
    assert await process.stdout.readline() == b"stopping\n"
    began = time.monotonic()
    while process.returncode is None:
        # SIGHUP comes twice and forces nothing. SIGINT does, once it cannot be a copy.
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=0.1)
    assert process.returncode == 128 + signal.SIGINT
    assert time.monotonic() - began > 0.5
    out, errors = await process.communicate()
    assert (out, b"Forced exit" in errors) == (b"", True)
