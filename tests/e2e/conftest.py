"""The agent as a program of its own behind a relay that is not ours."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import chromium
from tests.e2e.plain_guest import PlainRelay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.docker_fixtures import ContainerFactory
    from tests.e2e.browser import Browser

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as made:
        yield made


@pytest.fixture
def shared_container(containers: ContainerFactory) -> str:
    return str(containers().name)


@pytest.fixture
async def relay(shared_container: str) -> AsyncIterator[PlainRelay]:
    """A foreign relay with our agent registered, which shares one container and nothing else."""
    made = PlainRelay()
    async with made.serve() as url:
        command = ["-m", "engine", "--relay", url, "--share", shared_container]
        agent = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(20):
                await made.arrived.wait()
            yield made
        finally:
            agent.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), 20) == 0
