"""The guard: an unknown aiortc is left as it is, and still carries terminals."""

from __future__ import annotations

import subprocess
import sys

import aioice.ice
import aiortc.rtcicetransport
import aiortc.rtcpeerconnection
import pytest

from engine.transport import tuning as rtc_tuning

REPLACED = (
    (aioice.ice, "get_host_addresses"),
    (aioice.ice, "StunProtocol"),
    (aiortc.rtcicetransport, "Connection"),
    (aiortc.rtcpeerconnection, "RTCDtlsTransport"),
    (aiortc.rtcpeerconnection, "RTCSctpTransport"),
)
UNKNOWN = [{"aiortc": "1.17.0"}, {"aioice": "0.14.0"}, {"aiortc": "2.0", "aioice": "1.0"}]


@pytest.mark.parametrize("newer", UNKNOWN, ids=str)
def test_an_unknown_version_is_left_as_it_is(
    newer: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stock = object()
    for module, name in REPLACED:
        monkeypatch.setattr(module, name, stock)
    installed = rtc_tuning.version
    monkeypatch.setattr(rtc_tuning, "version", lambda name: newer.get(name) or installed(name))
    assert not rtc_tuning.supported()
    assert not rtc_tuning.apply()
    assert all(getattr(module, name) is stock for module, name in REPLACED)
    for name, version in newer.items():
        assert f"{name} {version}" in caplog.text


def test_a_known_version_is_changed_and_again_makes_no_difference() -> None:
    assert rtc_tuning.apply()
    changed = [getattr(module, name) for module, name in REPLACED]
    assert all(thing.__module__.startswith("engine.transport.tuning") for thing in changed)
    assert rtc_tuning.apply()
    assert [getattr(module, name) for module, name in REPLACED] == changed


STOCK = """
import asyncio
import importlib.metadata

installed = importlib.metadata.version
importlib.metadata.version = lambda name: "9.9" if name == "aiortc" else installed(name)

from engine.transport import tuning as rtc_tuning
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
    done = subprocess.run(
        [sys.executable, "-c", STOCK], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "carried"
    assert "running without our repairs" in done.stderr
