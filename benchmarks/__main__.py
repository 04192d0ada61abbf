"""``make bench``: every figure beside a baseline of the same run.

Owns the arguments, the order of the suites, their deadlines, and what becomes of
their figures: a table on stdout, and ``benchmarks/results.json`` of a whole run.
Does not own measuring. A figure that was not measured is in both, with the reason,
and the exit code is 1; one that missed its aim is shown as such and is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plan as plans
from benchmarks import report
from benchmarks.containers import NoContainerError
from benchmarks.plan import Plan
from benchmarks.report import Failure, Outcome, Row

REASON_CHARACTERS = 400
"""Of why a figure is missing; all of it is on stderr."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A measurement of its own. ``required``: the figures no run may lack; it may have more,
    whose names begin as one of ``prefixes``."""

    name: str
    required: tuple[str, ...]
    prefixes: tuple[str, ...]
    measure: Callable[..., Awaitable[list[Row]]]
    """Given a Plan and a benchmarks.cast.Cast."""
    long: bool = False
    """Only in the long form, or asked for by name: the short one has three minutes."""

    def asked_by(self, name: str) -> bool:
        return name == self.name or name in self.required or name.startswith(self.prefixes)


def suites() -> tuple[Suite, ...]:
    from benchmarks import (
        browser,
        cat_figures,
        emulator_figures,
        exec_figures,
        flood_figures,
        gui_figures,
        join_figures,
        painting_figures,
        relay,
        scale_figures,
        synthetic_figures,
        viewer_figures,
        wan_figures,
    )

    return (
        # First: nothing runs yet, and it has no competitor to share a slow machine with.
        Suite("painting", (), ("painting_",), painting_figures.measure),
        Suite("throughput", ("exec_throughput",), ("exec_",), exec_figures.throughput),
        Suite("echo", ("idle_rtt_added_p50",), ("idle_rtt",), exec_figures.idle_echo),
        Suite("prompt", ("prompt_p50",), ("prompt_",), exec_figures.prompts),
        Suite("open", ("open20",), ("open",), exec_figures.many_at_once),
        Suite("flood", ("flood_rtt_p50", "flood_rtt_p99"), ("flood_", "synthetic_flood"),
              flood_figures.measure),
        Suite("viewers", (), ("viewers_",), viewer_figures.measure),
        Suite("gui", ("timer_slip", "click_p99"), ("timer_", "click_", "frame_"),
              gui_figures.measure),
        Suite("synthetic", ("synthetic_vs_stock", "synthetic_vs_libdatachannel", "cpu_per_mb"),
              ("synthetic_vs", "synthetic_in", "cpu_per_mb"), synthetic_figures.measure),
        Suite("wan", ("wan_geomean",), ("wan_",), wan_figures.measure),
        Suite("scale", ("session_memory", "session_memory_full", "idle_cpu"), ("scale_", "link_"),
              scale_figures.measure),
        Suite("join", ("join_p50", "join_p99", "join_flood_p50", "join_flood_p99"), ("join_",),
              join_figures.measure),
        Suite("cat", ("cat_source", "cat_colored"), ("cat_",), cat_figures.measure),
        Suite("emulator", (), ("emulator_",), emulator_figures.measure),
        Suite("relay", (), ("relay_",), relay.measure, long=True),
        Suite("browser", (), ("browser_",), browser.measure, long=True),
    )  # fmt: skip


def chosen(
    all_suites: tuple[Suite, ...], names: list[str], *, long: bool = True
) -> tuple[Suite, ...]:
    """The suites that ``names`` (suites or figures) ask for; all of the form without any.

    Raises ValueError for a name that is neither.
    """
    if not names:
        return tuple(suite for suite in all_suites if long or not suite.long)
    asked = {name: [s for s in all_suites if s.asked_by(name)] for name in names}
    unknown = [name for name, found in asked.items() if not found]
    if unknown:
        known = ", ".join(suite.name for suite in all_suites)
        raise ValueError(f"nothing is called {', '.join(unknown)}; suites: {known}; or any figure")
    return tuple(s for s in all_suites if any(s in found for found in asked.values()))


async def run(suite: Suite, plan: Plan, cast: object) -> list[Outcome]:
    """Its figures; with a Failure for each required one that it did not give, or for the
    suite when there are none at all."""
    reason = "the suite did not give it"
    rows: list[Row] = []
    try:
        async with asyncio.timeout(plan.suite_seconds):
            rows = await suite.measure(plan, cast)
    except TimeoutError as error:
        traceback.print_exc()
        reason = str(error) or f"not done in {plan.suite_seconds:.0f} s"
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    given = {row.name for row in rows}
    short = " ".join(reason.split())[:REASON_CHARACTERS]
    # A suite that owes no figure by name owes some all the same.
    owed = suite.required or (() if rows else (suite.name,))
    return [*rows, *(Failure(name, short) for name in owed if name not in given)]


async def run_all(plan: Plan, asked: tuple[Suite, ...]) -> list[Outcome]:
    """All of them, one after the other; one that fails leaves the others be."""
    from benchmarks.cast import Cast
    from benchmarks.containers import box

    this = asyncio.current_task()
    assert this is not None
    with contextlib.suppress(NotImplementedError):  # Windows
        # As Ctrl-C does: end in order, and leave no child and no container.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    outcomes: list[Outcome] = []
    with box() as container:
        cast = Cast(container)
        try:
            for suite in asked:
                plan.step = suite.name
                plan.say("begins")
                found = await run(suite, plan, cast)
                outcomes += found
                if any(isinstance(outcome, Failure) for outcome in found):
                    await cast.dismiss()
        finally:
            await cast.dismiss()
    return report.ordered(outcomes)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        import libdatachannel  # noqa: F401
    except ImportError:
        print("The bench needs libdatachannel-py, which needs Python 3.12.", file=sys.stderr)
        return 1
    plan = plans.long() if options.long else plans.short()
    names = [name for words in options.only for name in words.split(",") if name]
    try:
        asked = chosen(suites(), names, long=plan.long)
    except ValueError as error:
        print(f"--only: {error}", file=sys.stderr)
        return 2
    try:
        outcomes = asyncio.run(run_all(plan, asked))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    except NoContainerError as error:
        print(f"The bench needs a Docker Engine: {error}", file=sys.stderr)
        return 1
    print(report.table(outcomes))
    plan.step = "end"
    # A part of the figures must not take the place of all of them.
    output = options.output or (None if names else report.RESULTS)
    if output is not None:
        report.write(outcomes, output)
        plan.say(f"{len(outcomes)} figures in {output}")
    if options.document:
        report.document(outcomes, plan.form)
    return 1 if any(isinstance(outcome, Failure) for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure speed.")
    parser.add_argument("--long", action="store_true", help="the long form: half an hour")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="some suites or figures, by name; written only with --output",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help=f"where results go ({report.RESULTS.name})"
    )
    parser.add_argument(
        "--document", action="store_true", help=f"put the table into docs/{report.DOCUMENT.name}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
