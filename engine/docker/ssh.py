"""Docker on another computer, through the user's own ssh program.

``ssh://`` addresses, the command line, the running program, and its error messages. The event
loop uses it in endpoint, the SDK in ssh_adapter.

``docker system dial-stdio`` on the remote computer connects its input and output to the Docker
engine there; the docker command does the same. Input and output are one socket pair instead of
pipes, so that any event loop and http.client treat it like every other connection. There is no
child watcher: the end of the socket shows that the program ended.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from dataclasses import dataclass

from engine.core.child_environment import child_environment
from engine.core.errors import DockerAbsentError, DockerError, DockerFailedError, DockerRefusedError

CONNECT_TIMEOUT_SECONDS = 5
"""How long ssh waits for a connection and the server's identification."""
ALIVE_INTERVAL_SECONDS = 15
"""Between ssh's keepalives to a silent server; after three unanswered ones ssh ends."""
MAX_WORDS_BYTES = 64 * 1024
"""Bytes of ssh's standard error that are read."""
MAX_WORDS_SHOWN = 500
"""Characters of it that are shown."""
FAILED_ITSELF = 255
"""ssh's exit status for its own failures; any other is the remote command's (ssh(1))."""
COMMAND_NOT_FOUND = (126, 127)
"""Exit statuses of a shell that cannot run a program (POSIX, "Exit Status for Commands")."""

_OPTIONS = (
    # Never asks: there is no terminal at which anybody could answer.
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT_TIMEOUT_SECONDS}",
    f"ServerAliveInterval={ALIVE_INTERVAL_SECONDS}",
    # Banners and warnings would look like the reason of a failure.
    "LogLevel=ERROR",
    # The user's options for interactive shells are wrong here: a forwarded port that
    # is in use would even end the connection.
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)

# Stricter than ssh: a configuration may pass these to a shell (ProxyCommand).
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,32})?)\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,252}")
_PORT = re.compile(r"[0-9]{1,5}")
_SOCKET_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,200}")


