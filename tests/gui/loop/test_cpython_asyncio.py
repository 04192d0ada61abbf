"""CPython's own tests of asyncio pass on the Qt loop; each miss has its reason here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docker_fixtures import unavailable

pytestmark = pytest.mark.takes(60)

ROOT = Path(__file__).parents[3]
PACKAGE = "test.test_asyncio"
TIMEOUT = 300
"""Seconds a process may take; with the machine to itself it needs 50."""

LEFT_OUT = {"test_proactor_events", "test_windows_events", "test_windows_utils"}
"""Of Windows, where the loop is stock qasync."""

LONG = {"test_tasks", "test_ssl", "test_sslproto", "test_events"}
"""About half of the time: they have a process of their own, beside the others'."""

AT_LEAST = 1800
"""As many run, on the Python with the fewest; or the loop was not found in asyncio's place."""

MISSES = {
    "test_base_events.BaseEventLoopWithSelectorTests.test_log_slow_callbacks": (
        "It replaces the logger in asyncio.base_events; the Qt loop has the same one under a "
        "name of its own. test_loop_qt_ends.py tests what is logged."
    ),
}
"""By the test's name, why it cannot pass. These fail, and no others."""

if sys.version_info < (3, 12):
    MISSES |= {
        f"test_events.{case}.test_get_event_loop_new_process": (
            "It runs a loop in a forked process, in which Qt's does not work"
        )
        for case in ("TestCGetEventLoop", "TestPyGetEventLoop")
    }

SKIPS = {
    "Qt can only watch a selector that has a descriptor": "poll() and select() have none",
    "Windows only": "proactor loops",
    "object <module 'sys' (built-in)> has no attribute 'gettotalrefcount'": "debug builds",
    "bpo-38323: MultiLoopChildWatcher has a race condition and these tests can hang the test "
    "suite": "a fault of 3.11's own",
}
"""By the reason given, what is skipped. Nothing else is."""


def modules() -> set[str]:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        unavailable("This Python was installed without its own tests")
        raise AssertionError
    return {path.stem for path in Path(spec.origin).parent.glob("test_*.py")} - LEFT_OUT


def run_all(shards: dict[Path, set[str]]) -> list[dict[str, Any]]:
    """What each shard's process tells, run side by side."""
    running = []
    for result, names in shards.items():
        with result.with_suffix(".log").open("w") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.gui.loop.cpython_asyncio",
                    str(result),
                    *sorted(names),
                ],
                cwd=ROOT,
                env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        running.append(process)
    try:
        for process in running:
            process.wait(TIMEOUT)
    finally:
        for process in running:
            process.kill()
            process.wait()
    for result in shards:
        assert result.exists(), result.with_suffix(".log").read_text()[-5000:]
    return [json.loads(result.read_text()) for result in shards]


@pytest.mark.timeout(3 * TIMEOUT)
@pytest.mark.skipif(sys.platform == "win32", reason="The Qt loop is for POSIX")
def test_the_interpreters_own_tests_of_asyncio(tmp_path: Path) -> None:
    names = modules()
    shards = {tmp_path / "long.json": names & LONG, tmp_path / "others.json": names - LONG}
    told = run_all(shards)
    logs = "".join(result.with_suffix(".log").read_text()[-10_000:] for result in shards)
    failed = {name for one in told for name in one["failed"]}
    if surprising := failed - set(MISSES):
        # As CPython's own runner does: many of them time something, and the machine is shared.
        (again,) = run_all({tmp_path / "again.json": surprising})
        failed -= surprising - set(again["failed"])
    skipped = {" ".join(reason.split()) for one in told for reason in one["skipped"].values()}
    assert failed == set(MISSES), logs
    assert skipped <= set(SKIPS)
    assert sum(one["ran"] - len(one["skipped"]) for one in told) >= AT_LEAST
