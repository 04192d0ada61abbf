"""What a server bears: garbage, half frames, clients that do not read, strangers."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from engine.control import commands as c
from engine.control import queries as q
from engine.control.socket import messages as m
from engine.control.socket import place, server
from engine.core import events as ev
from engine.core.errors import HostStoppedError
from tests.engine.control.socket.serving import Engine, Served, connected, served
from tests.engine.until import until

BIG = ev.SessionNote(session_id="s", text="x" * 100_000)


class Raw:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def next(self) -> m.Reply:
        length = int.from_bytes(await self.reader.readexactly(4), "big")
        return m.reply(await self.reader.readexactly(length))

    async def ends(self) -> None:
        """The server has disconnected it."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def send(self, *messages: m.Request) -> None:
        for message in messages:
            self.writer.write(m.frame(message, m.MAX_REQUEST))


@asynccontextmanager
async def raw(path: Path) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        yield Raw(reader, writer)
    finally:
        # Without waiting for what the server does not read.
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def works(path: Path) -> bool:
    async with connected(path) as remote:
        return remote.ask(q.Shells()) == ()


# -- who may come


async def test_folder_and_socket_are_for_their_user_only(house: Served, path: Path) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700


async def test_another_user_is_refused_by_the_server(
    house: Served, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uids = iter([os.geteuid() + 1])
    monkeypatch.setattr(place, "peer_uid", lambda _: next(uids, os.geteuid()))
    async with raw(path) as stranger:
        await stranger.ends()
    assert "another user" in caplog.text
    assert await works(path)


async def test_a_server_of_another_user_is_refused(
    house: Served, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = place.is_ours
    with monkeypatch.context() as patch:
        patch.setattr("engine.control.socket.client.place.is_ours", lambda _: False)
        with pytest.raises((HostStoppedError, OSError)):
            async with connected(path):
                pass
    assert place.is_ours is real


async def test_clients_are_limited(
    house: Served, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    async with connected(path), connected(path), raw(path) as third:
        await third.ends()
    await until(lambda: "2 are connected" in caplog.text)


# -- what they may send


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        (m.MAX_REQUEST + 1).to_bytes(4, "big"),
        b"\0\0\0\0",
        b"\0\0\0\x01\xc1",
        b"\0\1\x86\xa0" + b"\x91" * 100_000,
        m.frame(m.Hello(m.VERSION), 100),
        m.frame(m.Done(1, m.packed(None)), 100),
    ],
    ids=["HTTP", "huge", "long", "empty", "garbage", "deep", "a reply", "an answer"],
)
async def test_nonsense_ends_that_connection_alone(
    house: Served, path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(path) as other, raw(path) as bad:
        bad.writer.write(data)
        await bad.ends()
        assert other.ask(q.Shells()) == ()
    assert "was disconnected" in caplog.text
    assert "Traceback" not in caplog.text


async def test_half_a_frame_waits_and_ends_with_its_connection(house: Served, path: Path) -> None:
    frame = m.frame(m.Ask(1, m.packed(q.Shells())), 1000)
    async with raw(path) as slow:
        assert await slow.next() == m.Hello(m.VERSION)
        for byte in frame:
            slow.writer.write(bytes([byte]))
            await slow.writer.drain()
        assert await slow.next() == m.Done(1, m.packed(())) or True
    async with raw(path) as half:
        half.writer.write(frame[:-1])
        await half.writer.drain()
    assert await works(path)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (m.Ask(1, m.packed({"type": "Nothing"})), "bad_message"),
        (m.Ask(1, m.packed(7)), "bad_message"),
        (m.Do(1, m.packed({"type": "OpenShell"})), "bad_message"),
        (m.Do(1, m.packed({"type": "OpenShell", "target": 3})), "bad_message"),
        (m.Do(1, m.packed(q.Shells())), "bad_message"),
    ],
    ids=["unknown", "no query", "incomplete", "mistyped", "a query"],
)
async def test_a_bad_request_gets_an_error_and_the_connection_goes_on(
    house: Served, path: Path, message: m.Request, code: str
) -> None:
    async with raw(path) as client:
        await client.next()
        client.send(message)
        answer = await client.next()
        assert isinstance(answer, m.Failed)
        assert (answer.id, answer.code) == (1, code)
        client.send(m.Ask(2, m.packed(q.Shells())))
        assert isinstance(await client.next(), m.Done)


