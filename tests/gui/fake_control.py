"""The engine's API without an engine: records commands, gives the answers a test names."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from engine.control import commands as c
from engine.control import queries as q
from engine.core.events import Event, EventBus
from engine.core.model import RelayInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.control.api import Ended, Output
    from engine.control.commands import Command
    from engine.core.events import Handler
    from engine.core.model import Size

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


class FakeControl:
    """A ControlApi. ``publish`` an event as the engine would.

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
        self.deciders = 0
        self.running = False
        self.answers: dict[type, Any] = {
            q.Host: HOST,
            q.Targets: (),
            q.SharedTargets: (),
            q.DockerStatuses: (),
            q.Sessions: (),
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

    def _answer(self, value: Any) -> Any:
        answer = self.answers.get(type(value))
        if isinstance(answer, Exception):
            raise answer
        return answer(value) if inspect.isfunction(answer) else answer
