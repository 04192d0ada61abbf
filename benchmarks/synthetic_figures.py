"""The transport alone: an agent's end on each stack, a C++ peer in another process.

Owns throughput both ways and CPU per MB, without containers. All stacks take turns,
so that a busy moment meets all of them.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, median

KINDS = ("ours", "stock", "asyncio", "ldc")
LONG_KINDS = ("ours-asyncio",)
MEGA = 1e6


@dataclass(slots=True)
class Pair:
    """One link between an agent and a peer, with its key at either end."""

    agent: Child
    peer: Child
    agent_key: str
    peer_key: str

    async def close(self) -> None:
        await self.peer.call("close", keys=[self.peer_key])
        await self.agent.call("close", keys=[self.agent_key])


async def connect(agent: Child, peer: Child, impairment: dict[str, float] | None = None) -> Pair:
    """The peer offers, the agent answers, as in the app."""
    offer = await peer.call("offer")
    answer = await agent.call("answer", sdp=offer["sdp"], impairment=impairment)
    await peer.call("accept", key=offer["key"], sdp=answer["sdp"])
    await peer.call("opened", key=offer["key"])
    await agent.call("opened", key=answer["key"])
    return Pair(agent, peer, answer["key"], offer["key"])


@dataclass(slots=True)
class Flow:
    """What was measured of one stack: MB/s, CPU ms/MB, by round."""

    out: list[float] = field(default_factory=list)
    into: list[float] = field(default_factory=list)
    cpu_out: list[float] = field(default_factory=list)
    cpu_into: list[float] = field(default_factory=list)


async def rate(
    receiver: Child, key: str, agent: Child, warm: float, seconds: float
) -> tuple[float, float]:
    """MB/s as the receiver counts them, and the CPU of ``agent`` in ms per MB, under way."""
    await asyncio.sleep(warm)
    cpu_from = await agent.call("sample")
    first = await receiver.call("sample", key=key)
    await asyncio.sleep(seconds)
    last = await receiver.call("sample", key=key)
    cpu_to = await agent.call("sample")
    per_second = (last["received"] - first["received"]) / (last["at"] - first["at"]) / MEGA
    busy = (cpu_to["cpu"] - cpu_from["cpu"]) / (cpu_to["at"] - cpu_from["at"])
    return per_second, busy * 1e3 / per_second if per_second else 0.0


async def flooded(
    sender: Child, sender_key: str, receiver: Child, key: str, agent: Child, plan: Plan
) -> tuple[float, float]:
    """rate() of a flood that is begun and ended here."""
    await sender.call("flood", key=sender_key, on=True)
    found = await rate(receiver, key, agent, plan.warm, plan.flood_seconds)
    await sender.call("flood", key=sender_key, on=False)
    return found


async def measure(plan: Plan) -> list[Row]:
    kinds = KINDS + (LONG_KINDS if plan.long else ())
    flows = {kind: Flow() for kind in kinds}
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(await Child.start("synthetic", "ldc"))
        agents = {
            kind: await stack.enter_async_context(await Child.start("synthetic", kind))
            for kind in kinds
        }
        pairs = {kind: await connect(agents[kind], peer) for kind in kinds}
        for number in range(plan.rounds):
            for kind in kinds:
                pair, flow = pairs[kind], flows[kind]
                agent, far, near = pair.agent, pair.peer_key, pair.agent_key
                out, cpu = await flooded(agent, near, peer, far, agent, plan)
                flow.out.append(out)
                flow.cpu_out.append(cpu)
                await settled(pair)
                into, cpu = await flooded(peer, far, agent, near, agent, plan)
                flow.into.append(into)
                flow.cpu_into.append(cpu)
                await settled(pair)
                plan.say(f"round {number + 1}, {kind}: {out:.1f} MB/s out, {into:.1f} in")
    return rows(flows)


async def settled(pair: Pair) -> None:
    """Until what a flood left in the buffers has arrived."""
    seen = (-1, -1)
    async with asyncio.timeout(20):
        while True:
            now = (
                (await pair.agent.call("sample", key=pair.agent_key))["received"],
                (await pair.peer.call("sample", key=pair.peer_key))["received"],
            )
            if now == seen:
                return
            seen = now
            await asyncio.sleep(0.05)


def rows(flows: dict[str, Flow]) -> list[Row]:
    ours, stock, ldc = flows["ours"], flows["stock"], flows["ldc"]
    out = {kind: median(flow.out) for kind, flow in flows.items()}
    into = {kind: median(flow.into) for kind, flow in flows.items()}
    found = [
        Row("synthetic_vs_stock", out["ours"], out["stock"], "MB/s", "stock qasync+aiortc",
            "ratio ≥ 3"),
        Row("synthetic_vs_libdatachannel", out["ours"], out["ldc"], "MB/s", "libdatachannel",
            "ratio ≥ 0.85"),
        Row("synthetic_vs_asyncio", out["ours"], out["asyncio"], "MB/s", "aiortc on asyncio"),
        Row("synthetic_in_vs_stock", into["ours"], into["stock"], "MB/s", "stock qasync+aiortc"),
        Row("synthetic_in_vs_libdatachannel", into["ours"], into["ldc"], "MB/s", "libdatachannel"),
        Row("cpu_per_mb", median(ours.cpu_out), median(stock.cpu_out), "ms/MB",
            "stock qasync+aiortc", "ratio ≤ 0.35"),
        Row("cpu_per_mb_in", median(ours.cpu_into), median(stock.cpu_into), "ms/MB",
            "stock qasync+aiortc"),
        Row("cpu_per_mb_vs_libdatachannel", median(ours.cpu_out), median(ldc.cpu_out), "ms/MB",
            "libdatachannel"),
    ]  # fmt: skip
    if "ours-asyncio" in flows:
        found.append(Row("synthetic_vs_own_transport_on_asyncio", out["ours"],
                         out["ours-asyncio"], "MB/s", "our transport on asyncio"))  # fmt: skip
    return found
