"""A guest's output positions against the log's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.wire.conversation.positions import Positions, Stretch

NATURAL = st.integers(0, 10_000)


def test_without_snapshots_both_are_equal() -> None:
    assert Positions().log_position(0) == 0
    assert Positions().log_position(70_000) == 70_000


@pytest.mark.parametrize(
    ("position", "continues", "rendered"),
    [(99, 99, 99), (100, 100, 100), (101, None, 100), (107, None, 100), (108, 9000, 9000)],
)
def test_around_a_snapshot(position: int, continues: int | None, rendered: int) -> None:
    positions = Positions().snapshot(100, 8, 9000)
    assert positions.log_position(position) == continues
    assert positions.rendered(position) == rendered


def test_what_was_before_the_last_snapshot_but_one_needs_another() -> None:
    positions = Positions().snapshot(100, 8, 9000).snapshot(120, 8, 9500)
    assert positions == Positions(Stretch(128, 9500), Stretch(108, 9000, 120))
    assert positions.log_position(110) == 9002
    assert positions.log_position(50) is None
    assert positions.rendered(50) == 0


def test_a_position_that_nobody_had_continues_nothing() -> None:
    positions = Positions().snapshot(9999, 8, 9000)
    assert positions.log_position(9999) is None
    assert positions.rendered(10_006) == 0
    assert positions.log_position(10_008) == 9001


@given(st.lists(st.tuples(NATURAL, NATURAL, NATURAL)))
def test_more_on_the_guests_side_is_never_less_of_the_log(
    snapshots: list[tuple[int, int, int]],
) -> None:
    """``snapshots``: output before each, its bytes, and how much of the log it skips."""
    positions, sent, log = Positions(), 0, 0
    for printed, count, skipped in snapshots:
        sent, log = sent + printed, log + printed + skipped
        positions = positions.snapshot(sent, count, log)
        sent += count
        assert positions.log_position(sent) == log
    rendered = [positions.rendered(at) for at in range(max(0, sent - 300), sent + 50)]
    assert rendered == sorted(rendered)
    assert all(at <= log + 50 for at in rendered)
