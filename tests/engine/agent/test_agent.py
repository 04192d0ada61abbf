"""The engine whole: real relay, real WebRTC, real containers, from prompt to nothing left."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from engine.agent.agent import Agent, process_marker
from engine.client.peer import PeerHandlers, TerminalPeer
from engine.core import events as ev
from engine.core.errors import HatchwayError, RemoteError
from engine.core.model import LOCAL_TARGET, RelayState, Size
from engine.core.selftest_report import STAGES, StageStatus
from engine.core.session_state import SessionState
from engine.core.settings import SessionSettings, Settings
from engine.pty.ends.container_processes import list_session_processes
from engine.signaling.guest import RelayAddress
from tests.docker_fixtures import ContainerFactory
from tests.engine.until import until

pytestmark = pytest.mark.takes(40)


class Screen:
    """What a terminal printed, and how it ended."""

    def __init__(self) -> None:
        self.data = b""
        self.end: tuple[str, int | None] | None = None
        self.peer: TerminalPeer | None = None

    def output(self, data: bytes) -> None:
        self.data += data
        if self.peer is not None:
            self.peer.rendered(len(data))

    def ended(self, reason: str, exit_code: int | None) -> None:
        self.end = (reason, exit_code)


async def opened(
    agent: Agent, target: str, size: Size | None = None
) -> tuple[TerminalPeer, Screen]:
    screen = Screen()
    peer = await agent.open_terminal(target, size or Size(), screen.output, screen.ended)
    screen.peer = peer
    return peer, screen


def own_relay(agent: Agent) -> RelayAddress:
    """How a guest with the relay's token reaches ``agent``."""
    info = agent.relay_info()
    return RelayAddress(info.url, info.guest_token, agent.agent_id)


async def running(settings: Settings | None = None) -> Agent:
    agent = Agent(settings or Settings())
    await agent.start()
    assert await agent.wait_for_relay(10)
    await agent.targets.settled(10)
    return agent


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    made = await running()
    yield made
    await made.stop()


@pytest.fixture
async def container(containers: ContainerFactory, agent: Agent) -> str:
    name = str(containers().name)
    await until(lambda: name in [target.id for target in agent.targets.list()])
    return name


async def test_a_shell_in_a_container(agent: Agent, container: str) -> None:
    peer, screen = await opened(agent, container, Size(101, 33))
    peer.send(b"stty size; echo $((6*7))\r")
    await until(lambda: b"33 101" in screen.data and b"42" in screen.data)
    peer.resize(Size(90, 20))
    peer.send(b"stty size\r")
    await until(lambda: b"20 90" in screen.data)
    peer.send(b"exit 7\r")
    await until(lambda: screen.end)
    assert screen.end is not None
    assert screen.end[1] == 7
    await peer.close()
    await until(lambda: not agent.sessions())
    last = agent.events.history(peer.session_id)[-1]
    assert isinstance(last, ev.SessionClosed)
    assert (last.reason, last.exit_code) == (screen.end[0], 7)


async def test_events_tell_the_story_of_a_session(agent: Agent, container: str) -> None:
    peer, _ = await opened(agent, container)
    seen = agent.events.history(peer.session_id)
    kinds = {type(event) for event in seen}
    assert {
        ev.SessionCreated,
        ev.SessionStateChanged,
        ev.IceGathering,
        ev.IceConnection,
        ev.IceCandidate,
        ev.IcePairSelected,
        ev.PtyConnected,
    } <= kinds
    states = [event.new for event in seen if isinstance(event, ev.SessionStateChanged)]
    assert states == [SessionState.CONNECTING, SessionState.CONNECTED]
    samples: list[ev.Traffic] = []
    agent.events.subscribe(lambda e: samples.append(e) if isinstance(e, ev.Traffic) else None)
    peer.send(b"echo hello\r")
    await until(lambda: any(s.bytes_out and s.rtt is not None for s in samples))
    await agent.close_session(peer.session_id, "Enough")
    last = agent.events.history(peer.session_id)[-1]
    assert isinstance(last, ev.SessionClosed)
    assert last.reason == "Enough"
    await peer.close()


async def test_a_kicked_guest_is_told_why(agent: Agent) -> None:
    peer, screen = await opened(agent, LOCAL_TARGET)
    await agent.close_session(peer.session_id, "The host ended it")
    await until(lambda: screen.end)
    assert screen.end == ("The host ended it", None)
    await peer.close()


async def test_what_is_not_there_is_a_clear_error(agent: Agent) -> None:
    with pytest.raises(RemoteError, match="Device nowhere not found") as caught:
        await opened(agent, "nowhere")
    assert caught.value.remote_code == "target_not_found"
    assert not agent.sessions()


