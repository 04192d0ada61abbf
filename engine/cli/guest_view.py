"""What a guest's tty shows: a screen painted from an emulator of our own, or the output as it is.

Painted, nothing that the host sends can reach the tty but text, colors and the modes of keyboard
and mouse, and the host's terminal may be larger or smaller than the tty.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from engine.cli.between import Between
from engine.cli.painter import PLAIN
from engine.cli.painting import SLOW_SECONDS, Painting
from engine.cli.queries import Queries
from engine.cli.titles import Titles
from engine.cli.tty import Tty
from engine.core.model import Size
from engine.emulator import Terminal

SLICE_SECONDS: Final = 0.004
"""How long output is fed before the loop may do other things."""


class GuestView(Protocol):
    """``enter()`` once the tty is in raw mode, ``leave()`` before it is restored."""

    titles: Titles

    def enter(self) -> None: ...

    def output(self, data: bytes) -> None:
        """What the host sent."""

    def sized(self, size: Size) -> None:
        """The host's terminal has this size from here on, in order with ``output()``."""

    def written(self, count: int) -> None:
        """The tty took so many bytes that were written as output."""

    def cover(self, lines: Sequence[str]) -> None:
        """Show lines."""

    def uncover(self) -> bool:
        """Take them away; False when there was nothing to take away."""

    def resized(self) -> None:
        """The tty has another size."""

    def leave(self) -> None:
        """Idempotent."""


class RawView:
    """Output passes unchanged, but for the program's questions: the host answers them."""

    def __init__(self, tty: Tty, rendered: Callable[[int], object]) -> None:
        self._tty = tty
        self._rendered = rendered
        self._queries = Queries()
        self._between = Between()
        self._pieces: deque[tuple[int, int]] = deque()
        """Of each piece of output: how many bytes the tty has yet to take, how many it was."""
        self.titles = Titles(tty, self._between)

    def enter(self) -> None:
        self.titles.enter()

    def output(self, data: bytes) -> None:
        passed = self._queries.passes(data)
        self._pieces.append((len(passed), len(data)))
        self._between.feed(passed)
        self._tty.write(passed)
        self.written(0)
        self.titles.flush()

    def sized(self, size: Size) -> None:
        pass

    def written(self, count: int) -> None:
        while self._pieces and (first := self._pieces[0])[0] <= count:
            count -= first[0]
            self._pieces.popleft()
            self._rendered(first[1])
        if count:
            left, whole = self._pieces[0]
            self._pieces[0] = left - count, whole

    def cover(self, lines: Sequence[str]) -> None:
        text = "".join(f"{line}\r\n" for line in ["", *lines])
        self._tty.write(text.encode(), count=False)

    def uncover(self) -> bool:
        return False

    def resized(self) -> None:
        pass

    def leave(self) -> None:
        self.titles.leave()


class PaintedView:
    """``reply`` gets what the emulator answers the program, ``rendered`` how much it has read."""

    def __init__(
        self, tty: Tty, rendered: Callable[[int], object], reply: Callable[[bytes], None]
    ) -> None:
        size = tty.size()
        self.terminal = Terminal(size.cols, size.rows, reply, scrollback=0)
        self._tty = tty
        self._rendered = rendered
        self.titles = Titles(tty, Between())
        self._painting = Painting(tty, lambda: self.terminal)
        self._output: deque[bytes | Size] = deque()
        self._reading = 0
        """Bytes of the piece that the emulator has not done with; 0 for none."""
        self._timer: asyncio.TimerHandle | None = None
        self._follows_tty = True
        self._covered = False
        self._entered = False

    def enter(self) -> None:
        # What is on the tty goes into its history. The keyboard's flags come back by CSI < u.
        below = "\r\n" * (self._tty.size().rows - 1)
        self._tty.write(f"{below}\x1b[>0u".encode(), count=False)
        self._entered = True
        self.titles.enter()
        self._painting.start(keyboard=0)
        self._go_on(0.0)

    def output(self, data: bytes) -> None:
        self._output.append(data)
        self._go_on(0.0)

    def sized(self, size: Size) -> None:
        self._follows_tty = False
        self._output.append(size)
        self._go_on(0.0)

    def written(self, count: int) -> None:
        pass

    def cover(self, lines: Sequence[str]) -> None:
        self._covered = True
        self._painting.cover(lines)

    def uncover(self) -> bool:
        covered, self._covered = self._covered, False
        if covered:
            self._painting.cover(())
        return covered

    def resized(self) -> None:
        size = self._tty.size()
        if self._follows_tty:
            self.terminal.resize(size.rows, size.cols)
        self._painting.soon()

    def leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._entered:
            return
        self._entered = False
        if not self._tty.waiting:
            self._read(float("inf"))
            self._painting.cover(())
            self._painting.now()
        self._painting.stop()
        self._tty.write(f"{PLAIN}\x1b[<u\x1b[0 q".encode(), count=False)
        self.titles.leave()

    def _go_on(self, seconds: float) -> None:
        if self._timer is None and self._entered:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._tty.waiting:
            # Who stops the tty stops the program, too.
            self._go_on(SLOW_SECONDS)
        elif not self._read(SLICE_SECONDS):
            self._go_on(0.0)

    def _read(self, seconds: float) -> bool:
        """Feed what waits, for some time; False when some is left."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while self._reading or self._output:
            piece = b"" if self._reading else self._output.popleft()
            if isinstance(piece, Size):
                self.terminal.resize(piece.rows, piece.cols)
            else:
                self._reading = self._reading or len(piece)
                if self.terminal.feed_some(piece):
                    self._rendered(self._reading)
                    self._reading = 0
            self._painting.soon()
            if clock() >= end:
                break
        self.titles.program(self.terminal.title, write=True)
        return not (self._reading or self._output)
