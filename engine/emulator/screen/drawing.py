"""Text: what printing does to the screen, the slow way that knows every mode.

Owns wrapping, insert mode, character sets, clusters that grow, and REP. The
stream has a faster way for what is common; both must give the same screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator.cells import rows
from engine.emulator.cells.rows import CLUSTER, HALF, WIDE, WRAPPED
from engine.emulator.cells.width import JOINER, cluster_width, continues, extends
from engine.emulator.screen.modes import Mode
from engine.emulator.screen.motion import Motion
from engine.emulator.screen.work import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Drawing(Motion):
    # -- pyte's events

    def draw(self, data: str) -> None:
        """Print text without control characters."""
        if not data:
            return
        shifted = self.single_shift
        table = self.charsets.table()
        if shifted is not None:
            once = self.charsets.table(shifted)
            self.single_shift = None
            self.refresh()
            head = data[0].translate(once) if once else data[0]
            data = head + (data[1:].translate(table) if table else data[1:])
        elif table:
            data = data.translate(table)
        self.print(data)

    def print(self, text: str) -> None:
        """Print text in the current pen, character sets applied already."""
        ends_open = text[-1] == JOINER
        if not text.isascii():
            self.work.done += len(text) // CLUSTERS
            text = self._join(text)
            self.open_cluster = ends_open
            if not text:
                return
            cells, flags = self.clusters.cells(text)
        else:
            cells, flags = text, 0
        self._put_cells(cells, flags)
        self._printed(self._last_cell(cells))

    def repeat(self, count: int | None = None) -> None:
        """REP, at most what fits between the margins: nobody repeats more, except to burn our
        time."""
        if self.last:
            self.work.steps(self._repeat(self.last, count or 1))

    def _repeat(self, cell: str, count: int) -> Iterator[None]:
        # Without side margins a row is no work. With them, each one may move all others.
        across = self.width_here()
        left = min(count, max(1, across * self.lines // len(cell)))
        at_once = left if self.full_width else max(1, across // len(cell))
        while left:
            times = min(left, at_once)
            self._put_cells(cell * times, WIDE | CLUSTER if cell >= "\x7f" else 0)
            left -= times
            yield
        self._printed(cell)

    def width_here(self) -> int:
        """Cells of a row that is printed where the cursor is."""
        if self.left <= self.cursor.x <= self.right:
            return self.right + 1 - self.left
        return self.columns

    def _printed(self, cell: str) -> None:
        self.print_at = (self.cursor.y, self.cursor.x + self.wrap_next)
        self.last = cell

    @staticmethod
    def _last_cell(cells: str) -> str:
        return cells[-2:] if cells[-1] == HALF else cells[-1]

    # -- cells

    def _put_cells(self, cells: str, flags: int) -> None:
        autowrap = Mode.AUTOWRAP in self.mode
        if self.wrap_away:
            self.wrap_away = False
            self.refresh()
        at, length = 0, len(cells)
        while at < length:
            self.work.done += 1
            if self.wrap_next and autowrap:
                self._wrap()
            x = self.cursor.x
            limit = self.right if x <= self.right else self.columns - 1
            room = limit + 1 - x
            end = min(at + room, length)
            if end < length and cells[end] == HALF:
                # A wide character does not fit in what is left of the row.
                end -= 1
            if end < length and not autowrap:
                self._put_without_wrapping(cells[at:end], cells[end:], limit, flags)
                return
            if end > at:
                self._put_part(cells[at:end], flags)
                at = end
            elif self.columns == 1:
                # One column cannot show a wide character at all.
                self._put_spacer(x)
                at += 2
            else:
                self._put_spacer(x)
                self._wrap()

    def _put_part(self, cells: str, flags: int) -> None:
        """Cells that fit before the margin; leaves the cursor after them or waiting to wrap."""
        x, y = self.cursor.x, self.cursor.y
        limit = self.right if x <= self.right else self.columns - 1
        count = len(cells)
        row = self.rows[y]
        if Mode.INSERT in self.mode and x < limit:
            # All that was there may leave: then inserting is overwriting.
            if x + count <= limit:
                row = rows.insert(row, x, limit, count, self.pen)
            row = (row[0], row[1], row[2] & ~WRAPPED)
        self.rows[y] = rows.put(row, x, cells, self.pen * count, flags)
        if x + count > limit:
            self.cursor.x, self.wrap_next = limit, True
        else:
            self.cursor.x = x + count
            self.wrap_next = False

    def _put_without_wrapping(self, head: str, rest: str, limit: int, flags: int) -> None:
        """What does not fit lands on the last cells, each over the one before it."""
        if head:
            self._put_part(head, flags)
        # Seen in the end are the last wide character and the last one after it.
        half = rest.rfind(HALF)
        for cells in (rest[half - 1 : half + 1] if half > 0 else "", rest[half + 1 :][-1:]):
            if len(cells) > self.columns:
                self._put_spacer(0)
                self.wrap_next = False
            elif cells:
                self.cursor.x = limit + 1 - len(cells)
                self._put_part(cells, flags)

    def _put_spacer(self, x: int) -> None:
        """The cell a wide character left empty when it went to the next row.

        At the edge it is no text, so that a wider screen joins the two rows without a gap.
        """
        row = rows.put(self.rows[self.cursor.y], x, " ", self.pen)
        if x == self.columns - 1 and self.pen == rows.DEFAULT_PEN:
            # What is left of it is text, blank or not: put() has filled it up.
            row = rows.erase(row, x, self.columns, self.columns, self.pen)
        self.rows[self.cursor.y] = row

    def _wrap(self) -> None:
        text, pens, flags = self.rows[self.cursor.y]
        self.rows[self.cursor.y] = (text, pens, flags | WRAPPED)
        self.wrap_next = False
        self.index()
        self.cursor.x = self.left if self.cursor.x >= self.left else 0

    # -- clusters that grow

    def _join(self, text: str) -> str:
        """Give the cell before the cursor the characters that belong to it; returns the rest."""
        first = text[0]
        joining = self.print_at == (self.cursor.y, self.cursor.x + self.wrap_next)
        if not extends(first) and not (joining and first > "\u200d"):
            return text
        x, y = self._before()
        taken = 0
        cluster = ""
        if x >= 0:
            row = self.rows[y]
            code = row[0][x] if x < len(row[0]) else " "
            before = cluster = self.clusters.whole(code)
            while taken < len(text) and (
                continues(cluster, text[taken]) if joining else extends(text[taken])
            ):
                cluster = (cluster + text[taken])[:16]
                taken += 1
            if cluster != before:
                self._grow(y, x, cluster, cluster_width(before))
                if joining:
                    self.print_at = (self.cursor.y, self.cursor.x + self.wrap_next)
        else:
            while taken < len(text) and extends(text[taken]):
                taken += 1
        return text[taken:]

    def _before(self) -> tuple[int, int]:
        """Column (-1: none) and row of the character before the cursor."""
        x, y = self.cursor.x, self.cursor.y
        if not self.wrap_next:
            x -= 1
        text = self.rows[y][0]
        if 0 < x < len(text) and text[x] == HALF:
            x -= 1
        return x, y

    def _grow(self, y: int, x: int, cluster: str, was: int) -> None:
        row = self.rows[y]
        pen = row[1][x] if x < len(row[0]) else rows.DEFAULT_PEN
        code = self.clusters.code(cluster)
        if cluster_width(cluster) == was:
            self.rows[y] = (
                rows.put(row, x, code, pen, CLUSTER)
                if was == 1
                else (
                    row[0][:x] + code + row[0][x + 1 :],
                    row[1],
                    row[2] | CLUSTER,
                )
            )
            self.last = code + HALF * (was - 1)
            return
        # It became wide: printed anew, it takes the next cell or the next row.
        limit = self.right if x <= self.right else self.columns - 1
        if Mode.INSERT in self.mode and x + 2 <= limit:
            # Its one cell was inserted already.
            self.rows[y] = rows.delete(row, x, limit, 1, pen)
        here = self.pen
        self.pen = pen
        self.cursor.x, self.wrap_next = x, False
        self._put_cells(code + HALF, WIDE | CLUSTER)
        self.pen = here
        self.last = code + HALF
