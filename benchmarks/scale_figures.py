"""Many sessions at one app: memory each, CPU at rest, opening them, floods among them.

Owns the two scenes: shells in a container behind the whole app, and as many links of
stock aiortc (in the long form of libdatachannel too) that carry nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.cast import APP, Cast, Role, Way
from benchmarks.exec_figures import ECHO, FLOOD
from benchmarks.flood_figures import ping
from benchmarks.gui_figures import look
from benchmarks.plan import Plan
from benchmarks.process import Child
from benchmarks.report import Aim, Row, median, percentile, spread
from benchmarks.stack import connect

FLOODS = 5
AT_ONCE = 10
"""Openings under way at a time: more than a person, fewer than a storm."""
WAVE = 20
COLS, ROWS = 120, 40
LINES = 1000
"""Of history, behind a full screen."""
LISTING = """
awk -v s=%d 'BEGIN{srand(s);for(n=0;n<%d;n++){for(i=0;i<8;i++){
w=sprintf("%%c%%x",97+int(rand()*26),int(rand()*400000000));
printf "\\033[0m\\033[01;%%dm%%s\\033[0m%%s",31+int(rand()*6),w,
substr("               ",1,15-length(w))}print ""}}'
"""
"""Prints so many lines of eight colored names, as ``ls --color`` does in 120 columns: other ones
for each seed. The line breaks are not in it when it is run."""
SETTLE_SECONDS = 1.0
"""For what an opening leaves to be done, before memory is looked at."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some sessions cost a process: MB each (resident, unique), % of a core at rest."""

    rss: float
    uss: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process, in bytes."""

    rss: int
    uss: int

    @classmethod
    async def of(cls, child: Child) -> Memory:
        found = await child.call("memory")
        return cls(found["rss"], found["uss"])


async def growth(child: Child, before: Memory, count: int) -> tuple[float, float]:
    """MB that each of ``count`` sessions has added to a process: resident set, unique set."""
    await asyncio.sleep(SETTLE_SECONDS)
    now = await Memory.of(child)
    return (now.rss - before.rss) / count / 1e6, (now.uss - before.uss) / count / 1e6


async def load(plan: Plan, child: Child, before: Memory, count: int) -> Load:
    """What ``count`` sessions have added to a process that rests."""
    rss, uss = await growth(child, before, count)
    return Load(rss, uss, await idle(child, plan.idle_seconds))


async def idle(agent: Child, seconds: float) -> float:
    """Percent of a core that the process takes with nothing to do."""
    first = await agent.call("sample")
    await asyncio.sleep(seconds)
    last = await agent.call("sample")
    return float((last["cpu"] - first["cpu"]) / (last["at"] - first["at"]) * 100)


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    await cast.dismiss()  # a process that has done nothing yet, on a machine with no others
    count = plan.sessions
    stock = await links(plan, cast, "stock", count)
    made = await sessions(plan, cast, count, stock)
    if plan.long:
        other, ours = await links(plan, cast, "ldc", count), await links(plan, cast, "ours", count)
        made += [
            Row("link_memory", ours.rss, stock.rss, "MB", f"{count} stock links"),
            Row("link_memory_vs_libdatachannel", ours.rss, other.rss, "MB",
                f"{count} libdatachannel links"),
            Row("link_idle_cpu", ours.cpu, stock.cpu, "%", f"{count} stock links"),
        ]  # fmt: skip
    return made


async def links(plan: Plan, cast: Cast, kind: str, count: int) -> Load:
    """``count`` bare links of one stack."""
    roles: tuple[Role, Role] = (("synthetic", kind, "#scale"), ("synthetic", "ldc", "#scale peer"))
    await cast.begin(*roles)
    agent, peer = await cast.child(*roles[0]), await cast.child(*roles[1])
    await connect(agent, peer)  # what only the first costs is no session's
    await asyncio.sleep(SETTLE_SECONDS)
    before = await Memory.of(agent)
    for _ in range(count // AT_ONCE):
        await asyncio.gather(*(connect(agent, peer) for _ in range(AT_ONCE)))
    found = await load(plan, agent, before, count)
    plan.say(f"{count} × {kind}: {found.rss * 1e3:.0f} kB each, {found.cpu:.1f} % of a core")
    # One by one they would take long to close; nothing of them is left either way.
    await cast.dismiss()
    return found


async def sessions(plan: Plan, cast: Cast, count: int, stock: Load) -> list[Row]:
    """``count`` shells in containers behind the app, then FLOODS of them at full speed."""
    await cast.begin(APP, ("guest", "#1"), ("guest", "#2"))
    way, second = await cast.app(1), await cast.app(2)
    app = way.agent
    await way.close(*(await way.open())["keys"])
    await look(app, 0.5, paint=True)
    await asyncio.sleep(SETTLE_SECONDS)
    rest = await idle(app, plan.idle_seconds / 2)
    before = await Memory.of(app)
    began = time.monotonic()
    keys, waves = await opened(plan, way, count)
    pace = count / (time.monotonic() - began)
    found = await load(plan, app, before, count)
    plan.say(f"{count} at rest: {found.rss:.2f} MB each, {found.cpu:.1f} % ({rest:.1f} empty)")

    rss, uss = await filled(plan, way, keys[: plan.filled])
    plan.say(f"with {LINES} lines behind the screen: {found.rss + rss:.2f} MB each")

    echo = await second.run(ECHO)
    alone = await ping(second.opener, echo, plan.ping_seconds / 2)
    for key in keys[:FLOODS]:
        await way.opener.call("run", key=key, program=FLOOD)
    await asyncio.sleep(plan.warm)
    await app.call("probe", on=True, paint=True)
    times = await ping(second.opener, echo, plan.ping_seconds)
    frames = (await app.call("probe", on=False))["frames"]
    plan.say(
        f"{FLOODS} of {count} flooding: echo p99 {percentile(times, 0.99) * 1e3:.1f} ms, "
        f"longest frame {max(frames) * 1e3:.0f} ms"
    )
    await cast.dismiss()
    base = f"{count} bare links of stock qasync+aiortc"
    return [
        Row("session_memory", found.rss, stock.rss, "MB", base, Aim("value", 1),
            {"uss": found.uss, "baseline_uss": stock.uss, "sessions": float(count),
             "note": "growth of the app's resident set, MB per session; uss: of the unique set"}),
        Row("session_memory_full", found.rss + rss, found.rss, "MB",
            "the same sessions at their prompts", Aim("value", 0.6),
            {"uss": found.uss + uss, "baseline_uss": found.uss,
             "sessions": float(plan.filled), "lines": float(LINES)}),
        Row("idle_cpu", found.cpu, stock.cpu, "%", base, Aim("value", 5),
            {"empty": rest, "sessions": float(count)}),
        Row("scale_open_rate", pace, WAVE / waves[0][1], "/s", f"pace of the first {WAVE}"),
        Row("scale_open_last", waves[-1][0], waves[0][0], "ms", f"the first {WAVE}"),
        Row("scale_flood_rtt_p50", percentile(times, 0.5) * 1e3, percentile(alone, 0.5) * 1e3,
            "ms", "the same sessions, no flood"),
        Row("scale_flood_rtt_p99", percentile(times, 0.99) * 1e3, percentile(alone, 0.99) * 1e3,
            "ms", "the same sessions, no flood", None, spread(times)),
        Row("scale_frame_max", max(frames) * 1e3, 1000 / 60, "ms", "a frame at 60 Hz",
            Aim("value", 33), spread(frames)),
    ]  # fmt: skip


async def filled(plan: Plan, way: Way, keys: list[str]) -> tuple[float, float]:
    """MB that a full screen and LINES of history add to each of these sessions: resident set,
    unique set."""
    before = await Memory.of(way.agent)
    await way.opener.call("print", plan.suite_seconds, keys=keys, at_once=AT_ONCE,
                          commands=[listing(seed) for seed in range(len(keys))])  # fmt: skip
    return await growth(way.agent, before, len(keys))


def listing(seed: int) -> str:
    """A command that fills a terminal and its history."""
    return "".join((LISTING % (seed, LINES + ROWS)).splitlines())


async def opened(plan: Plan, way: Way, count: int) -> tuple[list[str], list[tuple[float, float]]]:
    """Their keys; and by wave the median time to a prompt in ms, and the seconds it took."""
    keys: list[str] = []
    waves: list[tuple[float, float]] = []
    for begun in range(0, count, WAVE):
        wave = await way.open(min(WAVE, count - begun), AT_ONCE, cols=COLS, rows=ROWS)
        waves.append((median(wave["times"]) * 1e3, wave["lasted"]))
        keys += wave["keys"]
    plan.say(f"{count} open; the last ones took {waves[-1][0]:.0f} ms each")
    return keys, waves
