"""Docker on another computer, through the user's own ssh program.

Owns ``ssh://`` addresses, the command line, the running program with the socket
that is its input and output, and the words for what went wrong. Does not own the
event loop's side of it (docker_endpoint) nor the SDK's (docker_ssh_adapter).

``docker system dial-stdio`` on the far side joins its input and output to its
Docker engine: what the docker command itself does. One socket pair instead of
pipes, so that any event loop, and http.client, treat it like every other
connection. No child watcher takes part: the end of the socket tells of the end
of the program.
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
"""How long ssh waits for the far side's address to accept and to say hello."""
ALIVE_INTERVAL_SECONDS = 15
"""Between ssh's own questions to a silent far side; three unanswered end it."""
MAX_WORDS_BYTES = 64 * 1024
"""How much of what ssh and the far side complained of is looked at."""
MAX_WORDS_SHOWN = 500
FAILED_ITSELF = 255
"""ssh's exit status for its own failures; any other is the far side's (ssh(1))."""
COMMAND_NOT_FOUND = (126, 127)
"""Exit statuses of a shell that cannot run a program (POSIX, "Exit Status for Commands")."""

_OPTIONS = (
    # Never asks: there is nobody at a terminal to answer.
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT_TIMEOUT_SECONDS}",
    f"ServerAliveInterval={ALIVE_INTERVAL_SECONDS}",
    # Banners and remarks would be taken for the reason of a failure.
    "LogLevel=ERROR",
    # What the user's configuration wants for shells is wrong here: a forwarded
    # port that is taken would even end the connection.
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)

# Stricter than ssh: a configuration may hand these to a shell (ProxyCommand).
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,32})?)\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,252}")
_PORT = re.compile(r"[0-9]{1,5}")
_SOCKET_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,200}")


class SshError(ConnectionError):
    """ssh ended, or did not begin. ``status`` is its exit status, None when it never ran."""

    def __init__(self, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where ssh goes. Made by parse(), which lets nothing through that is no plain name.

    ``path`` is the far engine's socket, "" for what the docker command there
    uses; ``config`` a file that takes the place of ssh's own configuration.
    """

    host: str
    user: str = ""
    port: int = 0
    path: str = ""
    config: str = ""

    @property
    def name(self) -> str:
        """The far side as people call it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def by_hand(self) -> str:
        """What a person types to get there."""
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
        # The far side's shell reads the rest: one fixed text, and a path without
        # any character that means something to a shell.
        docker = f"docker --host unix://{self.path}" if self.path else "docker"
        return [*command, "--", self.host, f"{docker} system dial-stdio"]


def parse(rest: str, config: str = "") -> SshAddress | None:
    """``[user@]host[:port][/path/of/docker.sock]``; None when it is not that."""
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

    Whoever made it closes or hands on the socket, and calls finish() in the end.
    """

    def __init__(self, address: SshAddress) -> None:
        """Takes a few milliseconds. Raises SshError when there is no such program."""
        if sys.platform == "win32":
            raise SshError("Engines over ssh need Linux or macOS for now")
        # Our settings in the environment may hold the relay's token.
        environment = {
            name: value
            for name, value in child_environment().items()
            if not name.startswith("HATCHWAY_")
        }
        self.socket, theirs = socket.socketpair()
        # Complaints wait in the kernel, which bounds them, until somebody asks why.
        self._complaints, errors = socket.socketpair()
        try:
            with theirs, errors:
                self._process = subprocess.Popen(
                    address.command(),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=errors.fileno(),
                    env=environment,
                    # Ctrl-C in our own terminal is for us: terminals are closed in order.
                    start_new_session=True,
                )
        except OSError as error:
            self.socket.close()
            self._complaints.close()
            if isinstance(error, FileNotFoundError):
                raise SshError("the program ssh is missing: install OpenSSH’s client") from None
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
        """Block until it has ended; False when it has not within ``seconds``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running

    def finish(self) -> SshError | None:
        """What a program that has ended died of, None when all went well; call it once."""
        self._complaints.setblocking(False)
        with self._complaints:
            try:
                said = self._complaints.recv(MAX_WORDS_BYTES)
            except BlockingIOError:  # a connection shared between programs keeps it open
                said = b""
        status = self._process.returncode
        if status is None or status <= 0:  # well, or ended by a signal: ours
            return None
        words = " ".join(said.decode("utf-8", "replace").split())
        return SshError(words[-MAX_WORDS_SHOWN:] or f"exit status {status}", status)


_REFUSED = {
    "has changed": ("its host key is not the one known; find out why before you trust the new one"),
    "host key verification failed": "its host key is not known; run “{by_hand}” once",
    "host key is known": "its host key is not known; run “{by_hand}” once",
    "permission denied (": (
        "it wants a password or knows none of your keys; “{by_hand}” must ask no question"
    ),
    "too many authentication failures": "it knows none of your keys; name one in ssh’s config",
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
    """Why Docker there cannot be used, in words that say what to do."""
    name, by_hand, words = address.name, address.by_hand, error.words.lower()
    if error.status is None:
        return DockerFailedError(f"{name} cannot be reached by ssh: {error.words}")
    if error.status in COMMAND_NOT_FOUND:
        return DockerAbsentError(
            f"{name} has no docker command: install Docker there, or put it into the "
            f"PATH of “{by_hand} docker version”"
        )
    if error.status == FAILED_ITSELF:
        for mark, advice in _REFUSED.items():
            if mark in words:
                return DockerRefusedError(
                    f"ssh to {name} was refused: {advice.format(by_hand=by_hand)} ({error.words})"
                )
        if any(mark in words for mark in _ABSENT):
            return DockerAbsentError(
                f"{name} cannot be reached by ssh ({error.words}); Hatchway keeps trying"
            )
        return DockerFailedError(f"ssh to {name} failed: {error.words}")
    # From here on the docker command of the far side speaks.
    if "permission denied" in words:
        return DockerRefusedError(
            f"You may not use Docker on {name}: add your user there to the docker group "
            "(sudo usermod -aG docker $USER)"
        )
    if "no such file" in words or "connection refused" in words or "cannot connect" in words:
        return DockerAbsentError(f"Docker is not running on {name} ({error.words})")
    return DockerFailedError(f"The docker command on {name} failed: {error.words}")
