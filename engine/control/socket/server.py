"""The server: a ControlApi for the clients of a unix socket.

A client that goes, however it goes, has its terminals detached, its events and approvals ended
and its commands cancelled. One that sends nonsense, or does not read what it gets, is
disconnected.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.control.api import ControlApi, ShellHandle
from engine.control.queries import Shells
from engine.control.socket import messages as m
from engine.control.socket import place
from engine.core.errors import (
    ChannelClosedError,
    HatchwayError,
    LimitError,
    ProtocolError,
)
from engine.core.events import Event
from engine.core.model import Size
from engine.core.tasks import TaskOwner
from engine.emulator import CursorShape

logger = logging.getLogger(__name__)

MAX_CLIENTS = 128
MAX_COMMANDS = 64
"""Commands of one client that are under way at once."""
MAX_TERMINALS = 16
"""Terminals of one client."""
MAX_UNSENT = 8 * 1024 * 1024
"""Bytes that a client has not read, beside one frame; with more it is disconnected. What its
terminals may send before they are shown is bounded by their windows."""

PAUSE_SECONDS = 1.0
"""Before clients are awaited again when none could be accepted: no descriptor was free."""

_READ = 64 * 1024
_RESET = b"\x1bc"
"""A snapshot of ControlApi.attach begins with it, in a call of its own."""


class SocketServer:
    """Serves until close()."""

    def __init__(self, control: ControlApi, path: Path, *, lasting: bool) -> None:
        self._control = control
        self._path = path
        self._hello = m.Hello(m.VERSION, lasting)
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskOwner("local socket")
        self._clients: set[_Client] = set()
        self._listening: socket.socket | None = None
        self._accepted: set[socket.socket] = set()
        """Connections whose task has not begun: one that is cancelled before closes nothing."""

    @property
    def path(self) -> Path:
        return self._path

    def start(self) -> None:
        """Raises OSError."""
        place.prepare(self._path)
        self._listening = place.listen(self._path)
        self._await_clients()

    async def close(self) -> None:
        """Disconnect everybody and remove the socket. Idempotent."""
        if self._listening is None:
            return
        listening, self._listening = self._listening, None
        self._loop.remove_reader(listening)
        listening.close()
        self._path.unlink(missing_ok=True)
        for client in tuple(self._clients):
            client.leave()
        await self._tasks.close()
        for connected in self._accepted:
            connected.close()
        self._accepted.clear()

    def _await_clients(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening, self._accept, self._listening)

    def _accept(self, listening: socket.socket) -> None:
        # Not by asyncio's functions, which lose a connection that comes while they are cancelled.
        try:
            connected, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            logger.warning("Local socket: %s", error)
            self._loop.remove_reader(listening)
            self._loop.call_later(PAUSE_SECONDS, self._await_clients)
            return
        connected.setblocking(False)
        if refusal := self._refusal(connected):
            logger.warning("Local socket: %s", refusal)
            connected.close()
        else:
            self._accepted.add(connected)
            self._tasks.start(self._serve(connected), "local client")

    def _refusal(self, connected: socket.socket) -> str:
        if not place.is_ours(connected):
            return "a program of another user was refused"
        if len(self._clients) + len(self._accepted) >= MAX_CLIENTS:
            return f"a program was refused, because {MAX_CLIENTS} are connected"
        return ""

    async def _serve(self, connected: socket.socket) -> None:
        self._accepted.discard(connected)
        reader, writer = await asyncio.open_unix_connection(sock=connected)
        client = _Client(self._control, writer, self._tasks)
        self._clients.add(client)
        try:
            client.send(self._hello)
            await client.read(reader)
        except ProtocolError as error:
            logger.warning("Local socket: a program was disconnected: %s", error)
        except OSError as error:
            logger.debug("Local socket: a program is gone: %s", error)
        finally:
            self._clients.discard(client)
            client.leave()


class _Client:
    """One connection."""

    def __init__(self, control: ControlApi, writer: asyncio.StreamWriter, tasks: TaskOwner) -> None:
        self._control = control
        self._writer = writer
        self._tasks = tasks
        self._commands: dict[int, asyncio.Task[None]] = {}
        self._terminals: dict[int, _Terminal] = {}
        self._unsubscribe: Callable[[], None] = lambda: None
        self._left = False

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Serve until the client is gone. Raises ProtocolError and OSError."""
        splitter = m.Splitter(m.MAX_REQUEST)
        while data := await reader.read(_READ):
            for frame in splitter.feed(data):
                self._act(m.request(frame))
                # Who does not read answers gets no more of them.
                await self._writer.drain()

    def leave(self) -> None:
        """Idempotent."""
        if self._left:
            return
        self._left = True
        self._unsubscribe()
        for task in tuple(self._commands.values()):
            task.cancel()
        for terminal in tuple(self._terminals.values()):
            terminal.detach()
        self._terminals.clear()
        self._writer.close()

    def send(self, message: m.Reply) -> None:
        """Raises LimitError when the message is too long."""
        if self._left or self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
            logger.warning("Local socket: a program that does not read was disconnected")
            self._writer.transport.abort()
            return
        self._writer.write(m.frame(message, m.MAX_REPLY))

    def forget(self, terminal: int) -> None:
        """It has ended."""
        self._terminals.pop(terminal, None)

    def _act(self, message: m.Request) -> None:
        match message:
            case m.Do(id=number):
                self._do(number, message)
            case m.Cancel(id=number):
                if number in self._commands:
                    self._commands[number].cancel()
            case m.Ask(id=number):
                self._answer(number, partial(self._asked, message))
            case m.Listen():
                self._listen(message)
            case m.Attach(id=number):
                self._answer(number, partial(self._attach, message))
            case _:
                if (terminal := self._terminals.get(message.terminal)) is not None:
                    terminal.act(message)

    # -- commands and queries

    def _do(self, number: int, message: m.Do) -> None:
        if number in self._commands or len(self._commands) >= MAX_COMMANDS:
            too_many = LimitError(f"More than {MAX_COMMANDS} commands at once")
            self._answer(number, partial(m.failed, number, too_many))
            return
        task = self._tasks.start(self._run(number, message), "command of a local client")
        self._commands[number] = task
        task.add_done_callback(lambda _: self._commands.pop(number, None))

    async def _run(self, number: int, message: m.Do) -> None:
        try:
            result = m.packed(await self._control.do(m.command(message.command)))
        except Exception as error:
            failure = _failed(number, error)
            self._answer(number, lambda: failure)
        else:
            self._answer(number, lambda: m.Done(number, result))

    def _answer(self, number: int, make: Callable[[], m.Answer]) -> None:
        """Send what ``make`` returns, or the error that it raises."""
        try:
            self.send(make())
        except Exception as error:
            self.send(_failed(number, error))

    def _asked(self, message: m.Ask) -> m.Done:
        return m.Done(message.id, m.packed(self._control.ask(m.query(message.query))))

    # -- events

    def _listen(self, message: m.Listen) -> None:
        before, self._unsubscribe = self._unsubscribe, lambda: None
        if message.events:
            self._unsubscribe = self._control.subscribe(self._publish, decides=message.decides)
        # Afterwards, so that there is no moment without anybody who decides.
        before()

    def _publish(self, event: Event) -> None:
        try:
            self.send(m.published(event))
        except LimitError as error:
            logger.warning("Local socket: an event was not sent: %s", error)

    # -- terminals

    def _attach(self, message: m.Attach) -> m.Attached:
        if message.terminal in self._terminals or len(self._terminals) >= MAX_TERMINALS:
            raise LimitError(f"More than {MAX_TERMINALS} terminals in one program")
        terminal = _Terminal(self, self._control, message)
        self._terminals[message.terminal] = terminal
        try:
            return terminal.attach(message)
        except BaseException:
            self.forget(message.terminal)
            raise


