"""``make bench``: every figure beside a baseline of the same run.

Owns the arguments, the order of the suites and what becomes of their rows: a
table, and ``benchmarks/results.json``, which is not kept in version control.
Does not own any verdict: aims are printed beside figures, whatever they are.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plan as plans
from benchmarks import report
from benchmarks.containers import Box, box
from benchmarks.plan import Plan
from benchmarks.report import Row

SUITE_SECONDS = {False: 120.0, True: 1800.0}
"""How long a suite may take in the short form and in the long one."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A measurement of its own, and the names (or beginnings of names) it gives rows for."""

    name: str
    rows: tuple[str, ...]
    measure: Callable[[Plan, Box], Awaitable[list[Row]]]


def suites() -> tuple[Suite, ...]:
    from benchmarks import (
        exec_figures,
        flood_figures,
        gui_figures,
        scale_figures,
        synthetic_figures,
        wan_figures,
    )

    async def synthetic(plan: Plan, _: Box) -> list[Row]:
        return await synthetic_figures.measure(plan)

    async def wan(plan: Plan, _: Box) -> list[Row]:
        return await wan_figures.measure(plan)

    return (
        Suite("exec", ("exec_", "idle_rtt", "prompt", "open20"), exec_figures.measure),
        Suite("synthetic", ("synthetic_vs", "synthetic_in", "cpu_per_mb"), synthetic),
        Suite("flood", ("flood_", "synthetic_flood", "synthetic_idle"), flood_figures.measure),
        Suite("gui", ("timer_slip", "click", "frame"), gui_figures.measure),
        Suite("scale", ("session_memory", "idle_cpu", "scale_"), scale_figures.measure),
        Suite("wan", ("wan_",), wan),
    )


def chosen(all_suites: tuple[Suite, ...], names: list[str]) -> tuple[Suite, ...]:
    """The suites that ``names`` (suites or figures) ask for; all when there are none.

    Raises ValueError for a name that is neither.
    """
    if not names:
        return all_suites
    asked = {name: [s for s in all_suites if _asks_for(s, name)] for name in names}
    unknown = [name for name, found in asked.items() if not found]
    if unknown:
        known = ", ".join(suite.name for suite in all_suites)
        raise ValueError(f"nothing is called {', '.join(unknown)}; suites: {known}; or any figure")
    return tuple(s for s in all_suites if any(s in found for found in asked.values()))


def _asks_for(suite: Suite, name: str) -> bool:
    return name == suite.name or name.startswith(suite.rows)


async def run(plan: Plan, asked: tuple[Suite, ...], container: Box) -> tuple[list[Row], list[str]]:
    """All rows, and the names of suites that failed; one failing leaves the others be."""
    rows: list[Row] = []
    failed: list[str] = []
    for suite in asked:
        plan.step = suite.name
        plan.say("begins")
        try:
            async with asyncio.timeout(SUITE_SECONDS[plan.long]):
                rows += await suite.measure(plan, container)
        except Exception:
            traceback.print_exc()
            failed.append(suite.name)
    return rows, failed


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        import libdatachannel  # noqa: F401
    except ImportError:
        print("The bench needs libdatachannel-py, which needs Python 3.12.", file=sys.stderr)
        return 1
    plan = plans.long() if options.long else plans.short()
    try:
        asked = chosen(suites(), [name for name in options.only.split(",") if name])
    except ValueError as error:
        print(f"--only: {error}", file=sys.stderr)
        return 2
    try:
        with box() as container:
            rows, failed = asyncio.run(run(plan, asked, container))
    except KeyboardInterrupt:
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    print(report.table(rows))
    report.write(rows, options.output)
    plan.step = "end"
    plan.say(f"{len(rows)} figures in {options.output}")
    if failed:
        print(f"Failed, and missing above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure speed.")
    parser.add_argument("--long", action="store_true", help="the long form: half an hour")
    parser.add_argument(
        "--only", default="", metavar="NAME,…", help="some suites or figures, by name"
    )
    parser.add_argument(
        "--output", type=Path, default=report.RESULTS, metavar="FILE", help="where results go"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
