"""Many sessions at one app: memory each, CPU at rest, opening them, floods among them.

Owns the two scenes: containers behind the whole app, and sessions of the engine
with an echo in place of a container, beside as many links of stock aiortc.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.containers import Box
from benchmarks.exec_figures import ECHO, FLOOD, Way, app_way, guest_of
from benchmarks.flood_figures import ping
from benchmarks.gui_figures import look
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, median, percentile
from benchmarks.synthetic_figures import connect

FLOODS = 5
AT_ONCE = 5
"""Openings under way at a time: more than a person, fewer than a storm."""
WAVE = 20
SETTLE_SECONDS = 1.0
"""For what an opening leaves to be done, before memory is looked at."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some sessions cost a process: MB each, and percent of a core at rest."""

    memory: float
    cpu: float


async def measure(plan: Plan, box: Box) -> list[Row]:
    count = plan.sessions
    kinds = (("engine", "guest"), ("stock", "ldc"), ("ldc", "ldc"))
    bare = {kind: await links(plan, kind, guest, count) for kind, guest in kinds}
    ours, stock, other = (bare[kind] for kind, _ in kinds)
    return [
        *await sessions(plan, box, count, stock),
        Row("session_memory_echo", ours.memory, stock.memory, "MB", f"{count} stock aiortc links"),
        Row("session_memory_echo_vs_libdatachannel", ours.memory, other.memory, "MB",
            f"{count} libdatachannel links"),
        Row("idle_cpu_echo", ours.cpu, stock.cpu, "%", f"{count} stock aiortc links"),
    ]  # fmt: skip


async def links(plan: Plan, kind: str, guest: str, count: int) -> Load:
    """``count`` sessions without containers."""
    agent, peer = await Child.start("synthetic", kind), await Child.start("synthetic", guest)
    try:
        await connect(agent, peer)  # what only the first costs is no session's
        await asyncio.sleep(SETTLE_SECONDS)
        before = (await agent.call("memory"))["uss"]
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(connect(agent, peer) for _ in range(AT_ONCE)))
        await asyncio.sleep(SETTLE_SECONDS)
        memory = ((await agent.call("memory"))["uss"] - before) / count / 1e6
        load = Load(memory, await idle(agent, plan.idle_seconds))
        plan.say(f"{count} × {kind}: {memory * 1e3:.0f} kB each, {load.cpu:.1f} % of a core")
        return load
    finally:
        # One by one they would take long to close; nothing of them is left either way.
        await peer.kill()
        await agent.kill()


async def sessions(plan: Plan, box: Box, count: int, stock: Load) -> list[Row]:
    """``count`` shells in containers behind the app, then FLOODS of them at full speed."""
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(app_way(box))
        app, guest = way.agent, way.opener
        second = Way(await stack.enter_async_context(guest_of(app)), app, box, raw=False)
        try:
            return await _sessions(plan, way, second, count, stock)
        finally:
            await guest.kill()
            await second.opener.kill()
            await app.kill()


async def _sessions(plan: Plan, way: Way, second: Way, count: int, stock: Load) -> list[Row]:
    app = way.agent
    await way.close(*(await way.open())["keys"])
    await look(app, 0.5)
    await asyncio.sleep(SETTLE_SECONDS)
    rest = await idle(app, plan.idle_seconds / 2)
    before = (await app.call("memory"))["uss"]
    quiet = await look(app, plan.probe_seconds / 2)

    await app.call("probe", on=True)
    waves, keys = [], []
    began = time.monotonic()
    for opened in range(0, count, WAVE):
        wave = await way.open(min(WAVE, count - opened), AT_ONCE)
        waves.append(median(wave["times"]) * 1e3)
        keys += wave["keys"]
        plan.say(f"{len(keys)} sessions open, the last ones in {waves[-1]:.0f} ms each")
    rate = count / (time.monotonic() - began)
    opening = await app.call("probe", on=False)

    await asyncio.sleep(SETTLE_SECONDS)
    memory = ((await app.call("memory"))["uss"] - before) / count / 1e6
    load = Load(memory, await idle(app, plan.idle_seconds))
    plan.say(
        f"{count} at rest: {memory:.2f} MB each, {load.cpu:.1f} % of a core ({rest:.1f} empty)"
    )

    echo = await second.run(ECHO)
    alone = await ping(second.opener, echo, plan.ping_seconds / 2)
    for key in keys[:FLOODS]:
        await way.opener.call("run", key=key, program=FLOOD)
    await asyncio.sleep(plan.warm)
    await app.call("probe", on=True)
    times = await ping(second.opener, echo, plan.ping_seconds)
    flooding = await app.call("probe", on=False)
    plan.say(
        f"{FLOODS} of {count} flooding: echo p99 {percentile(times, 0.99) * 1e3:.1f} ms, "
        f"longest frame {max(flooding['frames']) * 1e3:.0f} ms"
    )
    empty = max(quiet["frames"]) * 1e3
    no_flood = percentile(alone, 0.99) * 1e3
    return [
        Row("session_memory", memory, stock.memory, "MB", f"{count} stock aiortc links", "≤ 1"),
        Row("idle_cpu", load.cpu, stock.cpu, "%", f"{count} stock aiortc links", "≤ 5"),
        Row("idle_cpu_vs_empty", load.cpu, rest, "%", "the app with no session"),
        Row("scale_sessions", count, 200, "sessions", "what the long form opens"),
        Row("scale_open_rate", rate, AT_ONCE / (waves[0] / 1e3), "/s", "pace of the first ones"),
        Row("scale_open_last", waves[-1], waves[0], "ms", f"the first {WAVE}"),
        Row("scale_flood_rtt_p50", percentile(times, 0.5) * 1e3, percentile(alone, 0.5) * 1e3,
            "ms", "no flood"),
        Row("scale_flood_rtt_p99", percentile(times, 0.99) * 1e3, no_flood, "ms", "no flood"),
        Row("scale_frame_max", max(flooding["frames"]) * 1e3, empty, "ms", "no session", "≤ 33"),
        Row("scale_frame_p99", percentile(flooding["frames"], 0.99) * 1e3,
            percentile(quiet["frames"], 0.99) * 1e3, "ms", "no session"),
        Row("scale_opening_frame_max", max(opening["frames"]) * 1e3, empty, "ms", "no session"),
    ]  # fmt: skip


async def idle(agent: Child, seconds: float) -> float:
    """Percent of a core that the process takes with nothing to do."""
    first = await agent.call("sample")
    await asyncio.sleep(seconds)
    last = await agent.call("sample")
    return float((last["cpu"] - first["cpu"]) / (last["at"] - first["at"]) * 100)
