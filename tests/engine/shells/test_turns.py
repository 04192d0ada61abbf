"""Turns: whole messages, pastes and characters, cuts, refusals, exact positions.

Time is virtual, and the PTY is a fake one that takes what the test lets it take; a real bash in a
real PTY shows what a cut paste does.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import AccessDeniedError, HatchwayError, PTYClosedError
from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.pty.local_shell import LocalShellPTY
from engine.shells.input_stream import END, START
from engine.shells.turns import MARKER_SECONDS, MAX_ANSWERS, PAUSE_SECONDS, Turns
from tests.engine.shells.virtual_time import run

CTRL_C = b"\x03"


class FakePTY:
    """Takes ``room`` bytes, then waits for more room. ``log`` is what the program gets."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.log = b""
        self.ended = False
        self._room = room
        self._changed = asyncio.Event()

    def taken(self) -> int:
        return len(self.log)

    def read(self, room: int) -> None:
        self._room += room
        self._changed.set()

    def end(self) -> None:
        self.ended = True
        self._changed.set()

    async def write(self, data: bytes) -> None:
        while data:
            if self.ended:
                raise PTYClosedError("The terminal has ended")
            count = min(self._room, len(data))
            self.log += data[:count]
            self._room -= count
            data = data[count:]
            if data:
                self._changed.clear()
                await self._changed.wait()


def denied() -> HatchwayError:
    return AccessDeniedError("You may only view")


def made(room: int = 1_000_000) -> tuple[Turns, FakePTY]:
    pty = FakePTY(room)
    turns = Turns(pty.write, pty.taken)
    for who in ("ann", "bob", "cas"):
        turns.permit(who, None)
    return turns, pty


async def turn_of_the_loop() -> None:
    """All that can happen without time passing has happened."""
    for _ in range(10):
        await asyncio.sleep(0)


def virtual(test: Callable[..., Any]) -> Callable[..., None]:
    @wraps(test)
    def in_virtual_time(**arguments: Any) -> None:
        run(test(**arguments))

    return in_virtual_time


def sending(turns: Turns, who: str, *messages: bytes) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(turns.write(who, message)) for message in messages]


@virtual
async def test_messages_enter_whole_and_in_order() -> None:
    turns, pty = made(room=3)
    writes = [
        *sending(turns, "ann", b"aaaaa"),
        *sending(turns, "bob", b"bbbbb"),
        *sending(turns, "ann", b"AAAAA"),
    ]
    await turn_of_the_loop()
    assert (pty.log, turns.taken("ann")) == (b"aaa", 0)
    pty.read(100)
    await asyncio.gather(*writes)
    assert pty.log == b"aaaaabbbbbAAAAA"
    assert (turns.taken("ann"), turns.taken("bob")) == (10, 5)
    assert turns.entered_by_others("ann") == 5


@virtual
async def test_others_wait_for_the_rest_of_a_character_and_of_a_paste() -> None:
    for first, rest in (
        ("€".encode()[:1], "€".encode()[1:]),
        (START + b"ls", b"\n" + END),
        (START[:3], START[3:] + END),
    ):
        turns, pty = made()
        await turns.write("ann", first)
        (other,) = sending(turns, "bob", b"b")
        await turn_of_the_loop()
        assert pty.log == first
        await turns.write("ann", rest)
        await other
        assert pty.log == first + rest + b"b"


@virtual
async def test_nobody_waits_for_the_rest_of_a_key() -> None:
    for key in (b"\x1b", b"\x1b[", b"\x1bO"):
        turns, pty = made()
        await turns.write("ann", key)
        (other,) = sending(turns, "bob", b"b")
        await turn_of_the_loop()
        assert other.done()
        assert pty.log == key + b"b"


@virtual
async def test_the_turn_passes_after_a_pause_and_the_rest_of_the_paste_is_dropped() -> None:
    turns, pty = made()
    now = asyncio.get_running_loop().time
    await turns.write("ann", START + b"one")
    began = now()
    await turns.write("bob", b"b\n")
    assert now() - began == pytest.approx(PAUSE_SECONDS)
    assert pty.log == START + b"one" + END + b"b\n"
    await turns.write("ann", b"two" + END[:2])
    await turns.write("ann", END[2:] + b"x")
    assert pty.log == START + b"one" + END + b"b\n" + b"x"
    assert turns.taken("ann") == len(START + b"onetwo" + END + b"x")


