"""Figures: how they are summed up, judged, shown and kept.

Owns percentiles, the row, its aim, the table, the shape of ``results.json`` and the
table in the documentation. Does not own measuring.
"""

from __future__ import annotations

import json
import math
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

RESULTS = Path(__file__).parent / "results.json"
DOCUMENT = Path(__file__).parent.parent / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
"""What the table in the documentation stands between."""
DIGITS = 4
"""Significant digits kept."""
REQUIRED = (
    "exec_throughput",
    "synthetic_vs_stock",
    "synthetic_vs_libdatachannel",
    "cpu_per_mb",
    "flood_rtt_p50",
    "flood_rtt_p99",
    "idle_rtt_added_p50",
    "prompt_p50",
    "open20",
    "join_p50",
    "join_p99",
    "join_flood_p50",
    "join_flood_p99",
    "session_memory",
    "session_memory_full",
    "idle_cpu",
    "timer_slip",
    "click_p99",
    "cat_source",
    "cat_colored",
    "wan_geomean",
)
"""The figures each whole run has, measured or failed, in the order they are shown."""
HIGHER_IS_BETTER = frozenset({"MB/s", "/s"})
"""Units of which more is better; of all others less is."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A limit for the value or the ratio: at least it where higher is better, else at most."""

    of: Literal["value", "ratio"]
    limit: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside what it is compared with, both in ``unit``, of the same run."""

    name: str
    value: float
    baseline: float
    unit: str
    against: str
    """What the baseline is, in words."""
    aim: Aim | None = None
    extra: dict[str, float | str] = field(default_factory=dict)
    """More of the same measurement, for results.json: p50, p99, a note."""

    @property
    def ratio(self) -> float | None:
        """value ÷ baseline; None when there is nothing to divide by."""
        return rounded(self.value / self.baseline) if self.baseline else None

    @property
    def better(self) -> Literal["higher", "lower"]:
        return "higher" if self.unit in HIGHER_IS_BETTER else "lower"

    @property
    def aim_text(self) -> str:
        """As "ratio ≥ 0.9"; empty without an aim."""
        if self.aim is None:
            return ""
        sign = "≥" if self.better == "higher" else "≤"
        return f"{'ratio ' if self.aim.of == 'ratio' else ''}{sign} {self.aim.limit:g}"

    @property
    def met(self) -> bool | None:
        """Whether the figure is as it should be; None when nothing says how."""
        if self.aim is None:
            return None
        found = self.value if self.aim.of == "value" else self.ratio
        if found is None:
            return False
        return found >= self.aim.limit if self.better == "higher" else found <= self.aim.limit

    def to_json(self) -> dict[str, Any]:
        more = {
            key: rounded(value) if isinstance(value, float) else value
            for key, value in self.extra.items()
        }
        return {
            "value": rounded(self.value),
            "baseline": rounded(self.baseline),
            "ratio": self.ratio,
            "unit": self.unit,
            "better": self.better,
            "against": self.against,
            **({"aim": self.aim_text, "met": self.met} if self.aim else {}),
            **more,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A figure that could not be measured, and why."""

    name: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"value": None, "baseline": None, "ratio": None, "unit": "", "error": self.reason}


Outcome = Row | Failure


def rounded(number: float) -> float:
    """``number`` to DIGITS significant digits."""
    return float(f"{number:.{DIGITS}g}")


def percentile(values: Iterable[float], part: float) -> float:
    """The value below which ``part`` (0..1) of them lie, nearest rank. Raises ValueError."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("There is nothing to rank")
    if not 0 <= part <= 1:
        raise ValueError(f"{part} is not within 0..1")
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def spread(times: Iterable[float]) -> dict[str, float | str]:
    """p50, p99 and max of times in seconds, in ms, and how many there were."""
    ordered = sorted(times)
    return {
        "p50": percentile(ordered, 0.5) * 1e3,
        "p99": percentile(ordered, 0.99) * 1e3,
        "max": ordered[-1] * 1e3,
        "samples": float(len(ordered)),
    }


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def geometric_mean(values: Sequence[float]) -> float:
    return float(statistics.geometric_mean(values))


def ordered(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The required figures first, in their order; the others as they came."""
    place = {name: number for number, name in enumerate(REQUIRED)}
    return sorted(outcomes, key=lambda outcome: place.get(outcome.name, len(place)))


HEAD = ("figure", "value", "baseline", "ratio", "unit", "better", "aim", "met", "baseline is")
FIGURES = (1, 2, 3)
"""The columns of HEAD that stand to the right."""


def table(outcomes: Sequence[Outcome]) -> str:
    """All figures in columns, then why some are missing."""
    lines = [HEAD, *(cells(outcome) for outcome in outcomes)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = [
        "  ".join(
            cell.rjust(width) if column in FIGURES else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    text += [f"FAILED {failure.name}: {failure.reason}" for failure in failed]
    return "\n".join(text)


def cells(outcome: Outcome) -> tuple[str, ...]:
    """A figure as the columns of HEAD."""
    if isinstance(outcome, Failure):
        return (outcome.name, "–", "–", "–", "", "", "", "FAILED", "")
    ratio = "–" if outcome.ratio is None else _short(outcome.ratio)
    met = {None: "", True: "yes", False: "NO"}[outcome.met]
    return (outcome.name, _short(outcome.value), _short(outcome.baseline), ratio, outcome.unit,
            outcome.better, outcome.aim_text, met, outcome.against)  # fmt: skip


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """One object, name → value, baseline, ratio, unit, and more where there is more."""
    results = {outcome.name: outcome.to_json() for outcome in outcomes}
    path.write_text(
        json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )  # fmt: skip


def document(outcomes: Sequence[Outcome], form: str, path: Path = DOCUMENT) -> None:
    """Put the table, in Markdown, between BEGIN and END. Raises ValueError without those."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for the figures")
    marks = ["---:" if column in FIGURES else "---" for column in range(len(HEAD))]
    lines = [HEAD, marks, *(cells(outcome) for outcome in outcomes)]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    path.write_text(
        f"{before}{BEGIN}\n\nThe {form} form, on {machine()}.\n\n{rows}\n\n{END}{after}",
        encoding="utf-8",
    )


def machine() -> str:
    """What the figures were measured on, in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _short(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"
