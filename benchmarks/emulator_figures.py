"""The emulator's speed and memory as figures: beside stock pyte and xterm.js.

Owns what becomes of the measurement (benchmarks/emulator.py, a process of its own),
the aims, and the figures' names.
"""

from __future__ import annotations

from benchmarks.emulator import Memory, Speed, from_json, mean
from benchmarks.plan import Plan
from benchmarks.process import output_of
from benchmarks.report import Aim, Row

PYTE, XTERM_JS = "stock pyte", "xterm.js in Node"
MEAN_AIM = 40.0
"""Times stock pyte in the geometric mean of the workloads."""
EACH_AIM = 15.0
"""Times stock pyte on every workload."""
LINE_AIM = 500.0
"""Bytes of a plain line of history."""


async def measure(plan: Plan, _cast: object) -> list[Row]:
    """Some 20 s in the short form, two minutes in the long one."""
    form = () if plan.long else ("--short",)
    output = await output_of("benchmarks.emulator", "--json", *form)
    return rows(from_json(output))


def rows(found: dict[str, Speed | Memory]) -> list[Row]:
    """The means first, then each workload, then what a line of history takes."""
    speeds = {name: row for name, row in found.items() if isinstance(row, Speed)}
    worst = min(speeds, key=lambda name: speeds[name].ours / speeds[name].pyte)
    ours = mean([row.ours for row in speeds.values()])
    made = [
        Row("emulator_geomean", ours, mean([row.pyte for row in speeds.values()]), "MB/s", PYTE,
            Aim("ratio", MEAN_AIM)),
        Row("emulator_worst", speeds[worst].ours, speeds[worst].pyte, "MB/s", PYTE,
            Aim("ratio", EACH_AIM), {"note": worst}),
    ]  # fmt: skip
    others = [row.xterm_js for row in speeds.values() if row.xterm_js is not None]
    if len(others) == len(speeds):
        aim = Aim("ratio", 1.0)
        made.append(Row("emulator_vs_xterm_js", ours, mean(others), "MB/s", XTERM_JS, aim))
    sources = [row.source for row in speeds.values() if row.source is not None]
    if len(sources) == len(speeds):
        # Without a C compiler there is but the source, and the lines above are its own.
        source, stock = mean(sources), mean([row.pyte for row in speeds.values()])
        made.append(Row("emulator_as_source", source, stock, "MB/s", PYTE))
        if len(others) == len(speeds):
            made.append(
                Row("emulator_as_source_vs_xterm_js", source, mean(others), "MB/s", XTERM_JS)
            )
    for name, row in speeds.items():
        extra = {} if row.xterm_js is None else {"xterm_js": row.xterm_js}
        if row.source is not None:
            extra["source"] = row.source
        if row.pyte_failed:
            extra["pyte_failed"] = row.pyte_failed
        aim = Aim("ratio", EACH_AIM)
        made.append(Row(_name(name), row.ours, row.pyte, "MB/s", PYTE, aim, dict(extra)))
    for name, line in found.items():
        if isinstance(line, Memory):
            extra = {} if line.xterm_js is None else {"xterm_js": line.xterm_js}
            limit = Aim("value", LINE_AIM) if name == "memory plain" else None
            made.append(Row(_name(name), line.ours, line.pyte, "B/line", PYTE, limit, dict(extra)))
    return made


def _name(name: str) -> str:
    """ "ls --color" → emulator_ls_color."""
    return "emulator_" + "_".join(name.lower().replace("-", " ").split())
