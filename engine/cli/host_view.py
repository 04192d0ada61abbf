"""What a host's tty shows: the output of its shell as it is, or the shell's screen, painted.

Output passes unchanged, so that the terminal shows all that it can. It is painted while lines of
ours cover the last rows, and while the shell's size is not the tty's. After that the tty is drawn
anew from a snapshot, and output passes again. Notes are in the window's title, written between
two sequences of the output. So nothing of ours damages what a program draws.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from engine.cli.between import Between
from engine.cli.painter import CLEAR
from engine.cli.painting import Painting
from engine.cli.titles import Titles
from engine.cli.tty import Tty
from engine.control.api import ScreenSource

SNAPSHOT: Final = b"\x1bc"
"""What a snapshot begins with."""


class Source(Protocol):
    """What the view needs of a ShellHandle."""

    @property
    def screen(self) -> ScreenSource: ...
    def rendered(self, count: int) -> None: ...
    def redraw(self) -> None: ...


class _State(enum.Enum):
    PASSES = enum.auto()
    PAINTS = enum.auto()
    RETURNS = enum.auto()
    """Until the snapshot comes after which output passes again."""


class HostView:
    """``enter()`` once the tty is in raw mode, ``leave()`` before it is restored."""

    def __init__(self, tty: Tty) -> None:
        self._tty = tty
        self._source: Source | None = None
        self._state = _State.PASSES
        self._between = Between()
        self.titles = Titles(tty, self._between)
        self._entered = False
        self._lines: tuple[str, ...] = ()
        self._other_size = False
        self._painting = Painting(tty, lambda: self._shell.screen.terminal)
        self._stop_watching: Callable[[], None] = lambda: None

    def use(self, source: Source) -> None:
        """The shell, once attached."""
        self._source = source

    def enter(self) -> None:
        self._entered = True
        self.titles.enter()
        self._update()

    def leave(self) -> bool:
        """Whether the tty is as the program left it; else it has to be reset. Idempotent."""
        passes = self._state is _State.PASSES
        self._unwatch()
        if self._painting.is_on:
            self._painting.cover(())
            self._painting.now()
            self._painting.stop()
        self._entered = False
        self.titles.leave()
        return passes and bool(self._between)

    # -- output

    def output(self, data: bytes) -> None:
        """What the shell printed, or a snapshot."""
        if self._state is _State.RETURNS and data == SNAPSHOT:
            self._state = _State.PASSES
            self._painting.stop()
        if self._state is not _State.PASSES:
            # The program does not wait for what is not shown.
            self._shell.rendered(len(data))
        elif data == SNAPSHOT:
            self._shell.rendered(len(data))
            # A reset would also clear the terminal's history.
            self._tty.write(CLEAR.encode(), count=False)
            self._between.reset()
        else:
            self._between.feed(data)
            self._tty.write(data)
            self.titles.flush()

    def written(self, count: int) -> None:
        """The tty took so many bytes of output."""
        self._shell.rendered(count)

    def resized(self) -> None:
        """The tty has another size."""
        self._painting.soon()

    # -- what covers it

    def cover(self, lines: Sequence[str]) -> None:
        """Show lines over the last rows; none: the program has them again."""
        self._lines = tuple(lines)
        self._painting.cover(self._lines)
        self._update()

    def size_differs(self, differs: bool) -> None:
        """Whether the shell's size is not the tty's."""
        self._other_size = differs
        self._update()

    def _update(self) -> None:
        if not self._entered:
            return
        paints = bool(self._lines) or self._other_size
        if paints and self._state is not _State.PAINTS:
            if self._state is _State.PASSES:
                # A frame begins by ending what the output has begun.
                self._between.reset()
                self._painting.start(keyboard=self._shell.screen.terminal.keyboard)
                self.titles.flush()
            self._state = _State.PAINTS
            self._stop_watching = self._shell.screen.subscribe(self._painting.soon)
        elif not paints and self._state is _State.PAINTS:
            self._state = _State.RETURNS
            self._unwatch()
            self._shell.redraw()

    def _unwatch(self) -> None:
        stop, self._stop_watching = self._stop_watching, lambda: None
        stop()

    @property
    def _shell(self) -> Source:
        if self._source is None:
            raise RuntimeError("The view is used before use()")
        return self._source
