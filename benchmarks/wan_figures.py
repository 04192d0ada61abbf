"""Far away and over lossy lines: a grid of delay and loss, ours beside stock aiortc.

Owns the grid. Does not own the impairment: a shim inside the agent's process
(tests.engine.impairment), since not every kernel can delay packets. The peer is
C++ and not impaired: delay and loss are put on both directions at the agent.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Row, geometric_mean, median
from benchmarks.synthetic_figures import connect, rate

KINDS = ("ours", "stock")
WARM_SECONDS = 1.0
"""Of each flood before counting begins; the window opens meanwhile, or does not."""
LEAST = 0.001
"""MB/s told of what did not move at all: a mean of ratios knows no zero."""


async def measure(plan: Plan) -> list[Row]:
    """For each cell both take turns, with the same losses: the seed is the round's."""
    cells = [(rtt, loss) for rtt in plan.wan_rtts for loss in plan.wan_losses]
    speed: dict[tuple[float, float], dict[str, float]] = {}
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(await Child.start("synthetic", "ldc"))
        agents = {
            kind: await stack.enter_async_context(await Child.start("synthetic", kind))
            for kind in KINDS
        }
        for rtt, loss in cells:
            found: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for seed in range(1, plan.wan_rounds + 1):
                for kind in KINDS:
                    impairment = {"delay": rtt / 2, "loss": loss, "seed": seed}
                    found[kind].append(await _flood(agents[kind], peer, impairment, plan))
            speed[rtt, loss] = {kind: median(values) for kind, values in found.items()}
            plan.say(
                f"{_name(rtt, loss)}: ours {speed[rtt, loss]['ours']:.2f}, "
                f"stock {speed[rtt, loss]['stock']:.2f} MB/s"
            )
    return rows(speed)


async def _flood(agent: Child, peer: Child, impairment: dict[str, float], plan: Plan) -> float:
    pair = await connect(agent, peer, impairment)
    await agent.call("flood", key=pair.agent_key, on=True)
    found, _ = await rate(peer, pair.peer_key, agent, WARM_SECONDS, plan.wan_seconds)
    await pair.close()
    return max(found, LEAST)


def rows(speed: dict[tuple[float, float], dict[str, float]]) -> list[Row]:
    """The mean over all cells, the cell where ours does worst, and each cell."""
    ours = [cell["ours"] for cell in speed.values()]
    stock = [cell["stock"] for cell in speed.values()]
    worst = min(speed.values(), key=lambda cell: cell["ours"] / cell["stock"])
    return [
        # The mean of ratios and the ratio of means are one, for geometric means.
        Row("wan_geomean", geometric_mean(ours), geometric_mean(stock), "MB/s", "stock aiortc",
            "ratio ≥ 1.5"),
        Row("wan_worst", worst["ours"], worst["stock"], "MB/s", "stock aiortc", "ratio ≥ 1"),
        *(
            Row(f"wan_{_name(rtt, loss)}", cell["ours"], cell["stock"], "MB/s", "stock aiortc")
            for (rtt, loss), cell in speed.items()
        ),
    ]  # fmt: skip


def _name(rtt: float, loss: float) -> str:
    return f"{rtt * 1000:.0f}ms_{loss * 100:g}%"
