"""All shells of an agent: idle, grace, freezing, what is published, and the end of all.

Time is virtual; the registry's check runs once a second, as the session manager has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from engine.core import events as ev
from engine.core.errors import HostStoppedError, ShellNotFoundError
from engine.core.model import EndCode, KeyboardState, ParticipantKind, Role, Size
from engine.core.settings import Settings
from engine.shells import idle
from engine.shells.participant import Participant
from engine.shells.registry import Shells
from engine.shells.shell import Shell
from tests.engine.shells.people import CAPABILITIES, SIZE_80, Eyes, Program, until
from tests.engine.shells.virtual_time import run

CONTROL, VIEW = Role.CONTROL, Role.VIEW


class House:
    """The shells of a host, checked once a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **session: Any) -> None:
        loop = asyncio.get_running_loop()
        self.settings = Settings()
        self.set(**session)
        self.events: list[ev.Event] = []
        bus = ev.EventBus()
        bus.subscribe(self.events.append)
        clock = idle.RunningClock
        monkeypatch.setattr("engine.shells.registry.RunningClock", lambda: clock(loop.time))
        self.shells = Shells(lambda: self.settings, bus)
        self._checks = asyncio.create_task(self._check())

    def set(self, **session: Any) -> None:
        changed = msgspec.structs.replace(self.settings.session, **session)
        self.settings = msgspec.structs.replace(self.settings, session=changed)

    def open(self, **more: Any) -> Terminal:
        program = Program()
        return Terminal(program, self.shells.add(program, **more))

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def close(self) -> None:
        self._checks.cancel()
        await self.shells.stop()

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.shells.check()


@dataclass
class Terminal:
    """A shell, its program, and who is in it."""

    program: Program
    shell: Shell
    people: dict[str, tuple[Participant, Eyes]] = field(default_factory=dict)

    def join(self, who: str, role: Role = CONTROL, *, opens: bool = False) -> Eyes:
        kind = ParticipantKind.HOST if who == "host" else ParticipantKind.GUEST
        one = self.shell.join(kind, role, who=who, name=who, opens=opens, session_id=f"s-{who}")
        one.describe(capabilities=CAPABILITIES)
        one.resize(SIZE_80)
        eyes = Eyes()
        eyes.participant = one
        self.people[who] = one, eyes
        one.attach(eyes, 0)
        return eyes

    def lose(self, who: str) -> None:
        one, eyes = self.people[who]
        one.detach(eyes)

    def back(self, who: str) -> None:
        one, eyes = self.people[who]
        one.attach(eyes, self.shell.end)

    @property
    def code(self) -> EndCode | None:
        status = self.shell.exit_status
        return status.code if status else None


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    def make(**session: Any) -> House:
        return House(monkeypatch, **session)

    return make


Make = Callable[..., House]


def test_a_silent_shell_is_warned_of_and_then_ends(house: Make) -> None:
    async def scene() -> None:
        made = house(timeout=300)
        one = made.open()
        ann, vic = one.join("ann", opens=True), one.join("vic", VIEW)
        await asyncio.sleep(268)
        assert ann.of("idle") == []
        await until(lambda: ann.of("idle") == vic.of("idle") == [30.0])
        await asyncio.sleep(29)
        assert one.code is None
        await until(lambda: one.code, 3)
        assert one.code is EndCode.IDLE
        assert "timed out" in ann.of("ended")[0].reason
        warned = made.of(ev.SessionIdle)
        assert {(event.session_id, event.seconds) for event in warned} == {
            ("s-ann", 30.0),
            ("s-vic", 30.0),
        }
        assert made.shells.all() == ()
        await made.close()

    run(scene())


@pytest.mark.parametrize("what", ["output", "input", "keep", "viewer keeps"])
def test_output_input_and_keep_begin_the_time_anew(house: Make, what: str) -> None:
    async def scene() -> None:
        made = house(timeout=100)
        one = made.open()
        ann = one.join("ann", opens=True)
        await until(lambda: ann.of("idle") == [30.0], 90)
        match what:
            case "output":
                one.program.print(b"x")
            case "input":
                await one.people["ann"][0].write(b"x")
            case _:
                assert made.shells.keep_open(one.shell.id)
        await until(lambda: ann.of("idle") == [30.0, None], 3)
        await asyncio.sleep(60)
        assert ann.of("idle") == [30.0, None]
        await until(lambda: one.code is EndCode.IDLE, 60)
        assert not made.shells.keep_open(one.shell.id)
        await made.close()

    run(scene())


def test_no_time_out_and_own_shells_never_end(house: Make) -> None:
    async def scene() -> None:
        made = house(timeout=0, grace=0)
        guests, own = made.open(), made.open(own=True)
        guests.join("ann", opens=True)
        own.join("host", opens=True)
        await asyncio.sleep(10_000)
        made.set(timeout=60, grace=60)
        guests.lose("ann")
        own.lose("host")
        await until(lambda: guests.code is EndCode.GRACE, 70)
        await asyncio.sleep(10_000)
        own.back("host")
        await asyncio.sleep(10_000)
        assert own.code is None
        assert own.people["host"][1].of("idle") == []
        await made.close()

    run(scene())


