"""Where a Docker engine listens and how to connect to it on the event loop.

Engine addresses come from the settings, else from where the docker command has them
(engine.docker.context). Errors of an engine that cannot be reached get their text here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlsplit

from engine.core.errors import DockerAbsentError, DockerFailedError, DockerRefusedError
from engine.docker import context as docker_context
from engine.docker import ssh as docker_ssh
from engine.docker.ssh import SshAddress, SshError, SshProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.core.errors import DockerError
    from engine.core.settings import DockerEngine

CONNECT_TIMEOUT_SECONDS = 5.0
"""How long an engine may take to accept a connection, TLS included."""
DEFAULT_URL = "npipe:////./pipe/docker_engine" if os.name == "nt" else "unix:///var/run/docker.sock"
PLAIN_PORT = 2375
TLS_PORT = 2376
SSH_HANDSHAKES = 4
"""Streams to one engine over ssh that may wait for a first answer at the same time. The SDK's
workers come on top, and from the tenth connection that has not logged in sshd drops some
at random (sshd_config(5), MaxStartups)."""
SSH_GRACE_SECONDS = 1.0
"""How long an ssh program may take to end by itself, and again after SIGTERM."""
SSH_POLL_SECONDS = (0.002, 0.05)
"""Between two checks whether it has ended: at first, and at most."""

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. Without ``ca`` the system's authorities are used."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises OSError (such as ssl.SSLError) when a file cannot be used."""
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None)
        return context


class Endpoint(Protocol):
    """How to reach an engine: over a unix socket, TCP, TLS or ssh."""

    @property
    def url(self) -> str:
        """The address as written in the settings."""

    @property
    def host(self) -> str:
        """The HTTP Host header."""

    @property
    def tls(self) -> TlsFiles | None:
        """None when the connection is not encrypted."""

    async def connect(self, protocol_factory: Callable[[], _P]) -> _P:
        """A connected protocol. Raises DockerAbsentError, DockerRefusedError, DockerFailedError."""


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    url: str
    path: str
    host: str = "docker"
    tls: TlsFiles | None = None

    async def connect(self, protocol_factory: Callable[[], _P]) -> _P:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                _, protocol = await loop.create_unix_connection(protocol_factory, self.path)
        except OSError as error:
            raise explain(self, error) from error
        return protocol


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    url: str
    address: str
    port: int
    tls: TlsFiles | None = None

    @property
    def host(self) -> str:
        name = f"[{self.address}]" if ":" in self.address else self.address
        return f"{name}:{self.port}"

    async def connect(self, protocol_factory: Callable[[], _P]) -> _P:
        loop = asyncio.get_running_loop()
        try:
            context = self.tls.context() if self.tls else None
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                transport, protocol = await loop.create_connection(
                    protocol_factory, self.address, self.port, ssl=context
                )
        except OSError as error:
            raise explain(self, error) from error
        # A terminal may be silent for hours: keepalives detect a host that disappeared.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return protocol


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """The engine of another computer, through the ssh program (engine.docker.ssh).

    connect() returns before ssh has connected. A failure of ssh reaches the protocol
    as connection_lost(SshError), for explain().
    """

    url: str
    address: SshAddress
    host: str = "docker"
    tls: TlsFiles | None = None
    _handshakes: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(SSH_HANDSHAKES), repr=False, compare=False
    )

    async def connect(self, protocol_factory: Callable[[], _P]) -> _P:
        loop = asyncio.get_running_loop()
        protocol = protocol_factory()
        assert isinstance(protocol, asyncio.Protocol)
        await self._handshakes.acquire()
        try:
            ssh = SshProcess(self.address)
        except SshError as error:
            self._handshakes.release()
            raise explain(self, error) from error
        connection = _SshConnection(ssh, protocol, loop, self._handshakes.release)
        await loop.create_unix_connection(lambda: connection, sock=ssh.socket)
        return protocol


