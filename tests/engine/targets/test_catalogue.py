"""The catalogue on a real Docker Engine: what changes, what goes away, what comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine.core.errors import DockerFailedError, TargetNotFoundError
from engine.core.events import DockerStatusChanged, Event, EventBus, TargetsChanged
from engine.core.model import (
    LOCAL_TARGET,
    DockerStatus,
    EngineState,
    Target,
    TargetKind,
    TargetState,
)
from engine.core.settings import DockerEngine, DockerSettings
from engine.docker.engines import DockerEngines
from engine.docker.events import MAX_EVENT_BYTES, EventStream
from engine.docker.http_stream import HttpStream
from engine.targets.catalogue import TargetCatalogue
from tests import images
from tests.docker_fixtures import Daemon, engines_at, unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    import docker
    from docker.models.containers import Container

WAIT_SECONDS = 20.0
RETRY = (0.05, 0.2)


class Watch:
    """A catalogue under way, every event it published, and waiting for a state of it."""

    def __init__(self, engines: DockerEngines, *, local: bool = True) -> None:
        self.bus = EventBus()
        self.engines = engines
        self.catalogue = TargetCatalogue(engines, self.bus, local=local, retry=RETRY)
        self.seen: list[Event] = []
        self._happened = asyncio.Event()
        self.bus.subscribe(self._note)

    def _note(self, event: Event) -> None:
        self.seen.append(event)
        self._happened.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self._happened.clear()
                await self._happened.wait()

    async def until_state(self, state: EngineState) -> DockerStatus:
        await self.until(lambda: self.status.state is state)
        return self.status

    @property
    def status(self) -> DockerStatus:
        return self.catalogue.statuses()[0]

    def of(self, container: Container) -> Target | None:
        return next((t for t in self.catalogue.list() if t.ref == container.id), None)

    def state_of(self, container: Container) -> TargetState | None:
        target = self.of(container)
        return target.state if target else None

    async def stop(self) -> None:
        await self.catalogue.stop()
        await self.engines.close()


@pytest.fixture(scope="module")
def daemon(make_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon of our own: nobody else's containers come and go there."""
    daemon = make_daemon()
    client = daemon.client()
    images.ensure(client, images.BUSYBOX)
    client.close()
    return daemon


@pytest.fixture
def client(daemon: Daemon) -> Iterator[docker.DockerClient]:
    client = daemon.client()
    yield client
    for container in client.containers.list(all=True):
        container.remove(force=True)
    client.close()


@pytest.fixture
async def watch(daemon: Daemon) -> AsyncIterator[Watch]:
    watch = Watch(engines_at(daemon.url))
    await watch.catalogue.start()
    await watch.until_state(EngineState.READY)
    yield watch
    await watch.stop()


def run(client: docker.DockerClient, name: str, **options: str) -> Container:
    container: Container = client.containers.run(
        images.BUSYBOX,
        name=name,
        detach=True,
        network_mode="none",
        stop_signal="SIGKILL",
        labels=options,
    )
    return container


# -- live


@pytest.mark.docker
async def test_a_container_from_its_start_to_its_end(
    watch: Watch, client: docker.DockerClient
) -> None:
    container = await asyncio.to_thread(run, client, "web-1", role="web")
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)
    target = watch.catalogue.find("web-1")
    assert target == Target(
        id="web-1",
        kind=TargetKind.CONTAINER,
        name="web-1",
        engine="docker",
        ref=str(container.id),
        image=images.BUSYBOX,
        status="running",
    )
    assert target.labels["role"] == "web"

    await asyncio.to_thread(container.pause)
    await watch.until(lambda: watch.state_of(container) is TargetState.PAUSED)
    await asyncio.to_thread(container.unpause)
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)

    await asyncio.to_thread(container.rename, "web-2")
    await watch.until(lambda: (found := watch.of(container)) and found.id == "web-2")
    with pytest.raises(TargetNotFoundError, match="Device web-1 not found"):
        watch.catalogue.find("web-1")

    await asyncio.to_thread(container.stop)
    await watch.until(lambda: watch.state_of(container) is TargetState.STOPPED)
    assert watch.catalogue.find("web-2").status == "exited (137)"
    await asyncio.to_thread(container.start)
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)
    await asyncio.to_thread(container.remove, force=True)
    await watch.until(lambda: watch.of(container) is None)


@pytest.mark.docker
async def test_a_container_that_dies_by_itself(watch: Watch, client: docker.DockerClient) -> None:
    container = client.containers.run(
        images.BUSYBOX, ["sh", "-c", "read x; exit 3"], detach=True, stdin_open=True,
        network_mode="none",
    )  # fmt: skip
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)
    await asyncio.to_thread(container.kill)
    await watch.until(lambda: watch.state_of(container) is TargetState.STOPPED)


