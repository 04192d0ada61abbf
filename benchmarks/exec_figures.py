"""The whole path from a container to a guest of another make, beside the exec stream alone.

Owns throughput, the echo of an idle session, and the time to a first prompt.
The app is the real one with its window; the guest is C++ in another process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import psutil

from benchmarks.cast import APP, PEER, STOCK, Cast
from benchmarks.plan import Plan
from benchmarks.report import Aim, Row, median, percentile, spread
from benchmarks.stack import Rate, rate

FLOOD = "cat /dev/zero"
ECHO = "cat"
PHASES = ("offer", "answer", "connect", "shell")
"""Of a guest's opening: gathering, until the answer, until the channel is open, until the
prompt."""
AT_ONCE = 20
BASELINE_EVERY = 2
"""A prompt of each baseline for so many of the app's."""
RAW = "raw exec on asyncio"
SOCKET = "WebSocket terminal (aiohttp)"


async def ways(plan: Plan, cast: Cast, *names: str) -> dict[str, Any]:
    """Some ways to the container, by name; all begin to start at the same time."""
    make: dict[str, Callable[[], Awaitable[Any]]] = {
        "app": cast.app,
        "raw": cast.raw,
        "raw-gui": lambda: cast.raw("gui"),
        "websocket": cast.socket,
        "stock": cast.stock,
    }
    await cast.begin(APP, ("guest", "#1"), ("raw_exec", "asyncio"), ("websocket", "server"),
                     ("websocket", "client"), STOCK, (*PEER, "#1"))  # fmt: skip
    return {name: await make[name]() for name in names}


async def throughput(plan: Plan, cast: Cast) -> list[Row]:
    names = ("app", "raw", "websocket", *(("raw-gui", "stock") if plan.long else ()))
    found: dict[str, list[Rate]] = {name: [] for name in names}
    all_ways = await ways(plan, cast, *names)
    for number in range(plan.rounds):
        for name, way in all_ways.items():
            key = await way.run(FLOOD)
            found[name].append(
                await rate(way.opener, key, way.agent, plan.warm, plan.flood_seconds)
            )
            await way.close(key)
        now = ", ".join(f"{name} {rates[-1].speed:.1f}" for name, rates in found.items())
        plan.say(f"round {number + 1}, MB/s: {now}")
    speed = {name: median([rate.speed for rate in rates]) for name, rates in found.items()}
    cpu = {name: median([rate.cpu for rate in rates]) for name, rates in found.items()}
    busy = {name: median([rate.busy for rate in rates]) for name, rates in found.items()}
    app = speed["app"]
    receiver = median([rate.receiver_cpu for rate in found["app"]])
    extra: dict[str, float | str] = {
        "agent_cpu_ms_per_mb": cpu["app"],
        "guest_cpu_ms_per_mb": receiver,
        "cores_busy": busy["app"],
        "baseline_cores_busy": busy["raw"],
        "ceiling": ceiling(speed["raw"], cpu["raw"], busy["raw"], receiver, cores()),
        "note": "ceiling: MB/s if the agent took no CPU, with the daemon's cost and the guest's",
    }
    rows = [
        Row("exec_throughput", app, speed["raw"], "MB/s", RAW, Aim("ratio", 0.9), extra),
        Row("exec_throughput_vs_websocket", app, speed["websocket"], "MB/s", SOCKET),
        Row("exec_cpu_per_mb", cpu["app"], cpu["raw"], "ms/MB", RAW),
        Row("exec_cpu_per_mb_vs_websocket", cpu["app"], cpu["websocket"], "ms/MB", SOCKET),
    ]
    if plan.long:
        rows += [
            Row("exec_throughput_vs_raw_on_qt", app, speed["raw-gui"], "MB/s",
                "raw exec on the Qt loop"),
            Row("exec_throughput_vs_stock", app, speed["stock"], "MB/s",
                "stock qasync+aiortc, same exec"),
        ]  # fmt: skip
    return rows


def cores() -> int:
    return psutil.cpu_count() or 1