class _Terminal:
    """A participant whose bytes pass over the socket."""

    def __init__(self, client: _Client, control: ControlApi, message: m.Attach) -> None:
        self._client = client
        self._control = control
        self._number = message.terminal
        self._shell_id = message.shell_id
        self._handle: ShellHandle | None = None
        self._unshown = 0
        """Bytes of output that the client has not reported as rendered."""

    def attach(self, message: m.Attach) -> m.Attached:
        """Raises HatchwayError."""
        self._handle = handle = self._control.attach(
            message.shell_id,
            role=message.role,
            kind=message.kind,
            name=message.name,
            size=message.size,
            output=self._output,
            ended=self._ended,
            refused=self._refused,
        )
        return m.Attached(message.id, handle.participant, self._size())

    def act(self, message: m.OfTerminal) -> None:
        if (handle := self._handle) is None:
            return
        match message:
            case m.Input(data=data):
                try:
                    handle.send(data)
                except LimitError as error:
                    self._refused(str(error))
                except ChannelClosedError:
                    pass  # its end is on its way
            case m.Resize(size=size):
                handle.resize(size)
            case m.Rendered(count=count):
                # Who reports more than there was would open its window for good.
                shown = min(max(0, count), self._unshown)
                self._unshown -= shown
                handle.rendered(shown)
            case m.Theme():
                handle.set_theme(
                    message.foreground, message.background, message.cursor, message.palette
                )
            case m.Look(cell=cell, dark=dark):
                handle.look(cell, dark=dark)
            case m.CursorDefault(shape=shape, blink=blink):
                if shape in CursorShape.__members__:
                    handle.set_cursor_default(CursorShape[shape], blink=blink)
            case m.Redraw():
                handle.redraw()
            case m.Detach():
                self.detach()
                self._client.forget(self._number)

    def detach(self) -> None:
        if self._handle is not None:
            self._handle.detach()

    def _output(self, data: bytes) -> None:
        if data == _RESET:
            self._client.send(m.Snapshot(self._number, self._size()))
        self._unshown += len(data)
        self._client.send(m.Output(self._number, data))

    def _ended(self, reason: str, exit_code: int | None) -> None:
        self._client.forget(self._number)
        self._client.send(m.Ended(self._number, reason, exit_code))

    def _refused(self, reason: str) -> None:
        self._client.send(m.Refused(self._number, reason))

    def _size(self) -> Size:
        shells = self._control.ask(Shells())
        return next((one.size for one in shells if one.id == self._shell_id), Size())


def _failed(number: int, error: Exception) -> m.Failed:
    if isinstance(error, HatchwayError):
        return m.failed(number, error)
    logger.error("A request of a local client failed", exc_info=error)
    return m.failed(number, HatchwayError("An unexpected error occurred; the log has details"))


def serve(control: ControlApi, path: Path, *, lasting: bool = True) -> SocketServer:
    """Serve ``control`` at ``path``, in a folder that is made if need be. Raises OSError.

    ``lasting``: see Instance.serve.
    """
    server = SocketServer(control, path, lasting=lasting)
    server.start()
    return server
