"""What all tests share: the rule against skips in CI, Docker, a clean configuration folder."""

from __future__ import annotations

import gc
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("tests.ci_no_skip", "tests.docker_fixtures", "tests.ssh_fixtures")


def pytest_configure() -> None:
    """As in the window (gui.loop.garbage): no Qt object may die in whatever thread allocates.

    And as in a terminal: a test run under nohup would hand "ignore hang-ups" to every host.
    """
    gc.disable()
    # A busy machine is no fault of the code: time is measured by the benchmarks.
    hypothesis.settings.register_profile(
        "at any speed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("at any speed")
    for name in ("SIGHUP", "SIGQUIT", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            restored = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(number, restored)


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    yield
    gc.collect(1)


SETTLE_SECONDS = 3.0
# The loops' default executor and Qt's own threads live as long as the process may like.
LASTING_THREADS = ("asyncio_", "ThreadPoolExecutor-", "QThread", "Dummy-")


@pytest.fixture(autouse=True)
def own_configuration(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """No test reads or writes the configuration of the person who runs it."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("HATCHWAY_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Login shells of tests read no person's profile: one may be slow, or hold a lock."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + SETTLE_SECONDS
    while leaked := [
        thread
        for thread in set(threading.enumerate()) - before
        if not thread.name.startswith(LASTING_THREADS)
    ]:
        if time.monotonic() > deadline:
            pytest.fail(f"Threads left running: {leaked}")
        leaked[0].join(0.05)


@pytest.fixture(autouse=True)
def no_unexpected_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An ERROR in the log fails a test, unless the test reads the log itself and clears it."""
    yield
    errors = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR
        and record.name.startswith(("engine.", "gui.", "asyncio"))
        # What python-socketio says of a peer's garbage is no fault of ours.
        and not record.name.startswith("engine.core.socketio_seam")
    ]
    if errors:
        pytest.fail(f"Unexpected errors in the log: {errors}")