@virtual
async def test_a_sender_who_goes_on_keeps_the_turn() -> None:
    turns, pty = made()
    await turns.write("ann", START)
    (other,) = sending(turns, "bob", b"b")
    for _ in range(5):
        await asyncio.sleep(PAUSE_SECONDS * 0.9)
        await turns.write("ann", b"a")
    await turns.write("ann", END)
    await other
    assert pty.log == START + b"aaaaa" + END + b"b"


@virtual
async def test_no_time_passes_while_the_pty_takes_nothing() -> None:
    turns, pty = made(room=len(START) + 1)
    (write,) = sending(turns, "ann", START + b"aa")
    (other,) = sending(turns, "bob", b"b")
    await asyncio.sleep(PAUSE_SECONDS * 10)
    assert pty.log == START + b"a"
    pty.read(100)
    await write
    await turns.write("ann", END)
    await other
    assert pty.log == START + b"aa" + END + b"b"


@virtual
async def test_nobody_waits_so_a_paste_may_take_its_time() -> None:
    turns, pty = made()
    await turns.write("ann", START)
    await asyncio.sleep(PAUSE_SECONDS * 10)
    await turns.write("ann", b"a" + END)
    assert pty.log == START + b"a" + END


@virtual
async def test_a_character_that_is_cut_lets_others_in() -> None:
    turns, pty = made()
    await turns.write("ann", b"\xe2")
    await turns.write("bob", b"b")
    await turns.write("ann", b"a")
    assert pty.log == b"\xe2ba"


@virtual
async def test_ctrl_c_goes_before_what_others_have_waiting() -> None:
    turns, pty = made(room=1)
    writes = [
        *sending(turns, "ann", b"aa"),
        *sending(turns, "bob", b"bb"),
        *sending(turns, "cas", b"cc"),
        *sending(turns, "bob", CTRL_C),
        *sending(turns, "cas", b"\x1b[99;5u"),
    ]
    await turn_of_the_loop()
    pty.read(100)
    await asyncio.gather(*writes)
    # Bob's own input keeps its place, and so does that of Cas.
    assert pty.log == b"aabb" + CTRL_C + b"cc" + b"\x1b[99;5u"


@virtual
async def test_ctrl_c_overtakes_all_but_a_message_that_has_begun() -> None:
    turns, pty = made(room=1)
    writes = [
        *sending(turns, "ann", b"aa", b"AA"),
        *sending(turns, "bob", b"bb"),
        *sending(turns, "cas", CTRL_C),
        *sending(turns, "bob", CTRL_C),
    ]
    await turn_of_the_loop()
    pty.read(100)
    await asyncio.gather(*writes)
    assert pty.log == b"aa" + CTRL_C + b"AA" + b"bb" + CTRL_C


@virtual
async def test_ctrl_c_cuts_a_paste_that_waits_for_its_sender() -> None:
    turns, pty = made()
    now = asyncio.get_running_loop().time
    began = now()
    await turns.write("ann", START + b"one")
    (waiting,) = sending(turns, "bob", b"b")
    await turn_of_the_loop()
    await turns.write("cas", CTRL_C)
    await waiting
    await turns.write("ann", b"two" + END + b"x")
    assert pty.log == START + b"one" + END + CTRL_C + b"b" + b"x"
    assert now() - began == pytest.approx(MARKER_SECONDS)


@virtual
async def test_ctrl_c_cuts_a_paste_that_the_program_does_not_read() -> None:
    turns, pty = made(room=len(START) + 2)
    paste = START + b"one\ntwo\n" + END
    (write,) = sending(turns, "ann", paste + b"ls\n")
    (waiting,) = sending(turns, "bob", b"b")
    await turn_of_the_loop()
    (stop,) = sending(turns, "cas", CTRL_C)
    await turn_of_the_loop()
    pty.read(100)
    await asyncio.gather(write, waiting, stop)
    assert pty.log == START + b"on" + END + CTRL_C + b"ls\n" + b"b"
    assert turns.taken("ann") == len(paste) + 3


@virtual
async def test_ones_own_ctrl_c_ends_ones_own_paste() -> None:
    turns, pty = made()
    await turns.write("ann", START + b"one")
    await turns.write("ann", CTRL_C)
    await turns.write("ann", b"two" + END + b"x")
    assert pty.log == START + b"one" + END + CTRL_C + b"x"


