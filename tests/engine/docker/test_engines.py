"""Docker's SDK behind one door: addresses, clients, workers, and errors in words."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.core.errors import (
    DockerAbsentError,
    DockerError,
    DockerFailedError,
    DockerRefusedError,
)
from engine.core.settings import DockerEngine, DockerSettings
from engine.docker.endpoint import (
    DEFAULT_URL,
    TcpEndpoint,
    TlsFiles,
    UnixEndpoint,
    UnusableEndpoint,
    explain,
    resolve,
)
from engine.docker.engines import DockerEngines
from tests.docker_fixtures import engines_at
from tests.engine.signaling.certificates import make_authority

# -- addresses


def test_an_empty_address_is_dockers_default() -> None:
    assert resolve(DockerEngine(), {}).url == DEFAULT_URL


def test_an_empty_address_follows_the_environment() -> None:
    environ = {
        "DOCKER_HOST": "tcp://box:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/certs",
    }
    tls = TlsFiles("/certs/ca.pem", "/certs/cert.pem", "/certs/key.pem")
    assert resolve(DockerEngine(), environ) == TcpEndpoint("tcp://box:2376", "box", 2376, tls)
    del environ["DOCKER_TLS_VERIFY"]
    assert resolve(DockerEngine(), environ) == TcpEndpoint("tcp://box:2376", "box", 2376, None)


def docker_command(folder: Path, *arguments: str) -> None:
    """The real one, with a configuration folder of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(folder)}
    command = ["docker", "context", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True)


@pytest.fixture
def contexts(tmp_path: Path) -> Path:
    """The docker command's configuration, with two contexts."""
    if shutil.which("docker") is None:
        pytest.skip("The docker command is not installed")
    ca, cert, key = (tmp_path / f"my-{name}" for name in ("ca", "cert", "key"))
    authority = make_authority(tmp_path)
    client = authority.client
    for file, source in ((ca, authority.ca), (cert, client.cert), (key, client.key)):
        file.write_bytes(Path(source).read_bytes())
    docker_command(tmp_path, "create", "plain", "--docker", "host=ssh://me@box")
    tls = f"host=tcp://box:2376,ca={ca},cert={cert},key={key}"
    docker_command(tmp_path, "create", "with-tls", "--docker", tls)
    return tmp_path


def test_the_engine_in_use_is_the_one_of_the_docker_command(contexts: Path) -> None:
    environ = {"DOCKER_CONFIG": str(contexts)}
    assert resolve(DockerEngine(), environ).url == DEFAULT_URL
    docker_command(contexts, "use", "with-tls")
    endpoint = resolve(DockerEngine(), environ)
    assert isinstance(endpoint, TcpEndpoint)
    assert endpoint.tls is not None
    assert (endpoint.address, endpoint.port) == ("box", 2376)
    assert Path(endpoint.tls.cert).read_bytes() == (contexts / "my-cert").read_bytes()
    # DOCKER_HOST, then DOCKER_CONTEXT, then the configuration; the settings before all.
    environ["DOCKER_CONTEXT"] = "plain"
    assert resolve(DockerEngine(), environ).url == "ssh://me@box"
    assert resolve(DockerEngine(context="with-tls"), environ).url == "tcp://box:2376"
    environ["DOCKER_HOST"] = "tcp://other:1"
    assert resolve(DockerEngine(), environ).url == "tcp://other:1"
    assert resolve(DockerEngine(context="plain"), environ).url == "ssh://me@box"
    assert resolve(DockerEngine(url="tcp://own:2", context="plain"), environ).url == "tcp://own:2"
    environ = {"DOCKER_CONFIG": str(contexts), "DOCKER_CONTEXT": "default"}
    assert resolve(DockerEngine(), environ).url == DEFAULT_URL


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b'{"Endpoints": 5}', b'{"Endpoints": {"docker": {}}}']
)
def test_a_context_that_cannot_be_used_is_named(content: bytes | None, contexts: Path) -> None:
    environ = {"DOCKER_CONFIG": str(contexts), "DOCKER_CONTEXT": "plain"}
    (meta,) = (m for m in contexts.glob("contexts/meta/*/meta.json") if "ssh://" in m.read_text())
    if content is None:
        meta.unlink()
    else:
        meta.write_bytes(content)
    with pytest.raises(DockerFailedError, match="“plain”"):
        asyncio.run(resolve(DockerEngine(), environ).connect(asyncio.Protocol))


