"""The screen's state, its regions and scrolling: what the other modules of this room work on.

What sequences do is functions that take this record: motion, drawing, editing, modal and
so on; parse.tables has them by sequence. pyte's own events are none of these: its
class is the base for what it shows, ``buffer``, ``display``, ``cursor``, ``lines``
and ``columns``.

What becomes history: whole rows that leave the normal screen at its very top. A
scroll region below the top, the alternate screen, and side margins leave none. A
region that begins at the top and ends above the bottom does, as in xterm (measured
with 379) and xterm.js: it is how programs keep a status line under text that
scrolls, apt's progress bar for one, and without it that text would be lost.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pyte
from pyte.screens import Cursor

from engine.emulator.cells import rows
from engine.emulator.cells.charsets import Charsets
from engine.emulator.cells.clusters import Clusters
from engine.emulator.cells.colors import Colors
from engine.emulator.cells.history import History
from engine.emulator.cells.links import Links
from engine.emulator.cells.page import NOWHERE, Page
from engine.emulator.cells.pens import Pens
from engine.emulator.cells.pictures import Pictures
from engine.emulator.cells.rows import BLANK, DEFAULT_PEN, WRAPPED
from engine.emulator.screen.buffer import Buffer, buffer
from engine.emulator.screen.features import FEATURES
from engine.emulator.screen.modes import (
    DEFAULT_MODES,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
)
from engine.emulator.screen.renamed import Renamed
from engine.emulator.screen.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.host import Host


class Screen(pyte.Screen):
    """``cursor`` is always on the screen; ``wrap_next`` says that it is to wrap first.

    ``history`` holds the rows that left at the top, oldest first; ``scrolled``
    counts them, those already forgotten too. ``answer`` is called with what the
    terminal replies, ``host`` returns whom to ask what the outside allows.
    """

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
        self.features = FEATURES
        """What answers may say that this terminal can do; nothing else depends on it."""
        self.history = History(history_limit)
        self.scrolled = 0
        self.renamed = Renamed()
        self._surplus: list[Row] = []
        self._surplus_until = 0
        self.bells = 0
        self.pens = Pens()
        self.clusters = Clusters()
        self.colors = Colors()
        self.links = Links()
        self.pictures = Pictures()
        self.work = Work()
        self.reset()

    @property
    def host(self) -> Host:
        return self._host()

    def reset(self) -> None:
        """RIS. History stays: only ED 3 and the user clear it."""
        self.work.drop()
        self.normal = Page(self.lines)
        self.alternate = Page(self.lines)
        self.show(self.normal)
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
        self.use_default_cursor()
        self.set_default_tabs()
        self.title, self.icon_name, self.working_directory = "", "", ""
        self.title_stack: list[tuple[str, str]] = []
        self.title_modes: set[int] = set()
        self.level, self.eight_bit = 5, False
        self.key_options: dict[int, int] = {}
        self.key_formats: dict[int, int] = {}
        self.exact_rectangles = False
        self.checksum_extension = 0
        self.last = ""
        """What REP repeats: the last character printed, until anything else comes."""
        self.pen_stack: list[str] = []
        self.open_cluster = False
        """The last thing printed ended with a joiner."""
        self.dropped = ""
        """The last thing printed, while it is a wide character that had no room (see drawing)."""
        self.print_at = NOWHERE
        """Where printing left the cursor: only there, and with nothing but SGR between, may
        clusters grow by joining."""
        self.colors.reset()
        self.reset_margins()
        self.refresh()

    def set_features(self, features: frozenset[str]) -> None:
        """RIS does not change them."""
        self.features = features

    def show(self, page: Page) -> None:
        """Show one of the two pages; the cursor is common to both."""
        self.page = page
        self.rows = page.rows

    # -- modes

    def flag(self, mode: Mode) -> bool:
        return mode in self.mode

    def set_flag(self, mode: int, on: bool) -> None:
        """Remember a mode. What depends on it is the caller's: see modal, and refresh()."""
        if on:
            self.mode.add(mode)
        else:
            self.mode.discard(mode)

    def set_cursor_default(self, shape: CursorShape, blink: bool) -> None:
        """The default from now on, shown at once unless a program chose another."""
        shown = (self.cursor_style, Mode.CURSOR_BLINK in self.mode)
        unchanged = shown == self.default_cursor
        self.default_cursor = (shape, blink)
        if unchanged:
            self.use_default_cursor()

    def use_default_cursor(self) -> None:
        self.cursor_style, blink = self.default_cursor
        self.set_flag(Mode.CURSOR_BLINK, blink)

    def refresh(self) -> None:
        """Recompute ``fast``, by which the stream goes. Called after anything that may matter."""
        mode = self.mode
        if Mode.AUTOWRAP in mode:
            self.dropped = ""
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

    # -- what pyte shows

    @property
    def buffer(self) -> Buffer:  # type: ignore[override]  # pyte's is what it writes to, too
        """pyte's ``buffer[y][x]``, made anew at each reading; writing to it changes nothing."""
        return buffer(self.rows, self.pens, self.clusters)

    @property
    def display(self) -> list[str]:
        """The rows' text, each as wide as the screen."""
        return [
            self.clusters.text(rows.fit(row, self.columns)[0]).replace(rows.HALF, "")
            for row in self.rows
        ]

    # -- tabs and margins

    @property
    def standard_tabs(self) -> bool:
        """Whether there is a tab stop at every eighth column and nowhere else."""
        return self.tabstops == set(range(8, self.columns, 8))

    def set_default_tabs(self) -> None:
        self.tabstops = set(range(8, self.columns, 8))

    @property
    def full_height(self) -> bool:
        """Whether the scroll region is all rows."""
        return self.top == 0 and self.bottom == self.lines - 1

    def reset_margins(self) -> None:
        self.top, self.bottom = 0, self.lines - 1
        self.reset_side_margins()

    def reset_side_margins(self) -> None:
        self.left, self.right = 0, self.columns - 1
        self.full_width = True

    def in_columns(self) -> bool:
        """Whether the cursor is between the left and the right margin."""
        return self.left <= self.cursor.x <= self.right

    def at_edge(self) -> bool:
        """Whether the cursor is where printing leaves a wrap pending."""
        return self.cursor.x in (self.right, self.columns - 1)

    def in_rows(self) -> bool:
        return self.top <= self.cursor.y <= self.bottom

    def move_to(self, y: int, x: int) -> None:
        """CUP and the like, from 0: within the margins in origin mode, else within the screen."""
        if Mode.ORIGIN in self.mode:
            self.cursor.x = max(0, min(x + self.left, self.right))
            self.cursor.y = max(0, min(y + self.top, self.bottom))
        else:
            self.cursor.x = max(0, min(x, self.columns - 1))
            self.cursor.y = max(0, min(y, self.lines - 1))
        self.wrap_next = False

    def mark_prompt(self) -> None:
        """A shell's prompt begins in the cursor's row (OSC 133)."""
        text, pens, flags = self.rows[self.cursor.y]
        self.rows[self.cursor.y] = (text, pens, flags | rows.PROMPT)

    def forget_printed(self) -> None:
        """Something came after what was printed: REP has nothing to repeat."""
        self.last = ""

    # -- scrolling

    @property
    def erasing(self) -> str:
        """The pen that erased cells get now."""
        return DEFAULT_PEN if self.pen == DEFAULT_PEN else self.pens.erasing(self.pen)

    def blank_row(self) -> Row:
        return BLANK if self.pen == DEFAULT_PEN else rows.blank(self.columns, self.erasing)

    def part(self, y: int) -> None:
        """Row ``y`` is no longer what the row above it goes on in."""
        if y > 0:
            text, pens, flags = self.rows[y - 1]
            if flags & WRAPPED:
                self.rows[y - 1] = (text, pens, flags & ~WRAPPED)
        elif self.page is self.normal and self.history:
            text, pens, flags = self.history[-1]
            if flags & WRAPPED:
                self.history.pop()
                self.history.append((text, pens, flags & ~WRAPPED))

    def scroll(self, top: int, bottom: int, count: int, *, history: bool = True) -> None:
        """Rows top..bottom move up by ``count`` (down when negative) between the side margins.

        Whole rows that leave the normal screen at its top become history, unless ``history``
        is False.
        """
        if not self.full_width:
            self._scroll_part(top, bottom, count)
            return
        here = self.rows
        # Asked here, since most rows are not: a call would cost as much as the scrolling.
        if top:
            if here[top - 1][2] & WRAPPED:
                self.part(top)
        elif count < 0 or not history:
            self.part(top)
        if count < 0:
            # What goes on in a row that leaves at the bottom.
            self.part(max(top, bottom + 1 + count))
        elif bottom < self.lines - 1 and here[bottom][2] & WRAPPED:
            self.part(bottom + 1)
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
                lost_rows = here[: min(count, size)]
                self.history.extend(lost_rows)
                self.scrolled += len(lost_rows)
            here[top : bottom + 1] = here[top + len(blanks) : bottom + 1] + blanks
        else:
            here[top : bottom + 1] = blanks + here[top : bottom + 1 - len(blanks)]

    def scroll_in(self, new: Iterator[Row], count: int) -> None:
        """``count`` rows come in below a blank last row of the scroll region, which stays so.

        As printing them one by one there; only without side margins.
        """
        top, bottom = self.top, self.bottom
        here, history = self.rows, self.history
        if top:
            self.part(top)
        leaving = min(count, bottom - top)
        passing = count - leaving
        room = 0
        if top == 0 and self.page is self.normal:
            history.extend(here[:leaving])
            room = history.maxlen
            self.scrolled += count
        # Of rows that scroll straight through, only as many are made as history has room for.
        history.extend(islice(new, max(0, passing - room), passing))
        here[top : bottom + 1] = [*here[top + leaving : bottom], *new, BLANK]

    def _scroll_part(self, top: int, bottom: int, count: int) -> None:
        start, end = self.left, self.right + 1
        here = self.rows
        for y in range(top, bottom + 2):
            self.part(y)
        moved = [rows.part(row, start, end) for row in here[top : bottom + 1]]
        size = len(moved)
        self.work.add(size)
        cells = end - start
        blanks = [(" " * cells, self.erasing * cells, 0)] * min(abs(count), size)
        kept = size - len(blanks)
        moved = moved[len(blanks) :] + blanks if count > 0 else blanks + moved[:kept]
        for y, (text, pens, flags) in enumerate(moved, top):
            here[y] = rows.put(here[y], start, text, pens, flags)

    def clear_history(self) -> None:
        """ED 3; ``scrolled`` goes on counting."""
        self.history.clear()
        self.drop_surplus()
        self._surplus = []

    def replace_history(self, kept: list[Row], more: int) -> None:
        """The history wrapped anew, and by how many rows that is more than with surplus() before.

        Rows beyond the limit come back when the screen gets its width back before anything else
        becomes history. There are at most as many again as the limit.
        """
        limit = self.history.maxlen or 0
        surplus = max(0, len(kept) - limit)
        self._surplus = kept[max(0, surplus - limit) : surplus]
        self.history.clear()
        self.history.extend(kept[surplus:])
        self.scrolled = max(self.scrolled + more, len(self.history))
        self._surplus_until = self.scrolled

    def move_history(self, used: list[Row], count: int) -> list[Row]:
        """The first ``count`` rows become history, or as many come back when it is negative; the
        rest of them. At the same width."""
        whole = self._surplus_until == self.scrolled
        if count >= 0:
            self.history.extend(used[:count])
            used = used[count:]
        else:
            used = [self.history.pop() for _ in range(-count)][::-1] + used
            whole = whole and bool(self.history)
        self.scrolled = max(self.scrolled + count, len(self.history))
        if whole and count <= 0:
            self._surplus_until = self.scrolled
        return used

    def drop_surplus(self) -> None:
        self._surplus = []

    def surplus(self) -> list[Row]:
        """Rows right before those of the history, for which there was no room at this width."""
        if self._surplus and self._surplus_until != self.scrolled:
            self._surplus = []
        return self._surplus
