"""An ssh server of the tests' own, with keys and configuration in a temporary folder.

Owns the server and what its client needs to know. Does not own the Docker engine
behind it: the far side is this computer. Without sshd these tests are skipped on
a person's machine and fail in CI.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docker_fixtures import Box, free_port, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker.models.containers import Container

    from tests.docker_fixtures import Daemon

START_SECONDS = 15.0
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


@dataclass
class SshServer:
    """sshd on 127.0.0.1 that lets in whoever runs the tests, by key."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def config(self) -> str:
        """A client's configuration that knows this server and the key to it."""
        return self.client_config()

    def client_config(self, *, known_hosts: Path | None = None, key: str = "client") -> str:
        path = self.folder / f"config-{key}-{(known_hosts or self.known_hosts).name}"
        path.write_text(
            f"IdentityFile {self.folder / key}\n"
            "IdentitiesOnly yes\n"
            "IdentityAgent none\n"
            "GlobalKnownHostsFile /dev/null\n"
            f"UserKnownHostsFile {known_hosts or self.known_hosts}\n"
        )
        return str(path)

    def make_key(self, name: str) -> str:
        """A key pair; returns the public line."""
        path = self.folder / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True
        )
        return path.with_suffix(".pub").read_text()

    def start(self) -> None:
        if not self.known_hosts.exists():
            host_key = self.make_key("host")
            (self.folder / "authorized_keys").write_text(self.make_key("client"))
            self.make_key("stranger")
            self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}")
        lines = (
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {self.folder / 'host'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            *self.options,
        )
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            # Debian's service makes it; here no service starts it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", config], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "sshd.log").read_text(errors="replace")
                raise RuntimeError(f"sshd did not start:\n{log_text[-3000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server; connections it has accepted go on, as with every sshd."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(START_SECONDS)
            self.process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(START_SECONDS)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0 and bool(probe.recv(4))


@pytest.fixture(scope="session")
def make_ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SshServer]]:
    """Start ssh servers: ``make_ssh_server("SetEnv PATH=/nowhere", ...)``."""
    if not SSHD or not shutil.which("ssh"):
        unavailable("an ssh server of our own needs openssh-server and openssh-client")
    servers: list[SshServer] = []

    def make(*options: str) -> SshServer:
        server = SshServer(tmp_path_factory.mktemp("sshd"), options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def ssh_server(make_ssh_server: Callable[..., SshServer]) -> SshServer:
    """A server for everybody. Leave it running."""
    return make_ssh_server()


@pytest.fixture(scope="session")
def box_over_ssh(ssh_server: SshServer, second_daemon: Daemon, second_box: Container) -> Box:
    """In the second daemon, through its socket on the far side."""
    url = f"{ssh_server.url}{second_daemon.socket}"
    return Box(second_box, url, {"ssh_config": ssh_server.config})
