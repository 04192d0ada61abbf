"""The engine's API without an engine: records commands, gives the answers a test names."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.control import commands as c
from engine.control import queries as q
from engine.core.errors import ShellNotFoundError
from engine.core.events import (
    Event,
    EventBus,
    GuestsRestricted,
    ShellChanged,
    ShellEnded,
    ShellStarted,
)
from engine.core.model import (
    ExitStatus,
    KeyboardState,
    KeyboardView,
    LinkState,
    ParticipantInfo,
    ParticipantKind,
    Person,
    RelayInfo,
    Restrictions,
    Role,
    ShellInfo,
    Size,
)
from tests.gui.terminal.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.control.api import Ended, Output
    from engine.control.commands import Command
    from engine.core.events import Handler
    from engine.emulator import CursorShape

HOST = q.HostInfo("agent-1", "workstation", RelayInfo("http://127.0.0.1:4000", "guest", True))


class FakeTerminal:
    """A TerminalHandle whose program is the test: ``output`` and ``ended`` speak for it."""

    def __init__(self, number: int, target: str, size: Size, output: Output, ended: Ended) -> None:
        self.session_id = f"own-{number}"
        self.target = target
        self.size = size
        self.output = output
        self.ended = ended
        self.is_closed = False
        self.typed = b""
        self.shown = 0
        self.kept = 0
        self.reconnected = 0
        self.refuses: Exception | None = None
        """What ``send`` raises."""

    def send(self, data: bytes) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.typed += data

    def resize(self, size: Size) -> None:
        self.size = size

    def rendered(self, count: int) -> None:
        self.shown += count

    def keep(self) -> None:
        self.kept += 1

    async def reconnect(self) -> None:
        self.reconnected += 1

    async def close(self) -> None:
        self.is_closed = True


class FakeLink(FakeTerminal):
    """A LinkTerminal. ``say`` and ``notice`` speak for the other host."""

    def __init__(
        self,
        number: int,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        *,
        name: str,
        changed: Callable[[LinkState], None],
        notice: Callable[[str], None],
        sized: Callable[[Size], None] | None,
        colors: Sequence[int],
    ) -> None:
        super().__init__(number, url, size, output, ended)
        self.name = name
        self.notice = notice
        self.sized = sized or (lambda size: None)
        self.colors = colors
        self.state = LinkState()
        self.mutes = True
        self.asked: list[bool] = []
        self.cannot_return: Exception | None = None
        """What ``reconnect`` raises."""
        self.held: list[str] = []
        """What was decided about held input."""
        self._changed = changed

    def say(self, **facts: Any) -> None:
        self.state = replace(self.state, **facts)
        self._changed(self.state)

    async def reconnect(self) -> None:
        if self.cannot_return is not None:
            raise self.cannot_return
        await super().reconnect()

    @property
    def role(self) -> Role:
        return self.state.role

    @property
    def may_type(self) -> bool:
        return self.state.may_type

    @property
    def participant(self) -> str:
        return self.state.participant

    @property
    def people(self) -> tuple[Person, ...]:
        return self.state.people

    @property
    def keyboard(self) -> KeyboardView | None:
        return self.state.keyboard

    @property
    def recording(self) -> float | None:
        return self.state.recording

    @property
    def held_input(self) -> bytes:
        return self.state.held

    @property
    def replaced(self) -> bool:
        return self.state.replaced

    def ask_keyboard(self, on: bool) -> bool:
        self.asked.append(on)
        return True

    def send_held(self) -> None:
        self.held.append("sent")

    def discard_held(self) -> None:
        self.held.append("discarded")

    def return_link(self) -> str:
        return f"{self.target}.token"


class FakePlace:
    """A ShellHandle: a place in a shell of ``FakeControl.shells``."""

    def __init__(
        self,
        control: FakeControl,
        shell_id: str,
        participant: str,
        screen: Shell,
        role: Role,
        size: Size | None,
        ended: Ended,
        refused: Callable[[str], None],
    ) -> None:
        self._control = control
        self.shell_id = shell_id
        self.participant = participant
        self.screen = screen
        self.role = role
        self.sizes: list[Size | None] = [size]
        """All that it was told, in order."""
        self.themes: list[tuple[int, int, int, tuple[int, ...]]] = []
        self.looks: list[tuple[tuple[int, int], bool]] = []
        self.cursors: list[tuple[CursorShape, bool]] = []
        self.ended = ended
        self.refused = refused
        self.typed = b""
        self.shown = 0
        self.detached = False

    def send(self, data: bytes) -> None:
        self.typed += data

    def resize(self, size: Size | None) -> None:
        self.sizes.append(size)

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        self.themes.append((foreground, background, cursor, tuple(palette)))

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        self.looks.append((cell, dark))

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        self.cursors.append((shape, blink))

    def rendered(self, count: int) -> None:
        self.shown += count

    def redraw(self) -> None:
        """It has no output."""

    def detach(self) -> None:
        self.detached = True
        self._control.left(self)


class FakeControl:
    """A ControlApi. ``publish`` an event as the engine would.

    Shells are opened and ended, and people come and go, as in the engine; ``change_shell``
    changes what else is known of one.

    ``answers`` holds by class what a command or query returns: a value, an exception to raise,
    or a function of the command or query. Commands that have none return None.
    """

    def __init__(self, bus: EventBus | None = None) -> None:
        self._bus = bus or EventBus()
        self.commands: list[Command[Any]] = []
        """What was done, in order."""
        self.terminals: list[FakeTerminal] = []
        """What was opened, in order."""
        self.refuses: Exception | None = None
        """What ``open_terminal`` raises."""
        self.links: list[FakeLink] = []
        self.places: list[FakePlace] = []
        """Everything that was attached, in order."""
        self.shells: dict[str, ShellInfo] = {}
        self.screens: dict[str, Shell] = {}
        self.deciders = 0
        self.running = False
        self.restrictions = Restrictions()
        """What all guests may not: see ``restrict``."""
        self.answers: dict[type, Any] = {
            q.Host: HOST,
            q.Targets: (),
            q.SharedTargets: (),
            q.DockerStatuses: (),
            q.Sessions: (),
            q.Shells: lambda _: tuple(self.shells.values()),
            c.OpenShell: lambda command: self.start_shell(command.target, own=True),
            c.EndShell: lambda command: self.end_shell(command.shell_id, command.reason),
            q.GuestRestrictions: lambda _: self._restrictions(),
            c.Freeze: lambda command: self._freeze(command),
            c.Lock: lambda command: self._lock(command),
            q.Orphans: (),
            q.Links: (),
            c.ListRecordings: (),
            q.LinkUrl: lambda query: f"http://127.0.0.1:4000/#{query.link_id}",
        }

    def publish(self, event: Event) -> None:
        self._bus.publish(event)

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def do(self, command: Command[Any]) -> Any:
        self.commands.append(command)
        return self._answer(command)

    def ask(self, query: q.Query[Any]) -> Any:
        return self._answer(query)

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        unsubscribe = self._bus.subscribe(handler)
        self.deciders += decides

        def end() -> None:
            unsubscribe()
            self.deciders -= decides

        return end

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> FakeTerminal:
        if self.refuses is not None:
            raise self.refuses
        made = FakeTerminal(len(self.terminals) + 1, target_id, size, output, ended)
        self.terminals.append(made)
        return made

    async def open_link(
        self,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        *,
        name: str = "",
        changed: Callable[[LinkState], None] = lambda state: None,
        notice: Callable[[str], None] = lambda text: None,
        sized: Callable[[Size], None] | None = None,
        colors: Sequence[int] = (),
    ) -> FakeLink:
        if self.refuses is not None:
            raise self.refuses
        made = FakeLink(
            len(self.links) + 1,
            url,
            size,
            output,
            ended,
            name=name,
            changed=changed,
            notice=notice,
            sized=sized,
            colors=colors,
        )
        self.links.append(made)
        made.say(target="web-1", code="123 456")
        return made

    def attach(
        self,
        shell_id: str,
        *,
        role: Role = Role.CONTROL,
        kind: ParticipantKind = ParticipantKind.HOST,
        name: str = "",
        size: Size | None = None,
        output: Output | None = None,
        ended: Ended = lambda reason, exit_code: None,
        refused: Callable[[str], None] = lambda reason: None,
    ) -> FakePlace:
        if shell_id not in self.shells:
            raise ShellNotFoundError
        who = f"host-{len(self.places) + 1}"
        screen = self.screens[shell_id]
        made = FakePlace(self, shell_id, who, screen, role, size, ended, refused)
        self.places.append(made)
        self.come(shell_id, ParticipantInfo(who, name, kind, role))
        return made

    # What happens to shells.

    def start_shell(self, target: str, *, own: bool = False, shell_id: str = "") -> str:
        """A new one; its id."""
        if self.refuses is not None:
            raise self.refuses
        made = shell_id or f"shell-{len(self.screens) + 1}"
        self.shells[made] = ShellInfo(made, target, own, "", Size(), 0.0)
        self.screens[made] = Shell(80, 24)
        self.publish(ShellStarted(shell=self.shells[made]))
        return made

    def change_shell(self, shell_id: str, **facts: Any) -> None:
        self.shells[shell_id] = replace(self.shells[shell_id], **facts)
        self.publish(ShellChanged(shell=self.shells[shell_id]))

    def come(self, shell_id: str, somebody: ParticipantInfo) -> None:
        people = self.shells[shell_id].participants
        self.change_shell(shell_id, participants=(*people, somebody))

    def left(self, place: FakePlace) -> None:
        if place.shell_id in self.shells:
            people = self.shells[place.shell_id].participants
            here = tuple(one for one in people if one.id != place.participant)
            self.change_shell(place.shell_id, participants=here)

    def end_shell(
        self, shell_id: str, reason: str = "The program ended", exit_code: int | None = None
    ) -> None:
        info = self.shells.pop(shell_id, None)
        if info is None:
            return
        for place in self.places:
            if place.shell_id == shell_id and not place.detached:
                place.ended(reason, exit_code)
        ended = replace(info, exit=ExitStatus(exit_code, reason), participants=())
        self.publish(ShellEnded(shell=ended))

    def _freeze(self, command: c.Freeze) -> None:
        ids = [one.id for one in self.shells.values() if one.id == command.shell_id]
        if not command.shell_id:
            shared = (
                one
                for one in self.shells.values()
                if any(not person.kind.is_host for person in one.participants)
            )
            ids = [one.id for one in shared]
            self.restrict(frozen=command.on)
        state = KeyboardState.FROZEN if command.on else KeyboardState.OPEN
        for shell_id in ids:
            self.change_shell(shell_id, keyboard=state)

    def _lock(self, command: c.Lock) -> None:
        self._freeze(c.Freeze("", command.on))
        self.restrict(locked=command.on)

    def _restrictions(self) -> Restrictions:
        states = [one.keyboard for one in self.shells.values()]
        frozen = self.restrictions.frozen and KeyboardState.FROZEN in states
        return replace(self.restrictions, frozen=frozen)

    def restrict(self, **facts: bool) -> None:
        self.restrictions = replace(self.restrictions, **facts)
        self.publish(GuestsRestricted(restrictions=self.restrictions))

    def _answer(self, value: Any) -> Any:
        answer = self.answers.get(type(value))
        if isinstance(answer, Exception):
            raise answer
        return answer(value) if inspect.isfunction(answer) else answer
