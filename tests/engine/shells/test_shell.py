"""One shell and its people: who paces it, what is kept, who may do what, who ends it.

Time is virtual: a program that floods prints 1.6 MB a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc

import pytest

from engine.core.errors import AccessDeniedError, LimitError, PTYClosedError
from engine.core.model import (
    EndCode,
    ExitStatus,
    KeyboardState,
    ParticipantKind,
    Role,
    Size,
)
from engine.shells.recorder import RecordingMeta
from engine.shells.shell import BEHIND_BYTES, HELD_BYTES, LEAD, ShellLimits
from engine.wire.terminal import SIZE, SNAPSHOT
from tests.engine.shells.people import READ, Eyes, Program, Room, cells, until
from tests.engine.shells.virtual_time import run

CONTROL, VIEW = Role.CONTROL, Role.VIEW
HOST, GUEST = ParticipantKind.HOST, ParticipantKind.GUEST
FLOOD = (b"0123456789abcdef" * 8)[:126] + b"\r\n"
FLOOD = FLOOD * (READ // len(FLOOD))
NUMBERS = b"".join(b"line %06d\r\n" % number for number in range(100_000))


def loop_time() -> float:
    return asyncio.get_running_loop().time()


async def rate(room: Room, seconds: float = 2.0) -> float:
    """Bytes a second that the program prints."""
    before = room.program.printed
    await asyncio.sleep(seconds)
    return (room.program.printed - before) / seconds


# Pace.


def test_a_lone_controller_that_stops_holds_the_program_and_misses_nothing() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        ann.stop()
        room.program.print(NUMBERS)
        await asyncio.sleep(30)
        assert room.program.printed <= LEAD + 2 * READ
        ann.go_on()
        await room.have(ann)
        assert ann.output_bytes == NUMBERS
        assert ann.gaps == []
        await room.close()

    run(scene())


def test_the_fastest_controller_paces_and_a_slow_one_is_brought_up() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD)
        _, ann = room.person("ann", opens=True)
        alone = await rate(room)
        _, bob = room.person("bob")
        bob.per_second = 400_000
        assert await rate(room, 6) > 0.95 * alone
        assert ann.gaps == []
        assert len(bob.of("snapshot")) >= 3
        assert all(missed > 0 for missed in bob.missed[1:])
        assert sum(end - begin for begin, end in bob.gaps) + len(bob.output_bytes) == bob.position
        room.program.stop_flood()
        bob.per_second = 0
        await room.have(ann, bob)
        assert cells(bob.terminal) == cells(ann.terminal)
        await room.close()

    run(scene())


def test_a_second_controller_is_skipped_only_after_a_second_and_256_kib() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        _, bob = room.person("bob")
        bob.per_second = 400_000
        room.program.print(NUMBERS[: BEHIND_BYTES // 2])
        await room.have(ann, bob)
        assert bob.of("snapshot") == []
        # A short burst: soon it has less than that before it.
        room.program.print(NUMBERS[: BEHIND_BYTES + 40_000])
        await room.have(ann, bob)
        assert bob.of("snapshot") == []
        room.program.print(NUMBERS)
        await room.have(ann, bob)
        assert len(bob.of("snapshot")) >= 1
        await room.close()

    run(scene())


@pytest.mark.parametrize("role", [CONTROL, VIEW])
def test_who_takes_nothing_changes_neither_rate_nor_memory(role: Role) -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD)
        _, ann = room.person("ann", opens=True)
        alone = await rate(room)
        stopped = [room.person(f"v{number}", role)[1] for number in range(5)]
        for eyes in stopped:
            eyes.stop()
        assert await rate(room, 4) > 0.95 * alone
        assert ann.gaps == []
        room.program.stop_flood()
        for eyes in stopped:
            eyes.go_on()
        await room.have(ann, *stopped)
        assert all(cells(eyes.terminal) == cells(ann.terminal) for eyes in stopped)
        await room.close()

    run(scene())


def test_a_viewer_that_reads_has_a_screen_no_older_than_a_second() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD)
        room.person("ann", opens=True, draws=False)
        viewers = [room.person(f"v{number}", VIEW)[1] for number in range(10)]
        await asyncio.sleep(1)
        begin = [eyes.position for eyes in viewers]
        for _ in range(4):
            end = room.shell.end
            await asyncio.sleep(1)
            assert all(eyes.position >= end for eyes in viewers)
        assert all(eyes.position > before for eyes, before in zip(viewers, begin, strict=True))
        # At most four a second, and the bytes between them.
        assert all(len(eyes.of("snapshot")) <= 22 for eyes in viewers)
        await room.close()

    run(scene())


def test_on_a_slow_line_a_flood_still_shows_new_screens() -> None:
    """1 Mbit/s, and a guest that reports after 200 ms."""

    async def scene() -> None:
        room = Room(flood=FLOOD)
        room.person("ann", opens=True, draws=False)
        _, slow = room.person("slow", VIEW)
        slow.per_second = 125_000
        await asyncio.sleep(5)
        for _ in range(3):
            end, before = room.shell.end, len(slow.of("snapshot"))
            await asyncio.sleep(5)
            assert len(slow.of("snapshot")) > before
            assert slow.of("snapshot")[-1] > end
        await room.close()

    run(scene())


def test_with_nobody_an_own_shell_runs_on_and_its_log_stays_small() -> None:
    async def scene() -> None:
        limits = ShellLimits(replay_bytes=64 * 1024, resume_window=3600)
        room = Room(flood=FLOOD, own=True, limits=limits)
        ann, eyes = room.person("ann", kind=HOST, opens=True)
        await asyncio.sleep(0.1)
        ann.detach(eyes)
        before = room.shell.end
        assert await rate(room, 3) > 1e6
        assert not room.shell.holds(before)
        await room.close()

    run(scene())


def test_a_guests_shell_is_held_for_its_return_and_then_runs_on() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD, limits=ShellLimits(resume_window=60))
        ann, eyes = room.person("ann", opens=True)
        await asyncio.sleep(0.1)
        ann.detach(eyes)
        lost_at = eyes.position
        await asyncio.sleep(59)
        assert HELD_BYTES <= room.shell.end - lost_at <= HELD_BYTES + 2 * READ
        assert room.shell.holds(lost_at)
        await asyncio.sleep(2)
        assert room.shell.end - lost_at > 2 * HELD_BYTES
        assert not room.shell.holds(lost_at)
        await room.close()

    run(scene())


def test_what_was_sent_and_not_shown_is_held_too() -> None:
    async def scene() -> None:
        limits = ShellLimits(replay_bytes=1024, resume_window=60)
        room = Room(limits=limits)
        ann, eyes = room.person("ann", opens=True)
        room.program.print(NUMBERS[:100_000])
        await room.have(eyes)
        # It stops to report: what it gets now is lost with its connection.
        eyes.participant = None
        room.program.print(NUMBERS[100_000:400_000])
        await room.have(eyes)
        ann.detach(eyes)
        room.program.print(NUMBERS[400_000:])
        await asyncio.sleep(30)
        begin = ann.resumes_at(100_000, draws=True)
        assert begin == 100_000
        again = Eyes()
        room.look(ann, again, begin)
        await room.have(again)
        assert again.output_bytes == NUMBERS[100_000:]
        await room.close()

    run(scene())


def test_a_viewer_that_comes_and_goes_does_not_end_the_wait_for_a_controller() -> None:
    async def scene() -> None:
        limits = ShellLimits(replay_bytes=1024, resume_window=60)
        room = Room(flood=FLOOD, limits=limits)
        ann, eyes = room.person("ann", opens=True)
        await asyncio.sleep(0.1)
        eyes.stop()
        ann.detach(eyes)
        shown = eyes.position
        vic, seen = room.person("vic", VIEW)
        await asyncio.sleep(5)
        assert room.shell.holds(shown)
        vic.detach(seen)
        await vic.leave("Left", closed=False)
        await asyncio.sleep(5)
        assert room.shell.end - shown <= HELD_BYTES + 2 * READ
        assert ann.resumes_at(shown, draws=True) == shown
        # Another controller does: whoever is there paces the program.
        room.person("bob")
        assert await rate(room) > 1e6
        await room.close()

    run(scene())


def test_nothing_is_held_for_who_left_for_good() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD, limits=ShellLimits(resume_window=3600))
        room.person("vic", VIEW)
        ann, eyes = room.person("ann")
        await asyncio.sleep(0.1)
        ann.detach(eyes)
        await asyncio.sleep(5)
        await ann.leave("Left", closed=False)
        assert await rate(room) > 1e6
        await room.close()

    run(scene())


def test_no_resume_window_holds_nothing() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD, limits=ShellLimits(resume_window=0))
        ann, eyes = room.person("ann", opens=True)
        await asyncio.sleep(0.1)
        ann.detach(eyes)
        assert await rate(room) > 1e6
        await room.close()

    run(scene())


def test_a_lone_controller_has_every_byte_once_over_twenty_losses() -> None:
    async def scene() -> None:
        room = Room(limits=ShellLimits(replay_bytes=1024))
        ann, eyes = room.person("ann", opens=True)
        got = hashlib.sha256()
        count = 0
        for part in range(20):
            room.program.print(NUMBERS[part * 65_000 : (part + 1) * 65_000])
            await asyncio.sleep(0.003)
            ann.detach(eyes)
            await asyncio.sleep(part)
            got.update(eyes.output_bytes)
            count += len(eyes.output_bytes)
            begin = ann.resumes_at(eyes.position, draws=True)
            assert begin == eyes.position
            eyes = Eyes()
            room.look(ann, eyes, begin)
        await room.have(eyes)
        got.update(eyes.output_bytes)
        assert count + len(eyes.output_bytes) == room.program.printed
        assert got.hexdigest() == hashlib.sha256(NUMBERS[: 20 * 65_000]).hexdigest()
        await room.close()

    run(scene())


# Memory.


@pytest.mark.parametrize("reports", [True, False])
def test_the_log_keeps_no_more_than_is_needed(reports: bool) -> None:
    async def scene() -> None:
        limits = ShellLimits(replay_bytes=64 * 1024)
        room = Room(limits=limits)
        _, ann = room.person("ann", opens=True, reports=reports)
        room.program.print(NUMBERS)
        await room.have(ann)
        await asyncio.sleep(2)
        assert not room.shell.holds(room.shell.end - 64 * 1024 - BEHIND_BYTES - 2 * READ)
        assert room.shell.holds(room.shell.end - 64 * 1024)
        await room.close()

    run(scene())


def test_memory_is_bounded_whatever_program_and_people_do() -> None:
    async def scene() -> None:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        room = Room(flood=FLOOD)
        room.person("ann", opens=True, draws=False)
        people = [room.person(f"p{n}", VIEW if n % 2 else CONTROL) for n in range(8)]
        for _, eyes in people[:6]:
            eyes.stop()
        for number in range(3000):
            # Sizes that nobody takes, and questions that nobody answers.
            people[0][0].resize(Size(80 + number % 7, 24 + number % 5))
            people[1][0].ask_keyboard(number % 2 == 0)
            people[2][0].ask_history(10_000)
            if not number % 10:
                await asyncio.sleep(0.001)
        await asyncio.sleep(2)
        # The eyes of those who read keep what they got: that is the tests' own.
        for _, eyes in people:
            eyes.output_bytes = b""
            eyes.said.clear()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        own = 4 * 1024 * 1024 + 512 * 1024 * 9
        screens = 11 * 4 * 1024 * 1024
        assert held < own + screens
        await room.close()

    run(scene())


def test_sizes_that_nobody_is_told_are_forgotten_and_a_snapshot_makes_up_for_them() -> None:
    async def scene() -> None:
        room = Room()
        _, ann = room.person("ann", opens=True)
        _, bob = room.person("bob")
        bob.stop()
        room.program.print(b"a line\r\n")
        for number in range(300):
            size = Size(81 + number % 2, 25)
            room.shell.pin(size)
            await until(lambda size=size: room.shell.current_size == size)
        bob.go_on()
        await room.have(ann, bob)
        await asyncio.sleep(1)
        assert len(bob.of("snapshot")) == 1
        assert len(bob.of("size")) <= 201
        assert cells(bob.terminal) == cells(ann.terminal)
        await room.close()

    run(scene())


# Input.


def test_what_somebody_types_enters_once_and_all_see_the_echo() -> None:
    async def scene() -> None:
        room = Room()
        ann, first = room.person("ann", opens=True)
        bob, second = room.person("bob")
        await ann.write(b"from ann ")
        await bob.write(b"from bob")
        assert room.program.typed == b"from ann from bob"
        assert (ann.input_taken, bob.input_taken) == (9, 8)
        room.program.print(room.program.typed)
        await room.have(first, second)
        assert first.output_bytes == second.output_bytes
        await room.close()

    run(scene())


def test_many_sizes_of_a_silent_program_reach_who_did_not_read_them() -> None:
    async def scene() -> None:
        room = Room()
        ann, _ = room.person("ann", opens=True)
        _, late = room.person("late", VIEW)
        await room.have(late)
        late.stop()
        for number in range(300):
            ann.resize(Size(81 + number % 7, 25 + number % 5))
            await asyncio.sleep(1)
        late.go_on()
        room.program.print(b"the end")
        await room.have(late)
        assert (late.terminal.cols, late.terminal.rows) == (81 + 299 % 7, 25 + 299 % 5)
        assert cells(late.terminal) == cells(room.shell.screen.terminal)
        await room.close()

    run(scene())


def test_a_viewer_types_nothing_and_what_it_tried_counts_as_taken() -> None:
    async def scene() -> None:
        room = Room()
        room.person("ann", opens=True)
        vic, _ = room.person("vic", VIEW, window=Size(20, 5))
        for data in (b"rm -rf /\r", bytes(range(256)), b"\x03", b"\x1b[200~x\x1b[201~"):
            with pytest.raises(AccessDeniedError, match="view"):
                await vic.write(data)
        vic.resize(Size(10, 3))
        vic.ask_keyboard(False)
        await asyncio.sleep(2)
        assert room.program.typed == b""
        assert room.program.sizes == []
        assert vic.input_taken == 8 + 1 + 256 + 1 + 13
        assert vic.role is VIEW
        await room.close()

    run(scene())


def test_byte_i_enters_at_most_once_over_lost_connections() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        room.program.hears.clear()
        waiting = asyncio.create_task(ann.write(b"abcdef"))
        await asyncio.sleep(1)
        # The connection's tasks end with it; the program hears nothing yet.
        waiting.cancel()
        ann.detach(eyes)
        await asyncio.wait([waiting])
        room.program.hears.set()
        taken = await ann.settled()
        assert taken in (0, 6)
        room.look(ann, Eyes(), ann.resumes_at(0, draws=True))
        await ann.write(b"abcdef"[taken:])
        assert room.program.typed == b"abcdef"
        await room.close()

    run(scene())


def test_the_keyboard_goes_from_hand_to_hand() -> None:
    async def scene() -> None:
        asked: list[str] = []
        room = Room(asked=lambda shell, one: asked.append(one.id))
        room.person("host", kind=HOST)
        ann, _ = room.person("ann", opens=True)
        vic, seen = room.person("vic", VIEW)
        shell = room.shell
        vic.ask_keyboard(True)
        assert asked == ["vic"]
        assert shell.info().asking == ("vic",)
        shell.grant_keyboard("vic")
        assert vic.role is CONTROL
        assert seen.of("role") == [CONTROL]
        await vic.write(b"v")
        with pytest.raises(AccessDeniedError, match="vic has the keyboard"):
            await ann.write(b"a")
        vic.ask_keyboard(False)
        assert vic.role is VIEW
        await ann.write(b"a")
        with pytest.raises(AccessDeniedError):
            await vic.write(b"v")
        shell.freeze()
        assert shell.keyboard_state is KeyboardState.FROZEN
        with pytest.raises(AccessDeniedError, match="frozen"):
            await ann.write(b"b")
        shell.thaw()
        await ann.write(b"c")
        vic.ask_keyboard(True)  # again, too soon
        assert asked == ["vic"]
        assert seen.of("keyboard")[-1].again_in > 0
        assert room.program.typed == b"vac"
        await room.close()

    run(scene())


def test_a_lost_holder_keeps_the_keyboard_for_thirty_seconds() -> None:
    async def scene() -> None:
        room = Room()
        room.person("host", kind=HOST)
        ann, _ = room.person("ann", opens=True)
        vic, eyes = room.person("vic", VIEW)
        room.shell.grant_keyboard("vic")
        vic.detach(eyes)
        await asyncio.sleep(29)
        with pytest.raises(AccessDeniedError):
            await ann.write(b"a")
        room.look(vic, eyes, room.shell.end)
        await vic.write(b"v")
        vic.detach(eyes)
        await asyncio.sleep(31)
        await ann.write(b"a")
        assert vic.role is VIEW
        assert room.program.typed == b"va"
        await room.close()

    run(scene())


def test_people_are_told_who_is_there_and_who_types_twice_a_second_at_most() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        _, seen = room.person("vic", VIEW)
        await asyncio.sleep(1)
        (last,) = seen.of("people")[-1:]
        assert [(one.id, one.role, one.typing) for one in last] == [
            ("ann", CONTROL, False),
            ("vic", VIEW, False),
        ]
        told = len(seen.of("people"))
        began = loop_time()
        while loop_time() - began < 3:
            await ann.write(b"x")
            await asyncio.sleep(0.05)
        assert any(one.typing for one in seen.of("people")[told])
        await asyncio.sleep(3)
        assert not any(one.typing for one in seen.of("people")[-1])
        assert len(seen.of("people")) - told == 2
        ann.detach(eyes)
        await asyncio.sleep(1)
        assert [one.id for one in seen.of("people")[-1]] == ["vic"]
        await room.close()

    run(scene())


def test_a_message_that_comes_after_its_sender_left_changes_nothing() -> None:
    async def scene() -> None:
        room = Room()
        room.person("ann", opens=True)
        bob, _ = room.person("bob")
        await bob.leave("Left")
        bob.ask_keyboard(True)
        bob.ask_history(5)
        bob.resize(Size(30, 10))
        bob.acknowledge(10**9)
        with pytest.raises(AccessDeniedError):
            await bob.write(b"x")
        await asyncio.sleep(2)
        assert room.program.typed == b""
        assert room.program.sizes == []
        assert room.shell.is_connected
        await room.close()

    run(scene())


# Queries.

DA = b"\x1b[c"


@pytest.mark.parametrize("people", [0, 1, 10])
@pytest.mark.parametrize("keyboard", ["open", "taken", "frozen"])
@pytest.mark.parametrize("mute", [True, False])
def test_each_query_is_answered_once(people: int, keyboard: str, mute: bool) -> None:
    async def scene() -> None:
        room = Room()
        caps = (SNAPSHOT, SIZE, *(("mute",) if mute else ()))
        room.person("host", kind=HOST)
        for number in range(people):
            room.person(f"p{number}", capabilities=caps)
        if keyboard == "taken":
            room.shell.take_keyboard("host")
        elif keyboard == "frozen":
            room.shell.freeze()
        room.shell.start()
        queries = (DA, b"\x1b[5n", b"\x1b[?7$p", b"\x1b]11;?\x1b\\", b"\x1b[6n")
        for query in queries:
            room.program.print(query)
            await asyncio.sleep(3)
        said = room.program.typed
        assert said.startswith(b"\x1b[?")
        for mark in (b"\x1b[0n", b"\x1b[?7;1$y", b"\x1b]11;", b"R"):
            assert said.count(mark) == 1, said
        # Nobody who comes, or comes back, makes an answer.
        for number in range(3):
            room.person(f"late{number}", capabilities=caps, first=number == 0)
        await asyncio.sleep(3)
        assert room.program.typed == said
        await room.close()

    run(scene())


def test_an_emulator_that_answers_by_itself_is_left_to_answer_and_no_other() -> None:
    async def scene() -> None:
        room = Room()
        plain, _ = room.person("plain", opens=True, capabilities=())
        other, _ = room.person("other", capabilities=())
        room.program.print(b"x")
        await asyncio.sleep(3)
        room.program.print(DA)
        await asyncio.sleep(0.1)
        assert room.program.typed == b""
        await other.write(b"\x1b[?1;2c")
        await plain.write(b"\x1b[?6c")
        await asyncio.sleep(3)
        assert room.program.typed == b"\x1b[?6c"
        room.program.print(DA)
        await asyncio.sleep(3)  # now nobody answers but the agent
        assert room.program.typed.count(b"c") == 2
        await room.close()

    run(scene())


# Size.


def test_the_smallest_controller_decides_and_a_pin_overrules() -> None:
    async def scene() -> None:
        room = Room()
        ann, first = room.person("ann", opens=True, window=Size(120, 40))
        await until(lambda: room.shell.current_size == Size(120, 40))
        bob, _ = room.person("bob", window=Size(100, 50))
        room.person("vic", VIEW, window=Size(85, 25))
        await until(lambda: room.shell.current_size == Size(100, 40))
        assert first.of("size")[-1] == Size(100, 40)
        room.shell.pin(Size(132, 43))
        assert room.shell.info().pinned == Size(132, 43)
        await until(lambda: room.program.size == Size(132, 43))
        room.shell.pin(None)
        await until(lambda: room.program.size == Size(100, 40))
        bob.set_role(VIEW)
        await until(lambda: room.program.size == Size(120, 40))
        ann.resize(None)  # hidden
        await asyncio.sleep(2)
        assert room.program.size == Size(120, 40)
        await room.close()

    run(scene())


def test_a_program_whose_size_cannot_be_set_goes_on() -> None:
    class Stubborn(Program):
        async def resize(self, size: Size) -> None:
            raise OSError("no")

    async def scene() -> None:
        room = Room()
        room.program.resize = Stubborn().resize  # type: ignore[method-assign]
        ann, eyes = room.person("ann", opens=True, window=Size(100, 30))
        await asyncio.sleep(1)
        await ann.write(b"typed")
        room.program.print(b"printed")
        await room.have(eyes)
        assert room.program.typed == b"typed"
        await room.close()

    run(scene())


def test_output_goes_on_while_a_size_is_being_set() -> None:
    class Slow(Program):
        async def resize(self, size: Size) -> None:
            await asyncio.sleep(30)

    async def scene() -> None:
        room = Room()
        room.program.resize = Slow().resize  # type: ignore[method-assign]
        _, eyes = room.person("ann", opens=True, window=Size(100, 30))
        await asyncio.sleep(1)
        began = loop_time()
        room.program.print(NUMBERS[:100_000])
        await room.have(eyes)
        assert loop_time() - began < 1
        await room.close()

    run(scene())


def test_keys_enter_while_a_size_is_being_set() -> None:
    """A Docker engine may take ten seconds for that."""

    async def scene() -> None:
        async def slow(size: Size) -> None:
            await asyncio.sleep(10)

        room = Room()
        room.program.resize = slow  # type: ignore[method-assign]
        ann, _ = room.person("ann", opens=True, window=Size(100, 30))
        began = loop_time()
        for key in (b"a", b"b", b"c"):
            await ann.write(key)
        assert loop_time() - began < 0.3
        assert room.program.typed == b"abc"
        await room.close()

    run(scene())


# Recording.


class Tape:
    """A Recorder in memory."""

    since = 7.0

    def __init__(self) -> None:
        self.screen = b""
        self.size = Size()
        self.entries: list[bytes | Size] = []
        self.closed = False

    def begin(self, meta: RecordingMeta, size: Size, screen: bytes) -> Tape:
        self.size, self.screen = size, screen
        return self

    def printed(self, data: bytes) -> None:
        self.entries.append(data)

    def typed(self, data: bytes) -> None: ...

    def resized(self, size: Size) -> None:
        self.entries.append(size)

    async def close(self) -> None:
        self.closed = True


def test_a_recording_shows_what_the_agent_shows_also_if_it_starts_in_a_flood() -> None:
    async def scene() -> None:
        room = Room()
        tape = Tape()
        _, eyes = room.person("ann", opens=True)
        room.program.print(NUMBERS + b"\x1b[3")
        await asyncio.sleep(0.01)
        await room.shell.record(tape.begin)  # type: ignore[arg-type]
        assert room.shell.info().recording_since == 7.0
        await until(lambda: eyes.of("recording") == [7.0])
        room.program.print(b"1mred\r\n")
        await room.have(eyes)
        room.shell.pin(Size(90, 30))
        await asyncio.sleep(1)
        room.program.print(b"more" * 30)
        await room.have(eyes)
        played = Eyes(tape.size)
        played.terminal.feed(tape.screen)
        for entry in tape.entries:
            if isinstance(entry, Size):
                played.terminal.resize(entry.rows, entry.cols)
            else:
                played.terminal.feed(entry)
        await room.shell.screen.bring_up()
        assert cells(played.terminal) == cells(room.shell.screen.terminal)
        await room.shell.record(Tape().begin)  # type: ignore[arg-type]
        assert not tape.closed
        await room.shell.stop_recording()
        assert tape.closed
        assert eyes.of("recording")[-1] is None
        await room.close()
        await room.shell.record(tape.begin)  # type: ignore[arg-type]

    run(scene())


# Life and end.


def test_the_opener_ends_it_with_close_unless_another_controls_it() -> None:
    async def scene() -> None:
        room = Room()
        ann, _ = room.person("ann", opens=True)
        room.person("vic", VIEW)
        bob, _ = room.person("bob")
        await ann.leave("Closed by ann")
        assert room.shell.is_connected
        assert room.shell.opener == ""
        await bob.leave("Closed by bob")
        assert room.shell.is_connected  # it was not his
        await room.close()

        room = Room()
        ann, _ = room.person("ann", opens=True)
        vic, seen = room.person("vic", VIEW)
        await vic.leave("Closed by vic")
        assert room.shell.is_connected
        _, seen = room.person("vic2", VIEW)
        await ann.leave("Closed by ann")
        assert room.ends == [ExitStatus(None, "Closed by ann", EndCode.CLOSED)]
        assert room.program.closed
        assert seen.of("ended")[0].reason == "Closed by ann"

    run(scene())


def test_a_loss_or_leaving_without_a_close_ends_nothing() -> None:
    async def scene() -> None:
        room = Room()
        ann, eyes = room.person("ann", opens=True)
        assert room.shell.alone_since is None
        ann.detach(eyes)
        alone = room.shell.alone_since
        assert alone == loop_time()
        await asyncio.sleep(100)
        assert room.shell.is_connected
        room.look(ann, eyes, room.shell.end)
        assert room.shell.alone_since is None
        await ann.leave("Lost", closed=False)
        assert room.shell.is_connected
        assert room.shell.participants == ()
        assert room.shell.alone_since == loop_time()
        await room.close()

    run(scene())


def test_the_first_end_counts_and_ending_twice_is_no_error() -> None:
    async def scene() -> None:
        room = Room()
        _, eyes = room.person("ann", opens=True)
        room.shell.finish_soon("Idle", EndCode.IDLE)
        assert not room.shell.is_connected
        with pytest.raises(PTYClosedError):
            room.shell.join(GUEST, CONTROL)
        await asyncio.gather(room.shell.finish("Closed"), room.shell.finish("Again"))
        assert [(one.reason, one.code) for one in room.ends] == [("Idle", EndCode.IDLE)]
        assert room.shell.exit_status == room.ends[0]
        await until(lambda: eyes.of("ended"))
        with pytest.raises(PTYClosedError):
            room.shell.join(GUEST, CONTROL)

    run(scene())


def test_typing_into_an_ended_shell_counts_as_taken() -> None:
    async def scene() -> None:
        room = Room()
        ann, _ = room.person("ann", opens=True)
        room.program.end()
        await until(lambda: room.ends)
        with pytest.raises(PTYClosedError):
            await ann.write(b"late")
        assert ann.input_taken == 4
        await room.close()

    run(scene())


def test_a_backend_that_fails_ends_the_shell_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        room = Room()

        async def fails() -> bytes:
            raise OSError("gone")

        room.program.read = fails  # type: ignore[method-assign]
        _, eyes = room.person("ann", opens=True)
        await until(lambda: eyes.of("ended"))
        assert room.ends[0].exit_code is None
        await room.close()

    run(scene())
    assert "Reading the PTY" in caplog.text
    caplog.clear()


def test_no_more_people_than_the_limit_and_none_twice() -> None:
    async def scene() -> None:
        room = Room(limits=ShellLimits(max_participants=2))
        ann, _ = room.person("ann", opens=True)
        with pytest.raises(ValueError, match="ann"):
            room.person("ann")
        assert room.shell.participant("ann") is ann
        room.person("bob")
        with pytest.raises(LimitError):
            room.person("carl")
        await room.close()

    run(scene())


def test_a_host_that_paints_counts_as_attached_and_sees_the_end() -> None:
    async def scene() -> None:
        room = Room(flood=FLOOD, own=True)
        over: list[ExitStatus] = []
        host = room.shell.join(HOST, CONTROL, opens=True, on_end=over.append)
        host.paint()
        assert room.shell.alone_since is None
        assert await rate(room) > 1e6
        host.detach()
        assert room.shell.alone_since is not None
        room.program.stop_flood()
        room.program.end(4)
        await until(lambda: over)
        assert over[0].exit_code == 4
        await room.close()

    run(scene())


def test_what_it_is_can_be_asked() -> None:
    async def scene() -> None:
        room = Room(shell_id="s1", target="box", owner="key", link_id="l1")
        ann, _ = room.person("ann", opens=True)
        room.program.print(b"\x1b]0;vim\x07")
        await asyncio.sleep(1)
        info = room.shell.info()
        assert (info.id, info.target, info.title, info.own) == ("s1", "box", "vim", False)
        assert [one.id for one in info.participants] == ["ann"]
        assert room.shell.take_activity()
        assert not room.shell.take_activity()
        await ann.write(b"x")
        assert room.shell.take_activity()
        room.shell.warn_idle(30)
        await room.close()

    run(scene())
