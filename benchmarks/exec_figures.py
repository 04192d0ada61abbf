"""The whole path from a container to a guest of another make, beside the exec stream alone.

Owns throughput, the echo of an idle session, and the time to a first prompt.
The app is the real one with its window; the guest is C++ in another process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.containers import Box
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, median, percentile
from benchmarks.synthetic_figures import rate

FLOOD = "cat /dev/zero"
ECHO = "cat"
AT_ONCE = 20
OPEN_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a container: who opens terminals, and whose CPU it costs."""

    opener: Child
    agent: Child
    box: Box
    raw: bool

    async def open(self, count: int = 1, at_once: int = 1) -> dict[str, list[str]]:
        ref = {"ref": self.box.ref} if self.raw else {}
        return await self.opener.call(
            "open", OPEN_SECONDS, target=self.box.name, count=count, at_once=at_once, **ref
        )

    async def run(self, program: str) -> str:
        """The key of a new terminal with ``program`` in it."""
        (key,) = (await self.open())["keys"]
        await self.opener.call("run", key=key, program=program)
        return key

    async def close(self, *keys: str) -> None:
        await self.opener.call("close", OPEN_SECONDS, keys=keys)


@asynccontextmanager
async def app_way(box: Box) -> AsyncIterator[Way]:
    """The app in a process of its own, and a guest in another."""
    async with await Child.start("app_agent") as app, guest_of(app) as guest:
        yield Way(guest, app, box, raw=False)


@asynccontextmanager
async def guest_of(app: Child) -> AsyncIterator[Child]:
    info = await app.call("info")
    async with await Child.start("guest") as guest:
        await guest.call("relay", url=info["url"], token=info["token"], agent_id=info["agent_id"])
        yield guest


@asynccontextmanager
async def raw_way(box: Box, loop: str) -> AsyncIterator[Way]:
    async with await Child.start("raw_exec", loop) as child:
        yield Way(child, child, box, raw=True)


@asynccontextmanager
async def socket_way(box: Box) -> AsyncIterator[Way]:
    async with await Child.start("websocket", "server") as server:
        url = (await server.call("listen"))["url"]
        async with await Child.start("websocket", "client") as client:
            await client.call("reach", url=url)
            yield Way(client, server, box, raw=True)


@asynccontextmanager
async def all_ways(box: Box) -> AsyncIterator[dict[str, Way]]:
    async with (
        app_way(box) as app,
        raw_way(box, "asyncio") as raw,
        raw_way(box, "gui") as gui,
        socket_way(box) as socket,
    ):
        yield {"app": app, "raw": raw, "raw-gui": gui, "websocket": socket}


async def measure(plan: Plan, box: Box) -> list[Row]:
    async with all_ways(box) as ways:
        return [
            *await throughput(plan, ways),
            *await idle_echo(plan, ways),
            *await prompts(plan, ways),
            *await many_at_once(plan, ways),
        ]


async def throughput(plan: Plan, ways: dict[str, Way]) -> list[Row]:
    rates: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(plan.rounds + 1):
        for name, way in ways.items():
            key = await way.run(FLOOD)
            per_second, cpu = await rate(way.opener, key, way.agent, plan.warm, plan.flood_seconds)
            await way.close(key)
            rates[name].append(per_second)
            costs[name].append(cpu)
        now = ", ".join(f"{name} {found[-1]:.1f}" for name, found in rates.items())
        plan.say(f"round {number + 1}, MB/s: {now}")
    speed = {name: median(found) for name, found in rates.items()}
    cost = {name: median(found) for name, found in costs.items()}
    app = speed["app"]
    return [
        Row("exec_throughput", app, speed["raw"], "MB/s", "raw exec on asyncio", "ratio ≥ 0.9"),
        Row("exec_throughput_vs_qt", app, speed["raw-gui"], "MB/s", "raw exec on the Qt loop"),
        Row("exec_throughput_vs_websocket", app, speed["websocket"], "MB/s", "WebSocket, aiohttp"),
        Row("exec_cpu_per_mb", cost["app"], cost["raw"], "ms/MB", "raw exec on asyncio"),
        Row("exec_cpu_per_mb_vs_websocket", cost["app"], cost["websocket"], "ms/MB",
            "WebSocket, aiohttp"),
    ]  # fmt: skip


async def idle_echo(plan: Plan, ways: dict[str, Way]) -> list[Row]:
    """A byte to a program behind a raw terminal and back, one after the other."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    keys = {name: await way.run(ECHO) for name, way in ways.items()}
    for _ in range(plan.rounds):
        for name, way in ways.items():
            found = await way.opener.call("ping", key=keys[name], seconds=20, most=plan.echoes)
            times[name] += found["times"]
    for name, way in ways.items():
        await way.close(keys[name])
    p50 = {name: percentile(found, 0.5) * 1e3 for name, found in times.items()}
    p99 = {name: percentile(found, 0.99) * 1e3 for name, found in times.items()}
    plan.say(", ".join(f"{name} {p50[name]:.2f}/{p99[name]:.2f} ms" for name in ways))
    return [
        Row("idle_rtt_added_p50", p50["app"] - p50["raw"], p50["raw"], "ms",
            "raw exec's own", "≤ 1"),
        Row("idle_rtt_p50", p50["app"], p50["raw"], "ms", "raw exec on asyncio"),
        Row("idle_rtt_p99", p99["app"], p99["raw"], "ms", "raw exec on asyncio"),
        Row("idle_rtt_p50_vs_websocket", p50["app"], p50["websocket"], "ms", "WebSocket, aiohttp"),
    ]  # fmt: skip


async def prompts(plan: Plan, ways: dict[str, Way]) -> list[Row]:
    """From no peer connection at all to the shell's prompt."""
    names = ("app", "raw", "websocket")
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(plan.prompts):
        for name in names:
            found = await ways[name].open()
            times[name] += found["times"]
            await ways[name].close(*found["keys"])
    p50 = {name: percentile(found, 0.5) * 1e3 for name, found in times.items()}
    plan.say(", ".join(f"{name} {p50[name]:.0f} ms" for name in names))
    worst = {name: percentile(found, 0.95) * 1e3 for name, found in times.items()}
    return [
        Row("prompt_p50", p50["app"], p50["raw"], "ms", "raw exec on asyncio", "≤ 200"),
        Row("prompt_p95", worst["app"], worst["raw"], "ms", "raw exec on asyncio"),
        Row("prompt_p50_vs_websocket", p50["app"], p50["websocket"], "ms", "WebSocket, aiohttp"),
    ]


async def many_at_once(plan: Plan, ways: dict[str, Way]) -> list[Row]:
    """Twenty offers at the same moment, until the last prompt."""
    lasted: dict[str, list[float]] = {"app": [], "raw": []}
    for _ in range(max(1, plan.rounds - 1)):
        for name, found in lasted.items():
            opened = await ways[name].open(AT_ONCE, AT_ONCE)
            found.append(float(opened["lasted"]))  # type: ignore[arg-type]
            await ways[name].close(*opened["keys"])
    plan.say(", ".join(f"{name} {median(found):.2f} s" for name, found in lasted.items()))
    return [
        Row("open20", median(lasted["app"]), median(lasted["raw"]), "s",
            "20 raw execs at once", "≤ 1.5"),
    ]  # fmt: skip
