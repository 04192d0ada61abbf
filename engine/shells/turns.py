"""Whose input enters a PTY next.

Messages of different participants enter whole. Two things span messages of one participant, and
others wait for them: a UTF-8 character, and a bracketed paste. When its sender sends nothing for
PAUSE_SECONDS although the PTY takes all there is, the turn passes. Ctrl+C goes before what others
have waiting, and cuts their paste. A paste that is cut gets its end marker, before anything else
enters, and the rest of it is dropped: else the program would take the next participant's line
for a part of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from engine.core.errors import AccessDeniedError, HatchwayError, PTYClosedError
from engine.core.tasks import TaskOwner
from engine.shells.input_stream import END, InputStream, is_ctrl_c

PAUSE_SECONDS = 1.0
"""How long others wait for the next part of an unfinished character or paste."""
MARKER_SECONDS = 0.05
"""Between the end marker of a cut paste and Ctrl+C: the program has to read the marker first. At
Ctrl+C the terminal driver throws away what is unread; bash then stays in the paste (tried)."""
MAX_ANSWERS = 64 * 1024
"""Bytes of the agent's own that wait; a program that asks without reading gets no more."""

Refused = Callable[[], HatchwayError]
"""Makes the error for refused input."""


class _Person:
    """One participant: what it sent, how much of it is done with, and whether it may go on."""

    __slots__ = ("_idle", "entered", "refused", "stream", "taken", "writes")

    def __init__(self) -> None:
        self.stream = InputStream()
        self.refused: Refused | None = None
        self.taken = 0
        self.entered = 0
        self.writes = 0
        self._idle: asyncio.Event | None = None

    def permit(self, refused: Refused | None) -> None:
        self.refused = refused

    def enter(self, data: bytes) -> None:
        self.taken += len(data)
        self.entered += len(data)
        self.stream.entered(data)

    def refuse(self, data: bytes) -> None:
        self.taken += len(data)
        self.stream.refused(data)

    def skip(self, data: bytes) -> bytes:
        """Drop the rest of a cut paste from the beginning of ``data``; returns what is left."""
        if not self.stream.skips:
            return data
        count = self.stream.skip(data)
        self.taken += count
        return data[count:]

    def drop(self, count: int) -> None:
        self.taken += count

    def begin(self) -> None:
        self.writes += 1

    def end(self) -> None:
        self.writes -= 1
        if not self.writes and self._idle is not None:
            self._idle.set()
            self._idle = None

    async def idle(self) -> None:
        while self.writes:
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()


class _Turn:
    """A message on its way: waiting, granted, or inside the PTY's write."""

    __slots__ = (
        "_cancelling",
        "_ready",
        "_task",
        "before",
        "closing",
        "ctrl_c",
        "data",
        "person",
        "refused",
        "stopped",
    )

    def __init__(self, person: _Person, data: bytes) -> None:
        self.person = person
        self.data = data
        """What is left to do."""
        self.ctrl_c = False
        """It waits before the input of others."""
        self.refused: Refused | None = None
        """Why it was refused while it waited or entered."""
        self.stopped = False
        """Its write was cancelled by us."""
        self.before = 0
        self.closing = b""
        self._ready: asyncio.Event | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    @property
    def ready(self) -> asyncio.Event:
        """Set when its turn has come, or it was refused."""
        if self._ready is None:
            self._ready = asyncio.Event()
        return self._ready

    def again(self) -> None:
        """It waits once more."""
        self._ready = None

    def overtake(self) -> None:
        self.ctrl_c = True

    def extend(self, data: bytes) -> None:
        self.data += data

    def refuse(self, refused: Refused) -> None:
        self.person.refuse(self.data)
        self.data = b""
        self.refused = refused
        self.ready.set()

    # -- inside the PTY's write

    @property
    def started(self) -> bool:
        return self._task is not None

    @property
    def entering(self) -> bool:
        return self._task is not None and not self.stopped

    def enter(self, data: bytes, closing: bytes, before: int) -> None:
        """``closing`` and then ``data`` go to the PTY, which has taken ``before`` bytes."""
        self.data, self.closing, self.before = data, closing, before
        self._task = task = asyncio.current_task()
        self._cancelling = task.cancelling() if task is not None else 0

    def done(self) -> None:
        self.data = b""
        self._task = None

    def resume_with(self, data: bytes) -> None:
        """Something else was written first; ``data`` is left to do."""
        self.data = data

    def stop(self, rest: bytes) -> None:
        """Cancel the write: from now on nothing of it enters, and ``rest`` is left to do."""
        self.data, self.stopped = rest, True
        if self._task is not None:
            self._task.cancel()

    def resume(self) -> bool:
        """The write that we cancelled has ended; False if others cancelled its task as well."""
        task, self._task, self.stopped = self._task, None, False
        return task is None or task.uncancel() <= self._cancelling


