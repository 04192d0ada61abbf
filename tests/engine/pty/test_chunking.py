"""Small pieces at rest, large ones under a flood, small again at once after it."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.receive_buffer import ReceiveBuffer
from engine.pty.base import READ_SIZE
from engine.pty.chunking import CALM_BYTES, CALM_RATE, GATHER_SECONDS, ChunkedReader, ChunkSize


def test_people_at_work_get_the_first_size() -> None:
    size = ChunkSize(4096, 65_536)
    for frame in range(600):  # 40 KB sixty times a second: a full-screen program redraws
        size.record(40_000, frame / 60)
        assert not size.flooding
    size.record(200, 11.0)
    assert size.limit == 4096


def test_a_flood_makes_the_pieces_as_large_as_they_get() -> None:
    size = ChunkSize(4096, 65_536)
    now, read, reads = 0.0, 0, 0
    while not size.flooding:
        count = size.limit
        read, reads = read + count, reads + 1
        size.record(count, now)
        now += count / (10 * CALM_RATE)
        assert reads < 40
    assert size.limit == 65_536
    assert read < 200_000


def flooded() -> ChunkSize:
    size = ChunkSize(4096, 65_536)
    for _ in range(100):
        size.record(65_536, 1.0)
    assert size.flooding
    return size


def test_one_read_that_brings_little_ends_a_flood_at_once() -> None:
    size = flooded()
    size.record(CALM_BYTES, 1.001)
    assert size.flooding
    size.record(CALM_BYTES - 1, 1.002)
    assert not size.flooding
    assert size.limit == 4096


def test_a_flood_that_slows_down_is_over_within_a_few_hundredths_of_a_second() -> None:
    size = flooded()
    size.record(CALM_BYTES, 1.02)
    assert not size.flooding
    size.record(CALM_BYTES, 1.04)
    assert size.limit == 4096


@pytest.mark.parametrize(("first", "most"), [(1024, 65_536), (65_536, 65_536), (65_536, 4096)])
def test_the_limit_stays_between_the_two(first: int, most: int) -> None:
    size = ChunkSize(first, most)
    for step in range(50):
        assert min(first, most) <= size.limit <= most
        size.record(size.limit, step / 1000)
    assert size.limit <= most


class Tap:
    """A reader on a buffer that is filled by hand, while its clock stands still; notes each
    wait for more, which takes as long as the rule says or, where given, ``patience`` seconds."""

    def __init__(self) -> None:
        self.patience = 0.0
        self.buffer = ReceiveBuffer(lambda: None, lambda: None)
        self.gathered: list[tuple[int, float]] = []
        self.reader = ChunkedReader(self.buffer.read, self.gather, 4096, lambda: 0.0)

    async def gather(self, enough: int, seconds: float) -> None:
        self.gathered.append((enough, seconds))
        await self.buffer.fill(enough, self.patience or seconds)

    def read_at_once(self) -> bytes:
        """A read that needs no turn of the loop; what is held comes without any wait."""
        with pytest.raises(StopIteration) as done:
            self.reader.read().send(None)
        return bytes(done.value.value)

    async def flood(self) -> None:
        while not self.gathered:
            self.buffer.feed(bytes(4096))
            await self.reader.read()


async def test_output_at_rest_is_read_without_any_wait() -> None:
    tap = Tap()
    for _ in range(100):
        tap.buffer.feed(b"x")
        assert tap.read_at_once() == b"x"
    assert tap.gathered == []


async def test_a_flood_is_left_to_gather_and_read_in_the_largest_pieces() -> None:
    tap = Tap()
    await tap.flood()
    tap.patience = 60.0
    reading = asyncio.create_task(tap.reader.read())
    for _ in range(16):
        await asyncio.sleep(0)
        assert not reading.done()
        tap.buffer.feed(bytes(4096))
    assert await reading == bytes(READ_SIZE)
    assert tap.gathered[-1] == (READ_SIZE, GATHER_SECONDS)


async def test_what_follows_a_flood_waits_once_and_never_again() -> None:
    tap = Tap()
    await tap.flood()
    before = len(tap.gathered)
    tap.buffer.feed(b"$ ")
    assert await tap.reader.read() == b"$ "
    assert len(tap.gathered) == before + 1
    tap.buffer.feed(b"x")
    assert tap.read_at_once() == b"x"
    assert len(tap.gathered) == before + 1


async def test_the_end_of_a_flood_is_told_at_once() -> None:
    tap = Tap()
    await tap.flood()
    tap.buffer.end()
    assert tap.read_at_once() == b""
