"""Which backend a target gets, and which targets get none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.core.errors import DockerAbsentError, TargetNotRunningError
from engine.core.model import LOCAL_TARGET, Size, Target, TargetKind, TargetState
from engine.core.settings import DockerSettings, TerminalSettings
from engine.docker.engines import DockerEngines
from engine.pty.create import create_pty_session
from engine.pty.local_shell import LocalShellPTY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.pty.base import PTY


@pytest.fixture
async def no_docker() -> AsyncIterator[DockerEngines]:
    engines = DockerEngines(DockerSettings(enabled=False))
    yield engines
    await engines.close()


async def create(target: Target, docker: DockerEngines) -> PTY:
    return await create_pty_session(
        target, session_id="s", size=Size(), docker=docker, settings=TerminalSettings()
    )


async def test_this_computer(no_docker: DockerEngines) -> None:
    target = Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=LOCAL_TARGET)
    pty = await create(target, no_docker)
    assert isinstance(pty, LocalShellPTY)
    await pty.close()


async def test_a_container_with_docker_switched_off(no_docker: DockerEngines) -> None:
    target = Target(id="web", kind=TargetKind.CONTAINER, name="web", engine="docker", ref="ab")
    with pytest.raises(DockerAbsentError, match="No Docker engine is named 'docker'"):
        await create(target, no_docker)


@pytest.mark.parametrize("state", [TargetState.PAUSED, TargetState.STOPPED])
async def test_what_does_not_run(no_docker: DockerEngines, state: TargetState) -> None:
    target = Target(id="web", kind=TargetKind.CONTAINER, name="web", state=state)
    with pytest.raises(TargetNotRunningError, match=f"web is {state}"):
        await create(target, no_docker)
