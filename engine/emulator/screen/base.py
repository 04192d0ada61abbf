"""The screen's state, its regions, and scrolling: what every other part works on.

Owns the rows on show, history, cursor, margins and tables; and pyte's ``buffer``
and ``display`` as views. Does not own what sequences do: the classes above this
one and the tables of the stream do.

What becomes history: whole rows that leave the normal screen at its very top. A
scroll region below the top, the alternate screen, and side margins leave none. A
region that begins at the top and ends above the bottom does, as in xterm (measured
with 379) and xterm.js: it is how programs keep a status line under text that
scrolls, apt's progress bar for one, and without it that text would be lost.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pyte
from pyte.screens import Char, Cursor, Margins

from engine.emulator.cells import rows
from engine.emulator.cells.charsets import Charsets
from engine.emulator.cells.clusters import Clusters
from engine.emulator.cells.colours import Colours
from engine.emulator.cells.links import Links
from engine.emulator.cells.page import NOWHERE, Page
from engine.emulator.cells.pens import Pens
from engine.emulator.cells.pictures import Pictures
from engine.emulator.cells.rows import BLANK, DEFAULT_PEN
from engine.emulator.screen.modes import (
    DEFAULT_MODES,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
)
from engine.emulator.screen.views import BufferView
from engine.emulator.screen.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.host import Host


class Base(pyte.Screen):
    """``cursor`` is always on the screen; ``wrap_next`` says that it is to wrap first.

    ``history`` holds the rows that left at the top, oldest first; ``scrolled``
    counts them, those already forgotten too.
    """

    buffer: Any
    """pyte's ``buffer[y][x]``, to be read only."""
    pens: Pens
    pen: str
    level: int
    eight_bit: bool
    top: int
    bottom: int
    left: int
    right: int
    iso_protection: bool
    exact_rectangles: bool

    def __init__(
        self,
        columns: int,
        lines: int,
        history_limit: int,
        answer: Callable[[str], None],
        host: Callable[[], Host],
    ) -> None:
        # pyte's own set-up would fill a buffer that this class does not have.
        self.columns, self.lines = columns, lines
        self.answer, self._host = answer, host
        self.default_cursor = (CursorShape.BLOCK, True)
        """Shape and blinking until a program chooses, and again after DECSCUSR 0."""
        self.history: deque[Row] = deque(maxlen=history_limit)
        self.scrolled = 0
        self.bells = 0
        self.pens = Pens()
        self.clusters = Clusters()
        self.colours = Colours()
        self.links = Links()
        self.pictures = Pictures()
        self.work = Work()
        self.dirty: set[int] = set()
        self.terminator = "\x1b\\"
        """What ends the answer to an OSC: what ended the question (as xterm)."""
        self.savepoints = []
        self.buffer = BufferView(self)
        self.reset()

    @property
    def standard_tabs(self) -> bool:
        """Whether there is a tab stop at every eighth column and nowhere else."""
        return self.tabstops == set(range(8, self.columns, 8))

    @property
    def host(self) -> Host:
        return self._host()

    def reset(self) -> None:
        """RIS. History stays: only ED 3 and the user clear it."""
        self.work.drop()
        self.normal = Page(self.lines)
        self.alternate = Page(self.lines)
        self.page = self.normal
        self.rows = self.page.rows
        self.cursor = Cursor(0, 0)
        self.wrap_next = False
        self.wrap_away = False
        """The cursor went away from the margin and is to wrap all the same (see tab_back)."""
        self.pen = DEFAULT_PEN
        self.link = 0
        self.iso_protection = False
        """Protection came from SPA, so plain erasing respects it too."""
        self.charsets = Charsets()
        self.single_shift: int | None = None
        self.mode: set[int] = set(DEFAULT_MODES)
        self.saved_modes: dict[int, bool] = {}
        self.mouse = MouseTracking.OFF
        self.mouse_encoding = MouseEncoding.DEFAULT
        self.cursor_style, blink = self.default_cursor
        if not blink:
            self.mode.discard(Mode.CURSOR_BLINK)
        self.tabstops = set(range(8, self.columns, 8))
        self.title, self.icon_name, self.working_directory = "", "", ""
        self.title_stack: list[tuple[str, str]] = []
        self.title_modes: set[int] = set()
        self.level, self.eight_bit = 5, False
        self.key_options: dict[int, int] = {}
        self.key_formats: dict[int, int] = {}
        self.exact_rectangles = False
        self.checksum_extension = 0
        self.saved_columns = None
        self.last = ""
        """What REP repeats: the last character printed, until anything else comes."""
        self.pen_stack: list[str] = []
        self.open_cluster = False
        """The last thing printed ended with a joiner."""
        self.print_at = NOWHERE
        """Where printing left the cursor: only there, and with nothing but SGR between, may
        clusters grow by joining."""
        self.colours.reset()
        self.reset_margins()
        self.refresh()

    def flag(self, mode: Mode) -> bool:
        return mode in self.mode

    def refresh(self) -> None:
        """Recompute what the stream's fast path goes by. Called after anything that may matter."""
        mode = self.mode
        self.fast = (
            self.full_width
            and Mode.INSERT not in mode
            and Mode.ORIGIN not in mode
            and Mode.AUTOWRAP in mode
            and Mode.NEW_LINE not in mode
            and self.charsets.table() is None
            and self.single_shift is None
            and not self.wrap_away
        )

    # -- pyte's views

    @property
    def display(self) -> list[str]:
        return [
            self.clusters.text(rows.fit(row, self.columns)[0]).replace(rows.HALF, "")
            for row in self.rows
        ]

    @property
    def default_char(self) -> Char:
        return Char(" ")

    # -- margins

    @property
    def margins(self) -> Margins | None:
        if (self.top, self.bottom) == (0, self.lines - 1):
            return None
        return Margins(self.top, self.bottom)

    @margins.setter
    def margins(self, margins: Margins | None) -> None:
        self.top, self.bottom = margins or (0, self.lines - 1)

    def reset_margins(self) -> None:
        self.top, self.bottom = 0, self.lines - 1
        self.left, self.right = 0, self.columns - 1
        self.full_width = True

    def in_columns(self) -> bool:
        """Whether the cursor is between the left and the right margin."""
        return self.left <= self.cursor.x <= self.right

    def in_rows(self) -> bool:
        return self.top <= self.cursor.y <= self.bottom

    def move_to(self, y: int, x: int) -> None:
        """CUP and its kin, from 0: within the margins in origin mode, else within the screen."""
        if Mode.ORIGIN in self.mode:
            self.cursor.x = max(0, min(x + self.left, self.right))
            self.cursor.y = max(0, min(y + self.top, self.bottom))
        else:
            self.cursor.x = max(0, min(x, self.columns - 1))
            self.cursor.y = max(0, min(y, self.lines - 1))
        self.wrap_next = False

    # -- scrolling

    @property
    def erasing(self) -> str:
        """The pen that erased cells get now."""
        return DEFAULT_PEN if self.pen == DEFAULT_PEN else self.pens.erasing(self.pen)

    def blank_row(self) -> Row:
        return BLANK if self.pen == DEFAULT_PEN else rows.blank(self.columns, self.erasing)

    def scroll(self, top: int, bottom: int, count: int, *, history: bool = True) -> None:
        """Rows top..bottom move up by ``count`` (down when negative) between the side margins.

        Whole rows that leave the normal screen at its top become history, unless told not to.
        """
        if not self.full_width:
            self._scroll_part(top, bottom, count)
            return
        here = self.rows
        if count == 1:
            lost = here.pop(top)
            here.insert(bottom, BLANK if self.pen == DEFAULT_PEN else self.blank_row())
            if history and top == 0 and self.page is self.normal:
                self.history.append(lost)
                self.scrolled += 1
            return
        size = bottom + 1 - top
        blanks = [self.blank_row()] * min(abs(count), size)
        if count > 0:
            if history and top == 0 and self.page is self.normal:
                self.remember(here[: min(count, size)])
            here[top : bottom + 1] = here[top + len(blanks) : bottom + 1] + blanks
        else:
            here[top : bottom + 1] = blanks + here[top : bottom + 1 - len(blanks)]

    def _scroll_part(self, top: int, bottom: int, count: int) -> None:
        start, end = self.left, self.right + 1
        here = self.rows
        moved = [rows.part(row, start, end) for row in here[top : bottom + 1]]
        size = len(moved)
        self.work.done += size
        cells = end - start
        blanks = [(" " * cells, self.erasing * cells, 0)] * min(abs(count), size)
        kept = size - len(blanks)
        moved = moved[len(blanks) :] + blanks if count > 0 else blanks + moved[:kept]
        for y, (text, pens, flags) in enumerate(moved, top):
            here[y] = rows.put(here[y], start, text, pens, flags)

    def remember(self, lost: list[Row]) -> None:
        """Rows that left at the top become history."""
        self.history.extend(lost)
        self.scrolled += len(lost)

    def clear_history(self) -> None:
        self.history.clear()

    def debug(self, *args: Any, **kwargs: Any) -> None:
        """pyte calls this for what it does not know: nothing to do."""
