"""Every loop of the engine dies once, in its own place, and does its work again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.agent.agent import Agent
from engine.core import events as ev
from engine.core import tasks
from engine.core.model import LOCAL_TARGET, EngineState, Size, Target, TargetKind
from engine.core.settings import DockerSettings, SessionSettings, Settings, TerminalSettings
from engine.docker.engines import DockerEngines
from engine.pty.create import create_pty_session
from engine.pty.ends import queue
from engine.pty.ends.ends import TerminalEnds
from engine.pty.ends.records import RecordStore
from engine.relay import Options, Relay, run
from engine.relay.cluster import bus
from engine.relay.cluster.presence import Presence
from engine.relay.http.connections import Connections
from engine.relay.http.sockets import Sockets
from engine.relay.target_feed import TargetFeed
from engine.sessions import manager as manager_module
from engine.sessions.manager import WebRTCSessionManager
from engine.shells.traffic import Sampler
from engine.signaling.host import SignalingClient
from engine.targets import catalogue
from engine.wire.signaling import ICE_SERVERS
from tests.engine.signaling.foreign import ForeignServer, Host, S, foreign_relay
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCAL = Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=LOCAL_TARGET)
NO_DOCKER = DockerSettings(enabled=False)


class Deaths:
    """The loops that died and were restarted, as the window sees them."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self.bus = ev.EventBus()
        self.names: list[str] = []
        self.bus.subscribe(self.note)

    def note(self, event: ev.Event) -> None:
        if isinstance(event, ev.LoopRestarted):
            self.names.append(event.name)

    async def seen(self, name: str) -> None:
        """Until ``name`` was restarted; its death, and no other, is in the log."""
        await until(lambda: name in self.names, what=f"the restart of {name!r}")
        assert self.names == [name]
        errors = [record for record in self._caplog.records if record.levelname == "ERROR"]
        assert [record.exc_info is not None for record in errors] == [True]
        assert errors[0].getMessage().startswith(f"{name} failed")
        self._caplog.clear()

    def clear(self) -> None:
        """What is in the log was expected."""
        self._caplog.clear()


