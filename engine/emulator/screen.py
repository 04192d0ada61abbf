"""The screen: what text, movement, editing and scrolling do to rows and history.

Owns the content and the cursor. Does not own parsing (stream), what modes do
and how the terminal answers (modal), nor the view others use (terminal). A
pyte.Screen whose cell work is replaced, so that styles are complete, erasing
keeps the background, wide characters stay whole, and lines that scroll away
become history.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

import pyte
from pyte.screens import Margins

from engine.emulator import sgr
from engine.emulator.cells import CLUSTER_LIMIT, DEFAULT_COLOUR, DEFAULT_STYLE, CellCache, Line
from engine.emulator.modes import (
    CHARSETS,
    DEFAULT_PRIVATE,
    INSERT,
    NEW_LINE,
    CursorShape,
    MouseTracking,
    Private,
    private,
)
from engine.emulator.page import Page
from engine.emulator.width import NARROW, width

if TYPE_CHECKING:
    from pyte.screens import Char, StaticDefaultDict

    from engine.emulator.cells import Row

MAX_TITLE = 256
"""Characters kept of a title."""

_SHAPES = (CursorShape.BLOCK, CursorShape.UNDERLINE, CursorShape.BAR)
_ORIGIN = private(Private.ORIGIN)
_AUTOWRAP = private(Private.AUTOWRAP)


class Screen(pyte.Screen):
    """Events arrive as method calls. ``cursor.x == columns`` means: wrap before the next one.

    ``history`` holds the lines that left at the top, oldest first; ``scrolled``
    counts them, those already forgotten too.
    """

    def __init__(self, columns: int, lines: int, history_limit: int) -> None:
        self.history: deque[Line] = deque(maxlen=history_limit)
        self.scrolled = 0
        self.bells = 0
        self.cells = CellCache()
        self.default_cursor = (CursorShape.BLOCK, True)
        """Shape and blinking until a program chooses, and again after DECSCUSR 0."""
        super().__init__(columns, lines)
        self.mode = set(DEFAULT_PRIVATE)

    def reset(self) -> None:
        """RIS. History stays: only ED 3 and the user clear it."""
        self.normal = Page(self.cells)
        self.alternate: Page | None = None
        self.show(self.normal)
        self.style = DEFAULT_STYLE
        self.mouse = MouseTracking.OFF
        self.charsets = ["B", "B"]
        self._last = ""
        super().reset()
        self.mode = set(DEFAULT_PRIVATE)
        self.use_default_cursor()

    def use_default_cursor(self) -> None:
        self.cursor_style, blink = self.default_cursor
        if blink:
            self.mode.add(private(Private.CURSOR_BLINK))
        else:
            self.mode.discard(private(Private.CURSOR_BLINK))

    def show(self, page: Page) -> None:
        self.page = page
        # The same rows under pyte's name and type.
        self.buffer = cast("dict[int, StaticDefaultDict[int, Char]]", page)

    def flag(self, mode: Private) -> bool:
        return private(mode) in self.mode

    @property
    def region(self) -> tuple[int, int]:
        """First and last row of the scrolling region."""
        return self.margins or (0, self.lines - 1)

    # -- text

    def draw(self, data: str) -> None:
        last = data[-1]
        self._draw(data)
        self._last = last

    def _draw(self, data: str) -> None:
        charset = CHARSETS.get(self.charsets[self.charset])
        if charset:
            data = data.translate(charset)
        if data.isascii():
            self._put(data)
            return
        position = 0
        while position < len(data):
            if found := NARROW.match(data, position):
                self._put(found[0])
                position = found.end()
            else:
                self._put_odd(data[position])
                position += 1

    def takes_lines(self) -> bool:
        """Whether draw_lines() may be used: the cursor is on the last row, and that is blank."""
        row = self.page[self.cursor.y]
        return not (
            self.cursor.y != self.lines - 1
            or self.cursor.x
            or row
            or self.margins
            or row.default is not self.cells[DEFAULT_STYLE][" "]
            or self.style.bg != DEFAULT_COLOUR
            or not self.mode.isdisjoint((INSERT, NEW_LINE))
            or self.charsets[self.charset] in CHARSETS
        )

    def draw_lines(self, texts: list[str]) -> None:
        """Print lines of plain ASCII, none wider than the screen, each followed by CR LF.

        The same as drawing them one by one, many times faster.
        """
        y = self.lines - 1
        self.settle()
        through, texts = texts[:-y] if y else texts, texts[-y:] if y else []
        # What is on screen moves up by as many rows as there are lines; lines that
        # would only pass through go straight to history.
        kept = [self.page[n] for n in range(y)]
        leaving, kept = kept[: len(through) + len(texts)], kept[len(through) + len(texts) :]
        if self.page is self.normal:
            self.remember(leaving)
            self.history.extend(Line.plain(text, self.style) for text in through)
            self.scrolled += len(through)
        blanks = [self.page.blank_row(DEFAULT_STYLE) for _ in range(len(texts) + 1)]
        self.page.update(enumerate(kept + blanks))
        for offset, text in enumerate(texts, len(kept)):
            self.page.write(offset, 0, text, self.style)

    def repeat(self, count: int) -> None:
        """REP, at most one row's worth: nobody repeats more, except to burn our time."""
        if self._last:
            self.draw(self._last * min(count or 1, self.columns))

    def _put(self, text: str) -> None:
        cursor, columns = self.cursor, self.columns
        while text:
            if cursor.x >= columns:
                if _AUTOWRAP in self.mode:
                    self._wrap()
                else:
                    cursor.x, text = columns - 1, text[-1]
            part = text[: columns - cursor.x]
            text = text[len(part) :]
            if INSERT in self.mode:
                self.page.shift(cursor.y, cursor.x, len(part), columns, self.style)
            self.page.write(cursor.y, cursor.x, part, self.style)
            cursor.x += len(part)

    def _put_odd(self, char: str) -> None:
        cells = width(char)
        if cells == 1:
            self._put(char)
        elif cells == 2 and self.columns >= 2:
            cursor = self.cursor
            if cursor.x >= self.columns - 1:
                if _AUTOWRAP in self.mode:
                    self._wrap()
                else:
                    cursor.x = self.columns - 2
            if INSERT in self.mode:
                self.page.shift(cursor.y, cursor.x, 2, self.columns, self.style)
            self.page.write_wide(cursor.y, cursor.x, char, self.style)
            cursor.x += 2
        elif cells == 0 and self.cursor.x:
            self.page.combine(self.cursor.y, self.cursor.x - 1, char, CLUSTER_LIMIT)

    def _wrap(self) -> None:
        row = self.page[self.cursor.y]
        row.wrapped = True
        row.touch()
        self.cursor.x = 0
        self.index()

    def settle(self) -> None:
        """Give up a pending wrap and REP's character: every cursor movement and edit does."""
        self._last = ""
        if self.cursor.x >= self.columns:
            self.cursor.x = self.columns - 1

    def sgr(self, parameters: str) -> None:
        self.style = sgr.apply(self.style, parameters)

    def define_charset(self, code: str, mode: str) -> None:
        self.charsets["()".index(mode)] = code

    def set_title(self, param: str) -> None:
        """The title, without anything a window's title bar could trip over."""
        self.title = "".join(filter(str.isprintable, param))[:MAX_TITLE]

    def bell(self, *_: Any) -> None:
        self.bells += 1

    # -- scrolling

    def index(self) -> None:
        self.settle()
        top, bottom = self.region
        if self.cursor.y == bottom:
            self._scroll(top, bottom, 1)
        elif self.cursor.y < self.lines - 1:
            self.cursor.y += 1

    def next_line(self) -> None:
        self.index()
        self.cursor.x = 0

    def linefeed(self) -> None:
        self.index()
        if NEW_LINE in self.mode:
            self.cursor.x = 0

    def reverse_index(self) -> None:
        self.settle()
        top, bottom = self.region
        if self.cursor.y == top:
            self._scroll(top, bottom, -1)
        elif self.cursor.y > 0:
            self.cursor.y -= 1

    def scroll_up(self, count: int) -> None:
        self._scroll(*self.region, count or 1)

    def scroll_down(self, count: int) -> None:
        self._scroll(*self.region, -(count or 1))

    def _scroll(self, top: int, bottom: int, count: int) -> None:
        lost = self.page.scroll(top, bottom, count, self.style)
        if count > 0 and top == 0 and self.page is self.normal:
            self.remember(lost)

    def remember(self, rows: list[Row]) -> None:
        """Rows that left at the top become history."""
        self.history.extend(row.line(self.columns) for row in rows)
        self.scrolled += len(rows)

    def insert_lines(self, count: int | None = None) -> None:
        self._move_lines(-(count or 1))

    def delete_lines(self, count: int | None = None) -> None:
        self._move_lines(count or 1)

    def _move_lines(self, count: int) -> None:
        top, bottom = self.region
        if top <= self.cursor.y <= bottom:
            self.page.scroll(self.cursor.y, bottom, count, self.style)
            self.cursor.x = 0

    # -- editing and erasing

    def insert_characters(self, count: int | None = None) -> None:
        self._shift_rows([self.cursor.y], self.cursor.x, count or 1)

    def delete_characters(self, count: int | None = None) -> None:
        self._shift_rows([self.cursor.y], self.cursor.x, -(count or 1))

    def insert_columns(self, count: int) -> None:
        self._shift_region(self.cursor.x, count or 1)

    def delete_columns(self, count: int) -> None:
        self._shift_region(self.cursor.x, -(count or 1))

    def scroll_left(self, count: int) -> None:
        self._shift_region(0, -(count or 1))

    def scroll_right(self, count: int) -> None:
        self._shift_region(0, count or 1)

    def _shift_region(self, x: int, count: int) -> None:
        top, bottom = self.region
        if top <= self.cursor.y <= bottom:
            self._shift_rows(range(top, bottom + 1), x, count)

    def _shift_rows(self, rows: list[int] | range, x: int, count: int) -> None:
        self.settle()
        for y in rows:
            self.page.shift(y, min(x, self.columns - 1), count, self.columns, self.style)

    def erase_characters(self, count: int | None = None) -> None:
        x = self.cursor.x
        self._erase(self.cursor.y, x, min(x + (count or 1), self.columns))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        x = self.cursor.x
        spans = {0: (x, self.columns), 1: (0, x + 1), 2: (0, self.columns)}
        if how in spans:
            self._erase(self.cursor.y, *spans[how])

    def erase_in_display(self, how: int = 0, *_: Any, **__: Any) -> None:
        if how == 3:
            self.history.clear()
            return
        y = self.cursor.y
        spans = {0: range(y + 1, self.lines), 1: range(y), 2: range(self.lines)}
        for row in spans.get(how, ()):
            self._erase(row, 0, self.columns)
        if how in (0, 1):
            self.erase_in_line(how)

    def _erase(self, y: int, start: int, end: int) -> None:
        self.page.erase(y, start, end, self.columns, self.style)

    def alignment_display(self) -> None:
        self.margins = None
        self.cursor.x = self.cursor.y = 0
        self.page.fill(self.lines, self.columns, "E")

    # -- cursor

    def cursor_up(self, count: int | None = None) -> None:
        top = self.region[0]
        limit = top if self.cursor.y >= top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), limit)

    def cursor_down(self, count: int | None = None) -> None:
        bottom = self.region[1]
        limit = bottom if self.cursor.y <= bottom else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), limit)

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        self.cursor.x = min((column or 1) - 1, self.columns - 1)
        self.cursor_to_line(line)

    def cursor_to_line(self, line: int | None = None) -> None:
        top, bottom = self.region if _ORIGIN in self.mode else (0, self.lines - 1)
        self.cursor.y = min(top + (line or 1) - 1, bottom)

    def backspace(self) -> None:
        """BS; with reverse wrap, from the first column to the end of the row above."""
        self.settle()
        if self.cursor.x:
            self.cursor.x -= 1
        elif self.flag(Private.REVERSE_WRAP) and _AUTOWRAP in self.mode and self.cursor.y:
            self.cursor.x, self.cursor.y = self.columns - 1, self.cursor.y - 1

    def tab(self) -> None:
        later = [stop for stop in self.tabstops if stop > self.cursor.x]
        if self.cursor.x < self.columns:
            self.cursor.x = min(later, default=self.columns - 1)

    def tab_forward(self, count: int) -> None:
        for _ in range(min(count or 1, self.columns)):
            self.tab()

    def tab_back(self, count: int) -> None:
        stops = sorted(stop for stop in self.tabstops if stop < self.cursor.x)
        self.cursor.x = stops[-(count or 1)] if 0 < (count or 1) <= len(stops) else 0

    def cursor_down_anywhere(self, count: int | None = None) -> None:
        """VPR: unlike CUD it does not stop at the bottom margin."""
        self.cursor.y = min(self.cursor.y + (count or 1), self.lines - 1)

    def set_tab_stop(self) -> None:
        self.tabstops.add(min(self.cursor.x, self.columns - 1))

    def clear_tab_stop(self, how: int = 0) -> None:
        if how == 0:
            self.tabstops.discard(min(self.cursor.x, self.columns - 1))
        elif how == 3:
            self.tabstops.clear()

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        first = max(top or 1, 1) - 1
        last = min(bottom or self.lines, self.lines) - 1
        if first < last:
            self.margins = None if (first, last) == (0, self.lines - 1) else Margins(first, last)
            self.cursor_position()
