"""Which figures of joining a shell there are, and what counts as a whole screen."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.join_figures import COLS, ROWS, Join, read, rows
from benchmarks.process import BenchError

FOUND: dict[str, Any] = {
    "connected": 640.0,
    "shown": 720.0,
    "cols": COLS,
    "rows": ROWS,
    "history": 1000,
    "blank": 1,
}
REST = [Join(0.5, seconds, 1000) for seconds in (0.08, 0.1, 0.12)]
FLOOD = [Join(0.9, seconds, history) for seconds, history in ((0.2, 0), (0.3, 1000), (0.5, 700))]


def test_a_join_is_timed_from_the_open_channel_to_the_whole_screen() -> None:
    found = read(FOUND)
    assert found.connecting == pytest.approx(0.64)
    assert found.joining == pytest.approx(0.08)
    assert found.history == 1000


@pytest.mark.parametrize("wrong", [{"cols": 80}, {"rows": 24}, {"blank": 2}])
def test_less_than_a_whole_screen_is_no_figure(wrong: dict[str, int]) -> None:
    with pytest.raises(BenchError, match="No whole screen"):
        read(FOUND | wrong)


def test_at_rest_beside_connecting_and_flooding_beside_rest() -> None:
    found = {row.name: row for row in rows({"rest control": REST, "flood control": FLOOD})}
    assert list(found) == ["join_p50", "join_flood_p50", "join_p99", "join_flood_p99"]
    assert (found["join_p50"].value, found["join_p50"].baseline) == pytest.approx((100, 500))
    assert (found["join_p99"].value, found["join_p99"].baseline) == pytest.approx((120, 500))
    flood = found["join_flood_p50"]
    assert (flood.value, flood.baseline) == pytest.approx((300, 100))
    assert [row.met for row in found.values()] == [True, False, True, False]
    assert flood.extra["history"] == 0


def test_viewers_have_figures_of_their_own() -> None:
    found = rows({f"{state} {role}": REST for state in ("rest", "flood")
                  for role in ("control", "view")})  # fmt: skip
    assert {row.name for row in found if "view" in row.name} == {
        "join_view_p50",
        "join_view_flood_p50",
        "join_view_p99",
        "join_view_flood_p99",
    }