class _SshConnection(asyncio.Protocol):
    """Forwards a connection's callbacks to ``inner`` and ends its ssh.

    ``inner.connection_lost`` is called, with the reason, only after the program has ended, so
    whoever waits for that leaves no process behind. ``inner.eof_received`` is never called:
    ssh does not close one direction alone. ``answered`` is called once, at the first byte or
    the end.
    """

    def __init__(
        self,
        ssh: SshProcess,
        inner: asyncio.Protocol,
        loop: asyncio.AbstractEventLoop,
        answered: Callable[[], None],
    ) -> None:
        self._ssh = ssh
        self._inner = inner
        self._loop = loop
        self._answered: Callable[[], None] | None = answered
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._answered is not None:
            self._report_answered()
        self._inner.data_received(data)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def eof_received(self) -> bool:
        self._begin_to_wait()
        return True  # we close it ourselves once we know why it ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._error = exc
        if exc is None and not self._done:
            # Our side closed it, so ssh is not needed any longer.
            self._ssh.terminate()
        self._begin_to_wait()

    def _begin_to_wait(self) -> None:
        if self._waiting is None and not self._done:
            self._wait_for_end(self._loop.time())

    def _wait_for_end(self, since: float, pause: float = SSH_POLL_SECONDS[0]) -> None:
        if not self._ssh.running:
            self._finish()
            return
        waited = self._loop.time() - since
        if waited > 2 * SSH_GRACE_SECONDS:
            self._ssh.kill()
        elif waited > SSH_GRACE_SECONDS:
            self._ssh.terminate()
        longer = min(pause * 1.5, SSH_POLL_SECONDS[1])
        self._waiting = self._loop.call_later(pause, self._wait_for_end, since, longer)

    def _report_answered(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered()

    def _finish(self) -> None:
        self._report_answered()
        self._done = True
        self._waiting = None
        error = self._ssh.finish() or self._error
        if self._transport is not None:
            self._transport.abort()
        self._inner.connection_lost(error)


@dataclass(frozen=True, slots=True)
class UnusableEndpoint:
    """An address that cannot be used; every use raises ``problem``."""

    url: str
    problem: str
    host: str = ""
    tls: TlsFiles | None = None

    async def connect(self, protocol_factory: Callable[[], _P]) -> _P:
        raise DockerFailedError(self.problem)


def resolve(engine: DockerEngine, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The endpoint of one configured engine. Never raises: see UnusableEndpoint.

    An empty ``url`` means the engine that the docker command uses: DOCKER_HOST with
    DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else the context that DOCKER_CONTEXT or the command's
    configuration names, else Docker's default socket. ``context`` means that context.
    """
    tls: TlsFiles | None = None
    if engine.tls_ca or engine.tls_cert or engine.tls_key:
        tls = TlsFiles(engine.tls_ca, engine.tls_cert, engine.tls_key)
    url = engine.url
    name = "" if url else engine.context
    if not (url or name or environ.get("DOCKER_HOST")):
        name = docker_context.name_in_use(environ)
    if name:
        try:
            found = docker_context.load(name, environ)
        except DockerFailedError as error:
            return UnusableEndpoint(f"context {name}", str(error))
        own = TlsFiles(found.tls_ca, found.tls_cert, found.tls_key) if found.tls else None
        return _parse(found.url, tls or own, engine.ssh_config)
    if not url:
        url = environ.get("DOCKER_HOST", "") or DEFAULT_URL
        if tls is None and environ.get("DOCKER_TLS_VERIFY"):
            # Without a home folder "~" stays, and opening the files fails with an error.
            folder = Path(environ.get("DOCKER_CERT_PATH", "") or os.path.expanduser("~/.docker"))
            tls = TlsFiles(*(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")))
    return _parse(url, tls, engine.ssh_config)


def _parse(url: str, tls: TlsFiles | None, ssh_config: str) -> Endpoint:
    scheme, _, rest = url.partition("://")
    if scheme == "unix" and rest:
        if sys.platform == "win32":
            return UnusableEndpoint(url, f"{url}: on Windows only tcp:// is supported for now")
        return UnixEndpoint(url, rest if rest.startswith("/") else f"/{rest}")
    if scheme in ("tcp", "http", "https"):
        try:
            parts = urlsplit(url)
            address, port = parts.hostname, parts.port
        except ValueError:
            address, port = None, None
        if not address:
            return UnusableEndpoint(url, f"{url!r} is not a valid Docker address")
        if scheme == "https" and tls is None:
            tls = TlsFiles()
        return TcpEndpoint(url, address, port or (TLS_PORT if tls else PLAIN_PORT), tls)
    if scheme == "ssh":
        ssh = docker_ssh.parse(rest, ssh_config)
        if ssh is None:
            return UnusableEndpoint(
                url,
                f"{url!r} is not an ssh address of the form ssh://[user@]host[:port][/path/to/docker.sock]",
            )
        return SshEndpoint(url, ssh)
    if scheme == "npipe":
        return UnusableEndpoint(
            url, f"{url}: named pipes are not supported yet; expose Docker on tcp://localhost:2375"
        )
    return UnusableEndpoint(url, f"{url!r} is not a valid Docker address")


def explain(endpoint: Endpoint, error: OSError) -> DockerError:
    """A failure to connect, as a typed error whose text says what to do."""
    url = endpoint.url
    if isinstance(endpoint, SshEndpoint) and isinstance(error, SshError):
        return docker_ssh.explain(endpoint.address, error)
    local = url.startswith(("unix:", "npipe:"))
    # With TLS 1.3 our certificate is rejected after the handshake, and the reset that
    # follows may arrive before the alert.
    reset = isinstance(error, ConnectionResetError | BrokenPipeError)
    if isinstance(error, ssl.SSLError) or (endpoint.tls is not None and reset):
        detail = getattr(error, "reason", None) or error.strerror or error
        return DockerRefusedError(
            f"TLS with Docker at {url} failed ({detail}): check the certificates in the "
            "engine's TLS settings"
        )
    if isinstance(error, PermissionError):
        if not local:
            return DockerRefusedError(f"No permission to connect to Docker at {url}")
        return DockerRefusedError(
            "No permission to use Docker: add yourself to the docker group "
            "(sudo usermod -aG docker $USER) and log in again"
        )
    if not local:
        return DockerAbsentError(
            f"No Docker engine answers at {url}: check the address, and that Docker is running"
        )
    start = (
        "“sudo systemctl start docker”" if sys.platform.startswith("linux") else "Docker Desktop"
    )
    where = "" if url == DEFAULT_URL else f" at {url}"
    return DockerAbsentError(f"Docker is not running{where}: start it with {start}")
