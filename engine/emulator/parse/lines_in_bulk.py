"""Lines of plain text, one after the other or many at a time: straight into rows and history.

The shortcuts that make ``cat`` and ``yes`` fast; the result is the same as printing
one by one. Used only while ``screen.fast`` is set (no side margins, insert, origin or
newline mode, no character sets).
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING, Final

from engine.emulator.cells import rows
from engine.emulator.cells.clusters import MANY
from engine.emulator.cells.page import NOWHERE
from engine.emulator.cells.rows import BLANK, CLUSTER, DEFAULT_PEN, HALF, SPACER, WIDE, WRAPPED
from engine.emulator.cells.width import (
    ASCII_LINES,
    BEYOND,
    NARROW_LINES,
    SIMPLE_LINES,
    cells_of,
    cells_of_lines,
    extends,
)
from engine.emulator.screen import drawing, motion
from engine.emulator.screen.modes import Mode

LOOK: Final = 1024
"""Characters searched for clusters before all lines are taken to hold some."""
FEW_LINES: Final = 4
"""Lines up to which they are printed one by one; more are, in bulk."""
LINE_ENDS: Final = re.compile("([ -~]*+)([\r\n]+)")
"""A line of ASCII with its end, and lines' ends alone."""

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.emulator.screen.screen import Screen


def print_text(screen: Screen, text: str) -> bool:
    """Lines with CR LF between, not split yet, each at the start of a row, and the last one's end.

    The cursor is in the first column. False, and nothing printed, unless all lines
    are simple, or hold clusters and no controls: print_lines() is for others.
    """
    if not _takes_many(screen):
        return False
    narrow = (ASCII_LINES if text.isascii() else NARROW_LINES).fullmatch(text) is not None
    if not narrow and not SIMPLE_LINES.fullmatch(text):
        return _print_clusters(screen, text)
    lines = text.split("\r\n")
    joined = "".join(lines)
    if "\r" in joined or "\n" in joined:
        return False
    cells = lines if narrow else cells_of_lines(lines)
    alone: list[int] = []
    if "\t" in joined:
        if not _tabs_are_blanks(screen):
            return False
        # A tab moves the cursor: only what is printed after it makes blanks of what it passed.
        cells = [line.rstrip("\t").expandtabs(8) if "\t" in line else line for line in cells]
        if max(map(len, cells)) > screen.columns:
            # A tab stops at the edge.
            alone = [
                index
                for index, line in enumerate(lines)
                if len(cells[index]) > screen.columns and "\t" in line
            ]
    _print(screen, lines, cells, 0 if narrow else WIDE, alone)
    return True


def _print_clusters(screen: Screen, text: str) -> bool:
    """The same for lines that hold clusters, at the bottom."""
    if not _at_bottom(screen) or not MANY.search(text, 0, LOOK):
        return False
    cells = screen.clusters.lines(text)
    if cells is None:
        return False
    _scroll_in(screen, cells, WIDE | CLUSTER)
    return True


def print_lines(screen: Screen, lines: list[str]) -> None:
    """The same for lines of all kinds, without controls but tabs."""
    if not _takes_many(screen):
        for line in lines:
            _print_one(screen, line)
        return
    joined = "".join(lines)
    alone: list[int] = []
    if "\t" in joined:
        alone = [index for index, line in enumerate(lines) if "\t" in line]
    if not MANY.search(joined):
        cells = [line if line.isascii() else cells_of(line) for line in lines]
        if BEYOND not in "".join(cells):
            _print(screen, lines, cells, WIDE, alone)
            return
    # A mark at the start of a line belongs to what was printed before.
    alone = [
        index for index, line in enumerate(lines) if "\t" in line or (line and extends(line[0]))
    ]
    cells = [line if line.isascii() else screen.clusters.words(line) for line in lines]
    _print(screen, lines, cells, WIDE | CLUSTER, alone)


