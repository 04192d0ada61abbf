"""The tty of a host with an engine made of notes: what it shows and what it commands."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from engine.cli.host_tty import End, HostTty, changes
from engine.control.commands import Command, DenyKeyboard, GrantKeyboard, OpenKeyboard
from engine.control.queries import Host, HostInfo, Query, Shells
from engine.core import events as ev
from engine.core.errors import ShellNotFoundError
from engine.core.model import (
    ExitStatus,
    ParticipantInfo,
    ParticipantKind,
    RelayInfo,
    Role,
    ShellInfo,
    Size,
)
from engine.emulator import Terminal
from tests.engine.until import until

SIZE = Size(60, 12)
SNAPSHOT = b"\x1bc"


class Screen:
    """An engine.control.api.ScreenSource."""

    def __init__(self) -> None:
        self.terminal = Terminal(SIZE.cols, SIZE.rows)
        self.watchers: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(changed)
        return lambda: self.watchers.remove(changed)


class Engine:
    """What HostTty needs of a ControlApi, and the handle it attaches with."""

    shell_id = "shell"
    participant = "tty"

    def __init__(self) -> None:
        self.screen = Screen()
        self.info = ShellInfo(self.shell_id, "web", True, "", SIZE, 0.0)
        self.commands: list[Command[Any]] = []
        self.typed = b""
        self.shown = 0
        self.redraws = 0
        self.failure: Exception | None = None
        self.detached = False
        self.handlers: list[Callable[[ev.Event], None]] = []
        self.deciders = 0
        self.options: dict[str, Any] = {}

    async def do(self, command: Command[Any]) -> None:
        self.commands.append(command)
        if self.failure is not None:
            raise self.failure

    def ask(self, query: Query[Any]) -> Any:
        match query:
            case Host():
                return HostInfo("id", "me", RelayInfo("", "", True))
            case Shells():
                return (self.info,)
        raise AssertionError(query)

    def subscribe(
        self, handler: Callable[[ev.Event], None], *, decides: bool = False
    ) -> Callable[[], None]:
        self.handlers.append(handler)
        self.deciders += decides

        def end() -> None:
            if handler in self.handlers:
                self.handlers.remove(handler)
                self.deciders -= decides

        return end

    def attach(self, shell_id: str, **options: Any) -> Engine:
        assert shell_id == self.shell_id
        self.options = options
        return self

    def send(self, data: bytes) -> None:
        self.typed += data

    def resize(self, size: Size | None) -> None:
        self.options["size"] = size

    def rendered(self, count: int) -> None:
        self.shown += count

    def redraw(self) -> None:
        self.redraws += 1

    def detach(self) -> None:
        self.detached = True

    # What happens in the shell.

    def prints(self, data: bytes) -> None:
        self.screen.terminal.feed(data)
        for changed in tuple(self.screen.watchers):
            changed()
        self.options["output"](data)

    def draws_again(self) -> None:
        self.options["output"](SNAPSHOT)
        self.options["output"](self.screen.terminal.snapshot().encode())

    def publish(self, event: ev.Event) -> None:
        for handler in tuple(self.handlers):
            handler(event)

    def changes(self, *people: ParticipantInfo, **more: Any) -> None:
        self.info = replace(self.info, participants=people, **more)
        self.publish(ev.ShellChanged(shell=self.info))


class Desk:
    """Somebody in front of it."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.seen = b""
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (SIZE.rows, SIZE.cols))
        self.modes = termios.tcgetattr(self.slave)
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self._read)
        self.tty = HostTty(self.engine, source=self.slave, sink=self.slave)  # type: ignore[arg-type]
        self.staying: asyncio.Task[End] | None = None

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    async def sees(self, text: str) -> None:
        await until(lambda: text.encode() in self.seen, what=f"{text!r} in {self.seen!r}")

    def screen(self) -> str:
        terminal = Terminal(SIZE.cols, SIZE.rows)
        terminal.feed(self.seen)
        return "\n".join(terminal.text())

    def title(self) -> str:
        terminal = Terminal(SIZE.cols, SIZE.rows)
        terminal.feed(b"\x1b]2;before\x07" + self.seen)
        return terminal.title

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.screen(), what=f"{text!r} in {self.screen()}")

    async def end(self) -> None:
        await self.tty.leave()
        if self.staying is not None:
            self.staying.cancel()
            await asyncio.gather(self.staying, return_exceptions=True)
        self._read()
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)

    def _read(self) -> None:
        with suppress(OSError):
            self.seen += os.read(self.master, 65536)


