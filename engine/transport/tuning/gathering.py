"""Asks STUN and TURN servers for candidates: several of them, and without waiting for the dead.

aioice asks one server of each kind and waits up to 5 s for it, which the offer or answer that
carries the candidates then does, too. Here all STUN servers are asked at once and TURN servers in
turn, each a moment after the one before it. A server that did not answer is remembered: it is
asked again with each connection, but no longer waited for.

Relies without underscores on aioice.ice.relayed_candidate, StunProtocol.request, and
``candidate_foundation`` and ``candidate_priority`` of aioice.candidate.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aioice.ice
from aioice import Candidate, stun
from aioice.candidate import candidate_foundation, candidate_priority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aioice.ice import StunProtocol

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
"""How long a server that is not known to be silent is waited for ..."""
RELAY_ONLY_SECONDS = 5.0
"""... and a TURN server without which there is no path."""
STRAGGLER_SECONDS = 0.05
"""... and the other addresses of this machine, once the server has answered one of them: it cannot
be reached from all (docker0)."""
STAGGER_SECONDS = 0.4
"""From asking one TURN server to asking the next."""
LATE_SECONDS = 3.0
"""How long a silent server is listened to while the connection goes on without it."""
SILENT_SECONDS = 120.0
"""How long a silence is remembered."""
MAX_REMEMBERED = 256
DEFAULT_PORT = 3478
DEFAULT_TLS_PORT = 5349

_URL = re.compile(
    r"(?P<scheme>stun|turns?):(\[(?P<ipv6>[0-9a-f:.]{2,45})\]|(?P<host>[^\s\[\]:?/@]{1,253}))"
    r"(:(?P<port>[0-9]{1,5}))?(\?transport=(?P<transport>udp|tcp))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Server:
    """A STUN or TURN server (RFC 7064, RFC 7065). ``transport`` is udp or tcp."""

    url: str
    turn: bool
    host: str
    port: int
    transport: str = "udp"
    tls: bool = False
    username: str | None = None
    credential: str | None = None


def parse(url: str, username: str | None = None, credential: str | None = None) -> Server:
    """Raises ValueError, whose text follows on "the address"."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError("is not of the form stun:HOST[:PORT] or turn:HOST[:PORT]")
    scheme = found["scheme"].lower()
    host = found["host"] or found["ipv6"]
    if found["ipv6"]:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("has no valid IPv6 address in its brackets") from None
    turn, tls = scheme != "stun", scheme == "turns"
    transport = (found["transport"] or ("tcp" if tls else "udp")).lower()
    if not turn and found["transport"]:
        raise ValueError("is of a STUN server, which has no transport")
    if tls and transport != "tcp":
        raise ValueError("is of TURN with TLS over UDP, which is not supported")
    port = int(found["port"] or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT))
    if not 0 < port < 65536:
        raise ValueError("has no valid port")
    return Server(url, turn, host, port, transport, tls, username, credential)


def connection_kwargs(servers: Sequence[Any]) -> dict[str, Any]:
    """In place of aiortc's: all servers (RTCIceServer), and IPv6 addresses."""
    found = []
    for server in servers:
        for url in [server.urls] if isinstance(server.urls, str) else server.urls:
            try:
                found.append(parse(url, server.username, server.credential))
            except ValueError as error:
                logger.warning("The ICE server %r is left out: the address %s", url, error)
    return {"servers": tuple(found)}


class _Silent:
    """Which servers did not answer, and when; for all connections of this process."""

    def __init__(self) -> None:
        self._since: OrderedDict[Server, float] = OrderedDict()

    def __contains__(self, server: Server) -> bool:
        since = self._since.get(server)
        return since is not None and time.monotonic() - since < SILENT_SECONDS

    def add(self, server: Server) -> None:
        self._since.pop(server, None)
        self._since[server] = time.monotonic()
        while len(self._since) > MAX_REMEMBERED:
            self._since.popitem(last=False)

    def remove(self, server: Server) -> None:
        self._since.pop(server, None)


silent = _Silent()

Found = tuple[Candidate, "StunProtocol | None"]


