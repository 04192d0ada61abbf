"""Lines of plain text, one after the other or many at a time: straight into rows and history.

Owns the shortcuts that make ``cat`` and ``yes`` fast. The same as printing
them one by one. Does not own when it may be used: the stream asks only in the
fast state (no side margins, insert, origin or newline mode, no character sets).
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING

from engine.emulator import rows
from engine.emulator.clusters import MANY
from engine.emulator.modes import Mode
from engine.emulator.page import NOWHERE
from engine.emulator.rows import BLANK, CLUSTER, DEFAULT_PEN, WIDE
from engine.emulator.width import BEYOND, cells_of, extends

LOOK = 1024
"""Characters looked at for clusters before all lines are taken to hold some."""
FEW_LINES = 4
"""Lines up to which they are printed one by one; more are, in bulk."""
LINE_ENDS = re.compile("([ -~]*)([\r\n]+)")
"""A line of ASCII with its end, and lines' ends alone."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.modal import Screen
    from engine.emulator.rows import Row


def print_lines(screen: Screen, lines: list[str]) -> None:
    """Each line at the start of a row, then CR LF. The cursor is in the first column.

    Lines hold no controls but tabs.
    """
    pen = screen.pen
    at = 0
    count = len(lines)
    cursor = screen.cursor
    blank = screen.blank_row()
    while at < count:
        # Rows that need no scrolling first: they may hold something already.
        if cursor.y != screen.bottom or screen.rows[cursor.y] is not BLANK:
            _print_one(screen, lines[at])
            at += 1
            continue
        if blank is not BLANK:
            _print_one(screen, lines[at])
            at += 1
            continue
        end, new = _rows(screen, lines, at, pen)
        if end == at:
            _print_one(screen, lines[at])
            at += 1
            continue
        at = end
        _scroll_in(screen, new)


def print_clusters(screen: Screen, text: str) -> bool:
    """The same for lines with CR LF between, not split yet, that hold clusters and all fit.

    False, and nothing printed, for any others, and when not at the bottom.
    """
    cursor = screen.cursor
    if (
        text.isascii()
        or cursor.y != screen.bottom
        or screen.rows[cursor.y] is not BLANK
        or screen.blank_row() is not BLANK
        or not MANY.search(text, 0, LOOK)
    ):
        return False
    cells = screen.clusters.lines(text)
    if cells is None or max(map(len, cells)) > screen.columns:
        return False
    pens = screen.pen * screen.columns
    _scroll_in(screen, list(zip(cells, repeat(pens), repeat(WIDE | CLUSTER), strict=False)))
    return True


def _print_one(screen: Screen, line: str) -> None:
    """The slow way, for one line."""
    cursor = screen.cursor
    if "\t" in line:
        first = True
        for part in line.split("\t"):
            if not first:
                screen.tab()
            first = False
            screen.draw(part)
    elif line.isascii() and len(line) <= screen.columns:
        if line:
            screen.rows[cursor.y] = rows.put(screen.rows[cursor.y], 0, line, screen.pen * len(line))
    else:
        screen.draw(line)
    screen.linefeed()
    cursor.x = 0


def _rows(screen: Screen, lines: list[str], at: int, pen: str) -> tuple[int, list[Row]]:
    """Rows for the lines from ``at`` on, as far as they are simple; and where that ends."""
    part = lines[at:] if at else lines
    columns = screen.columns
    joined = "".join(part)
    flags = 0
    tabs = "\t" in joined
    if tabs and (pen != DEFAULT_PEN or not screen.standard_tabs or Mode.MORE_FIX in screen.mode):
        return at, []
    if tabs and not joined.isascii():
        # Tab stops are columns, and only in ASCII are these characters.
        stop = _first(part, lambda line: "\t" in line and not line.isascii())
        if stop == 0:
            return at, []
        part = part[:stop]
        joined = "".join(part)
    if tabs:
        # A tab moves the cursor: only what is printed after it makes blanks of what it passed.
        part = [line.rstrip("\t").expandtabs(8) if "\t" in line else line for line in part]
    if not joined.isascii():
        if MANY.search(joined):
            return _cluster_rows(screen, part, at, pen)
        cells = [line if line.isascii() else cells_of(line) for line in part]
        joined = "".join(cells)
        if BEYOND in joined:
            return _cluster_rows(screen, part, at, pen)
        if rows.HALF in joined:
            part, flags = cells, WIDE
    if max(map(len, part)) > columns:
        part = part[: _first(part, lambda line: len(line) > columns)]
    return at + len(part), list(zip(part, repeat(pen * columns), repeat(flags), strict=False))


def _cluster_rows(screen: Screen, part: list[str], at: int, pen: str) -> tuple[int, list[Row]]:
    """Lines that hold characters which share cells."""
    pens = pen * screen.columns
    new: list[Row] = []
    for line in part:
        # A mark at the start of a line belongs to what was printed before.
        if line and extends(line[0]):
            break
        cells = screen.clusters.words(line)
        if len(cells) > screen.columns:
            break
        new.append((cells, pens, WIDE | CLUSTER))
    return at + len(new), new


def _first(some: list[str], suits: Callable[[str], bool]) -> int:
    """Where the first one is that suits; the length when none does."""
    return next((index for index, one in enumerate(some) if suits(one)), len(some))


def _scroll_in(screen: Screen, new: list[Row]) -> None:
    """Rows come in at the bottom, the last of them blank; the cursor stays there."""
    top, bottom = screen.top, screen.bottom
    here = screen.rows
    every = here[top:bottom] + new
    count = len(new)
    if top == 0 and screen.page is screen.normal:
        screen.history.extend(every[:count])
        screen.scrolled += count
    here[top : bottom + 1] = [*every[count:], BLANK]


def print_few_lines(screen: Screen, text: str, y: int, x: int) -> tuple[str, int, int]:
    """ASCII that fits its rows, up to the last CR or LF; the rest, and where the cursor is.

    Does nothing for more than FEW_LINES: print_lines() is for them.
    """
    if text.count("\n") > FEW_LINES:
        return text, y, x
    here, columns = screen.rows, screen.columns
    at = 0
    while found := LINE_ENDS.match(text, at):
        part, ends = found.groups()
        if part:
            if x + len(part) > columns:
                break
            here[y] = rows.put(here[y], x, part, screen.pen * len(part))
            x += len(part)
        for end in ends:
            if end == "\r":
                x = 0
                continue
            x = min(x, columns - 1)
            if y == screen.bottom:
                screen.scroll(screen.top, y, 1)
            elif y < screen.lines - 1:
                y += 1
        at = found.end()
        screen.print_at = NOWHERE
    return text[at:], y, x