@asynccontextmanager
async def at_the_desk() -> AsyncIterator[tuple[Desk, Engine]]:
    desk = Desk()
    try:
        desk.tty.attach(Engine.shell_id)
        desk.staying = asyncio.ensure_future(desk.tty.stay())
        await desk.sees("\x1b[22;0t")
        yield desk, desk.engine
    finally:
        await desk.end()


def person(who: str = "p1", name: str = "Ann", **more: Any) -> ParticipantInfo:
    role = more.pop("role", Role.CONTROL)
    return ParticipantInfo(who, name, ParticipantKind.GUEST, role, **more)


async def test_output_passes_unchanged_and_is_reported_once_it_is_shown() -> None:
    async with at_the_desk() as (desk, engine):
        odd = bytes(range(0x20, 0x100)) + b"\x1b]9;x\x07\x1bP1$r\x1b\\"
        engine.prints(odd)
        await until(lambda: odd in desk.seen)
        await until(lambda: engine.shown == len(odd))
        assert engine.options["kind"] is ParticipantKind.TTY
        assert engine.options["size"] == SIZE


async def test_a_note_is_a_title_between_two_sequences_and_goes() -> None:
    async with at_the_desk() as (desk, engine):
        engine.changes(title="program")
        engine.prints(b"\x1b]2;program\x07\x1b[3")
        engine.changes(person(), title="program")
        assert b"joined" not in desk.seen
        engine.prints(b"1mred")
        await desk.sees("\x1b[31mred\x1b]2;[Ann has joined and types]")
        desk.type(b"x")
        await until(lambda: desk.title() == "program")
        assert engine.typed == b"x"
        desk.type(b"\r~.")
        assert desk.staying is not None
        assert await desk.staying is End.LEFT
        await until(lambda: desk.title() == "before")


async def test_a_panel_is_painted_and_the_screen_comes_back() -> None:
    async with at_the_desk() as (desk, engine):
        engine.prints(
            b"\x1b[?1049h\x1b[H" + b"\r\n".join(b"row %d" % y for y in range(12)) + b"\x1b[H"
        )
        await desk.shows("row 11")
        desk.type(b"~?")
        await desk.shows("Any key closes this help.")
        assert "row 0" in desk.screen()
        assert "row 11" not in desk.screen()
        engine.prints(b"\x1b[1;1Hnew")
        await desk.shows("new 0")
        before = engine.shown
        desk.type(b"q")
        await until(lambda: engine.redraws == 1)
        engine.prints(b"\x1b[2;1Hnot twice")
        engine.draws_again()
        engine.prints(b"\x1b[3;1Hthen")
        await desk.shows("then2")
        assert desk.screen().splitlines()[:2] == ["new 0", "not twice"]
        assert "row 11" in desk.screen()
        assert engine.shown > before
        assert engine.typed == b""


async def test_the_shell_may_be_of_another_size() -> None:
    async with at_the_desk() as (desk, engine):
        engine.screen.terminal.resize(6, 20)
        engine.changes(size=Size(20, 6))
        engine.prints(b"small")
        await desk.shows("─" * 20)
        assert "│" in desk.screen()
        engine.screen.terminal.resize(SIZE.rows, SIZE.cols)
        engine.changes(size=SIZE)
        await until(lambda: engine.redraws == 1)
        engine.draws_again()
        await until(lambda: "│" not in desk.screen())
        assert "small" in desk.screen()


