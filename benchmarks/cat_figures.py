"""``cat`` of a large file in a tab of the window: how long until all of it was shown.

Owns the files and the comparison: a shell of this computer whose screen the tab paints, the same
over a connection as a peer, and a PTY that is read and nothing else.
"""

from __future__ import annotations

import json
import random
import shlex
import tempfile
from pathlib import Path

from benchmarks.cast import APP, Cast
from benchmarks.emulator_workloads import COLS, GENERATED, ROWS, SEED
from benchmarks.plan import Plan
from benchmarks.process import Child, output_of
from benchmarks.report import Aim, Row, median

FILES = {"source": "source", "colored": "ls --color"}
"""Names of figures, and the workloads of benchmarks.emulator_workloads that they show."""
LIMIT_SECONDS = 30.0
ALONE = "the PTY read and nothing else"

Times = dict[str, list[float]]
"""Seconds, by file."""


def content(workload: str, size: int) -> bytes:
    """About ``size`` bytes of it, as a file has them."""
    parts = GENERATED[workload](random.Random(SEED))
    block = bytearray()
    while len(block) < min(size, 1_000_000):
        block += next(parts).replace("\r\n", "\n").encode()
    return bytes(block) * max(1, size // len(block))


def written(folder: Path, size: int) -> dict[str, str]:
    """Write the files; the commands that show them."""
    lines = {}
    for name, workload in FILES.items():
        path = folder / name
        path.write_bytes(content(workload, size))
        lines[name] = f"cat {shlex.quote(str(path))}"
    return lines


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    app = await cast.child(*APP)
    await app.call("info")
    found: dict[str, Times] = {}
    with tempfile.TemporaryDirectory(prefix="hatchway-bench-") as folder:
        lines = written(Path(folder), plan.cat_bytes)
        for _ in range(plan.rounds):
            turn = {"alone": await alone(lines)}
            turn["direct"], turn["direct, CPU"] = await shown(app, lines, peer=False)
            if plan.long:
                turn["peer"], turn["peer, CPU"] = await shown(app, lines, peer=True)
            for way, times in turn.items():
                merge(found.setdefault(way, {}), times)
                told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
                plan.say(f"{way}: {told}")
    return rows(found, plan.cat_bytes)


async def alone(lines: dict[str, str]) -> dict[str, float]:
    output = await output_of("benchmarks.pty_alone", str(COLS), str(ROWS), *lines.values())
    return dict(zip(lines, json.loads(output), strict=True))


async def shown(
    app: Child, lines: dict[str, str], *, peer: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by file, and seconds of CPU that the app took for it."""
    key = (await app.call("own", cols=COLS, rows=ROWS, peer=peer))["key"]
    times, work = {}, {}
    for name, line in lines.items():
        reply = await app.call("run_own", LIMIT_SECONDS + 5, key=key, line=line,
                               seconds=LIMIT_SECONDS)  # fmt: skip
        times[name], work[name] = float(reply["seconds"]), float(reply["cpu"])
    await app.call("end_own", key=key)
    return times, work


def merge(into: Times, more: dict[str, float]) -> None:
    for name, seconds in more.items():
        into.setdefault(name, []).append(seconds)


def rows(found: dict[str, Times], size: int) -> list[Row]:
    """``found``: by "direct", "alone" and, where it was measured, "peer"; of the app also its CPU.
    ``size``: of each file, in bytes."""
    direct, least = found["direct"], found["alone"]
    made = [
        Row(f"cat_{name}", median(direct[name]), median(least[name]), "s", ALONE,
            Aim("ratio", 1.6) if name == "source" else None,
            {"mb": size / 1e6, "cpu": median(found["direct, CPU"][name])})
        for name in FILES
    ]  # fmt: skip
    if "peer" in found:
        made += [
            Row(f"cat_{name}_vs_peer", median(direct[name]), median(found["peer"][name]), "s",
                "the same, connected as a peer")
            for name in FILES
        ]  # fmt: skip
    return made
