"""Erasing, inserting and deleting: pyte's events and their kin.

Owns what happens to cells that are not printed. Does not own the edits of one
row (rows) nor rectangles (rectangles).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.emulator.cells import rows
from engine.emulator.screen.drawing import Drawing
from engine.emulator.screen.work import CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator.cells.rows import Row

SCROLLBACK = 3
"""ED's parameter for the history (xterm)."""


class Editing(Drawing):
    # -- erasing

    def erase_characters(self, count: int | None = None) -> None:
        x = self.cursor.x
        self.erase(self.cursor.y, x, min(x + (count or 1), self.columns), selective=False)
        self.wrap_next = False

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        x = self.cursor.x
        spans = {0: (x, self.columns), 1: (0, x + 1), 2: (0, self.columns)}
        if how in spans:
            self.erase(self.cursor.y, *spans[how], selective=private)
        self.wrap_next = False

    def erase_in_display(self, how: int = 0, *_: Any, private: bool = False) -> None:
        if how == SCROLLBACK:
            if not private:
                self.clear_history()
            return
        y = self.cursor.y
        spans = {0: range(y + 1, self.lines), 1: range(y), 2: range(self.lines)}
        if how in spans:
            self.erase_rows(spans[how], selective=private)
        if how in (0, 1):
            self.erase_in_line(how, private)
        self.wrap_next = False

    def erase_rows(self, which: range, *, selective: bool) -> None:
        if self._respects(selective):
            self.work.steps(self._erase_unprotected(self.rows, which))
        else:
            self.rows[which.start : which.stop] = [self.blank_row()] * len(which)

    def _erase_unprotected(self, here: list[Row], which: range) -> Iterator[None]:
        """In steps. The page is given: by the time it is done, another one may be shown."""
        for y in which:
            here[y] = self._without_unprotected(here[y], 0, self.columns)
            yield

    def _without_unprotected(self, row: Row, start: int, end: int) -> Row:
        self.work.done += 1 + len(row[0]) // CELLS
        return rows.erase_unprotected(
            row, start, end, self.erasing, self.pens.protected, self.columns
        )

    def erase(self, y: int, start: int, end: int, *, selective: bool) -> None:
        """Blank cells start..end-1 of row y; protected ones stay when that is asked for."""
        row = self.rows[y]
        if self._respects(selective):
            self.rows[y] = self._without_unprotected(row, start, end)
        else:
            self.rows[y] = rows.erase(row, start, end, self.columns, self.erasing)

    def _respects(self, selective: bool) -> bool:
        """Whether there is protection that this erasing leaves alone (as xterm: SPA always)."""
        return bool(self.pens.protected) and (selective or self.iso_protection)

    def alignment_display(self) -> None:
        self.reset_margins()
        self.refresh()
        self.cursor.x = self.cursor.y = 0
        self.wrap_next = False
        self.rows[:] = [("E" * self.columns, rows.DEFAULT_PEN * self.columns, 0)] * self.lines

    # -- lines

    def insert_lines(self, count: int | None = None) -> None:
        self._move_lines(-(count or 1))

    def delete_lines(self, count: int | None = None) -> None:
        self._move_lines(count or 1)

    def _move_lines(self, count: int) -> None:
        if self.in_rows() and self.in_columns():
            self.scroll(self.cursor.y, self.bottom, count, history=False)
            self.cursor.x = self.left
            self.wrap_next = False

    def scroll_up(self, count: int | None = None) -> None:
        self.scroll(self.top, self.bottom, count or 1)

    def scroll_down(self, count: int | None = None) -> None:
        self.scroll(self.top, self.bottom, -(count or 1))

    # -- characters

    def insert_characters(self, count: int | None = None) -> None:
        self._shift_line(count or 1)

    def delete_characters(self, count: int | None = None) -> None:
        self._shift_line(-(count or 1))

    def insert_columns(self, count: int | None = None) -> None:
        """DECIC."""
        self._shift_region(self.cursor.x, count or 1)

    def delete_columns(self, count: int | None = None) -> None:
        """DECDC."""
        self._shift_region(self.cursor.x, -(count or 1))

    def scroll_left(self, count: int | None = None) -> None:
        """SL."""
        self._shift_region(self.left, -(count or 1))

    def scroll_right(self, count: int | None = None) -> None:
        """SR."""
        self._shift_region(self.left, count or 1)

    def back_index(self) -> None:
        """DECBI: left, and at the left margin the text moves right instead."""
        if self.cursor.x == self.left and self.in_rows():
            self._shift_region(self.left, 1)
        elif self.cursor.x > 0:
            self.cursor.x -= 1
            self.wrap_next = False

    def forward_index(self) -> None:
        """DECFI: right, and at the right margin the text moves left instead."""
        if self.cursor.x == self.right and self.in_rows():
            self._shift_region(self.left, -1)
        elif self.cursor.x < self.columns - 1:
            self.cursor.x += 1
            self.wrap_next = False

    def _shift_line(self, count: int) -> None:
        y = self.cursor.y
        for _ in self._shift(range(y, y + 1), self.cursor.x, count):
            pass

    def _shift_region(self, x: int, count: int) -> None:
        if self.in_rows() and self.in_columns():
            self.work.steps(self._shift(range(self.top, self.bottom + 1), x, count))

    def _shift(self, which: range, x: int, count: int) -> Iterator[None]:
        """Insert ``count`` blank cells at x, or delete cells when it is negative; in steps."""
        self.wrap_next = False
        if not self.in_columns():
            return
        edit = rows.insert if count > 0 else rows.delete
        pen = self.erasing
        for y in which:
            self.rows[y] = edit(self.rows[y], x, self.right, abs(count), pen)
            self.work.done += 2
            yield
