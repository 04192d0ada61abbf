"""The handle of a participant whose shell is in another program, and a copy of its screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.control.api import Ended, Output, ScreenSource
from engine.control.socket import messages as m
from engine.core.errors import ChannelClosedError, HostStoppedError
from engine.core.model import Size

if TYPE_CHECKING:
    from engine.emulator import CursorShape, Host, Terminal

Send = Callable[[m.Request], None]


class RemoteShell:
    """A ShellHandle."""

    def __init__(
        self,
        send: Send,
        number: int,
        shell_id: str,
        output: Output,
        ended: Ended,
        refused: Callable[[str], None],
    ) -> None:
        self._send = send
        self._number = number
        self._shell_id = shell_id
        self._output = output
        self._ended = ended
        self._refused = refused
        self._participant = ""
        self._over = False
        self._screen = RemoteScreen(self._parsed)
        self._shown = 0
        """Bytes that the caller has rendered, that the copy has taken, and that were reported."""
        self._taken = 0
        self._reported = 0

    def attached(self, participant: str, size: Size) -> None:
        """The server has let it in."""
        self._participant = participant
        self._screen.take(size)

    @property
    def shell_id(self) -> str:
        return self._shell_id

    @property
    def participant(self) -> str:
        return self._participant

    @property
    def screen(self) -> ScreenSource:
        return self._screen

    def send(self, data: bytes) -> None:
        """Also raises HostStoppedError."""
        if self._over:
            raise ChannelClosedError("The terminal has ended")
        for at in range(0, len(data), m.MAX_INPUT):
            self._send(m.Input(self._number, data[at : at + m.MAX_INPUT]))

    def resize(self, size: Size | None) -> None:
        self._tell(m.Resize(self._number, size))

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        self._tell(m.Theme(self._number, foreground, background, cursor, tuple(palette)))

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        self._tell(m.Look(self._number, cell, dark))

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        self._tell(m.CursorDefault(self._number, shape.name, blink))

    def rendered(self, count: int) -> None:
        self._shown += count
        self._report()

    def redraw(self) -> None:
        self._tell(m.Redraw(self._number))

    def detach(self) -> None:
        self._tell(m.Detach(self._number))
        self._over = True
        self._screen.close()

    def received(self, message: m.Output | m.Snapshot | m.Ended | m.Refused) -> None:
        """What the server says of this terminal."""
        if self._over:
            return
        match message:
            case m.Output(data=data):
                self._screen.take(data)
                self._output(data)
            case m.Snapshot(size=size):
                self._screen.take(size)
            case m.Refused(reason=reason):
                self._refused(reason)
            case m.Ended(reason=reason, exit_code=exit_code):
                self._over = True
                self._ended(reason, exit_code)

    def _parsed(self, count: int) -> None:
        self._taken += count
        self._report()

    def _report(self) -> None:
        """The slower of screen and copy paces the program, so that neither falls behind."""
        if (count := min(self._shown, self._taken) - self._reported) > 0:
            self._reported += count
            self._tell(m.Rendered(self._number, count))

    def _tell(self, message: m.Request) -> None:
        if not self._over:
            # Otherwise its end is about to be reported.
            with contextlib.suppress(HostStoppedError):
                self._send(message)


class RemoteScreen:
    """A ScreenSource: a terminal of this process that is fed what the shell prints.

    It is fed in slices, from the loop. ``parsed`` gets how many bytes it has taken.
    """

    def __init__(self, parsed: Callable[[int], None]) -> None:
        from engine.emulator import Terminal
        from engine.shells.audience import Audience

        self._parsed = parsed
        self._loop = asyncio.get_running_loop()
        self._audience = Audience()
        self._changed: dict[object, Callable[[], None]] = {}
        self._waiting: deque[bytes | Size] = deque()
        self._part = 0
        """Bytes of what is being fed; 0 when nothing is."""
        self._next: asyncio.Handle | None = None
        # It answers nothing: the engine does, or the terminal that gets the output.
        self._terminal = Terminal(host=self._audience)

    @property
    def terminal(self) -> Terminal:
        return self._terminal

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        key = object()
        self._changed[key] = changed

        def end() -> None:
            self._changed.pop(key, None)

        return end

    def listen(self, host: Host) -> Callable[[], None]:
        return self._audience.listen(host)

    def take(self, what: bytes | Size) -> None:
        """Output, or the size of the screen that the output after it draws anew."""
        self._waiting.append(what)
        if self._next is None:
            self._next = self._loop.call_soon(self._work)

    def close(self) -> None:
        """Take nothing any more."""
        self._waiting.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _work(self) -> None:
        self._next = None
        done = True
        if self._part:
            done = self._terminal.feed_some(b"")
        elif self._waiting:
            done = self._begin(self._waiting.popleft())
        finished, self._part = (self._part, 0) if done else (0, self._part)
        if self._waiting or self._part:
            self._next = self._loop.call_soon(self._work)
        if finished:
            self._parsed(finished)
        for changed in tuple(self._changed.values()):
            changed()

    def _begin(self, what: bytes | Size) -> bool:
        """Whether all of it was taken."""
        if isinstance(what, Size):
            self._terminal.resize(what.rows, what.cols)
            self._terminal.clear_scrollback()
            return True
        self._part = len(what)
        return self._terminal.feed_some(what)
