"""Input over lost connections: every byte once, in order, whatever the terminal is.

Joins the rooms agent, client, sessions, shells, pty and wire.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re

import pytest
from docker.models.containers import Container

from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.pty.base import PTY
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.local_shell import LocalShellPTY
from engine.wire.outbox import Outbox
from engine.wire.terminal import WINDOW
from tests.docker_fixtures import Box
from tests.engine.handlers import Host
from tests.engine.hosting import house
from tests.engine.pty.echo import EchoPTY
from tests.engine.until import until

DROPS = 20
DATA = random.Random(9).randbytes(3_010_000)
HASH = hashlib.sha256(DATA).hexdigest()

# Started as a command or typed at a prompt that asks nothing: an answer to a shell's own query
# could come once the reader reads already.
SLOW_READER = (
    "stty raw -echo; f=$(mktemp); echo read''y; "
    f"head -c {len(DATA)} | (while n=$(dd bs=30000 count=1 2>/dev/null | tee -a $f | wc -c) "
    "&& [ $n -gt 0 ]; do sleep 0.02; done; sha256sum <$f; rm $f)\n"
)
"""Takes what is typed in small pieces and a rest after each, and says its hash."""
COMMAND = ("sh", "-c", SLOW_READER)


class Typist:
    """One guest over many connections: sends again what was not taken, as the page does."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._outbox = Outbox()
        self.guest = host.guest()
        self.said = b""

    async def connect(self) -> None:
        await self.guest.take(await self._host.offer(await self.guest.offer("s", "here")))

    async def drop(self) -> None:
        """Lose the connection and come back."""
        before = self.guest
        await before.close()
        self.said += before.output
        self.guest, offer = await self._host.back(before)
        await self.guest.take(await self._host.offer(offer), received=len(self.said))
        assert self.guest.welcome["resumed"]
        assert self.guest.welcome["start"] == len(self.said)
        self._outbox.resume(self.guest.welcome["taken"])

    def type(self, data: bytes) -> None:
        self._outbox.push(data)

    def send(self) -> None:
        """What may be sent now."""
        while (part := self._outbox.next()) is not None:
            self.guest.channel.post(part)

    async def sends(self, position: int) -> None:
        """Send on until the agent has taken so many bytes since the session began."""
        taken = self.guest.welcome.get("taken", 0)
        while taken < position:
            self.send()
            acks = len(self.guest.of("ack"))
            await until(lambda acks=acks: len(self.guest.of("ack")) > acks, 30)
            taken = self.guest.of("ack")[-1]["bytes"]
            self._outbox.acknowledge(taken)

    async def says(self, pattern: bytes) -> bytes:
        found: list[bytes] = []

        def look() -> bool:
            found[:] = re.findall(pattern, self.said + self.guest.output)
            return bool(found)

        await until(look, 30, f"{pattern!r} in {self.said[-200:] + self.guest.output[-200:]!r}")
        return found[0]


async def paste(typist: Typist, begin: int) -> None:
    """DATA, with a loss of the connection after each of DROPS equal parts."""
    typist.type(DATA)
    for number in range(1, DROPS + 1):
        await typist.sends(begin + number * len(DATA) // (DROPS + 1))
        await typist.drop()
    # The last acknowledgement may be some KiB behind the end.
    await typist.sends(begin + len(DATA) - WINDOW // 2)
    typist.send()


class SlowEcho(EchoPTY):
    """Hears what is typed, a piece at a time with a rest after each."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, capacity=4096)
        self.heard = hashlib.sha256()
        self.count = 0

    async def read(self) -> bytes:
        data = await super().read()
        self.heard.update(data)
        self.count += len(data)
        await asyncio.sleep(0.02)
        return data and b"."


async def over_a_reader(host: Host) -> None:
    """Its terminals run COMMAND."""
    await host.manager.start()
    typist = Typist(host)
    await typist.connect()
    await typist.says(rb"ready\r?\n")
    await paste(typist, 0)
    assert (await typist.says(rb"([0-9a-f]{64})")).decode() == HASH
    await host.stop()


async def test_a_paste_into_a_shell_of_this_computer_survives_twenty_losses() -> None:
    async def opened(session_id: str, size: Size) -> PTY:
        return await LocalShellPTY.open(
            session_id=session_id, size=size, settings=TerminalSettings(), command=COMMAND
        )

    await over_a_reader(Host(opened))


@pytest.mark.docker
async def test_a_paste_into_a_container_survives_twenty_losses(busybox: Container) -> None:
    box = Box(busybox)
    engines = box.engines()

    async def opened(session_id: str, size: Size) -> PTY:
        return await DockerExecPTY.open(
            box.target,
            session_id=session_id,
            size=size,
            docker=engines,
            settings=TerminalSettings(),
            command=COMMAND,
        )

    await over_a_reader(Host(opened))
    await engines.close()


async def test_a_paste_into_the_echo_terminal_survives_twenty_losses() -> None:
    made: list[SlowEcho] = []

    async def opened(session_id: str, size: Size) -> PTY:
        made.append(SlowEcho(size))
        return made[-1]

    host = Host(opened)
    await host.manager.start()
    typist = Typist(host)
    await typist.connect()
    await paste(typist, 0)
    await until(lambda: made[0].count >= len(DATA), 30)
    assert (made[0].count, made[0].heard.hexdigest()) == (len(DATA), HASH)
    await host.stop()


async def test_what_the_python_peer_typed_comes_once_whatever_connections_are_lost() -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        visitor.peer.send(SLOW_READER.encode())
        await visitor.sees(b"ready\n")
        visitor.peer.send(DATA)
        for _ in range(4):
            before = len(visitor.said)
            old = visitor.peer
            assert old.peer_connection is not None
            await old.peer_connection.close()
            # One that gives up on the way ends neither the shell nor the input.
            half = old.successor(visitor._output, visitor._ended)
            await half.reach_relay()
            await half.negotiate()
            await half.close()
            visitor.peer = half.successor(visitor._output, visitor._ended)
            await visitor.peer.connect()
            await old.close()
            assert len(visitor.said) >= before
        await visitor.sees(HASH.encode())
