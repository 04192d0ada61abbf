"""The window while floods run both ways: timer, frames, clicks.

Owns the load and the comparison: the app with containers beside stock qasync and
aiortc with a plain window, and beside the app's own window at rest.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from benchmarks.containers import Box
from benchmarks.exec_figures import FLOOD, app_way
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, percentile
from benchmarks.synthetic_figures import connect

SINK = "dd of=/dev/null bs=64k"
Seen = dict[str, list[float]]


async def look(child: Child, seconds: float) -> Seen:
    """What a probe in that process sees; in seconds."""
    await child.call("probe", on=True)
    await asyncio.sleep(seconds)
    seen = await child.call("probe", on=False)
    return {kind: seen[kind] for kind in ("slips", "frames", "clicks")}


def merge(into: Seen, more: Seen) -> None:
    for kind, values in more.items():
        into.setdefault(kind, []).extend(values)


async def measure(plan: Plan, box: Box) -> list[Row]:
    """All three take turns. Each flood is one session out and one in."""
    seen: dict[str, Seen] = {"app": {}, "stock": {}, "rest": {}}
    seconds = plan.probe_seconds / plan.rounds
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        app = await enter(app_way(box))
        stock = await enter(await Child.start("synthetic", "stock"))
        peer = await enter(await Child.start("synthetic", "ldc"))
        out, into = await connect(stock, peer), await connect(stock, peer)
        await look(stock, 0.5)  # both windows come up before anything counts
        await look(app.agent, 0.5)
        for _ in range(plan.rounds):
            merge(seen["rest"], await look(app.agent, seconds))

            keys = [await app.run(FLOOD), await app.run(SINK)]
            await app.opener.call("flood", key=keys[1], on=True)
            await asyncio.sleep(plan.warm)
            merge(seen["app"], await look(app.agent, seconds))
            await app.close(*keys)

            await stock.call("flood", key=out.agent_key, on=True)
            await peer.call("flood", key=into.peer_key, on=True)
            await asyncio.sleep(plan.warm)
            merge(seen["stock"], await look(stock, seconds))
            await stock.call("flood", key=out.agent_key, on=False)
            await peer.call("flood", key=into.peer_key, on=False)
            await asyncio.sleep(plan.warm)
        for name, what in seen.items():
            plan.say(
                f"{name}: slip {max(what['slips']) * 1e3:.1f} ms at most, click p99 "
                f"{percentile(what['clicks'], 0.99) * 1e3:.1f}, frame "
                f"{max(what['frames']) * 1e3:.1f} at most"
            )
    return rows(seen["app"], seen["stock"], seen["rest"])


def rows(app: Seen, stock: Seen, rest: Seen) -> list[Row]:
    names = {"slips": "timer_slip", "clicks": "click", "frames": "frame"}
    made = []
    for kind, name in names.items():
        for word, part in (("max", 1.0), ("p99", 0.99), ("p50", 0.5)):
            whole = name if (name, word) == ("timer_slip", "max") else f"{name}_{word}"
            aim = {"timer_slip": "≤ 12", "click_p99": "≤ 8"}.get(whole, "")
            value, base, quiet = (percentile(seen[kind], part) * 1e3 for seen in (app, stock, rest))
            made.append(Row(whole, value, base, "ms", "stock, plain window", aim))
            if whole in ("timer_slip", "click_p99", "frame_max"):
                made.append(Row(f"{whole}_vs_rest", value, quiet, "ms", "the same window at rest"))
    return made
