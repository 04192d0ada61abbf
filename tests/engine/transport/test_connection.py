"""Peer connections: what stock aiortc gets wrong, and what a hostile peer may try."""

from __future__ import annotations

import asyncio
import gc
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aioice.ice
import aioice.mdns
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcsctptransport import WEBRTC_DCEP, WEBRTC_STRING

from engine.core.errors import BadRequestError, LimitError
from engine.core.settings import IceServer, IceSettings
from engine.relay.turn import credentials
from engine.transport import connection as rtc
from engine.transport import sdp as sdp_text
from engine.transport.channel import MessageChannel
from engine.transport.sctp.path import MAX_DATAGRAM, PLAIN_DATAGRAM, room_in
from engine.transport.tuning.association import TunedSctpTransport
from engine.wire.terminal import LABEL
from tests.engine.impairment import Impairment, alter, impair
from tests.engine.relay.coturn import SECRET, coturn
from tests.engine.transport.test_channel import Inbox, Watcher, rtc_pair
from tests.engine.until import until


@asynccontextmanager
async def raw_pair() -> AsyncIterator[tuple[Callable[[int, bytes], None], Inbox]]:
    """What sends a message as it is, and the other side's inbox."""
    watcher, inbox = Watcher(), Inbox()
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection(observer=watcher)
    channel = offerer.createDataChannel(LABEL)
    await offerer.take_answer(await answerer.answer_offer(await offerer.make_offer()))
    await until(lambda: channel.readyState == "open" and watcher.channels)
    watcher.channels[0].attach(inbox)
    sctp = offerer.sctp
    assert isinstance(sctp, TunedSctpTransport)
    yield lambda protocol, data: sctp.send_message(channel, protocol, data, urgent=False), inbox
    await offerer.close()
    await answerer.close()


async def test_text_that_is_not_utf8_costs_one_message_not_the_connection() -> None:
    async with raw_pair() as (send, inbox):
        send(WEBRTC_STRING, b"\xff\xfe")
        send(WEBRTC_STRING, b"after")
        await until(lambda: inbox.messages == ["after"])
        assert inbox.problems == ["The text message is not UTF-8"]


async def test_a_second_open_of_the_same_channel_does_not_end_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with raw_pair() as (send, inbox):
        send(WEBRTC_DCEP, struct.pack("!BBHLHH", 3, 0, 0, 0, 1, 0) + b"x")
        send(WEBRTC_STRING, b"after")
        await until(lambda: inbox.messages == ["after"])
        assert "was refused" in caplog.text


async def test_a_silently_dead_peer_is_noticed_within_seconds() -> None:
    watcher = Watcher()
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection(observer=watcher)
    channel = offerer.open_channel()
    answer = await answerer.answer_offer(await offerer.make_offer())
    impair(offerer, Impairment())
    await offerer.take_answer(answer)
    await channel.opened()
    # The other machine loses power: it sends nothing more, not even a close_notify.
    alter(offerer, Impairment(loss=1.0))
    began = time.monotonic()
    await until(lambda: watcher.states[-1] in ("failed", "closed"), 15)
    assert time.monotonic() - began < 12
    await offerer.close()
    await answerer.close()


async def test_closing_during_the_handshake_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05):
        offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection()
        offerer.open_channel()
        await offerer.take_answer(await answerer.answer_offer(await offerer.make_offer()))
        await asyncio.sleep(delay)
        await answerer.close()
        await offerer.close()
    await until(lambda: not asyncio.all_tasks() - before, 5, "the handshakes' tasks end")


async def test_no_server_is_asked_unless_one_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiortc's default would be a public STUN server."""
    asked: list[tuple[str, int]] = []

    async def ask(_protocol: object, _request: object, server: tuple[str, int]) -> None:
        asked.append(server)
        raise OSError("Nobody there")

    monkeypatch.setattr(aioice.ice.StunProtocol, "request", ask)
    plain = rtc.PeerConnection()
    plain.open_channel()
    await plain.make_offer()
    await plain.close()
    assert not asked
    asking = rtc.PeerConnection(IceSettings(servers=(IceServer(urls="stun:192.0.2.9:3478"),)))
    asking.open_channel()
    await asking.make_offer()
    await asking.close()
    assert set(asked) == {("192.0.2.9", 3478)}


MDNS = "candidate:1 1 udp 2113937151 3c0e1d4a-0000-4000-8000-000000000000.local 50000 typ host"


