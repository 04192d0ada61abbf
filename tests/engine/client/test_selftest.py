"""The loopback test alone, against a terminal that answers slowly."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import pytest

from engine.client.selftest import SelfTest
from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.pty.docker_exec import DockerExecPTY
from tests.docker_fixtures import as_target

if TYPE_CHECKING:
    from docker.models.containers import Container

    from engine.client.peer import PeerHandlers, TerminalPeer
    from engine.docker.engines import DockerEngines
    from engine.pty.base import PTY

ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[5n": b"\x1b[0n"}
LATE_SECONDS = 0.05
"""From a program's question to the terminal's answer, longer than a key takes to its echo."""


class LatePeer:
    """A peer at a shell without a connection between them.

    Questions of the shell and its programs are answered in order, but late.
    """

    session_id = "late"
    pair = None

    def __init__(self, pty: PTY, handlers: PeerHandlers) -> None:
        self._pty = pty
        self._handlers = handlers
        self._input = asyncio.Queue[bytes | Size]()
        self._tasks = (asyncio.create_task(self._read()), asyncio.create_task(self._write()))

    async def reach_relay(self) -> None: ...

    negotiate = wait_ice = wait_channel = wait_pty = reach_relay

    def send(self, data: bytes) -> None:
        self._input.put_nowait(data)

    def rendered(self, count: int) -> None: ...

    def resize(self, size: Size) -> None:
        self._input.put_nowait(size)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pty.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await self._pty.read():
            for question in re.findall(rb"\x1b\[[56]n", data):
                loop.call_later(LATE_SECONDS, self.send, ANSWERS[question])
            self._handlers.output(data)

    async def _write(self) -> None:
        while True:
            match await self._input.get():
                case Size() as size:
                    await self._pty.resize(size)
                case data:
                    await self._pty.write(data)


@pytest.mark.docker
async def test_a_late_answer_to_a_prompt_is_no_input_of_what_is_tested(
    busybox: Container, engines: DockerEngines
) -> None:
    # Busybox's shell asks for the cursor's position at each prompt.
    pty = await DockerExecPTY.open(
        as_target(busybox),
        session_id="late",
        size=Size(),
        docker=engines,
        settings=TerminalSettings(),
    )
    peers: list[LatePeer] = []

    def make_peer(handlers: PeerHandlers) -> TerminalPeer:
        peers.append(LatePeer(pty, handlers))
        return cast("TerminalPeer", peers[-1])

    async def leftovers(session_id: str) -> list[str]:
        return []

    report = await SelfTest("late", make_peer, leftovers).run()
    assert report.passed, report.to_json()