@pytest.mark.parametrize(
    ("key", "command"),
    [(b"~a", GrantKeyboard("shell", "p1")), (b"~d", DenyKeyboard("shell", "p1"))],
)
async def test_who_asks_for_the_keyboard(key: bytes, command: Command[None]) -> None:
    async with at_the_desk() as (desk, engine):
        engine.changes(person(role=Role.VIEW))
        engine.publish(ev.KeyboardAsked(shell_id="other", participant="p9", name="Eve"))
        engine.publish(ev.KeyboardAsked(shell_id="shell", participant="p1", name="Ann"))
        engine.changes(person(role=Role.VIEW), asking=("p1",))
        await desk.shows("~a give it")
        assert "Eve" not in desk.screen()
        desk.type(key)
        await until(lambda: engine.commands == [command])
        desk.type(b"\r~k")
        await until(lambda: engine.commands[1:] == [OpenKeyboard("shell")])


async def test_a_question_that_another_window_answered_goes() -> None:
    async with at_the_desk() as (desk, engine):
        engine.changes(person(role=Role.VIEW))
        engine.publish(ev.KeyboardAsked(shell_id="shell", participant="p1", name="Ann"))
        engine.changes(person(role=Role.VIEW), asking=("p1",))
        await desk.shows("asks for the keyboard")
        engine.changes(person(), asking=())
        await until(lambda: engine.redraws == 1)


async def test_a_command_that_fails_is_a_note() -> None:
    async with at_the_desk() as (desk, engine):
        engine.failure = ShellNotFoundError("This person has left")
        desk.type(b"~k")
        await desk.sees("[This person has left]")


async def test_the_status_has_whole_links_and_everybody() -> None:
    async with at_the_desk() as (desk, engine):
        link = "Link: https://relay.example/s/" + "x" * 60
        desk.tty.show_links([link])
        engine.changes(
            *(person(f"p{n}", f"guest-{n}", attached=n != 1) for n in range(4)),
        )
        desk.type(b"~s")
        await desk.shows("Any key closes this.")
        rows = desk.screen().splitlines()
        assert link in "".join(rows)
        assert [n for n in range(4) if f"  guest-{n} types" in rows] == [0, 2, 3]


async def test_the_end_comes_even_if_the_last_output_does_not() -> None:
    async with at_the_desk() as (desk, engine):
        ended = replace(engine.info, exit=ExitStatus(3, "The shell exited with code 3"))
        engine.publish(ev.ShellEnded(shell=ended))
        assert desk.staying is not None
        assert await desk.staying is End.SHELL
        assert desk.tty.exit_code == 3


async def test_leaving_restores_everything_and_detaches() -> None:
    async with at_the_desk() as (desk, engine):
        assert engine.deciders == 1
        desk.type(b"~?")
        await desk.shows("Any key")
        await desk.tty.leave()
        await desk.tty.leave()
        assert termios.tcgetattr(desk.slave) == desk.modes
        assert engine.detached
        assert (engine.deciders, engine.handlers, engine.screen.watchers) == (0, [], [])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], [person()], ["Ann has joined and types"]),
        ([], [person(name="", role=Role.VIEW)], ["A guest has joined and watches"]),
        ([person()], [], ["Ann has left"]),
        ([person()], [person(attached=False)], ["Ann has lost the connection"]),
        ([person(attached=False)], [person()], ["Ann is back"]),
        ([person()], [person(role=Role.VIEW)], ["Ann now watches"]),
        ([person()], [person(typing=True)], []),
        ([], [person(attached=False)], []),
        ([person("a", "A")], [person("b", "B")], ["B has joined and types", "A has left"]),
        ([], [person(name="\x1b]0;x\x07")], ["\\x1b]0;x\\x07 has joined and types"]),
    ],
)
def test_what_is_said_of_people(
    before: list[ParticipantInfo], after: list[ParticipantInfo], said: list[str]
) -> None:
    assert changes({p.id: p for p in before}, {p.id: p for p in after}) == said
