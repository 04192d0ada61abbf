"""A browser process for all tests; hosts behind a relay of ours, and behind a foreign one."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import images
from tests.e2e.browser import Chromium, connected
from tests.e2e.house import house
from tests.e2e.plain_guest import PlainRelay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from docker.models.containers import Container

    from tests.docker_fixtures import ContainerFactory
    from tests.e2e.browser import Browser
    from tests.e2e.house import House

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
"""At most, for a host to start or to end."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    made = Chromium()
    yield made
    made.stop()


@pytest.fixture
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """Pages that share nothing with those of other tests but the process."""
    async with connected(chromium) as made:
        yield made


@pytest.fixture
def box(containers: ContainerFactory) -> Container:
    """A container with bash, which the test may stop or fill."""
    return containers(images.BASH)


@pytest.fixture
async def host(box: Container) -> AsyncIterator[House]:
    """A host that shares ``box`` with guests at its own relay."""
    async with house(str(box.name)) as made:
        yield made


@pytest.fixture
def shared_container(containers: ContainerFactory) -> str:
    return str(containers().name)


@pytest.fixture
async def relay(shared_container: str) -> AsyncIterator[PlainRelay]:
    """A foreign relay with our agent registered, which shares one container and nothing else."""
    async with foreign_relay(shared_container) as made:
        yield made


@asynccontextmanager
async def foreign_relay(container: str) -> AsyncIterator[PlainRelay]:
    """See relay(); the agent is a program of its own, and ends well."""
    made = PlainRelay()
    async with made.serve() as url:
        command = ["-m", "engine", "--relay", url, "--share", container]
        agent = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await made.arrived.wait()
            yield made
        finally:
            agent.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), START_SECONDS) == 0
