"""Datagrams on the Qt loop: asyncio's semantics, several at a time, floods bounded."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

if sys.platform == "win32":
    pytest.skip("The Qt loop is for POSIX", allow_module_level=True)

from gui.loop import datagram
from gui.loop.datagram import DatagramTransport
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gui.conftest import Run


class Notes(asyncio.DatagramProtocol):
    """Writes down what it is told, and calls ``on_data`` with each datagram."""

    def __init__(self, on_data: Callable[[bytes], None] = lambda _: None) -> None:
        self.told: list[str] = []
        self.data: list[bytes] = []
        self.errors: list[Exception] = []
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._on_data = on_data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append("made")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.data.append(data)
        self._on_data(data)

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.lost.set_result(exc)


async def endpoint(
    protocol: Notes | None = None, **options: Any
) -> tuple[DatagramTransport, Notes]:
    options = options or {"local_addr": ("127.0.0.1", 0)}
    notes = protocol or Notes()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: notes, **options
    )
    assert isinstance(transport, DatagramTransport)
    return transport, notes


async def end(*pairs: tuple[DatagramTransport, Notes]) -> None:
    for transport, notes in pairs:
        transport.close()
        await notes.lost


async def unix_pair() -> tuple[tuple[DatagramTransport, Notes], socket.socket]:
    """A connected transport and the far end, which is full after some datagrams."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    theirs.setblocking(False)
    return await endpoint(sock=ours), theirs


def test_there_and_back_in_order_with_what_is_to_be_known(qt_run: Run) -> None:
    async def steps() -> None:
        one, two = await endpoint(), await endpoint()
        address = two[0].get_extra_info("sockname")
        sent = [b"%d" % number for number in range(100)]
        for data in sent:
            one[0].sendto(data, address)
        await until(lambda: len(two[1].data) == len(sent))
        assert two[1].data == sent
        assert one[0].get_extra_info("peername") is None
        assert one[0].get_extra_info("socket").family == socket.AF_INET
        assert one[0].get_extra_info("unknown", 7) == 7
        assert one[0].get_protocol() is one[1]
        await end(one, two)
        assert one[1].told == ["made", "lost"]

    qt_run(steps())


@pytest.mark.parametrize("size", [0, 1, 1200, 65507])
def test_a_datagram_of_any_size_arrives_whole(qt_run: Run, size: int) -> None:
    async def steps() -> None:
        one, two = await endpoint(), await endpoint()
        data = bytes(number % 251 for number in range(size))
        one[0].sendto(data, two[0].get_extra_info("sockname"))
        await until(lambda: two[1].data)
        assert two[1].data == [data]
        await end(one, two)

    qt_run(steps())


def test_a_unix_datagram_longer_than_udps_arrives_whole(qt_run: Run) -> None:
    async def steps() -> None:
        pair, theirs = await unix_pair()
        with theirs:
            theirs.send(b"x" * 100_000)
            await until(lambda: pair[1].data)
            assert len(pair[1].data[0]) == 100_000
            await end(pair)

    qt_run(steps())


def test_others_have_their_turn_after_some_datagrams(qt_run: Run) -> None:
    async def steps() -> list[int]:
        loop = asyncio.get_running_loop()
        (transport, notes), theirs = await unix_pair()
        seen: list[int] = []

        def look() -> None:
            seen.append(len(notes.data))
            if len(notes.data) < count:
                loop.call_soon(look)

        count = 0
        with theirs:
            try:
                while count < 10_000:
                    theirs.send(b"x")
                    count += 1
            except BlockingIOError:
                pass
            loop.call_soon(look)
            await until(lambda: len(notes.data) == count)
            await end((transport, notes))
        return [b - a for a, b in zip([0, *seen], seen, strict=False)]

    taken = qt_run(steps())
    assert max(taken) <= datagram.DRAIN_DATAGRAMS


def test_a_slow_protocol_gets_fewer_at_a_time(qt_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "DRAIN_SECONDS", 0.0)

    async def steps() -> None:
        (transport, notes), theirs = await unix_pair()
        with theirs:
            theirs.send(b"1")
            theirs.send(b"2")
            transport._read_ready()
            assert notes.data == [b"1"]
            await until(lambda: len(notes.data) == 2)
            await end((transport, notes))

    qt_run(steps())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_nothing_is_received_once_it_is_ended(qt_run: Run, how: str) -> None:
    async def steps() -> None:
        pair: tuple[DatagramTransport, Notes]
        notes = Notes(lambda _: getattr(pair[0], how)())
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        with theirs:
            theirs.send(b"1")
            theirs.send(b"2")
            pair = await endpoint(notes, sock=ours)
            assert await notes.lost is None
        assert notes.data == [b"1"]
        assert pair[0].is_closing()

    qt_run(steps())


