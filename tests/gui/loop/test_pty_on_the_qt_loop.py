"""Terminals on Qt's event loop, which the window runs on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.core.model import LOCAL_TARGET, Size, Target, TargetKind
from engine.core.settings import DockerSettings, TerminalSettings
from engine.docker.engines import DockerEngines
from engine.pty.create import create_pty_session
from tests.docker_fixtures import as_target
from tests.engine.pty.talk import Talk, read_exactly

if TYPE_CHECKING:
    from docker.models.containers import Container

    from tests.gui.conftest import Run

LOCAL = Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=LOCAL_TARGET)


async def exercise(target: Target) -> None:
    docker = DockerEngines(DockerSettings())
    pty = await create_pty_session(
        target, session_id="qt", size=Size(90, 33), docker=docker, settings=TerminalSettings()
    )
    talk = Talk(pty)
    assert await talk.ask("stty size", r"(\d+ \d+\r?\n?)") == "33 90"
    await talk.become_echo()
    data = bytes(range(256)) * 4096
    writer = asyncio.create_task(pty.write(data))
    assert await read_exactly(pty, len(data)) == data
    await writer
    await pty.close()
    await docker.close()


def test_local(qt_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    qt_run(exercise(LOCAL))


@pytest.mark.docker
def test_container(qt_run: Run, busybox: Container) -> None:
    qt_run(exercise(as_target(busybox)))
