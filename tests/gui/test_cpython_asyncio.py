"""CPython's own tests of asyncio on the Qt loop: each miss and skip has its reason here.

A selection that takes forty seconds in all. Left out: Windows, mocks of a selector, TLS
and sendfile; the further mixes of C and Python tasks and futures and all but one
watcher of child processes, which repeat the same tests; and test_futures2, of which
test_task_exc_handler_correct_context fails in both classes: in debug mode a failed
task is let go of one callback later than in asyncio. Why is not known.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker_fixtures import unavailable

ROOT = Path(__file__).parents[2]
TIMEOUT = 55
"""Seconds a process may take; the tests themselves need less than half of it."""

TASKS = [
    "test_tasks.CTask_CFuture_Tests",
    "test_tasks.PyTask_PyFuture_Tests",
    "test_tasks.GenericTaskTests",
    "test_tasks.FutureGatherTests",
    "test_tasks.CoroutineGatherTests",
    "test_tasks.RunCoroutineThreadsafeTests",
    "test_tasks.SleepTests",
    "test_futures",
    "test_locks",
    "test_taskgroups",
    "test_timeouts",
    "test_queues",
    "test_waitfor",
    "test_runners",
    "test_base_events",
]
IO = [
    "test_events",
    "test_streams",
    "test_server",
    "test_sock_lowlevel",
    "test_unix_events",
    "test_subprocess.SubprocessThreadedWatcherTests",
]
SHARDS = {"tasks": (TASKS, 700), "io": (IO, 330)}
"""What a process runs, and how many tests of it must not have been skipped."""

MISSES = {
    "test_base_events.BaseEventLoopWithSelectorTests.test_log_slow_callbacks": (
        "Replaces the logger of asyncio.base_events; ours writes to the same log by its own"
    ),
}
"""By the test's name, why it cannot pass."""

SKIPS = (
    "Qt can only watch a selector that has a descriptor",  # select() and poll()
    "Windows only",
    "object <module 'sys' (built-in)> has no attribute 'gettotalrefcount'",  # Debug builds
)
"""Why tests may be skipped; any other reason fails."""


@pytest.mark.skipif(sys.platform == "win32", reason="The Qt loop is for POSIX")
@pytest.mark.parametrize("shard", SHARDS)
def test_the_interpreters_own_tests_of_asyncio(shard: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("test.test_asyncio") is None:
        unavailable("This Python was installed without its own tests")
    modules, at_least = SHARDS[shard]
    result = tmp_path / "result.json"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.gui.cpython_asyncio", str(result), *modules],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.exists(), ran.stderr[-5000:]
    told = json.loads(result.read_text())
    missed = {name for name in MISSES if name.split(".")[0] in modules}
    assert set(told["failed"]) == missed, ran.stderr[-20000:]
    assert set(told["skipped"].values()) <= set(SKIPS)
    assert told["ran"] - len(told["skipped"]) >= at_least
