"""Text: what printing does to the screen, the slow way that knows every mode.

Wrapping, insert mode, character sets, clusters that grow, and REP. The stream has a
faster way for what is common (parse.fast); both give the same screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator.cells import rows
from engine.emulator.cells.rows import CLUSTER, HALF, SPACER, WIDE, WRAPPED
from engine.emulator.cells.width import JOINER, cluster_width, continues, extends, width
from engine.emulator.screen import motion
from engine.emulator.screen.modes import Mode
from engine.emulator.screen.work import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator.screen.screen import Screen


def draw(screen: Screen, data: str) -> None:
    """Print text without control characters."""
    if not data:
        return
    shifted = screen.single_shift
    table = screen.charsets.table()
    if shifted is not None:
        once = screen.charsets.table(shifted)
        screen.single_shift = None
        screen.refresh()
        head = data[0].translate(once) if once else data[0]
        data = head + (data[1:].translate(table) if table else data[1:])
    elif table:
        data = data.translate(table)
    _print(screen, data)


def _print(screen: Screen, text: str) -> None:
    """Print text in the current pen, character sets applied already."""
    ends_open = text[-1] == JOINER
    if not text.isascii():
        screen.work.add(len(text) // CLUSTERS)
        text = _join(screen, text)
        screen.open_cluster = ends_open
        if not text:
            return
        cells, flags = screen.clusters.cells(text)
    else:
        cells, flags = text, 0
    _put_cells(screen, cells, flags)
    _printed(screen, _last_cell(cells))


def repeat(screen: Screen, count: int) -> None:
    """REP. Rows that would only scroll after rows of the same are not printed."""
    if screen.last:
        screen.work.steps(_repeat(screen, screen.last, count or 1))


def _repeat(screen: Screen, cell: str, count: int) -> Iterator[None]:
    # Without side margins a row is no work. With them, each one may move all others.
    a_row = max(1, (screen.right + 1 - screen.left) // len(cell))
    most = a_row * screen.lines + (0 if screen.full_width else screen.columns)
    left = count - max(0, count - most) // a_row * a_row
    at_once = left if screen.full_width else max(1, width_here(screen) // len(cell))
    while left:
        times = min(left, at_once)
        _put_cells(screen, cell * times, WIDE | CLUSTER if cell >= "\x7f" else 0)
        left -= times
        yield
    _printed(screen, cell)


def width_here(screen: Screen) -> int:
    """Cells of a row that is printed where the cursor is."""
    if screen.left <= screen.cursor.x <= screen.right:
        return screen.right + 1 - screen.left
    return screen.columns


def _printed(screen: Screen, cell: str) -> None:
    screen.print_at = (screen.cursor.y, screen.cursor.x + screen.wrap_next)
    screen.last = cell


def _last_cell(cells: str) -> str:
    return cells[-2:] if cells[-1] == HALF else cells[-1]


# -- cells


def _put_cells(screen: Screen, cells: str, flags: int) -> None:
    autowrap = Mode.AUTOWRAP in screen.mode
    if screen.wrap_away:
        screen.wrap_away = False
        screen.refresh()
    screen.dropped = ""
    at, length = 0, len(cells)
    while at < length:
        screen.work.add(1)
        if screen.wrap_next and autowrap:
            _wrap(screen)
        x = screen.cursor.x
        limit = screen.right if x <= screen.right else screen.columns - 1
        room = limit + 1 - x
        end = min(at + room, length)
        if x < screen.left and x + length - at > screen.left and Mode.INSERT in screen.mode:
            # Inserting begins at the left margin.
            end = at + screen.left - x
            if cells[end] == HALF:
                end += 1
        elif end < length and cells[end] == HALF:
            # A wide character does not fit in what is left of the row.
            end -= 1
        if end < length and not autowrap:
            _put_without_wrapping(screen, cells[at:end], cells[end:], limit, flags)
            return
        if end > at:
            _put_part(screen, cells[at:end], flags)
            at = end
        elif screen.columns == 1:
            # One column cannot show a wide character at all.
            _put_spacer(screen, x)
            at += 2
        else:
            _put_spacer(screen, x)
            _wrap(screen, SPACER)


def _put_part(screen: Screen, cells: str, flags: int) -> None:
    """Cells that fit before the margin; leaves the cursor after them or waiting to wrap."""
    x, y = screen.cursor.x, screen.cursor.y
    limit = screen.right if x <= screen.right else screen.columns - 1
    count = len(cells)
    row = screen.rows[y]
    # When all that was there leaves, inserting is overwriting; so it is outside the margins.
    if Mode.INSERT in screen.mode and screen.left <= x <= limit - count <= screen.right - count:
        row = rows.insert(row, x, limit, count, screen.pen)
    screen.rows[y] = rows.put(row, x, cells, screen.pen * count, flags)
    if x + count > limit:
        screen.cursor.x, screen.wrap_next = limit, True
    else:
        screen.cursor.x = x + count
        screen.wrap_next = False


def _put_without_wrapping(screen: Screen, head: str, rest: str, limit: int, flags: int) -> None:
    """What does not fit lands on the last cell, each over the one before it.

    A wide character is dropped, as in xterm, and the cursor waits in the last cell. Of one that
    a later character makes wide what is before that stays: it may have come earlier.
    """
    if head:
        _put_part(screen, head, flags)
    screen.cursor.x, screen.wrap_next = limit, False
    seen = dropped = ""
    at = len(rest)
    while at and not seen:
        at -= 1
        if rest[at] != HALF:
            seen = rest[at]
            continue
        at -= 1
        whole = screen.clusters.whole(rest[at])
        dropped = dropped or whole
        if width(whole[0]) == 1:
            size = 1
            while cluster_width(whole[: size + 1]) == 1:
                size += 1
            seen = screen.clusters.code(whole[:size])
    if seen:
        _put_part(screen, seen, flags)
        screen.wrap_next = not dropped
    screen.dropped = dropped


def _put_spacer(screen: Screen, x: int) -> None:
    """The cell a wide character left empty when it went to the next row.

    At the edge it is no text, so that a wider screen joins the two rows without a gap.
    """
    row = rows.put(screen.rows[screen.cursor.y], x, " ", screen.pen)
    if x == screen.columns - 1 and screen.pen == rows.DEFAULT_PEN:
        # What is left of it is text, blank or not: put() has filled it up.
        row = rows.erase(row, x, screen.columns, screen.columns, screen.pen)
    screen.rows[screen.cursor.y] = row


def _wrap(screen: Screen, spacer: int = 0) -> None:
    """Go on in the next row. Rows are marked as wrapped from edge to edge of the screen alone.

    ``spacer`` is SPACER when the last cell was left blank.
    """
    x, y = screen.cursor.x, screen.cursor.y
    start = screen.left if x >= screen.left else 0
    screen.wrap_next = False
    alone = screen.lines == 1
    if alone:
        _mark_wrapped(screen, 0, spacer)
    motion.index(screen)
    screen.cursor.x = start
    if start == 0 and x == screen.columns - 1 and not alone:
        scrolled = y == screen.bottom and screen.in_columns()
        if scrolled or screen.cursor.y > y:
            _mark_wrapped(screen, screen.cursor.y - 1, spacer)


def _mark_wrapped(screen: Screen, y: int, spacer: int) -> None:
    text, pens, flags = screen.rows[y]
    screen.rows[y] = (text, pens, flags & ~SPACER | WRAPPED | spacer)


# -- clusters that grow


def _join(screen: Screen, text: str) -> str:
    """Give the cell before the cursor the characters that belong to it; returns the rest."""
    first = text[0]
    joining = screen.print_at == (screen.cursor.y, screen.cursor.x + screen.wrap_next)
    if not extends(first) and not (joining and first > "\u200d"):
        return text
    x, y = _before(screen)
    taken = 0
    cluster = screen.dropped
    if cluster and joining:
        while taken < len(text) and continues(cluster, text[taken]):
            cluster = (cluster + text[taken])[:16]
            taken += 1
        if taken:
            screen.dropped = cluster
            screen.last = screen.clusters.code(cluster) + HALF
    elif x >= 0:
        row = screen.rows[y]
        code = row[0][x] if x < len(row[0]) else " "
        before = cluster = screen.clusters.whole(code)
        while taken < len(text) and (
            continues(cluster, text[taken]) if joining else extends(text[taken])
        ):
            cluster = (cluster + text[taken])[:16]
            taken += 1
        if cluster != before:
            _grow(screen, y, x, cluster, cluster_width(before))
            if joining:
                screen.print_at = (screen.cursor.y, screen.cursor.x + screen.wrap_next)
    else:
        while taken < len(text) and extends(text[taken]):
            taken += 1
    return text[taken:]


def _before(screen: Screen) -> tuple[int, int]:
    """Column (-1: none) and row of the character before the cursor."""
    x, y = screen.cursor.x, screen.cursor.y
    if not screen.wrap_next:
        x -= 1
    text = screen.rows[y][0]
    if 0 < x < len(text) and text[x] == HALF:
        x -= 1
    return x, y


def _grow(screen: Screen, y: int, x: int, cluster: str, was: int) -> None:
    row = screen.rows[y]
    pen = row[1][x] if x < len(row[0]) else rows.DEFAULT_PEN
    code = screen.clusters.code(cluster)
    if cluster_width(cluster) == was:
        screen.rows[y] = (
            rows.put(row, x, code, pen, CLUSTER)
            if was == 1
            else (
                row[0][:x] + code + row[0][x + 1 :],
                row[1],
                row[2] | CLUSTER,
            )
        )
        screen.last = code + HALF * (was - 1)
        return
    # It became wide: printed anew, it takes the next cell or the next row.
    limit = screen.right if x <= screen.right else screen.columns - 1
    if x == limit and Mode.AUTOWRAP not in screen.mode:
        screen.cursor.x, screen.wrap_next = x, False
        screen.dropped = cluster
        screen.last = code + HALF
        return
    if Mode.INSERT in screen.mode and screen.left <= x <= limit - 2 <= screen.right - 2:
        # Its one cell was inserted already.
        screen.rows[y] = rows.delete(row, x, limit, 1, pen)
    here = screen.pen
    screen.pen = pen
    screen.cursor.x, screen.wrap_next = x, False
    _put_cells(screen, code + HALF, WIDE | CLUSTER)
    screen.pen = here
    screen.last = code + HALF
