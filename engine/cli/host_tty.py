"""The tty of a host that shares a shell: its first controller, who also answers guests.

Keys go to the program, except the ``~`` commands at the beginning of a line and the answers to
questions. Who comes and leaves is shown as a note.
"""

from __future__ import annotations

import asyncio
import enum
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from engine.cli.escapes import HOST_HELP, HOSTS, Escape, Escapes
from engine.cli.host_view import HostView
from engine.cli.questions import MAX_NAME, Answer, Question, Questions, after_a_key
from engine.cli.tty import Tty, quiet_log
from engine.control.api import ControlApi, ShellHandle
from engine.control.commands import (
    Command,
    DecideApproval,
    DenyKeyboard,
    GrantKeyboard,
    OpenKeyboard,
)
from engine.control.queries import Host, Shells
from engine.core import events as ev
from engine.core.errors import ChannelClosedError, HatchwayError, LimitError
from engine.core.model import (
    ExitStatus,
    ParticipantInfo,
    ParticipantKind,
    Role,
    ShellInfo,
    Size,
)
from engine.core.tasks import TaskOwner
from engine.core.text import shown

SIZE_SECONDS: Final = 0.7
"""How long the shell's size may differ before it is painted: it grows later than the tty."""
NOTE_SECONDS: Final = 10.0
"""How long a note is shown, unless a key is typed."""
END_SECONDS: Final = 2.0
"""How long the last output may take after the shell's end."""
DRAIN_SECONDS: Final = 1.0
"""How long the last output waits for a stopped terminal, unless the program ended by itself."""
MAX_PEOPLE: Final = 10
"""People that the status names."""


class End(enum.Enum):
    """Why the tty is no longer attached."""

    SHELL = enum.auto()
    """The shell ended."""
    LEFT = enum.auto()
    """The person left it (``~.``)."""
    GONE = enum.auto()
    """The terminal was closed, or takes no output."""


