"""One run of a terminal: it is opened, used, and ends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from engine.core.errors import ChannelClosedError, LimitError
from engine.core.text import shown

if TYPE_CHECKING:
    import asyncio

    from engine.control.api import Ended, LinkTerminal, Output
    from engine.core.model import Size
    from gui.control.adapter import EngineAdapter
    from gui.kit import problems
    from gui.panels.terminals.place import Place
    from gui.terminal.source import ScreenSource

MAX_EARLY_INPUT = 4096
"""Bytes typed before the session is open that are kept for the shell; more are dropped."""


class Line(Protocol):
    """What a tab needs of a terminal: a TerminalHandle, or a place in a shell."""

    @property
    def session_id(self) -> str:
        """Of a terminal that is connected as a peer; "" of others."""

    def send(self, data: bytes) -> None:
        """Raises LimitError or ChannelClosedError."""

    def resize(self, size: Size) -> None: ...
    def rendered(self, count: int) -> None: ...
    def keep(self) -> None: ...
    async def close(self) -> None: ...


class Opened(NamedTuple):
    """A terminal that was opened."""

    line: Line
    place: Place | None = None
    """In a shell of this process."""
    screen: ScreenSource | None = None
    """To be shown; then no output comes. None: output comes, to be fed."""
    link: LinkTerminal | None = None
    """The line, where it leads to another host."""


Open = Callable[["Size", "Output", "Ended"], Coroutine[Any, Any, Opened]]
"""Opens a terminal of a size, with the callbacks for its output and its end. Raises
HatchwayError."""


class Connection:
    """Begins to open a terminal at once; it has to be made on a running event loop.

    ``output`` gets the program's bytes, ``ended`` the reason for the user when there is no
    terminal (any more), ``settled`` is called when opening is over. None of them is called
    after drop(). ``after``: a sentence that follows the reason of an end.
    """

    def __init__(
        self,
        adapter: EngineAdapter,
        open_: Open,
        size: Size,
        *,
        output: Callable[[bytes], None],
        ended: Callable[[str], None],
        settled: Callable[[], None],
        after: str = "",
    ) -> None:
        self._adapter = adapter
        self._open_terminal = open_
        self._size = size
        self._output = output
        self._ended = ended
        self._settled = settled
        self._after = after
        self._opened: Opened | None = None
        self._displaced: Opened | None = None
        """What ended because its place on another host was taken from elsewhere."""
        self._screen: ScreenSource | None = None
        self._seen = True
        self._over = self._dropped = False
        self._early_input = b""
        self._early_rendered = 0
        self._task: asyncio.Task[Any] | None = None
        self._begin(self._open())

    @property
    def line(self) -> Line | None:
        """None before the terminal is open and after its end."""
        return None if self._opened is None else self._opened.line

    @property
    def place(self) -> Place | None:
        """In a shell of this process, while it is open."""
        return None if self._opened is None else self._opened.place

    @property
    def link(self) -> LinkTerminal | None:
        """A terminal on another host, while it is open."""
        return None if self._opened is None else self._opened.link

    @property
    def may_come_back(self) -> bool:
        """Whether it ended because its place was taken from elsewhere: come_back() takes it
        again."""
        return self._displaced is not None

    @property
    def screen(self) -> ScreenSource | None:
        """To be shown, once it is open and after its end, too; None where output is fed."""
        return self._screen

    @property
    def opening(self) -> bool:
        return self._task is not None

    def send(self, data: bytes) -> None:
        """Input; what comes before the terminal is open waits for it."""
        if self.line is None:
            if self.opening and len(self._early_input) + len(data) <= MAX_EARLY_INPUT:
                self._early_input += data
            return
        try:
            self.line.send(data)
        except LimitError as error:
            self._adapter.report(error)
        except ChannelClosedError:
            # The end is about to be reported, with its reason.
            pass

    def resize(self, size: Size) -> None:
        self._size = size
        if self.line is not None:
            self.line.resize(size)

    def seen(self, seen: bool) -> None:
        """Whether it is in view; at first it is."""
        self._seen = seen
        if self.place is not None:
            self.place.seen(seen)

    def rendered(self, count: int) -> None:
        """So many more bytes of output are on screen."""
        if self.line is not None:
            self.line.rendered(count)
        else:
            self._early_rendered += count

    def come_back(self) -> None:
        """Begin to take the place again; like opening."""
        displaced, self._displaced = self._displaced, None
        if displaced is None or displaced.link is None:
            return
        self._over = False
        self._begin(self._return(displaced, displaced.link))

    def drop(self) -> None:
        """Let go of the terminal, whatever state it is in."""
        self._dropped = True
        if self._task is not None:
            self._task.cancel()
        self._close()
        self._let_go(self._displaced)
        self._displaced = None

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._adapter.run(work, self._failed)
        if self._task is not None:
            self._task.add_done_callback(lambda _: self._tried())

    async def _open(self) -> None:
        opened = await self._open_terminal(self._size, self._received, self._finished)
        line = opened.line
        self._screen = opened.screen
        if self._dropped or self._over:
            await line.close()
            return
        self._opened = opened
        if opened.place is not None:
            opened.place.seen(self._seen)
        line.resize(self._size)
        # Output and keys may have come between the shell's start and this line.
        line.rendered(self._early_rendered)
        if self._early_input:
            line.send(self._early_input)

    async def _return(self, displaced: Opened, link: LinkTerminal) -> None:
        try:
            await link.reconnect()
        except BaseException:
            self._let_go(displaced)
            raise
        self._opened = displaced
        link.resize(self._size)

    def _tried(self) -> None:
        """It is open, or that failed."""
        self._task = None
        if not self._dropped:
            self._settled()

    def _failed(self, problem: problems.Problem) -> None:
        if not self._dropped:
            self._ended(f"{problem.title}\n{problem.text}")

    def _received(self, data: bytes) -> None:
        if not self._dropped:
            self._output(data)

    def _finished(self, reason: str, exit_code: int | None) -> None:
        if self._dropped:
            return
        self._over = True
        if self._opened is not None and self._opened.link and self._opened.link.replaced:
            self._displaced, self._opened = self._opened, None
        self._close()
        sentence = shown(reason).rstrip(".") or "The terminal has ended"
        # The engine's sentence often has the code already.
        known = exit_code is None or str(exit_code) in sentence
        code = "" if known else f" (exit code {exit_code})"
        self._ended(f"{sentence}{code}. {self._after}".rstrip())

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        self._let_go(opened)

    def _let_go(self, opened: Opened | None) -> None:
        if opened is not None:
            self._adapter.run(opened.line.close(), finish=True)
