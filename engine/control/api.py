"""The engine as its users see it: two Protocols, for the engine and its test double.

Cheap to import: it imports no class of the engine. ``engine.control.control`` implements it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.control.commands import Command
from engine.control.queries import Query
from engine.core.events import Handler
from engine.core.model import LinkState, ParticipantKind, Role, Size

if TYPE_CHECKING:
    from engine.emulator import Host
    from engine.emulator.screen.modes import CursorShape
    from engine.emulator.terminal import Terminal

Result = TypeVar("Result")

Output = Callable[[bytes], None]
"""Called on the loop with what the program printed."""
Ended = Callable[[str, int | None], None]
"""Called once, last: why the terminal ended, as a sentence, and the shell's exit code."""


class TerminalHandle(Protocol):
    """One open terminal. Its bytes go through ``send`` and the output callback it was opened with.

    Callers report what they have rendered with ``rendered()``, which paces the program.
    """

    @property
    def session_id(self) -> str: ...

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` has finished."""

    def send(self, data: bytes) -> None:
        """Queue input, in order. Raises LimitError, or ChannelClosedError after the end."""

    def resize(self, size: Size) -> None: ...

    def rendered(self, count: int) -> None:
        """``count`` more bytes of output are on the screen: the agent may send more."""

    def keep(self) -> None:
        """Answer an idle warning: do not end the session."""

    async def reconnect(self) -> None:
        """After a lost connection: resume the same shell where its output stopped.

        The callbacks stay the same. Raises HatchwayError; while the session waits for its guest,
        another attempt may succeed.
        """

    async def close(self) -> None:
        """End the session, bounded in time. Idempotent."""


class ScreenSource(Protocol):
    """A shell's own screen, for painters in the same process. They read it and change nothing."""

    @property
    def terminal(self) -> Terminal: ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` on the loop after each slice of output, and when the size has
        changed, until the returned function is called."""

    def listen(self, host: Host) -> Callable[[], None]:
        """Pass the program's notes (Host.notify) and clipboard texts (Host.clipboard_write) to
        ``host`` until the returned function is called."""


class ShellHandle(Protocol):
    """A participant of a shell in this process: a tab, a watch panel, a tty."""

    @property
    def shell_id(self) -> str: ...

    @property
    def participant(self) -> str:
        """Its id in ShellInfo.participants."""

    @property
    def screen(self) -> ScreenSource: ...

    def send(self, data: bytes) -> None:
        """Type. Input that is refused (frozen, taken, viewer) is dropped and reported."""

    def resize(self, size: Size | None) -> None:
        """Its window's size; None while it is hidden, and has no say."""

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        """Its colors, each 0xRRGGBB, to answer the program's questions with."""

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        """How it is painted: a cell's width and height in pixels, and whether the theme is a
        dark one. Programs can ask."""

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        """The cursor until a program chooses another."""

    def rendered(self, count: int) -> None:
        """With ``output``: so many more bytes are on the screen."""

    def detach(self) -> None:
        """Leave it; the shell goes on. Idempotent."""


class ControlApi(Protocol):
    """The engine. ``start()``, then everything else, then ``stop()``; queries work at any time."""

    async def start(self) -> None:
        """Start every part, once. Raises SettingsError, or HostStoppedError after ``stop``."""

    async def stop(self) -> None:
        """End sessions, terminals and connections, bounded in time. Idempotent."""

    async def do(self, command: Command[Result]) -> Result:
        """Run a command. Raises HostStoppedError unless the engine runs, and what the
        command's own docstring names."""

    def ask(self, query: Query[Result]) -> Result:
        """Answer a query. Raises what the query's own docstring names."""

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        """Call ``handler`` with every event until the returned function is called.

        ``decides``: this subscriber answers ApprovalRequested. Without one, guests who need
        approval get the role in ``share.unattended``.
        """

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> TerminalHandle:
        """Open a terminal, connected as a peer through the relay. Raises HatchwayError."""

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
    ) -> TerminalHandle:
        """Open what somebody else's link opens, as a guest called ``name``.

        Returns when the terminal takes input, which may need that host's approval. A lost
        connection is retried for some time. ``changed`` gets every change of role, approval and
        connection, ``notice`` sentences of the host for people, not escaped. Raises
        BadLinkError, and HatchwayError with the host's sentence.
        """

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
    ) -> ShellHandle:
        """Become a participant of a running shell. Raises ShellNotFoundError, LimitError.

        With ``output`` the bytes come to it, beginning with a snapshot; without, the handle's
        screen is for painting. ``refused`` gets a sentence when a key was not accepted.
        """
