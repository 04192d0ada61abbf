"""Changing the size: rows wrapped anew, both ways, with the cursor where it was.

Lines that were wrapped by the terminal are joined and cut at the new width; the
alternate screen is cut, because programs there redraw themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import rows
from engine.emulator.cells.page import NOWHERE, SavedCursor
from engine.emulator.cells.rows import BLANK, CLUSTER, HALF, PROMPT, SPACER, WIDE, WRAPPED

if TYPE_CHECKING:
    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.screen import Screen

_KEPT: Final = WIDE | CLUSTER


def resize(screen: Screen, lines: int, columns: int) -> None:
    """Fit everything to ``lines`` by ``columns``."""
    if (lines, columns) == (screen.lines, screen.columns):
        return
    if screen.wrap_away:
        screen.wrap_away = screen.wrap_next = False
    on_normal = screen.page is screen.normal
    saved = screen.normal.saved or SavedCursor()
    places = [(saved.y, saved.x + saved.wrap)]
    if on_normal:
        places.append((screen.cursor.y, screen.cursor.x + screen.wrap_next))
    places = _normal(screen, lines, columns, places)
    _cut(screen, lines, columns, 0 if on_normal else screen.cursor.y)
    if screen.normal.saved is not None:
        y, x, wrap = _settled(screen.normal.rows, columns, places[0])
        screen.normal.saved = saved._replace(y=y, x=x, wrap=wrap)
    if screen.alternate.saved is not None:
        saved = screen.alternate.saved
        x, y = min(saved.x, columns - 1), min(saved.y, lines - 1)
        screen.alternate.saved = saved._replace(x=x, y=y)
    if on_normal:
        y, x, wrap = _settled(screen.normal.rows, columns, places[1])
    else:
        y, x, wrap = min(screen.cursor.y, lines - 1), min(screen.cursor.x, columns - 1), False
    grown = range(screen.columns, columns)
    screen.tabstops.update(stop for stop in grown if stop % 8 == 0)
    screen.tabstops = {stop for stop in screen.tabstops if stop < columns}
    screen.lines, screen.columns = lines, columns
    screen.show(screen.page)
    screen.reset_margins()
    screen.cursor.y, screen.cursor.x, screen.wrap_next = y, x, wrap
    screen.print_at = NOWHERE
    screen.forget_printed()
    screen.refresh()


def _settled(page: list[Row], columns: int, place: tuple[int, int]) -> tuple[int, int, bool]:
    """Where a cursor is that should be at a place, and whether a wrap is pending there."""
    y, x = place
    if y < 0:
        # Its row is in the history now.
        return 0, min(x, columns - 1), False
    y = min(y, len(page) - 1)
    return y, min(x, columns - 1), x >= columns and len(page[y][0]) >= columns


def _normal(
    screen: Screen, lines: int, columns: int, places: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Wrap the normal page and its history anew; returns where the places have gone.

    The cursor is the last of the places. No text is lost: what has no room becomes history.
    It comes back when the cursor is in the last row, where it has come from.
    """
    page = screen.normal.rows
    y = places[-1][0]
    bottom = max((n for n, row in enumerate(page) if row is not BLANK and row[0]), default=0)
    used = page[: max(bottom, y) + 1]
    if columns == screen.columns:
        here = len(used) - lines
        above = max(here, 0) if y < screen.lines - 1 else max(here, -len(screen.history))
        shown = screen.move_history(used, above)
        screen.normal.rows = shown + [BLANK] * (lines - len(shown))
        return [(row - above, x) for row, x in places]
    history = [*screen.surplus(), *screen.history]
    before = len(history)
    found = [(before, 0), *((before + row, x) for row, x in places)]
    oldest = screen.scrolled - before
    everything, found, starts = _wrap(history + used, columns, screen.columns, found)
    first = max(len(everything) - lines, 0)
    if y < screen.lines - 1:
        first = max(first, found[0][0])
    shown = everything[first:]
    kept = everything[:first]
    screen.replace_history(kept, len(kept) - before)
    screen.renamed.wrapped(oldest, screen.scrolled - len(kept), starts)
    screen.normal.rows = shown + [BLANK] * (lines - len(shown))
    return [(row - first, x) for row, x in found[1:]]