@virtual
async def test_after_ctrl_c_input_is_not_dropped_for_ever_when_the_end_was_lost() -> None:
    turns, pty = made()
    await turns.write("ann", START + b"one")
    turns.cut("ann")
    await turns.write("ann", b"two")
    await turns.write("ann", CTRL_C)
    await turns.write("ann", b"x")
    assert pty.log == START + b"one" + END + CTRL_C + b"x"


@virtual
async def test_refused_input_raises_counts_and_never_enters() -> None:
    turns, pty = made()
    await turns.write("ann", b"one ")
    turns.permit("ann", denied)
    with pytest.raises(AccessDeniedError, match="only view"):
        await turns.write("ann", b"two ")
    turns.permit("ann", None)
    await turns.write("ann", b"three")
    assert (pty.log, turns.taken("ann")) == (b"one three", 13)


@virtual
async def test_what_waits_is_refused_as_well_and_what_enters_stops() -> None:
    turns, pty = made(room=2)
    first, second = sending(turns, "ann", b"aaaa", b"AAAA")
    (other,) = sending(turns, "bob", b"bb")
    (third,) = sending(turns, "ann", b"aaaa")
    await turn_of_the_loop()
    turns.permit("ann", denied)
    assert turns.taken("ann") == 12
    turns.permit("ann", None)
    pty.read(100)
    await turns.write("ann", b"x")
    for write in (first, second, third):
        with pytest.raises(AccessDeniedError, match="only view"):
            await write
    assert pty.log == b"aabbx"
    assert turns.taken("ann") == 13
    assert other.done()


@virtual
async def test_a_turn_that_was_granted_and_has_not_begun_is_refused() -> None:
    turns, pty = made(room=1)

    async def ann_types() -> None:
        await turns.write("ann", b"aa")
        # Bob has the turn, but its task has not run yet.
        turns.permit("bob", denied)
        turns.permit("bob", None)

    write = asyncio.create_task(ann_types())
    (other,) = sending(turns, "bob", b"bb")
    await turn_of_the_loop()
    pty.read(100)
    with pytest.raises(AccessDeniedError):
        await other
    await write
    await turns.write("cas", b"c")
    assert (pty.log, turns.taken("bob")) == (b"aac", 2)


@virtual
async def test_refusal_closes_a_paste_although_nobody_waits() -> None:
    turns, pty = made()
    await turns.write("ann", START + b"one")
    turns.permit("ann", denied)
    await turn_of_the_loop()
    assert pty.log == START + b"one" + END
    with pytest.raises(AccessDeniedError):
        await turns.write("ann", b"two")
    turns.permit("ann", None)
    await turns.write("ann", b"three" + END + b"x")
    assert pty.log == START + b"one" + END + b"x"


@virtual
async def test_ctrl_c_is_refused_while_the_program_reads_the_end_marker() -> None:
    for room in (100, 2):  # 2: the marker itself does not enter at once
        turns, pty = made(room=len(START) + room)
        await turns.write("ann", START)
        (stop,) = sending(turns, "bob", CTRL_C)
        await turn_of_the_loop()
        turns.permit("bob", denied)
        turns.permit("bob", None)
        pty.read(100)
        with pytest.raises(AccessDeniedError):
            await stop
        await turns.write("cas", b"c")
        assert pty.log == START + END + b"c"
        assert turns.taken("bob") == 1


@virtual
async def test_ctrl_c_of_a_viewer_cuts_nothing() -> None:
    turns, pty = made()
    turns.permit("bob", denied)
    await turns.write("ann", START + b"one")
    with pytest.raises(AccessDeniedError):
        await turns.write("bob", CTRL_C)
    await turns.write("ann", b"two" + END)
    assert pty.log == START + b"onetwo" + END


@virtual
async def test_strangers_and_those_who_left_may_not_type() -> None:
    turns, pty = made()
    await turns.write("ann", START + b"one")
    turns.leave("ann")
    turns.leave("ann")
    for who in ("ann", "eve"):
        with pytest.raises(AccessDeniedError):
            await turns.write(who, CTRL_C)
        assert turns.taken(who) == 0
        assert await turns.settled(who) == 0
    await turn_of_the_loop()
    assert pty.log == START + b"one" + END