def test_a_detached_shell_ends_after_its_grace_and_a_return_begins_it_anew(house: Make) -> None:
    async def scene() -> None:
        made = house(timeout=60, grace=200)
        one = made.open()
        one.join("ann", opens=True)
        one.join("bob")
        one.lose("ann")
        one.program.print(b"x")
        await asyncio.sleep(50)
        one.lose("bob")
        # Detached is not idle, however long.
        await asyncio.sleep(190)
        one.back("ann")
        await asyncio.sleep(20)
        one.lose("ann")
        await asyncio.sleep(195)
        assert one.code is None
        await until(lambda: one.code is EndCode.GRACE, 10)
        await made.close()

    run(scene())


def test_grace_zero_keeps_a_detached_shell(house: Make) -> None:
    async def scene() -> None:
        made = house(timeout=60, grace=0)
        one = made.open()
        one.join("ann", opens=True)
        one.lose("ann")
        await asyncio.sleep(100_000)
        assert one.code is None
        await made.close()

    run(scene())


def test_the_grace_of_a_shell_whose_opener_left_begins_with_the_last_to_leave(house: Make) -> None:
    async def scene() -> None:
        made = house(timeout=0, grace=100)
        one = made.open()
        one.join("ann", opens=True)
        one.join("bob")
        await one.people["ann"][0].leave("Closed")
        await asyncio.sleep(500)
        assert one.code is None
        await one.people["bob"][0].leave("Closed")
        await asyncio.sleep(90)
        assert one.code is None
        await until(lambda: one.code is EndCode.GRACE, 20)
        await made.close()

    run(scene())


def test_a_shell_that_nobody_comes_to_ends_after_its_grace(house: Make) -> None:
    async def scene() -> None:
        made = house(grace=100)
        one = made.open()
        await until(lambda: one.code is EndCode.GRACE, 110)
        await made.close()

    run(scene())


def test_a_suspended_machine_ends_nothing_at_once(
    house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        made = house(timeout=300, grace=100)
        one = made.open()
        ann = one.join("ann", opens=True)
        two = made.open()
        # No check for a day, as while a lid is closed.
        monkeypatch.setattr(made.shells, "check", lambda: None)
        await asyncio.sleep(86_400)
        monkeypatch.undo()
        await asyncio.sleep(20)
        assert (one.code, two.code) == (None, None)
        assert ann.of("idle") == []
        await made.close()

    run(scene())


def test_freezing_all_touches_those_with_guests_and_thawing_only_what_it_froze(
    house: Make,
) -> None:
    async def scene() -> None:
        made = house()
        with_guest, frozen, own = made.open(), made.open(), made.open(own=True)
        with_guest.join("ann", opens=True)
        frozen.join("bob", opens=True)
        own.join("host", opens=True)
        frozen.shell.freeze()
        made.shells.freeze_guests()
        made.shells.freeze_guests()

        def states() -> list[KeyboardState]:
            return [one.shell.keyboard_state for one in (with_guest, frozen, own)]

        assert states() == [KeyboardState.FROZEN, KeyboardState.FROZEN, KeyboardState.OPEN]
        made.shells.thaw_guests()
        assert states() == [KeyboardState.OPEN, KeyboardState.FROZEN, KeyboardState.OPEN]
        await made.close()

    run(scene())


def test_what_happens_to_shells_is_published(house: Make) -> None:
    async def scene() -> None:
        made = house()
        one = made.open(shell_id="s1", target="box")
        one.join("ann", opens=True)
        vic = one.join("vic", VIEW)
        await until(lambda: made.of(ev.ShellChanged))
        one.people["vic"][0].ask_keyboard(True)
        assert [(event.shell_id, event.participant) for event in made.of(ev.KeyboardAsked)] == [
            ("s1", "vic")
        ]
        changes = len(made.of(ev.ShellChanged))
        for cols in range(81, 90):
            one.shell.pin(Size(cols, 24))
        await asyncio.sleep(1)
        assert len(made.of(ev.ShellChanged)) - changes <= 3
        assert made.of(ev.ShellChanged)[-1].shell.size == Size(89, 24)
        one.program.end(7)
        await until(lambda: vic.of("ended"))
        assert [event.shell.exit.exit_code for event in made.of(ev.ShellEnded)] == [7]
        assert [event.shell.id for event in made.of(ev.ShellStarted)] == ["s1"]
        with pytest.raises(ShellNotFoundError):
            made.shells.require("s1")
        await made.shells.end("s1", "Closed")
        await made.close()

    run(scene())


def test_stop_ends_all_and_lets_none_begin(house: Make) -> None:
    async def scene() -> None:
        made = house()
        shells = [made.open() for _ in range(5)]
        eyes = [one.join("ann", opens=True) for one in shells]
        await made.close()
        assert [one.code for one in shells] == [EndCode.HOST_STOPPED] * 5
        assert all(one.program.closed for one in shells)
        await until(lambda: all(one.of("ended") for one in eyes))
        with pytest.raises(HostStoppedError):
            made.shells.check_running()
        with pytest.raises(HostStoppedError):
            made.open()

    run(scene())


def test_a_fault_of_one_shell_costs_the_others_nothing(
    house: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        made = house(timeout=60)
        broken, one = made.open(), made.open()
        broken.join("ann", opens=True)
        one.join("bob", opens=True)

        def fails() -> bool:
            raise RuntimeError("a fault")

        broken.shell.take_activity = fails  # type: ignore[method-assign]
        await until(lambda: one.code is EndCode.IDLE, 90)
        await made.close()

    run(scene())
    assert "a regular check failed" in caplog.text
    caplog.clear()
