"""The output log: positions, bounds, and what it forgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shells.output_log import BLOCK, GoneError, OutputLog


def read_all(log: OutputLog, position: int, limit: int = 16384) -> bytes:
    parts = []
    while part := log.read(position, limit):
        assert len(part) <= limit
        parts.append(part)
        position += len(part)
    return b"".join(parts)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=60),
    keep=st.integers(0, 200),
    needed=st.integers(0, 3000),
    limit=st.integers(1, 64),
)
def test_reads_what_was_appended(chunks: list[bytes], keep: int, needed: int, limit: int) -> None:
    everything = b"".join(chunks)
    log = OutputLog(keep)
    for chunk in chunks:
        log.append(chunk)
    log.trim(needed)
    assert log.end == len(everything)
    assert log.start <= max(0, min(needed, log.end - keep))
    for position in range(log.start, log.end + 1):
        assert read_all(log, position, limit) == everything[position:]


def test_it_says_what_it_no_longer_has() -> None:
    log = OutputLog(10)
    for _ in range(20):
        log.append(b"x" * BLOCK)
    log.trim(log.end)
    assert 10 <= log.end - log.start <= 10 + BLOCK
    with pytest.raises(GoneError):
        log.read(log.start - 1, 10)


def test_of_large_reads_no_more_stays() -> None:
    log = OutputLog(2 * BLOCK)
    everything = b""
    for n in range(20):
        data = bytes([n]) * 4 * BLOCK
        everything += data
        log.append(data)
        log.trim(log.end)
        assert 2 * BLOCK <= log.end - log.start < 3 * BLOCK
        assert read_all(log, log.start) == everything[log.start :]


def test_what_is_needed_stays() -> None:
    log = OutputLog(0)
    for _ in range(20):
        log.append(b"y" * BLOCK)
    log.trim(5 * BLOCK + 7)
    assert log.start == 5 * BLOCK


def test_single_bytes_are_joined() -> None:
    log = OutputLog(BLOCK)
    for _ in range(100_000):
        log.append(b"z")
        log.trim(log.end)
    assert log.end - log.start <= 2 * BLOCK


def test_positions_begin_where_they_are_told() -> None:
    log = OutputLog(0, start=1000)
    log.append(b"abc")
    assert (log.start, log.end, log.read(1001, 9)) == (1000, 1003, b"bc")
