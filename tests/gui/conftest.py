"""What the window's tests share: the Qt loop, a theme, a bus with an adapter on it."""

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
def qt_run(qapp: QApplication) -> Iterator[Run]:
    """Runs a coroutine on a Qt loop. A task it leaves behind fails the test."""
    loop = create_loop(qapp)
    asyncio.set_event_loop(loop)
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))

    async def bounded(work: Coroutine[Any, Any, Any]) -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await work

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        result = loop.run_until_complete(bounded(work))
        left = [task.get_name() for task in asyncio.all_tasks(loop) if not task.done()]
        assert not left, f"tasks left behind: {left}"
        return result

    yield run
    asyncio.set_event_loop(None)
    loop.close()
    assert not errors, errors


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
def adapter(qapp: QApplication, bus: EventBus) -> EngineAdapter:
    return EngineAdapter(bus)


@pytest.fixture
def config_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the user's configuration."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("HATCHWAY_CONFIG_DIR", str(folder))
    return folder