@pytest.fixture
def deaths(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Deaths:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_SECONDS", 0.01)
    return Deaths(caplog)


def fails_once(real: Callable[..., Any], error: BaseException | None = None) -> Callable[..., Any]:
    """``real``, but its first call raises ``error``."""
    errors = [error or RuntimeError("broken")]

    def call(*args: Any, **kwargs: Any) -> Any:
        if errors:
            raise errors.pop()
        return real(*args, **kwargs)

    return call


# -- sessions


async def test_the_cleanup(deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(session=SessionSettings(timeout=0.2))
    manager = WebRTCSessionManager(settings, deaths.bus)
    monkeypatch.setattr(manager.clock, "tick", fails_once(manager.clock.tick))
    await manager.start()
    manager.create_session("s", "d")
    await deaths.seen("The check for idle sessions")
    await until(lambda: manager.get_session("s") is None, what="the idle session to end")
    await manager.stop()


async def test_the_heartbeat_of_sessions(deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_module, "TICK_SECONDS", 0.02)
    samples: list[ev.Event] = []
    deaths.bus.subscribe(lambda e: samples.append(e) if isinstance(e, ev.Traffic) else None)
    manager = WebRTCSessionManager(events=deaths.bus)
    manager.create_session("s", "d")
    ticks = (name for name in ("first", "second"))
    real = manager.sessions

    def sessions() -> Any:
        # Both loops of the manager look at the sessions: each fails at its first look.
        if next(ticks, None) is not None:
            raise RuntimeError("broken")
        return real()

    monkeypatch.setattr(manager, "sessions", sessions)
    await manager.start()
    both = {"The check for idle sessions", "The heartbeat of sessions"}
    await until(lambda: set(deaths.names) == both, what="the restart of both loops")
    manager.require_session("s").counter.printed(1)
    await until(lambda: samples, what="a sample of traffic")
    await manager.stop()
    deaths.clear()


async def test_a_fault_in_one_session_ends_it_and_no_other(
    deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "TICK_SECONDS", 0.02)
    manager = WebRTCSessionManager(events=deaths.bus)
    manager.create_session("first", "d")
    manager.create_session("second", "d")
    monkeypatch.setattr(Sampler, "sample", fails_once(Sampler.sample))
    await manager.start()
    await until(lambda: manager.get_session("first") is None, what="the end of the faulty one")
    assert manager.get_session("second") is not None
    assert deaths.names == []
    await manager.stop()
    deaths.clear()


# -- signaling


class FaultyHost(Host):
    """``faults`` says which calls of registration() fail, counted from 1."""

    def __init__(self, url: str, deaths: Deaths, *faults: int) -> None:
        self.calls, self._faults = 0, faults
        super().__init__(url, heartbeat_interval=0.05)
        self.events.subscribe(deaths.note)

    def registration(self) -> dict[str, Any]:
        self.calls += 1
        if self.calls in self._faults:
            raise RuntimeError("broken")
        return super().registration()


async def test_the_connection_to_the_relay(deaths: Deaths) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url:
        agent = FaultyHost(url, deaths, 1)
        await agent.client.start()
        await deaths.seen("The connection to the relay")
        await until(lambda: server.of("agent:register"), what="the registration")
        assert (len(server.sids), agent.client.state.state) == (2, S.CONNECTED)
        # People saw that it was away meanwhile.
        assert S.RECONNECTING in agent.sequence
        await agent.client.stop()


async def test_the_heartbeat_to_the_relay_costs_no_connection(deaths: Deaths) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url:
        agent = FaultyHost(url, deaths, 2)
        await agent.client.start()
        await deaths.seen("The heartbeat to the relay")
        await until(lambda: len(server.of("heartbeat")) >= 2, what="heartbeats")
        assert len(server.sids) == 1
        await agent.client.stop()


async def test_the_refresh_of_ice_servers(deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = SignalingClient.call

    async def call(self: SignalingClient, event: str, *args: Any) -> dict[str, Any]:
        asked.append(event)
        if len(asked) == 1:
            raise RuntimeError("broken")
        return await real(self, event, *args)

    monkeypatch.setattr(SignalingClient, "call", call)
    agent = Agent(Settings(docker=NO_DOCKER), deaths.bus)
    await agent.start()
    await deaths.seen("The refresh of ICE servers")
    await until(lambda: asked == [ICE_SERVERS] * 2, what="a second question")
    await agent.stop()


async def test_a_registration_that_fails_is_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent(Settings(docker=NO_DOCKER))
    await agent.start()
    assert await agent.wait_registered(10)

    async def broken(self: SignalingClient) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(SignalingClient, "re_register", broken)
    agent.set_shared(LOCAL_TARGET, True)
    await until(lambda: "'register again' failed" in caplog.text, what="the failure")
    caplog.clear()
    await agent.stop()


# -- targets


@pytest.mark.docker
async def test_following_a_docker_engine(deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    # Everything else is a state of the engine.
    error = asyncio.CancelledError("somebody else's")
    monkeypatch.setattr(catalogue, "open_events", fails_once(catalogue.open_events, error))
    engines = DockerEngines(DockerSettings())
    made = catalogue.TargetCatalogue(engines, deaths.bus)
    await made.start()
    await deaths.seen("Following the Docker engine docker")
    assert await made.settled(10)
    assert made.statuses()[0].state is EngineState.READY
    await made.stop()
    await engines.close()


# -- ends of terminals


async def test_a_queue_of_ends(deaths: Deaths, monkeypatch: pytest.MonkeyPatch) -> None:
    error = asyncio.CancelledError("somebody else's")
    monkeypatch.setattr(queue, "end_terminals", fails_once(queue.end_terminals, error))
    docker = DockerEngines(NO_DOCKER)
    ends = TerminalEnds(docker, events=deaths.bus)
    pty = await create_pty_session(
        LOCAL, session_id="s", size=Size(), docker=docker, settings=TerminalSettings(), ends=ends
    )
    await pty.close()
    await deaths.seen(f"Ending terminals in {LOCAL_TARGET}")
    await until(lambda: not ends.pending(), what="the end")
    await ends.stop()
    await docker.close()


def recorded(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("shells/*/*.json")]


async def test_the_records_of_shells(
    deaths: Deaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(RecordStore, "write", fails_once(RecordStore.write))
    ends = TerminalEnds(None, events=deaths.bus, folder=tmp_path)
    await ends.start()
    ends.new_record(LOCAL, "first")
    await ends.saved()
    await deaths.seen("Recording shells")
    record = ends.new_record(LOCAL, "second")
    await ends.saved()
    assert recorded(tmp_path) == [record.tag]
    await ends.stop()


async def test_the_search_for_orphans(
    deaths: Deaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dead = TerminalEnds(None, folder=tmp_path)
    await dead.start()
    dead.new_record(LOCAL, "of a shell that has ended")
    await dead.stop()
    ends = TerminalEnds(None, events=deaths.bus, folder=tmp_path)
    await ends.start()
    assert len(recorded(tmp_path)) == 1
    monkeypatch.setattr(RecordStore, "left", fails_once(RecordStore.left))
    await deaths.seen("The search for orphans")
    await until(lambda: not recorded(tmp_path), what="the end of the record")
    await ends.stop()


# -- relays


@pytest.mark.parametrize(
    ("owner", "method", "name"),
    [
        (TargetFeed, "run", "The relay's list of targets"),
        (Relay, "_sweep", "The relay's removal of old routes"),
        (Connections, "sweep", "The relay's check for connections without a token"),
        (Sockets, "watch", "The relay's check for idle sockets"),
        (Presence, "run", "The relay's presence in Redis"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_the_relays_loops(
    deaths: Deaths, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, name: str
) -> None:
    real, runs = getattr(owner, method), 0

    async def dies_once(self: object) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError("broken")
        await real(self)

    monkeypatch.setattr(owner, method, dies_once)
    # Nothing answers there: a relay without its Redis runs, degraded.
    options = Options(redis="redis://127.0.0.1:1" if owner is Presence else "")
    relay = Relay(options=options, publish=deaths.bus.publish)
    await relay.start()
    await deaths.seen(name)
    await until(lambda: runs == 2, what="the second run")
    await relay.stop()
    assert runs == 2


class Lookup:
    """One list of targets, and no other relay."""

    presence = None

    def __init__(self) -> None:
        self.listing = [{"id": "web-1"}]

    async def public_listing(self) -> list[dict[str, str]]:
        return list(self.listing)


async def test_a_change_of_targets_is_pushed_though_the_feed_died(deaths: Deaths) -> None:
    pushed: list[Any] = []

    async def push(listing: list[dict[str, Any]]) -> None:
        pushed.append(listing)

    lookup = Lookup()
    feed = TargetFeed(lookup, fails_once(push))
    await feed.subscribe("a guest")
    owner = tasks.TaskOwner("tests", deaths.bus.publish)
    owner.supervise("The feed", feed.run)
    lookup.listing = [{"id": "web-1"}, {"id": "db"}]
    feed.changed()
    await deaths.seen("The feed")
    await until(lambda: pushed == [lookup.listing], what="the list")
    await owner.close()


async def test_a_relay_alone_collects_garbage_again(
    deaths: Deaths, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = asyncio.Event()

    async def collect_when_useful(*_: object) -> None:
        running.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(run, "collect_when_useful", fails_once(collect_when_useful))
    serving = asyncio.create_task(run.run_relay())
    async with asyncio.timeout(10):
        await running.wait()
    assert "The relay's garbage collection failed" in caplog.text
    caplog.clear()
    serving.cancel()
    await asyncio.wait([serving])


async def test_the_bus_of_relays_survives_any_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "FAULT_SECONDS", 0.01)
    monkeypatch.setattr(bus, "RETRY_SECONDS", 0.01)
    again = asyncio.Event()

    def connect(self: object) -> None:
        if not caplog.records:
            raise RuntimeError("broken")
        again.set()
        raise OSError("nothing there")

    monkeypatch.setattr(bus.RelayBus, "_redis_connect", connect)
    made = bus.RelayBus("redis://127.0.0.1:1", lambda sid: "")
    # What the library's own task does.
    reading = asyncio.create_task(anext(made._listen()))
    async with asyncio.timeout(10):
        await again.wait()
    assert "Receiving from the other relays failed" in caplog.text
    caplog.clear()
    reading.cancel()
    await asyncio.wait([reading])
    await made.close()