class SshError(ConnectionError):
    """ssh failed. ``status`` is its exit status, None when it did not start."""

    def __init__(self, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where ssh connects to. Created by parse(), which accepts plain names only.

    ``path`` is the remote engine's socket, "" for the one that the docker command there
    uses; ``config`` is a file that replaces ssh's own configuration.
    """

    host: str
    user: str = ""
    port: int = 0
    path: str = ""
    config: str = ""

    @property
    def name(self) -> str:
        """The remote account as people write it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def by_hand(self) -> str:
        """The command with which a person would connect."""
        options = f"-F {self.config} " if self.config else ""
        options += f"-p {self.port} " if self.port else ""
        return f"ssh {options}{self.name}"

    def command(self) -> list[str]:
        """The program and its arguments."""
        command = ["ssh", "-T"]
        if self.config:
            command += ["-F", self.config]
        for option in _OPTIONS:
            command += ["-o", option]
        if self.user:
            command += ["-l", self.user]
        if self.port:
            command += ["-p", str(self.port)]
        # The remote shell interprets the rest: a fixed text, and a path without
        # shell metacharacters.
        docker = f"docker --host unix://{self.path}" if self.path else "docker"
        return [*command, "--", self.host, f"{docker} system dial-stdio"]


def parse(rest: str, config: str = "") -> SshAddress | None:
    """Parse ``[user@]host[:port][/path/of/docker.sock]``; None when it is invalid."""
    place, slash, path = rest.partition("/")
    path = slash + path if path else ""
    user, at, host = place.rpartition("@")
    name = _IPV6.match(host) or _HOST.match(host)
    if not name or (at and not _USER.fullmatch(user)):
        return None
    colon, port = host[name.end() : name.end() + 1], host[name.end() + 1 :]
    if colon not in ("", ":") or (colon and not _PORT.fullmatch(port)):
        return None
    if int(port or 1) not in range(1, 65536) or (path and not _SOCKET_PATH.fullmatch(path)):
        return None
    return SshAddress(name[1] if name.re is _IPV6 else name[0], user, int(port or 0), path, config)


class SshProcess:
    """A running ssh; ``socket`` is our end of its input and output.

    The caller closes the socket or passes it on, and calls finish() at the end.
    """

    def __init__(self, address: SshAddress) -> None:
        """Blocks for a few milliseconds. Raises SshError when ssh cannot be started."""
        if sys.platform == "win32":
            raise SshError("Docker over ssh is not supported on Windows yet")
        # Our settings in the environment may contain the relay's token.
        environment = {
            name: value
            for name, value in child_environment().items()
            if not name.startswith("HATCHWAY_")
        }
        self.socket, theirs = socket.socketpair()
        # Its error output waits in the kernel, which bounds it, until finish() reads it.
        self._errors, errors = socket.socketpair()
        try:
            with theirs, errors:
                self._process = subprocess.Popen(
                    address.command(),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=errors.fileno(),
                    env=environment,
                    # Ctrl+C in our own terminal must not end ssh: we close shells in order.
                    start_new_session=True,
                )
        except OSError as error:
            self.socket.close()
            self._errors.close()
            if isinstance(error, FileNotFoundError):
                raise SshError("ssh is not installed: install the OpenSSH client") from None
            raise SshError(f"ssh cannot be started: {error.strerror}") from error

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float) -> bool:
        """Block until it has ended, at most ``seconds``; False when it has not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running

    def finish(self) -> SshError | None:
        """Why the ended program failed, None when it did not fail; call it once."""
        self._errors.setblocking(False)
        with self._errors:
            try:
                output = self._errors.recv(MAX_WORDS_BYTES)
            except BlockingIOError:  # a shared connection (ControlMaster) keeps it open
                output = b""
        status = self._process.returncode
        if status is None or status <= 0:  # success, or ended by our signal
            return None
        words = " ".join(output.decode("utf-8", "replace").split())
        return SshError(words[-MAX_WORDS_SHOWN:] or f"exit status {status}", status)


_REFUSED = {
    "has changed": "its host key has changed; find out why before you trust the new one",
    "host key verification failed": "its host key is not known; run “{by_hand}” once",
    "host key is known": "its host key is not known; run “{by_hand}” once",
    "permission denied (": (
        "it requires a password or accepts none of your keys; “{by_hand}” must work without a"
        " prompt"
    ),
    "too many authentication failures": (
        "it accepts none of the keys tried; set IdentityFile in your ssh configuration"
    ),
}
_ABSENT = (
    "could not resolve hostname",
    "connection refused",
    "connection timed out",
    "operation timed out",
    "no route to host",
    "network is unreachable",
    "connection reset",
    "connection closed",
    "closed by remote host",
    "not responding",
    "timed out",
    "kex_exchange_identification",
)


def explain(address: SshAddress, error: SshError) -> DockerError:
    """Why the remote Docker cannot be used, as an error that says what to do."""
    name, by_hand, words = address.name, address.by_hand, error.words.lower()
    if error.status is None:
        return DockerFailedError(f"{name} cannot be reached by ssh: {error.words}")
    if error.status in COMMAND_NOT_FOUND:
        return DockerAbsentError(
            f"{name} has no docker command: install Docker there, or add it to the PATH so "
            f"that “{by_hand} docker version” works"
        )
    if error.status == FAILED_ITSELF:
        for mark, advice in _REFUSED.items():
            if mark in words:
                return DockerRefusedError(
                    f"ssh to {name} was rejected: {advice.format(by_hand=by_hand)} ({error.words})"
                )
        if any(mark in words for mark in _ABSENT):
            return DockerAbsentError(f"{name} cannot be reached by ssh ({error.words})")
        return DockerFailedError(f"ssh to {name} failed: {error.words}")
    # From here on the error is the remote docker command's.
    if "permission denied" in words:
        return DockerRefusedError(
            f"No permission to use Docker on {name}: add your user there to the docker group "
            "(sudo usermod -aG docker $USER)"
        )
    if "no such file" in words or "connection refused" in words or "cannot connect" in words:
        return DockerAbsentError(f"Docker is not running on {name} ({error.words})")
    return DockerFailedError(f"The docker command on {name} failed: {error.words}")