def test_a_protocol_that_raises_loses_no_datagram(
    qt_run: Run,
) -> None:
    async def steps() -> None:
        loop = asyncio.get_running_loop()
        contexts: list[dict[str, Any]] = []
        handler = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: contexts.append(context))

        def fail_once(data: bytes) -> None:
            if data == b"1":
                raise ValueError("a protocol's own")

        (transport, notes), theirs = await unix_pair()
        notes._on_data = fail_once
        with theirs:
            for data in (b"1", b"2", b"3"):
                theirs.send(data)
            await until(lambda: len(notes.data) == 3)
            await end((transport, notes))
        assert [str(context["exception"]) for context in contexts] == ["a protocol's own"]
        loop.set_exception_handler(handler)

    qt_run(steps())


def test_a_refused_datagram_is_an_error_received(qt_run: Run) -> None:
    async def steps() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = nobody.getsockname()
        pair = await endpoint(remote_addr=address)
        pair[0].sendto(b"anyone?")
        await until(lambda: pair[1].errors)
        assert isinstance(pair[1].errors[0], ConnectionRefusedError)
        assert not pair[0].is_closing()
        await end(pair)

    qt_run(steps())


def test_what_cannot_be_sent_at_once_is_kept_bounded_by_pausing_and_flushed(
    qt_run: Run,
) -> None:
    async def steps() -> None:
        (transport, notes), theirs = await unix_pair()
        transport.set_write_buffer_limits(high=1000, low=100)
        assert transport.get_write_buffer_limits() == (100, 1000)
        data = bytearray(b"x" * 500)
        sent = 0
        while "pause" not in notes.told:
            assert not transport.is_closing()
            transport.sendto(data)
            sent += 1
        data[:] = b"y" * 500  # What was handed over stays as it was.
        assert transport.get_write_buffer_size() > 1000
        transport.close()
        got: list[bytes] = []
        loop = asyncio.get_running_loop()
        with theirs:
            while len(got) < sent:
                got.append(await loop.sock_recv(theirs, 1000))
        assert set(got) == {b"x" * 500}
        assert await notes.lost is None
        assert notes.told == ["made", "pause", "resume", "lost"]
        assert transport.get_write_buffer_size() == 0

    qt_run(steps())


def test_aborting_drops_what_is_kept(qt_run: Run) -> None:
    async def steps() -> None:
        (transport, notes), theirs = await unix_pair()
        with theirs:
            while not transport.get_write_buffer_size():
                assert not transport.is_closing()
                transport.sendto(b"x" * 1000)
            transport.abort()
            assert transport.get_write_buffer_size() == 0
            assert await notes.lost is None
            transport.sendto(b"x")  # Dropped in silence, for some time.

    qt_run(steps())


def test_wrong_arguments_are_refused(qt_run: Run) -> None:
    async def steps() -> None:
        far = await endpoint()
        near = await endpoint(remote_addr=far[0].get_extra_info("sockname"))
        with pytest.raises(TypeError):
            near[0].sendto("text")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="address"):
            near[0].sendto(b"x", ("127.0.0.1", 9))
        with pytest.raises(ValueError, match="high"):
            near[0].set_write_buffer_limits(high=1, low=2)
        await end(near, far)

    qt_run(steps())


def test_a_descriptor_may_be_used_again_at_once(qt_run: Run, tmp_path: Path) -> None:
    async def steps() -> None:
        numbers = set()
        for _ in range(20):
            pair, theirs = await unix_pair()
            numbers.add(pair[0].get_extra_info("socket").fileno())
            with theirs:
                theirs.send(b"x")
                await until(lambda pair=pair: pair[1].data)
                await end(pair)
        assert len(numbers) < 20

    qt_run(steps())


def test_one_left_open_is_told_of(qt_run: Run) -> None:
    async def steps() -> None:
        pair, theirs = await unix_pair()
        transport, notes = pair
        with theirs:
            sock = transport._sock
            with pytest.warns(ResourceWarning, match="unclosed transport"):
                transport.__del__()
            assert sock is not None
            transport._sock = None
            asyncio.get_running_loop()._selector.unregister(  # type: ignore[attr-defined]
                notes and transport._fd
            )

    qt_run(steps())