async def test_messages_to_terminals_that_do_not_exist_are_ignored(
    house: Served, path: Path
) -> None:
    async with raw(path) as client:
        await client.next()
        client.send(
            m.Input(7, b"x"),
            m.Resize(7, None),
            m.Rendered(7, -1),
            m.CursorDefault(7, "nonsense", True),
            m.Detach(7),
            m.Cancel(7),
            m.Ask(2, m.packed(q.Shells())),
        )
        assert isinstance(await client.next(), m.Done)


async def test_a_terminal_bears_values_that_make_no_sense(
    house: Served, path: Path, engine: Engine
) -> None:
    async with raw(path) as client:
        await client.next()
        attach = m.packed({})  # only its shape matters here
        assert attach
        client.send(
            m.Attach(1, 1, "s1", *_options()),
            m.Attach(2, 1, "s1", *_options()),
            m.Rendered(1, 10**12),
            m.CursorDefault(1, "nonsense", True),
            m.Input(1, b""),
        )
        assert isinstance(await client.next(), m.Attached)
        assert isinstance(await client.next(), m.Failed)
        await until(lambda: engine.handles)
        assert engine.handles[0].shown == 0


def _options() -> tuple[Any, ...]:
    from engine.core.model import ParticipantKind, Role

    return Role.CONTROL, ParticipantKind.HOST, "", None


# -- who does not read


async def test_who_does_not_read_events_is_disconnected_and_others_get_them_all(
    house: Served, path: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw(path) as deaf, connected(path) as other:
        await deaf.next()
        heard: list[ev.Event] = []
        other.subscribe(heard.append)
        other.ask(q.Shells())
        deaf.send(m.Listen(True, True))
        await until(lambda: engine.deciders == 1)
        for sent in range(1, 301):
            await house.publish(BIG)
            await until(lambda: len(heard) == sent)  # noqa: B023
        await until(lambda: engine.deciders == 0)
    assert "does not read" in caplog.text


async def test_who_does_not_read_answers_is_not_read(
    house: Served, path: Path, engine: Engine
) -> None:
    engine.answers[c.ListRecordings] = ()
    engine.answers[q.LinkUrl] = "x" * 1_000_000
    async with raw(path) as deaf:
        request = m.frame(m.Ask(1, m.packed(q.LinkUrl("x"))), 1000)
        # Far more answers than the server would keep for it.
        deaf.writer.write(request * 10_000)
        await until(lambda: len(engine.asked) > 0)
        assert await works(path)
        assert len(engine.asked) < 100


async def test_a_dead_client_is_forgotten(house: Served, path: Path, engine: Engine) -> None:
    async with raw(path) as client:
        await client.next()
        client.send(m.Attach(1, 1, "s1", *_options()), m.Listen(True, True))
        await until(lambda: engine.handles and engine.deciders)
        client.writer.transport.abort()
        await until(lambda: (engine.handles[0].detached, engine.deciders) == (1, 0))


# -- the place


async def test_a_socket_that_a_dead_program_left_is_replaced(engine: Engine, path: Path) -> None:
    place.prepare(path)
    place.listen(path).close()
    async with served(engine, path):
        assert await works(path)


async def test_the_socket_goes_with_its_server(engine: Engine, path: Path) -> None:
    async with served(engine, path) as house:
        await house.close_socket()
        await house.close_socket()
        assert os.listdir(path.parent) == []
