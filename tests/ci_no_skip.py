"""In CI a skipped test is a failed one: everything a test may miss is installed there.

Owns that rule, as pytest hooks; tests/conftest.py names this module in
``pytest_plugins``. Does not own the reasons to skip elsewhere. Expected
failures (xfail) are no skips and stay what they are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_WORDS = "skipped, and nothing may be skipped in CI: "


def _reason(longrepr: object) -> str:
    # pytest describes a skip as (file, line, reason).
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return f"{longrepr[0]}:{longrepr[1]}: {_WORDS}{longrepr[2]}"
    return _WORDS + str(longrepr)


def _in_ci() -> bool:
    return os.environ.get("CI", "") not in ("", "0", "false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = _reason(report.longrepr)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module skipped while it is imported."""
    report = yield
    if _in_ci() and report.skipped:
        report.outcome = "failed"
        report.longrepr = _reason(report.longrepr)
    return report