@virtual
async def test_a_lost_connection_continues_where_it_stopped() -> None:
    turns, pty = made(room=3)
    (write,) = sending(turns, "ann", b"abcdef")
    waiting = sending(turns, "ann", b"ghi")
    (other,) = sending(turns, "bob", b"B")
    await turn_of_the_loop()
    for task in (write, *waiting):
        task.cancel()
    assert await turns.settled("ann") == 3
    pty.read(100)
    await other
    await turns.write("ann", b"defghi")
    assert pty.log == b"abcBdefghi"


@virtual
async def test_a_lost_connection_in_a_paste_continues_if_nobody_waited_too_long() -> None:
    turns, pty = made(room=len(START) + 2)
    (write,) = sending(turns, "ann", START + b"abcdef")
    await turn_of_the_loop()
    write.cancel()
    taken = await turns.settled("ann")
    assert taken == len(START) + 2
    pty.read(100)
    (other,) = sending(turns, "bob", b"B")
    await asyncio.sleep(PAUSE_SECONDS / 2)
    await turns.write("ann", b"cdef" + END)
    await other
    assert pty.log == START + b"abcdef" + END + b"B"


@virtual
async def test_a_cancelled_end_marker_is_finished_by_the_next() -> None:
    turns, pty = made(room=len(START) + 3)
    await turns.write("ann", START)
    turns.cut("ann")
    await turn_of_the_loop()
    (write,) = sending(turns, "bob", b"b")
    await turn_of_the_loop()
    write.cancel()
    await turn_of_the_loop()
    assert (pty.log, turns.taken("bob")) == (START + END[:3], 0)
    pty.read(100)
    await turns.write("cas", b"c")
    assert pty.log == START + END + b"c"


@virtual
async def test_who_is_cancelled_and_refused_at_once_is_cancelled() -> None:
    turns, pty = made(room=1)
    (write,) = sending(turns, "ann", b"aa")
    await turn_of_the_loop()
    write.cancel()
    turns.permit("ann", denied)
    with pytest.raises(asyncio.CancelledError):
        await write
    assert (pty.log, turns.taken("ann")) == (b"a", 2)


@virtual
async def test_a_refusal_leaves_the_callers_task_usable() -> None:
    turns, pty = made(room=1)

    async def types() -> str:
        with pytest.raises(AccessDeniedError):
            await turns.write("ann", b"aa")
        async with asyncio.timeout(5):
            await asyncio.sleep(1)
        return "goes on"

    task = asyncio.create_task(types())
    await turn_of_the_loop()
    turns.permit("ann", denied)
    assert await task == "goes on"
    assert pty.log == b"a"


@virtual
async def test_answers_of_the_agent_go_first_but_never_into_a_message() -> None:
    turns, pty = made(room=1)
    writes = sending(turns, "ann", b"aa", b"AA")
    await turn_of_the_loop()
    turns.answer(b"1")
    turns.answer(b"2")
    pty.read(100)
    await asyncio.gather(*writes)
    assert pty.log == b"aa12AA"
    turns.answer(b"3")
    await turns.write("ann", b"a")
    assert pty.log == b"aa12AA3a"
    await turns.write("ann", START)
    turns.answer(b"4")
    await turn_of_the_loop()
    await turns.write("ann", END)
    await turn_of_the_loop()
    assert pty.log == b"aa12AA3a" + START + END + b"4"
    assert turns.entered_by_others("ann") == 0


@virtual
async def test_answers_that_nobody_reads_are_bounded() -> None:
    turns, pty = made(room=0)
    for _ in range(1000):
        turns.answer(bytes(1024))
    await turn_of_the_loop()
    pty.read(10_000_000)
    await turns.write("ann", b"x")
    assert len(pty.log) <= MAX_ANSWERS + 1024 + 1
    await turns.close()


@virtual
async def test_input_after_the_end_counts_as_done_with() -> None:
    turns, pty = made(room=1)
    writes = [*sending(turns, "ann", b"aa"), *sending(turns, "bob", b"bb")]
    await turn_of_the_loop()
    pty.end()
    for write in writes:
        with pytest.raises(PTYClosedError):
            await write
    assert (turns.taken("ann"), turns.taken("bob")) == (2, 2)


