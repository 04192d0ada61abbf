"""Where the cursor goes: movement, line feeds, tabs and margins, as xterm does them.

Numbers of sequences come as they are: 0, which is also what a missing one is, means 1.
Source: xterm ctlseqs, DEC STD 070.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator.cells.rows import WRAPPED
from engine.emulator.screen.modes import Mode
from engine.emulator.screen.work import CELLS

if TYPE_CHECKING:
    from engine.emulator.screen.screen import Screen


# -- by counts


def cursor_up(screen: Screen, count: int) -> None:
    limit = screen.top if screen.cursor.y >= screen.top else 0
    screen.cursor.y = max(screen.cursor.y - (count or 1), limit)
    screen.wrap_next = False


def cursor_down(screen: Screen, count: int) -> None:
    limit = screen.bottom if screen.cursor.y <= screen.bottom else screen.lines - 1
    screen.cursor.y = min(screen.cursor.y + (count or 1), limit)
    screen.wrap_next = False


def cursor_up1(screen: Screen, count: int) -> None:
    cursor_up(screen, count)
    carriage_return(screen)


def cursor_down1(screen: Screen, count: int) -> None:
    cursor_down(screen, count)
    carriage_return(screen)


def cursor_forward(screen: Screen, count: int) -> None:
    limit = screen.right if screen.cursor.x <= screen.right else screen.columns - 1
    screen.cursor.x = min(screen.cursor.x + (count or 1), limit)
    screen.wrap_next = False


def cursor_back(screen: Screen, count: int) -> None:
    """CUB and BS, through wrapped lines in mode 45, and anywhere in mode 1045."""
    left = screen.left if screen.cursor.x >= screen.left else 0
    count = count or 1
    wraps = Mode.AUTOWRAP in screen.mode and bool(
        screen.mode & {Mode.REVERSE_WRAP, Mode.REVERSE_WRAP_EXTENDED}
    )
    if wraps:
        _back_through_wraps(screen, left, count)
    else:
        screen.cursor.x = max(screen.cursor.x - count, left)
    screen.wrap_next = False


def _back_through_wraps(screen: Screen, left: int, count: int) -> None:
    # What goes round the whole region comes to where it started.
    extended = Mode.REVERSE_WRAP_EXTENDED in screen.mode
    x, y = screen.cursor.x, screen.cursor.y
    count = min(count, screen.columns * (screen.lines + 1))
    if screen.wrap_next:
        count -= 1
    # Once between the margins, the same rows come again and again.
    across = screen.right + 1 - left
    most = screen.columns + across * screen.lines
    if count > most:
        again = across * (screen.bottom + 1 - screen.top)
        count -= (count - most) // again * again
    screen.work.add(screen.lines // CELLS)
    while count > x - left:
        count -= x - left + 1
        if extended:
            y = screen.bottom if y == screen.top else (y - 1) % screen.lines
        elif y > 0 and (not screen.full_width or screen.rows[y - 1][2] & WRAPPED):
            # Between side margins no row is marked as wrapped.
            y -= 1
        else:
            x, count = left, 0
            break
        x = screen.right
    screen.cursor.x, screen.cursor.y = x - count, y


def backspace(screen: Screen) -> None:
    cursor_back(screen, 1)


# -- to places


def carriage_return(screen: Screen) -> None:
    inside = screen.cursor.x >= screen.left or Mode.ORIGIN in screen.mode
    screen.cursor.x = screen.left if inside else 0
    screen.wrap_next = False


def cursor_position(screen: Screen, line: int, column: int) -> None:
    screen.move_to((line or 1) - 1, (column or 1) - 1)


def cursor_to_column(screen: Screen, column: int) -> None:
    screen.move_to(_relative_y(screen), (column or 1) - 1)


def cursor_to_line(screen: Screen, line: int) -> None:
    screen.move_to((line or 1) - 1, _relative_x(screen))


def cursor_forward_anywhere(screen: Screen, count: int) -> None:
    """HPR: unlike CUF it does not stop at the right margin."""
    screen.move_to(_relative_y(screen), _relative_x(screen) + (count or 1))


def cursor_down_anywhere(screen: Screen, count: int) -> None:
    """VPR: unlike CUD it does not stop at the bottom margin."""
    screen.move_to(_relative_y(screen) + (count or 1), _relative_x(screen))


def _relative_y(screen: Screen) -> int:
    return screen.cursor.y - (screen.top if Mode.ORIGIN in screen.mode else 0)


def _relative_x(screen: Screen) -> int:
    return screen.cursor.x - (screen.left if Mode.ORIGIN in screen.mode else 0)


# -- lines


def index(screen: Screen) -> None:
    if screen.cursor.y == screen.bottom and screen.in_columns():
        screen.scroll(screen.top, screen.bottom, 1)
        screen.wrap_next = False
    else:
        cursor_down(screen, 1)


def reverse_index(screen: Screen) -> None:
    if screen.cursor.y == screen.top and screen.in_columns():
        screen.scroll(screen.top, screen.bottom, -1)
        screen.wrap_next = False
    else:
        cursor_up(screen, 1)


def next_line(screen: Screen) -> None:
    index(screen)
    carriage_return(screen)


def linefeed(screen: Screen) -> None:
    index(screen)
    if Mode.NEW_LINE in screen.mode:
        carriage_return(screen)


# -- tabs


def tab(screen: Screen) -> None:
    if screen.wrap_next and Mode.MORE_FIX in screen.mode:
        next_line(screen)
    limit = screen.right if screen.cursor.x <= screen.right else screen.columns - 1
    x = screen.cursor.x + 1
    while x < limit and x not in screen.tabstops:
        x += 1
    screen.work.add((x - screen.cursor.x) // (4 * CELLS))
    screen.cursor.x = min(x, limit)


def tab_forward(screen: Screen, count: int) -> None:
    screen.work.add(len(screen.tabstops) // CELLS)
    stops = sorted(stop for stop in screen.tabstops if stop > screen.cursor.x)
    limit = screen.right if screen.cursor.x <= screen.right else screen.columns - 1
    wanted = count or 1
    screen.cursor.x = min(stops[wanted - 1], limit) if wanted <= len(stops) else limit


def tab_back(screen: Screen, count: int) -> None:
    screen.work.add(len(screen.tabstops) // CELLS)
    stops = sorted(stop for stop in screen.tabstops if stop < screen.cursor.x)
    wanted = count or 1
    left = screen.left if Mode.ORIGIN in screen.mode else 0
    screen.cursor.x = max(stops[-wanted], left) if wanted <= len(stops) else left
    # Alone among the movements, xterm's CBT (TabToPrevStop) leaves a pending wrap pending.
    if screen.wrap_next:
        screen.wrap_away = True
        screen.refresh()


def set_tab_stop(screen: Screen) -> None:
    screen.tabstops.add(screen.cursor.x)


def clear_tab_stop(screen: Screen, how: int) -> None:
    if how == 0:
        screen.tabstops.discard(screen.cursor.x)
    elif how == 3:
        screen.tabstops.clear()


def default_tabs(screen: Screen, how: int) -> None:
    """DECST8C."""
    if how == 5:
        screen.set_default_tabs()


# -- margins


def set_margins(screen: Screen, top: int, bottom: int) -> None:
    """DECSTBM."""
    first = (top or 1) - 1
    last = min(bottom or screen.lines, screen.lines) - 1
    if first < last:
        screen.top, screen.bottom = first, last
        screen.move_to(0, 0)


def set_side_margins(screen: Screen, left: int, right: int) -> None:
    """DECSLRM."""
    first = (left or 1) - 1
    last = min(right or screen.columns, screen.columns) - 1
    if first < last:
        screen.left, screen.right = first, last
        screen.full_width = (first, last) == (0, screen.columns - 1)
        screen.refresh()
        screen.move_to(0, 0)
