"""Draws an emulator's screen onto a terminal of another size. No I/O.

Nothing of a program's output reaches that terminal but text, colors, bells and the modes of
keyboard and mouse, so it cannot be damaged. Where the screen is larger, the part around the
cursor is shown; where it is smaller, a line marks its edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from engine.core.model import Size
from engine.core.text import shown
from engine.emulator import (
    DEFAULT_COLOR,
    DEFAULT_STYLE,
    TRUECOLOR,
    CursorShape,
    Line,
    MouseEncoding,
    MouseTracking,
    Style,
    Terminal,
)
from engine.emulator.cells.sgr import sequence
from engine.emulator.cells.width import cluster_width

MAX_TITLE: Final = 120
"""Characters of a title; a longer one is cut off."""
END_STRING: Final = "\x1b\\"
"""Ends whatever a program has begun, and does nothing where it has begun nothing."""
PLAIN: Final = (
    f"{END_STRING}\x1b[!p\x1b[?69l\x1b[r\x1b[?6;5l\x1b[?7h\x1b[4;20l\x1b(B\x1b)B\x0f"
    "\x1b[?2026l\x1b]8;;\x1b\\\x1b[m"
)
"""What a program may have set that changes how text is drawn (xterm ctlseqs)."""
CLEAR: Final = (
    f"{PLAIN}\x1b[?1047l\x1b[?1000;1002;1003;1004;1005;1006;1015;2004l\x1b[?1l\x1b>\x1b[?25h"
    "\x1b[0 q\x1b[?5W\x1b[H\x1b[J"
)
"""An empty screen before a snapshot. Unlike RIS (ESC c) it keeps the terminal's history."""
EDGE: Final = Style(faint=True)
PANEL: Final = Style(reverse=True)

_SHAPES: Final = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}
_Modes = dict[str, str]


