"""Numbers as people read them."""

from __future__ import annotations

import pytest

from gui import formats


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (312, "312 B"),
        (999, "999 B"),
        (999.6, "1.0 KB"),
        (1200, "1.2 KB"),
        (9940, "9.9 KB"),
        (9990, "10 KB"),
        (48_000_000, "48 MB"),
        (5e12, "5000 GB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(("value", "text"), [(0, "–"), (0.4, "–"), (1200, "1.2 KB/s")])
def test_rates(value: float, text: str) -> None:
    assert formats.rate(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (8.9, "8 s"),
        (60, "1 m 00 s"),
        (184, "3 m 04 s"),
        (7620, "2 h 07 m"),
        (86_400, "1 d 00 h"),
        (3 * 86_400 + 3_700, "3 d 01 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0008, "0.8 ms"),
        (0.00997, "10 ms"),
        (0.0432, "43 ms"),
        (0.9996, "1.00 s"),
        (1.2, "1.20 s"),
    ],
)
def test_latencies(seconds: float | None, text: str) -> None:
    assert formats.latency(seconds) == text


def test_the_clock_shows_milliseconds() -> None:
    assert formats.clock(1_700_000_000.25).endswith(".250")
    assert len(formats.clock(0)) == len("00:00:00.000")
