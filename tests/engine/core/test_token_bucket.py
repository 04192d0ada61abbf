"""A bucket gives its burst, and then its rate."""

from __future__ import annotations

from engine.core.token_bucket import TokenBucket


def test_it_gives_its_burst_and_then_its_rate() -> None:
    now = 0.0
    bucket = TokenBucket(rate=2, burst=3, clock=lambda: now)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.is_empty
    now += 0.5
    assert not bucket.is_empty
    assert [bucket.take() for _ in range(2)] == [True, False]
    now += 1000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
