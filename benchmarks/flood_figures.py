"""One session floods, another echoes single bytes: what the second feels of the first.

Owns the round trip under a flood: in the app, on stock aiortc and on the exec stream
alone, all with programs in a container; in the long form on bare data channels too.
Both sessions belong to one agent; each guest has a process of its own, so that none
waits for the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cast import APP, OURS, PEER, STOCK, Cast, Role
from benchmarks.exec_figures import ECHO, FLOOD
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Aim, Row, percentile, spread
from benchmarks.stack import connect

PING_EVERY = 0.010
"""Between two bytes whose echo is timed: pacing leaves the flood its speed."""
STOCK_NAME = "stock qasync+aiortc"
BARE: dict[str, Role] = {
    "bare ours": OURS,
    "bare stock": STOCK,
    "bare asyncio": ("synthetic", "asyncio"),
    "bare ldc": (*PEER, "#agent"),
}


@dataclass(slots=True)
class Times:
    """Round trips in seconds: of the other session under the flood, and of the flooding
    session itself; and the flood's MB/s, by round."""

    other: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


Turn = Callable[[], Awaitable[Times]]


async def ping(guest: Child, key: str, seconds: float, **options: Any) -> list[float]:
    found = await guest.call(
        "ping", seconds + 30, key=key, seconds=seconds, every=PING_EVERY, **options
    )
    return list(found["times"])


async def timed(
    times: Times, plan: Plan, sink: tuple[Child, str], pinger: tuple[Child, str]
) -> None:
    """One turn, with the flood under way."""
    first = await sink[0].call("sample", key=sink[1])
    times.other += await ping(*pinger, plan.ping_seconds)
    last = await sink[0].call("sample", key=sink[1])
    times.rates.append((last["received"] - first["received"]) / (last["at"] - first["at"]) / 1e6)


async def bare(plan: Plan, cast: Cast, role: Role) -> Turn:
    """A turn on bare data channels of one stack, to be run again and again."""
    agent = await cast.child(*role)
    sink, pinger = await cast.child(*PEER, "#1"), await cast.child(*PEER, "#2")
    times = Times()

    async def turn() -> Times:
        flood, echo = await connect(agent, sink), await connect(agent, pinger)
        await agent.call("echo", key=echo.agent_key)
        await agent.call("echo", key=flood.agent_key)
        await agent.call("flood", key=flood.agent_key, on=True)
        await asyncio.sleep(plan.warm)
        await timed(times, plan, (sink, flood.peer_key), (pinger, echo.peer_key))
        times.same += await ping(sink, flood.peer_key, plan.ping_seconds / 2)
        await agent.call("flood", key=flood.agent_key, on=False)
        await flood.close()
        await echo.close()
        return times

    return turn


def whole(plan: Plan, sink: Any, pinger: Any, *, control: bool) -> Turn:
    """A turn with programs in a container, the flood and the echo; with ``control``, of
    hatchway.v1's ping in the flooding session too."""
    times = Times()

    async def turn() -> Times:
        echo = await pinger.run(ECHO)
        flood = await sink.run(FLOOD)
        await asyncio.sleep(plan.warm)
        await timed(times, plan, (sink.opener, flood), (pinger.opener, echo))
        if control:
            times.same += await ping(sink.opener, flood, plan.ping_seconds / 2, control=True)
        await sink.close(flood)
        await pinger.close(echo)
        return times

    return turn


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    await cast.begin(APP, STOCK, ("guest", "#1"), ("guest", "#2"), ("raw_exec", "asyncio"),
                     (*PEER, "#1"), (*PEER, "#2"))  # fmt: skip
    raw = await cast.raw()
    turns = {
        "app": whole(plan, await cast.app(1), await cast.app(2), control=True),
        "stock": whole(plan, await cast.stock(1), await cast.stock(2), control=False),
        "raw": whole(plan, raw, raw, control=False),
    }
    if plan.long:
        turns |= {name: await bare(plan, cast, role) for name, role in BARE.items()}
    found: dict[str, Times] = {}
    for number in range(plan.rounds):
        for name, turn in turns.items():
            found[name] = now = await turn()
            plan.say(
                f"round {number + 1}, {name}: p50 {_ms(now.other, 0.5):.1f}, "
                f"p99 {_ms(now.other, 0.99):.1f} ms beside {now.rates[-1]:.1f} MB/s"
            )
    return rows(found)


def rows(found: dict[str, Times]) -> list[Row]:
    app, stock, raw = (found[name] for name in ("app", "stock", "raw"))
    made = []
    for word, part, limit in (("p50", 0.5, 8), ("p99", 0.99, 20)):
        made += [
            Row(f"flood_rtt_{word}", _ms(app.other, part), _ms(stock.other, part), "ms",
                f"{STOCK_NAME}, same exec", Aim("value", limit),
                {**spread(app.other), "flood_mb_s": percentile(app.rates, 0.5),
                 "baseline_flood_mb_s": percentile(stock.rates, 0.5)}),
            Row(f"flood_rtt_{word}_vs_raw", _ms(app.other, part), _ms(raw.other, part), "ms",
                "raw execs"),
        ]  # fmt: skip
        if "bare ours" in found:
            ours = found["bare ours"]
            for name, other in (("bare stock", "stock"), ("bare asyncio", "asyncio"),
                                ("bare ldc", "libdatachannel")):  # fmt: skip
                made.append(Row(f"synthetic_flood_rtt_{word}_vs_{other}", _ms(ours.other, part),
                                _ms(found[name].other, part), "ms", f"bare {other}"))  # fmt: skip
            made.append(Row(f"synthetic_flood_same_rtt_{word}", _ms(ours.same, part),
                            _ms(found["bare stock"].same, part), "ms", STOCK_NAME))  # fmt: skip
    made += [
        Row("flood_control_rtt_p99", _ms(app.same, 0.99), _ms(app.other, 0.99), "ms",
            "a byte of the other session", None, spread(app.same)),
        Row("flood_rtt_rate", percentile(app.rates, 0.5), percentile(stock.rates, 0.5), "MB/s",
            f"{STOCK_NAME}, same exec"),
    ]  # fmt: skip
    return made


def _ms(times: list[float], part: float) -> float:
    return percentile(times, part) * 1e3