def test_a_damaged_configuration_of_the_docker_command_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert resolve(DockerEngine(), {"DOCKER_CONFIG": str(tmp_path)}).url == DEFAULT_URL


def test_a_given_address_does_not_follow_the_environment() -> None:
    environ = {"DOCKER_HOST": "tcp://box:1", "DOCKER_TLS_VERIFY": "1"}
    engine = DockerEngine(url="unix:///run/d.sock")
    assert resolve(engine, environ) == UnixEndpoint("unix:///run/d.sock", "/run/d.sock")


@pytest.mark.parametrize(
    ("url", "address", "port", "tls"),
    [
        ("tcp://box", "box", 2375, False),
        ("tcp://[::1]:99", "::1", 99, False),
        ("http://10.0.0.1:2375", "10.0.0.1", 2375, False),
        ("https://box", "box", 2376, True),
    ],
)
def test_addresses_on_the_network(url: str, address: str, port: int, tls: bool) -> None:
    endpoint = resolve(DockerEngine(url=url), {})
    assert endpoint == TcpEndpoint(url, address, port, TlsFiles() if tls else None)


def test_certificates_in_the_settings_mean_tls() -> None:
    engine = DockerEngine(url="tcp://box", tls_ca="/ca", tls_cert="/cert", tls_key="/key")
    assert resolve(engine, {}) == TcpEndpoint(
        "tcp://box", "box", 2376, TlsFiles("/ca", "/cert", "/key")
    )


@pytest.mark.parametrize(
    "url", ["ssh://-box", "npipe:////./pipe/x", "ftp://x", "box", "tcp://", "tcp://x:99999"]
)
async def test_an_address_that_cannot_be_used_says_so_at_every_use(url: str) -> None:
    engines = engines_at(url)
    endpoint = engines.endpoint("docker")
    assert isinstance(endpoint, UnusableEndpoint)
    assert url in endpoint.problem
    with pytest.raises(DockerFailedError, match=r"supported|address"):
        await engines.call("docker", lambda client: client.ping())
    with pytest.raises(DockerFailedError, match=r"supported|address"):
        await endpoint.connect(asyncio.Protocol)
    await engines.close()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), DockerAbsentError, "start it with"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), DockerAbsentError, "start it with"),
        (TimeoutError(), DockerAbsentError, "start it with"),
        (PermissionError(errno.EACCES, "x"), DockerRefusedError, "docker group"),
        (ssl.SSLError(1, "x"), DockerRefusedError, "certificate"),
    ],
)
def test_why_docker_cannot_be_reached(error: OSError, kind: type[DockerError], words: str) -> None:
    reported = explain(UnixEndpoint(DEFAULT_URL, "/var/run/docker.sock"), error)
    assert isinstance(reported, kind)
    assert words in str(reported)


# -- calls


async def test_no_socket_is_absence(tmp_path: Path) -> None:
    engines = engines_at(f"unix://{tmp_path}/docker.sock")
    with pytest.raises(DockerAbsentError, match="Docker is not running"):
        await engines.call("docker", lambda client: client.ping())
    await engines.close()


async def test_nobody_at_the_port_is_absence() -> None:
    engines = engines_at("tcp://127.0.0.1:1")
    with pytest.raises(DockerAbsentError, match=r"tcp://127\.0\.0\.1:1"):
        await engines.call("docker", lambda client: client.ping())
    await engines.close()