def _takes_many(screen: Screen) -> bool:
    """Whether rows come in blank, and have room for wide characters."""
    return screen.columns > 1 and screen.blank_row() is BLANK


def _at_bottom(screen: Screen) -> bool:
    """Whether the next line comes in at the bottom, as all after it then do."""
    return screen.cursor.y == screen.bottom and screen.rows[screen.bottom] is BLANK


def _tabs_are_blanks(screen: Screen) -> bool:
    """Whether a tab on the way to more text is blanks up to a column divisible by eight."""
    return screen.pen == DEFAULT_PEN and screen.standard_tabs and Mode.MORE_FIX not in screen.mode


def _print(
    screen: Screen, lines: list[str], cells: list[str], flags: int, alone: list[int]
) -> None:
    """Lines as text and as cells, with the flags of their rows; those in ``alone`` one by one."""
    at, count = 0, len(lines)
    for stop in [*alone, count]:
        # Rows that need no scrolling first: they may hold something already.
        while at < stop and not _at_bottom(screen):
            _print_one(screen, lines[at])
            at += 1
        if at < stop:
            _scroll_in(screen, cells[at:stop], flags)
        if stop < count:
            _print_one(screen, lines[stop])
        at = stop + 1


def _print_one(screen: Screen, line: str) -> None:
    """The slow way, for one line."""
    cursor = screen.cursor
    if "\t" in line:
        first = True
        for part in line.split("\t"):
            if not first:
                motion.tab(screen)
            first = False
            drawing.draw(screen, part)
    elif line.isascii() and len(line) <= screen.columns:
        if line:
            screen.rows[cursor.y] = rows.put(screen.rows[cursor.y], 0, line, screen.pen * len(line))
    else:
        drawing.draw(screen, line)
    motion.linefeed(screen)
    cursor.x = 0


def _scroll_in(screen: Screen, cells: list[str], flags: int) -> None:
    """Lines come in below a blank last row, which stays so; the cursor stays there."""
    columns, pen = screen.columns, screen.pen
    each: Iterable[int] = repeat(flags)
    if max(map(len, cells)) > columns:
        cells, each = _wrapped(cells, flags, columns, "" if pen == DEFAULT_PEN else " ")
    screen.scroll_in(zip(cells, repeat(pen * columns), each, strict=False), len(cells))


def _wrapped(
    cells: list[str], flags: int, columns: int, spacer: str
) -> tuple[list[str], list[int]]:
    """The rows of lines that need more than one each, and their flags.

    ``spacer`` is the cell that a wide character leaves empty when it goes to the next row.
    """
    parts: list[str] = []
    each: list[int] = []
    for line in cells:
        start, last = 0, len(line) - columns
        while start < last:
            end = start + columns
            if line[end] == HALF:
                end -= 1
                parts.append(line[start:end] + spacer)
                each.append(flags | WRAPPED | SPACER)
            else:
                parts.append(line[start:end])
                each.append(flags | WRAPPED)
            start = end
        parts.append(line[start:])
        each.append(flags)
    return parts, each


def print_few_lines(screen: Screen, text: str, y: int, x: int) -> tuple[str, int, int]:
    """ASCII that fits its rows, up to the last CR or LF; the rest, and where the cursor is.

    Does nothing for more than FEW_LINES: print_lines() is for them.
    """
    # What comes by far the most often first: the stream itself knows lines that end.
    if text[:1] == "\r" and (rest := text[1:]).isprintable():
        screen.print_at = NOWHERE
        return rest, y, 0
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
        for _ in range(ends.count("\n")):
            y = _line_feed(screen, y)
        x = 0 if "\r" in ends else min(x, columns - 1)
        at = found.end()
        screen.print_at = NOWHERE
    return text[at:], y, x


def _line_feed(screen: Screen, y: int) -> int:
    """LF in row ``y``: the row that the cursor is in then."""
    if y == screen.bottom:
        screen.scroll(screen.top, y, 1)
    elif y < screen.lines - 1:
        y += 1
    return y