class Turns:
    """The input of all participants of a shell, one message at a time.

    ``enter`` writes to the PTY; ``entered`` says how many bytes that has written so far, exact
    also when it was cancelled halfway (``PTY.write`` and ``PTY.taken``).

    Input positions count a participant's bytes that are done with: they entered, were dropped
    with a cut paste, or were refused. None of them enters later.
    """

    def __init__(
        self, enter: Callable[[bytes], Awaitable[None]], entered: Callable[[], int]
    ) -> None:
        self._enter = enter
        self._entered = entered
        self._people: dict[str, _Person] = {}
        self._agent = _Person()
        self._current: _Turn | None = None
        self._waiting: list[_Turn] = []
        # Who sent an unfinished character or paste, and when that last entered.
        self._span: _Person | None = None
        self._since = 0.0
        self._last: _Person | None = None  # whose input entered last
        self._closing = b""  # the end marker that the program must get next
        self._timer: asyncio.TimerHandle | None = None
        self._total = 0  # bytes of participants that have entered
        self._ended: Refused | None = None
        self._tasks = TaskOwner("The input of a shell")

    # -- participants

    def permit(self, who: str, refused: Refused | None) -> None:
        """Let ``who`` type (None), or refuse its input with the error that ``refused`` makes.

        Who was never named here, or has left, may not type. Once this has returned, no byte
        refused enters, also not the rest of a message that has begun to. A paste of ``who`` that
        has begun is cut.
        """
        person = self._person(who)
        person.permit(refused)
        if refused is not None:
            self._refuse(person, refused)

    def cut(self, who: str) -> None:
        """End an unfinished paste of ``who`` here and drop its rest; it may still type."""
        person = self._people.get(who)
        if person is None:
            return
        turn = self._current
        if turn is not None and turn.person is person and turn.entering:
            if self._in_paste(turn):
                self._cut_write(turn)
        else:
            self._cut(person)
            self._next()

    def leave(self, who: str) -> None:
        """``who`` will not come back: cut its paste, refuse what waits, forget its position."""
        person = self._people.pop(who, None)
        if person is not None:
            person.permit(_left)
            self._refuse(person, _left)

    def taken(self, who: str) -> int:
        """The input position of ``who``, in bytes."""
        person = self._people.get(who)
        return person.taken if person is not None else 0

    def entered(self, who: str) -> int:
        """How many bytes of ``who`` have entered."""
        person = self._people.get(who)
        return person.entered if person is not None else 0

    def entered_by_others(self, who: str) -> int:
        """How many bytes of everybody else have entered so far, to compare later.

        Of participants: the agent's answers do not count.
        """
        person = self._people.get(who)
        return self._total - (person.entered if person is not None else 0)

    async def settled(self, who: str) -> int:
        """``taken(who)`` once no write of ``who`` is under way.

        The writes of a lost connection must have been cancelled before.
        """
        if (person := self._people.get(who)) is not None:
            await person.idle()
        return self.taken(who)

    def drop(self, who: str, count: int) -> None:
        """Count the next ``count`` bytes of ``who`` as done with: they do not enter."""
        self._person(who).drop(count)

    # -- input

    async def write(self, who: str, data: bytes) -> None:
        """Write one message of ``who`` when its turn has come; returns when all is done with.

        Raises the error of permit(), or the PTY's own (PTYClosedError): then all of ``data`` is
        done with. If cancelled, only the bytes that entered are.
        """
        if not data:
            return
        person = self._people.get(who)
        if person is None:
            raise _left()
        if (refused := person.refused or self._ended) is not None:
            person.refuse(data)
            raise refused()
        turn = _Turn(person, data)
        person.begin()
        try:
            if self._current is None and self._span is None:
                # Nobody waits: see _next().
                self._current = turn
            else:
                self._line_up(turn)
                await self._ready(turn)
            while not await self._take(turn):
                # Its paste was cut, and what follows the paste in this message waits again.
                await self._ready(turn)
        finally:
            person.end()

    async def write_parts(self, who: str, parts: Iterable[tuple[bytes, int]]) -> None:
        """Write a message of which some parts do not enter.

        Each part is what enters, and the number of bytes that follow it in the message and count
        as done with. Errors are those of write(), after all of the message has been counted.
        """
        person = self._people.get(who)
        error: HatchwayError | None = None
        for data, dropped in parts:
            if error is None:
                try:
                    await self.write(who, data)
                except HatchwayError as refused:
                    error = refused
            elif person is not None:
                person.refuse(data)
            if person is not None:
                person.drop(dropped)
        if error is not None:
            raise error

    def answer(self, data: bytes) -> None:
        """Write bytes of the agent's own, before all input that waits and never within a message.

        Returns at once. Input that comes after this call enters after ``data``, unless a paste
        or character is unfinished: that goes on.
        """
        if self._ended is not None or not data:
            return
        first = next(iter(self._waiting), None)
        waiting = len(first.data) if first is not None and first.person is self._agent else 0
        if waiting + len(data) > MAX_ANSWERS:
            return
        if first is not None and waiting:
            first.extend(data)
            return
        self._start(data)

    async def close(self) -> None:
        """Refuse all that waits. A write that is under way ends when the PTY is closed."""
        self._ended = _ended
        if self._timer is not None:
            self._timer.cancel()
        self._closing = b""
        for turn in self._waiting:
            turn.refuse(_ended)
        self._waiting.clear()
        await self._tasks.close()

    # -- turns

    async def _ready(self, turn: _Turn) -> None:
        """Until ``turn`` is the current one. Raises the error of a refusal meanwhile."""
        try:
            while self._current is not turn:
                await turn.ready.wait()
                if turn.refused is not None:
                    raise turn.refused()
        except BaseException:
            if self._current is turn:
                self._current = None
            elif turn in self._waiting:
                self._waiting.remove(turn)
            self._next()
            raise

    def _line_up(self, turn: _Turn) -> None:
        place = len(self._waiting)
        if turn.person is self._agent:
            place = 0
        elif is_ctrl_c(turn.data):
            # Before what others have waiting; its sender's own earlier input keeps its place.
            turn.overtake()
            own = [place for place, one in enumerate(self._waiting, 1) if one.person is turn.person]
            place = own[-1] if own else 0
            self._make_way(turn.person, back=not own)
            while place < len(self._waiting) and self._first(self._waiting[place]):
                place += 1
        self._waiting.insert(place, turn)
        self._next()

    def _make_way(self, person: _Person, *, back: bool) -> None:
        """``person`` sends Ctrl+C: cut a paste of anybody else.

        ``back``: a message whose turn has come, but of which nothing has entered, waits again.
        """
        current = self._current
        if current is None:
            if self._span is not None and self._span is not person and self._span.stream.in_paste:
                self._cut(self._span)
        elif current.person is person:
            pass  # its own paste ends when the Ctrl+C enters, see _take()
        elif current.entering:
            if self._in_paste(current):
                self._cut_write(current)
        elif not current.started:
            if current.person.stream.in_paste:
                self._cut(current.person)
            if back and not self._first(current):
                current.again()
                self._current = None
                self._waiting.insert(0, current)

    def _place_of_rest(self, person: _Person) -> int:
        """Of a message whose paste was cut: its own first place, but for Ctrl+C of others."""
        for index, turn in enumerate(self._waiting):
            if turn.person is person or not self._first(turn):
                return index
        return len(self._waiting)

    def _first(self, turn: _Turn) -> bool:
        return turn.ctrl_c or turn.person is self._agent

    def _next(self) -> None:
        """Give the turn to whoever is first, if it is free.

        Afterwards: if it is still free, nobody waits but for the rest of a character or paste.
        """
        if self._current is not None:
            return
        for index, turn in enumerate(self._waiting):
            if self._span is None or turn.person is self._span:
                del self._waiting[index]
                self._current = turn
                turn.ready.set()
                return
        if self._waiting:
            self._set_timer()
        elif self._closing and self._ended is None:
            self._start(b"")

    def _start(self, data: bytes) -> None:
        """A turn of the agent's own, in a task."""
        turn = _Turn(self._agent, data)
        if self._current is None and self._span is None:
            self._current = turn
        else:
            self._line_up(turn)
        self._tasks.start(self._carry(turn))

    async def _carry(self, turn: _Turn) -> None:
        with contextlib.suppress(HatchwayError):  # the program has ended
            await self._ready(turn)
            await self._take(turn)

    async def _take(self, turn: _Turn) -> bool:
        """Use the turn. False if a paste was cut and ``turn.data``, which follows it, waits."""
        person = turn.person
        try:
            if turn.refused is not None:
                raise turn.refused()
            if self._last is not person:
                if self._last is not None and not self._last.stream.spans:
                    self._last.stream.cut()
                self._last = person
            data = turn.data
            if person.stream.in_paste and is_ctrl_c(data):
                if person.stream.dropping:
                    # Else it would have come after the end of the paste: that was lost.
                    person.stream.give_up_paste()
                else:
                    self._cut(person)
            elif person.stream.skips:
                data = person.skip(data)
            if not data and not self._closing:
                return True
            if self._closing and turn.ctrl_c:
                await self._close_paste(turn, data)
            await self._write(turn, data)
            if turn.refused is not None:
                raise turn.refused()
            if turn.data:
                turn.again()
                self._waiting.insert(self._place_of_rest(person), turn)
                return False
            return True
        finally:
            self._free(person)

    async def _close_paste(self, turn: _Turn, data: bytes) -> None:
        """Write the end marker before the Ctrl+C ``data``, and let the program read it."""
        try:
            await self._write(turn, b"")
            if turn.refused is not None:
                raise turn.refused()
        except HatchwayError:
            turn.person.refuse(data)
            raise
        turn.resume_with(data)
        await asyncio.sleep(MARKER_SECONDS)
        if turn.refused is not None:
            raise turn.refused()

    async def _write(self, turn: _Turn, data: bytes) -> None:
        """Write ``data``, after the end marker of a cut paste, and count what entered.

        ``turn.data`` is what is left to do, if the write was stopped.
        """
        closing = self._closing
        turn.enter(data, closing, self._entered())
        try:
            await self._enter(closing + data if closing else data)
        except asyncio.CancelledError:
            if not turn.stopped:
                self._count(turn)
                raise
            if not turn.resume():
                raise
        except BaseException:
            self._closing = b""
            if turn.stopped:
                turn.resume()
            turn.person.refuse(turn.data)
            raise
        else:
            if turn.stopped:
                turn.resume()  # it has ended nevertheless: what it did is counted
                return
            if closing:
                self._closing = b""
            turn.person.enter(data)
            if turn.person is not self._agent:
                self._total += len(data)
            turn.done()

    def _free(self, person: _Person) -> None:
        """The turn has been used."""
        self._current = None
        if person.stream.spans:
            self._span = person
            self._since = asyncio.get_running_loop().time()
        elif self._span is person:
            self._span = None
        if self._waiting or self._closing:
            self._next()

    def _count(self, turn: _Turn) -> bytes:
        """Count what has entered of a write that is cancelled; returns the rest of its data."""
        count = self._entered() - turn.before
        self._closing = turn.closing[count:]
        count = max(0, count - len(turn.closing))
        turn.person.enter(turn.data[:count])
        if turn.person is not self._agent:
            self._total += count
        return turn.data[count:]

    # -- cuts

    def _set_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._since + PAUSE_SECONDS, self._pass)

    def _pass(self) -> None:
        """Somebody has waited for the rest of a character or paste."""
        self._timer = None
        if self._current is not None or self._span is None or not self._waiting:
            return  # while the PTY takes nothing, no time passes: see _free()
        if asyncio.get_running_loop().time() >= self._since + PAUSE_SECONDS:
            self._cut(self._span)
        self._next()

    def _cut(self, person: _Person) -> None:
        """Others may enter. Not while a message of ``person`` is entering."""
        if person.stream.cut():
            self._closing = END
        if self._span is person:
            self._span = None

    def _cut_write(self, turn: _Turn) -> None:
        """Cut the paste within a message that is entering."""
        rest = self._count(turn)
        self._cut(turn.person)
        turn.stop(turn.person.skip(rest))

    def _in_paste(self, turn: _Turn) -> bool:
        """Whether a message that is entering has come to a paste."""
        count = max(0, self._entered() - turn.before - len(turn.closing))
        stream = turn.person.stream.after(turn.data[:count])
        return stream.in_paste and not stream.dropping

    def _refuse(self, person: _Person, refused: Refused) -> None:
        turn = self._current
        if turn is not None and turn.person is person and turn.entering:
            rest = self._count(turn)
            self._cut(person)
            turn.stop(rest)
            turn.refuse(refused)
        else:
            self._cut(person)
            if turn is not None and turn.person is person:
                turn.refuse(refused)
        for turn in [turn for turn in self._waiting if turn.person is person]:
            self._waiting.remove(turn)
            turn.refuse(refused)
        self._next()

    def _person(self, who: str) -> _Person:
        person = self._people.get(who)
        if person is None:
            person = self._people[who] = _Person()
            person.permit(_left)  # until permit() is called
        return person


def _left() -> HatchwayError:
    return AccessDeniedError("You have left this terminal")


def _ended() -> HatchwayError:
    return PTYClosedError("The terminal has ended")
