"""Where the screen that a widget shows comes from, and how much of it is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator import Host, Terminal


class ScreenSource(Protocol):
    """The screen of a shell in this process. Any number of widgets may show it at once."""

    @property
    def terminal(self) -> Terminal:
        """The shell's own: widgets only read it. The shell feeds it, gives it its size and
        answers what its program asks."""

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` on the loop after output was fed and after the size changed, until
        the returned function is called. Meanwhile output is fed as soon as a frame needs it."""

    def listen(self, host: Host) -> Callable[[], None]:
        """Pass the program's notes and clipboard writes on to ``host`` (Host.notify,
        Host.clipboard_write), until the returned function is called."""


class Watch:
    """A widget's subscriptions to a source, until end().

    Whoever subscribes makes the shell read its output at once, so a widget does it only while it
    is looked at. It listens all the time.
    """

    def __init__(self, source: ScreenSource, changed: Callable[[], None], host: Host) -> None:
        self.source = source
        self._changed = changed
        self._unsubscribe: Callable[[], None] | None = None
        self._unlisten: Callable[[], None] | None = source.listen(host)

    def look(self, looking: bool) -> None:
        """Whether ``changed`` is to be called; at first it is not."""
        if looking and self._unsubscribe is None and self._unlisten is not None:
            self._unsubscribe = self.source.subscribe(self._changed)
        elif not looking and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def end(self) -> None:
        """Idempotent."""
        self.look(False)
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None


class Viewed:
    """The terminal that a widget shows: its ``own``, until it is told to show another.

    All of its rows and columns are in view, unless there is too little room for them.
    """

    def __init__(self, own: Terminal) -> None:
        self._own = self._terminal = own
        self._room: tuple[int, int] | None = None

    @property
    def terminal(self) -> Terminal:
        return self._terminal

    @property
    def is_own(self) -> bool:
        """Whether it may be changed; a shell's terminal is only read."""
        return self._terminal is self._own

    @property
    def columns(self) -> int:
        """In view."""
        cols = self._terminal.cols
        return cols if self._room is None else min(cols, self._room[0])

    @property
    def rows(self) -> int:
        """In view."""
        rows = self._terminal.rows
        return rows if self._room is None else min(rows, self._room[1])

    def show(self, terminal: Terminal | None) -> None:
        """A shell's terminal; None: the widget's own."""
        self._terminal = self._own if terminal is None else terminal

    def crop(self, room: tuple[int, int] | None) -> None:
        """There is room for so many columns and rows; None: for all there are."""
        self._room = room
