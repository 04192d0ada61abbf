"""Changing the size: rows wrapped anew, both ways, with the cursor where it was.

Lines that were wrapped by the terminal are joined and cut at the new width; the
alternate screen is cut, because programs there redraw themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import rows
from engine.emulator.cells.page import NOWHERE
from engine.emulator.cells.rows import BLANK, CLUSTER, HALF, PROMPT, WIDE, WRAPPED

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
    saved = screen.normal.saved
    if on_normal:
        y, x = screen.cursor.y, screen.cursor.x + screen.wrap_next
        y, x = _normal(screen, lines, columns, y, x)
        if saved is not None:
            saved = saved._replace(x=min(saved.x, columns - 1), y=min(saved.y, lines - 1))
        screen.normal.saved = saved
    else:
        y, x = screen.cursor.y, screen.cursor.x
        there = (saved.y, saved.x) if saved is not None else (0, 0)
        new_y, new_x = _normal(screen, lines, columns, *there)
        if saved is not None:
            screen.normal.saved = saved._replace(x=min(new_x, columns - 1), y=new_y)
    _cut(screen, lines, columns, y if not on_normal else 0)
    if not on_normal:
        y = min(max(y - max(0, y - lines + 1), 0), lines - 1)
    grown = range(screen.columns, columns)
    screen.tabstops.update(stop for stop in grown if stop % 8 == 0)
    screen.tabstops = {stop for stop in screen.tabstops if stop < columns}
    screen.lines, screen.columns = lines, columns
    screen.show(screen.page)
    screen.reset_margins()
    screen.cursor.y = min(y, lines - 1)
    screen.wrap_next = x >= columns and on_normal and _is_full(screen, columns)
    screen.cursor.x = min(x, columns - 1)
    screen.print_at = NOWHERE
    screen.forget_printed()
    screen.refresh()


def _is_full(screen: Screen, columns: int) -> bool:
    return len(screen.rows[screen.cursor.y][0]) >= columns


def _normal(screen: Screen, lines: int, columns: int, y: int, x: int) -> tuple[int, int]:
    """Wrap the normal page and its history anew; returns where (y, x) has gone."""
    page = screen.normal.rows
    bottom = max((n for n, row in enumerate(page) if row is not BLANK and row[0]), default=0)
    used = page[: max(bottom, y) + 1]
    history = list(screen.history)
    if columns != screen.columns:
        everything, (at, x) = _wrap(history + used, columns, len(history) + y, x)
    else:
        everything, at = history + used, len(history) + y
    # The cursor's row stays at its height when the new screen allows it; rows come
    # back from history only when the text ended at the bottom.
    first = max(len(everything) - lines, 0)
    if columns == screen.columns and lines >= screen.lines:
        at_bottom = y == screen.lines - 1 or bottom == screen.lines - 1
        if not at_bottom:
            first = len(history)
    elif columns != screen.columns and y < screen.lines - 1 and bottom < screen.lines - 1:
        first = (
            min(first, at)
            if len(everything) - len(history) >= lines
            else max(first, min(at, _start(history, columns, screen.columns)))
        )
    first = min(first, at)
    shown = everything[first : first + lines]
    kept = everything[:first]
    screen.scrolled += len(kept) - len(history)
    screen.history.clear()
    screen.history.extend(kept)
    screen.scrolled = max(screen.scrolled, len(screen.history))
    screen.normal.rows = shown + [BLANK] * (lines - len(shown))
    return at - first, x


def _start(history: list[Row], columns: int, before: int) -> int:
    """How many rows the history makes at the new width."""
    return len(_wrap(history, columns, 0, 0)[0]) if history and columns != before else len(history)


def _wrap(source: list[Row], columns: int, at: int, x: int) -> tuple[list[Row], tuple[int, int]]:
    """The rows at a new width, and where column ``x`` of row ``at`` has gone."""
    result: list[Row] = []
    place = (0, 0)
    index = 0
    count = len(source)
    while index < count:
        row = source[index]
        if not row[2] & WRAPPED and len(row[0]) <= columns:
            # Most lines: they fit, and stay the same object.
            if index == at:
                place = (len(result), x)
            result.append(row)
            index += 1
            continue
        last = index
        while last + 1 < count and source[last][2] & WRAPPED:
            last += 1
        text, pens, flags, offset = _joined(source[index : last + 1], at - index, x)
        start = len(result)
        result += _cut_line(text, pens, flags, columns)
        if index <= at <= last:
            place = _place(result, start, offset)
        index = last + 1
    return result, place


def _joined(group: list[Row], at: int, x: int) -> tuple[str, str, int, int]:
    """One line of several rows: text, pens, flags, and the place of (at, x) in it."""
    texts: list[str] = []
    pens: list[str] = []
    flags = 0
    offset = length = 0
    for index, (text, row_pens, row_flags) in enumerate(group):
        if index == at:
            offset = length + x
        texts.append(text)
        pens.append(row_pens[: len(text)])
        length += len(text)
        flags |= row_flags & (_KEPT | PROMPT)
    text, row_pens = "".join(texts), "".join(pens)
    # Blanks in the default pen at the end are no text.
    kept = len(text.rstrip(" "))
    while kept < len(text) and row_pens[kept] != rows.DEFAULT_PEN:
        kept += 1
    return text[:kept], row_pens[:kept], flags, offset


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
