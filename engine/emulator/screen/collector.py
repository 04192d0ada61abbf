"""Finding the pens, clusters, links and pictures still in use, a few rows at a time.

What no row needs is then freed. Rows never change, so each is scanned once: new ones are
scanned later, and what the screens and the cursor hold at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells.rows import CLUSTER, DEFAULT_PEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.emulator.cells.lines import Lines
    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.screen import Screen

ROWS_PER_FEED: Final = 200
CELLS_PER_FEED: Final = 4000
"""History rows scanned in one go, and cells of rows scanned cell by cell: about half a
millisecond."""
EVERY_CELL: Final = 1 << 60
"""For the screens: they are scanned last, and whole."""
CODES_PER_FEED: Final = 2000
"""Pens and clusters swept in one go: about a millisecond each."""


class Collector:
    """``work()`` after every feed: does nothing until a table is getting full."""

    def __init__(self, screen: Screen, lines: Lines) -> None:
        self._screen, self._lines = screen, lines
        self._next = -1
        """The absolute number of the next history row to scan; -1 while idle."""
        self._pens: set[str] = set()
        self._codes: set[str] = set()
        self._sweeps: list[Callable[[], bool]] = []
        """What is being swept; each returns True when it is done."""
        self._wait = 0
        """Feeds to let pass after a collection that freed little."""
        self._columns = 0
        """The width of the rows that are scanned: at another one they have other numbers."""

    def work(self) -> None:
        screen = self._screen
        if self._sweeps:
            if self._sweeps[0]():
                del self._sweeps[0]
                if not self._sweeps:
                    self._done()
            return
        if self._next < 0:
            if not self._wanted():
                return
            if self._wait > 0:
                self._wait -= 1
                return
            self._next = 0
            self._columns = screen.columns
            self._pens, self._codes = {DEFAULT_PEN}, set()
        if self._columns != screen.columns:
            self._next = 0
            self._columns = screen.columns
        oldest = screen.scrolled - len(screen.history)
        start = max(self._next - oldest, 0)
        rows = screen.history.between(start, start + ROWS_PER_FEED)
        self._next = oldest + start + self._scan(rows, CELLS_PER_FEED)
        if self._next >= screen.scrolled:
            self._finish()

    def _scan(self, some: Iterable[Row], most: int) -> int:
        """How many of the rows were scanned: all, or as many as had ``most`` cells."""
        last, seen = "", 0
        count = 0
        for text, pens, flags in some:
            size = len(text)
            # Rows printed together share their pens; as many of them count as there is text.
            if pens is not last or size > seen:
                self._pens.update(pens[:size])
                last, seen = pens, size
                most -= size
            if flags & CLUSTER:
                self._codes.update(text)
                most -= size
            count += 1
            if most < 0:
                break
        return count

    def _finish(self) -> None:
        screen = self._screen
        self._next = -1
        screen.drop_surplus()
        for page in (screen.normal, screen.alternate):
            self._scan(page.rows, EVERY_CELL)
            if page.saved is not None:
                self._pens.add(page.saved.pen)
        self._pens.add(screen.pen)
        self._pens.update(screen.pen_stack)
        if screen.clusters.near_full:
            self._codes.update(screen.last)
            screen.clusters.begin_sweep(self._codes)
            self._sweeps.append(self._sweep_clusters)
        if screen.pens.near_full or screen.links.full or screen.pictures.near_full:
            screen.pens.begin_sweep(self._pens)
            self._sweeps += [self._sweep_pens, self._collect_links, self._collect_pictures]
        if not self._sweeps:
            self._done()

    def _sweep_clusters(self) -> bool:
        return self._screen.clusters.sweep(CODES_PER_FEED)

    def _sweep_pens(self) -> bool:
        return self._screen.pens.sweep(CODES_PER_FEED)

    def _collect_links(self) -> bool:
        screen = self._screen
        if len(screen.links):
            screen.links.collect(screen.pens.links() | {screen.link})
        return True

    def _collect_pictures(self) -> bool:
        screen = self._screen
        if len(screen.pictures):
            screen.pictures.collect(screen.pens.pictures())
        return True

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
