"""Cursor movement, tabs and margins: pyte's events, as xterm does them.

Owns where the cursor goes. Does not own text (drawing) nor erasing (editing).
Missing parameters and zero mean 1, here and in the classes above.
Source: xterm ctlseqs, DEC STD 070.
"""

from __future__ import annotations

from engine.emulator.cells.rows import WRAPPED
from engine.emulator.screen.base import Base
from engine.emulator.screen.modes import Mode
from engine.emulator.screen.work import CELLS


class Motion(Base):
    # -- by counts

    def cursor_up(self, count: int | None = None) -> None:
        limit = self.top if self.cursor.y >= self.top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), limit)
        self.wrap_next = False

    def cursor_down(self, count: int | None = None) -> None:
        limit = self.bottom if self.cursor.y <= self.bottom else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), limit)
        self.wrap_next = False

    def cursor_up1(self, count: int | None = None) -> None:
        self.cursor_up(count)
        self.carriage_return()

    def cursor_down1(self, count: int | None = None) -> None:
        self.cursor_down(count)
        self.carriage_return()

    def cursor_forward(self, count: int | None = None) -> None:
        limit = self.right if self.cursor.x <= self.right else self.columns - 1
        self.cursor.x = min(self.cursor.x + (count or 1), limit)
        self.wrap_next = False

    def cursor_back(self, count: int | None = None) -> None:
        """CUB and BS, through wrapped lines in mode 45, and anywhere in mode 1045."""
        left = self.left if self.cursor.x >= self.left else 0
        count = count or 1
        wraps = Mode.AUTOWRAP in self.mode and bool(
            self.mode & {Mode.REVERSE_WRAP, Mode.REVERSE_WRAP_EXTENDED}
        )
        if wraps:
            self._back_through_wraps(left, count)
        else:
            self.cursor.x = max(self.cursor.x - count, left)
        self.wrap_next = False

    def _back_through_wraps(self, left: int, count: int) -> None:
        # What goes round the whole region comes to where it started.
        extended = Mode.REVERSE_WRAP_EXTENDED in self.mode
        x, y = self.cursor.x, self.cursor.y
        count = min(count, self.columns * (self.lines + 1))
        if self.wrap_next:
            count -= 1
        # Once between the margins, the same rows come again and again.
        across = self.right + 1 - left
        most = self.columns + across * self.lines
        if count > most:
            again = across * (self.bottom + 1 - self.top)
            count -= (count - most) // again * again
        self.work.done += self.lines // CELLS
        while count > x - left:
            count -= x - left + 1
            if extended:
                y = self.bottom if y == self.top else (y - 1) % self.lines
            elif y > 0 and self.rows[y - 1][2] & WRAPPED:
                y -= 1
            else:
                x, count = left, 0
                break
            x = self.right
        self.cursor.x, self.cursor.y = x - count, y

    def backspace(self) -> None:
        self.cursor_back(1)

    # -- to places

    def carriage_return(self) -> None:
        inside = self.cursor.x >= self.left or Mode.ORIGIN in self.mode
        self.cursor.x = self.left if inside else 0
        self.wrap_next = False

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        self.move_to((line or 1) - 1, (column or 1) - 1)

    def cursor_to_column(self, column: int | None = None) -> None:
        self.move_to(self._relative_y(), (column or 1) - 1)

    def cursor_to_line(self, line: int | None = None) -> None:
        self.move_to((line or 1) - 1, self._relative_x())

    def cursor_forward_anywhere(self, count: int | None = None) -> None:
        """HPR: unlike CUF it does not stop at the right margin."""
        self.move_to(self._relative_y(), self._relative_x() + (count or 1))

    def cursor_down_anywhere(self, count: int | None = None) -> None:
        """VPR: unlike CUD it does not stop at the bottom margin."""
        self.move_to(self._relative_y() + (count or 1), self._relative_x())

    def _relative_y(self) -> int:
        return self.cursor.y - (self.top if Mode.ORIGIN in self.mode else 0)

    def _relative_x(self) -> int:
        return self.cursor.x - (self.left if Mode.ORIGIN in self.mode else 0)

    # -- lines

    def index(self) -> None:
        if self.cursor.y == self.bottom and self.in_columns():
            self.scroll(self.top, self.bottom, 1)
            self.wrap_next = False
        else:
            self.cursor_down(1)

    def reverse_index(self) -> None:
        if self.cursor.y == self.top and self.in_columns():
            self.scroll(self.top, self.bottom, -1)
            self.wrap_next = False
        else:
            self.cursor_up(1)

    def next_line(self) -> None:
        self.index()
        self.carriage_return()

    def linefeed(self) -> None:
        self.index()
        if Mode.NEW_LINE in self.mode:
            self.carriage_return()

    # -- tabs

    def tab(self) -> None:
        if self.wrap_next and Mode.MORE_FIX in self.mode:
            self.next_line()
        limit = self.right if self.cursor.x <= self.right else self.columns - 1
        x = self.cursor.x + 1
        while x < limit and x not in self.tabstops:
            x += 1
        self.work.done += (x - self.cursor.x) // (4 * CELLS)
        self.cursor.x = min(x, limit)

    def tab_forward(self, count: int | None = None) -> None:
        self.work.done += len(self.tabstops) // CELLS
        stops = sorted(stop for stop in self.tabstops if stop > self.cursor.x)
        limit = self.right if self.cursor.x <= self.right else self.columns - 1
        wanted = count or 1
        self.cursor.x = min(stops[wanted - 1], limit) if wanted <= len(stops) else limit

    def tab_back(self, count: int | None = None) -> None:
        self.work.done += len(self.tabstops) // CELLS
        stops = sorted(stop for stop in self.tabstops if stop < self.cursor.x)
        wanted = count or 1
        left = self.left if Mode.ORIGIN in self.mode else 0
        self.cursor.x = max(stops[-wanted], left) if wanted <= len(stops) else left
        # Alone among the movements, xterm's CBT (TabToPrevStop) leaves a pending wrap pending.
        if self.wrap_next:
            self.wrap_away = True
            self.refresh()

    def set_tab_stop(self) -> None:
        self.tabstops.add(self.cursor.x)

    def clear_tab_stop(self, how: int = 0) -> None:
        if how == 0:
            self.tabstops.discard(self.cursor.x)
        elif how == 3:
            self.tabstops.clear()

    # -- margins

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """DECSTBM."""
        first = (top or 1) - 1
        last = min(bottom or self.lines, self.lines) - 1
        if first < last:
            self.top, self.bottom = first, last
            self.move_to(0, 0)

    def set_side_margins(self, left: int | None = None, right: int | None = None) -> None:
        """DECSLRM."""
        first = (left or 1) - 1
        last = min(right or self.columns, self.columns) - 1
        if first < last:
            self.left, self.right = first, last
            self.full_width = (first, last) == (0, self.columns - 1)
            self.refresh()
            self.move_to(0, 0)
