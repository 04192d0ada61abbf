"""Which suites run, and what becomes of one that fails, hangs or forgets a figure."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import __main__ as bench
from benchmarks import plan as plans
from benchmarks import report
from benchmarks.__main__ import Suite
from benchmarks.plan import Plan
from benchmarks.report import Failure, Row


async def nothing(plan: Plan, cast: object) -> list[Row]:
    return []


def suite(measure: object, *required: str) -> Suite:
    return Suite("one", required, ("one_",), measure)  # type: ignore[arg-type]


SUITES = (
    Suite("echo", ("idle_rtt_added_p50",), ("idle_rtt",), nothing),
    Suite("scale", ("session_memory", "idle_cpu"), ("scale_",), nothing),
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ["echo", "scale"]),
        (["scale"], ["scale"]),
        (["idle_cpu"], ["scale"]),
        (["scale_frame_max", "idle_rtt_p99"], ["echo", "scale"]),
    ],
)
def test_suites_are_asked_for_by_their_names_or_figures(
    names: list[str], expected: list[str]
) -> None:
    assert [found.name for found in bench.chosen(SUITES, names)] == expected


def test_what_takes_long_is_in_the_long_form_or_asked_for() -> None:
    several = (*SUITES, Suite("relay", (), ("relay_",), nothing, long=True))
    for names, long, expected in (
        ([], False, ["echo", "scale"]),
        ([], True, ["echo", "scale", "relay"]),
        (["relay_p99_2"], False, ["relay"]),
    ):
        found = [suite.name for suite in bench.chosen(several, names, long=long)]
        assert found == expected


def test_what_every_run_owes_is_in_the_short_form() -> None:
    assert not [suite.name for suite in bench.suites() if suite.long and suite.required]


def test_a_name_that_is_neither_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"called warp; suites: echo, scale"):
        bench.chosen(SUITES, ["scale", "warp"])


def test_an_unknown_name_on_the_command_line_measures_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench.main(["--only", "warp"]) == 2
    assert "nothing is called warp" in capsys.readouterr().err


async def test_a_suite_gives_its_figures() -> None:
    async def measure(plan: Plan, cast: object) -> list[Row]:
        return [Row("a", 1, 2, "ms", "b")]

    (found,) = await bench.run(suite(measure, "a"), plans.short(), None)
    assert found.name == "a"
    assert isinstance(found, Row)


async def test_a_suite_that_raises_says_why_for_each_of_its_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def measure(plan: Plan, cast: object) -> list[Row]:
        raise OSError("the child\nhas died")

    found = await bench.run(suite(measure, "a", "b"), plans.short(), None)
    assert found == [Failure(name, "OSError: the child has died") for name in ("a", "b")]
    assert "Traceback" in capsys.readouterr().err


async def test_a_suite_that_hangs_fails_when_its_time_is_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def measure(plan: Plan, cast: object) -> list[Row]:
        await asyncio.Event().wait()
        return []

    plan = Plan(suite_seconds=0.05)
    assert await bench.run(suite(measure, "a"), plan, None) == [Failure("a", "not done in 0 s")]


async def test_a_required_figure_that_is_missing_is_a_failure() -> None:
    (found,) = await bench.run(suite(nothing, "a"), plans.short(), None)
    assert found == Failure("a", "the suite did not give it")


async def test_a_suite_that_requires_nothing_and_gives_nothing_is_a_failure() -> None:
    (found,) = await bench.run(suite(nothing), plans.short(), None)
    assert found == Failure("one", "the suite did not give it")


def test_all_suites_together_require_all_figures() -> None:
    required = [name for found in bench.suites() for name in found.required]
    assert sorted(required) == sorted(report.REQUIRED)


def test_the_grid_of_both_forms_holds_the_cells_that_are_judged() -> None:
    for plan in (plans.short(), plans.long()):
        assert {0.040, 0.100} <= set(plan.wan_rtts)
        assert {0.0, 0.005, 0.02} <= set(plan.wan_losses)
        assert plan.sessions == 200
        assert plan.prompts >= 50
