"""Real processes for the tests of several relays: redis-server and relays, to be killed at will."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.agent.agent import Agent
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, Share
from engine.core.settings import AgentSettings, DockerSettings, RelaySettings, Settings
from engine.wire.proof import Link
from tests.docker_fixtures import free_port
from tests.engine.hosting import Visitor

ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0
"""At most: a busy machine takes its time to start a Python."""
AGENT_TOKEN, GUEST_TOKEN = "agent-secret", "guest-secret"


class Process:
    """A program on a port; ``kill()`` is SIGKILL, after which ``start()`` begins it anew."""

    def __init__(self, port: int, *command: str, output: Path, address: str = "127.0.0.1") -> None:
        self._address = address
        self.port = port
        self._command = command
        self._output = output
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._output.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        async with asyncio.timeout(START_SECONDS):
            while not await listening(self.port, self._address):
                assert self._process.returncode is None, self._output.read_text()
                await asyncio.sleep(0.02)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            await process.wait()

    def pause(self) -> None:
        """As a machine that is lost: nothing is answered, and nothing closed."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def text(self) -> str:
        return self._output.read_text(errors="replace")


async def listening(port: int, address: str = "127.0.0.1") -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


class Cloud:
    """One Redis, some relays on it."""

    def __init__(self, redis: Process, relays: list[Process]) -> None:
        self.redis = redis
        self.relays = relays

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{relay.port}" for relay in self.relays]

    def visitor(self, share: Share, relay: int) -> Visitor:
        """A guest of ``share`` who comes by that relay, whichever the host is at."""
        return Visitor(Link(self.urls[relay], share.id, share.secret))


def redis_process(folder: Path, port: int = 0) -> Process:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port = port or free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    return Process(port, "redis-server", *options, output=folder / "redis.log")


def relay_process(folder: Path, redis: Process, *more: str) -> Process:
    port = free_port()
    return Process(
        port, sys.executable, "-m", "engine", "relay", "--listen", f"127.0.0.1:{port}",
        "--redis", f"redis://127.0.0.1:{redis.port}/0", "--agent-token", AGENT_TOKEN,
        "--guest-token", GUEST_TOKEN, *more, output=folder / f"relay-{port}.log",
    )  # fmt: skip


@asynccontextmanager
async def cloud(folder: Path, relays: int = 2, *more: str) -> AsyncIterator[Cloud]:
    redis = redis_process(folder)
    made = Cloud(redis, [relay_process(folder, redis, *more) for _ in range(relays)])
    try:
        await redis.start()
        await asyncio.gather(*(relay.start() for relay in made.relays))
        yield made
    finally:
        for process in [*made.relays, redis]:
            await process.kill()


class Host:
    """An agent that knows several relays, with a link to this computer's shell."""

    def __init__(self, urls: list[str], agent_id: str = "a1") -> None:
        first, *others = urls
        self.agent = Agent(
            Settings(
                agent=AgentSettings(id=agent_id),
                docker=DockerSettings(enabled=False),
                relay=RelaySettings(url=first, others=tuple(others), token=AGENT_TOKEN),
            )
        )
        self.states: list[ev.RelayStateChanged] = []
        self.agent.events.subscribe(
            lambda e: self.states.append(e) if isinstance(e, ev.RelayStateChanged) else None
        )
        self.share = self.agent.admission.links.create(LOCAL_TARGET)


@asynccontextmanager
async def host(urls: list[str], agent_id: str = "a1") -> AsyncIterator[Host]:
    made = Host(urls, agent_id)
    try:
        await made.agent.start()
        assert await made.agent.wait_registered(10)
        yield made
    finally:
        await made.agent.stop()