async def test_closing_while_the_terminal_is_being_opened_leaves_nothing(
    agent: Agent, container: str
) -> None:
    for delay in (0.0, 0.02, 0.05, 0.08, 0.12, 0.2):
        opening = asyncio.create_task(opened(agent, container))
        await asyncio.wait([opening], timeout=0.1 + delay)
        for session in agent.sessions():
            await agent.close_session(session.id)
        opening.cancel()
        done, _ = await asyncio.wait([opening], timeout=20)
        assert done
        if not opening.cancelled() and opening.exception() is None:
            await opening.result()[0].close()
    await until(lambda: not agent.sessions())
    # What ends a shell that was just being started may run a little longer than the session.
    await until(lambda: not agent.ends.pending())
    async with asyncio.timeout(10):
        while await exec_processes(agent, container):
            pass


async def exec_processes(agent: Agent, container: str) -> list[str]:
    """Every process of the container but its own first one and what is dying ("[sh]")."""

    def top(client: object) -> list[list[str]]:
        return client.containers.get(container).top()["Processes"]  # type: ignore[attr-defined, no-any-return]

    rows = await agent._docker.call("docker", top)
    return [row[-1] for row in rows if not row[-1].startswith(("sleep infinity", "["))]


async def test_fifty_in_a_row_and_twenty_at_once_leave_nothing(
    agent: Agent, container: str
) -> None:
    process = psutil.Process()

    async def one() -> None:
        peer, screen = await opened(agent, container)
        peer.send(b"echo $((1+1))x\r")
        await until(lambda: b"2x" in screen.data, 30)
        await peer.close()

    for _ in range(10):
        await one()
    gc.collect()
    tasks, sockets = len(asyncio.all_tasks()), len(process.net_connections())
    memory = process.memory_info().rss
    for _ in range(50):
        await one()
    await asyncio.gather(*(one() for _ in range(20)))
    await until(lambda: not agent.sessions())
    await until(lambda: len(asyncio.all_tasks()) <= tasks, what="no task is left")
    gc.collect()
    await until(lambda: len(process.net_connections()) <= sockets + 1, what="no socket is left")
    assert await exec_processes(agent, container) == []
    grown = process.memory_info().rss - memory
    assert grown < 40 * 1024 * 1024, f"{grown / 2**20:.1f} MiB more after 70 sessions"


async def test_the_self_test_passes_every_stage(agent: Agent, container: str) -> None:
    for target in (container, LOCAL_TARGET):
        seen: list[str] = []
        report = await agent.self_test(target, lambda stage, seen=seen: seen.append(stage.name))  # type: ignore[misc]
        assert report.passed, report.to_json()
        assert [stage.name for stage in report.stages] == list(STAGES)
        assert seen == [name for name in STAGES for _ in range(2)]
        figures = {stage.name: stage.figures for stage in report.stages}
        assert figures["echo_rtt"]["count"] == 100
        assert figures["throughput"]["bytes_per_second"] > 0
    assert not agent.sessions()


