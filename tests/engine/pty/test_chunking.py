"""Small pieces at rest, large ones under a flood, small again at once after it."""

from __future__ import annotations

import pytest

from engine.pty.chunking import CALM_RATE, ChunkSize


def test_people_at_work_get_the_first_size() -> None:
    size = ChunkSize(4096, 65_536)
    for frame in range(600):  # 40 KB sixty times a second: a full-screen program redraws
        size.took(40_000, frame / 60)
        assert not size.flooding
    size.took(200, 11.0)
    assert size.limit == 4096


def test_a_flood_makes_the_pieces_as_large_as_they_get() -> None:
    size = ChunkSize(4096, 65_536)
    now, read, reads = 0.0, 0, 0
    while not size.flooding:
        count = size.limit
        read, reads = read + count, reads + 1
        size.took(count, now)
        now += count / (10 * CALM_RATE)
        assert reads < 40
    assert size.limit == 65_536
    assert read < 200_000


def test_calm_is_back_within_a_few_hundredths_of_a_second() -> None:
    size = ChunkSize(4096, 65_536)
    for _ in range(100):
        size.took(65_536, 1.0)
    assert size.flooding
    size.took(1, 1.02)
    assert not size.flooding
    size.took(1, 1.04)
    assert size.limit == 4096


@pytest.mark.parametrize(("first", "most"), [(1024, 65_536), (65_536, 65_536), (65_536, 4096)])
def test_the_limit_stays_between_the_two(first: int, most: int) -> None:
    size = ChunkSize(first, most)
    for step in range(50):
        assert min(first, most) <= size.limit <= most
        size.took(size.limit, step / 1000)
    assert size.limit <= most
