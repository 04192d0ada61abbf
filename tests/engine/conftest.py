"""Engine tests: the transport tuned as in the app; no task may outlive its test."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTLE_SECONDS = 5.0


@pytest.fixture(scope="session", autouse=True)
def tuned_transport() -> None:
    """As every composition root does, before the first connection.

    HATCHWAY_UNTESTED is set by ``make next``, to see what newer versions break.
    """
    from engine.transport import tuning

    tuning.apply(untested="HATCHWAY_UNTESTED" in os.environ)


@pytest.fixture
def short_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TURN server that does not answer is waited for a second instead of five."""
    from engine.transport.tuning import gathering

    monkeypatch.setattr(gathering, "RELAY_ONLY_SECONDS", 1.0)


@pytest.fixture(autouse=True)
def no_leaked_tasks(request: pytest.FixtureRequest) -> None:
    """Of tests with a loop: thousands have none, and one for each would take its time."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("tasks_end")


@pytest.fixture
async def tasks_end() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    here = asyncio.current_task()
    leaked = {task for task in asyncio.all_tasks() - before if task is not here}
    if leaked:
        _, running = await asyncio.wait(leaked, timeout=SETTLE_SECONDS)
        if running:
            pytest.fail(f"Tasks left running: {running}")
