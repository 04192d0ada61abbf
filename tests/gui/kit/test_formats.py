"""Numbers as people read them."""

from __future__ import annotations

import pytest

from gui.kit import formats


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


@pytest.mark.parametrize(
    ("address", "text"),
    [("203.0.113.7:49152", "203.0.113.7"), ("[2001:db8::7]:5", "2001:db8::7"), ("", "")],
)
def test_hosts(address: str, text: str) -> None:
    assert formats.host(address) == text


_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/140.0 Safari/537.36",
            "Chrome 140 on Windows",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/140.0 Safari/537.36",
            "Chrome 140 on Linux",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge 140 on Windows",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/140.0 Mobile Safari/537.36",
            "Chrome 140 on Android",
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
            "Firefox 142 on Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1",
            "Safari 18 on an iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.6 Safari/605.1.15",
            "Safari 18 on a Mac",
        ),
        ("Python/3.13 aiohttp/3.13", "Python/3.13 aiohttp/3.13"),
        ("", ""),
    ],
)
def test_browsers(agent: str, text: str) -> None:
    assert formats.browser(agent) == text
