"""What one participant is sent, in which order, and where it is in the output."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.model import ParticipantKind, Role, Size
from engine.emulator import Terminal
from engine.shells.participant import Participant
from engine.shells.shell import ShellLimits
from tests.engine.emulator.inputs import PIECES
from tests.engine.shells.people import SIZE_80, Eyes, Program, Room, cells, until
from tests.engine.shells.virtual_time import run

CONTROL, VIEW = Role.CONTROL, Role.VIEW
LINES = b"".join(b"line %d\r\n" % number for number in range(20_000))


async def same(room: Room, *everybody: Eyes) -> None:
    """Until each has everything and shows what the agent shows."""
    await room.have(*everybody)
    await room.shell.screen.bring_up()
    for eyes in everybody:
        assert cells(eyes.terminal) == cells(room.shell.screen.terminal)


def test_output_comes_in_order_and_the_end_comes_last() -> None:
    async def scene() -> None:
        room = Room()
        _, eyes = room.person("ann", opens=True)
        room.program.print(b"one ")
        room.program.print(LINES)
        room.program.end(3)
        await until(lambda: eyes.of("ended"))
        assert eyes.output_bytes == b"one " + LINES
        assert eyes.gaps == []
        assert eyes.said[-1][0] == "ended"
        assert eyes.of("ended")[0].exit_code == 3
        await room.close()

    run(scene())


def test_who_joins_sees_the_screen_at_once() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        room.program.print(LINES + b"\x1b[31m$ \x1b]0;title\x07")
        await until(lambda: room.shell.end > len(LINES))
        _, vic = room.person("vic", VIEW)
        await same(room, ann, vic)
        assert vic.output_bytes == b""
        assert vic.missed == [0]
        assert vic.terminal.title == "title"
        assert len(vic.terminal.scrollback) == 1000
        await room.close()

    run(scene())


def test_a_connection_that_breaks_detaches_and_another_goes_on_from_there() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        room.program.print(b"before ")
        await until(lambda: eyes.output_bytes)
        eyes.break_line()
        room.program.print(b"after")
        await until(lambda: not ann.is_attached)
        assert room.shell.participants == (ann,)
        begin = ann.resumes_at(7, draws=True)
        assert begin == 7
        again = Eyes()
        room.look(ann, again, begin)
        await until(lambda: again.output_bytes == b"after")
        # A late report of the first connection.
        ann.detach(eyes)
        assert ann.is_attached
        await room.close()

    run(scene())


def test_who_has_nothing_of_much_output_gets_a_snapshot_if_it_knows_those() -> None:
    async def scene() -> None:
        room = Room(limits=ShellLimits(replay_bytes=1024))
        ann, eyes = room.person("ann", opens=True)
        room.program.print(b"some")
        await until(lambda: eyes.output_bytes)
        ann.detach(eyes)
        assert ann.resumes_at(0, draws=True) is None
        assert ann.resumes_at(0, draws=False) == 0
        assert ann.resumes_at(4, draws=True) == 4
        assert ann.resumes_at(5, draws=True) is None  # it has more than there is
        assert ann.resumes_at(None, draws=False) is None
        room.look(ann, eyes, 4)
        room.program.print(LINES)
        await until(lambda: len(eyes.output_bytes) == 4 + len(LINES))
        ann.detach(eyes)
        assert ann.resumes_at(0, draws=False) is None
        assert ann.resumes_at(room.shell.end, draws=True) == room.shell.end
        await room.close()

    run(scene())


def test_history_can_be_asked_for_in_the_middle_of_a_sequence() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        room.program.print(LINES + b"\x1b]0;a ti")
        await room.have(eyes)
        ann.ask_history(5)
        await until(lambda: eyes.of("snapshot"))
        assert eyes.position == room.shell.end
        assert len(eyes.terminal.scrollback) == 5
        room.program.print(b"tle\x07$ \xe2\x82")
        await room.have(eyes)
        ann.ask_history(10)
        await until(lambda: len(eyes.of("snapshot")) == 2)
        room.program.print(b"\xac")
        await same(room, eyes)
        assert eyes.terminal.title == "a title"
        assert "$ €" in eyes.terminal.text()[-1]
        await room.close()

    run(scene())


def test_a_terminal_that_cannot_be_told_its_size_gets_the_screen_drawn() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        _, old = room.person("old", window=Size(200, 50), knows_size=False)
        room.program.print(b"hello\r\n" * 30)
        await room.have(ann, old)
        drawn = len(old.of("snapshot"))
        room.shell.pin(Size(60, 20))
        await until(lambda: len(old.of("snapshot")) > drawn)
        assert (old.terminal.cols, old.terminal.rows) == (60, 20)
        await same(room, ann, old)
        await room.close()

    run(scene())


@pytest.mark.parametrize("role", [CONTROL, VIEW])
def test_who_is_behind_at_the_end_gets_the_last_screen(role: Role) -> None:
    async def scene() -> None:
        room = Room()
        room.person("ann", opens=True)
        _, slow = room.person("slow", role)
        slow.stop()
        room.program.print(LINES * 20 + b"the last line")
        await until(lambda: room.shell.end == len(LINES) * 20 + 13)
        room.program.end()
        await asyncio.sleep(0.1)
        slow.go_on()
        await until(lambda: slow.of("ended"))
        assert "the last line" in slow.terminal.text()[-1]
        await room.close()

    run(scene())


def test_who_takes_nothing_does_not_hold_up_the_end() -> None:
    async def scene() -> None:
        room = Room()
        room.person("ann", opens=True)
        _, stopped = room.person("vic", VIEW)
        stopped.stop()
        room.program.print(LINES * 2)
        await until(lambda: room.shell.end == len(LINES) * 2)
        began = asyncio.get_running_loop().time()
        await room.close()
        assert asyncio.get_running_loop().time() - began <= 1.1
        stopped.go_on()
        await until(lambda: stopped.of("ended"))

    run(scene())


def test_it_is_told_of_others_that_typed_since_it_was_lost() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        bob, _ = room.person("bob")
        await bob.write(b"earlier")
        ann.detach(eyes)
        assert not ann.others_typed
        await ann.write(b"mine, late")
        assert not ann.others_typed
        await bob.write(b"later")
        assert ann.others_typed
        await room.close()

    run(scene())


def test_sizes_at_one_place_are_not_told_again_after_a_snapshot() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        room.program.print(b"".join(b"%d\r\n" % number for number in range(40)))
        await room.have(eyes)
        for size in (Size(60, 10), Size(80, 24), Size(40, 5), Size(90, 30)):
            room.shell.pin(size)
            await until(lambda size=size: room.shell.current_size == size)
        _, vic = room.person("vic", VIEW)
        await same(room, eyes, vic)
        assert vic.of("size") == []
        assert eyes.of("size") == [Size(60, 10), Size(80, 24), Size(40, 5), Size(90, 30)]
        ann.ask_history(20)
        await until(lambda: eyes.of("snapshot"))
        await same(room, eyes)
        assert len(eyes.of("size")) == 4
        await room.close()

    run(scene())


def test_a_screen_that_came_without_history_is_drawn_again_in_another_size() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        _, vic = room.person("vic", VIEW)
        vic.stop()
        room.program.print(LINES)
        await room.have(ann)
        vic.go_on()
        await room.have(vic)
        assert len(vic.terminal.scrollback) == 0
        # Lines of the history come back on the screen.
        room.shell.pin(Size(80, 40))
        await until(lambda: room.shell.current_size == Size(80, 40))
        await asyncio.sleep(1)
        await same(room, ann, vic)
        assert "line" in vic.terminal.text()[0]
        await room.close()

    run(scene())


# Whatever happens, everybody's emulator shows what the agent's does, at the same place.

# In one column a wide character has no place, and a snapshot does not say that it was there.
SIZES = st.builds(Size, st.integers(2, 120), st.integers(1, 40))
FLOODS = st.sampled_from([LINES[:70_000], LINES[:140_000], LINES, b"x" * 70_000])


@dataclass
class World:
    """A room in which people come, go, stop, resize and are lost, in any order."""

    room: Room
    people: list[tuple[Participant, Eyes]] = field(default_factory=list)
    count: int = 0

    async def do(self, step: tuple[str, object]) -> None:
        what, value = step
        room, people = self.room, self.people
        match what:
            case "print":
                assert isinstance(value, bytes)
                room.program.print(value)
                await asyncio.sleep(0.001)
            case "wait":
                await asyncio.sleep(float(str(value)))
            case "join" if len(people) < 5:
                self.count += 1
                role = VIEW if value else CONTROL
                people.append(self.room.person(f"p{self.count}", role))
            case "pin":
                assert value is None or isinstance(value, Size)
                room.shell.pin(value)
            case _ if people:
                number, size = value if isinstance(value, tuple) else (value, SIZE_80)
                one, eyes = people[int(number) % len(people)]
                await self.one(what, one, eyes, size)

    async def one(self, what: str, one: Participant, eyes: Eyes, size: Size) -> None:
        match what:
            case "stop":
                eyes.stop()
            case "slow":
                eyes.per_second = 300_000
            case "go":
                eyes.per_second = 0
                eyes.go_on()
            case "resize":
                one.resize(size)
            case "history":
                one.ask_history(size.rows)
            case "role":
                one.set_role(VIEW if one.role is CONTROL else CONTROL)
            case "lose":
                # What was sent is on its screen; it returns as a page does.
                one.detach(eyes)
                await asyncio.sleep(0.01)
                begin = one.resumes_at(eyes.position, draws=True)
                if begin is not None:
                    at = self.room.shell.size_at(begin)
                    eyes.terminal.resize(at.rows, at.cols)
                self.room.look(one, eyes, begin)
            case "leave" if len(self.people) > 1:
                await one.leave("Left", closed=False)
                self.people.remove((one, eyes))


WHO = st.integers(0, 4)
# Which rows were wrapped within side margins is no part of a snapshot; it counts in another size.
PRINTED = PIECES.filter(lambda piece: b"[?69h" not in piece)
STEPS = st.one_of(
    st.tuples(st.just("print"), PRINTED | FLOODS),
    st.tuples(st.just("print"), PRINTED),
    st.tuples(st.just("join"), st.booleans()),
    st.tuples(st.just("pin"), st.none() | SIZES),
    st.tuples(st.just("resize"), st.tuples(WHO, SIZES)),
    st.tuples(st.just("history"), st.tuples(WHO, SIZES)),
    st.tuples(st.sampled_from(["stop", "slow", "go", "role", "lose", "leave"]), WHO),
    st.tuples(st.just("wait"), st.sampled_from([0.001, 0.3, 1.2])),
)


@settings(max_examples=80)
@given(st.lists(STEPS, max_size=25))
def test_every_emulator_shows_what_the_agents_shows(steps: list[tuple[str, object]]) -> None:
    async def scene() -> None:
        room = Room()
        world = World(room)
        await world.do(("join", False))
        for step in steps:
            await world.do(step)
        for _, eyes in world.people:
            eyes.per_second = 0
            eyes.go_on()
        # A sequence that would swallow everything ends here.
        room.program.print(b"\x18\x1b\\end")
        await room.have()
        await asyncio.sleep(3)
        everybody = [eyes for _, eyes in world.people]
        await same(room, *everybody)
        for eyes in everybody:
            assert eyes.terminal.title == room.shell.screen.terminal.title
            begins = [begin for begin, _ in eyes.gaps]
            assert all(begin <= end for begin, end in eyes.gaps)
            assert begins == sorted(begins)
        await room.close()

    run(scene())


def test_the_log_is_as_the_fresh_terminal_of_the_tests_reads_it() -> None:
    """The comparison itself: a difference is seen."""
    one, two = Terminal(20, 4), Terminal(20, 4)
    one.feed(b"\x1b[31ma")
    two.feed(b"a")
    assert cells(one) != cells(two)
    assert Program().taken == 0
    assert ParticipantKind.GUEST.value
