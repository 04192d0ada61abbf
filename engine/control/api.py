"""The engine as its users see it: two Protocols, for the engine and its test double.

Cheap to import: it imports no class of the engine. ``engine.control.control`` implements it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.control.commands import Command
from engine.control.queries import Query
from engine.core.events import Handler
from engine.core.model import KeyboardView, LinkState, ParticipantKind, Person, Role, Size

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


class LinkTerminal(TerminalHandle, Protocol):
    """A terminal on another host. What its properties say may be old while the connection is
    lost; names are untrusted."""

    @property
    def target(self) -> str:
        """What the link opens, as the host calls it."""

    @property
    def role(self) -> Role: ...

    @property
    def may_type(self) -> bool:
        """Whether the host takes what is typed here, as far as it has said: role and keyboard."""

    @property
    def participant(self) -> str:
        """The own id in ``people`` and ``keyboard.holder``; "" where the host does not say it."""

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody attached to the shell; empty where the host does not say it."""

    @property
    def keyboard(self) -> KeyboardView | None:
        """Who may type; None where the host does not say it."""

    @property
    def recording(self) -> float | None:
        """Since when the shell is recorded, in seconds since 1970 by the host's clock."""

    @property
    def held_input(self) -> bytes:
        """What was typed while the connection was lost, and waits for ``send_held()`` or
        ``discard_held()``: somebody else has typed since, or it was long ago."""

    @property
    def mutes(self) -> bool:
        """Whether the host answers the program's queries: then the caller's emulator must not."""

    @property
    def replaced(self) -> bool:
        """Whether it ended because its place was taken from elsewhere, as by ``return_link()``:
        ``reconnect()`` comes back here."""

    def ask_keyboard(self, on: bool) -> bool:
        """Ask for the keyboard; False withdraws that, or hands the keyboard back. Returns whether
        the host knows such requests."""

    def send_held(self) -> None: ...

    def discard_held(self) -> None: ...

    def return_link(self) -> str:
        """The personal link by which one comes back to this place from another device; "" where
        the host does not give one. Whoever has it can take the place."""


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

    def redraw(self) -> None:
        """With ``output``: send the screen again, without its history. It begins with ESC c, in
        a call of its own, and the output that follows it goes on from there."""

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
        """Open a terminal, connected as a peer; it needs no relay. Raises HatchwayError."""

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
        """Open what somebody else's link opens, as a guest called ``name``.

        Returns when the terminal takes input, which may need that host's approval. A lost
        connection is retried for some time. ``changed`` gets every change of what LinkState has,
        ``notice`` sentences of the host for people, not escaped.

        ``sized`` gets the shell's size, in order with ``output``: the caller's emulator then has
        that size, whatever its window's is, and answers no queries while ``mutes``. Without it
        the emulator has the window's size, and answers. ``colors``: foreground, background,
        cursor and the 16 of the palette, each 0xRRGGBB, for the program's questions.

        Raises BadLinkError, and HatchwayError with the host's sentence.
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