async def test_something_else_at_the_address_is_a_failure(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        writer.close()

    server = await asyncio.start_unix_server(greet, tmp_path / "mail.sock")
    engines = engines_at(f"unix://{tmp_path}/mail.sock")
    with pytest.raises(DockerError):
        await engines.call("docker", lambda client: client.ping())
    await engines.close()
    server.close()


async def test_no_answer_is_a_failure_within_the_time_limit(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(silent, tmp_path / "d.sock")
    settings = DockerSettings(engines=(DockerEngine(url=f"unix://{tmp_path}/d.sock"),))
    engines = DockerEngines(settings, api_timeout=1)
    with pytest.raises(DockerFailedError, match="did not answer within 1 seconds"):
        await engines.call("docker", lambda client: client.ping())
    await engines.close()
    server.close()


async def test_forbidden_is_a_refusal(tmp_path: Path) -> None:
    async def forbid(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await reader.readline():
            writer.close()
            return
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
            b'Content-Length: 27\r\nConnection: close\r\n\r\n{"message":"not for you!!"}'
        )
        writer.close()

    server = await asyncio.start_unix_server(forbid, tmp_path / "d.sock")
    engines = engines_at(f"unix://{tmp_path}/d.sock")
    with pytest.raises(DockerRefusedError, match="not for you"):
        await engines.call("docker", lambda client: client.ping())
    await engines.close()
    server.close()


_AS_NOBODY = """
import asyncio, os, sys
import docker.errors, docker.tls, requests
from engine.docker.engines import DockerEngines
from engine.core.settings import DockerEngine, DockerSettings
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    engines = DockerEngines(DockerSettings(engines=(DockerEngine(url=sys.argv[1]),)))
    for attempt in (lambda: engines.call("docker", lambda client: client.ping()),
                    lambda: engines.endpoint("docker").connect(asyncio.Protocol)):
        try:
            await attempt()
        except Exception as error:
            print(type(error).__name__, error)
    await engines.close()
asyncio.run(main())
"""


@pytest.mark.docker
def test_a_socket_without_permission_is_a_refusal(tmp_path: Path) -> None:
    import os
    import socket

    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    # /tmp/pytest-of-root is closed to others; what is refused must be the socket itself.
    path = f"/tmp/hatchway-test-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0o600)
        try:
            done = subprocess.run(
                [sys.executable, "-c", _AS_NOBODY, f"unix://{path}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
        finally:
            os.unlink(path)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    for line in lines:
        assert line.startswith("DockerRefusedError No permission to use Docker: add yourself"), line


@pytest.mark.docker
async def test_calls_run_in_the_workers_with_one_client(engines: DockerEngines) -> None:
    def who(client: object) -> tuple[int, str]:
        return id(client), threading.current_thread().name

    results = await asyncio.gather(*(engines.call("docker", who) for _ in range(8)))
    assert len({client for client, _ in results}) == 1
    assert all(name.startswith("hatchway-docker") for _, name in results)


@pytest.mark.docker
async def test_what_is_not_found_can_be_told_apart(engines: DockerEngines) -> None:
    with pytest.raises(DockerFailedError, match="No such container") as raised:
        await engines.call("docker", lambda client: client.containers.get("no-such-thing"))
    assert raised.value.status == 404


async def test_an_unknown_engine_is_absent(engines: DockerEngines) -> None:
    with pytest.raises(DockerAbsentError, match="'podman'"):
        await engines.call("podman", lambda client: client.ping())


async def test_after_close_calls_are_refused_and_no_thread_is_left() -> None:
    engines = engines_at("tcp://127.0.0.1:1")
    slow = asyncio.create_task(engines.call("docker", lambda client: None))
    await asyncio.sleep(0)
    await engines.close()
    with pytest.raises(DockerAbsentError):
        await slow
    with pytest.raises(DockerAbsentError, match="closing"):
        await engines.call("docker", lambda client: client.ping())
    assert not [t for t in threading.enumerate() if t.name.startswith("hatchway-docker")]


async def test_switched_off_there_are_no_engines() -> None:
    engines = DockerEngines(DockerSettings(enabled=False))
    assert engines.names == ()
    assert engines.default == ""
    await engines.close()


async def test_a_call_given_up_does_not_stop_the_loop(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(silent, tmp_path / "d.sock")
    settings = DockerSettings(engines=(DockerEngine(url=f"unix://{tmp_path}/d.sock"),))
    engines = DockerEngines(settings, api_timeout=1)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await engines.call("docker", lambda client: client.ping())
    assert time.monotonic() - begun < 0.9
    await engines.close()
    server.close()
