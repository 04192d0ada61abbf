"""Idleness by values: the running clock and the watch of one session."""

from __future__ import annotations

import pytest

from engine.shells.idle import (
    LATE_SECONDS,
    IdleWatch,
    RunningClock,
    Verdict,
    warning_seconds,
)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_running_clock_runs_with_its_source() -> None:
    time = Time()
    clock = RunningClock(time)
    for _ in range(100):
        time.now += 0.5
        assert clock.now == pytest.approx(time.now - 1000)
        clock.tick()
    assert clock.now == pytest.approx(50)


def test_a_tick_that_comes_late_counts_as_five_seconds() -> None:
    time = Time()
    clock = RunningClock(time)
    time.now += 8 * 3600  # the lid was closed
    assert clock.now == LATE_SECONDS
    clock.tick()
    time.now += 1
    assert clock.now == LATE_SECONDS + 1


def test_warned_once_and_ended_only_after_the_warning_has_run() -> None:
    watch = IdleWatch(0)
    assert watch.check(269, 300, 30) is Verdict.NOTHING
    assert watch.check(270, 300, 30) is Verdict.WARN
    assert watch.check(299.9, 300, 30) is Verdict.NOTHING
    assert watch.check(300, 300, 30) is Verdict.END


def test_a_warning_that_comes_late_runs_as_long_all_the_same() -> None:
    watch = IdleWatch(0)
    assert watch.check(500, 300, 30) is Verdict.WARN
    assert watch.check(529, 300, 30) is Verdict.NOTHING
    assert watch.check(530, 300, 30) is Verdict.END


def test_a_touch_takes_the_warning_back_and_says_so_once() -> None:
    watch = IdleWatch(0)
    assert not watch.touch(100)
    assert watch.check(370, 300, 30) is Verdict.WARN
    assert watch.touch(371)
    assert not watch.touch(372)
    assert watch.seconds(400) == 28
    assert watch.check(641, 300, 30) is Verdict.NOTHING
    assert watch.check(642, 300, 30) is Verdict.WARN


def test_zero_is_never() -> None:
    assert IdleWatch(0).check(10**9, 0, 0) is Verdict.NOTHING


@pytest.mark.parametrize(
    ("timeout", "wanted", "warning"),
    [(300, 30, 30), (300, 60, 60), (300, 0, 30), (60, 30, 30), (40, 30, 20), (2, 30, 1)],
)
def test_the_warning_leaves_time_to_act(timeout: float, wanted: float, warning: float) -> None:
    assert warning_seconds(timeout, wanted) == warning
