"""What follows from the CPU times of a throughput run."""

from __future__ import annotations

import pytest

from benchmarks.exec_figures import ceiling


def test_the_daemon_and_the_guest_bound_what_two_cores_can_carry() -> None:
    # 2 cores busy at 50 MB/s are 40 ms/MB, 10 of them the reader's: 30 are the daemon's.
    assert ceiling(50, 10, 1.0, 20, 2) == pytest.approx(2000 / (30 + 20))


def test_with_cores_to_spare_raw_exec_is_the_limit() -> None:
    assert ceiling(50, 10, 0.25, 20, 8) == 50


def test_a_reader_that_seems_to_take_more_than_all_there_is_bounds_nothing() -> None:
    assert ceiling(50, 30, 0.1, 20, 2) == 50
