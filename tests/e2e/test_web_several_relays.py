"""Chromium, a balancer, two relays, Redis, an agent, a container; and one of them is killed.

The balancer sends guests to the relay where the host is not, as long as that one lives: every
offer crosses Redis. What was killed is started anew, as a supervisor would.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from engine.agent.agent import Agent
from engine.agent.offers import OfferHandler
from engine.core.settings import AgentSettings, RelaySettings, Settings
from tests.e2e.browser import connected
from tests.e2e.house import LIVE, shows, visit
from tests.engine.relay.processes import AGENT_TOKEN, cloud
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from docker.models.containers import Container

    from tests.e2e.browser import Chromium, Page
    from tests.engine.relay.processes import Cloud, Process

pytestmark = [pytest.mark.chromium, pytest.mark.takes(90)]

BACK_SECONDS = 20.0
"""After whatever is killed, a new session is live within this. It takes 2 to 4 s where nothing
else runs, a relay's start included, and 10 s are promised; a busy machine may take longer."""
VICTIMS = ("the host's relay", "the guest's relay", "redis")


class Balancer:
    """Passes each connection on to the first of ``ports`` that takes it; knows nothing of HTTP."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            for port in self._ports:
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    back, to = await asyncio.open_connection("127.0.0.1", port)
                    await asyncio.gather(_pump(reader, to), _pump(back, writer))
                    return
        finally:
            writer.close()
            self._tasks.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


class Scene:
    """The host is at the first relay; guests come to the second."""

    def __init__(self, made: Cloud, balancer: Balancer, agent: Agent, container: str) -> None:
        self.balancer = balancer
        self.agent = agent
        at_host, at_guest = made.relays
        self.processes: dict[str, Process] = dict(
            zip(VICTIMS, (at_host, at_guest, made.redis), strict=True)
        )
        self.container = container

    def link(self) -> str:
        return self.agent.admission.url(self.agent.admission.links.create(self.container))


def hold_the_next_answer(patch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """The next offer that reaches the agent sets the first event; answered after the second."""
    answer = OfferHandler.__call__
    arrived, release = asyncio.Event(), asyncio.Event()

    async def think(handler: OfferHandler, payload: object) -> dict[str, Any]:
        if not arrived.is_set():
            arrived.set()
            await release.wait()
        return await answer(handler, payload)

    patch.setattr(OfferHandler, "__call__", think)
    return arrived, release


@asynccontextmanager
async def scene(folder: Path, container: str) -> AsyncIterator[Scene]:
    async with cloud(folder) as made:
        balancer = Balancer([relay.port for relay in reversed(made.relays)])
        await balancer.start()
        first, other = made.urls
        agent = Agent(
            Settings(
                agent=AgentSettings(id="house"),
                relay=RelaySettings(
                    url=first, others=(other,), public_url=balancer.url, token=AGENT_TOKEN
                ),
            )
        )
        try:
            await agent.start()
            assert await agent.wait_registered(10)
            yield Scene(made, balancer, agent, container)
        finally:
            await agent.stop()
            await balancer.stop()


async def talk(page: Page, word: str) -> None:
    await page.type(f"echo {word}-$((6*7))\n")
    await shows(page, f"{word}-42")
    assert await page.evaluate("hatchway.session.state.phase") == "live"


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_kill_during_a_session_costs_nothing_of_it(
    tmp_path: Path, box: Container, chromium: Chromium, victim: str
) -> None:
    container = str(box.name)
    async with scene(tmp_path, container) as made, connected(chromium) as browser:
        page = await visit(browser, made.link())
        await talk(page, "before")
        shell = made.agent.sessions()[0].id
        await made.processes[victim].kill()
        began = time.monotonic()
        await talk(page, "without")
        await made.processes[victim].start()
        fresh = await browser.open(made.link())
        await fresh.until(LIVE, BACK_SECONDS)
        assert time.monotonic() - began < BACK_SECONDS
        await talk(fresh, "fresh")
        await talk(page, "after")
        assert shell in [session.id for session in made.agent.sessions()]


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_kill_during_signaling_delays_the_guest_and_nobody_else(
    tmp_path: Path,
    box: Container,
    chromium: Chromium,
    monkeypatch: pytest.MonkeyPatch,
    victim: str,
) -> None:
    container = str(box.name)
    async with scene(tmp_path, container) as made, connected(chromium) as browser:
        settled = await visit(browser, made.link())
        arrived, release = hold_the_next_answer(monkeypatch)
        page = await browser.open(made.link())
        await asyncio.wait_for(arrived.wait(), 10)
        await made.processes[victim].kill()
        began = time.monotonic()
        release.set()
        await talk(settled, "meanwhile")
        await made.processes[victim].start()
        # Nobody does anything: the page tries until it is in.
        await page.until(LIVE, BACK_SECONDS)
        assert time.monotonic() - began < BACK_SECONDS
        await talk(page, "in")
        await until(lambda: len(made.agent.sessions()) >= 2)
