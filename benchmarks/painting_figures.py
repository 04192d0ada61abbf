"""What a frame of the terminal costs, as figures: beside the time a frame has.

Owns what becomes of the measurement (benchmarks/painting.py, a process of its own,
as it needs Qt), the aims, and the figures' names.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from benchmarks.neighbours import QUIET, Neighbours, quiet
from benchmarks.plan import Plan
from benchmarks.process import output_of
from benchmarks.report import Aim, Row

FRAME_SECONDS = 1 / 60
FRAME = "a frame at 60 Hz"
LONGEST = frozenset({"cat"})
"""Workloads whose figure is the longest and not the median: what people wait for."""

TARGETS = {"warm": 1.0, "scroll": 1.0, "source": 4.0, "dense": 8.0, "cells": 0.0, "cat": 16.0}
"""Milliseconds each figure is to stay within; 0: only to be known."""


@dataclass(frozen=True)
class Result:
    """Milliseconds: the median, the 99th percentile and the longest."""

    median: float
    p99: float
    longest: float
    target: float


def to_json(found: dict[str, Result]) -> str:
    return json.dumps({name: asdict(row) for name, row in found.items()})


def from_json(text: str) -> dict[str, Result]:
    return {name: Result(**row) for name, row in json.loads(text).items()}


async def measure(plan: Plan, _cast: object) -> list[Row]:
    if (before := await quiet()) > QUIET:
        plan.say(f"others take {before:.0f} % of a processor, and go on doing so")
    neighbours = Neighbours()
    output = await output_of("benchmarks.painting", "--json")
    others = neighbours.share()
    plan.say(f"others took {others:.0f} % of a processor meanwhile")
    return rows(from_json(output), others)


def rows(found: dict[str, Result], others: float) -> list[Row]:
    """``others``: percent of a processor that was not the measurement's meanwhile."""
    return [
        Row(
            f"painting_{name}",
            one.longest if name in LONGEST else one.median,
            FRAME_SECONDS * 1000,
            "ms",
            FRAME,
            Aim("value", one.target) if one.target else None,
            {"p50": one.median, "p99": one.p99, "max": one.longest, "others_cpu": others},
        )
        for name, one in found.items()
    ]
