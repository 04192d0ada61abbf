"""Figures: how they are summed up, shown and kept.

Owns percentiles, the row, the table and the shape of ``results.json``. Does not
own measuring, and gives no verdict: the aim is printed beside the figure.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
DIGITS = 4
"""Significant digits kept."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside what it is compared with, both in ``unit``, of the same run."""

    name: str
    value: float
    baseline: float
    unit: str
    against: str
    """What the baseline is, in words."""
    aim: str = ""
    """What the figure should be, in words."""

    @property
    def ratio(self) -> float | None:
        """value ÷ baseline; None when there is nothing to divide by."""
        return rounded(self.value / self.baseline) if self.baseline else None

    def to_json(self) -> dict[str, Any]:
        return {
            "value": rounded(self.value),
            "baseline": rounded(self.baseline),
            "ratio": self.ratio,
            "unit": self.unit,
        }


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


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def geometric_mean(values: Sequence[float]) -> float:
    return float(statistics.geometric_mean(values))


def table(rows: Sequence[Row]) -> str:
    """All rows in columns, the figures to the right."""
    head = ("", "value", "baseline", "ratio", "unit", "baseline is", "aim")
    lines = [head]
    for row in rows:
        ratio = "–" if row.ratio is None else _short(row.ratio)
        lines.append((row.name, _short(row.value), _short(row.baseline), ratio, row.unit,
                      row.against, row.aim))  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = (1, 2, 3)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def write(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """One object, name → value, baseline, ratio, unit."""
    results = {row.name: row.to_json() for row in rows}
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _short(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"
