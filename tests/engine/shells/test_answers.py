"""Exactly one answer to each query, whoever is attached and whoever may type."""

from __future__ import annotations

import heapq
import itertools
import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from engine.shells.answers import (
    ANSWER_SECONDS,
    DROP_SECONDS,
    HELD_KEY_SECONDS,
    HELD_SECONDS,
    MAX_PENDING,
    Answers,
    Passed,
)

LATER = DROP_SECONDS + 1
"""When nothing is dropped any more after somebody was attached at 0."""
DA1 = b"\x1b[?65;1c"
THEIR_DA1 = b"\x1b[?1;2c"


def mode(number: int, state: int = 1) -> bytes:
    """A reply that says to which query it belongs."""
    return f"\x1b[?{number};{state}$y".encode()


def attached(*who: str) -> Answers:
    answers = Answers()
    for one in who:
        answers.join(one, may_type=True, now=0)
    return answers


def test_with_nobody_who_answers_by_itself_the_agent_does() -> None:
    answers = attached()
    assert answers.asked(DA1, 0) == DA1
    assert answers.next_at is None
    # A page swallows queries, so what it sends is typed.
    assert answers.typed("page", THEIR_DA1 + b"\x1b[1;2R", 0) == [Passed(THEIR_DA1 + b"\x1b[1;2R")]


def test_the_longest_attached_controller_is_left_to_answer() -> None:
    answers = attached("ann", "bob")
    assert answers.asked(DA1, LATER) == b""
    assert answers.typed("bob", THEIR_DA1, LATER) == [Passed(b"", len(THEIR_DA1))]
    assert answers.typed("ann", THEIR_DA1, LATER) == [Passed(THEIR_DA1)]
    assert answers.tick(LATER + ANSWER_SECONDS) == b""


def test_when_it_does_not_answer_the_agent_does_and_from_then_on() -> None:
    answers = attached("ann")
    assert answers.asked(DA1, LATER) == b""
    assert answers.next_at == LATER + ANSWER_SECONDS
    assert answers.tick(LATER + 0.9) == b""
    assert answers.tick(LATER + ANSWER_SECONDS) == DA1
    assert answers.typed("ann", THEIR_DA1, LATER + 1.5) == [Passed(b"", len(THEIR_DA1))]
    assert answers.asked(DA1, 20) == DA1
    # It may be slow and not silent.
    assert answers.typed("ann", THEIR_DA1, 21.5) == [Passed(b"", len(THEIR_DA1))]


@pytest.mark.parametrize("how", ["may not type", "leaves"])
def test_when_it_cannot_answer_any_more_the_agent_does_at_once(how: str) -> None:
    answers = attached("ann")
    answers.asked(DA1, LATER)
    if how == "leaves":
        answers.leave("ann")
    else:
        answers.may_type("ann", False)
    assert answers.next_at == 0
    assert answers.tick(LATER) == DA1
    assert answers.asked(DA1, LATER) == DA1
    answers.may_type("ann", True)
    dropped = Passed(b"", len(THEIR_DA1))
    expected = Passed(THEIR_DA1) if how == "leaves" else dropped
    assert answers.typed("ann", THEIR_DA1, LATER + 0.5) == [expected]


def test_answers_of_the_agent_come_before_later_ones() -> None:
    answers = attached("ann")
    answers.asked(mode(1), LATER)
    answers.may_type("ann", False)
    assert answers.asked(mode(2), LATER) == mode(1) + mode(2)


def test_a_query_that_it_does_not_know_is_answered_by_the_agent_in_its_place() -> None:
    answers = attached("ann")
    for number in (1, 2, 3):
        answers.asked(mode(number), LATER)
    assert answers.typed("ann", mode(1, 2), LATER) == [Passed(mode(1, 2))]
    assert answers.typed("ann", mode(3, 2), LATER) == [Passed(mode(3, 2))]
    # To be written before what typed() returned.
    assert answers.tick(LATER) == mode(2)
    assert answers.tick(LATER + 5) == b""


def test_keys_between_replies_are_kept() -> None:
    answers = attached("ann", "bob")
    answers.asked(DA1, LATER)
    assert answers.typed("bob", b"a" + THEIR_DA1 + b"\x1b[A" + THEIR_DA1 + b"b", LATER) == [
        Passed(b"a", len(THEIR_DA1)),
        Passed(b"\x1b[A", len(THEIR_DA1)),
        Passed(b"b"),
    ]


