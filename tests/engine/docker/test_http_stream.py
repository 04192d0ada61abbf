"""Docker's HTTP answers: every split, every malformation, flow control, the end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import DockerAbsentError, DockerFailedError, DockerRefusedError
from engine.core.receive_buffer import HIGH_WATER
from engine.docker.endpoint import UnixEndpoint
from engine.docker.http_stream import (
    MAX_CHUNK_LINE_BYTES,
    MAX_ERROR_BYTES,
    MAX_HEAD_BYTES,
    ChunkedDecoder,
    HttpStream,
    open_stream,
    parse_head,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    Serve = Callable[[Answer], Awaitable[UnixEndpoint]]

UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\n"
    b"Content-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)
REQUEST = b"GET / HTTP/1.1\r\nHost: docker\r\n\r\n"


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


# -- the head


def test_a_head_and_where_it_ends() -> None:
    parsed = parse_head(UPGRADED + b"$ ")
    assert parsed is not None
    head, length = parsed
    assert (head.status, head.reason, length) == (101, "UPGRADED", len(UPGRADED))
    assert head.headers["upgrade"] == "tcp"


@pytest.mark.parametrize("end", range(len(UPGRADED)))
def test_an_incomplete_head_waits_for_more(end: int) -> None:
    assert parse_head(UPGRADED[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 2000 High\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname : space\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbare: a\nb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(DockerFailedError):
        parse_head(data)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_head_a_wait_or_our_error(data: bytes) -> None:
    with contextlib.suppress(DockerFailedError):
        parse_head(b"HTTP/1." + data)


# -- chunks


@given(
    st.lists(st.binary(min_size=1, max_size=200), max_size=8),
    st.lists(st.integers(0, 5000), max_size=20),
)
def test_chunks_split_anywhere_give_the_body(chunks: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\nT: x\r\n\r\n"
    decoder = ChunkedDecoder()
    body = b"".join(decoder.feed(piece) for piece in pieces_of(wire, cuts))
    assert body == b"".join(chunks)
    assert decoder.done


@pytest.mark.parametrize(
    "wire",
    [b"g\r\n", b"\r\n", b"-1\r\n", b"1\na", b"1\r\nab\r\n", b"1" * (MAX_CHUNK_LINE_BYTES + 1)],
)
def test_malformed_chunks_are_refused(wire: bytes) -> None:
    with pytest.raises(DockerFailedError):
        ChunkedDecoder().feed(wire)


# -- the protocol, fed by hand


@given(st.lists(st.integers(0, 5000), max_size=20), st.binary(max_size=400))
def test_an_upgraded_stream_split_anywhere_loses_nothing(cuts: list[int], output: bytes) -> None:
    async def feed() -> bytes:
        stream = HttpStream()
        for piece in pieces_of(UPGRADED + output, cuts):
            stream.data_received(piece)
        stream.connection_lost(None)
        assert (await stream.response()).status == 101
        got = b""
        while data := await stream.read():
            got += data
        return got

    assert asyncio.run(feed()) == output


async def test_read_until_leaves_what_follows() -> None:
    stream = HttpStream()
    stream.data_received(UPGRADED + b"noise <ta")
    waiting = asyncio.create_task(stream.read_until(b"<tag>", 1000))
    await asyncio.sleep(0)
    stream.data_received(b"g>shell")
    assert await waiting == b"noise <tag>"
    assert await stream.read() == b"shell"


async def test_read_until_gives_up_beyond_its_limit_and_at_the_end() -> None:
    stream = HttpStream()
    stream.data_received(UPGRADED + b"x" * 200)
    assert await stream.read_until(b"<tag>", 100) is None
    stream.connection_lost(None)
    assert await stream.read_until(b"<tag>", 1000) is None
    assert await stream.read() == b"x" * 200
    assert await stream.read() == b""


# -- real sockets


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """A server at a unix socket that reads one request head and then does what the test wants."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(answer: Answer) -> UnixEndpoint:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await reader.readuntil(b"\r\n\r\n")
                await answer(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        path = tmp_path / "d.sock"
        servers.append(await asyncio.start_unix_server(handle, path))
        return UnixEndpoint(f"unix://{path}", str(path))

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def saying(*pieces: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


async def all_of(stream: HttpStream) -> bytes:
    got = b""
    async with asyncio.timeout(10):
        while data := await stream.read():
            got += data
    stream.close()
    await stream.wait_closed()
    return got


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (UPGRADED + b"$ \r\n\r\n", b"$ \r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"abc",
        ),
    ],
)
async def test_bodies(serve: Serve, answer: bytes, body: bytes) -> None:
    endpoint = await serve(saying(*(answer[i : i + 1] for i in range(len(answer)))))
    assert await all_of(await open_stream(endpoint, REQUEST)) == body


