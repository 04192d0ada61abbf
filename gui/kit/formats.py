"""Values as text: sizes, rates, durations, times of day, browsers, tooltips.

Text from outside is escaped (engine.core.text).
"""

from __future__ import annotations

import re
import time

from PySide6.QtGui import Qt

from engine.core.text import shown

NOTHING = "–"
"""Shown where there is no value yet."""

SHORT_ID_LENGTH = 8


def size(count: float) -> str:
    """Bytes, in steps of 1000: ``312 B``, ``1.2 KB``, ``48 MB``."""
    for unit in ("B", "KB", "MB", "GB"):
        # 999.5 and more would round up to a fourth digit.
        if count < 999.5 or unit == "GB":
            break
        count /= 1000
    digits = 1 if unit != "B" and count < 9.95 else 0
    return f"{count:.{digits}f} {unit}"


def rate(per_second: float) -> str:
    """Bytes per second; NOTHING below 1."""
    return f"{size(per_second)}/s" if per_second >= 1 else NOTHING


def duration(seconds: float) -> str:
    """A duration: ``8 s``, ``3 m 04 s``, ``2 h 07 m``, ``3 d 01 h``."""
    whole = max(0, int(seconds))
    for big, small, length in (("d", "h", 86_400), ("h", "m", 3_600), ("m", "s", 60)):
        if whole >= length:
            rest = whole % length // (length // {"d": 24, "h": 60, "m": 60}[big])
            return f"{whole // length} {big} {rest:02d} {small}"
    return f"{whole} s"


def latency(seconds: float | None) -> str:
    """A round trip: ``0.8 ms``, ``43 ms``, ``1.20 s``."""
    if seconds is None:
        return NOTHING
    if seconds >= 0.9995:
        return f"{seconds:.2f} s"
    ms = seconds * 1000
    return f"{ms:.1f} ms" if ms < 9.95 else f"{ms:.0f} ms"


def clock(at: float) -> str:
    """The local time of day with milliseconds, of seconds since the epoch."""
    millis = int(at * 1000) % 1000
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{millis:03d}"


def host(address: str) -> str:
    """``host:port`` without the port; an IPv6 address without its brackets."""
    return address.rpartition(":")[0].strip("[]")


def browser(agent: str) -> str:
    """A User-Agent in words, ``Chrome 140 on Windows``; an unknown one unchanged."""
    name = next((f"{n} {m[1]}" for n, p in _BROWSERS if (m := p.search(agent))), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if not name:
        return shown(agent.strip())
    return f"{name} on {system}" if system else name


_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        # Each later name also occurs in the User-Agent of those before it.
        ("Edge", r"\bEdg\w*/(\d+)"),
        ("Opera", r"\bOPR/(\d+)"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/(\d+)"),
        ("Chrome", r"\b(?:Chrome|HeadlessChrome|CriOS)/(\d+)"),
        ("Safari", r"\bVersion/(\d+)[\d.]* .*Safari/"),
    )
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Mac OS X", "a Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def short_id(session_id: str) -> str:
    return shown(session_id[:SHORT_ID_LENGTH])


def tip(*lines: str) -> str:
    """A tooltip of lines that may come from outside: escaped, and never taken for markup."""
    text = "\n".join(shown(line) for line in lines if line)
    return Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text