def test_shift_f3_is_a_key_unless_the_cursor_was_asked_for() -> None:
    answers = attached("ann", "bob")
    answers.asked(DA1, LATER)
    key = b"\x1b[1;2R"
    assert answers.typed("bob", key, LATER) == [Passed(key)]
    answers.asked(b"\x1b[5;5R", LATER)
    assert answers.typed("bob", key, LATER + 1) == [Passed(b"", len(key))]


def test_the_size_in_band_always_comes_from_the_agent() -> None:
    answers = attached("ann")
    report = b"\x1b[48;24;80;480;1280t"
    assert answers.asked(report, LATER) == report


def test_a_reply_in_parts_is_held_back_until_it_is_whole() -> None:
    for cut in range(1, len(THEIR_DA1)):
        answers = attached("ann", "bob")
        answers.asked(DA1, LATER)
        first, rest = THEIR_DA1[:cut], THEIR_DA1[cut:]
        assert answers.typed("bob", b"a" + first, LATER) == [Passed(b"a")]
        assert answers.held() == ["bob"]
        assert answers.typed("bob", rest + b"b", LATER) == [
            Passed(b"", len(THEIR_DA1)),
            Passed(b"b"),
        ]
        assert answers.held() == []


def test_what_turns_out_to_be_a_key_is_released() -> None:
    answers = attached("ann", "bob")
    answers.asked(DA1, LATER)
    assert answers.typed("bob", b"\x1b", LATER) == []
    assert answers.next_at == LATER + HELD_KEY_SECONDS
    assert answers.release("bob", LATER) == b""
    assert answers.release("bob", LATER + HELD_KEY_SECONDS) == b"\x1b"
    assert answers.release("bob", LATER + HELD_KEY_SECONDS) == b""
    assert answers.typed("bob", b"\x1b[", LATER) == []
    assert answers.typed("bob", b"1;2", LATER) == []
    assert answers.release("bob", LATER + HELD_KEY_SECONDS) == b""
    assert answers.typed("bob", b"A", LATER) == [Passed(b"\x1b[1;2A")]
    assert answers.typed("bob", b"\x1b[1;2", LATER) == []
    assert answers.release("bob", LATER + HELD_SECONDS) == b"\x1b[1;2"
    assert answers.release("eve", LATER) == b""


def test_what_is_held_back_is_bounded() -> None:
    answers = attached("ann", "bob")
    answers.asked(DA1, LATER)
    sent, got = 0, 0
    for data in [b"\x1b]52;c;", *[b"a" * 1000] * 20]:
        sent += len(data)
        got += sum(len(passed.data) for passed in answers.typed("bob", data, LATER))
        assert sent - got <= 4096
    assert got == sent


def test_what_is_held_back_of_a_lost_participant_comes_again() -> None:
    answers = attached("ann", "bob")
    answers.asked(DA1, LATER)
    assert answers.typed("bob", THEIR_DA1[:4], LATER) == []
    answers.leave("bob")
    answers.join("bob", may_type=True, now=LATER)
    assert answers.typed("bob", THEIR_DA1, LATER) == [Passed(b"", len(THEIR_DA1))]


def test_who_was_just_attached_may_reply_to_what_was_answered_before() -> None:
    answers = attached("ann")
    assert answers.typed("ann", THEIR_DA1, 1) == [Passed(b"", len(THEIR_DA1))]
    assert answers.asked(DA1, 1) == DA1


def test_who_was_there_from_the_beginning_answers_at_once() -> None:
    answers = Answers()
    answers.join("ann", may_type=True, now=0, first=True)
    assert answers.asked(DA1, 0) == b""
    assert answers.typed("ann", THEIR_DA1, 0) == [Passed(THEIR_DA1)]
    assert answers.tick(ANSWER_SECONDS) == b""


def test_a_flood_of_queries_is_not_left_to_somebody_who_does_not_answer() -> None:
    answers = attached("ann")
    got = b"".join(answers.asked(mode(number), LATER) for number in range(MAX_PENDING + 10))
    assert got == b"".join(mode(number) for number in range(MAX_PENDING + 10))


def test_strangers_change_nothing() -> None:
    answers = attached()
    answers.leave("eve")
    answers.may_type("eve", True)
    assert answers.asked(DA1, 0) == DA1


# -- whole sessions

KEY = b"\x1b[1;5A"


