"""Search in all of a terminal's text, in slices of time.

Rows of history never change, so each is searched once; rows on screen are searched again when
they have changed.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

import regex
from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from gui.terminal.text.links import spans
from gui.terminal.text.logical import MAX_ROWS, logical
from gui.terminal.text.selection import Place

if TYPE_CHECKING:
    from engine.emulator import Line
    from gui.terminal.source import Viewed

SLICE_MS = 4
"""A slice; then the event loop gets its turn."""
LINE_SECONDS = 0.006
"""For one line; a pattern that needs longer skips that line."""
MAX_MATCHES = 50_000
"""Matches kept; the search stops there, and ``full`` is set."""
MAX_PATTERN = 1000
MAX_SLOW_LINES = 50
"""Lines skipped before the whole search is given up."""


class Match(NamedTuple):
    """From a cell up to, not including, a boundary."""

    start: Place
    end: Place


class Find(QObject):
    """The matches of one pattern in one terminal.

    ``changed``: matches, progress or ``problem`` have.
    """

    changed = Signal()

    def __init__(self, viewed: Viewed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewed = viewed
        self._pattern: Any = None
        self.problem = ""
        """Why there is no search, for the user."""
        self.current: Match | None = None
        self._history: list[Match] = []
        self._screen: list[Match] = []
        self._searched = 0
        """Name of the first row of history not searched yet."""
        self._seen: tuple[int, ...] | None = None
        self._held: tuple[Line, ...] = ()
        self._left = range(0)
        """Names of the rows on screen still to be searched, their matches so far in _found."""
        self._found: list[Match] = []
        self._slow = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._slice)

    # -- what callers do

    def look_for(self, text: str, *, case: bool = False, as_regex: bool = False) -> None:
        """Start a search; "" ends it."""
        self._stop()
        self.current = None
        self.problem = ""
        self._pattern = self._compiled(text, case, as_regex) if text else None
        if self._pattern is not None:
            self._searched = self._first()
            self._timer.start(0)
        self.changed.emit()

    def refresh(self) -> None:
        """Output came: search what is new. Cheap without a pattern."""
        if self._pattern is not None and not self._timer.isActive():
            self._timer.start(0)

    def restart(self) -> None:
        """Rows have other names now, as after a resize: search all of them again."""
        if self._pattern is not None:
            pattern = self._pattern
            self._stop()
            self._pattern, self.current = pattern, None
            self._searched = self._first()
            self._timer.start(0)

    @property
    def active(self) -> bool:
        return self._pattern is not None

    @property
    def searching(self) -> bool:
        return self._timer.isActive()

    @property
    def full(self) -> bool:
        """Whether there are more matches than are kept."""
        return len(self._history) >= MAX_MATCHES

    @property
    def count(self) -> int:
        return len(self._history) + len(self._screen)

    @property
    def position(self) -> int:
        """The current match's number from 1; 0 when there is none."""
        if self.current is None:
            return 0
        at = self._index(self.current)
        return at + 1 if at < self.count and self._at(at) == self.current else 0

    def step(self, by: int, near: Place) -> Match | None:
        """The next (1) or previous (-1) match, round the end; the first time from ``near``."""
        if not self.count:
            return None
        if self.current is None:
            at = self._index(Match(near, near)) - (1 if by < 0 else 0)
        else:
            at = self._index(self.current)
            if by < 0 or (at < self.count and self._at(at) == self.current):
                at += by
        self.current = self._at(at % self.count)
        self.changed.emit()
        return self.current

    def on_row(self, name: int) -> list[tuple[int, int, bool]]:
        """The matches on a row: columns start..end-1, and whether it is the current one."""
        if self._pattern is None:
            return []
        found = []
        columns = self._viewed.terminal.cols
        for matches in (self._history, self._screen):
            # A match before may reach into this row.
            at = bisect_left(matches, Place(name, 0), key=_start) - 1
            for match in matches[max(at, 0) :]:
                if match.start.line > name:
                    break
                found += [
                    (start, end, match == self.current)
                    for row, start, end in spans(*match, columns)
                    if row == name
                ]
        return found

    # -- a slice

    def _slice(self) -> None:
        clock = QElapsedTimer()
        clock.start()
        self._forget_lost()
        # What is in view first, then history from its beginning, then what changed meanwhile.
        if self._seen is None:
            self._look_at_screen()
        end = self._viewed.terminal.scrolled
        while self._left and clock.elapsed() < SLICE_MS:
            self._search_screen()
        while self._searched < end and clock.elapsed() < SLICE_MS and not self.full:
            self._searched = self._search(self._searched, self._history, end)
        if self._slow > MAX_SLOW_LINES:
            self._stop()
            self.problem = "The pattern takes too long"
        elif self._left or (self._searched < end and not self.full) or self._look_at_screen():
            self._timer.start(0)
        self.changed.emit()

    def _look_at_screen(self) -> bool:
        """Whether rows on screen changed; if so they are to be searched."""
        terminal = self._viewed.terminal
        seen = (terminal.scrolled, *(id(terminal.line(n)) for n in range(terminal.rows)))
        if seen == self._seen:
            return False
        # Held, so that no other row can come to have the same identity.
        self._held = tuple(terminal.line(n) for n in range(terminal.rows))
        self._seen = seen
        self._found = []
        self._left = range(terminal.scrolled, terminal.scrolled + terminal.rows)
        return True

    def _search_screen(self) -> None:
        """One more line of those on screen; when all are done their matches count."""
        after = self._search(self._left[0], self._found, self._left.stop)
        self._left = range(after, self._left.stop)
        if not self._left:
            self._screen = self._found

    def _search(self, name: int, into: list[Match], end: int) -> int:
        """Search the logical line at a row; the name of the row after it."""
        line = logical(self._viewed.terminal, name)
        if line is None:
            return name + 1
        after = line.first + len(line.starts)
        if after > end and into is self._history:
            # It continues on screen: it is searched there, as long as it may change.
            return end
        try:
            for found in self._pattern.finditer(line.text, timeout=LINE_SECONDS):
                start = line.place(found.start())
                # Of a line too long to be joined the beginning has been searched.
                if found.end() > found.start() and (
                    len(line.starts) <= MAX_ROWS or start.line >= name
                ):
                    into.append(Match(start, line.place(found.end(), end=True)))
        except TimeoutError:
            self._slow += 1
        return max(after, name + 1)

    def _forget_lost(self) -> None:
        """Drop matches of rows the history has forgotten."""
        first = self._first()
        self._searched = max(self._searched, first)
        if self._history and self._history[0].start.line < first:
            del self._history[: bisect_left(self._history, Place(first, 0), key=_start)]

    def _first(self) -> int:
        return self._viewed.terminal.scrolled - len(self._viewed.terminal.scrollback)

    def _stop(self) -> None:
        self._timer.stop()
        self._pattern = None
        self._seen = None
        self._slow = 0
        self._left = range(0)
        self._held = ()
        self._history, self._screen, self._found = [], [], []

    def _compiled(self, text: str, case: bool, as_regex: bool) -> Any:
        flags = regex.VERSION0 | (0 if case else regex.IGNORECASE)
        if len(text) > MAX_PATTERN:
            self.problem = f"The pattern is longer than {MAX_PATTERN} characters"
            return None
        try:
            return regex.compile(text if as_regex else regex.escape(text), flags)
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            message = getattr(error, "msg", str(error)) or str(error)
            at = getattr(error, "pos", None)
            where = f" at character {at + 1}" if isinstance(at, int) else ""
            self.problem = f"{message[:1].upper()}{message[1:]}{where}"
            return None

    def _index(self, match: Match) -> int:
        at = bisect_left(self._history, match)
        if at < len(self._history):
            return at
        return at + bisect_left(self._screen, match)

    def _at(self, index: int) -> Match:
        held = len(self._history)
        return self._history[index] if index < held else self._screen[index - held]


def _start(match: Match) -> Place:
    return match.start
