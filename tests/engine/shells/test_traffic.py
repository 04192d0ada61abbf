"""Counting bytes, and which samples are worth a report."""

from __future__ import annotations

import pytest

from engine.shells.traffic import Counter, Sample, Sampler


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rates_are_since_the_last_sample() -> None:
    clock, counter = Clock(), Counter()
    sampler = Sampler(counter, clock)
    counter.typed(10)
    counter.printed(400)
    clock.now = 2
    assert sampler.sample() == Sample(10, 400, 5, 200)
    counter.printed(100)
    clock.now = 3
    assert sampler.sample() == Sample(10, 500, 0, 100)


def test_rest_is_reported_once() -> None:
    clock, counter = Clock(), Counter()
    sampler = Sampler(counter, clock)
    counter.printed(400)
    reported = []
    for second in range(1, 6):
        clock.now = second
        reported.append(sampler.sample())
    assert reported == [Sample(0, 400, 0, 400), Sample(0, 400, 0, 0), None, None, None]


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (None, None, False),
        (None, 0.01, True),
        (0.01, None, True),
        (0.01, 0.0105, False),
        (0.01, 0.0095, False),
        (0.01, 0.012, True),
        (0.01, 0.008, True),
        (0.0, 0.0, False),
    ],
)
def test_a_round_trip_is_news_when_it_changed_much(
    before: float | None, now: float | None, news: bool
) -> None:
    sampler = Sampler(Counter())
    assert sampler.sample(before) is not None
    assert (sampler.sample(now) is not None) is news
