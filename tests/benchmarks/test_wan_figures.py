"""How the grid is summed up."""

from __future__ import annotations

from benchmarks.report import Row
from benchmarks.wan_figures import Cell, Speeds, rows

CELLS: list[Cell] = [(0.04, 0.0), (0.1, 0.02)]


def test_the_mean_the_worst_cell_and_each_cell() -> None:
    speeds: Speeds = {
        (CELLS[0], "ours"): 20.0,
        (CELLS[0], "stock"): 25.0,
        (CELLS[1], "ours"): 0.8,
        (CELLS[1], "stock"): 0.1,
    }
    found: dict[str, Row] = {row.name: row for row in rows(CELLS, speeds)}
    assert list(found) == ["wan_geomean", "wan_worst", "wan_40ms_0%", "wan_100ms_2%"]
    assert found["wan_geomean"].ratio == 2.53  # the root of 0.8 × 8
    assert found["wan_geomean"].met is True
    assert found["wan_worst"].ratio == 0.8
    assert found["wan_worst"].met is False
    assert found["wan_worst"].extra["note"] == "40ms_0%"
    assert found["wan_100ms_2%"].ratio == 8.0
