"""Stopping the agent at any moment: offers are refused first, guests get the reason."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.agent.agent import Agent
from engine.core.errors import ConnectionFailedError, HatchwayError, HostStoppedError, RemoteError
from engine.core.model import LOCAL_TARGET, RelayState, Role, Size
from engine.core.settings import DockerSettings, Settings
from engine.pty.local_shell import LocalShellPTY
from engine.sessions.manager import WebRTCSessionManager
from tests.engine.hosting import Visitor, house
from tests.engine.until import until

if TYPE_CHECKING:
    from engine.wire.proof import Link

SETTINGS = Settings(docker=DockerSettings(enabled=False))


def shells() -> list[str]:
    """Processes in terminals of this test's agents."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if "HATCHWAY_SESSION" in environment and environment.get("HOME") == os.environ["HOME"]:
                found.append(f"{process.name()} ({process.pid})")
    return found


async def outcome(visitor: Visitor) -> str:
    """ "open", or the code of the error."""
    try:
        await visitor.peer.connect()
    except RemoteError as error:
        return error.remote_code
    except HatchwayError as error:
        return error.code
    return "open"


async def test_offers_that_come_while_the_host_stops_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending, go_on = asyncio.Event(), asyncio.Event()
    close = LocalShellPTY.close

    async def slow(pty: LocalShellPTY) -> None:
        ending.set()
        await go_on.wait()
        await close(pty)

    monkeypatch.setattr(LocalShellPTY, "close", slow)
    async with house() as home:
        _, link = await home.link(Role.CONTROL)
        first = home.visitor(link)
        await first.peer.connect()
        stopping = asyncio.create_task(home.agent.stop())
        await ending.wait()
        assert await outcome(home.visitor(link)) == "host_stopped"
        assert len(home.agent.sessions()) == 1
        go_on.set()
        await stopping
        assert home.agent.sessions() == ()
        assert first.end is not None
        assert first.end[0] == "The host stopped"
        assert shells() == []


async def test_no_session_is_made_after_stop() -> None:
    manager = WebRTCSessionManager(Settings())
    await manager.start()
    manager.create_session("a", "d")
    stopping = asyncio.create_task(manager.stop())
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(HostStoppedError):
            manager.create_session("b", "d")
        await stopping
    assert manager.sessions() == ()
    await manager.start()
    manager.create_session("c", "d")
    await manager.stop()


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 30])
async def test_a_stop_during_the_start_ends_it(turns: int) -> None:
    agent = Agent(SETTINGS)
    starting = asyncio.create_task(agent.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    await agent.stop()
    with contextlib.suppress(HostStoppedError):
        await starting
    assert agent.relay_state.state is RelayState.STOPPED
    if url := agent.relay_info().url:
        host, port = url.removeprefix("http://").split(":")
        with pytest.raises(OSError):  # noqa: PT011
            await asyncio.open_connection(host, int(port))


@pytest.mark.parametrize("turns", [*range(1, 16), 30])
async def test_a_cancelled_start_leaves_nothing(turns: int) -> None:
    agent = Agent(SETTINGS)
    starting = asyncio.create_task(agent.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    if not starting.cancelled():
        await agent.stop()  # the start was faster
    assert agent.relay_state.state is RelayState.STOPPED
    with pytest.raises(HostStoppedError):
        await agent.start()


async def test_it_stops_once_and_starts_once() -> None:
    agent = Agent(SETTINGS)
    await agent.start()
    with pytest.raises(HostStoppedError):
        await agent.start()
    first = asyncio.create_task(agent.stop())
    await asyncio.sleep(0)
    first.cancel()
    # The first one continues although nobody waits for it any more.
    await asyncio.gather(agent.stop(), agent.stop())
    assert agent.relay_state.state is RelayState.STOPPED
    assert first.cancelled()
    await agent.stop()
    for again in (
        agent.start(),
        agent.open_terminal(LOCAL_TARGET, Size(), lambda _: None, lambda *_: None),
    ):
        with pytest.raises(HostStoppedError):
            await again


async def test_a_guest_that_waits_for_approval_learns_that_the_host_stopped() -> None:
    async with house() as home:
        home.agent.admission.approvals.attend()
        _, link = await home.link(Role.CONTROL, approval=True)
        visitor = home.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        await until(home.agent.admission.approvals.pending)
        await home.agent.stop()
        with pytest.raises((RemoteError, ConnectionFailedError), match="The host stopped"):
            await connecting
        assert home.agent.admission.approvals.pending() == ()
        assert shells() == []


async def test_a_terminal_being_opened_while_it_stops_leaves_no_shell() -> None:
    async def opening(link: Link, delay: int) -> None:
        visitor = Visitor(link)
        connecting = asyncio.create_task(outcome(visitor))
        for _ in range(delay):
            await asyncio.sleep(0.002)
        await connecting
        await visitor.peer.close()

    async with house() as home:
        _, link = await home.link(Role.CONTROL)
        work = [asyncio.create_task(opening(link, 1)) for _ in range(12)]
        await until(lambda: len(home.agent.sessions()) >= 4)
        await home.agent.stop()
        assert home.agent.sessions() == ()
        assert shells() == []
        await asyncio.gather(*work)
        assert shells() == []
