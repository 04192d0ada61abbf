"""Libraries whose internals we rely on: the tested versions of each, and what fails outside them.

Used by ``engine.transport.tuning.apply()``, every program's log, ``--version``,
``python -m scripts.dependencies`` (``make check``), ``make next`` and the tests, which compare
the ranges with pyproject.toml and let only the modules named here touch internals.
"""

from __future__ import annotations

import logging
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

logger = logging.getLogger(__name__)

PYTHON = "Python"
"""The one row that is not a package: asyncio's internals change with the interpreter."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One library, tested with versions from ``least`` up to but not including ``below``."""

    name: str
    """The name on the package index, or PYTHON."""
    least: str
    below: str
    adapters: tuple[str, ...]
    """The modules or packages that touch the library's internals."""
    lost: str
    """What may fail outside the range, as a clause."""

    def installed(self) -> str:
        """The installed version; empty when the package is missing."""
        if self.name == PYTHON:
            return platform.python_version()
        try:
            return version(self.name)
        except PackageNotFoundError:
            return ""

    @property
    def is_tested(self) -> bool:
        """Whether the installed version lies in the tested range."""
        installed = _release(self.installed())
        return bool(installed) and _release(self.least) <= installed < _release(self.below)

    @property
    def problem(self) -> str:
        """One sentence for people; empty when the installed version is in the range."""
        if self.is_tested:
            return ""
        found = f"{self.name} {self.installed()}" if self.installed() else f"No {self.name}"
        tested = f"tested with {self.least} up to, but not including, {self.below}"
        return f"{found}: {tested}. With other versions {self.lost}."


_TUNING = "engine.transport.tuning"
_STOCK = (
    "connections run on stock aiortc: a fraction of the throughput, no path MTU discovery, a silent"
    " peer noticed after 30 s instead of 4, one malformed message ends the connection, and no"
    " address on a machine whose only network is loopback"
)
_LOOP = "the window's event loop (gui.loop) may fail or stall: it runs asyncio's queues inside Qt"

TESTED: tuple[Dependency, ...] = (
    Dependency("aiortc", "1.16", "1.17", (_TUNING,), _STOCK),
    Dependency("aioice", "0.13", "0.14", (_TUNING,), _STOCK),
    Dependency(
        "pyOpenSSL",
        "26",
        "27",
        (f"{_TUNING}.dtls",),
        "DTLS encryption goes through pyOpenSSL's public API, at three times the cost",
    ),
    Dependency(
        "dnspython",
        "2.6",
        "2.9.1",
        (),
        "the mDNS replies of Chromium may be rejected: guests on the local network whose browser"
        " hides its addresses connect through a server or not at all",
    ),
    Dependency(
        "python-socketio",
        "5.11",
        "6",
        ("engine.core.socketio_adapter", "engine.relay.cluster.bus"),
        "the library's tasks may outlive their connection, and relays may not find each other"
        " through Redis",
    ),
    Dependency(
        "python-engineio",
        "4.9",
        "5",
        ("engine.core.socketio_adapter",),
        "a lost relay may go unnoticed, and a guest's garbage may leave a connection half open",
    ),
    Dependency(
        "docker", "7.1", "8", ("engine.docker.ssh_adapter",), "Docker engines over ssh may fail"
    ),
    Dependency(
        "requests", "2.32", "3", ("engine.docker.ssh_adapter",), "Docker engines over ssh may fail"
    ),
    Dependency(
        "urllib3", "2.2", "3", ("engine.docker.ssh_adapter",), "Docker engines over ssh may fail"
    ),
    Dependency("qasync", "0.27.1", "0.29", ("gui.loop",), _LOOP),
    Dependency(PYTHON, "3.11", "3.14", ("gui.loop",), _LOOP),
)
_BY_NAME = {row.name: row for row in TESTED}


def find(name: str) -> Dependency:
    """Raises KeyError for a library that is not in the table."""
    return _BY_NAME[name]


def problems() -> list[str]:
    """One sentence for each library whose installed version is outside its tested range."""
    return [row.problem for row in TESTED if not row.is_tested]


def log_problems() -> None:
    """Log each of problems() as a warning."""
    for problem in problems():
        logger.warning("%s", problem)


def _release(text: str) -> tuple[int, ...]:
    """The release part of a version (PEP 440): 1.17.0rc1 counts as 1.17, outside "below 1.17"."""
    found = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", text)
    numbers = [int(part) for part in found[1].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
