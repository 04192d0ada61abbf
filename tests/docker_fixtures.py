"""Fixtures for tests on a real Docker Engine; tests/conftest.py loads them.

Owns containers and extra daemons of the tests: unique names, no network, always
removed. Does not own the images (tests/images.py). Without Docker these tests
are skipped on a person's machine and fail in CI.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import psutil
import pytest

from engine.core.model import Target, TargetKind
from engine.core.settings import DockerEngine, DockerSettings
from engine.docker.engines import DockerEngines
from tests import images
from tests.engine.signaling.certificates import make_authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from docker.models.containers import Container

    from tests.engine.signaling.certificates import Authority

DAEMON_START_SECONDS = 30.0


def unavailable(reason: str) -> None:
    """Skip for want of ``reason``; in CI fail, where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """The machine's Docker, with the test images made."""
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        unavailable(f"Docker cannot be used: {error}")
        raise
    try:
        images.ensure(client)
        yield client
    finally:
        client.close()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unique_name(purpose: str) -> str:
    return f"hatchway-test-{purpose}-{uuid.uuid4().hex[:8]}"


def as_target(container: Container, engine: str = "docker") -> Target:
    """The container as the catalogue would list it."""
    name = str(container.name)
    return Target(
        id=name, kind=TargetKind.CONTAINER, name=name, engine=engine, ref=str(container.id)
    )


@dataclass
class ContainerFactory:
    """Runs containers and removes them all at the end."""

    client: docker.DockerClient
    made: list[Container] = field(default_factory=list)

    def __call__(self, image: str = images.BUSYBOX, **options: Any) -> Container:
        """A running container: its own name, no network, no init, asleep."""
        options.setdefault("name", unique_name("box"))
        options.setdefault("network_mode", "none")
        container: Container = self.client.containers.run(image, detach=True, **options)
        self.made.append(container)
        return container

    def remove_all(self) -> None:
        while self.made:
            try:
                self.made.pop().remove(force=True)
            except docker.errors.NotFound:
                continue


@pytest.fixture
def containers(docker_client: docker.DockerClient) -> Iterator[ContainerFactory]:
    """Call it for a fresh container; it is removed when the test ends."""
    factory = ContainerFactory(docker_client)
    yield factory
    factory.remove_all()


@pytest.fixture(scope="module")
def shared_containers(docker_client: docker.DockerClient) -> Iterator[ContainerFactory]:
    factory = ContainerFactory(docker_client)
    yield factory
    factory.remove_all()


@pytest.fixture(scope="module")
def busybox(shared_containers: ContainerFactory) -> Container:
    """A container with busybox sh, shared by the tests of a module."""
    return shared_containers(images.BUSYBOX)


@pytest.fixture(scope="module")
def bash_box(shared_containers: ContainerFactory) -> Container:
    """A container with bash, shared by the tests of a module."""
    return shared_containers(images.BASH)


@pytest.fixture
async def engines(docker_client: docker.DockerClient) -> AsyncIterator[DockerEngines]:
    """The engine's own access to the machine's Docker."""
    engines = DockerEngines(DockerSettings())
    yield engines
    await engines.close()


