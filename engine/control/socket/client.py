"""The client: a ControlApi whose engine runs in another program.

One connection, and one order: what the server sent before an answer was sent before it, and is
seen in that order. ``ask()`` and ``attach()`` return at once in the API, so they wait for their
answer without the loop, at most ANSWER_SECONDS; events that come meanwhile are delivered after.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from engine.control.api import Ended, LinkTerminal, Output, TerminalHandle
from engine.control.commands import Command
from engine.control.queries import Query
from engine.control.socket import messages as m
from engine.control.socket import place
from engine.control.socket.terminal import RemoteShell
from engine.core.errors import (
    BadMessageError,
    HatchwayError,
    HostStoppedError,
    LimitError,
    NotSupportedError,
)
from engine.core.events import EventBus, Handler
from engine.core.model import LinkState, ParticipantKind, Role, Size

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

ANSWER_SECONDS = 10.0
"""How long a query may take, and the greeting at the start."""
FLUSH_SECONDS = 1.0
"""How long stop() waits until all is sent."""
MAX_UNSENT = 4 * 1024 * 1024
"""Bytes of input that the server has not read."""
GONE = "The running Hatchway has stopped"
NO_ANSWER = "The running Hatchway does not answer"

_READ = 256 * 1024


class RemoteControl:
    """A ControlApi. ``stop()`` ends the connection and nothing else.

    Once the engine has stopped, all raises HostStoppedError and terminals end.
    """

    def __init__(
        self, connected: socket.socket, splitter: m.Splitter, *, lasting: bool = True
    ) -> None:
        """``connected`` does not block, and the server's Hello was read from it."""
        self._lasting = lasting
        self._socket = connected
        self._splitter = splitter
        self._loop = asyncio.get_running_loop()
        self._events = EventBus(1, 1)
        self._ids = count(1)
        self._results: dict[int, asyncio.Future[m.Answer]] = {}
        self._terminals: dict[int, RemoteShell] = {}
        self._listeners = self._deciders = 0
        self._received: deque[m.Reply] = deque()
        self._asked = 0
        """The request whose answer is waited for without the loop."""
        self._answer: m.Answer | None = None
        self._unsent = bytearray()
        self._lost = self._loop.create_future()
        self._loop.add_reader(connected, self._readable)

    @property
    def lasting(self) -> bool:
        """Whether the engine goes on until somebody stops it; a ``share`` of its own does not."""
        return self._lasting

    async def start(self) -> None:
        """Nothing to do: the engine runs."""

    async def stop(self) -> None:
        """Disconnect: terminals are detached, the engine and its shells go on. Idempotent."""
        if self._lost.done():
            return
        self._loop.remove_writer(self._socket)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._loop.sock_sendall(self._socket, bytes(self._unsent))
        self._terminals.clear()
        self._received.clear()
        self._end()

    async def lost(self) -> None:
        """Return when the engine has stopped, or stop() was called."""
        await asyncio.wait([self._lost])

    async def do(self, command: Command[Result]) -> Result:
        number = next(self._ids)
        future = self._results[number] = self._loop.create_future()
        try:
            self._send(m.Do(number, m.packed(command)))
            answer = await future
        except asyncio.CancelledError:
            with contextlib.suppress(HatchwayError):
                self._send(m.Cancel(number))
            raise
        finally:
            self._results.pop(number, None)
        result: Result = _result(answer, command)
        return result

    def ask(self, query: Query[Result]) -> Result:
        number = next(self._ids)
        result: Result = _result(self._exchange(number, m.Ask(number, m.packed(query))), query)
        return result

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        unsubscribe = self._events.subscribe(handler)
        self._count(1, decides)
        over = False

        def end() -> None:
            nonlocal over
            if not over:
                over = True
                unsubscribe()
                with contextlib.suppress(HatchwayError):
                    self._count(-1, decides)

        return end

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> TerminalHandle:
        """Raises NotSupportedError: OpenShell and attach() are the way over the socket."""
        raise NotSupportedError("Open a shell in the running Hatchway, and attach to it")

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
    ) -> LinkTerminal:
        """Raises NotSupportedError: a link opens without a running Hatchway (``connect``)."""
        raise NotSupportedError("Open the link in this program: it needs no running Hatchway")

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
    ) -> RemoteShell:
        """Also raises NotSupportedError without ``output``: the engine's own screen is in
        another program. The handle's is a copy that follows the output."""
        if output is None:
            raise NotSupportedError("A screen of another program cannot be painted here")
        number = next(self._ids)
        shell = RemoteShell(self._send, number, shell_id, output, ended, refused)
        self._terminals[number] = shell
        request = m.Attach(number, number, shell_id, role, kind, name, size)
        try:
            answer = self._exchange(number, request)
            if isinstance(answer, m.Failed):
                raise m.error(answer)
            if not isinstance(answer, m.Attached):
                raise BadMessageError("The running Hatchway gave a wrong answer")
        except BaseException:
            del self._terminals[number]
            raise
        shell.attached(answer.participant, answer.size)
        return shell

    # -- out

    def _send(self, message: m.Request) -> None:
        """Send it, or keep it until it can be sent.

        Raises HostStoppedError, and LimitError when it is too long or too much input waits.
        """
        if self._lost.done():
            raise HostStoppedError(GONE)
        data = m.frame(message, m.MAX_REQUEST)
        if isinstance(message, m.Input) and len(self._unsent) + len(data) > MAX_UNSENT:
            raise LimitError("The running Hatchway does not read what it is sent")
        waits = bool(self._unsent)
        self._unsent += data
        if not waits:
            self._flush()
            if self._unsent:
                self._loop.add_writer(self._socket, self._writable)

    def _flush(self) -> None:
        """Send as much as the socket takes."""
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # What it sent before is read first; then the end is found.
            self._unsent.clear()

    def _writable(self) -> None:
        self._flush()
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _count(self, more: int, decides: bool) -> None:
        before = (self._listeners > 0, self._deciders > 0)
        self._listeners += more
        self._deciders += more if decides else 0
        after = (self._listeners > 0, self._deciders > 0)
        if after != before:
            self._send(m.Listen(*after))

    # -- in

    def _readable(self) -> None:
        self._receive()
        self._deliver()

    def _receive(self) -> bool:
        """Read what is there, without blocking. False when the connection is over."""
        try:
            data = self._socket.recv(_READ)
            frames = self._splitter.feed(data)
            for frame in frames:
                self._sort(m.reply(frame))
        except (BlockingIOError, InterruptedError):
            return True
        except (OSError, BadMessageError) as error:
            logger.debug("The connection to the running Hatchway failed: %s", error)
            data = b""
        if not data:
            self._loop.call_soon(self._end)
        return bool(data)

    def _sort(self, message: m.Reply) -> None:
        if isinstance(message, m.Answer) and message.id == self._asked:
            self._answer = message
        else:
            self._received.append(message)

    def _exchange(self, number: int, request: m.Request) -> m.Answer:
        """Send a request and wait for its answer without the loop. Raises HostStoppedError."""
        self._send(request)
        self._asked, self._answer = number, None
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while (answer := self._answered()) is None:
                ready = self._wait(deadline - time.monotonic())
                if not ready:
                    raise HostStoppedError(NO_ANSWER)
                if ready & select.POLLOUT:
                    self._flush()
                if ready & ~select.POLLOUT and not self._receive():
                    raise HostStoppedError(GONE)
            return answer
        finally:
            self._asked = 0
            if self._received:
                self._loop.call_soon(self._deliver)

    def _answered(self) -> m.Answer | None:
        return self._answer

    def _wait(self, seconds: float) -> int:
        """What the socket is ready for, as poll() says it; 0 when the time is over."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        return next((events for _, events in poll.poll(max(0.0, seconds) * 1000)), 0)

    def _deliver(self) -> None:
        while self._received:
            self._on(self._received.popleft())

    def _on(self, message: m.Reply) -> None:
        match message:
            case m.Done(id=number) | m.Failed(id=number):
                future = self._results.get(number)
                if future is not None and not future.done():
                    future.set_result(message)
            case m.Published():
                try:
                    event = m.event(message)
                except BadMessageError as error:
                    logger.warning("%s", error)
                else:
                    if event is not None:
                        self._events.publish(event)
            case m.Output() | m.Snapshot() | m.Ended() | m.Refused():
                if (shell := self._terminals.get(message.terminal)) is not None:
                    if isinstance(message, m.Ended):
                        del self._terminals[message.terminal]
                    shell.received(message)
            case _:
                pass  # an answer that nobody waits for any more

    def _end(self) -> None:
        """The connection is over."""
        if self._lost.done():
            return
        self._deliver()
        self._lost.set_result(None)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for future in self._results.values():
            if not future.done():
                future.set_exception(HostStoppedError(GONE))
        while self._terminals:
            number, shell = self._terminals.popitem()
            shell.received(m.Ended(number, GONE, None))


def _result(answer: m.Answer, asked: Command[Result] | Query[Result]) -> Result:
    if isinstance(answer, m.Failed):
        raise m.error(answer)
    if not isinstance(answer, m.Done):
        raise BadMessageError("The running Hatchway gave a wrong answer")
    result: Result = m.result(answer.result, asked)
    return result


async def connect(path: Path) -> RemoteControl:
    """Connect to the engine that is served at ``path``.

    Raises OSError when nobody listens there, HostStoppedError when the other end is not an
    engine of this user or does not answer, NotSupportedError when it speaks another version.
    """
    loop = asyncio.get_running_loop()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        splitter = m.Splitter(m.MAX_REPLY)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await loop.sock_connect(made, str(path))
                if not place.is_ours(made):
                    raise HostStoppedError(f"{path} belongs to another user")
                hello = await _hello(made, splitter)
        except TimeoutError:
            raise HostStoppedError(NO_ANSWER) from None
        if hello.version != m.VERSION:
            raise NotSupportedError(
                "The running Hatchway has another version than this program; restart it"
            )
        return RemoteControl(made, splitter, lasting=hello.lasting)
    except BaseException:
        made.close()
        raise


async def _hello(connected: socket.socket, splitter: m.Splitter) -> m.Hello:
    """Read the first frame. A server sends nothing more before it is asked something."""
    loop = asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(connected, _READ)
        try:
            frames = splitter.feed(data)
            if frames and isinstance(hello := m.reply(frames[0]), m.Hello):
                return hello
        except BadMessageError:
            frames = [b""]
        if frames or not data:
            raise HostStoppedError(NO_ANSWER)