class World:
    """A shell, its program, and the emulators of its participants, each with its delay."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = Answers()
        self.program = b""
        self.delays: dict[str, float] = {}
        self.typing: set[str] = set()
        self.queries = 0
        self.keys = 0
        self._events: list[tuple[float, int, str, bytes]] = []
        self._order = itertools.count()

    def join(self, who: str, delay: float, may_type: bool = True) -> None:
        """``delay``: seconds until its emulator's reply is here; infinite if it sends none."""
        self.delays[who] = delay
        self.permit(who, may_type)
        self.answers.join(who, may_type=may_type, now=self.now)

    def permit(self, who: str, may: bool) -> None:
        (self.typing.add if may else self.typing.discard)(who)
        self.answers.may_type(who, may)
        self._tick()

    def leave(self, who: str) -> None:
        del self.delays[who]
        self.permit(who, False)
        self.answers.leave(who)
        self._tick()
        self._events = [event for event in self._events if event[2] != who]
        heapq.heapify(self._events)

    def ask(self, *, cut: int = 0) -> None:
        self.queries += 1
        self.program += self.answers.asked(mode(self.queries), self.now)
        for who, delay in self.delays.items():
            if math.isfinite(delay):
                reply = mode(self.queries, 2)
                for part in (reply[:cut], reply[cut:]):
                    self._later(delay, who, part)

    def press(self, who: str) -> None:
        self._later(0, who, KEY)
        self.keys += who in self.typing
        self.pass_time(0)

    def _later(self, delay: float, who: str, data: bytes) -> None:
        if data:
            heapq.heappush(self._events, (self.now + delay, next(self._order), who, data))

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while True:
            due = self.answers.next_at
            due = math.inf if due is None else max(due, self.now)
            event = self._events[0][0] if self._events else math.inf
            if min(due, event) > until:
                break
            self.now = min(due, event)
            if event <= due:
                _, _, who, data = heapq.heappop(self._events)
                # Refused input does not come this far.
                if who in self.typing:
                    passed = self.answers.typed(who, data, self.now)
                    self._tick()
                    self.program += b"".join(one.data for one in passed)
            else:
                self._tick()
                for who in self.answers.held():
                    self.program += self.answers.release(who, self.now)
        self.now = until

    def _tick(self) -> None:
        self.program += self.answers.tick(self.now)

    def check(self) -> None:
        for number in range(1, self.queries + 1):
            count = self.program.count(mode(number)) + self.program.count(mode(number, 2))
            assert count == 1, (number, self.program)
        assert self.program.count(KEY) == self.keys
        rest = self.program.replace(KEY, b"")
        for number in range(1, self.queries + 1):
            rest = rest.replace(mode(number), b"").replace(mode(number, 2), b"")
        assert rest == b""


@pytest.mark.parametrize("keyboard", ["open", "taken", "frozen"])
@pytest.mark.parametrize(
    "people",
    [
        [],
        [0.05],
        [math.inf],
        [1.5],
        [0.05, 0.05],
        [math.inf, 0.05],
        [1.5, 0.05, math.inf, 0.3],
    ],
    ids=str,
)
def test_one_answer_whoever_is_attached(people: list[float], keyboard: str) -> None:
    """Pages with ``mute`` send no replies at all, so they make no difference."""
    world = World()
    for number, delay in enumerate(people):
        world.join(str(number), delay, keyboard == "open" or (keyboard == "taken" and number == 0))
    for pause in (0, 3, 0, 0.1, 1, 0.5, 2.5, 0):
        world.pass_time(pause)
        world.ask()
    world.pass_time(10)
    world.check()


NAMES = st.sampled_from("abc")


class Sessions(RuleBasedStateMachine):
    """People come, go, type and lose the keyboard while the program asks."""

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @rule(who=NAMES, delay=st.sampled_from([0.0, 0.05, 0.4, 1.3, 1.9, math.inf]), may=st.booleans())
    def join(self, who: str, delay: float, may: bool) -> None:
        if who not in self.world.delays:
            self.world.join(who, delay, may)

    @rule(who=NAMES)
    def leave(self, who: str) -> None:
        if who in self.world.delays:
            self.world.leave(who)

    @rule(who=NAMES, may=st.booleans())
    def permit(self, who: str, may: bool) -> None:
        if who in self.world.delays:
            self.world.permit(who, may)

    @rule(cut=st.integers(0, 8))
    def ask(self, cut: int) -> None:
        self.world.ask(cut=cut)

    @precondition(lambda self: self.world.delays)
    @rule(data=st.data())
    def press(self, data: st.DataObject) -> None:
        self.world.press(data.draw(st.sampled_from(sorted(self.world.delays))))

    @rule(seconds=st.sampled_from([0.0, 0.04, 0.3, 1.0, 2.0, 3.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    def teardown(self) -> None:
        self.world.pass_time(10)
        self.world.check()


TestSessions = Sessions.TestCase