class Painter:
    """One terminal. ``frame()`` returns what changes it from the last frame to the next one."""

    def __init__(self, *, keyboard: int = 0) -> None:
        """``keyboard``: the flags of the kitty protocol that the terminal has."""
        self._rows: list[object] = []
        self._size = Size()
        self._modes: _Modes = {"keyboard": f"\x1b[={keyboard}u"}
        self._bells: int | None = None
        self._left = self._top = 0
        self._palette: tuple[tuple[int, int], ...] = ()

    def frame(self, terminal: Terminal, size: Size, panel: Sequence[str] = ()) -> bytes:
        """Draw ``terminal`` on a terminal of ``size``, with lines of text over its last rows."""
        parts: list[str] = []
        if not self._rows or size != self._size:
            parts.append(f"{PLAIN}\x1b[H\x1b[J")
            self._rows = [None] * size.rows
            self._size = size
            self._modes = {"keyboard": self._modes["keyboard"]}
        self._follow(terminal, size, len(panel))
        self._palette = tuple(sorted(terminal.palette.items()))
        drawn: list[str] = []
        for y in range(size.rows):
            self._row(drawn, terminal, y, panel)
        # Where the terminal says the mouse is must be where the program takes it to be.
        moved = bool(panel or self._left or self._top)
        modes = self._changed_modes(terminal, moved)
        cursor = self._cursor(terminal)
        if drawn or modes:
            self._modes.pop("cursor", None)
        parts += drawn
        visible = terminal.cursor_visible and not panel and cursor is not None
        parts += [*modes, *self._mode("visible", f"\x1b[?25{'h' if visible else 'l'}")]
        parts += self._mode("cursor", cursor or "")
        if self._bells is not None and terminal.bells != self._bells:
            parts.append("\x07")
        self._bells = terminal.bells
        if not any(parts):
            return b""
        return f"\x1b[?2026h{''.join(parts)}\x1b[?2026l".encode("utf-8", "replace")

    # -- rows

    def _follow(self, terminal: Terminal, size: Size, covered: int) -> None:
        """Move the part that is shown so that the cursor is in it."""
        y, x = terminal.cursor()
        self._top = _moved(self._top, y, max(1, size.rows - covered), terminal.rows, size.rows)
        self._left = _moved(self._left, x, size.cols, terminal.cols, size.cols)

    def _row(self, parts: list[str], terminal: Terminal, y: int, panel: Sequence[str]) -> None:
        size = self._size
        covered = y - (size.rows - len(panel))
        what: object
        if covered >= 0:
            what = panel[covered]
            draw = partial(_styled, PANEL, fitted(panel[covered], size.cols))
        elif self._top + y < terminal.rows:
            line = terminal.line(self._top + y)
            what = (line, self._left, terminal.cols, terminal.reverse_screen, self._palette)
            draw = partial(self._line, line, terminal)
        else:
            width = min(size.cols, terminal.cols - self._left)
            what = width if self._top + y == terminal.rows else 0
            draw = partial(_styled, EDGE, "─" * (width if what else 0))
        if self._rows[y] != what:
            self._rows[y] = what
            # Erased first: at the right edge that would take the last character with it.
            parts.append(f"\x1b[{y + 1}H\x1b[m\x1b[K{draw()}\x1b[m")

    def _line(self, line: Line, terminal: Terminal) -> str:
        left, width = self._left, min(self._size.cols, terminal.cols - self._left)
        end = left + width
        parts: list[str] = []
        column = left
        last = DEFAULT_STYLE
        blank = Style(reverse=True) if terminal.reverse_screen else DEFAULT_STYLE

        def put(style: Style, text: str) -> None:
            nonlocal last
            if style != last:
                parts.append(sequence(style))
                last = style
            parts.append(text)

        for run in line.runs:
            if run.column + run.cells <= left:
                continue
            if run.column >= end:
                break
            if run.column > column:
                put(blank, " " * (run.column - column))
            style = _outer_style(run.style, terminal)
            after = run.column + run.cells
            if not run.cluster:
                put(style, run.text[max(0, left - run.column) : end - run.column])
            elif run.column < left or after > end:
                # Half of a wide character.
                put(style, " " * (min(after, end) - max(run.column, left)))
            else:
                put(style, run.text)
                if after < end:
                    # The terminal may think differently of how wide it is.
                    parts.append(f"\x1b[{after - left + 1}G")
            column = min(after, end)
        if terminal.reverse_screen and column < end:
            put(blank, " " * (end - column))
        if left + self._size.cols > terminal.cols:
            parts.append(f"\x1b[{width + 1}G{_styled(EDGE, '│')}")
        return "".join(parts)

    # -- cursor and modes

    def _cursor(self, terminal: Terminal) -> str | None:
        y, x = terminal.cursor()
        y, x = y - self._top, min(x, terminal.cols - 1) - self._left
        if 0 <= y < self._size.rows and 0 <= x < self._size.cols:
            return f"\x1b[{y + 1};{x + 1}H"
        return None

    def _changed_modes(self, terminal: Terminal, moved: bool) -> list[str]:
        """Keys and the mouse work as the program wants it."""

        def flag(number: int, on: bool) -> str:
            return f"\x1b[?{number}{'h' if on else 'l'}"

        tracking = MouseTracking.OFF if moved else terminal.mouse_tracking
        encoding = terminal.mouse_encoding
        mouse = "\x1b[?9;1000;1002;1003l\x1b[?1005;1006;1015l"
        if tracking is not MouseTracking.OFF:
            mouse += flag(int(tracking), True)
        if encoding not in (MouseEncoding.DEFAULT, MouseEncoding.SGR_PIXELS):
            mouse += flag(int(encoding), True)
        shape = _SHAPES[terminal.cursor_shape] - terminal.cursor_blink
        return [
            *self._mode("cursor keys", flag(1, terminal.application_cursor)),
            *self._mode("keypad", "\x1b=" if terminal.application_keypad else "\x1b>"),
            *self._mode("paste", flag(2004, terminal.bracketed_paste)),
            *self._mode("focus", flag(1004, terminal.focus_reports)),
            *self._mode("mouse", mouse),
            *self._mode("keyboard", f"\x1b[={int(terminal.keyboard)}u"),
            *self._mode("shape", f"\x1b[{shape} q"),
        ]

    def _mode(self, name: str, sequence: str) -> list[str]:
        if self._modes.get(name) == sequence:
            return []
        self._modes[name] = sequence
        return [sequence]


def _moved(first: int, cursor: int, free: int, length: int, window: int) -> int:
    """The first row or column shown: of ``length``, ``window`` fit and ``free`` are uncovered."""
    if length <= free:
        return 0
    last = cursor - free + 1
    # What belongs to a cursor is mostly before it: back, as much of that as fits.
    first = last if cursor < first else max(first, last)
    return max(0, min(first, length - free if free < window else length - window))


def _outer_style(style: Style, terminal: Terminal) -> Style:
    """As the terminal around can show it: no links, and the colors the program changed."""
    style = style._replace(link=0, protected=False)
    if terminal.palette:
        style = style._replace(
            fg=_color(style.fg, terminal),
            bg=_color(style.bg, terminal),
            underline_color=_color(style.underline_color, terminal),
        )
    return style._replace(reverse=not style.reverse) if terminal.reverse_screen else style


def _color(color: int, terminal: Terminal) -> int:
    if color == DEFAULT_COLOR or color & TRUECOLOR:
        return color
    changed = terminal.palette.get(color)
    return color if changed is None else TRUECOLOR | changed


def _styled(style: Style, text: str) -> str:
    return f"{sequence(style)}{text}\x1b[m"


def fitted(text: str, cells: int) -> str:
    """``text`` escaped, cut off or padded with spaces to so many cells."""
    kept: list[str] = []
    left = cells
    for char in shown(text, 4 * cells + 1):
        width = cluster_width(char)
        if width > left:
            break
        kept.append(char)
        left -= width
    return "".join(kept) + " " * left