def ceiling(raw: float, raw_cpu: float, raw_busy: float, guest_cpu: float, cores: int) -> float:
    """MB/s this machine could carry to a guest on it if the agent itself took no CPU.

    What raw exec does not take of the cores at ``raw`` MB/s, the daemon and the program
    do. Costs are in ms/MB, ``raw_busy`` is a part of all cores.
    """
    daemon_cpu = max(0.0, raw_busy * cores * 1e3 / raw - raw_cpu)
    return min(raw, cores * 1e3 / (daemon_cpu + guest_cpu))


async def idle_echo(plan: Plan, cast: Cast) -> list[Row]:
    """A byte to a program behind a raw terminal and back, one after the other."""
    all_ways = await ways(plan, cast, "app", "raw", "websocket", "stock")
    times: dict[str, list[float]] = {name: [] for name in all_ways}
    keys = {name: await way.run(ECHO) for name, way in all_ways.items()}
    for _ in range(plan.rounds):
        for name, way in all_ways.items():
            found = await way.opener.call("ping", key=keys[name], seconds=10, most=plan.echoes)
            times[name] += found["times"]
    for name, way in all_ways.items():
        await way.close(keys[name])
    p50 = {name: percentile(found, 0.5) * 1e3 for name, found in times.items()}
    p99 = {name: percentile(found, 0.99) * 1e3 for name, found in times.items()}
    plan.say(", ".join(f"{name} {p50[name]:.2f}/{p99[name]:.2f} ms" for name in all_ways))
    return [
        Row("idle_rtt_added_p50", p50["app"] - p50["raw"], p50["stock"] - p50["raw"], "ms",
            "what stock qasync+aiortc adds", Aim("value", 1),
            {"p50": p50["app"], "p99": p99["app"], "raw_p50": p50["raw"], "raw_p99": p99["raw"],
             "note": "a guest's round trip less that of raw exec"}),
        Row("idle_rtt_p50", p50["app"], p50["raw"], "ms", RAW),
        Row("idle_rtt_p99", p99["app"], p99["raw"], "ms", RAW),
        Row("idle_rtt_p50_vs_websocket", p50["app"], p50["websocket"], "ms", SOCKET),
    ]  # fmt: skip


async def prompts(plan: Plan, cast: Cast) -> list[Row]:
    """From no peer connection at all to the shell's prompt."""
    all_ways = await ways(plan, cast, "app", "raw", "websocket")
    times: dict[str, list[float]] = {name: [] for name in all_ways}
    phases: list[list[float]] = []
    for number in range(plan.prompts):
        for name, way in all_ways.items():
            if name != "app" and number % BASELINE_EVERY:
                continue
            found = await way.open()
            times[name] += found["times"]
            phases += found.get("phases", [])
            await way.close(*found["keys"])
    took: dict[str, float | str] = {
        f"{name}_p50": percentile(seconds, 0.5) * 1e3
        for name, seconds in zip(PHASES, zip(*phases, strict=True), strict=True)
    }
    p50 = {name: percentile(found, 0.5) * 1e3 for name, found in times.items()}
    plan.say(", ".join(f"{name} {p50[name]:.0f} ms" for name in all_ways))
    return [
        Row("prompt_p50", p50["app"], p50["raw"], "ms", RAW, Aim("value", 200),
            spread(times["app"]) | took),
        Row("prompt_p50_vs_websocket", p50["app"], p50["websocket"], "ms", SOCKET),
    ]  # fmt: skip


async def many_at_once(plan: Plan, cast: Cast) -> list[Row]:
    """Twenty offers at the same moment, until the last prompt."""
    lasted: dict[str, list[float]] = {"app": [], "raw": []}
    all_ways = await ways(plan, cast, *lasted)
    for _ in range(plan.rounds):
        for name, found in lasted.items():
            opened = await all_ways[name].open(AT_ONCE, AT_ONCE)
            found.append(float(opened["lasted"]))
            await all_ways[name].close(*opened["keys"])
    plan.say(", ".join(f"{name} {median(found):.2f} s" for name, found in lasted.items()))
    return [
        Row("open20", median(lasted["app"]), median(lasted["raw"]), "s",
            f"{AT_ONCE} raw execs at once", Aim("value", 1.5), {"max": max(lasted["app"])}),
    ]  # fmt: skip
