"""Terminals on Qt's event loop, which the window runs on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import qasync

from engine.docker_engines import DockerEngines
from engine.model import LOCAL_TARGET, Size, Target, TargetKind
from engine.pty.create import create_pty_session
from engine.settings import DockerSettings, TerminalSettings
from tests.docker_fixtures import as_target
from tests.engine.pty.talk import Talk, read_exactly

if TYPE_CHECKING:
    from docker.models.containers import Container
    from PySide6.QtWidgets import QApplication

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


def run_on_qt(qapp: QApplication, target: Target) -> None:
    loop = qasync.QEventLoop(qapp, already_running=False)
    with loop:
        loop.run_until_complete(asyncio.wait_for(exercise(target), 30))


def test_local(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    run_on_qt(qapp, LOCAL)


@pytest.mark.docker
def test_container(qapp: QApplication, busybox: Container) -> None:
    run_on_qt(qapp, as_target(busybox))