class Gathering:
    """The servers' candidates of one connection.

    ``failed`` is called with a server's URL and why nothing came of it.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        relay_only: bool,
        protocol_factory: Callable[[], StunProtocol],
        failed: Callable[[str, str], None],
    ) -> None:
        self._stun = () if relay_only else tuple(s for s in servers if not s.turn)
        # Those that answer come first.
        self._turn = sorted((s for s in servers if s.turn), key=silent.__contains__)
        self._relay_only = relay_only
        self._protocol_factory = protocol_factory
        self._failed = failed
        self._reported: set[Server] = set()
        self._late: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._answered: dict[Server, float] = {}

    async def run(self, component: int, protocols: Sequence[StunProtocol]) -> list[Found]:
        loop = asyncio.get_running_loop()
        asked: dict[asyncio.Task[Found | None], tuple[Server, ...]] = {}
        for server in self._stun:
            for protocol in protocols:
                task = loop.create_task(self._reflexive(server, protocol))
                asked[task] = (server,)
        if self._turn:
            asked[loop.create_task(self._relayed(component))] = tuple(self._turn)
        if not asked:
            return []
        until = loop.time() + (RELAY_ONLY_SECONDS if self._relay_only else PATIENCE_SECONDS)
        pending = set(asked)
        try:
            while waits := self._hopeful(pending, asked, until):
                timeout = max(0.0, max(waits.values()) - loop.time())
                done, _ = await asyncio.wait(
                    waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
                )
                pending -= done
        except BaseException:
            for task in pending:
                task.cancel()
            raise
        for task in pending:
            for server in asked[task]:
                if server not in self._answered:
                    self._silent(server)
            self._listen(task)
        return [found for task in asked.keys() - pending if (found := task.result()) is not None]

    def _hopeful(
        self,
        pending: set[asyncio.Task[Found | None]],
        asked: dict[asyncio.Task[Found | None], tuple[Server, ...]],
        until: float,
    ) -> dict[asyncio.Task[Found | None], float]:
        """Which of ``pending`` are waited for, and until when."""
        waits = {}
        for task in pending:
            servers = asked[task]
            if not self._relay_only and all(server in silent for server in servers):
                continue
            answers = [self._answered[each] for each in servers if each in self._answered]
            waits[task] = min([until, *(at + STRAGGLER_SECONDS for at in answers)])
        now = asyncio.get_running_loop().time()
        return {task: at for task, at in waits.items() if at > now}

    def close(self) -> None:
        self._closed = True
        for task in self._late:
            task.cancel()

    def _listen(self, task: asyncio.Task[Found | None]) -> None:
        """Its server may answer the next connection in time."""

        def done(task: asyncio.Task[Found | None]) -> None:
            self._late.discard(task)
            if not task.cancelled() and (found := task.result()) and found[1] is not None:
                found[1].transport.close()

        self._late.add(task)
        task.add_done_callback(done)
        timer = asyncio.get_running_loop().call_later(LATE_SECONDS, task.cancel)
        task.add_done_callback(lambda _: timer.cancel())

    async def _reflexive(self, server: Server, protocol: StunProtocol) -> Found | None:
        version = ipaddress.ip_address(protocol.local_candidate.host).version
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        try:
            address = await self._resolve(server, family)
            if address is None:
                return None
            request = stun.Message(
                message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST
            )
            response, _ = await protocol.request(request, address)
            host, port = response.attributes["XOR-MAPPED-ADDRESS"]
        except Exception as error:
            self._report(server, _why(error))
            return None
        silent.remove(server)
        self._answered.setdefault(server, asyncio.get_running_loop().time())
        own = protocol.local_candidate
        if (host, port) == (own.host, own.port):
            return None  # without a translation between them it is the address known already
        candidate = Candidate(
            foundation=candidate_foundation("srflx", "udp", own.host),
            component=own.component,
            transport=own.transport,
            priority=candidate_priority(own.component, "srflx"),
            host=host,
            port=port,
            type="srflx",
            related_address=own.host,
            related_port=own.port,
        )
        return candidate, None

    async def _resolve(self, server: Server, family: int) -> tuple[str, int] | None:
        loop = asyncio.get_running_loop()
        try:
            rows = await loop.getaddrinfo(
                server.host, server.port, family=family, type=socket.SOCK_DGRAM
            )
        except socket.gaierror:
            if family == socket.AF_INET and ":" not in server.host:
                raise
            return None  # a server of the other family
        return (str(rows[0][4][0]), server.port) if rows else None

    async def _relayed(self, component: int) -> Found | None:
        """Of the first server that answers."""
        waiting = list(self._turn)
        pending: dict[asyncio.Task[Found], Server] = {}
        try:
            while waiting or pending:
                if waiting:
                    server = waiting.pop(0)
                    pending[asyncio.create_task(self._allocate(server, component))] = server
                done, _ = await asyncio.wait(
                    pending,
                    timeout=STAGGER_SECONDS if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                found: list[Found] = []
                asked, winner = list(pending.values()), None
                for task in done:
                    server = pending.pop(task)
                    if error := task.exception():
                        silent.add(server)
                        self._report(server, _why(error))
                    else:
                        silent.remove(server)
                        self._answered.setdefault(server, asyncio.get_running_loop().time())
                        found.append(task.result())
                        winner = winner or server
                for _, protocol in found[1:]:
                    if protocol is not None:
                        protocol.transport.close()
                if winner:
                    # Only those asked before it had as much time.
                    for other in asked[: asked.index(winner)]:
                        if other in pending.values():
                            self._silent(other)
                    return found[0]
            return None
        finally:
            for task in pending:
                task.cancel()

    async def _allocate(self, server: Server, component: int) -> Found:
        return await aioice.ice.relayed_candidate(
            component=component,
            hide_related_address=self._relay_only,
            protocol_factory=self._protocol_factory,
            turn_server=(server.host, server.port),
            turn_username=server.username,
            turn_password=server.credential,
            turn_ssl=server.tls,
            turn_transport=server.transport,
        )

    def _silent(self, server: Server) -> None:
        silent.add(server)
        self._report(server, "did not answer")

    def _report(self, server: Server, why: str) -> None:
        if server not in self._reported and not self._closed:
            self._reported.add(server)
            logger.info("The ICE server %s %s", server.url, why)
            self._failed(server.url, why)


def _why(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "has a name that cannot be resolved"
    response = getattr(error, "response", None)
    code = getattr(response, "error_code", None)
    if code == 401:
        return "refused user name or password (401)"
    if code is not None:
        return f"refused the request ({code})"
    return f"cannot be used: {str(error) or type(error).__name__}"
