"""The window while floods run both ways: timer, clicks, frames.

Owns the load and the comparison: the app beside stock qasync and aiortc with a plain
window, both with the same programs in a container, and the app's own window at rest.
"""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.cast import APP, PEER, STOCK, Cast
from benchmarks.exec_figures import FLOOD
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Aim, Row, percentile, spread

SINK = "dd of=/dev/null bs=64k"
BASE = "stock, plain window, same execs"
Seen = dict[str, list[float]]


async def look(child: Child, seconds: float, *, paint: bool = False) -> Seen:
    """What a probe in that process sees; in seconds. See benchmarks.probe."""
    await child.call("probe", on=True, paint=paint)
    await asyncio.sleep(seconds)
    return dict(await child.call("probe", on=False))


def merge(into: Seen, more: Seen) -> None:
    for kind in ("slips", "clicks", "frames"):
        into.setdefault(kind, []).extend(more[kind])


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    """All take turns. Each flood is one session out and one in."""
    names = ("app", "stock", "rest", "app painting", "stock painting")
    seen: dict[str, Seen] = {name: {} for name in names}
    seconds = plan.probe_seconds / plan.rounds
    await cast.begin(APP, STOCK, ("guest", "#1"), (*PEER, "#1"))
    app, stock = await cast.app(), await cast.stock()
    await look(stock.agent, 0.3)  # both windows come up before anything counts
    await look(app.agent, 0.3)

    async def flooded(name: str, way: Any) -> None:
        keys = [await way.run(FLOOD), await way.run(SINK)]
        await way.opener.call("flood", key=keys[1], on=True)
        await asyncio.sleep(plan.warm)
        merge(seen[name], await look(way.agent, seconds))
        merge(seen[f"{name} painting"], await look(way.agent, seconds / 2, paint=True))
        await way.opener.call("flood", key=keys[1], on=False)
        await way.close(*keys)

    for _ in range(plan.rounds):
        merge(seen["rest"], await look(app.agent, seconds / 2))
        await flooded("app", app)
        await flooded("stock", stock)
    for name, what in seen.items():
        plan.say(
            f"{name}: slip {max(what['slips']) * 1e3:.1f} ms at most, click p99 "
            f"{percentile(what['clicks'], 0.99) * 1e3:.1f}"
        )
    return rows(seen)


def rows(seen: dict[str, Seen]) -> list[Row]:
    def ms(name: str, kind: str, part: float) -> float:
        return percentile(seen[name][kind], part) * 1e3

    painting = "the same, painting all at each tick"
    return [
        Row("timer_slip", ms("app", "slips", 1), ms("stock", "slips", 1), "ms", BASE,
            Aim("value", 12), spread(seen["app"]["slips"])),
        Row("click_p99", ms("app", "clicks", 0.99), ms("stock", "clicks", 0.99), "ms", BASE,
            Aim("value", 8), spread(seen["app"]["clicks"])),
        Row("timer_slip_vs_rest", ms("app", "slips", 1), ms("rest", "slips", 1), "ms",
            "the same window at rest"),
        Row("click_p99_vs_rest", ms("app", "clicks", 0.99), ms("rest", "clicks", 0.99), "ms",
            "the same window at rest"),
        Row("timer_slip_painting", ms("app painting", "slips", 1),
            ms("stock painting", "slips", 1), "ms", painting),
        Row("click_p99_painting", ms("app painting", "clicks", 0.99),
            ms("stock painting", "clicks", 0.99), "ms", painting),
        Row("frame_max", ms("app painting", "frames", 1), ms("stock painting", "frames", 1),
            "ms", painting, None, spread(seen["app painting"]["frames"])),
    ]  # fmt: skip
