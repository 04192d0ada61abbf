"""An engine in a thread and loop of its own, served over a socket, as by another program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.control import queries as q
from engine.control.socket.client import RemoteControl, connect
from engine.control.socket.server import SocketServer, serve
from engine.core.events import Event, EventBus
from engine.core.model import ParticipantKind, Role, ShellInfo, Size
from tests.engine.until import until

if TYPE_CHECKING:
    from engine.control.api import ControlApi, Ended, Output, ScreenSource, TerminalHandle
    from engine.control.commands import Command
    from engine.core.events import Handler
    from engine.emulator import CursorShape

T = TypeVar("T")


class Notes:
    """A ShellHandle that notes what it is told; the test speaks for the program."""

    def __init__(
        self, shell_id: str, options: dict[str, Any], output: Output, ended: Ended
    ) -> None:
        self.shell_id = shell_id
        self.participant = "p1"
        self.options = options
        self.output = output
        self.ended = ended
        self.told: list[tuple[Any, ...]] = []
        self.typed = b""
        self.shown = 0
        self.detached = 0
        self.refuses: Exception | None = None

    @property
    def screen(self) -> ScreenSource:
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.typed += data

    def resize(self, size: Size | None) -> None:
        self.told.append(("resize", size))

    def set_theme(self, *colors: Any) -> None:
        self.told.append(("theme", *colors))

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        self.told.append(("look", cell, dark))

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        self.told.append(("cursor", shape, blink))

    def redraw(self) -> None:
        self.told.append(("redraw",))

    def rendered(self, count: int) -> None:
        self.shown += count

    def detach(self) -> None:
        self.detached += 1


class Engine:
    """A ControlApi made of notes. ``answers`` has by class what a command or query returns: a
    value, an error to raise, or a function of it, which may be a coroutine function."""

    def __init__(self) -> None:
        self.bus = EventBus()
        self.answers: dict[type, Any] = {q.Shells: ()}
        self.asked: list[Any] = []
        self.deciders = 0
        self.listeners = 0
        self.refuses: Exception | None = None
        self.handles: list[Notes] = []

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def do(self, command: Command[Any]) -> Any:
        answer = self._answer(command)
        return await answer if asyncio.iscoroutine(answer) else answer

    def ask(self, query: q.Query[Any]) -> Any:
        return self._answer(query)

    def _answer(self, value: Any) -> Any:
        self.asked.append(value)
        answer = self.answers.get(type(value))
        if isinstance(answer, Exception):
            raise answer
        return answer(value) if callable(answer) else answer

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        unsubscribe = self.bus.subscribe(handler)
        self.listeners += 1
        self.deciders += decides

        def end() -> None:
            unsubscribe()
            self.listeners -= 1
            self.deciders -= decides

        return end

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> TerminalHandle:
        raise NotImplementedError

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
    ) -> Notes:
        if self.refuses is not None:
            raise self.refuses
        assert output is not None
        options = {"role": role, "kind": kind, "name": name, "size": size, "refused": refused}
        self.handles.append(Notes(shell_id, options, output, ended))
        return self.handles[-1]


def shell(size: Size) -> ShellInfo:
    return ShellInfo("s1", "web", True, "", size, 0.0)


class Served:
    """``control`` behind a socket at ``path``. Its loop is another thread's."""

    def __init__(self, control: ControlApi, path: Path) -> None:
        self.control = control
        self.path = path
        self.server: SocketServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="served engine")

    async def run(self, work: Callable[[], Any]) -> Any:
        """Call it in the engine's loop."""

        async def call() -> Any:
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        future = asyncio.run_coroutine_threadsafe(call(), self._loop)
        return await asyncio.wrap_future(future)

    async def publish(self, *events: Event) -> None:
        assert isinstance(self.control, Engine)
        bus = self.control.bus
        await self.run(lambda: [bus.publish(event) for event in events] and None)

    async def start(self) -> None:
        self._thread.start()

        async def begin() -> None:
            await self.control.start()
            self.server = serve(self.control, self.path)

        await self.run(begin)

    async def close_socket(self) -> None:
        assert self.server is not None
        await self.run(self.server.close)

    async def stop(self) -> None:
        await self.close_socket()
        await self.run(self.control.stop)

        async def settle() -> None:
            own = asyncio.current_task()
            rest = [task for task in asyncio.all_tasks() if task is not own]
            if rest:
                await asyncio.wait(rest, timeout=5)
            # Transports close in the turns after.
            for _ in range(5):
                await asyncio.sleep(0)
            await asyncio.get_running_loop().shutdown_default_executor()

        await self.run(settle)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await until(lambda: not self._thread.is_alive())
        self._loop.close()


@asynccontextmanager
async def served(control: ControlApi, path: Path) -> AsyncIterator[Served]:
    made = Served(control, path)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[RemoteControl]:
    remote = await connect(path)
    try:
        yield remote
    finally:
        await remote.stop()
