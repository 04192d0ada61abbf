"""CPython's own tests of asyncio pass on the Qt loop; each miss has its reason here."""

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
TIMEOUT = 110
"""Seconds a process may take; the tests themselves need a fraction of it."""

# Two processes, of about the same length. Left out: what is of Windows only, and
# what makes no loop of ours (mocks of a selector, loops without any, TLS records).
SHARDS = {
    "tasks": (
        ["test_tasks", "test_locks", "test_futures", "test_taskgroups", "test_timeouts"],
        1000,
    ),
    "io": (
        ["test_events", "test_streams", "test_server", "test_subprocess", "test_unix_events"],
        400,
    ),
}

MISSES: dict[str, str] = {}
"""By the test's name, why it cannot pass."""


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
    assert told["ran"] - len(told["skipped"]) >= at_least
