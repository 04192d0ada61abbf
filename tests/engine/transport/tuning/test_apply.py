"""The tuning is applied on request, and not at all over libraries it was not tested with."""

from __future__ import annotations

import subprocess
import sys

import aioice.ice
import aiortc.rtcicetransport
import aiortc.rtcpeerconnection
import pytest

from engine.core import dependencies
from engine.transport import tuning

REPLACED = (
    (aioice.ice, "get_host_addresses"),
    (aioice.ice, "StunProtocol"),
    (aiortc.rtcicetransport, "Connection"),
    (aiortc.rtcpeerconnection, "RTCDtlsTransport"),
    (aiortc.rtcpeerconnection, "RTCSctpTransport"),
)
UNTESTED = [{"aiortc": "1.17.0"}, {"aioice": "0.14.0"}, {"aiortc": "2.0", "aioice": "1.0"}]


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> object:
    """Something in the place of all that is replaced, until the test ends."""
    stock = object()
    for module, name in REPLACED:
        monkeypatch.setattr(module, name, stock)
    return stock


def install(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    installed = dependencies.version
    monkeypatch.setattr(dependencies, "version", lambda name: versions.get(name) or installed(name))


@pytest.mark.parametrize("versions", UNTESTED, ids=str)
def test_an_untested_version_is_left_as_it_is_and_the_log_says_what_is_lost(
    versions: dict[str, str],
    stock: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(monkeypatch, versions)
    assert not tuning.apply()
    assert not tuning.is_applied()
    assert all(getattr(module, name) is stock for module, name in REPLACED)
    for name, version in versions.items():
        assert f"{name} {version}: tested with" in caplog.text
        assert dependencies.find(name).lost in caplog.text
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_tested_version_is_changed_and_a_second_call_makes_no_difference(stock: object) -> None:
    assert not tuning.is_applied()
    assert tuning.apply()
    assert tuning.is_applied()
    changed = [getattr(module, name) for module, name in REPLACED]
    assert all(thing.__module__.startswith("engine.transport.tuning") for thing in changed)
    assert tuning.apply()
    assert [getattr(module, name) for module, name in REPLACED] == changed


@pytest.mark.usefixtures("stock")
def test_an_untested_version_is_changed_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, {"aiortc": "1.17.0"})
    assert tuning.apply(untested=True)
    assert tuning.is_applied()


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


NAMES = "[getattr(m, n).__module__ for m, n in (" + ", ".join(
    f"({module.__name__}, {name!r})" for module, name in REPLACED
) + ")]"  # fmt: skip
IMPORTED = f"""
import aioice.ice, aiortc.rtcicetransport, aiortc.rtcpeerconnection
before = {NAMES}
import engine.agent.agent, engine.client.selftest, engine.transport.connection
import engine.transport.tuning
assert {NAMES} == before
assert not engine.transport.tuning.is_applied()
"""


def test_importing_changes_nothing() -> None:
    run(IMPORTED)


def test_an_agent_applies_it() -> None:
    code = """
from engine.agent.agent import Agent
from engine.core.settings import Settings
from engine.transport import tuning
Agent(Settings())
print(tuning.is_applied())
"""
    assert run(code) == "True"


STOCK = """
import asyncio

from engine.transport import connection as rtc

class Watcher:
    def __getattr__(self, name):
        return lambda *args: None
    def channel_opened(self, channel):
        channel.attach(Echo(channel))

class Echo:
    def __init__(self, channel=None):
        self.channel, self.got = channel, []
    def message(self, message):
        self.got.append(message)
        if self.channel:
            self.channel.post(message, urgent=True)
    def malformed(self, problem): ...
    def closed(self): ...

async def main():
    one, other = rtc.PeerConnection(), rtc.PeerConnection(observer=Watcher())
    channel = one.open_channel()
    await one.take_answer(await other.answer_offer(await one.make_offer()))
    await asyncio.wait_for(channel.opened(), 10)
    inbox = Echo()
    channel.attach(inbox)
    sent = ["text", b"bytes", bytes(100_000)]
    for message in sent:
        await channel.send(message)
    async with asyncio.timeout(10):
        while inbox.got != sent:
            await asyncio.sleep(0.01)
    assert type(one.sctp).__module__.startswith("aiortc"), type(one.sctp)
    assert one.selected_pair and one.rtt is not None
    await one.close()
    await other.close()
    print("carried")

asyncio.run(main())
"""


def test_terminals_work_over_stock_aiortc_too() -> None:
    assert run(STOCK) == "carried"
