"""Ten people view a shell that floods: what its controller, and the agent, feel of them.

Owns the controller's rate and the agent's CPU with and without viewers, and how long joining
takes. The controller's guest has a process of its own, the viewers share another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.cast import APP, Cast
from benchmarks.plan import Plan
from benchmarks.report import Aim, Row, median, spread
from benchmarks.stack import Rate, rate

FLOOD = """yes "$(printf 'the quick brown fox jumps over the lazy dog, who does not care\\r')\""""
"""Lines of text: what a viewer is shown has to be drawn."""
VIEWERS = 10
JOIN_SECONDS = 40.0


@dataclass(slots=True)
class Found:
    """Rates without and with viewers; times of joining, in seconds, while the shell floods."""

    alone: list[Rate] = field(default_factory=list)
    viewed: list[Rate] = field(default_factory=list)
    joins: list[float] = field(default_factory=list)
    screens: list[float] = field(default_factory=list)
    """New screens a second that each viewer got."""


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    await cast.begin(APP, ("guest", "#1"), ("guest", "#2"))
    controller, viewers = await cast.app(1), (await cast.app(2)).opener
    app, found = controller.agent, Found()
    for number in range(plan.rounds + 1):
        key = await controller.run(FLOOD)
        shared = await app.call("share")
        link = {word: shared[word] for word in ("target", "share", "secret")}
        # One by itself, which is timed, and the others at once.
        alone = await viewers.call("join", JOIN_SECONDS, count=1, **link)
        found.joins += alone["times"]
        joined = await viewers.call("join", JOIN_SECONDS, count=VIEWERS - 1, **link)
        keys = alone["keys"] + joined["keys"]
        first = await viewers.call("screens", keys=keys)
        found.viewed.append(await rate(controller.opener, key, app, plan.warm, plan.flood_seconds))
        last = await viewers.call("screens", keys=keys)
        seconds = last["at"] - first["at"]
        found.screens.append((last["count"] - first["count"]) / seconds / VIEWERS)
        await viewers.call("close", JOIN_SECONDS, keys=keys)
        # Afterwards, so that both are of a connection that has been in use for a while.
        found.alone.append(await rate(controller.opener, key, app, plan.warm, plan.flood_seconds))
        await controller.close(key)
        plan.say(
            f"round {number + 1}, MB/s: {found.alone[-1].speed:.1f} alone, "
            f"{found.viewed[-1].speed:.1f} with {VIEWERS} viewers, who saw "
            f"{found.screens[-1]:.1f} screens a second"
        )
    return rows(found)


def rows(found: Found) -> list[Row]:
    alone, viewed = found.alone, found.viewed
    text = "the same shell without viewers"
    joins = spread(found.joins)
    return [
        Row("viewers_rate", median([one.speed for one in viewed]),
            median([one.speed for one in alone]), "MB/s", text, Aim("ratio", 0.9),
            {"screens_per_second": median(found.screens), "viewers": float(VIEWERS)}),
        Row("viewers_cpu_per_mb", median([one.cpu for one in viewed]),
            median([one.cpu for one in alone]), "ms/MB", text, Aim("ratio", 1.15)),
        Row("viewers_join_p50", float(joins["p50"]), 0.0, "ms",
            "none: from an offer to the first screen, while the shell floods", None, joins),
    ]  # fmt: skip