@virtual
async def test_close_ends_all_that_waits() -> None:
    turns, pty = made()
    await turns.write("ann", START)
    (write,) = sending(turns, "bob", b"b")
    turns.answer(b"1")
    await turn_of_the_loop()
    await turns.close()
    with pytest.raises(PTYClosedError):
        await write
    with pytest.raises(PTYClosedError):
        await turns.write("ann", b"a")
    turns.answer(b"2")
    await turn_of_the_loop()
    assert pty.log == START


@virtual
async def test_parts_of_a_message_that_do_not_enter_count() -> None:
    turns, pty = made()
    await turns.write_parts("ann", [(b"aa", 5), (b"", 2), (b"bb", 0)])
    assert (pty.log, turns.taken("ann")) == (b"aabb", 11)
    assert (turns.entered("ann"), turns.entered("eve")) == (4, 0)
    turns.permit("ann", denied)
    with pytest.raises(AccessDeniedError):
        await turns.write_parts("ann", [(b"aa", 5), (START, 1), (b"bb", 0)])
    assert turns.taken("ann") == 11 + 10 + len(START)
    turns.permit("ann", None)
    await turns.write("ann", b"in the paste that was refused" + END + b"x")
    assert pty.log == b"aabbx"
    with pytest.raises(AccessDeniedError):
        await turns.write_parts("eve", [(b"aa", 5)])
    # A position to continue from is no permission.
    turns.drop("eve", 100)
    with pytest.raises(AccessDeniedError):
        await turns.write("eve", b"e")
    turns.permit("eve", None)
    await turns.write("eve", b"e")
    assert (turns.taken("eve"), turns.entered("eve")) == (102, 1)


# -- any order of events

LETTERS = {"ann": b"abcdefghijk", "bob": b"lmnopqrstuv", "cas": b"ABCDEFGHIJK"}
"""Digits of a number, and its end: who sent a byte can be read off it."""
OWNER = {letter: who for who, letters in LETTERS.items() for letter in letters}
HALVES = {"ann": 3, "bob": 4, "cas": 5}
"""Where each cuts markers: half a marker of one and half of another make none."""
CHARACTERS = {"ann": "é".encode(), "bob": "€".encode(), "cas": "🙂".encode()}


def token(who: str, number: int) -> bytes:
    letters = LETTERS[who]
    return bytes(letters[int(digit)] for digit in f"{number:02}") + letters[10:]


class Guest:
    """What a guest does: sends messages, and after a loss what was not taken, once more."""

    def __init__(self, turns: Turns, who: str) -> None:
        self.who = who
        self.sent = b""
        self.whole: list[bytes] = []
        self.disturbed = False
        """Lost or refused: a message of it may lie in parts, or not at all."""
        self._turns = turns
        self._writes: list[asyncio.Task[None]] = []
        self._count = 0

    def send(self, kind: str) -> None:
        self._count += 1
        text = token(self.who, self._count)
        character = CHARACTERS[self.who]
        half = HALVES[self.who]
        message = {
            "key": text,
            "long": text * 20,
            "start": START + text,
            "end": text + END,
            "end and key": END + text,
            "paste": START + text + END,
            "half marker": START[:half],
            "other half": START[half:] + text,
            "half end": END[:half],
            "other half end": END[half:],
            "half character": character[:-1],
            "other half character": character[-1:],
            "ctrl+c": CTRL_C,
        }[kind]
        if kind in ("key", "paste"):
            self.whole.append(message)
        self.sent += message
        self._start(message)

    def _start(self, message: bytes) -> None:
        self._writes.append(asyncio.create_task(self._turns.write(self.who, message)))

    async def lose(self) -> None:
        self.disturbed = True
        for write in self._writes:
            write.cancel()
        await asyncio.gather(*self._writes, return_exceptions=True)
        taken = await self._turns.settled(self.who)
        self._writes.clear()
        if rest := self.sent[taken:]:
            self._start(rest)

    async def done(self) -> None:
        for result in await asyncio.gather(*self._writes, return_exceptions=True):
            assert result is None or isinstance(result, AccessDeniedError), result
        assert self._turns.taken(self.who) == len(self.sent)


def follows(part: bytes, whole: bytes) -> bool:
    """Whether ``part`` is what is left of ``whole`` when bytes are taken out."""
    rest = iter(whole)
    return all(byte in rest for byte in part)