@pytest.mark.docker
async def test_nothing_is_published_unless_something_changed(
    watch: Watch, client: docker.DockerClient
) -> None:
    container = await asyncio.to_thread(run, client, "quiet")
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)
    for _ in range(5):
        await asyncio.to_thread(container.exec_run, ["true"])
    await asyncio.to_thread(container.remove, force=True)
    await watch.until(lambda: watch.of(container) is None)
    published = [event.targets for event in watch.seen if isinstance(event, TargetsChanged)]
    assert all(a != b for a, b in itertools.pairwise(published))
    # Created, running, stopped, gone: Docker's pace decides how many of these are seen.
    assert 2 <= len(published) <= 4
    statuses = [event.status for event in watch.seen if isinstance(event, DockerStatusChanged)]
    assert [status.state for status in statuses] == [EngineState.READY]
    assert statuses[0].version


@pytest.mark.docker
async def test_the_events_need_no_worker(daemon: Daemon, client: docker.DockerClient) -> None:
    engine = DockerEngine(url=daemon.url)
    watch = Watch(DockerEngines(DockerSettings(engines=(engine,), workers=1)))
    await watch.catalogue.start()
    await watch.until_state(EngineState.READY)
    container = await asyncio.to_thread(run, client, "one-worker")
    await watch.until(lambda: watch.state_of(container) is TargetState.RUNNING)
    async with asyncio.timeout(5):
        await watch.engines.call("docker", lambda sdk: sdk.ping())
    async with asyncio.timeout(1):
        await watch.catalogue.stop()
    await watch.stop()


@pytest.mark.docker
async def test_containers_of_other_engines_carry_its_name(
    daemon: Daemon, client: docker.DockerClient, tmp_path: Path
) -> None:
    engines = (
        DockerEngine(name="docker", url=f"unix://{tmp_path}/none.sock"),
        DockerEngine(name="lab", url=daemon.url),
    )
    watch = Watch(DockerEngines(DockerSettings(engines=engines)))
    run(client, "box-b"), run(client, "box-a")
    await watch.catalogue.start()
    assert await watch.catalogue.settled(WAIT_SECONDS)
    assert [target.id for target in watch.catalogue.list()] == [
        LOCAL_TARGET,
        "lab/box-a",
        "lab/box-b",
    ]
    assert watch.catalogue.find("lab/box-a").name == "box-a"
    states = [status.state for status in watch.catalogue.statuses()]
    assert states == [EngineState.ABSENT, EngineState.READY]
    await watch.stop()


# -- away and back


