"""A path that stops taking packets of a size, and keeps silent about it: over real devices,
in network namespaces. Two hosts, a router between them that says nothing of the next link."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from engine.transport.sctp.path import ROOM, room_in

if TYPE_CHECKING:
    from collections.abc import Iterator

JUMBO = 9000
SMALL = 1300
IP_AND_UDP = 48
SECONDS = 60.0
PARTS = 300
"""Messages of 16,000 bytes sent before the link shrinks, and after it."""

PEER = """
import asyncio
import hashlib
import json
import sys

from engine.transport import connection as rtc
from engine.transport import tuning, udp
from tests.engine.transport.test_channel import Watcher

# Linux sets no "don't fragment" bit on what leaves in batches: a router would cut it.
udp.HAS_OFFLOAD = False
PARTS = int(sys.argv[2])
tuning.apply()

def say(value):
    print(json.dumps(value), flush=True)

async def hear():
    return json.loads(await asyncio.to_thread(sys.stdin.readline))

class Taken:
    def __init__(self):
        self.hash = hashlib.sha256()
        self.all = asyncio.Event()
        self.count = 0

    def message(self, message):
        self.hash.update(message)
        self.count += 1
        if self.count == 2 * PARTS:
            self.all.set()

    def malformed(self, problem): ...
    def closed(self): ...

async def send():
    pc = rtc.PeerConnection()
    channel = pc.open_channel()
    say(await pc.make_offer())
    await pc.take_answer(await hear())
    await channel.opened()
    whole = hashlib.sha256()
    for _ in range(2):
        for number in range(PARTS):
            part = number.to_bytes(2) * 8000
            whole.update(part)
            await channel.send(part)
        while not pc.sctp.is_idle:
            await asyncio.sleep(0.01)
        say({"room": pc.sctp.packet_room, "hash": whole.hexdigest()})
        await hear()
    await pc.close()

async def receive():
    watcher = Watcher()
    pc = rtc.PeerConnection(observer=watcher)
    say(await pc.answer_offer(await hear()))
    while not watcher.channels:
        await asyncio.sleep(0.01)
    taken = Taken()
    watcher.channels[0].attach(taken)
    await taken.all.wait()
    say({"hash": taken.hash.hexdigest()})
    await hear()
    await pc.close()

asyncio.run(asyncio.wait_for({"send": send, "receive": receive}[sys.argv[1]](), 60))
"""


class Network:
    """``left`` and ``right`` with a router between them, all gone with the test."""

    def __init__(self) -> None:
        number = os.getpid()
        self.left, self.router, self.right = (f"hole-{name}-{number}" for name in "lmr")

    def run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)

    def build(self) -> None:
        for name in (self.left, self.router, self.right):
            self.run("ip", "netns", "add", name)
            self.run("ip", "-n", name, "link", "set", "lo", "up")
        for host, net in ((self.left, 0), (self.right, 1)):
            device = f"to{net}"
            self.run("ip", "-n", self.router, "link", "add", device, "type", "veth",
                     "peer", "name", "eth0", "netns", host)  # fmt: skip
            for name, end, last in ((host, "eth0", 1), (self.router, device, 254)):
                self.run("ip", "-n", name, "address", "add", f"10.77.{net}.{last}/24", "dev", end)
                self.run("ip", "-n", name, "link", "set", end, "up", "mtu", str(JUMBO))
            self.run("ip", "-n", host, "route", "add", "default", "via", f"10.77.{net}.254")
        within = ("ip", "netns", "exec", self.router)
        self.run(*within, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.run(*within, "iptables", "-A", "OUTPUT", "-p", "icmp",
                 "--icmp-type", "fragmentation-needed", "-j", "DROP")  # fmt: skip

    def shrink(self) -> None:
        self.run("ip", "-n", self.router, "link", "set", "to1", "mtu", str(SMALL))

    def remove(self) -> None:
        for name in (self.left, self.router, self.right):
            subprocess.run(("ip", "netns", "delete", name), check=False, capture_output=True)


class Peer:
    """A process in a namespace that speaks JSON, a line a word."""

    def __init__(self, namespace: str, part: str) -> None:
        command = ("ip", "netns", "exec", namespace, sys.executable, "-c", PEER, part, str(PARTS))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the peer has ended"
        return json.loads(line)

    def say(self, value: object) -> None:
        assert self.process.stdin is not None
        print(json.dumps(value), file=self.process.stdin, flush=True)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        made.build()
    except (OSError, subprocess.CalledProcessError) as error:
        made.remove()
        said = getattr(error, "stderr", None) or str(error)
        if isinstance(error, OSError) or "not permitted" in said:
            pytest.skip(f"Namespaces, ip, sysctl and iptables need root here: {said.strip()}")
        raise AssertionError(said) from error
    yield made
    made.remove()


def test_what_a_path_takes_is_found_and_its_loss_survived(network: Network) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(Peer(network.left, "send"))
        other = stack.enter_context(Peer(network.right, "receive"))
        other.say(one.hear())
        one.say(other.hear())
        assert one.hear()["room"] == room_in(JUMBO - IP_AND_UDP)
        network.shrink()
        one.say("go on")
        sent = one.hear()
        assert sent["room"] == ROOM
        assert other.hear()["hash"] == sent["hash"]
        for peer in (one, other):
            peer.say("enough")
            assert peer.process.wait(SECONDS) == 0
