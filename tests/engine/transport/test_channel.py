"""One conformance suite for the data-channel seam: in memory, and real WebRTC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from engine.core.errors import ChannelClosedError
from engine.core.model import CandidatePair
from engine.transport import connection as rtc
from engine.transport.channel import HIGH_WATER, Message, MessageChannel
from engine.transport.data_channel import RtcChannel
from tests.engine.impairment import Impairment, impair
from tests.engine.transport.memory_channel import memory_pair
from tests.engine.until import until

Pair = tuple[MessageChannel, MessageChannel]


class Inbox:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.problems: list[str] = []
        self.ends = 0

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def malformed(self, problem: str) -> None:
        self.problems.append(problem)

    def closed(self) -> None:
        self.ends += 1


class Watcher:
    """An Observer that keeps what it is told."""

    def __init__(self) -> None:
        self.channels: list[RtcChannel] = []
        self.candidates: list[tuple[str, str]] = []
        self.states: list[str] = []
        self.pairs: list[CandidatePair] = []
        self.failed: list[tuple[str, str]] = []

    def ice_gathering(self, state: str) -> None: ...
    def ice_connection(self, state: str) -> None: ...

    def connection(self, state: str) -> None:
        self.states.append(state)

    def candidate(self, side: str, candidate: str) -> None:
        self.candidates.append((side, candidate))

    def server_failed(self, url: str, why: str) -> None:
        self.failed.append((url, why))

    def pair_selected(self, pair: CandidatePair) -> None:
        self.pairs.append(pair)

    def channel_opened(self, channel: RtcChannel) -> None:
        self.channels.append(channel)


async def rtc_pair(
    protocol: str = "x",
) -> tuple[Pair, Callable[[], Awaitable[None]], tuple[rtc.PeerConnection, rtc.PeerConnection]]:
    watcher = Watcher()
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection(observer=watcher)
    channel = offerer.open_channel(protocol)
    await offerer.take_answer(await answerer.answer_offer(await offerer.make_offer()))
    await channel.opened()
    await until(lambda: watcher.channels)

    async def end() -> None:
        await offerer.close()
        await answerer.close()

    return (channel, watcher.channels[0]), end, (offerer, answerer)


@pytest.fixture(params=["memory", "webrtc"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    if request.param == "memory":
        yield memory_pair("terminal", "x")
        return
    channels, end, _ = await rtc_pair()
    yield channels
    await end()


async def test_names_and_protocol_are_the_same_at_both_ends(pair: Pair) -> None:
    assert [c.label for c in pair] == ["terminal", "terminal"]
    assert [c.protocol for c in pair] == ["x", "x"]
    assert all(c.is_open for c in pair)


async def test_kind_and_order_of_messages_are_kept(pair: Pair) -> None:
    one, other = pair
    inbox = Inbox()
    other.attach(inbox)
    sent: list[Message] = []
    for number in range(200):
        message: Message = f"é{number}" if number % 2 else bytes([number % 256]) * 10
        sent.append(message)
        await one.send(message)
    await until(lambda: len(inbox.messages) == len(sent))
    assert inbox.messages == sent


async def test_an_urgent_message_goes_ahead_of_what_waits(pair: Pair) -> None:
    one, other = pair
    inbox = Inbox()
    other.attach(inbox)
    flood: list[Message] = [bytes([number]) * 4096 for number in range(60)]
    for message in flood:
        await one.send(message)
    urgent: list[Message] = ["first", "second"]
    for message in urgent:
        assert one.post(message, urgent=True)
    assert one.post("last")
    await until(lambda: len(inbox.messages) == 63)
    arrived = inbox.messages
    assert [message for message in arrived if message not in urgent] == [*flood, "last"]
    assert [message for message in arrived if message in urgent] == urgent
    assert arrived.index("second") < 40


async def test_messages_before_attach_are_delivered_then(pair: Pair) -> None:
    one, other = pair
    await one.send("early")
    answer = Inbox()
    one.attach(answer)
    other.post("seen")
    await until(lambda: answer.messages)
    inbox = Inbox()
    other.attach(inbox)
    await until(lambda: inbox.messages == ["early"])


async def test_a_receiver_that_raises_does_not_end_the_channel(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = pair

    class Broken(Inbox):
        def message(self, message: Message) -> None:
            super().message(message)
            if message == "first":
                raise ValueError("broken")

    inbox = Broken()
    other.attach(inbox)
    await one.send("first")
    await one.send("second")
    await until(lambda: inbox.messages == ["first", "second"])
    assert other.is_open
    caplog.clear()


async def test_close_is_told_once_at_both_ends(pair: Pair) -> None:
    one, other = pair
    inboxes = Inbox(), Inbox()
    one.attach(inboxes[0])
    other.attach(inboxes[1])
    one.close()
    one.close()
    await until(lambda: all(i.ends for i in inboxes))
    other.close()
    assert [i.ends for i in inboxes] == [1, 1]
    assert not one.post("late")
    with pytest.raises(ChannelClosedError):
        await one.send("late")


@pytest.mark.parametrize("paced", [False, True])
async def test_send_waits_while_too_much_is_unsent(pair: Pair, paced: bool) -> None:
    one, other = pair
    inbox = Inbox()
    other.attach(inbox)
    total = 8 * HIGH_WATER
    for _ in range(total // 16384):
        await one.send(bytes(16384), paced=paced)
        assert one.buffered <= HIGH_WATER + 16384
    await until(lambda: sum(map(len, inbox.messages)) == total, 30)


@pytest.mark.parametrize("ending", ["channel", "connection"])
async def test_a_paced_sender_waiting_for_the_peer_is_woken_by_the_end(ending: str) -> None:
    (channel, _), end, (offerer, _) = await rtc_pair()
    # From now on nothing is acknowledged.
    impair(offerer, Impairment(loss=1.0))
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await channel.send(bytes(16384), paced=True)
            sent += 1

    flooding = asyncio.ensure_future(flood())
    await until(lambda: sent)
    await asyncio.sleep(0)
    assert not flooding.done()
    if ending == "channel":
        channel.close()
        # Its reset waits for what is in flight, and the path no longer takes anything.
        await offerer.close()
    else:
        await offerer.close()
    with pytest.raises(ChannelClosedError):
        await asyncio.wait_for(flooding, 10)
    assert sent * 16384 <= HIGH_WATER + 16384
    await end()


async def test_a_sender_waiting_for_room_is_woken_by_the_end() -> None:
    one, _other = memory_pair()
    one.stalled = True
    one.post(bytes(HIGH_WATER + 1))
    waiting = asyncio.ensure_future(one.send("x"))
    await asyncio.sleep(0)
    assert not waiting.done()
    one.close()
    with pytest.raises(ChannelClosedError):
        await waiting