@dataclass
class Daemon:
    """A Docker daemon of the tests' own, which may be stopped, killed and started again."""

    folder: Path
    hosts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        hosts = [f"--host={host}" for host in (self.url, *self.hosts)]
        (self.folder / "docker.pid").unlink(missing_ok=True)
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "dockerd",
                    *hosts,
                    f"--data-root={self.folder / 'data'}",
                    f"--exec-root={self.folder / 'exec'}",
                    f"--pidfile={self.folder / 'docker.pid'}",
                    "--config-file=",
                    "--iptables=false",
                    "--bridge=none",
                    "--storage-driver=vfs",
                    *self.options,
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + DAEMON_START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "dockerd.log").read_text(errors="replace")
                raise RuntimeError(f"The second Docker daemon did not start:\n{log_text[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.url)

    def make_images(self) -> None:
        client = self.client()
        images.ensure(client, images.BUSYBOX)
        client.close()

    def run_box(self) -> Iterator[Container]:
        """A busybox container, removed when the generator goes on."""
        client = self.client()
        container = client.containers.run(
            images.BUSYBOX, detach=True, network_mode="none", stop_signal="SIGKILL"
        )
        yield container
        container.remove(force=True)
        client.close()

    def _answers(self) -> bool:
        # Tried by hand first: the SDK leaves a socket that cannot connect unclosed.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket)) != 0:
                return False
        try:
            client = self.client()
        except docker.errors.DockerException:
            return False
        client.close()
        return True

    def unmount(self) -> None:
        """Undo the mounts of daemons that were killed."""
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        # Its containerd dies with it, but a little later; a daemon started
        # meanwhile would take that one for its own.
        children = psutil.Process(self.process.pid).children()
        self.process.send_signal(number)
        self.process.wait(DAEMON_START_SECONDS)
        self.process = None
        psutil.wait_procs(children, DAEMON_START_SECONDS)


@pytest.fixture(scope="session")
def make_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Daemon]]:
    """Start further daemons: ``make_daemon(hosts=..., options=...)``. Needs root."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("dockerd"):
        unavailable("a Docker daemon of our own needs root and dockerd")
    daemons: list[Daemon] = []

    def make(hosts: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> Daemon:
        # A unix socket's path has room for some 100 bytes only.
        daemon = Daemon(tmp_path_factory.mktemp("dockerd"), hosts, options)
        daemons.append(daemon)
        daemon.start()
        return daemon

    yield make
    for daemon in daemons:
        if daemon.process is None:
            # Its containers outlive a killed daemon; only a daemon can remove them.
            daemon.start()
        client = daemon.client()
        for container in client.containers.list(all=True):
            container.remove(force=True)
        client.close()
        daemon.stop()
        daemon.unmount()


def engines_at(url: str, *, name: str = "docker", **options: str) -> DockerEngines:
    """Access to one engine at ``url``; the caller closes it."""
    engine = DockerEngine(name=name, url=url, **options)
    return DockerEngines(DockerSettings(engines=(engine,)))


@pytest.fixture(scope="session")
def second_daemon(make_daemon: Callable[..., Daemon]) -> Daemon:
    """One daemon of the tests' own with the busybox image. Leave it running."""
    daemon = make_daemon(hosts=(f"tcp://127.0.0.1:{free_port()}",), options=("--tls=false",))
    daemon.make_images()
    return daemon


@dataclass(frozen=True)
class Box:
    """A container, and the settings of the engine it is in: one way to reach it."""

    container: Container
    url: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        return as_target(self.container)

    def engines(self) -> DockerEngines:
        """The caller closes it."""
        return engines_at(self.url, **self.options)


@pytest.fixture(scope="session")
def second_box(second_daemon: Daemon) -> Iterator[Container]:
    """A busybox container of the second daemon."""
    yield from second_daemon.run_box()


@pytest.fixture(scope="session")
def box_over_tcp(second_daemon: Daemon, second_box: Container) -> Box:
    return Box(second_box, second_daemon.hosts[0])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the daemon behind box_over_tls, and for its clients."""
    return make_authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="session")
def box_over_tls(make_daemon: Callable[..., Daemon], authority: Authority) -> Iterator[Box]:
    """In a daemon that asks for a certificate, as it shows one."""
    url = f"tcp://127.0.0.1:{free_port()}"
    ours, server, client = authority.ca, authority.server, authority.client
    files = (f"--tlscacert={ours}", f"--tlscert={server.cert}", f"--tlskey={server.key}")
    daemon = make_daemon(hosts=(url,), options=("--tlsverify", *files))
    daemon.make_images()
    options = {"tls_ca": ours, "tls_cert": client.cert, "tls_key": client.key}
    for container in daemon.run_box():
        yield Box(container, url, options)
