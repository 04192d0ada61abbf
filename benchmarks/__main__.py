"""``make bench``: what the whole path costs beside the raw exec stream it carries.

Owns the measuring and the table; results also go to ``benchmarks/results.json``,
which is not kept in version control. Does not own any verdict.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import docker

from engine.agent import Agent
from engine.docker_engines import DockerEngines
from engine.model import Size, Target, TargetKind
from engine.peer import TerminalPeer
from engine.pty.base import PTY
from engine.pty.create import create_pty_session
from engine.settings import AgentSettings, Settings
from tests import images

BYTES = 32 * 1024 * 1024
ECHOES = 300
OPENINGS = 20
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Result:
    value: float
    baseline: float
    ratio: float
    unit: str


class Inbox:
    """Output counted, and kept only while somebody looks for a mark in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.count = 0
        self.news = asyncio.Event()

    def add(self, data: bytes) -> None:
        self.data += data
        self.count += len(data)
        self.news.set()

    async def mark(self, mark: bytes) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while mark not in self.data:
                self.news.clear()
                await self.news.wait()
        self.data.clear()

    async def more(self, count: int) -> None:
        """Until ``count`` bytes have come in all."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.count < count:
                self.data.clear()
                self.news.clear()
                await self.news.wait()
        self.data.clear()


Send = Callable[[bytes], Awaitable[None]]


async def throughput(send: Send, inbox: Inbox) -> float:
    """Bytes per second of a program that prints as fast as it can."""
    await send(b" stty raw -echo; printf 'GO%%s' 1; head -c %d /dev/zero; stty sane\r" % BYTES)
    await inbox.mark(b"GO1")
    begin, began = inbox.count, time.perf_counter()
    await inbox.more(begin + BYTES - 64 * 1024)
    return (inbox.count - begin) / (time.perf_counter() - began)


async def echo(send: Send, inbox: Inbox) -> list[float]:
    """Seconds from a byte to its echo by a program behind a raw tty, sorted."""
    await send(b" stty raw -echo; printf 'GO%%s' 2; dd bs=1 count=%d 2>/dev/null\r" % ECHOES)
    await inbox.mark(b"GO2")
    times = []
    for _ in range(ECHOES):
        wanted, began = inbox.count + 1, time.perf_counter()
        await send(b"x")
        await inbox.more(wanted)
        times.append(time.perf_counter() - began)
    await send(b" stty sane; printf 'GO%s' 3\r")
    await inbox.mark(b"GO3")
    return sorted(times)


async def raw(pty: PTY) -> tuple[list[float], float]:
    """The exec stream alone, read in this process: the limit of what can be carried."""
    inbox = Inbox()

    async def read() -> None:
        while data := await pty.read():
            inbox.add(data)

    reader = asyncio.create_task(read())
    await pty.write(b" printf 'GO%s' 0\r")
    await inbox.mark(b"GO0")
    found = await echo(pty.write, inbox), await throughput(pty.write, inbox)
    await pty.close()
    await reader
    return found


async def whole(agent: Agent, target: str) -> tuple[list[float], float]:
    """The same through relay, WebRTC, channel and bridge, both peers in this process."""
    inbox = Inbox()
    peers: list[TerminalPeer] = []

    def output(data: bytes) -> None:
        inbox.add(data)
        if peers:
            peers[0].rendered(len(data))

    peers.append(await agent.open_terminal(target, Size(), output, lambda *_: None))

    async def send(data: bytes) -> None:
        peers[0].send(data)

    await send(b" printf 'GO%s' 0\r")
    await inbox.mark(b"GO0")
    found = await echo(send, inbox), await throughput(send, inbox)
    await peers[0].close()
    return found


async def openings(agent: Agent, docker_: DockerEngines, target: Target) -> tuple[float, float]:
    """Median seconds to a first prompt: offer to prompt, and the exec alone."""
    ours, alone = [], []
    for _ in range(OPENINGS):
        inbox = Inbox()
        began = time.perf_counter()
        peer = await agent.open_terminal(target.id, Size(), inbox.add, lambda *_: None)
        await inbox.more(1)
        ours.append(time.perf_counter() - began)
        await peer.close()
        began = time.perf_counter()
        pty = await create_pty_session(
            target, session_id="bench", size=Size(), docker=docker_, settings=Settings().terminal
        )
        await pty.read()
        alone.append(time.perf_counter() - began)
        await pty.close()
    return statistics.median(ours), statistics.median(alone)


async def measure(container: str) -> dict[str, Result]:
    agent = Agent(Settings(agent=AgentSettings(id="bench")))
    await agent.start()
    engines = DockerEngines(agent.settings.docker)
    try:
        await agent.wait_for_relay(10)
        target = agent.targets.find(container)
        if target.kind is not TargetKind.CONTAINER:
            raise SystemExit(f"{container} is no container")
        pty = await create_pty_session(
            target, session_id="bench", size=Size(), docker=engines, settings=Settings().terminal
        )
        raw_echo, raw_rate = await raw(pty)
        our_echo, our_rate = await whole(agent, container)
        prompt, exec_alone = await openings(agent, engines, target)
    finally:
        await engines.close()
        await agent.stop()
    return {
        "exec_throughput": result(our_rate / 1e6, raw_rate / 1e6, "MB/s"),
        "idle_rtt_p50": result(at(our_echo, 0.5) * 1e3, at(raw_echo, 0.5) * 1e3, "ms"),
        "idle_rtt_p99": result(at(our_echo, 0.99) * 1e3, at(raw_echo, 0.99) * 1e3, "ms"),
        "prompt_p50": result(prompt * 1e3, exec_alone * 1e3, "ms"),
    }


def at(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))]


def result(value: float, baseline: float, unit: str) -> Result:
    return Result(round(value, 3), round(baseline, 3), round(value / baseline, 3), unit)


def main() -> int:
    client = docker.from_env()
    images.ensure(client)
    container = client.containers.run(images.BASH, detach=True, network_mode="none")
    try:
        results = asyncio.run(measure(str(container.name)))
    finally:
        container.remove(force=True)
        client.close()
    print(f"{'':<18}{'Hatchway':>12}{'raw exec':>12}{'ratio':>9}")
    for name, row in results.items():
        print(f"{name:<18}{row.value:>12}{row.baseline:>12}{row.ratio:>9}  {row.unit}")
    file = Path(__file__).parent / "results.json"
    file.write_text(json.dumps({name: asdict(row) for name, row in results.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