KINDS = st.sampled_from(
    [
        "key",
        "key",
        "long",
        "start",
        "end",
        "end and key",
        "paste",
        "half marker",
        "other half",
        "half end",
        "other half end",
        "half character",
        "other half character",
        "ctrl+c",
    ]
)
WHO = st.sampled_from(sorted(LETTERS))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), WHO, KINDS),
        st.tuples(st.just("send"), WHO, KINDS),
        st.tuples(st.just("read"), st.integers(1, 40)),
        st.tuples(st.just("time"), st.sampled_from([0.0, 0.3, 1.1])),
        st.tuples(st.just("lose"), WHO),
        st.tuples(st.just("refuse"), WHO),
        st.tuples(st.just("permit"), WHO),
        st.tuples(st.just("cut"), WHO),
    ),
    max_size=40,
)


@given(st.integers(0, 60), STEPS)
def test_any_order_of_events(room: int, steps: list[Any]) -> None:
    """Bytes enter at most once and in order, whole messages whole, pastes of one sender only."""
    guests, log = run(played(room, steps))
    inside = ""
    pasting = False
    for part in re.split(rb"(\x1b\[20[01]~)", log):
        if part in (START, END):
            pasting, inside = part == START, ""
            continue
        for owner in [OWNER[byte] for byte in part if byte in OWNER]:
            assert not pasting or inside in ("", owner), log
            inside = owner
    for guest in guests:
        own = bytes(byte for byte in log if OWNER.get(byte) == guest.who)
        assert follows(own, bytes(byte for byte in guest.sent if byte in OWNER)), log
        if not guest.disturbed:
            for message in guest.whole:
                assert log.count(message) <= 1
                mine = bytes(byte for byte in message if byte in OWNER)
                assert mine in log or not follows(mine, own), log


async def played(room: int, steps: list[Any]) -> tuple[list[Guest], bytes]:
    turns, pty = made(room)
    guests = {who: Guest(turns, who) for who in LETTERS}
    for step in steps:
        match step:
            case ("send", who, kind):
                guests[who].send(kind)
            case ("read", count):
                pty.read(count)
            case ("time", seconds):
                await asyncio.sleep(seconds)
            case ("lose", who):
                await guests[who].lose()
            case ("refuse", who):
                guests[who].disturbed = True
                turns.permit(who, denied)
                await entering_nothing_of(who, pty)
            case ("permit", who):
                turns.permit(who, None)
            case ("cut", who):
                turns.cut(who)
        await asyncio.sleep(0)
    pty.read(1_000_000)
    for guest in guests.values():
        await guest.done()
    await turns.close()
    return list(guests.values()), pty.log


async def entering_nothing_of(who: str, pty: FakePTY) -> None:
    before = len(pty.log)
    await turn_of_the_loop()
    assert not any(OWNER.get(byte) == who for byte in pty.log[before:])


# -- a real shell


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
@pytest.mark.parametrize("by", ["cut", "ctrl+c"])
async def test_bash_runs_the_line_that_comes_after_a_cut_paste_and_nothing_of_its_rest(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine is no fault of the code: bash may need longer to read the marker.
    monkeypatch.setattr("engine.shells.turns.MARKER_SECONDS", 1.0)
    pty = await LocalShellPTY.open(
        session_id="s", size=Size(), settings=TerminalSettings(shell="/bin/bash")
    )
    turns = Turns(pty.write, lambda: pty.taken)
    turns.permit("ann", None)
    turns.permit("bob", None)
    seen = everything = b""

    async def shows(what: bytes) -> None:
        """And forgets what came before it."""
        nonlocal seen, everything
        async with asyncio.timeout(20):
            while what not in seen:
                data = await pty.read()
                assert data, everything
                seen += data
                everything += data
        seen = seen.partition(what)[2]

    try:
        await turns.write("ann", b"PS1='rea''dy> '; bind 'set enable-bracketed-paste on'\n")
        await shows(b"ready> ")
        await turns.write("ann", START + b"echo par''t\necho sec''ond")
        if by == "cut":
            turns.cut("ann")
            await turns.write("bob", b" oth''er\n")
            # Without the end marker, this line would go on in the paste.
            await shows(b"part\r\nsecond other\r\n")
        else:
            await turns.write("bob", CTRL_C)
            await turns.write("bob", b"\r")
        await shows(b"ready> ")
        await turns.write("ann", b"two\necho ne''ver\n" + END)
        await turns.write("ann", b"echo li''ne\n")
        await shows(b"line\r\n")
        assert b"never" not in everything
    finally:
        await turns.close()
        await pty.close()