async def test_mdns_candidates_do_not_delay_the_answer() -> None:
    offerer = rtc.PeerConnection()
    offerer.open_channel()
    sdp = await offerer.make_offer()
    lines = [f"a={MDNS}" if line.startswith("a=candidate:") else line for line in sdp.splitlines()]
    watcher = Watcher()
    answerer = rtc.PeerConnection(observer=watcher)
    began = time.monotonic()
    await answerer.answer_offer("\r\n".join(lines) + "\r\n")
    assert time.monotonic() - began < 0.5
    assert ("remote", MDNS.removeprefix("candidate:")) in watcher.candidates
    await offerer.close()
    await answerer.close()


async def test_a_name_that_comes_just_before_the_end_of_candidates_counts() -> None:
    """Both in one packet of the relay's: nothing runs in between."""
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection()
    channel = offerer.open_channel()
    offer = await offerer.make_offer()
    lines = offer.splitlines()
    # One of this machine's addresses will do.
    line = next(line for line in lines if line.startswith("a=candidate:"))
    address = line.split()[4]
    name = "0a0b0c0d-0000-4000-8000-0123456789ab.local"
    announcer = await aioice.mdns.create_mdns_protocol()
    await announcer.publish(name, address)
    bare = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-"))]
    await offerer.take_answer(await answerer.answer_offer("\r\n".join(bare) + "\r\n"))
    began = time.monotonic()
    await answerer.add_candidate(line.removeprefix("a=").replace(address, name), "0", 0)
    await answerer.add_candidate(None, None, None)
    assert time.monotonic() - began < 0.5
    assert answerer.sctp is not None
    ice = answerer.sctp.transport.transport

    def hosts() -> list[str]:
        return [one.ip for one in ice.getRemoteCandidates() if one.type == "host"]

    await until(lambda: hosts() == [name])
    await channel.opened()
    await offerer.close()
    await answerer.close()
    await announcer.close()


@pytest.mark.parametrize("relay_only", [True, False])
async def test_where_only_turn_is_allowed_no_name_is_looked_up_on_our_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relay_only: bool
) -> None:
    asked: list[str] = []

    async def resolve(_self: object, hostname: str, timeout: float = 1.0) -> None:
        asked.append(hostname)

    monkeypatch.setattr(aioice.mdns.MDnsProtocol, "resolve", resolve)
    async with coturn(tmp_path) as url:
        server = IceServer(url, *credentials(SECRET, "a1"))
        caller = rtc.PeerConnection()
        caller.open_channel()
        sdp = await caller.make_offer()
        callee = rtc.PeerConnection(IceSettings(servers=(server,), relay_only=relay_only))
        answer = await callee.answer_offer(f"{sdp}a={MDNS}\r\na=end-of-candidates\r\n")
        await callee.add_candidate(MDNS, "0", 0)
        await callee.add_candidate(None, "0", 0)
        await asyncio.wait_for(caller.take_answer(answer), 10)
        await until(lambda: callee.iceConnectionState == "completed", what="a path")
        assert bool(asked) is not relay_only
        assert (
            all(" typ relay" in line for line in answer.splitlines() if "candidate:" in line)
            is relay_only
        )
        await caller.close()
        await callee.close()


def test_split_mdns_takes_the_end_of_candidates_with_it() -> None:
    sdp = f"v=0\r\na={MDNS}\r\na=end-of-candidates\r\n"
    assert sdp_text.split_mdns(sdp) == ("v=0\r\n", [MDNS], True)
    plain = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\na=end-of-candidates\r\n"
    assert sdp_text.split_mdns(plain) == (plain, [], True)


@pytest.mark.parametrize(
    "sdp",
    ["", "x", "v=0\r\n", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "\x00" * 100, "m=application"],
)
async def test_an_unusable_offer_is_a_bad_request(sdp: str) -> None:
    pc = rtc.PeerConnection()
    with pytest.raises(BadRequestError, match="sdp"):
        await pc.answer_offer(sdp)
    await pc.close()


async def test_audio_and_video_are_refused() -> None:
    caller = RTCPeerConnection()
    caller.addTransceiver("audio")
    caller.createDataChannel("terminal")
    await caller.setLocalDescription(await caller.createOffer())
    pc = rtc.PeerConnection()
    with pytest.raises(BadRequestError, match="nothing else"):
        await pc.answer_offer(caller.localDescription.sdp)
    await pc.close()
    await caller.close()


