"""Far away and over lossy lines: a grid of delay and loss, ours beside stock aiortc.

Owns the grid. Does not own the impairment: a shim inside the agent's process
(tests.engine.impairment), since not every kernel can delay packets. The peer is
C++ and not impaired: delay and loss are put on both directions at the agent.
"""

from __future__ import annotations

import asyncio
from itertools import product

from benchmarks.cast import OURS, PEER, STOCK, Cast
from benchmarks.plan import Plan
from benchmarks.process import BenchError
from benchmarks.report import Aim, Row, geometric_mean
from benchmarks.stack import Pair, connect

KINDS = {"ours": OURS, "stock": STOCK}
BASE = "stock qasync+aiortc"
ETHERNET_DATAGRAM = 1472
"""Bytes of the largest that passes: what far away begins behind an Ethernet."""
LEAST = 0.001
"""MB/s told of what did not move at all: a mean of ratios knows no zero."""
TRIES = 3
"""To connect: stock aiortc does not send a lost handshake again."""

Cell = tuple[float, float]
"""Round trip in seconds, and loss, 0..1."""
Speeds = dict[tuple[Cell, str], float]


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    """Cells without loss one at a time, since they can fill a core; all others at once,
    ours and stock: their losses keep them to a fraction of one."""
    await cast.begin(*KINDS.values(), (*PEER, "#1"))
    speeds: Speeds = {}
    clear = [(rtt, 0.0) for rtt in plan.wan_rtts if 0.0 in plan.wan_losses]
    for cell, kind in product(clear, KINDS):
        speeds |= await _flood(cast, [(cell, kind, 1)], plan.wan_warm, plan.wan_seconds)
    lossy = [
        ((rtt, loss), kind, seed)
        for rtt, loss in product(plan.wan_rtts, plan.wan_losses)
        for kind, seed in product(KINDS, plan.wan_seeds)
        if loss
    ]
    speeds |= await _flood(cast, lossy, plan.wan_warm, plan.wan_lossy_seconds)
    cells = list(product(plan.wan_rtts, plan.wan_losses))
    for cell in cells:
        ours, stock = speeds[cell, "ours"], speeds[cell, "stock"]
        plan.say(f"{_name(cell)}: ours {ours:.2f}, stock {stock:.2f} MB/s")
    return rows(cells, speeds)


async def _flood(
    cast: Cast, runs: list[tuple[Cell, str, int]], warm: float, seconds: float
) -> Speeds:
    """MB/s by cell and kind, the mean over the seeds; all ``runs`` at the same time."""
    peer = await cast.child(*PEER, "#1")
    pairs = await asyncio.gather(*(_connect(cast, *run) for run in runs))
    for pair in pairs:
        await pair.agent.call("flood", key=pair.agent_key, on=True)
    await asyncio.sleep(warm)
    first = [await peer.call("sample", key=pair.peer_key) for pair in pairs]
    await asyncio.sleep(seconds)
    last = [await peer.call("sample", key=pair.peer_key) for pair in pairs]
    await asyncio.gather(*(pair.close() for pair in pairs))
    found: dict[tuple[Cell, str], list[float]] = {}
    for (cell, kind, _), old, new in zip(runs, first, last, strict=True):
        speed = (new["received"] - old["received"]) / (new["at"] - old["at"]) / 1e6
        found.setdefault((cell, kind), []).append(speed)
    return {key: max(sum(speed) / len(speed), LEAST) for key, speed in found.items()}


async def _connect(cast: Cast, cell: Cell, kind: str, seed: int) -> Pair:
    rtt, loss = cell
    impairment = {
        "delay": rtt / 2, "loss": loss, "largest": ETHERNET_DATAGRAM, "seed": seed
    }  # fmt: skip
    agent, peer = await cast.child(*KINDS[kind]), await cast.child(*PEER, "#1")
    for attempt in range(TRIES):
        try:
            return await connect(agent, peer, impairment)
        except BenchError:
            if attempt == TRIES - 1:
                raise
            impairment["seed"] += 1000
    raise AssertionError("not reached")


def rows(cells: list[Cell], speeds: Speeds) -> list[Row]:
    """The mean over all cells, the cell where ours does worst, and each cell."""
    ours = {cell: speeds[cell, "ours"] for cell in cells}
    stock = {cell: speeds[cell, "stock"] for cell in cells}
    worst = min(cells, key=lambda cell: ours[cell] / stock[cell])
    # The mean of ratios and the ratio of means are one, for geometric means.
    return [
        Row("wan_geomean", geometric_mean(list(ours.values())),
            geometric_mean(list(stock.values())), "MB/s", BASE, Aim("ratio", 1.5),
            {"cells": float(len(cells))}),
        Row("wan_worst", ours[worst], stock[worst], "MB/s", BASE, Aim("ratio", 1),
            {"note": _name(worst)}),
        *(Row(f"wan_{_name(cell)}", ours[cell], stock[cell], "MB/s", BASE) for cell in cells),
    ]  # fmt: skip


def _name(cell: Cell) -> str:
    rtt, loss = cell
    return f"{rtt * 1000:.0f}ms_{loss * 100:g}%"
