"""Durations as they are written on the command line."""

from __future__ import annotations

import argparse

import pytest

from engine.cli.durations import seconds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90m", 5400),
        ("2h", 7200),
        ("7d", 604800),
        ("30s", 30),
        ("1d12h", 129600),
        ("1.5h", 5400),
        ("60", 60),
        ("0.5", 0.5),
        ("0", 0),
        ("2H", 7200),
    ],
)
def test_a_duration(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "h", "soon", "-5", "2 h", "1h30", "5w", "inf", "nan", "1e9", "٣m", "9" * 30, "3661d"],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)
