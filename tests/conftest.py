"""What all tests share: the rule against skips in CI, Docker, a clean configuration folder."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    # Readline, which pytest loads, sets them for every program that is started, beside
    # Python's back: ps shortens its lines to 80 columns then.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
        os.unsetenv(name)
    for name in ("SIGHUP", "SIGQUIT", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            restored = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
            signal.signal(number, restored)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of several processes none goes on long after the others."""

    def seconds(item: pytest.Item) -> float:
        mark = item.get_closest_marker("takes")
        return mark.args[0] if mark is not None else 0.0

    items.sort(key=seconds, reverse=True)


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    yield
    gc.collect(1)


@pytest.fixture(scope="session", autouse=True)
def collected_at_last() -> Iterator[None]:
    """What nobody closed is noticed in the last test's teardown: later, a worker's complaints
    reach nobody."""
    yield
    for _ in range(3):
        gc.collect()


SETTLE_SECONDS = 3.0
# The loops' default executor and Qt's own threads live as long as the process may like.
LASTING_THREADS = ("asyncio_", "ThreadPoolExecutor-", "QThread", "Dummy-")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the folders of single tests are. Among them mktemp() would look for the next free
    number, at the cost of all that are there, before each of thousands of tests."""
    return tmp_path_factory.mktemp("folders")


def folder_in(parent: Path, purpose: str) -> Iterator[Path]:
    """A new folder; it goes with the test that left it empty, as nearly all do."""
    folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=parent))
    yield folder
    with contextlib.suppress(OSError):
        folder.rmdir()


@pytest.fixture(autouse=True)
def own_configuration(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test reads or writes the configuration of the person who runs it."""
    for folder in folder_in(folders, "config"):
        monkeypatch.setenv("HATCHWAY_CONFIG_DIR", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_home(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Login shells of tests read no person's profile: one may be slow, or hold a lock."""
    for folder in folder_in(folders, "home"):
        monkeypatch.setenv("HOME", str(folder))
        yield folder


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
        and not record.name.startswith("engine.core.socketio_adapter")
    ]
    if errors:
        pytest.fail(f"Unexpected errors in the log: {errors}")
