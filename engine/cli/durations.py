"""Durations on the command line: ``90m``, ``2h``, ``1d12h``."""

from __future__ import annotations

import argparse
import re

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd])", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
MAX_SECONDS = 10 * 366 * 86400.0


def seconds(text: str) -> float:
    """A number of seconds, or numbers with the units s, m, h and d, such as ``1d12h``.

    Raises argparse.ArgumentTypeError.
    """
    if _PLAIN.fullmatch(text):
        found = float(text)
    elif text and not _PART.sub("", text):
        found = sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(text))
    else:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90m, 2h or 7d")
    if found > MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than ten years")
    return found
