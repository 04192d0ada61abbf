"""The transport alone: an agent's end on each stack, a C++ peer in another process.

Owns throughput both ways and CPU per MB, without containers. All stacks take turns,
so that a busy moment meets all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.cast import OURS, PEER, STOCK, Cast
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Aim, Row, median
from benchmarks.stack import Rate, connect, rate

AGENTS = {
    "ours": OURS,
    "stock": STOCK,
    "asyncio": ("synthetic", "asyncio"),
    "ldc": (*PEER, "#agent"),
}
LONG_AGENTS = {"ours-asyncio": ("synthetic", "ours-asyncio")}
STOCK_NAME = "stock qasync+aiortc"


@dataclass(slots=True)
class Flow:
    """What was measured of one stack, by round: out of the agent, and into it."""

    out: list[Rate] = field(default_factory=list)
    into: list[Rate] = field(default_factory=list)


async def flooded(
    sender: Child, sender_key: str, receiver: Child, key: str, agent: Child, plan: Plan
) -> Rate:
    """rate() of a flood that is begun and ended here."""
    await sender.call("flood", key=sender_key, on=True)
    found = await rate(receiver, key, agent, plan.warm, plan.flood_seconds)
    await sender.call("flood", key=sender_key, on=False)
    return found


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    roles = AGENTS | (LONG_AGENTS if plan.long else {})
    await cast.begin((*PEER, "#1"), *roles.values())
    peer = await cast.child(*PEER, "#1")
    pairs = {kind: await connect(await cast.child(*role), peer) for kind, role in roles.items()}
    flows = {kind: Flow() for kind in roles}
    for number in range(plan.rounds):
        for kind, pair in pairs.items():
            agent, far, near, flow = pair.agent, pair.peer_key, pair.agent_key, flows[kind]
            flow.out.append(await flooded(agent, near, peer, far, agent, plan))
            await pair.settled()
            now = f"round {number + 1}, {kind}: {flow.out[-1].speed:.1f} MB/s out"
            if number == 0 or plan.long:
                flow.into.append(await flooded(peer, far, agent, near, agent, plan))
                await pair.settled()
                now += f", {flow.into[-1].speed:.1f} in"
            plan.say(now)
    for pair in pairs.values():
        await pair.close()
    return rows(flows)


def rows(flows: dict[str, Flow]) -> list[Row]:
    out = {kind: median([rate.speed for rate in flow.out]) for kind, flow in flows.items()}
    into = {kind: median([rate.speed for rate in flow.into]) for kind, flow in flows.items()}
    cpu = {kind: median([rate.cpu for rate in flow.out]) for kind, flow in flows.items()}
    cpu_in = {kind: median([rate.cpu for rate in flow.into]) for kind, flow in flows.items()}
    found = [
        Row("synthetic_vs_stock", out["ours"], out["stock"], "MB/s", STOCK_NAME,
            Aim("ratio", 3), {"asyncio": out["asyncio"]}),
        Row("synthetic_vs_libdatachannel", out["ours"], out["ldc"], "MB/s",
            "libdatachannel as agent", Aim("ratio", 0.85)),
        Row("synthetic_vs_asyncio", out["ours"], out["asyncio"], "MB/s",
            "stock aiortc on asyncio"),
        Row("synthetic_in_vs_stock", into["ours"], into["stock"], "MB/s", STOCK_NAME),
        Row("synthetic_in_vs_libdatachannel", into["ours"], into["ldc"], "MB/s",
            "libdatachannel as agent"),
        Row("cpu_per_mb", cpu["ours"], cpu["stock"], "ms/MB", STOCK_NAME, Aim("ratio", 0.35),
            {"asyncio": cpu["asyncio"], "libdatachannel": cpu["ldc"]}),
        Row("cpu_per_mb_in", cpu_in["ours"], cpu_in["stock"], "ms/MB", STOCK_NAME),
        Row("cpu_per_mb_vs_libdatachannel", cpu["ours"], cpu["ldc"], "ms/MB",
            "libdatachannel as agent"),
    ]  # fmt: skip
    if "ours-asyncio" in flows:
        found.append(Row("synthetic_vs_own_transport_on_asyncio", out["ours"],
                         out["ours-asyncio"], "MB/s", "our transport on asyncio"))  # fmt: skip
    return found
