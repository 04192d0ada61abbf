"""The bridge: reading, losing the guest, finding it again, ending."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import AccessDeniedError, ChannelClosedError, PTYClosedError
from engine.core.model import ExitStatus, Size
from engine.shells.bridge import DETACHED_BYTES, Permission, PTYBridge
from engine.shells.output_log import ReplayBuffer
from engine.shells.traffic import Counter
from tests.engine.pty.echo import EchoPTY
from tests.engine.until import until


class Taker:
    def __init__(self) -> None:
        self.data = b""
        self.status: ExitStatus | None = None
        self.gone = False

    async def output(self, data: bytes) -> None:
        if self.gone:
            raise ChannelClosedError("gone")
        self.data += data

    def ended(self, status: ExitStatus) -> None:
        self.status = status


def made(replay: int = 64 * 1024) -> tuple[PTYBridge, Counter, Taker]:
    counter, taker = Counter(), Taker()
    bridge = PTYBridge(
        EchoPTY(Size(), capacity=16 * 1024 * 1024), "s", counter, replay_bytes=replay
    )
    bridge.start(taker)
    return bridge, counter, taker


async def test_both_directions_are_counted() -> None:
    bridge, counter, taker = made()
    await bridge.write(b"hello")
    await until(lambda: taker.data == b"hello")
    assert (counter.bytes_in, counter.bytes_out) == (5, 5)
    await bridge.close()


async def test_what_may_enter_the_pty_changes_at_once_and_refused_input_counts_as_taken() -> None:
    bridge, counter, taker = made()
    await bridge.write(b"one ")
    bridge.permit(Permission(lambda: AccessDeniedError("You may watch"), resize=False))
    for _ in range(2):
        with pytest.raises(AccessDeniedError, match="watch"):
            await bridge.write(b"two ")
    await bridge.resize(Size(100, 30))
    assert (bridge.size, bridge.input_taken, counter.bytes_in) == (Size(), 12, 4)
    bridge.permit(Permission())
    await bridge.write(b"three")
    await bridge.resize(Size(100, 30))
    assert bridge.size == Size(100, 30)
    await until(lambda: taker.data == b"one three")
    await bridge.close()


async def test_the_end_is_told_after_the_last_byte() -> None:
    bridge, _, taker = made()
    await bridge.write(b"bye")
    await bridge.write(b"\x04")
    await until(lambda: taker.status)
    assert taker.data == b"bye"
    assert taker.status == ExitStatus(0, "The echo ended")
    assert not bridge.is_connected
    with pytest.raises(PTYClosedError):
        await bridge.write(b"x")
    await bridge.close()


async def test_a_returning_guest_gets_exactly_what_it_misses() -> None:
    bridge, _, taker = made()
    await bridge.write(b"one ")
    await until(lambda: taker.data == b"one ")
    taker.gone = True
    await bridge.write(b"two ")
    await until(lambda: bridge.replay_from(0)[1] == 8)
    back = Taker()
    assert bridge.replay_from(4) == (4, 8)
    await bridge.attach(back, 4)
    await bridge.write(b"three")
    await until(lambda: back.data == b"two three")
    await bridge.close()


async def test_the_program_waits_when_nobody_sees_too_much_of_its_output() -> None:
    bridge, counter, taker = made()
    bridge.detach(taker)
    for _ in range(40):
        await bridge.write(bytes(32 * 1024))
    await until(lambda: counter.bytes_out > DETACHED_BYTES)
    for _ in range(100):
        await asyncio.sleep(0)
    assert counter.bytes_out <= DETACHED_BYTES + 128 * 1024
    back = Taker()
    await bridge.attach(back, 0)
    await until(lambda: len(back.data) == 40 * 32 * 1024)
    await bridge.close()


async def test_a_guest_that_returns_after_the_end_is_told_of_it() -> None:
    bridge, _, taker = made()
    bridge.detach(taker)
    await bridge.write(b"bye")
    await bridge.write(b"\x04")
    await until(lambda: not bridge.is_connected)
    back = Taker()
    await bridge.attach(back, 0)
    assert back.data == b"bye"
    assert back.status is not None
    await bridge.close()


async def test_close_stops_reading_and_is_idempotent() -> None:
    bridge, _, taker = made()
    await bridge.close()
    await bridge.close()
    assert not bridge.is_connected
    assert taker.status is None


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=30),
    st.integers(0, 100),
    st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_the_replay_buffer_never_loses_what_is_not_acknowledged(
    chunks: list[bytes], keep: int, acked: int, asked: int
) -> None:
    everything = b"".join(chunks)
    buffer = ReplayBuffer(keep)
    for number, chunk in enumerate(chunks):
        buffer.append(chunk)
        if number == len(chunks) // 2:
            buffer.ack(acked)
    start, kept = buffer.since(asked)
    assert b"".join(kept) == everything[start:]
    assert start <= max(asked, min(acked, len(everything)))
    assert buffer.end == len(everything)
    assert buffer.end - buffer.start >= min(keep, len(everything))
