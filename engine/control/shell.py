"""The handle of a participant in this process: a tab, a watch panel, a tty of the host."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from engine.control.api import Ended, Output, ScreenSource
from engine.core.errors import ChannelClosedError, HatchwayError, LimitError
from engine.core.model import ExitStatus, KeyboardView, ParticipantKind, Person, Role, Size
from engine.core.tasks import start
from engine.emulator import FEATURES, CursorShape
from engine.shells.participant import Participant
from engine.shells.screen import Snapshot
from engine.shells.shell import Shell
from engine.wire.terminal import WINDOW, Theme

MAX_WAITING = 4 * 1024 * 1024
"""Bytes of input that may wait for a program that does not read."""


class AttachedShell:
    """A ShellHandle."""

    def __init__(
        self,
        shell: Shell,
        *,
        role: Role,
        kind: ParticipantKind,
        name: str,
        size: Size | None,
        output: Output | None,
        ended: Ended,
        refused: Callable[[str], None],
    ) -> None:
        """Raises PTYClosedError or LimitError."""
        self._shell = shell
        self._ended = ended
        self._refused = refused
        self._input: deque[bytes] = deque()
        self._waiting = 0
        self._writer: asyncio.Task[None] | None = None
        self._left = False
        self._participant = shell.join(kind, role, name=name, on_end=self._over)
        if output is None:
            # It paints the shell's own screen.
            self._participant.describe(capabilities=CAPABILITIES, features=FEATURES)
        else:
            # Bytes reach a terminal of which nothing is known; it answers queries itself.
            self._participant.describe(capabilities=_STREAM)
        if size is not None:
            self._participant.resize(size)
        self._stream: _Stream | None = None
        if output is None:
            self._participant.paint()
        else:
            self._stream = _Stream(output, self._participant)
            self._participant.attach(self._stream, None if shell.end else shell.begin)

    @property
    def shell_id(self) -> str:
        return self._shell.id

    @property
    def participant(self) -> str:
        return self._participant.id

    @property
    def screen(self) -> ScreenSource:
        return self._shell.screen

    def send(self, data: bytes) -> None:
        if self._left:
            raise ChannelClosedError("The terminal has ended")
        if self._waiting + len(data) > MAX_WAITING:
            raise LimitError("The program does not read what is typed; nothing more is kept")
        self._input.append(data)
        self._waiting += len(data)
        if self._writer is None:
            self._writer = start(self._write(), f"input of {self._participant.id}")

    def resize(self, size: Size | None) -> None:
        if not self._left:
            self._participant.resize(size)

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        colors = tuple(f"#{color:06x}" for color in palette[:16])
        theme = Theme(f"#{foreground:06x}", f"#{background:06x}", f"#{cursor:06x}", colors)
        self._participant.describe(theme=theme)
        self._shell.theme_changed(self._participant)

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        self._shell.screen.look(cell, dark=dark)

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        self._shell.screen.set_cursor_default(shape, blink=blink)

    def rendered(self, count: int) -> None:
        if self._stream is not None:
            self._stream.rendered(count)

    def redraw(self) -> None:
        if self._stream is not None and not self._left:
            self._participant.ask_history(0)

    def detach(self) -> None:
        if self._left:
            return
        self._left = True
        if self._writer is not None:
            self._writer.cancel()
        start(self._participant.leave("Left", closed=False), f"detach {self._participant.id}")

    async def _write(self) -> None:
        while self._input:
            data = self._input.popleft()
            self._waiting -= len(data)
            try:
                await self._participant.write(data)
            except HatchwayError as error:
                self._refused(str(error))
        self._writer = None

    def _over(self, status: ExitStatus) -> None:
        # With a stream, the end comes after the last output.
        if self._stream is None:
            self._tell_end(status)
        else:
            self._stream.on_end(self._tell_end)

    def _tell_end(self, status: ExitStatus) -> None:
        if not self._left:
            self._left = True
            self._ended(status.reason, status.exit_code)


CAPABILITIES = ("snapshot", "size", "people", "keyboard", "recording", "idle", "mute")
"""What a participant in this process knows: all of it."""
_STREAM = tuple(one for one in CAPABILITIES if one not in ("mute", "size"))
"""The same of one that passes bytes on."""


class _Stream:
    """A Sink: output as bytes, at the pace at which it is shown."""

    def __init__(self, output: Output, participant: Participant) -> None:
        self._output = output
        self._participant = participant
        self._unshown = 0
        self._room = asyncio.Event()
        self._on_end: Callable[[ExitStatus], None] = lambda status: None

    def on_end(self, call: Callable[[ExitStatus], None]) -> None:
        self._on_end = call

    def rendered(self, count: int) -> None:
        self._unshown -= count
        self._room.set()
        self._participant.acknowledge(self._participant.position - max(0, self._unshown))

    def offer(self, data: bytes) -> int:
        if self._unshown + len(data) > WINDOW:
            return 0
        self._pass(data)
        return len(data)

    async def output(self, data: bytes) -> None:
        while not self.offer(data):
            self._room.clear()
            await self._room.wait()

    @property
    def reports(self) -> bool:
        return True

    async def ready(self) -> None:
        while self._unshown:
            self._room.clear()
            await self._room.wait()

    async def snapshot(self, snapshot: Snapshot, missed: int) -> None:
        self._pass(b"\x1bc")
        for piece in snapshot.data:
            while not self.offer(piece):
                self._room.clear()
                await self._room.wait()

    def size(self, size: Size, by: str) -> bool:
        return False

    def people(self, people: Sequence[Person]) -> None: ...
    def keyboard(self, view: KeyboardView) -> None: ...
    def role(self, role: Role) -> None: ...
    def recording(self, since: float | None) -> None: ...
    def idle(self, seconds: float | None) -> None: ...

    def ended(self, status: ExitStatus) -> None:
        self._on_end(status)

    def _pass(self, data: bytes) -> None:
        self._unshown += len(data)
        self._output(data)
