"""Docker over ssh: addresses, the command line, what fails and in which words, the end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import DockerAbsentError, DockerError, DockerFailedError, DockerRefusedError
from engine.core.events import EventBus
from engine.core.model import EngineState
from engine.core.settings import DockerEngine
from engine.docker.endpoint import SshEndpoint, UnusableEndpoint, resolve
from engine.docker.events import open_events
from engine.docker.http_stream import HttpStream
from engine.docker.ssh import SshAddress, SshError, explain, parse
from engine.targets.catalogue import TargetCatalogue
from tests.docker_fixtures import engines_at, unique_name
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from docker import DockerClient

    from engine.docker.engines import DockerEngines
    from tests.docker_fixtures import ContainerFactory, Daemon
    from tests.ssh_fixtures import SshServer

# -- addresses


@pytest.mark.parametrize(
    ("rest", "address"),
    [
        ("box", SshAddress("box")),
        ("Box-1.lan", SshAddress("Box-1.lan")),
        ("me@box", SshAddress("box", "me")),
        ("me@example.org@box:2222", SshAddress("box", "me@example.org", 2222)),
        ("box:22/", SshAddress("box", "", 22)),
        ("me@[::1]:22", SshAddress("::1", "me", 22)),
        ("[fe80::1%eth0]", SshAddress("fe80::1%eth0")),
        (
            "me@box/run/user/1000/docker.sock",
            SshAddress("box", "me", 0, "/run/user/1000/docker.sock"),
        ),
    ],
)
def test_addresses(rest: str, address: SshAddress) -> None:
    assert parse(rest) == address


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "@box",
        "-oProxyCommand=reboot",
        "-l@box",
        "me@-box",
        "box:",
        "box:0",
        "box:65536",
        "box:22x",
        "box:-1",
        "me:secret@box",
        "box;reboot",
        "$(reboot)",
        "box name",
        "box\nname",
        "box\0",
        "bo%78",
        "[::1",
        "[-oX]",
        "box/var/run/docker.sock;reboot",
        "box/a b",
        "box/run/$(reboot)",
        "box?x=1",
        "box" * 100,
    ],
)
def test_what_is_no_plain_address_is_refused(rest: str) -> None:
    assert parse(rest) is None
    endpoint = resolve(DockerEngine(url=f"ssh://{rest}"), {})
    assert isinstance(endpoint, UnusableEndpoint)
    assert "address" in endpoint.problem


@given(st.text(max_size=40))
def test_no_address_becomes_an_option_or_a_shell_command(rest: str) -> None:
    address = parse(rest)
    if address is None:
        return
    command = address.command()
    end = command.index("--")
    assert command[end + 1] == address.host
    assert len(command) == end + 3
    for word in (address.host, address.user, *command[end + 1 :]):
        assert not word.startswith("-")
    for word in command:
        assert not set(word) & set(";|&$`<>(){}*?!#~\\\"'\n\0")


def test_the_settings_say_which_configuration_ssh_reads() -> None:
    endpoint = resolve(DockerEngine(url="ssh://me@box", ssh_config="/etc/hatchway/ssh"), {})
    assert endpoint == SshEndpoint(
        "ssh://me@box", SshAddress("box", "me", 0, "", "/etc/hatchway/ssh")
    )
    assert isinstance(endpoint, SshEndpoint)
    command = endpoint.address.command()
    assert command[command.index("-F") + 1] == "/etc/hatchway/ssh"


# -- words


@pytest.mark.parametrize(
    ("status", "words", "kind", "text"),
    [
        (None, "ssh is not installed", DockerFailedError, "not installed"),
        (127, "sh: 1: docker: not found", DockerAbsentError, "no docker command"),
        (126, "docker: Permission denied", DockerAbsentError, "no docker command"),
        (255, "Host key verification failed.", DockerRefusedError, "not known; run “ssh me@box”"),
        (
            255,
            "No ED25519 host key is known for box and you want it. Host key verification failed.",
            DockerRefusedError,
            "not known",
        ),
        (
            255,
            "Host key for box has changed and you want it. Host key verification failed.",
            DockerRefusedError,
            "before you trust",
        ),
        (255, "me@box: Permission denied (publickey).", DockerRefusedError, "without a prompt"),
        (255, "ssh: Could not resolve hostname box: x", DockerAbsentError, "cannot be reached"),
        (255, "ssh: connect to host box port 22: Connection timed out", DockerAbsentError, "timed"),
        (255, "Timeout, server box not responding.", DockerAbsentError, "cannot be reached"),
        (255, "Bad configuration option: x", DockerFailedError, "Bad configuration"),
        (1, "dial unix /x: connect: permission denied", DockerRefusedError, "docker group"),
        (1, "dial unix /x: connect: no such file or directory", DockerAbsentError, "not running"),
        (1, "Cannot connect to the Docker daemon at x", DockerAbsentError, "not running"),
        (2, "exit status 2", DockerFailedError, "docker command on me@box"),
    ],
)
def test_why_docker_cannot_be_used(
    status: int | None, words: str, kind: type[DockerError], text: str
) -> None:
    error = explain(SshAddress("box", "me"), SshError(words, status))
    assert type(error) is kind
    assert text in str(error)


# -- a real server


@pytest.fixture
async def at() -> AsyncIterator[Callable[..., DockerEngines]]:
    """Engines at a URL, closed when the test ends."""
    made: list[DockerEngines] = []

    def make(url: str, config: str) -> DockerEngines:
        made.append(engines_at(url, ssh_config=config))
        return made[-1]

    yield make
    for engines in made:
        await engines.close()
    assert ssh_programs() == []


def ssh_programs() -> list[psutil.Process]:
    """Our children that are ssh, including dead ones nobody waited for."""
    return [child for child in psutil.Process().children() if child.name() == "ssh"]


async def failure(engines: DockerEngines) -> DockerError:
    """Why neither the SDK nor a stream gets through: both must say the same."""
    with pytest.raises(DockerError) as of_call:
        await engines.call("docker", lambda client: client.ping())
    with pytest.raises(DockerError) as of_stream:
        await open_events(engines.endpoint("docker"), ["start"])
    assert (type(of_call.value), str(of_call.value)) == (
        type(of_stream.value),
        str(of_stream.value),
    )
    return of_call.value


async def test_a_host_that_does_not_answer(
    at: Callable[..., DockerEngines], ssh_server: SshServer
) -> None:
    error = await failure(at("ssh://127.0.0.1:1", ssh_server.config))
    assert isinstance(error, DockerAbsentError)
    assert "Connection refused" in str(error)


async def test_an_unknown_host_key(
    at: Callable[..., DockerEngines], ssh_server: SshServer, tmp_path: Path
) -> None:
    config = ssh_server.client_config(known_hosts=tmp_path / "empty")
    error = await failure(at(ssh_server.url, config))
    assert isinstance(error, DockerRefusedError)
    assert "host key is not known" in str(error)


async def test_a_changed_host_key(
    at: Callable[..., DockerEngines], ssh_server: SshServer, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    stranger = (ssh_server.folder / "stranger.pub").read_text()
    changed.write_text(f"[127.0.0.1]:{ssh_server.port} {stranger}")
    error = await failure(at(ssh_server.url, ssh_server.client_config(known_hosts=changed)))
    assert isinstance(error, DockerRefusedError)
    assert "host key has changed" in str(error)


async def test_a_key_that_is_not_let_in(
    at: Callable[..., DockerEngines], ssh_server: SshServer
) -> None:
    error = await failure(at(ssh_server.url, ssh_server.client_config(key="stranger")))
    assert isinstance(error, DockerRefusedError)
    assert "without a prompt" in str(error)


async def test_no_docker_on_the_far_side(
    at: Callable[..., DockerEngines], make_ssh_server: Callable[..., SshServer], tmp_path: Path
) -> None:
    server = make_ssh_server(f"SetEnv PATH={tmp_path}")
    error = await failure(at(server.url, server.config))
    assert isinstance(error, DockerAbsentError)
    assert "no docker command" in str(error)


@pytest.mark.docker
async def test_no_engine_on_the_far_side(
    at: Callable[..., DockerEngines], ssh_server: SshServer, docker_client: DockerClient
) -> None:
    error = await failure(at(f"{ssh_server.url}/nowhere/docker.sock", ssh_server.config))
    assert isinstance(error, DockerAbsentError)
    assert "not running" in str(error)


@pytest.mark.docker
async def test_a_far_user_who_may_not_use_docker(
    at: Callable[..., DockerEngines],
    make_ssh_server: Callable[..., SshServer],
    docker_client: DockerClient,
    tmp_path: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    nobody = tmp_path / "docker"
    nobody.write_text(
        "#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\n"
        'exec setpriv --reuid=65534 --regid=65534 --clear-groups docker "$@"\n'
    )
    nobody.chmod(0o755)
    server = make_ssh_server(f"SetEnv PATH={tmp_path}")
    error = await failure(at(server.url, server.config))
    assert isinstance(error, DockerRefusedError)
    assert "docker group" in str(error)


async def test_a_far_side_that_talks_without_end(
    at: Callable[..., DockerEngines], make_ssh_server: Callable[..., SshServer]
) -> None:
    server = make_ssh_server("ForceCommand yes complaint 1>&2 & exec yes noise")
    engines = at(server.url, server.config)
    with pytest.raises(DockerError):
        await engines.call("docker", lambda client: client.ping())
    with pytest.raises(DockerFailedError, match="does not speak HTTP"):
        await open_events(engines.endpoint("docker"), ["start"])


async def test_without_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: Callable[..., DockerEngines]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = await failure(at("ssh://box", ""))
    assert isinstance(error, DockerFailedError)
    assert "ssh is not installed" in str(error)


@pytest.mark.docker
async def test_many_streams_at_once_are_all_let_in(
    at: Callable[..., DockerEngines], ssh_server: SshServer, docker_client: DockerClient
) -> None:
    """More than sshd lets begin at once: see SSH_HANDSHAKES."""
    engines = at(ssh_server.url, ssh_server.config)
    opening = (open_events(engines.endpoint("docker"), ["start"]) for _ in range(11))
    streams = await asyncio.gather(*opening)
    assert len(ssh_programs()) == 11
    await asyncio.gather(*(stream.close() for stream in streams))


@pytest.mark.docker
async def test_giving_up_while_others_are_let_in_leaves_nothing(
    at: Callable[..., DockerEngines], ssh_server: SshServer, docker_client: DockerClient
) -> None:
    endpoint = at(ssh_server.url, ssh_server.config).endpoint("docker")
    opening = [asyncio.create_task(open_events(endpoint, ["start"])) for _ in range(12)]
    await until(lambda: len(ssh_programs()) > 1)
    for task in opening:
        task.cancel()
    await asyncio.gather(*opening, return_exceptions=True)
    await until(lambda: not ssh_programs())
    stream = await open_events(endpoint, ["start"])
    await stream.close()


@pytest.mark.docker
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_killed_program_is_the_end_of_its_stream(
    at: Callable[..., DockerEngines],
    ssh_server: SshServer,
    docker_client: DockerClient,
    number: int,
) -> None:
    stream = await open_events(at(ssh_server.url, ssh_server.config).endpoint("docker"), ["start"])
    (ssh,) = ssh_programs()
    ssh.send_signal(number)
    assert await stream.batch() == ()
    await stream.close()


@pytest.mark.docker
async def test_a_program_that_hangs_is_ended_all_the_same(
    at: Callable[..., DockerEngines], ssh_server: SshServer, docker_client: DockerClient
) -> None:
    engines = at(ssh_server.url, ssh_server.config)
    await engines.call("docker", lambda client: client.ping())
    stream = await open_events(engines.endpoint("docker"), ["start"])
    for ssh in ssh_programs():
        ssh.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(5):
        await stream.close()


@pytest.mark.docker
async def test_a_call_whose_idle_connection_died_makes_another(
    at: Callable[..., DockerEngines], ssh_server: SshServer, docker_client: DockerClient
) -> None:
    engines = at(ssh_server.url, ssh_server.config)

    def dead() -> bool:
        # Its end of the socket is closed then, but not at once after the signal.
        return all(ssh.status() == psutil.STATUS_ZOMBIE for ssh in ssh_programs())

    for _ in range(2):
        assert await engines.call("docker", lambda client: client.ping())
        for ssh in ssh_programs():
            ssh.kill()
        await until(dead, 5)


async def test_the_end_of_file_comes_with_what_was_sent_before_it(
    at: Callable[..., DockerEngines], make_ssh_server: Callable[..., SshServer]
) -> None:
    server = make_ssh_server(
        "ForceCommand printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; head -c 3000000 /dev/zero; exit 3"
    )
    stream = await at(server.url, server.config).endpoint("docker").connect(HttpStream)
    assert (await stream.response()).status == 200
    received = 0
    while data := await stream.read():
        received += len(data)
    assert received == 3_000_000
    await stream.wait_closed()
    assert isinstance(stream.error, SshError)
    assert stream.error.status == 3
    assert ssh_programs() == []


@pytest.mark.docker
async def test_the_catalogue_follows_an_engine_over_ssh_and_finds_it_again(
    ssh_server: SshServer, make_daemon: Callable[..., Daemon]
) -> None:
    daemon = make_daemon()
    engines = engines_at(f"{ssh_server.url}{daemon.socket}", ssh_config=ssh_server.config)
    catalogue = TargetCatalogue(engines, EventBus(), local=False, retry=(0.1, 0.3))
    await catalogue.start()

    def state() -> EngineState:
        return catalogue.statuses()[0].state

    await until(lambda: state() is EngineState.READY, 20)
    daemon.stop()
    await until(lambda: state() is EngineState.ABSENT, 20)
    assert "Docker is not running on" in catalogue.statuses()[0].detail
    daemon.start()
    await until(lambda: state() is EngineState.READY, 30)
    for ssh in ssh_programs():
        ssh.kill()
    await until(lambda: state() is not EngineState.READY, 20)
    await until(lambda: state() is EngineState.READY, 20)
    await catalogue.stop()
    await engines.close()
    assert ssh_programs() == []


@pytest.mark.docker
async def test_the_catalogue_sees_containers_come_and_go_over_ssh(
    at: Callable[..., DockerEngines], ssh_server: SshServer, containers: ContainerFactory
) -> None:
    catalogue = TargetCatalogue(at(ssh_server.url, ssh_server.config), EventBus(), local=False)
    await catalogue.start()
    assert await catalogue.settled(20)
    name = unique_name("ssh")
    containers(name=name)
    await until(lambda: name in [target.name for target in catalogue.list()])
    containers.remove_all()
    await until(lambda: name not in [target.name for target in catalogue.list()])
    await catalogue.stop()