class HostTty:
    """``attach()``, then ``stay()``, and ``leave()`` in any case, at last.

    ``reason`` and ``exit_code`` say how it ended.
    """

    def __init__(self, control: ControlApi, *, source: int = 0, sink: int = 1) -> None:
        """``source`` and ``sink`` are descriptors of terminals. Raises OSError."""
        self.reason = ""
        self.exit_code: int | None = None
        self._control = control
        self._shell_id = ""
        self._handle: ShellHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[End] = self._loop.create_future()
        self._escapes = Escapes(HOSTS)
        self._questions = Questions()
        self._info: tuple[str, ...] = ()
        self._links: tuple[str, ...] = ()
        self._guests: dict[str, ParticipantInfo] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks = TaskOwner("host tty")
        self._unsubscribe: Callable[[], None] = lambda: None
        self._tty = Tty(self._typed, self._written, self._tty_failed, source=source, sink=sink)
        self._view = HostView(self._tty)

    @property
    def size(self) -> Size:
        return self._tty.size()

    def attach(self, shell_id: str) -> None:
        """Become a participant. What the shell prints waits for ``stay()``. Raises
        ShellNotFoundError and LimitError."""
        self._shell_id = shell_id
        self._handle = self._control.attach(
            shell_id,
            kind=ParticipantKind.TTY,
            name=self._control.ask(Host()).name,
            size=self._tty.size(),
            output=self._view.output,
            ended=self._ended,
            refused=self._note,
        )
        self._view.use(self._handle)
        self._unsubscribe = self._control.subscribe(self._on_event, decides=True)

    def show_links(self, links: Sequence[str]) -> None:
        """What ``~s`` shows of the links."""
        self._links = tuple(links)

    async def stay(self) -> End:
        """Attached until the shell ends or the person leaves."""
        self._loop.add_signal_handler(signal.SIGWINCH, self._resized)
        try:
            with quiet_log():
                self._tty.enter()
                self._view.enter()
                self._resized()
                self._show()
                end = await self._end
                clean = self._view.leave() and self.exit_code is not None
                await self._tty.drained(None if clean else DRAIN_SECONDS)
                self._tty.leave(reset=not clean)
                return end
        finally:
            self._loop.remove_signal_handler(signal.SIGWINCH)
            self._restore()

    async def leave(self) -> None:
        """Detach; the shell goes on. Idempotent."""
        self._restore()
        if self._handle is not None:
            self._handle.detach()
        await self._tasks.close()

    def _restore(self) -> None:
        """Give the terminal back as it was, before anything that takes time."""
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        self._view.leave()
        self._tty.leave(reset=True)

    # -- from the shell

    def _ended(self, reason: str, exit_code: int | None) -> None:
        self._finish(End.SHELL, reason, exit_code)

    def _tty_failed(self, reason: str) -> None:
        self._finish(End.GONE, reason)

    def _finish(self, end: End, reason: str, exit_code: int | None = None) -> None:
        if not self._end.done():
            self.reason, self.exit_code = reason, exit_code
            self._end.set_result(end)

    def _on_event(self, event: ev.Event) -> None:
        match event:
            case ev.ShellChanged(shell=shell) if shell.id == self._shell_id:
                self._shell_changed(shell)
            case ev.ShellEnded(shell=shell) if shell.id == self._shell_id:
                # Its last output and its end usually come first.
                status = shell.exit or ExitStatus(None, "The terminal has ended")
                over = partial(self._ended, status.reason, status.exit_code)
                self._after("end", END_SECONDS, over)
            case ev.ApprovalRequested():
                self._ask(Question.to_join(event))
            case ev.ApprovalSettled():
                self._settle(event.session_id)
            case ev.KeyboardAsked() if event.shell_id == self._shell_id:
                self._ask(Question.for_keyboard(event))
            case _:
                pass

    def _shell_changed(self, shell: ShellInfo) -> None:
        self._view.titles.program(shell.title)
        guests = {one.id: one for one in shell.participants if one.kind is ParticipantKind.GUEST}
        for who in self._guests:
            if who not in shell.asking:
                self._questions.settle(who, self._loop.time())
        for note in changes(self._guests, guests):
            self._note(note)
        self._guests = guests
        self._check_size(shell)
        self._show()

    def _check_size(self, shell: ShellInfo) -> None:
        if shell.size == self._tty.size():
            self._cancel("size")
            self._view.size_differs(False)
        elif "size" not in self._timers:
            self._after("size", SIZE_SECONDS, self._compare_sizes)

    def _compare_sizes(self) -> None:
        shell = self._shell()
        self._view.size_differs(shell is not None and shell.size != self._tty.size())

    def _shell(self) -> ShellInfo | None:
        return next((s for s in self._control.ask(Shells()) if s.id == self._shell_id), None)

    # -- from the person

    def _typed(self, data: bytes) -> None:
        if self._info:
            self._info = ()
            data = after_a_key(data)
        if self._questions.current is None:
            self._read(data)
        else:
            for piece in self._questions.read(data, self._loop.time()):
                if isinstance(piece, bytes):
                    self._read(piece)
                else:
                    self._answer(*piece)
        self._clear_note()
        self._show()

    def _read(self, data: bytes) -> None:
        for piece in self._escapes.read(data):
            match piece:
                case Escape.END:
                    self._finish(End.LEFT, "You have left")
                case Escape.HELP:
                    self._info = tuple(HOST_HELP.splitlines())
                case Escape.STATUS:
                    self._info = self._status()
                case Escape.QUESTIONS:
                    self._questions.show(self._loop.time())
                case Escape.KEYBOARD:
                    self._do(OpenKeyboard(self._shell_id))
                case bytes():
                    self._send(piece)

    def _send(self, data: bytes) -> None:
        if self._handle is None:
            return
        try:
            self._handle.send(data)
        except LimitError as error:
            self._note(str(error))
        except ChannelClosedError:
            # The end is about to be reported, with its reason.
            pass

    def _answer(self, question: Question, answer: Answer) -> None:
        if question.role is not None:
            roles = {Answer.YES: question.role, Answer.WATCH: Role.VIEW, Answer.NO: None}
            self._do(DecideApproval(question.id, roles[answer]))
        elif answer is Answer.YES:
            self._do(GrantKeyboard(self._shell_id, question.id))
        else:
            self._do(DenyKeyboard(self._shell_id, question.id))

    def _do(self, command: Command[Any]) -> None:
        self._tasks.start(self._run(command), type(command).__name__)

    async def _run(self, command: Command[Any]) -> None:
        try:
            await self._control.do(command)
        except HatchwayError as error:
            self._note(str(error))

    def _status(self) -> tuple[str, ...]:
        guests = [one for one in self._guests.values() if one.attached]
        lines = [*self._links, "Guests:" if guests else "No guests."]
        lines += [f"  {_name(one)} {_does(one)}" for one in guests[:MAX_PEOPLE]]
        if len(guests) > MAX_PEOPLE:
            lines.append(f"  and {len(guests) - MAX_PEOPLE} more")
        width = self._tty.size().cols
        cut = [line[at : at + width] for line in lines for at in range(0, len(line) or 1, width)]
        return (*cut, "Any key closes this.")

    # -- questions and notes

    def _ask(self, question: Question) -> None:
        self._questions.add(question, self._loop.time())
        self._note(question.lines[0])
        self._show()

    def _settle(self, question_id: str) -> None:
        self._questions.settle(question_id, self._loop.time())
        self._show()

    def _show(self) -> None:
        """Cover the last rows with what is to be read, or nothing."""
        now = self._loop.time()
        self._view.cover(self._info or self._questions.lines(now))
        if (
            self._questions.current is not None
            and (left := self._questions.answers_from() - now) > 0
        ):
            self._after("quiet", left, self._show)

    def _note(self, text: str) -> None:
        self._view.titles.note(f"[{text}]")
        self._after("note", NOTE_SECONDS, self._clear_note)

    def _clear_note(self) -> None:
        """The program's title again, unless somebody waits for an answer that was put off."""
        self._cancel("note")
        waiting = len(self._questions)
        if waiting and self._questions.current is None:
            who = "1 guest asks" if waiting == 1 else f"{waiting} guests ask"
            self._view.titles.note(f"[{who}: Enter ~q]", bell=False)
        else:
            self._view.titles.clear_note()

    # -- the terminal

    def _written(self, count: int) -> None:
        self._view.written(count)

    def _resized(self) -> None:
        if self._handle is not None:
            self._handle.resize(self._tty.size())
        if (shell := self._shell()) is not None:
            self._check_size(shell)
        self._view.resized()

    # -- time

    def _after(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, later; a second request of the same name replaces the first."""
        self._cancel(name)

        def due() -> None:
            self._timers.pop(name, None)
            call()

        self._timers[name] = self._loop.call_later(seconds, due)

    def _cancel(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


def changes(
    before: Mapping[str, ParticipantInfo], after: Mapping[str, ParticipantInfo]
) -> list[str]:
    """Sentences about who came and who left; guests by the ids of their participants."""
    found: list[str] = []
    for who, guest in after.items():
        earlier = before.get(who)
        if earlier is None:
            found += [f"{_name(guest)} has joined and {_does(guest)}"] if guest.attached else []
        elif guest.attached != earlier.attached:
            found.append(
                f"{_name(guest)} {'is back' if guest.attached else 'has lost the connection'}"
            )
        elif guest.role is not earlier.role:
            found.append(f"{_name(guest)} now {_does(guest)}")
    found += [f"{_name(guest)} has left" for who, guest in before.items() if who not in after]
    return found


def _name(guest: ParticipantInfo) -> str:
    return shown(guest.name, MAX_NAME) or "A guest"


def _does(guest: ParticipantInfo) -> str:
    return "types" if guest.role is Role.CONTROL else "watches"