@pytest.mark.parametrize(
    ("answer", "words", "status"),
    [
        (b'HTTP/1.1 404 Not Found\r\nContent-Length: 26\r\n\r\n{"message":"no such exec"}\n',
         "no such exec", 404),
        ((b'HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n'
         b'{"message":"it is paused"}\r\n0\r\n\r\n'), "it is paused", 409),
        (b"HTTP/1.1 500 Oops\r\n\r\n<html>bad</html>", "<html>bad</html>", 500),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "Busy", 503),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "No Content", 204),
        (b"HTTP/1.1 400 Long\r\n\r\n" + b"x" * (4 * MAX_ERROR_BYTES), "xxxx", 400),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", "malformed header", 0),
        (b"ready", "does not speak HTTP", 0),
        (b"", "without an answer", 0),
        (b"HTTP/1.1 101 UPG", "without an answer", 0),
    ],
)  # fmt: skip
async def test_errors_are_reported_in_words(
    serve: Serve, answer: bytes, words: str, status: int
) -> None:
    endpoint = await serve(saying(answer))
    with pytest.raises(DockerFailedError, match=words) as raised:
        await open_stream(endpoint, REQUEST)
    assert raised.value.status == status
    assert len(str(raised.value)) < 1200


async def test_a_forbidding_answer_is_a_refusal(serve: Serve) -> None:
    endpoint = await serve(saying(b"HTTP/1.1 403 Forbidden\r\n\r\nadministrative rules"))
    with pytest.raises(DockerRefusedError, match="administrative rules"):
        await open_stream(endpoint, REQUEST)


async def test_no_answer_in_time_is_an_error(serve: Serve) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(DockerFailedError, match="did not answer within"):
        await open_stream(await serve(silent), REQUEST, timeout=0.05)


async def test_nobody_there_is_absence(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    with pytest.raises(DockerAbsentError, match="not running"):
        await open_stream(UnixEndpoint(f"unix://{path}", str(path)), REQUEST)


async def test_not_reading_stops_the_sender_and_loses_nothing(serve: Serve) -> None:
    sent = 0
    total = 64 * HIGH_WATER

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(UPGRADED)
        while sent < total:
            writer.write(b"z" * 65536)
            sent += 65536
            await writer.drain()

    stream = await open_stream(await serve(flood), REQUEST)
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.05)
    assert sent < 16 * HIGH_WATER, "the sender was not stopped"
    assert len(await all_of(stream)) == total


async def test_a_reset_is_an_end(serve: Serve) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADED + b"last")
        await writer.drain()
        await reader.read(1)
        writer.transport.abort()

    stream = await open_stream(await serve(reset), REQUEST)
    assert await stream.read() == b"last"
    await stream.write(b"x" * 100_000)
    assert await all_of(stream) == b""
    with pytest.raises(ConnectionError):
        await stream.write(b"x")


async def test_close_wakes_reader_and_writer(serve: Serve) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADED)
        await asyncio.Event().wait()

    stream = await open_stream(await serve(deaf), REQUEST)
    reader = asyncio.create_task(stream.read())
    writer = asyncio.create_task(stream.write(b"x" * 8_000_000))
    done, _ = await asyncio.wait({reader, writer}, timeout=0.2)
    assert not done
    stream.close()
    assert await reader == b""
    with pytest.raises(ConnectionError):
        await writer
    await stream.wait_closed()
