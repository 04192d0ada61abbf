"""Pictures on the screen: where sixel graphics go, and what programs may ask about them.

Also the cursor after it, and XTSMGRAPHICS. Decoding is in cells.sixel, storing in
cells.pictures. As xterm: with DECSDM reset, which it is by default, a
picture begins at the cursor, the screen scrolls as it must, and the cursor ends on the
picture's last row, in the column it began in or, in mode 8452, right of the picture.
With DECSDM set it begins at the top left, and neither the screen nor the cursor moves.
What is beneath a picture is gone, except the cells that one of background mode 1 leaves
alone: a cell shows text or a picture, not both.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from engine.emulator.cells import mosaic, rows
from engine.emulator.cells.page import NOWHERE
from engine.emulator.cells.pictures import Picture, Strip
from engine.emulator.cells.rows import CLUSTER
from engine.emulator.cells.sixel import MAX_AREA, MAX_SIDE, REGISTERS, STRIP
from engine.emulator.cells.style import Style
from engine.emulator.screen.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.cells.sixel import Decoder
    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

_REGISTERS, _SIXEL = 1, 2
"""XTSMGRAPHICS' items."""
_READ, _RESET, _SET, _READ_MOST = 1, 2, 3, 4
"""XTSMGRAPHICS' actions."""
_DONE, _BAD_ITEM, _BAD_ACTION, _FAILED = 0, 1, 2, 3
_SQUARE: Final = 2048
"""The side of the largest square picture."""


def place(screen: Screen, decoder: Decoder) -> None:
    """Put what was decoded on the screen. Its cells take the present background."""
    bitmap = decoder.finish()
    if bitmap is None or screen.pictures.full:
        return
    cell = screen.host.cell
    picture = Picture(bitmap, (max(cell.width, 1), max(cell.height, 1)))
    still = Mode.SIXEL_DISPLAY in screen.mode
    y, x = (0, 0) if still else (screen.cursor.y, screen.cursor.x)
    limit = screen.right if x <= screen.right else screen.columns - 1
    across = min(picture.columns, limit + 1 - x)
    allowance = screen.pictures.allowance
    if not allowance.take(picture.lines * (STRIP + across)):
        return
    screen.pictures.add(picture)
    # Examining each pixel may be too much work: then its blank cells are blank.
    examined = len(set(map(id, bitmap.rows))) + 2 * (len(bitmap.rows) // picture.cell[1])
    sparing = decoder.sparing and allowance.take(bitmap.width * examined * 3 // 2)
    y = _put(screen, picture, y, x, across, scrolls=not still, sparing=sparing)
    screen.last, screen.print_at, screen.open_cluster = "", NOWHERE, False
    if still:
        return
    screen.wrap_next = False
    screen.cursor.y = y
    if Mode.SIXEL_RIGHT in screen.mode:
        screen.cursor.x = x + across
        if screen.cursor.x > limit:
            screen.cursor.x = screen.left
            if y == screen.bottom:
                screen.scroll(screen.top, screen.bottom, 1)
            elif y < screen.lines - 1:
                screen.cursor.y = y + 1


def _put(
    screen: Screen,
    picture: Picture,
    y: int,
    x: int,
    across: int,
    *,
    scrolls: bool,
    sparing: bool,
) -> int:
    """Its cells, from (y, x) on; returns the row of the last ones.

    Those in which nothing is drawn are left as they were if ``sparing``.
    The screen scrolls by as many rows as there is room for at once: one by one would take
    the square of that.
    """
    bottom = screen.bottom if scrolls and y <= screen.bottom else screen.lines - 1
    background = screen.pens.style(screen.pen).bg
    lines_a_pen = mosaic.lines_a_pen(picture)
    pen = ""
    for row in range(picture.lines):
        if row:
            y += 1
        if y > bottom:
            if bottom != screen.bottom or not scrolls:
                return bottom
            count = min(picture.lines - row, bottom + 1 - screen.top)
            screen.scroll(screen.top, bottom, count)
            y -= count
        if row % lines_a_pen == 0:
            pen = screen.pens.pen(Style(bg=background, strip=Strip(picture, row)))
        cells = mosaic.cells(picture, row, across)
        if not sparing:
            screen.rows[y] = rows.put(screen.rows[y], x, cells, pen * across, CLUSTER)
            continue
        width, height = picture.cell
        at = 0
        for drawn, some in groupby(picture.bitmap.drawn(row * height, height, width)[:across]):
            end = at + len(list(some))
            if drawn:
                screen.rows[y] = rows.put(
                    screen.rows[y], x + at, cells[at:end], pen * (end - at), CLUSTER
                )
            at = end
    return y


def attributes(screen: Screen, params: Params) -> None:
    """XTSMGRAPHICS: CSI ? item ; action ; value S. Nothing can be set but to what it is."""
    item, action = params.get(0), params.get(1)
    found = _ITEMS.get(item) if "sixel" in screen.features else None
    if found is None:
        screen.answer(f"\x1b[?{item};{_BAD_ITEM};0S")
    elif action not in (_READ, _RESET, _SET, _READ_MOST):
        screen.answer(f"\x1b[?{item};{_BAD_ACTION};0S")
    elif action == _SET and (item != _REGISTERS or params.get(2) != REGISTERS):
        screen.answer(f"\x1b[?{item};{_FAILED};0S")
    else:
        screen.answer(f"\x1b[?{item};{_DONE};{found(screen, action == _READ_MOST)}S")


def _size(screen: Screen, most: bool) -> str:
    """The largest picture there is room for, or that there may be."""
    if most:
        return f"{_SQUARE};{_SQUARE}"
    cell = screen.host.cell
    width = max(min(screen.columns * cell.width, MAX_SIDE), 1)
    return f"{width};{min(screen.lines * cell.height, MAX_SIDE, MAX_AREA // width)}"


_ITEMS: dict[int, Callable[[Screen, bool], str]] = {
    _REGISTERS: lambda screen, _: str(REGISTERS),
    _SIXEL: _size,
}

CSI: dict[str, Callable[[Screen, Params], None]] = {"?S": attributes}