async def test_the_self_test_passes_whatever_its_random_bytes_end_with(
    agent: Agent, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.urandom

    def ending_in_a_detach_key(count: int) -> bytes:
        return real(count - 1) + b"\x1e" if count > 1000 else real(count)

    monkeypatch.setattr(os, "urandom", ending_in_a_detach_key)
    report = await agent.self_test(container)
    assert report.passed, report.to_json()


async def test_the_self_test_names_the_failing_stage_and_why(agent: Agent) -> None:
    report = await agent.self_test("nowhere")
    assert not report.passed
    failed = report.failed_stage
    assert failed is not None
    assert (failed.name, failed.code) == ("offer_answer", "target_not_found")
    assert "nowhere" in failed.detail
    skipped = [s.name for s in report.stages if s.status is StageStatus.SKIPPED]
    assert "pty_up" in skipped


async def test_losing_the_relay_ends_no_session(agent: Agent) -> None:
    screen = Screen()
    peer = screen.peer = TerminalPeer(
        own_relay(agent),
        LOCAL_TARGET,
        Size(),
        PeerHandlers(screen.output, screen.ended),
        own_secret=agent.admission.authenticator.own_secret,
    )
    await peer.connect()
    states: list[RelayState] = []
    agent.events.subscribe(
        lambda e: states.append(e.state) if isinstance(e, ev.RelayStateChanged) else None
    )
    assert agent._relay is not None
    await agent._relay.stop()
    await until(lambda: RelayState.RECONNECTING in states)
    peer.send(b"echo $((40+2))\r")
    await until(lambda: b"42" in screen.data)
    # With no relay to say goodbye through, the channel alone does it.
    await peer.close()
    await until(lambda: not agent.sessions())


async def test_a_lost_guest_comes_back_to_the_same_shell(agent: Agent) -> None:
    peer, screen = await opened(agent, LOCAL_TARGET)
    peer.send(b"MARK=kept; echo one-$((1+1))\r")
    await until(lambda: b"one-2" in screen.data)
    assert peer.peer_connection is not None
    await peer.peer_connection.close()
    session = agent.manager.require_session(peer.session_id)
    await until(lambda: session.state is SessionState.DISCONNECTED)
    back = TerminalPeer(
        own_relay(agent),
        LOCAL_TARGET,
        Size(),
        own_secret=agent.admission.authenticator.own_secret,
        session_id=peer.session_id,
    )
    with pytest.raises(RemoteError, match="already exists"):
        await back.connect()
    again = Screen()
    back = peer.successor(again.output, again.ended)
    again.peer = back
    await back.connect()
    assert session.state is SessionState.CONNECTED
    back.send(b"echo $MARK-$((2+2))\r")
    await until(lambda: b"kept-4" in again.data)
    # Not a byte twice, not a byte lost: what came before is not shown again.
    assert b"one-2" not in again.data
    await back.close()
    await peer.close()
    await until(lambda: not agent.sessions())


async def test_a_lost_guest_that_does_not_come_back_is_given_up() -> None:
    agent = await running(Settings(session=SessionSettings(resume_window=0.5, grace=0.5)))
    peer, _ = await opened(agent, LOCAL_TARGET)
    assert peer.peer_connection is not None
    await peer.peer_connection.close()
    await until(lambda: not agent.sessions())
    last = agent.events.history(peer.session_id)[-1]
    assert isinstance(last, ev.SessionClosed)
    assert "reconnect" in last.reason
    await peer.close()
    await agent.stop()


async def test_sharing_is_enforced_and_can_be_taken_back(agent: Agent, container: str) -> None:
    relay = own_relay(agent)
    guest = TerminalPeer(relay, container, Size())
    with pytest.raises(RemoteError, match="does not share") as caught:
        await guest.connect()
    assert caught.value.remote_code == "access_denied"
    agent.set_shared(container, True)
    guest = TerminalPeer(relay, container, Size())
    await guest.connect()
    assert not agent.sessions()[0].own
    await guest.close()
    agent.set_shared("*", True)
    assert not agent.targets.find(LOCAL_TARGET).shared
    agent.set_shared(LOCAL_TARGET, True)
    agent.set_shared(LOCAL_TARGET, False)
    # All containers still are, those to come as well.
    assert "*" in agent.targets.shared()
    agent.set_shared(container, False)
    assert not agent.targets.find(container).shared
    with pytest.raises(HatchwayError):
        await TerminalPeer(relay, container, Size()).connect()


async def test_the_id_of_a_guest_never_reaches_a_shell_unchecked(agent: Agent) -> None:
    hostile = "x\0\n$(reboot)" * 3
    assert process_marker(hostile).isalnum()
    assert process_marker("plain-id_1.2") == "plain-id_1.2"


async def test_no_process_carries_the_mark_of_a_closed_session(
    agent: Agent, container: str
) -> None:
    target = agent.targets.find(container)
    peer, screen = await opened(agent, container)
    peer.send(b"sleep 1000 & sleep 1001 & echo $((20+3))\r")
    await until(lambda: b"23" in screen.data)
    assert len(await list_session_processes(agent._docker, target, peer.session_id)) >= 3
    await peer.close()
    await until(lambda: not agent.sessions())
    assert await exec_processes(agent, container) == []


async def test_the_host_sees_what_goes_on_after_a_session(agent: Agent, container: str) -> None:
    peer, screen = await opened(agent, container)
    peer.send(b"(trap '' HUP; exec sleep 1000) & sleep 1001 & echo $((20+3))\r")
    await until(lambda: b"23" in screen.data)
    # The first one is named so once it ignores the signal.
    running: list[str] = []
    async with asyncio.timeout(10):
        while not {"sleep 1000", "sleep 1001"} <= set(running):
            running = await exec_processes(agent, container)
    await peer.close()
    await until(lambda: not agent.sessions())
    notes = [e for e in agent.events.history(peer.session_id) if isinstance(e, ev.SessionNote)]
    (kept,) = [note.text for note in notes if "sleep (" in note.text]
    assert re.fullmatch(r"Still running in the background: sleep \(\d+\)", kept)
    assert await exec_processes(agent, container) == ["sleep 1000"]


async def test_a_guest_nobody_asked_for_long_is_not_given_up_at_the_first_output(
    agent: Agent,
) -> None:
    peer, _ = await opened(agent, LOCAL_TARGET)
    session = agent.manager.require_session(peer.session_id)
    interval = agent.settings.session.heartbeat_interval
    session.liveness.heard(time.monotonic() - 4.5 * interval)  # at rest until now
    session.touch()
    await until(lambda: session.liveness.silence(time.monotonic()) < interval, what="an answer")
    states = [
        e.new for e in agent.events.history(session.id) if isinstance(e, ev.SessionStateChanged)
    ]
    assert SessionState.DISCONNECTED not in states
    await peer.close()


async def test_a_guest_that_falls_silent_is_disconnected_and_heard_again() -> None:
    settings = Settings(session=SessionSettings(heartbeat_interval=0.2))
    agent = await running(settings)
    peer, screen = await opened(agent, LOCAL_TARGET)
    session = agent.manager.require_session(peer.session_id)
    answer = peer.message
    peer.message = lambda message: None  # type: ignore[method-assign]
    await until(lambda: session.state is SessionState.DISCONNECTED)
    peer.message = answer  # type: ignore[method-assign]
    await until(lambda: session.state is SessionState.CONNECTED)
    peer.send(b"echo $((30+3))\r")
    await until(lambda: b"33" in screen.data)
    await peer.close()
    await agent.stop()
