"""Percentiles, aims, the table, and the shape of results.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import Aim, Failure, Row


def row(value: float = 30.0, baseline: float = 40.0, unit: str = "MB/s", **more: object) -> Row:
    return Row("exec_throughput", value, baseline, unit, "raw exec", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "expected"),
    [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)],
)
def test_a_percentile_is_a_value_that_was_measured(part: float, expected: float) -> None:
    assert report.percentile(range(100, 0, -1), part) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert report.percentile([7.0], 0.01) == report.percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(("values", "part"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], part: float) -> None:
    with pytest.raises(ValueError, match=r"nothing|not within"):
        report.percentile(values, part)


def test_a_geometric_mean_of_ratios_is_the_ratio_of_geometric_means() -> None:
    ours, stock = [8.0, 1.0, 3.0], [2.0, 4.0, 3.0]
    ratios = [a / b for a, b in zip(ours, stock, strict=True)]
    assert report.geometric_mean(ratios) == pytest.approx(
        report.geometric_mean(ours) / report.geometric_mean(stock)
    )


def test_spread_is_in_milliseconds() -> None:
    found = report.spread([0.003, 0.001, 0.002])
    assert found == {"p50": 2.0, "p99": 3.0, "max": 3.0, "samples": 3.0}


@pytest.mark.parametrize(
    ("unit", "aim", "text", "met"),
    [
        ("MB/s", Aim("ratio", 0.75), "ratio ≥ 0.75", True),
        ("MB/s", Aim("ratio", 0.9), "ratio ≥ 0.9", False),
        ("MB/s", Aim("value", 30), "≥ 30", True),
        ("ms", Aim("value", 30), "≤ 30", True),
        ("ms", Aim("value", 8), "≤ 8", False),
        ("ms/MB", Aim("ratio", 0.75), "ratio ≤ 0.75", True),
        ("ms/MB", Aim("ratio", 0.35), "ratio ≤ 0.35", False),
        ("ms", None, "", None),
    ],
)
def test_an_aim_reads_by_its_unit(unit: str, aim: Aim | None, text: str, met: bool | None) -> None:
    found = row(unit=unit, aim=aim)
    assert (found.aim_text, found.met) == (text, met)


def test_a_ratio_to_nothing_is_none_and_meets_no_aim() -> None:
    found = row(baseline=0.0, aim=Aim("ratio", 0.9))
    assert found.ratio is None
    assert found.met is False


def test_the_required_figures_are_those_of_the_table_of_aims_and_come_first() -> None:
    assert len(set(report.REQUIRED)) == len(report.REQUIRED) == 21
    mixed = [Failure("zz", ""), Failure("wan_geomean", ""), row(), Failure("aa", "")]
    names = [outcome.name for outcome in report.ordered(mixed)]
    assert names == ["exec_throughput", "wan_geomean", "zz", "aa"]


def test_results_are_one_object_of_figures(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    report.write(
        [row(1 / 3, aim=Aim("ratio", 0.9), extra={"p99": 2 / 3}), Failure("x", "why")], path
    )
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["exec_throughput"] == {
        "value": 0.3333,
        "baseline": 40.0,
        "ratio": 0.008333,
        "unit": "MB/s",
        "better": "higher",
        "against": "raw exec",
        "aim": "ratio ≥ 0.9",
        "met": False,
        "p99": 0.6667,
    }
    assert found["x"] == {
        "value": None,
        "baseline": None,
        "ratio": None,
        "unit": "",
        "error": "why",
    }


def test_the_table_says_which_way_is_better_whether_it_was_met_and_what_failed() -> None:
    text = report.table([row(aim=Aim("ratio", 0.9)), Failure("wan_geomean", "the peer died")])
    head, figure, failed, why = text.splitlines()
    assert head.split() == [
        "figure", "value", "baseline", "ratio", "unit", "better", "aim", "met", "baseline", "is",
    ]  # fmt: skip
    assert figure.split() == [
        "exec_throughput", "30", "40", "0.75", "MB/s", "higher", "ratio", "≥", "0.9", "NO", "raw",
        "exec",
    ]  # fmt: skip
    assert failed.split() == ["wan_geomean", "–", "–", "–", "FAILED"]
    assert why == "FAILED wan_geomean: the peer died"


def test_the_document_keeps_what_is_around_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "PERFORMANCE.md"
    path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    for _ in range(2):  # filling it twice is as once
        report.document([row()], "short", path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\n")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert text.count("| exec_throughput | 30 | 40 | 0.75 | MB/s | higher |") == 1


def test_a_document_without_a_place_for_figures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "PERFORMANCE.md"
    path.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        report.document([row()], "short", path)
    assert path.read_text(encoding="utf-8") == "nothing here\n"


def test_our_document_has_a_place_for_figures() -> None:
    text = report.DOCUMENT.read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1
    for name in report.REQUIRED:
        assert f"`{name}`" in text, name
