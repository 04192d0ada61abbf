"""Which figures a measurement of the emulator gives."""

from __future__ import annotations

import pytest

from benchmarks import emulator
from benchmarks.emulator import Memory, Speed
from benchmarks.emulator_figures import rows
from benchmarks.emulator_workloads import workloads

FOUND: dict[str, Speed | Memory] = {
    "plain": Speed(80.0, 1.0, 40.0),
    "ls --color": Speed(20.0, 2.0, 40.0, 0.5),
    "memory plain": Memory(300.0, 9000.0, 1500.0),
}
"""As without a C compiler: one form."""


def test_the_means_the_worst_and_each() -> None:
    found = {row.name: row for row in rows(FOUND)}
    assert list(found) == [
        "emulator_geomean",
        "emulator_worst",
        "emulator_vs_xterm_js",
        "emulator_plain",
        "emulator_ls_color",
        "emulator_memory_plain",
    ]
    assert found["emulator_geomean"].value == pytest.approx(40.0)
    assert found["emulator_geomean"].ratio == 28.28  # the root of 80 × 10
    assert found["emulator_geomean"].met is False
    assert found["emulator_worst"].extra["note"] == "ls --color"
    assert found["emulator_vs_xterm_js"].met is True
    assert found["emulator_ls_color"].extra == {"xterm_js": 40.0, "pyte_failed": 0.5}
    assert found["emulator_memory_plain"].met is True


def test_without_xterm_js_there_is_nothing_beside_it() -> None:
    names = [row.name for row in rows({"plain": Speed(80.0, 1.0, None)})]
    assert names == ["emulator_geomean", "emulator_worst", "emulator_plain"]


def test_both_forms_have_a_mean_where_both_were_measured() -> None:
    found = {
        row.name: row
        for row in rows(
            {"plain": Speed(80.0, 1.0, 40.0, 0.0, 60.0), "yes": Speed(20.0, 1.0, 10.0, 0.0, 15.0)}
        )
    }
    assert found["emulator_geomean"].ratio == 40.0
    assert found["emulator_as_source"].ratio == 30.0
    assert found["emulator_as_source"].met is None
    assert found["emulator_as_source_vs_xterm_js"].ratio == 1.5
    assert found["emulator_plain"].extra == {"xterm_js": 40.0, "source": 60.0}


def test_a_measurement_goes_from_process_to_process() -> None:
    assert emulator.from_json(emulator.to_json(FOUND)) == FOUND


def test_every_workload_is_of_a_size_that_is_measurable_and_always_the_same() -> None:
    first, again = workloads(), workloads()
    assert first == again
    assert len({work.name for work in first}) == len(first) >= 12
    assert all(len(work.data) >= 256 * 1024 for work in first)
