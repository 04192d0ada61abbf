"""Guests that tests drive through one interface: the older peer, and the current one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.client.peer import PeerHandlers, TerminalPeer
from engine.core.model import Size
from engine.signaling.guest import RelayAddress
from engine.wire.proof import parse_link
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = Path(__file__).parent
OLD_ENGINE = HERE / "engine.zip"
DONE_SECONDS = 60.0
"""For one command, at most."""


@dataclass(frozen=True)
class Way:
    """How a guest gets in: by ``link``, or by the relay's ``token`` to ``target``."""

    relay: str
    target: str
    token: str = ""
    link: str = ""


class Guest(Protocol):
    """One terminal at one host. ``output`` is all it printed, over all connections."""

    output: bytes
    ends: list[tuple[str, int | None]]
    """Reason and exit code, of every connection that ended."""
    notices: list[str]
    approvals: list[str]

    async def open(self, way: Way) -> None: ...
    async def type(self, text: str) -> None: ...
    async def resize(self, cols: int, rows: int) -> None: ...
    async def lose(self) -> None:
        """The connection, without notice to the host."""

    async def come_back(self) -> None:
        """With the resume token, to the same shell."""

    async def close(self) -> None: ...


async def sees(guest: Guest, text: str) -> None:
    await until(lambda: text.encode() in guest.output, 30, f"{text!r} in {guest.output[-500:]!r}")


class NewGuest:
    """The current peer."""

    def __init__(self) -> None:
        self.output = b""
        self.ends: list[tuple[str, int | None]] = []
        self.notices: list[str] = []
        self.approvals: list[str] = []
        self._peers: list[TerminalPeer] = []

    async def open(self, way: Way) -> None:
        handlers = PeerHandlers(
            self._output, self._ended, self.notices.append, self.approvals.append
        )
        if way.link:
            peer = TerminalPeer.of_link(parse_link(way.link), Size(), handlers)
        else:
            address = RelayAddress(way.relay, way.token)
            peer = TerminalPeer(address, way.target, Size(), handlers)
        self._peers.append(peer)
        await peer.connect()

    async def type(self, text: str) -> None:
        self._peers[-1].send(text.encode())

    async def resize(self, cols: int, rows: int) -> None:
        self._peers[-1].resize(Size(cols, rows))

    async def lose(self) -> None:
        connection = self._peers[-1].peer_connection
        assert connection is not None
        await connection.close()

    async def come_back(self) -> None:
        self._peers.append(self._peers[-1].successor(self._output, self._ended))
        await self._peers[-1].connect()

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))

    def _output(self, data: bytes) -> None:
        self.output += data
        self._peers[-1].rendered(len(data))

    def _ended(self, reason: str, exit_code: int | None) -> None:
        self.ends.append((reason, exit_code))


class OldGuest:
    """The older peer: commands and events of ``old_peer.py``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.output = b""
        self.ends: list[tuple[str, int | None]] = []
        self.notices: list[str] = []
        self.approvals: list[str] = []
        self._process = process
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def open(self, way: Way) -> None:
        if way.link:
            await self._do("open", link=way.link)
        else:
            await self._do("open", relay=way.relay, token=way.token, target=way.target)

    async def type(self, text: str) -> None:
        await self._do("type", text=text)

    async def resize(self, cols: int, rows: int) -> None:
        await self._do("resize", cols=cols, rows=rows)

    async def lose(self) -> None:
        await self._do("lose")

    async def come_back(self) -> None:
        await self._do("return")

    async def close(self) -> None:
        await self._do("close")

    async def read(self) -> None:
        """Take its events until its process ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            if "output" in event:
                self.output += event["output"].encode("latin-1")
            elif "ended" in event:
                reason, exit_code = event["ended"]
                self.ends.append((reason, exit_code))
            elif "notice" in event:
                self.notices.append(event["notice"])
            elif "approval" in event:
                self.approvals.append(event["approval"])
            else:
                self._answers.put_nowait(event)
        self._answers.put_nowait({"failed": "The older peer's process ended"})

    async def _do(self, name: str, **fields: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": name, **fields}).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(DONE_SECONDS):
            answer = await self._answers.get()
        assert answer == {"done": name}, answer


def old_environment() -> dict[str, str]:
    """That of a process whose ``engine`` is the older one."""
    return {**os.environ, "PYTHONPATH": str(OLD_ENGINE), "HATCHWAY_DOCKER__ENABLED": "false"}


@asynccontextmanager
async def new_guest() -> AsyncIterator[Guest]:
    made = NewGuest()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def old_guest() -> AsyncIterator[Guest]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, HERE / "old_peer.py", env=old_environment(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    made = OldGuest(process)
    reader = asyncio.create_task(made.read(), name="the older peer's events")
    assert process.stdin is not None
    try:
        yield made
        await made.close()
    finally:
        process.stdin.close()
        if await asyncio.wait_for(process.wait(), DONE_SECONDS):
            raise AssertionError(f"The older peer ended with {process.returncode}")
        await reader