@pytest.mark.parametrize(
    "line", ["x", "candidate:", "candidate:1 1 udp", "candidate:a b c d e f g h"]
)
def test_an_unusable_candidate_is_a_bad_request(line: str) -> None:
    with pytest.raises(BadRequestError, match="candidate"):
        sdp_text.parse_candidate(line)


async def test_candidates_are_bounded() -> None:
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection()
    offerer.open_channel()
    await answerer.answer_offer(await offerer.make_offer())
    line = "candidate:1 1 udp 2130706431 192.0.2.77 {} typ host"

    async def flood() -> None:
        for number in range(rtc.MAX_CANDIDATES + 1):
            await answerer.add_candidate(line.format(1024 + number), "0", 0)

    with pytest.raises(LimitError):
        await flood()
    await offerer.close()
    await answerer.close()


async def test_the_selected_pair_and_round_trip_are_known() -> None:
    (one, other), end, (offerer, _) = await rtc_pair()
    other.attach(Inbox())
    await one.send(bytes(5000))
    await until(lambda: offerer.rtt is not None)
    pair = offerer.selected_pair
    assert pair is not None
    assert pair.path == "direct"
    assert 0 <= (offerer.rtt or 0) < 1
    await end()
    assert offerer.selected_pair is None


async def flooded(pc: rtc.PeerConnection, one: MessageChannel, inbox: Inbox) -> int:
    """Bytes of chunks in a packet, once there was much to send."""
    for _ in range(40):
        await one.send(bytes(16_000))
    await until(lambda: len(inbox.messages) == 40)
    assert isinstance(pc.sctp, TunedSctpTransport)
    return pc.sctp.packet_room


async def test_two_of_us_use_the_largest_packets_that_dtls_takes_where_they_pass() -> None:
    (one, other), end, (offerer, _) = await rtc_pair()
    inbox = Inbox()
    other.attach(inbox)
    assert await flooded(offerer, one, inbox) == room_in(MAX_DATAGRAM)
    await end()


@pytest.mark.parametrize(
    ("line", "datagram"),
    [
        ("", PLAIN_DATAGRAM),
        ("a=hatchway-datagram:4096", 4096),
        ("a=hatchway-datagram:999999", MAX_DATAGRAM),
        ("a=hatchway-datagram:12345678901234567890", PLAIN_DATAGRAM),
        ("a=hatchway-datagram:-5", PLAIN_DATAGRAM),
        ("a=hatchway-datagram:many", PLAIN_DATAGRAM),
    ],
)
async def test_a_peer_says_how_large_its_datagrams_may_be(line: str, datagram: int) -> None:
    watcher = Watcher()
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection(observer=watcher)
    channel = offerer.open_channel()
    offer = await offerer.make_offer()
    ours = f"a={sdp_text.DATAGRAM_ATTRIBUTE}:{MAX_DATAGRAM}\r\n"
    assert offer.endswith(ours)
    answer = await answerer.answer_offer(offer)
    assert answer.endswith(ours)
    await offerer.take_answer(answer.replace(ours, f"{line}\r\n" if line else ""))
    await channel.opened()
    await until(lambda: watcher.channels)
    inbox = Inbox()
    watcher.channels[0].attach(inbox)
    assert await flooded(offerer, channel, inbox) == room_in(datagram)
    await offerer.close()
    await answerer.close()


OFFLINE = """
import asyncio
import gc
from engine.transport import connection as rtc
from engine.transport import tuning

async def main():
    assert tuning.apply()
    one, other = rtc.PeerConnection(), rtc.PeerConnection()
    channel = one.open_channel()
    await one.take_answer(await other.answer_offer(await one.make_offer()))
    await asyncio.wait_for(channel.opened(), 10)
    print(one.selected_pair.local.rsplit(":", 1)[0])
    await one.close()
    await other.close()

asyncio.run(main())
"""


def test_a_machine_with_no_network_but_loopback_reaches_itself() -> None:
    """In a network namespace of its own, with nothing but lo."""
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"']
    done = subprocess.run(
        [*command, sys.executable, OFFLINE], capture_output=True, text=True, timeout=60, check=False
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("Network namespaces need root here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "127.0.0.1"


async def test_giving_up_while_gathering_leaves_no_socket() -> None:
    for turns in range(8):
        pc = rtc.PeerConnection()
        pc.open_channel()
        offering = asyncio.create_task(pc.make_offer())
        for _ in range(turns):
            await asyncio.sleep(0)
        offering.cancel()
        await asyncio.wait([offering])
        await pc.close()
    # An unclosed socket warns when it is collected, and a warning fails the test.
    gc.collect()