@pytest.mark.docker
async def test_docker_away_and_back(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    client = daemon.client()
    images.ensure(client, images.BUSYBOX)
    run(client, "survivor")
    client.close()
    watch = Watch(engines_at(daemon.url))
    await watch.catalogue.start()
    await watch.until_state(EngineState.READY)
    assert watch.catalogue.find("survivor").state is TargetState.RUNNING

    await asyncio.to_thread(daemon.kill)
    status = await watch.until_state(EngineState.ABSENT)
    assert "start it with" in status.detail
    assert [target.id for target in watch.catalogue.list()] == [LOCAL_TARGET]

    await asyncio.to_thread(daemon.start)
    await watch.until_state(EngineState.READY)
    # Without live-restore the daemon that comes back finds its containers ended.
    await watch.until(lambda: len(watch.catalogue.list()) == 2)
    assert watch.catalogue.find("survivor").state is TargetState.STOPPED
    states = [e.status.state for e in watch.seen if isinstance(e, DockerStatusChanged)]
    assert states[0] is EngineState.READY
    assert states[-1] is EngineState.READY
    assert EngineState.ABSENT in states
    await watch.stop()


async def test_absent_from_the_beginning(tmp_path: Path) -> None:
    watch = Watch(engines_at(f"unix://{tmp_path}/none.sock"))
    assert watch.status.state is EngineState.CONNECTING
    await watch.catalogue.start()
    status = await watch.until_state(EngineState.ABSENT)
    assert "Docker is not running" in status.detail
    assert await watch.catalogue.settled(WAIT_SECONDS)
    await watch.stop()


async def test_refused(tmp_path: Path) -> None:
    async def forbid(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\nnot for you")
        writer.close()

    server = await asyncio.start_unix_server(forbid, tmp_path / "d.sock")
    watch = Watch(engines_at(f"unix://{tmp_path}/d.sock"))
    await watch.catalogue.start()
    status = await watch.until_state(EngineState.REFUSED)
    assert "not for you" in status.detail
    await watch.stop()
    server.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\n\r\nbroken",
        b"HTTP/1.1 200 OK\r\n\r\n[]\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
async def test_an_engine_that_talks_nonsense_has_failed(tmp_path: Path, answer: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(babble, tmp_path / "d.sock")
    watch = Watch(engines_at(f"unix://{tmp_path}/d.sock"))
    await watch.catalogue.start()
    assert (await watch.until_state(EngineState.FAILED)).detail
    await watch.stop()
    server.close()


async def test_many_changes_are_few_lists(tmp_path: Path) -> None:
    """As when two hundred services start at once."""
    listed, sent = 0, 0
    began = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal listed, sent
        request = await reader.read(65536)
        path = request.split()[1].decode() if request else ""
        if "/events" in path:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await began.wait()
            for _ in range(200):
                event = {"Type": "container", "Action": "start", "Actor": {"ID": f"{sent}"}}
                writer.write(json.dumps(event).encode() + b"\n")
                sent += 1
                await asyncio.sleep(0.005)
            await reader.read()
            writer.close()
            return
        names = [f"/box-{at}" for at in range(sent)]
        body: object = {"Version": "1", "ApiVersion": "1.41"}
        if "/containers/json" in path:
            listed += 1
            body = [{"Names": [one], "State": "running", "Id": one} for one in names]
        text = json.dumps(body).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "d.sock")
    watch = Watch(engines_at(f"unix://{tmp_path}/d.sock"))
    await watch.catalogue.start()
    await watch.until_state(EngineState.READY)
    began.set()
    # The first is seen at once, and the last one, too.
    await watch.until(lambda: len(watch.catalogue.list()) > 1)
    assert sent < 100
    await watch.until(lambda: len(watch.catalogue.list()) == 201)
    assert listed < 20
    await watch.stop()
    server.close()


_AS_NOBODY = """
import asyncio, os, sys
from engine.docker.engines import DockerEngines
from engine.core.events import EventBus
from engine.core.settings import DockerEngine, DockerSettings
from engine.targets.catalogue import TargetCatalogue
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    engines = DockerEngines(DockerSettings(engines=(DockerEngine(),)))
    catalogue = TargetCatalogue(engines, EventBus())
    await catalogue.start()
    assert await catalogue.settled(10)
    print(catalogue.statuses()[0].state, catalogue.statuses()[0].detail)
    await catalogue.stop()
    await engines.close()
asyncio.run(main())
"""


@pytest.mark.docker
@pytest.mark.usefixtures("docker_client")
def test_dockers_own_socket_without_permission() -> None:
    import os

    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.startswith("refused No permission to use Docker: add yourself"), done.stderr


# -- stopping, sharing, finding


async def test_stop_ends_at_once_whatever_is_going_on(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(silent, tmp_path / "d.sock")
    watch = Watch(engines_at(f"unix://{tmp_path}/d.sock"))
    await watch.catalogue.start()
    assert not await watch.catalogue.settled(0.05)
    async with asyncio.timeout(1):
        await watch.stop()
    server.close()


async def test_without_docker_there_is_this_computer() -> None:
    engines = DockerEngines(DockerSettings(enabled=False))
    watch = Watch(engines)
    await watch.catalogue.start()
    assert await watch.catalogue.settled(1)
    assert [target.kind for target in watch.catalogue.list()] == [TargetKind.LOCAL]
    assert watch.catalogue.statuses() == ()
    await watch.stop()
    without = Watch(DockerEngines(DockerSettings(enabled=False)), local=False)
    assert without.catalogue.list() == ()
    await without.stop()


@pytest.mark.docker
async def test_sharing(watch: Watch, client: docker.DockerClient) -> None:
    first, second = unique_name("a"), unique_name("b")
    run(client, first), run(client, second)
    await watch.until(lambda: len(watch.catalogue.list()) == 3)

    def shared() -> set[str]:
        return {target.id for target in watch.catalogue.list() if target.shared}

    assert shared() == set()
    watch.catalogue.set_shared([first])
    assert shared() == {first}
    watch.catalogue.set_shared(["*"])
    assert shared() == {first, second}
    watch.catalogue.set_shared([LOCAL_TARGET, second])
    assert shared() == {LOCAL_TARGET, second}
    assert watch.catalogue.shared() == (LOCAL_TARGET, second)
    before = len(watch.seen)
    watch.catalogue.set_shared([LOCAL_TARGET, second, "unknown"])
    assert len(watch.seen) == before
    watch.catalogue.set_shared([])
    assert isinstance(watch.seen[-1], TargetsChanged)
    assert shared() == set()


# -- the event stream's lines


async def test_events_split_anywhere_come_in_batches() -> None:
    stream = HttpStream()
    stream.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    events = EventStream(stream)
    stream.data_received(b'{"Action":"start","id":"a","more":{"x":1}}\n\n{"Action":"di')
    assert [(e.action, e.id) for e in await events.batch()] == [("start", "a")]
    waiting = asyncio.create_task(events.batch())
    await asyncio.sleep(0)
    stream.data_received(b'e","id":"b"}')
    stream.data_received(b"\n")
    assert [(e.action, e.id) for e in await waiting] == [("die", "b")]
    stream.connection_lost(None)
    assert await events.batch() == ()


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"Action": 7}\n', b"[]\n", b"\xff\n"])
async def test_a_malformed_event_is_an_error(line: bytes) -> None:
    stream = HttpStream()
    stream.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + line)
    with pytest.raises(DockerFailedError, match="malformed event"):
        await EventStream(stream).batch()


async def test_an_event_without_end_is_an_error() -> None:
    stream = HttpStream()
    stream.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_EVENT_BYTES + 1))
    with pytest.raises(DockerFailedError, match="too large"):
        await EventStream(stream).batch()
