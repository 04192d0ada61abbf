"""Erasing, inserting and deleting: what happens to cells that are not printed.

Numbers of sequences come as they are: 0, which is also what a missing one is, means 1 where
a count is asked for. The edits of one row are in cells.rows. Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import rows
from engine.emulator.screen.work import CELLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

_SCROLLBACK: Final = 3
"""ED's parameter for the history (xterm)."""


# -- erasing


def erase_characters(screen: Screen, count: int) -> None:
    x = screen.cursor.x
    erase(screen, screen.cursor.y, x, min(x + (count or 1), screen.columns), selective=False)
    screen.wrap_next = False


def erase_in_line(screen: Screen, how: int) -> None:
    """EL."""
    _erase_in_line(screen, how, selective=False)


def erase_in_line_selectively(screen: Screen, how: int) -> None:
    """DECSEL."""
    _erase_in_line(screen, how, selective=True)


def _erase_in_line(screen: Screen, how: int, *, selective: bool) -> None:
    x = screen.cursor.x
    spans = {0: (x, screen.columns), 1: (0, x + 1), 2: (0, screen.columns)}
    if how in spans:
        start, end = spans[how]
        erase(screen, screen.cursor.y, start, end, selective=selective)
    screen.wrap_next = False


def erase_in_display(screen: Screen, how: int) -> None:
    """ED."""
    if how == _SCROLLBACK:
        screen.clear_history()
    else:
        _erase_in_display(screen, how, selective=False)


def erase_in_display_selectively(screen: Screen, how: int) -> None:
    """DECSED."""
    if how != _SCROLLBACK:
        _erase_in_display(screen, how, selective=True)


def _erase_in_display(screen: Screen, how: int, *, selective: bool) -> None:
    y = screen.cursor.y
    spans = {0: range(y + 1, screen.lines), 1: range(y), 2: range(screen.lines)}
    if how in spans:
        erase_rows(screen, spans[how], selective=selective)
    if how in (0, 1):
        _erase_in_line(screen, how, selective=selective)
    screen.wrap_next = False


def erase_rows(screen: Screen, which: range, *, selective: bool) -> None:
    if _respects(screen, selective):
        screen.work.steps(_erase_unprotected(screen, screen.rows, which))
    elif which:
        screen.part(which.start)
        screen.rows[which.start : which.stop] = [screen.blank_row()] * len(which)


def _erase_unprotected(screen: Screen, here: list[Row], which: range) -> Iterator[None]:
    """In steps. The page is given: by the time it is done, another one may be shown."""
    for y in which:
        here[y] = _without_unprotected(screen, here[y], 0, screen.columns)
        yield


def _without_unprotected(screen: Screen, row: Row, start: int, end: int) -> Row:
    screen.work.add(1 + len(row[0]) // CELLS)
    return rows.erase_unprotected(
        row, start, end, screen.erasing, screen.pens.protected, screen.columns
    )


def erase(screen: Screen, y: int, start: int, end: int, *, selective: bool) -> None:
    """Blank cells start..end-1 of row y; protected ones stay when that is asked for."""
    row = screen.rows[y]
    if _respects(screen, selective):
        screen.rows[y] = _without_unprotected(screen, row, start, end)
    else:
        erase_cells(screen, y, start, end)


def erase_cells(screen: Screen, y: int, start: int, end: int) -> None:
    """The same, protected or not."""
    row = screen.rows[y]
    erased = rows.erase(row, start, end, screen.columns, screen.erasing)
    screen.rows[y] = erased
    if start == 0 and erased is not row and not erased[0].strip(" ") and row[0].strip(" "):
        # Nothing is left of what the row above went on in.
        screen.part(y)


def _respects(screen: Screen, selective: bool) -> bool:
    """Whether there is protection that this erasing leaves alone (as xterm: SPA always)."""
    return bool(screen.pens.protected) and (selective or screen.iso_protection)


def alignment_display(screen: Screen) -> None:
    screen.reset_margins()
    screen.refresh()
    screen.cursor.x = screen.cursor.y = 0
    screen.wrap_next = False
    screen.rows[:] = [("E" * screen.columns, rows.DEFAULT_PEN * screen.columns, 0)] * screen.lines


# -- lines


def insert_lines(screen: Screen, count: int) -> None:
    _move_lines(screen, -(count or 1))


def delete_lines(screen: Screen, count: int) -> None:
    _move_lines(screen, count or 1)


def _move_lines(screen: Screen, count: int) -> None:
    if screen.in_rows() and screen.in_columns():
        screen.scroll(screen.cursor.y, screen.bottom, count, history=False)
        screen.cursor.x = screen.left
        screen.wrap_next = False


def scroll_up(screen: Screen, count: int) -> None:
    screen.scroll(screen.top, screen.bottom, count or 1)


def scroll_down(screen: Screen, count: int) -> None:
    screen.scroll(screen.top, screen.bottom, -(count or 1))


def scroll_down_or_track(screen: Screen, params: Params) -> None:
    """CSI T: SD, unless there are several numbers or 0 (xterm's tracking of a highlight)."""
    if not len(params) or (len(params) == 1 and params.get(0, 1)):
        scroll_down(screen, params.get(0))


# -- characters


def insert_characters(screen: Screen, count: int) -> None:
    _shift_line(screen, count or 1)


def delete_characters(screen: Screen, count: int) -> None:
    _shift_line(screen, -(count or 1))


def insert_columns(screen: Screen, count: int) -> None:
    """DECIC."""
    _shift_region(screen, screen.cursor.x, count or 1)


def delete_columns(screen: Screen, count: int) -> None:
    """DECDC."""
    _shift_region(screen, screen.cursor.x, -(count or 1))


def scroll_left(screen: Screen, count: int) -> None:
    """SL."""
    _shift_region(screen, screen.left, -(count or 1))


def scroll_right(screen: Screen, count: int) -> None:
    """SR."""
    _shift_region(screen, screen.left, count or 1)


def back_index(screen: Screen) -> None:
    """DECBI: left, and at the left margin the text moves right instead."""
    if screen.cursor.x == screen.left and screen.in_rows():
        _shift_region(screen, screen.left, 1)
    elif screen.cursor.x > 0:
        screen.cursor.x -= 1
        screen.wrap_next = False


def forward_index(screen: Screen) -> None:
    """DECFI: right, and at the right margin the text moves left instead."""
    if screen.cursor.x == screen.right and screen.in_rows():
        _shift_region(screen, screen.left, -1)
    elif screen.cursor.x < screen.columns - 1:
        screen.cursor.x += 1
        screen.wrap_next = False


def _shift_line(screen: Screen, count: int) -> None:
    y = screen.cursor.y
    if count > 0 or screen.in_columns():
        screen.wrap_next = False
    if screen.in_columns():
        for _ in _shift(screen, range(y, y + 1), screen.cursor.x, count):
            pass


def _shift_region(screen: Screen, x: int, count: int) -> None:
    if screen.in_rows() and screen.in_columns():
        screen.work.steps(_shift(screen, range(screen.top, screen.bottom + 1), x, count))


def _shift(screen: Screen, which: range, x: int, count: int) -> Iterator[None]:
    """Insert ``count`` blank cells at x, or delete cells when it is negative; in steps."""
    edit = rows.insert if count > 0 else rows.delete
    pen = screen.erasing
    for y in which:
        screen.rows[y] = edit(screen.rows[y], x, screen.right, abs(count), pen)
        screen.work.add(2)
        yield


CSI: dict[str, Callable[[Screen, Params], None]] = {"T": scroll_down_or_track}