def _wrap(
    source: list[Row], columns: int, before: int, places: list[tuple[int, int]]
) -> tuple[list[Row], list[tuple[int, int]], list[int]]:
    """The rows at a new width instead of ``before`` columns, where the places have gone, and in
    which row the text of each begins now, about."""
    result: list[Row] = []
    rows_now: list[int] = []
    found = places.copy()
    asked = {row for row, _ in places}
    index = 0
    count = len(source)
    while index < count:
        row = source[index]
        if not row[2] & WRAPPED and len(row[0]) <= columns:
            # Most lines: they fit, and stay the same object.
            if index in asked:
                found = [
                    (len(result), x) if at == index else there
                    for (at, x), there in zip(places, found, strict=True)
                ]
            rows_now.append(len(result))
            result.append(row)
            index += 1
            continue
        last = index
        while last + 1 < count and source[last][2] & WRAPPED:
            last += 1
        text, pens, flags, starts = _joined(source[index : last + 1], before)
        start = len(result)
        result += _cut_line(text, pens, flags, columns)
        rows_now += [min(start + offset // columns, len(result) - 1) for offset in starts]
        for number, (at, x) in enumerate(places):
            if index <= at <= last:
                found[number] = _place(result, start, starts[at - index] + x)
        index = last + 1
    # Rows below the text are as far below it as before.
    below = len(result) - count
    found = [
        (at + below, x) if at >= count else there
        for (at, x), there in zip(places, found, strict=True)
    ]
    return result, found, rows_now


def _joined(group: list[Row], columns: int) -> tuple[str, str, int, list[int]]:
    """One line of several rows: text, pens, flags, and where in it each row starts."""
    texts: list[str] = []
    pens: list[str] = []
    starts: list[int] = []
    flags = length = 0
    last = len(group) - 1
    for index, row in enumerate(group):
        row_flags = row[2]
        if index < last:
            row = _to_the_edge(row, group[index + 1], columns)
        starts.append(length)
        texts.append(row[0])
        pens.append(row[1][: len(row[0])])
        length += len(row[0])
        flags |= row_flags & (_KEPT | PROMPT)
    return "".join(texts), "".join(pens), flags, starts


def _to_the_edge(row: Row, following: Row, columns: int) -> Row:
    """A row that goes on in the next: all of it but the cell that a wide character left empty."""
    size = len(row[0])
    if size == columns:
        spacer = row[2] & SPACER and row[0][-1] == " "
        return (row[0][:-1], row[1], row[2]) if spacer else row
    if size == columns - 1 and following[0][1:2] == HALF:
        return row
    return rows.fit(row, columns)


def _cut_line(text: str, pens: str, flags: int, columns: int) -> list[Row]:
    cut: list[Row] = []
    start = 0
    prompt = flags & PROMPT
    while True:
        end = start + columns
        if end < len(text) and text[end] == HALF and columns > 1:
            end -= 1
        more = end < len(text)
        cut.append(
            (text[start:end], pens[start:end], flags & _KEPT | prompt | (WRAPPED if more else 0))
        )
        prompt = 0
        if not more:
            return cut
        start = end


def _place(result: list[Row], start: int, offset: int) -> tuple[int, int]:
    """The row and column of character ``offset`` of the line whose rows begin at ``start``."""
    at = start
    while at < len(result) - 1 and offset >= len(result[at][0]):
        offset -= len(result[at][0])
        at += 1
    return at, offset


def _cut(screen: Screen, lines: int, columns: int, y: int) -> None:
    """The alternate page, cut to size; the cursor's row stays on it."""
    page = screen.alternate.rows
    first = max(0, y - lines + 1)
    kept = [
        rows.fit(row, columns) if len(row[0]) > columns else row
        for row in page[first : first + lines]
    ]
    screen.alternate.rows = kept + [BLANK] * (lines - len(kept))
