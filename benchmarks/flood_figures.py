"""One session floods, another echoes single bytes: what the second feels of the first.

Owns the round trip under a flood: in the app with containers, on bare data
channels of each stack, and on the exec stream alone. Both sessions belong to one
process; each guest has a process of its own, so that none waits for the other.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.containers import Box
from benchmarks.exec_figures import ECHO, FLOOD, Way, app_way, guest_of, raw_way
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, percentile
from benchmarks.synthetic_figures import connect, rate, settled

PING_EVERY = 0.010
"""Between two bytes whose echo is timed: pacing leaves the flood its speed."""
STOCK = "stock qasync+aiortc"


@dataclass(slots=True)
class Times:
    """Round trips in seconds: of the other session, idle and under the flood, and of the
    flooding session itself; and the flood's MB/s, by round."""

    idle: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


async def ping(guest: Child, key: str, seconds: float, **options: Any) -> list[float]:
    found = await guest.call(
        "ping", seconds + 30, key=key, seconds=seconds, every=PING_EVERY, **options
    )
    return list(found["times"])


async def timed(times: Times, plan: Plan, sink: tuple[Child, str], pinger: tuple[Child, str],
                same: dict[str, Any] | None) -> None:  # fmt: skip
    """One turn, with the flood under way: ``same`` says how to ping its own session."""
    first = await sink[0].call("sample", key=sink[1])
    times.other += await ping(*pinger, plan.ping_seconds)
    last = await sink[0].call("sample", key=sink[1])
    times.rates.append((last["received"] - first["received"]) / (last["at"] - first["at"]) / 1e6)
    if same is not None:
        times.same += await ping(*sink, plan.ping_seconds / 2, **same)


async def bare(plan: Plan, stack: AsyncExitStack, kind: str, guests: list[Child]) -> Any:
    """A turn on bare data channels of one stack, to be run again and again."""
    sink, pinger = guests
    agent = await stack.enter_async_context(await Child.start("synthetic", kind))
    flood, echo = await connect(agent, sink), await connect(agent, pinger)
    await agent.call("echo", key=echo.agent_key)
    await agent.call("echo", key=flood.agent_key)
    times = Times()

    async def turn() -> Times:
        times.idle += await ping(pinger, echo.peer_key, 1.0)
        await agent.call("flood", key=flood.agent_key, on=True)
        await asyncio.sleep(plan.warm)
        await timed(times, plan, (sink, flood.peer_key), (pinger, echo.peer_key), {})
        await agent.call("flood", key=flood.agent_key, on=False)
        await settled(flood)
        return times

    return turn


def whole(plan: Plan, sink: Way, pinger: Way, same: dict[str, Any] | None) -> Any:
    """A turn with programs in a container: the flood and the echo."""
    times = Times()

    async def turn() -> Times:
        echo = await pinger.run(ECHO)
        times.idle += await ping(pinger.opener, echo, 1.0)
        flood = await sink.run(FLOOD)
        await rate(sink.opener, flood, sink.agent, 0, plan.warm)
        await timed(times, plan, (sink.opener, flood), (pinger.opener, echo), same)
        await sink.close(flood)
        await pinger.close(echo)
        return times

    return turn


async def measure(plan: Plan, box: Box) -> list[Row]:
    kinds = ("ours", "stock", *(("asyncio", "ldc") if plan.long else ()))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        guests = [await enter(await Child.start("synthetic", "ldc")) for _ in range(2)]
        turns = {kind: await bare(plan, stack, kind, guests) for kind in kinds}
        app = await enter(app_way(box))
        second = Way(await enter(guest_of(app.agent)), app.agent, box, raw=False)
        turns["app"] = whole(plan, app, second, {"control": True})
        raw = await enter(raw_way(box, "asyncio"))
        turns["raw"] = whole(plan, raw, raw, None)
        found: dict[str, Times] = {}
        for number in range(plan.rounds):
            for name, turn in turns.items():
                found[name] = await turn()
                now = found[name]
                plan.say(
                    f"round {number + 1}, {name}: p50 {_ms(now.other, 0.5):.1f}, "
                    f"p99 {_ms(now.other, 0.99):.1f} ms beside {now.rates[-1]:.1f} MB/s"
                )
    return rows(found)


def rows(found: dict[str, Times]) -> list[Row]:
    app, ours, stock, raw = (found[name] for name in ("app", "ours", "stock", "raw"))
    made = []
    for word, part, aim in (("p50", 0.5, "≤ 8"), ("p99", 0.99, "≤ 20")):
        made += [
            Row(f"flood_rtt_{word}", _ms(app.other, part), _ms(stock.other, part), "ms",
                f"{STOCK}, no container", aim),
            Row(f"flood_rtt_{word}_vs_raw", _ms(app.other, part), _ms(raw.other, part), "ms",
                "raw execs, same loads"),
            Row(f"flood_control_rtt_{word}", _ms(app.same, part), _ms(stock.same, part), "ms",
                f"{STOCK}, no container"),
            Row(f"synthetic_flood_rtt_{word}", _ms(ours.other, part), _ms(stock.other, part),
                "ms", STOCK, aim),
            Row(f"synthetic_flood_same_rtt_{word}", _ms(ours.same, part), _ms(stock.same, part),
                "ms", STOCK),
            Row(f"synthetic_idle_rtt_{word}", _ms(ours.idle, part), _ms(stock.idle, part),
                "ms", STOCK),
        ]  # fmt: skip
        for other, name in (("asyncio", "aiortc on asyncio"), ("ldc", "libdatachannel")):
            if other in found:
                made.append(Row(f"synthetic_flood_rtt_{word}_vs_{other}", _ms(ours.other, part),
                                _ms(found[other].other, part), "ms", name))  # fmt: skip
    made.append(Row("flood_rtt_rate", percentile(app.rates, 0.5), percentile(raw.rates, 0.5),
                    "MB/s", "raw execs, same loads"))  # fmt: skip
    return made


def _ms(times: list[float], part: float) -> float:
    return percentile(times, part) * 1e3
