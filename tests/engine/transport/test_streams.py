"""Byte streams over bad networks are equal by hash, both ways at once, from the handshake on:
between two of our peers, and between ours and an independent stack (libdatachannel, C++).

In real time, all networks at once. tests/engine/transport/sctp has minutes of them in virtual time.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.transport import connection as rtc
from engine.transport.data_channel import RtcChannel
from tests.engine.impairment import Impairment, alter, impair, lift
from tests.engine.transport.test_channel import Watcher
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECONDS = 60.0
MAX_PIECE = 16 * 1024
AMOUNTS = {0.0: 192 * 1024, 0.01: 128 * 1024, 0.05: 48 * 1024, 0.1: 24 * 1024}
"""Bytes each way, by the part of all datagrams that is lost."""
HANDSHAKE_LOSS = 0.01
"""At most, with the independent stack: it needs some five datagrams in a row to pass, and
waits twice as long after each failure, so that a tenth lost makes it a minute now and then."""
LARGEST = [0, 1300, 1472]
"""Bytes of the largest datagram that passes, in turn; 0: there is none too large."""
GRID = [
    Impairment(
        delay,
        jitter=max(delay / 4, 0.005),
        loss=loss,
        duplicate=0.03,
        largest=LARGEST[seed % len(LARGEST)],
        seed=seed,
    )
    for seed, (delay, loss) in enumerate(
        [(0.0, 0.0), (0.0, 0.01), (0.0, 0.1), (0.02, 0.05), (0.05, 0.01), (0.1, 0.0), (0.1, 0.05),
         (0.2, 0.0), (0.2, 0.01), (0.2, 0.1)]
    )
]  # fmt: skip
"""Jitter reorders. The longest delay makes a round trip of 400 to 500 ms."""


def pieces(how: Impairment, way: str) -> list[bytes]:
    content = random.Random(f"{how.seed} {way}")
    made: list[bytes] = []
    left = AMOUNTS[how.loss]
    while left > 0:
        made.append(content.randbytes(content.randrange(1, min(left, MAX_PIECE) + 1)))
        left -= len(made[-1])
    return made


@dataclass
class Taken:
    """The bytes that came, as one stream; a Receiver of a channel."""

    count: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def message(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        self.count += len(message)
        self.hash.update(message)

    def malformed(self, problem: str) -> None:
        raise AssertionError(problem)

    def closed(self) -> None: ...


def given_hash(sent: list[bytes]) -> str:
    return hashlib.sha256(b"".join(sent)).hexdigest()


async def our_peer(how: Impairment) -> None:
    watcher = Watcher()
    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection(observer=watcher)
    channel = offerer.open_channel()
    offer = await offerer.make_offer()
    impair(offerer, how)
    await offerer.take_answer(await answerer.answer_offer(offer))
    await until(lambda: watcher.channels, SECONDS)
    await asyncio.wait_for(channel.opened(), SECONDS)
    await both_ways(how, channel, lambda sent: send(watcher.channels[0], sent), watcher.channels[0])
    await offerer.close()
    await answerer.close()


async def send(channel: RtcChannel, sent: list[bytes]) -> None:
    for piece in sent:
        await channel.send(piece)


async def both_ways(
    how: Impairment,
    ours: RtcChannel,
    send_back: Callable[[list[bytes]], Awaitable[None]],
    far: RtcChannel | None = None,
    theirs: Taken | None = None,
) -> None:
    """``send_back`` sends from the far side, where ``theirs`` counts what arrives."""
    forth, back = pieces(how, "forth"), pieces(how, "back")
    here, there = Taken(), theirs or Taken()
    ours.attach(here)
    if far is not None:
        far.attach(there)
    await asyncio.gather(send(ours, forth), send_back(back))
    sizes = sum(map(len, forth)), sum(map(len, back))
    await until(lambda: (there.count, here.count) == sizes, SECONDS, f"{how}: all has arrived")
    assert there.hash.hexdigest() == given_hash(forth), how
    assert here.hash.hexdigest() == given_hash(back), how


async def every_network(peer: Callable[[Impairment], Awaitable[None]]) -> None:
    results = await asyncio.gather(*(peer(how) for how in GRID), return_exceptions=True)
    failed = [(how, error) for how, error in zip(GRID, results, strict=True) if error]
    assert not failed


async def test_ours_to_ours() -> None:
    await every_network(our_peer)


async def test_ours_to_an_independent_stack() -> None:
    from benchmarks.ldc import LdcLink

    class Link(LdcLink):
        """The C++ stack's end; its callbacks come in threads of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.taken = Taken()

        def _bytes(self, data: bytes) -> None:
            self.taken.message(data)

        async def ended(self) -> None:
            await self._closed.wait()

        async def send(self, sent: list[bytes]) -> None:
            """Within its buffer's bounds."""
            for piece in sent:
                await until(lambda: not self._full(), SECONDS)
                self._dc.send(piece)

    async def their_peer(how: Impairment) -> None:
        watcher = Watcher()
        answerer, link = rtc.PeerConnection(observer=watcher), Link()
        links.append(link)
        answer = await answerer.answer_offer(await link.offer())
        impair(answerer, replace(how, loss=min(how.loss, HANDSHAKE_LOSS)))
        await link.accept(answer)
        await until(lambda: watcher.channels, SECONDS)
        async with asyncio.timeout(SECONDS):
            await link.opened()
        alter(answerer, how)
        await both_ways(how, watcher.channels[0], link.send, theirs=link.taken)
        # Not told of the end, its close() would wait for it, and the interpreter with it.
        lift(answerer)
        await answerer.close()
        await link.ended()

    links: list[Link] = []
    await every_network(their_peer)
    # Once no callback of any waits for the interpreter.
    for link in links:
        await link.close()


if sys.version_info < (3, 12):
    del test_ours_to_an_independent_stack  # libdatachannel-py is not made for it
