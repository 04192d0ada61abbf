"""Finding the pens, clusters, links and pictures still in use, a few rows at a time.

Owns when and how their tables are emptied of what no row needs. Does not own
the tables. Rows never change, so looking at each once is enough: those that come
later are looked at later, and what the screens and the cursor hold at the end.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.emulator.rows import CLUSTER, DEFAULT_PEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.emulator.base import Base
    from engine.emulator.lines import Lines
    from engine.emulator.rows import Row

ROWS_PER_FEED: Final = 200
CELLS_PER_FEED: Final = 4000
"""History rows looked at in one go, and cells of those that take a look at each cell: about
half a millisecond."""
PENS_PER_FEED: Final = 2000
"""Pens swept in one go: about a millisecond."""


class Collector:
    """``work()`` after every feed: does nothing until a table is getting full."""

    def __init__(self, screen: Base, lines: Lines) -> None:
        self._screen, self._lines = screen, lines
        self._looked = -1
        """The absolute number of the next history row to look at; -1 while idle."""
        self._pens: set[str] = set()
        self._codes: set[str] = set()
        self._sweeping = False
        self._wait = 0
        """Feeds to let pass after a collection that freed little."""

    def work(self) -> None:
        screen = self._screen
        if self._sweeping:
            if screen.pens.sweep(PENS_PER_FEED):
                self._sweeping = False
                self._swept()
            return
        if self._looked < 0:
            if not self._wanted():
                return
            if self._wait > 0:
                self._wait -= 1
                return
            self._looked = 0
            self._pens, self._codes = {DEFAULT_PEN}, set()
        oldest = screen.scrolled - len(screen.history)
        start = max(self._looked - oldest, 0)
        rows = islice(screen.history, start, start + ROWS_PER_FEED)
        self._looked = oldest + start + self._look(rows, CELLS_PER_FEED)
        if self._looked >= screen.scrolled:
            self._finish()

    def _look(self, some: Iterable[Row], most: int) -> int:
        """How many of the rows were looked at: all, or as many as had ``most`` cells."""
        last = ""
        count = 0
        for text, pens, flags in some:
            if pens is not last:
                self._pens.update(pens[: len(text)])
                last = pens
                most -= len(text)
            if flags & CLUSTER:
                self._codes.update(text)
                most -= len(text)
            count += 1
            if most < 0:
                break
        return count

    def _finish(self) -> None:
        screen = self._screen
        self._looked = -1
        for page in (screen.normal, screen.alternate):
            self._look(page.rows, screen.columns * len(page.rows) * 2)
            if page.saved is not None:
                self._pens.add(page.saved.pen)
        self._pens.add(screen.pen)
        self._pens.update(screen.pen_stack)
        if screen.clusters.near_full:
            screen.clusters.collect({*self._codes, *screen.last})
        if screen.pens.near_full or screen.links.full or screen.pictures.near_full:
            screen.pens.begin_sweep(self._pens)
            self._sweeping = True
        else:
            self._done()

    def _swept(self) -> None:
        screen = self._screen
        screen.links.collect(screen.pens.links | {screen.link})
        screen.pictures.collect(screen.pens.pictures)
        self._done()

    def _done(self) -> None:
        self._lines.forget()
        self._pens, self._codes = set(), set()
        self._wait = 1000 if self._wanted() else 0

    def _wanted(self) -> bool:
        screen = self._screen
        return (
            screen.pens.near_full
            or screen.clusters.near_full
            or screen.links.full
            or screen.pictures.near_full
        )
