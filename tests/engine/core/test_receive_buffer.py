"""Bytes between a producer that cannot wait and a consumer that does."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from engine.core.receive_buffer import HIGH_WATER, LOW_WATER, ReceiveBuffer


class Source:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.buffer = ReceiveBuffer(
            lambda: self.calls.append("pause"), lambda: self.calls.append("resume")
        )


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(1, 70), max_size=60))
def test_every_byte_comes_once_and_in_order(pieces: list[bytes], limits: list[int]) -> None:
    async def run() -> None:
        buffer = Source().buffer
        for piece in pieces:
            buffer.feed(piece)
        whole = b"".join(pieces)
        assert len(buffer) == len(whole)
        buffer.end()
        read = b""
        for limit in limits:
            data = await buffer.read(limit)
            assert len(data) <= limit
            assert bool(data) == (len(read) < len(whole))
            read += data
            assert len(buffer) == len(whole) - len(read)
        assert whole.startswith(read)

    asyncio.run(run())


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=12), st.integers(0, 3))
def test_read_until_finds_a_mark_across_pieces(pieces: list[bytes], before: int) -> None:
    async def run() -> None:
        buffer = Source().buffer
        whole = b"abc" + b"".join(pieces) + b"\r\n\r\nbody"
        for at in range(0, len(whole), 3):
            buffer.feed(whole[at : at + 3])
        first = await buffer.read(before) if before else b""
        head = await buffer.read_until(b"\r\n\r\n", 1000)
        assert head is not None
        assert head.endswith(b"\r\n\r\n")
        assert head.count(b"\r\n\r\n") == 1
        buffer.end()
        rest = b""
        while data := await buffer.read(2):
            rest += data
        assert first + head + rest == whole

    asyncio.run(run())


async def test_read_until_gives_up_at_its_limit_and_leaves_the_bytes() -> None:
    buffer = Source().buffer
    buffer.feed(b"x" * 101)
    assert await buffer.read_until(b"\n", 100) is None
    assert await buffer.read(1000) == b"x" * 101


async def test_the_source_stops_when_full_and_goes_on_when_read() -> None:
    source = Source()
    source.buffer.feed(bytes(HIGH_WATER - 1))
    assert source.calls == []
    source.buffer.feed(b"x")
    source.buffer.feed(b"y")
    assert source.calls == ["pause"]
    await source.buffer.read(HIGH_WATER - LOW_WATER)
    assert source.calls == ["pause"]
    await source.buffer.read(1)
    assert source.calls == ["pause", "resume"]


async def test_gathering_stops_the_source_for_a_moment_only() -> None:
    source = Source()
    source.buffer.feed(b"some")
    await source.buffer.gather(1000, 0.001)
    assert source.calls == ["pause", "resume"]
    await source.buffer.gather(4, 60.0)
    assert source.calls == ["pause", "resume"]
    source.buffer.end()
    await source.buffer.gather(1000, 60.0)
    assert await source.buffer.read(10) == b"some"


async def test_filling_waits_for_enough_or_the_end_while_the_source_goes_on() -> None:
    source = Source()
    source.buffer.feed(b"some")
    await source.buffer.fill(1000, 0.001)  # in vain
    await source.buffer.fill(4, 60.0)
    filling = asyncio.create_task(source.buffer.fill(6, 60.0))
    await asyncio.sleep(0)
    source.buffer.feed(b"5")
    await asyncio.sleep(0)
    assert not filling.done()
    source.buffer.feed(b"6")
    await filling
    filling = asyncio.create_task(source.buffer.fill(HIGH_WATER * 2, 60.0))
    await asyncio.sleep(0)
    source.buffer.feed(bytes(HIGH_WATER))
    await filling  # a full buffer gets no more
    assert source.calls == ["pause"]
    source.buffer.end()
    await source.buffer.fill(HIGH_WATER * 2, 60.0)


async def test_a_discarding_end_leaves_nothing() -> None:
    buffer = Source().buffer
    buffer.feed(b"unread")
    buffer.end(discard=True)
    assert await buffer.read(10) == b""
    buffer.feed(b"late")
    assert await buffer.read(10) == b""
