"""What the window's tests share: the Qt loop, a theme, an adapter on an engine that is a fake."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent

from engine.core.events import EventBus
from gui.control.adapter import EngineAdapter
from gui.kit.icons import Icons
from gui.kit.style import Mode, Theme
from gui.loop.run import create_loop
from tests.gui.fake_control import FakeControl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication


os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

TIMEOUT = 30.0
"""Seconds any test's coroutine may take."""

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(autouse=True)
def _delete_widgets(qapp: QApplication) -> Iterator[None]:
    """Widgets a test is done with go now, timers and all, not during the next test."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def qt_loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """A Qt loop that is current and runs when a test says so. What it reports fails the test."""
    loop = create_loop(qapp)
    asyncio.set_event_loop(loop)
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    yield loop
    asyncio.set_event_loop(None)
    loop.close()
    assert not errors, errors


@pytest.fixture
def qt_run(qt_loop: asyncio.AbstractEventLoop) -> Run:
    """Runs a coroutine on a Qt loop. A task it leaves behind fails the test."""
    loop = qt_loop

    async def bounded(work: Coroutine[Any, Any, Any]) -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await work

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        result = loop.run_until_complete(bounded(work))
        left = [task.get_name() for task in asyncio.all_tasks(loop) if not task.done()]
        assert not left, f"tasks left behind: {left}"
        return result

    return run


@pytest.fixture
def settle(qt_loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Lets the window's tasks come to their end: the engine has done what it was asked to."""

    async def idle() -> None:
        here = asyncio.current_task()
        async with asyncio.timeout(TIMEOUT):
            while tasks := asyncio.all_tasks() - {here}:
                await asyncio.wait(tasks)

    return lambda: qt_loop.run_until_complete(idle())


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp, Mode.LIGHT)
    yield theme
    theme.close()
    qapp.setStyleSheet("")


@pytest.fixture
def icons(theme: Theme) -> Icons:
    return Icons(theme)


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def control(bus: EventBus) -> FakeControl:
    return FakeControl(bus)


@pytest.fixture
def adapter(qt_loop: asyncio.AbstractEventLoop, control: FakeControl) -> Iterator[EngineAdapter]:
    """An adapter whose engine runs. Its tasks begin when the loop runs (``settle``)."""
    adapter = EngineAdapter()
    adapter.attach(control)
    adapter.started()
    yield adapter
    qt_loop.run_until_complete(adapter.close())


@pytest.fixture
def config_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the user's configuration."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("HATCHWAY_CONFIG_DIR", str(folder))
    return folder
