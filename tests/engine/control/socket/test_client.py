"""A ControlApi over a real socket: commands, queries, events and terminals, in one order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.control import commands as c
from engine.control import queries as q
from engine.control.socket import messages as m
from engine.control.socket.client import RemoteControl, connect
from engine.core import events as ev
from engine.core.errors import (
    ChannelClosedError,
    HatchwayError,
    HostStoppedError,
    LimitError,
    NotSupportedError,
    SettingsError,
    ShellNotFoundError,
)
from engine.core.model import ParticipantKind, Role, Size
from engine.emulator import CursorShape, Host
from tests.engine.control.samples import result_type, sample, subclasses
from tests.engine.control.socket.serving import Engine, Served, connected, shell
from tests.engine.until import until


def note(number: int) -> ev.SessionNote:
    return ev.SessionNote(session_id="s", text=str(number))


# -- commands and queries


async def test_every_command_and_its_result(remote: RemoteControl, engine: Engine) -> None:
    for kind in subclasses(c.Command):
        command, result = sample(kind), sample(result_type(kind))
        engine.answers[kind] = result
        assert await remote.do(command) == result
        assert engine.asked[-1] == command


async def test_every_query_and_its_result(remote: RemoteControl, engine: Engine) -> None:
    for kind in subclasses(q.Query):
        query, result = sample(kind), sample(result_type(kind))
        engine.answers[kind] = result
        assert remote.ask(query) == result
        assert engine.asked[-1] == query


async def test_errors_are_raised_here_as_there(remote: RemoteControl, engine: Engine) -> None:
    engine.answers[c.OpenShell] = SettingsError("relay.port", "is in use")
    engine.answers[q.LinkUrl] = LimitError("too many")
    with pytest.raises(SettingsError) as caught:
        await remote.do(c.OpenShell("web"))
    assert caught.value.key == "relay.port"
    with pytest.raises(LimitError, match="too many"):
        remote.ask(q.LinkUrl("x"))


async def test_a_failure_of_the_engine_is_logged_there_and_an_error_here(
    remote: RemoteControl, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.answers[c.Freeze] = engine.answers[q.Links] = ValueError("secret detail")
    with pytest.raises(HatchwayError) as caught:
        await remote.do(c.Freeze())
    assert "secret" not in str(caught.value)
    with pytest.raises(HatchwayError):
        remote.ask(q.Links())
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 2
    caplog.clear()


async def test_a_command_that_is_too_long_is_refused_before_it_is_sent(
    remote: RemoteControl,
) -> None:
    with pytest.raises(LimitError):
        await remote.do(c.SetShared("x" * m.MAX_REQUEST, True))


async def test_commands_run_at_once_and_are_cancelled_with_their_caller(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    release = asyncio.Event()
    cancelled: list[str] = []

    async def waits(command: c.SetShared) -> None:
        try:
            await release.wait()
        except asyncio.CancelledError:
            cancelled.append(command.target)
            raise

    engine.answers[c.SetShared] = waits
    first, second = (asyncio.create_task(remote.do(c.SetShared(one, True))) for one in "ab")
    await until(lambda: len(engine.asked) == 2)
    first.cancel()
    await asyncio.wait([first])
    await until(lambda: cancelled == ["a"])
    await house.run(release.set)
    await second


async def test_too_many_commands_at_once_are_refused(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    release = asyncio.Event()

    async def waits(_: Any) -> None:
        await release.wait()

    engine.answers[c.Freeze] = waits
    tasks = [asyncio.create_task(remote.do(c.Freeze())) for _ in range(65)]
    with pytest.raises(LimitError):
        await tasks[-1]
    await house.run(release.set)
    await asyncio.gather(*tasks[:-1])


# -- events


async def test_events_come_in_order_and_before_later_answers(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    heard: list[Any] = []
    leave = remote.subscribe(heard.append)

    def publishes(_: c.Freeze) -> None:
        for number in range(50):
            engine.bus.publish(note(number))

    engine.answers[c.Freeze] = publishes
    await remote.do(c.Freeze())
    assert [event.text for event in heard] == [str(number) for number in range(50)]
    leave()
    await remote.do(c.Freeze())
    assert len(heard) == 50
    assert engine.listeners == 0


async def test_a_subscription_counts_from_when_it_is_made(
    remote: RemoteControl, house: Served
) -> None:
    heard: list[Any] = []
    remote.subscribe(heard.append)
    remote.ask(q.Shells())
    await house.publish(note(1))
    await until(lambda: [event.text for event in heard] == ["1"])


async def test_a_handler_may_ask_and_a_bad_one_does_not_hurt_others(
    remote: RemoteControl, house: Served, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []

    def fails(event: ev.Event) -> None:
        raise ValueError

    remote.subscribe(fails)
    remote.subscribe(lambda event: heard.append((event, remote.ask(q.Shells()))))
    remote.ask(q.Shells())
    events = [note(1), note(2), note(3)]
    await house.publish(*events)
    await until(lambda: heard == [(event, ()) for event in events])
    caplog.clear()


async def test_who_decides_counts_until_it_leaves_or_dies(
    house: Served, engine: Engine, path: Path
) -> None:
    async with connected(path) as one, connected(path) as two:
        leave = one.subscribe(lambda event: None, decides=True)
        also = one.subscribe(lambda event: None)
        two.subscribe(lambda event: None, decides=True)
        await until(lambda: engine.deciders == 2)
        leave()
        leave()
        await until(lambda: engine.deciders == 1)
        assert engine.listeners == 2
        also()
        await until(lambda: engine.listeners == 1)
    await until(lambda: (engine.deciders, engine.listeners) == (0, 0))


# -- terminals


class Tty:
    """What a terminal of the client got."""

    def __init__(self, remote: RemoteControl, **options: Any) -> None:
        self.said = b""
        self.ends: list[tuple[str, int | None]] = []
        self.refusals: list[str] = []
        self.handle = remote.attach(
            "s1",
            output=self._output,
            ended=lambda *end: self.ends.append(end),
            refused=self.refusals.append,
            **options,
        )

    def _output(self, data: bytes) -> None:
        self.said += data


async def test_a_terminal_says_who_it_is_and_passes_bytes_both_ways(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    tty = Tty(remote, role=Role.VIEW, kind=ParticipantKind.TTY, name="me", size=Size(90, 30))
    (there,) = engine.handles
    assert {**there.options, "refused": None} == {
        "role": Role.VIEW,
        "kind": ParticipantKind.TTY,
        "name": "me",
        "size": Size(90, 30),
        "refused": None,
    }
    assert (tty.handle.shell_id, tty.handle.participant) == ("s1", "p1")
    data = bytes(range(256)) * 1024
    tty.handle.send(data)
    await until(lambda: there.typed == data)
    await house.run(lambda: there.output(b"hello \xff\x00"))
    await until(lambda: tty.said == b"hello \xff\x00")
    await house.run(lambda: there.options["refused"]("frozen"))
    await until(lambda: tty.refusals == ["frozen"])
    await house.run(lambda: there.ended("Ended", 3))
    await until(lambda: tty.ends == [("Ended", 3)])
    with pytest.raises(ChannelClosedError):
        tty.handle.send(b"x")
    tty.handle.detach()


async def test_what_a_window_says_of_itself_passes(remote: RemoteControl, engine: Engine) -> None:
    handle = Tty(remote).handle
    handle.resize(Size(100, 40))
    handle.resize(None)
    handle.set_theme(0xFFFFFF, 0, 0xFF, [1, 2, 3])
    handle.look((9, 18), dark=True)
    handle.set_cursor_default(CursorShape.BAR, blink=True)
    handle.redraw()
    handle.detach()
    handle.detach()
    (there,) = engine.handles
    await until(lambda: there.detached)
    assert there.told == [
        ("resize", Size(100, 40)),
        ("resize", None),
        ("theme", 0xFFFFFF, 0, 0xFF, (1, 2, 3)),
        ("look", (9, 18), True),
        ("cursor", CursorShape.BAR, True),
        ("redraw",),
    ]
    assert there.detached == 1


async def test_what_is_rendered_paces_the_program(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    tty = Tty(remote)
    (there,) = engine.handles
    await house.run(lambda: there.output(b"x" * 1000))
    await until(lambda: len(tty.said) == 1000)
    tty.handle.rendered(400)
    await until(lambda: there.shown == 400)
    # More than there was opens no window.
    tty.handle.rendered(10_000)
    await until(lambda: there.shown == 1000)
    await house.run(lambda: there.output(b"y" * 10))
    await until(lambda: there.shown == 1010)


async def test_the_screen_follows_what_is_printed(
    remote: RemoteControl, engine: Engine, house: Served
) -> None:
    class Window(Host):
        notes: list[tuple[str, str]] = []  # noqa: RUF012

        def notify(self, title: str, body: str) -> None:
            self.notes.append((title, body))

    engine.answers[q.Shells] = (shell(Size(40, 10)),)
    tty = Tty(remote)
    (there,) = engine.handles
    screen, changes = tty.handle.screen, []
    end = screen.subscribe(lambda: changes.append(1))
    stop_listening = screen.listen(Window())
    terminal = screen.terminal
    await until(lambda: (terminal.cols, terminal.rows) == (40, 10))
    await house.run(lambda: there.output(b"first\r\n" * 30 + b"\x1b]9;done\x07"))
    await until(lambda: terminal.line(0).text.startswith("first"))
    await until(lambda: Window.notes == [("", "done")])
    assert changes
    # After a change of size comes a snapshot: it draws everything anew, history too.
    engine.answers[q.Shells] = (shell(Size(50, 12)),)
    await house.run(lambda: there.output(b"\x1bc"))
    await house.run(lambda: there.output(b"second"))
    await until(lambda: terminal.line(0).text.startswith("second"))
    assert (terminal.cols, terminal.rows, len(terminal.scrollback)) == (50, 12, 0)
    end()
    stop_listening()


async def test_a_shell_that_is_not_there_and_a_screen_that_is_elsewhere(
    remote: RemoteControl, engine: Engine
) -> None:
    engine.refuses = ShellNotFoundError()
    with pytest.raises(ShellNotFoundError):
        Tty(remote)
    with pytest.raises(NotSupportedError):
        remote.attach("s1")
    with pytest.raises(NotSupportedError):
        await remote.open_terminal("web", Size(), lambda data: None, lambda *end: None)
    with pytest.raises(NotSupportedError):
        await remote.open_link("http://x/s/y#z", Size(), lambda data: None, lambda *end: None)


async def test_input_that_waits_too_long_is_refused_with_a_sentence(
    remote: RemoteControl, engine: Engine
) -> None:
    tty = Tty(remote)
    engine.handles[0].refuses = LimitError("The program does not read")
    tty.handle.send(b"x")
    await until(lambda: tty.refusals == ["The program does not read"])


async def test_the_terminals_of_a_client_are_limited(remote: RemoteControl) -> None:
    ttys = [Tty(remote) for _ in range(16)]
    with pytest.raises(LimitError):
        Tty(remote)
    ttys[0].handle.detach()
    Tty(remote)


# -- ends


async def test_a_client_that_leaves_is_detached_and_the_engine_goes_on(
    house: Served, engine: Engine, path: Path
) -> None:
    cancelled: list[bool] = []

    async def waits(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    engine.answers[c.Freeze] = waits
    async with connected(path) as leaving, connected(path) as staying:
        Tty(leaving), Tty(staying)
        waiting = asyncio.create_task(leaving.do(c.Freeze()))
        await until(lambda: len(engine.asked) > 2)
        await leaving.stop()
        await leaving.stop()
        with pytest.raises(HostStoppedError):
            await waiting
        with pytest.raises(HostStoppedError):
            leaving.ask(q.Shells())
        await until(lambda: [one.detached for one in engine.handles] == [1, 0])
        await until(lambda: cancelled)
        assert staying.ask(q.Shells()) == ()


async def test_what_was_typed_before_leaving_arrives(
    house: Served, engine: Engine, path: Path
) -> None:
    async with connected(path) as leaving:
        Tty(leaving).handle.send(b"x" * 1_000_000)
    (there,) = engine.handles
    await until(lambda: len(there.typed) == 1_000_000)


async def test_when_the_engine_stops_everything_ends(
    house: Served, engine: Engine, remote: RemoteControl, path: Path
) -> None:
    engine.answers[c.Freeze] = lambda _: asyncio.sleep(1000)
    tty = Tty(remote)
    waiting = asyncio.create_task(remote.do(c.Freeze()))
    await until(lambda: c.Freeze() in engine.asked)
    await house.close_socket()
    with pytest.raises(HostStoppedError):
        await waiting
    await remote.lost()
    assert [reason for reason, _ in tty.ends] == ["The running Hatchway has stopped"]
    for again in (lambda: remote.ask(q.Shells()), lambda: Tty(remote)):
        with pytest.raises(HostStoppedError):
            again()
    with pytest.raises(HostStoppedError):
        await remote.do(c.Freeze())
    with pytest.raises(FileNotFoundError):
        await connect(path)


async def test_an_answer_that_does_not_come_is_an_error(
    remote: RemoteControl, engine: Engine, house: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr("engine.control.socket.client.ANSWER_SECONDS", 0.05)
    release = threading.Event()
    engine.answers[q.Links] = lambda _: release.wait() and ()
    with pytest.raises(HostStoppedError):
        remote.ask(q.Links())
    release.set()
    monkeypatch.undo()
    assert remote.ask(q.Shells()) == ()
