"""What a relay bears: thousands of agents connected, offers by the second, on 1 to 3 processes.

Owns starting real relays (and a real Redis for more than one), and the figures.
Does not own the load (relay_load). Also a program: ``python -m benchmarks.relay
--agents 2000 --rate 100 --relays 1 2 3``, with ``--ramp`` until a relay is full.
All of it shares this machine's cores: the load takes its part of them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.plan import Plan
from benchmarks.process import BenchError
from benchmarks.relay_load import Load
from benchmarks.report import Row, percentile

AGENTS = 2000
RATE = 100.0
GUESTS = 60
AGENT_TOKEN, GUEST_TOKEN = "agent-token", "guest-token"
START_SECONDS = 20.0
FULL_MS = 250.0
"""A ramp ends when the slowest hundredth of the answers takes longer."""
RAMP = (100.0, 200.0, 300.0, 400.0, 600.0, 800.0, 1200.0)
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in ms, memory in bytes an agent (of all relays together), CPU in % of a core
    (of all relays together; ``load_cpu`` of the load itself)."""

    relays: int
    agents: int
    rate: float
    connect_seconds: float
    agent_bytes: float
    idle_cpu: float
    busy_cpu: float
    redis_idle_cpu: float
    redis_cpu: float
    load_cpu: float
    routed_p50: float
    routed_p99: float
    answered_p50: float
    answered_p99: float
    offers: int
    errors: int
    full_rate: float = 0.0
    """The highest rate of a ramp whose p99 stayed below FULL_MS; 0 without one."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def program(log: Path, port: int, *command: str) -> AsyncIterator[psutil.Process]:
    """A program that listens on ``port``, until the end. Raises BenchError."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _listens(port):
                if child.returncode is not None:
                    raise BenchError(_tail(log))
                await asyncio.sleep(0.05)
        yield psutil.Process(child.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-500:]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def measure_relays(
    relays: int, agents: int, rate: float, seconds: float, rest: float, ramp: bool = False
) -> Measured:
    """One scene, from no process to none. Raises BenchError."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        more: tuple[str, ...] = ("--max-connections", "100000", "--max-per-address", "100000")
        redis: list[psutil.Process] = []
        if relays > 1:
            if shutil.which("redis-server") is None:
                raise BenchError("redis-server is not installed")
            port = free_port()
            redis.append(await stack.enter_async_context(program(
                folder / "redis.log", port, "redis-server", "--port", str(port),
                "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
            )))  # fmt: skip
            more += "--redis", f"redis://127.0.0.1:{port}/0"
        ports = [free_port() for _ in range(relays)]
        processes = [
            await stack.enter_async_context(program(
                folder / f"relay-{port}.log", port, sys.executable, "-m", "engine", "relay",
                "--listen", f"127.0.0.1:{port}", "--agent-token", AGENT_TOKEN,
                "--guest-token", GUEST_TOKEN, "--log-level", "WARNING", *more,
            ))
            for port in ports
        ]  # fmt: skip
        # The load's own pauses would be told as the relay's.
        gc.disable()
        stack.callback(gc.enable)
        load = Load([f"http://127.0.0.1:{port}" for port in ports], AGENT_TOKEN, GUEST_TOKEN)
        stack.push_async_callback(load.close)
        empty = _memory(processes)
        took = await load.connect_agents(agents)
        await asyncio.sleep(rest / 2)
        grown = _memory(processes) - empty
        idle, idle_redis = _Cpu(processes), _Cpu(redis)
        await asyncio.sleep(rest)
        idle_cpu, redis_idle_cpu = idle.percent(), idle_redis.percent()
        await load.connect_guests(max(1, GUESTS // relays))
        # Whatever is imported or filled at the first one is not what is measured.
        await load.offers(rate, 1.0)
        busy, of_redis, own = _Cpu(processes), _Cpu(redis), _Cpu([psutil.Process()])
        times = await load.offers(rate, seconds)
        if times.errors:
            print(f"Refused: {sorted(set(times.errors))}", file=sys.stderr)
        busy_cpu, redis_cpu, load_cpu = busy.percent(), of_redis.percent(), own.percent()
        full = await _ramp(load, seconds) if ramp else 0.0
        return Measured(
            relays, agents, rate, took, grown / agents, idle_cpu, busy_cpu, redis_idle_cpu,
            redis_cpu, load_cpu,
            *(percentile(found, part) * 1e3
              for found in (times.routed, times.answered) for part in (0.5, 0.99)),
            offers=len(times.answered), errors=len(times.errors), full_rate=full,
        )  # fmt: skip


async def _ramp(load: Load, seconds: float) -> float:
    """The highest rate borne."""
    borne = 0.0
    for rate in RAMP:
        times = await load.offers(rate, seconds)
        p99 = percentile(times.answered, 0.99) * 1e3
        codes = sorted(set(times.errors))
        print(f"{rate:.0f}/s: p99 {p99:.1f} ms, refused {codes or 'none'}", file=sys.stderr)
        if times.errors or p99 > FULL_MS:
            break
        borne = rate
    return borne


class _Cpu:
    """CPU of processes since it was made."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
        self._before = self._seconds()
        self._began = asyncio.get_running_loop().time()

    def percent(self) -> float:
        passed = asyncio.get_running_loop().time() - self._began
        return (self._seconds() - self._before) / passed * 100

    def _seconds(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(one.user + one.system for one in times)


def _memory(processes: Sequence[psutil.Process]) -> int:
    return sum(process.memory_full_info().uss for process in processes)


async def measure(plan: Plan, _cast: object) -> list[Row]:
    """The suite of ``make bench``."""
    seconds, rest = (20.0, 10.0) if plan.long else (3.0, 2.0)
    rows: list[Row] = []
    alone: Measured | None = None
    for relays in (1, 2, 3):
        found = await measure_relays(relays, AGENTS, RATE, seconds, rest)
        plan.say(f"{relays} relays: p99 {found.answered_p99:.1f} ms, {found.agent_bytes:.0f} B")
        alone = alone or found
        if found.errors:
            raise BenchError(f"{found.errors} offers failed on {relays} relays")
        against = "one relay alone"
        rows.append(Row(f"relay_p99_{relays}", found.answered_p99, alone.answered_p99, "ms",
                        against, extra=dict(asdict(found))))  # fmt: skip
    assert alone is not None
    kilobytes = alone.agent_bytes / 1e3
    rows.append(Row("relay_agent_memory", kilobytes, kilobytes, "kB", "itself"))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--rate", type=float, default=RATE, help="offers a second")
    parser.add_argument("--relays", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rest", type=float, default=6.0)
    parser.add_argument("--ramp", action="store_true", help="go on until the relays are full")
    options = parser.parse_args()
    for relays in options.relays:
        found = asyncio.run(
            measure_relays(
                relays, options.agents, options.rate, options.seconds, options.rest, options.ramp
            )
        )
        rounded = {key: round(value, 2) for key, value in asdict(found).items()}
        print(json.dumps(rounded), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
