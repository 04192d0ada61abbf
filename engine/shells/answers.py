"""Who answers a program's query: exactly one.

The agent's own emulator answers, unless a controller whose emulator answers by itself may type
at that moment. Then the longest attached of those is left to answer, and the agent steps in when
it does not. What other emulators reply is dropped. No I/O; times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from engine.shells import replies

ANSWER_SECONDS = 1.0
"""How long a participant is left to answer."""
DROP_SECONDS = 2.0
"""After a query: how long replies of others are dropped."""
MAX_PENDING = 64
"""Queries that one participant is left to answer at a time; with more, the agent answers all."""
HELD_SECONDS = 1.0
"""How long the beginning of a reply is held back for its rest ..."""
HELD_KEY_SECONDS = 0.05
"""... and if it may be a key: Esc, or one that Alt sends with an Esc before it."""
_LONGEST_KEY = 2


class Passed(NamedTuple):
    """Input that may enter, and then the number of bytes that follow it and are dropped.

    A list of them is what ``Turns.write_parts`` takes.
    """

    data: bytes
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class _Query:
    at: float
    reply: bytes
    kind: str


class _Person:
    """A participant whose emulator answers by itself, as far as we know."""

    __slots__ = ("drop_until", "held", "held_since", "may_type", "silent")

    def __init__(self, drop_until: float) -> None:
        self.may_type = False
        self.silent = False
        """It did not answer in time: it is not left to answer any more."""
        self.drop_until = drop_until
        self.held = b""
        self.held_since = 0.0

    def permit(self, may_type: bool) -> None:
        self.may_type = may_type

    def give_up(self) -> None:
        self.silent = True

    def drop(self, until: float) -> None:
        self.drop_until = max(self.drop_until, until)

    def hold(self, data: bytes, since: float) -> None:
        self.held, self.held_since = data, since

    @property
    def held_until(self) -> float:
        if not self.held:
            return math.inf
        key = len(self.held) <= _LONGEST_KEY
        return self.held_since + (HELD_KEY_SECONDS if key else HELD_SECONDS)


class Answers:
    """Decides for one shell who answers, and keeps the replies of the others out of its input.

    After every other method call ``tick()``, and write what it returns before anything else.

    Participants with the capability ``mute`` swallow queries and are not needed here: who has not
    joined may always pass, unexamined.
    """

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}
        self._pending: deque[_Query] = deque()
        self._answering = ""  # who is left to answer what is pending
        self._due = b""  # answers of the agent that nobody has got yet
        self._cursor_until = -math.inf  # when a cursor report can no longer be one that was asked

    # -- participants without ``mute``

    def join(self, who: str, *, may_type: bool, now: float, first: bool = False) -> None:
        """One whose emulator may answer queries is attached, or back.

        Unless it is there from the ``first`` byte of output on: for DROP_SECONDS its replies may
        be to queries that it got once more, or that were on their way when it was lost. They are
        dropped.
        """
        person = self._people[who] = _Person(-math.inf if first else now + DROP_SECONDS)
        person.permit(may_type)

    def leave(self, who: str) -> None:
        """It is gone or lost. What is held back of its input is not taken: it comes again."""
        self._people.pop(who, None)
        if who == self._answering:
            self._answer_all()

    def may_type(self, who: str, may: bool) -> None:
        """Whether it may type has changed (``Keyboard.may_type``)."""
        if (person := self._people.get(who)) is not None:
            person.permit(may)
            if not may and who == self._answering:
                self._answer_all()

    # -- queries and replies

    def asked(self, reply: bytes, now: float) -> bytes:
        """The agent's emulator would reply this. Returns what to write to the program now."""
        kind = replies.kind(reply)
        if kind == replies.IN_BAND_SIZE:
            return reply  # only the agent knows the size of the shell
        if kind == replies.CURSOR:
            self._cursor_until = now + DROP_SECONDS
        who = self._choose(now)
        if who != self._answering:
            self._answer_all()
        self._answering = who
        for other, person in self._people.items():
            if other != who:
                person.drop(now + DROP_SECONDS)
        if not who:
            self._due += reply
        else:
            self._pending.append(_Query(now, reply, kind))
            if len(self._pending) > MAX_PENDING:
                self._too_late()
        return self._take_due()

    def typed(self, who: str, data: bytes, now: float) -> list[Passed]:
        """What of ``data``, input of ``who``, may enter; all of it in the order in which it came.

        The beginning of a reply may be held back: then ``next_at`` says when to ``release()`` it.
        Bytes that are held back are in none of the results until they are decided on.
        """
        person = self._people.get(who)
        if person is None:
            return [Passed(data)]
        since = person.held_since if person.held else now
        dropping = since < person.drop_until
        examined = dropping or person.held or (self._pending and who == self._answering)
        if not examined:
            return [Passed(data)]
        data = person.held + data
        passed: list[Passed] = []
        begin = at = 0
        while at < len(data):
            found, end, whole = replies.find(data, at)
            if not whole:
                person.hold(data[found:], now if found else since)
                if found > begin:
                    passed.append(Passed(data[begin:found]))
                return passed
            at = end
            reply = data[found:end]
            if not reply:
                break
            if not dropping:
                self._answered(who, reply)
            elif not replies.may_be_key(reply) or now < self._cursor_until:
                passed.append(Passed(data[begin:found], end - found))
                begin = end
        person.hold(b"", now)
        if begin < len(data):
            passed.append(Passed(data[begin:]))
        return passed

    def release(self, who: str, now: float) -> bytes:
        """Input of ``who`` that was held back for too long: no reply. Write it at once."""
        person = self._people.get(who)
        if person is None or now < person.held_until:
            return b""
        data = person.held
        person.hold(b"", now)
        return data

    def held(self) -> list[str]:
        """Whose input is held back."""
        return [who for who, person in self._people.items() if person.held]

    # -- time

    @property
    def next_at(self) -> float | None:
        """When to call ``tick()`` and ``release()``; in the past: now."""
        if self._due:
            return 0.0
        times = [person.held_until for person in self._people.values()]
        if self._pending:
            times.append(self._pending[0].at + ANSWER_SECONDS)
        first = min(times, default=math.inf)
        return first if math.isfinite(first) else None

    def tick(self, now: float) -> bytes:
        """What the agent has to write to the program now."""
        if self._pending and now >= self._pending[0].at + ANSWER_SECONDS:
            self._too_late()
        return self._take_due()

    # --

    def _choose(self, now: float) -> str:
        """Who is left to answer a query; "" for the agent."""
        able = [
            who
            for who, person in self._people.items()
            # While its replies are dropped, one to this query could not be told from the others.
            if person.may_type and not person.silent and now >= person.drop_until
        ]
        if self._pending and self._answering in able:
            return self._answering  # whoever answered the last query: so replies keep their order
        return able[0] if able else ""

    def _answered(self, who: str, reply: bytes) -> None:
        """``who`` replied. Queries before that one are those it does not know."""
        if who != self._answering:
            return
        kind = replies.kind(reply)
        for index, query in enumerate(self._pending):
            if query.kind == kind:
                for _ in range(index):
                    self._due += self._pending.popleft().reply
                self._pending.popleft()
                return

    def _too_late(self) -> None:
        if (person := self._people.get(self._answering)) is not None:
            person.give_up()
        self._answer_all()

    def _answer_all(self) -> None:
        """The agent answers what somebody else was left to answer, whose replies come too late."""
        if self._pending and (person := self._people.get(self._answering)) is not None:
            person.drop(self._pending[-1].at + DROP_SECONDS)
        self._due += b"".join(query.reply for query in self._pending)
        self._pending.clear()
        self._answering = ""

    def _take_due(self) -> bytes:
        due, self._due = self._due, b""
        return due
