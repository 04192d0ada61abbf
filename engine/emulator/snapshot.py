"""A terminal written down as the escape sequences that draw it again.

Fed to a fresh terminal of the same size they restore history, both screens, styles, links,
cursor, margins, tab stops, titles, colors, modes and all that programs can save. Pictures are
left blank. Rows never change, so they are only collected at first, and written later, some at a
time, while the terminal goes on.

Terminals that are not ours get no more than they understand: what depends on one of FEATURES that
they lack is left out, side margins above all (``CSI 3;6 s`` saves the cursor there).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from engine.emulator.cells import colors, sgr
from engine.emulator.cells.charsets import TABLES, Charsets
from engine.emulator.cells.clusters import FIRST, PICTURE_COLUMNS
from engine.emulator.cells.lines import SAME
from engine.emulator.cells.page import SavedCursor
from engine.emulator.cells.rows import CLUSTER, DEFAULT_PEN, HALF, PROMPT, SPACER, WIDE, WRAPPED
from engine.emulator.cells.style import DEFAULT_COLOR, DEFAULT_STYLE, Hyperlink, Style
from engine.emulator.cells.width import cluster_width, continues, extends, width
from engine.emulator.screen import restoring
from engine.emulator.screen.features import FEATURES
from engine.emulator.screen.modes import (
    DEFAULT_MODES,
    CursorShape,
    Mode,
    MouseEncoding,
    MouseTracking,
    is_private,
    number_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.emulator.cells.page import Page
    from engine.emulator.cells.rows import Row
    from engine.emulator.screen.screen import Screen

MAX_LINKS: Final = 128 * 1024
"""Characters of links' URIs in the history, and in the screens; beyond it text has no link.
A program can copy cells with long links much faster than anybody could send them."""
SLICE_MS: Final = 4.0
MAX_CHANGES: Final = 4096
"""Sequences from one pen to another that are remembered while rows are written."""

_SHAPE_CODES: Final = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}
_LATER: Final = (
    frozenset({Mode.ORIGIN, Mode.AUTOWRAP, Mode.CURSOR_BLINK, Mode.INSERT, Mode.NEW_LINE})
    | frozenset({Mode.SIDE_MARGINS, Mode.SYNCHRONIZED})
    | restoring.MODES
)
"""Flags that are not simply set: they change how what follows is drawn, or have their own way."""
_DEFAULT_LEVEL: Final = 5
_MARKS: Final = WRAPPED | PROMPT


class SnapshotWriter:
    """Gives a snapshot in slices, in bytes. ``history`` is how many of its lines are in it, and
    ``done`` says that all is written."""

    def __init__(self, history: int, pieces: Callable[[int], Iterator[str]]) -> None:
        self.history = history
        self.done = False
        self._all_pieces = pieces
        self._pieces = pieces(history)

    def without_history(self) -> SnapshotWriter:
        """A snapshot of the same moment, from its beginning, without history."""
        return SnapshotWriter(0, self._all_pieces)

    def slice(
        self, budget_ms: float = SLICE_MS, clock: Callable[[], float] = time.perf_counter
    ) -> bytes:
        """What is written in that time, at least a row; b"" when all is written."""
        end = clock() + budget_ms / 1000
        parts: list[str] = []
        for piece in self._pieces:
            if piece:
                parts.append(piece)
                if clock() >= end:
                    break
        else:
            self.done = True
        return "".join(parts).encode()

    def whole(self) -> str:
        """All that is left, however long it takes."""
        self.done = True
        return "".join(self._pieces)


def snapshot_writer(
    screen: Screen, history: int, features: frozenset[str] | None, opener: str
) -> SnapshotWriter:
    """``opener`` is what waits to be ended; ``features`` None means a terminal of ours."""
    stored = len(screen.history)
    lines = list(screen.history.between(stored - history, stored))
    return SnapshotWriter(len(lines), _Moment(screen, lines, features, opener).pieces)


def history_writer(
    screen: Screen, before: int, lines: int, features: frozenset[str] | None
) -> SnapshotWriter:
    """The lines that left the screen before number ``before`` (as ``scrolled`` counts them), the
    last ``lines`` of them, as text and SGR alone."""
    oldest = screen.scrolled - len(screen.history)
    end = max(0, min(before - oldest, len(screen.history)))
    first = max(0, end - max(lines, 0))
    chosen = list(screen.history.between(first, end))
    drawing = _Drawing(screen, features)
    return SnapshotWriter(len(chosen), lambda kept: drawing.lines(chosen[len(chosen) - kept :]))


class _Moment:
    """All that a snapshot is written from."""

    def __init__(
        self, screen: Screen, history: list[Row], features: frozenset[str] | None, opener: str
    ) -> None:
        self._drawing = _Drawing(screen, features)
        self._count = len(history)
        self._normal = [*history, *screen.normal.rows]
        self._alternate = screen.alternate.rows.copy()
        self._shown = screen.page is screen.alternate
        # The state is little, and changes: it is written at once.
        state = _State(screen, features, self._drawing)
        self._between, self._end = state.of_normal(), state.of_shown() + opener

    def pieces(self, history: int) -> Iterator[str]:
        """With so many lines of history."""
        # Other terminals clear the alternate screen when it is left, so it comes first or last.
        if not self._shown and any(text or flags & _MARKS for text, _, flags in self._alternate):
            yield "\x1b[?47h\x1b[H"
            yield from self._drawing.rows(self._alternate, 0)
            yield "\x1b[?47l\x1b[H"
        yield from self._drawing.rows(self._normal[self._count - history :], history)
        yield self._between
        if self._shown:
            yield "\x1b[?47h\x1b[H"
            yield from self._drawing.rows(self._alternate, 0)
        yield self._end


class _Drawing:
    """Rows as text and SGR, by the tables of the moment it was made."""

    def __init__(self, screen: Screen, features: frozenset[str] | None) -> None:
        self._columns = screen.columns
        self._styles = screen.pens.copy()
        self._clusters = screen.clusters.copy()
        self._links = screen.links.copy()
        self._iso = screen.iso_protection
        self._ours = features is None
        self._graphemes = features is None or "graphemes" in features
        self._links_left = MAX_LINKS
        self._changes: dict[str, str] = {}
        """By two pens, the one before and the one that follows."""

    # -- rows

    def rows(self, some: Sequence[Row], history: int) -> Iterator[str]:
        """One after the other, from the top; the cursor ends in the last one."""
        self._links_left = MAX_LINKS
        joined = False
        before = ""
        last = len(some) - 1
        for y, row in enumerate(some):
            if y == history:
                self._links_left = MAX_LINKS
            parts: list[str] = []
            goes_on = y < last and self._wraps(row, some[y + 1])
            after = self._draw(
                parts, self._printed(row, some[y + 1]) if goes_on else row, before if joined else ""
            )
            if joined and len(row[0]) < self._columns and self._fills(row):
                # The row came in with the background of what was printed first.
                parts.append("\x1b[K")
            joined = goes_on
            before = after if joined else ""
            if row[2] & WRAPPED and not joined and self._ours:
                parts.append(restoring.sequence(restoring.ROW))
            if y < last and not joined:
                parts.append("\r\n")
            yield "".join(parts)

    def lines(self, some: Sequence[Row]) -> Iterator[str]:
        """The same as text and colors alone, each line ended."""
        self._links_left = MAX_LINKS
        joined = False
        before = ""
        for y, row in enumerate(some):
            parts: list[str] = []
            goes_on = y + 1 < len(some) and self._wraps(row, some[y + 1])
            drawn = self._printed(row, some[y + 1]) if goes_on else row
            drawn = (drawn[0], drawn[1], drawn[2] & ~PROMPT)
            after = self._draw(parts, drawn, before if joined else "")
            joined = goes_on
            before = after if joined else ""
            if not joined:
                parts.append("\r\n")
            yield "".join(parts)

    def _fills(self, row: Row) -> bool:
        return self.style(row[1][0]).bg != DEFAULT_COLOR

    def _wraps(self, row: Row, following: Row) -> bool:
        """Whether printing goes on in the next row by itself, and so makes this one wrapped."""
        text, pens, flags = following
        if not row[2] & WRAPPED or not text or flags & PROMPT:
            return False
        size = len(row[0])
        if size == self._columns:
            return True
        # A wide character does not fit in the one column left.
        return 0 < size == self._columns - 1 and text[1:2] == HALF and pens[0] == DEFAULT_PEN

    def _printed(self, row: Row, following: Row) -> Row:
        """A row that goes on in the next, without the blank that printing that one leaves."""
        text, pens, flags = row
        size = len(text)
        spacer = flags & SPACER and size == self._columns and text[-1] == " "
        if spacer and following[0][1:2] == HALF and following[1][0] == pens[size - 1]:
            return text[:-1], pens, flags
        return row

    def _draw(self, parts: list[str], row: Row, before: str) -> str:
        """Write a row's cells; ``before`` is the cell that this one follows. Returns the last."""
        text, pens, flags = row
        if flags & PROMPT:
            parts.append("\x1b]133;A\x1b\\")
        size = len(text)
        if not size:
            return before
        special = flags & (WIDE | CLUSTER)
        changes = self._changes
        last = DEFAULT_PEN
        for found in SAME.finditer(pens, 0, size):
            pen = found[1]
            if pen != last:
                change = changes.get(last + pen)
                parts.append(self._change(last, pen) if change is None else change)
                last = pen
            at, end = found.span()
            if not special:
                parts.append(text[at:end])
            elif not flags & CLUSTER and self._graphemes:
                parts.append(text[at:end].replace(HALF, ""))
            else:
                before = self._cells(parts, text, at, end, before)
        if last != DEFAULT_PEN:
            change = changes.get(last + DEFAULT_PEN)
            parts.append(self._change(last, DEFAULT_PEN) if change is None else change)
        return before if flags & CLUSTER else text[-1]

    def _change(self, last: str, pen: str) -> str:
        """What leads from one pen to another; remembered, but for links, which are counted."""
        before, style = self.style(last), self.style(pen)
        change = self.select(style, before)
        if style.link == before.link and len(self._changes) < MAX_CHANGES:
            self._changes[last + pen] = change
        return change

    def _cells(self, parts: list[str], text: str, at: int, end: int, before: str) -> str:
        """Cells one by one, where printing could join two of them."""
        for x in range(at, end):
            cell = text[x]
            if cell == HALF:
                continue
            whole = self.whole(cell)
            if before and continues(before, whole[0]):
                # Any sequence but SGR ends a cluster. This one sets what is set.
                parts.append(_APART)
            if self._graphemes or len(whole) == 1:
                parts.append(whole)
            else:
                parts.append(f"{_simple(whole, 1 + (text[x + 1 : x + 2] == HALF))}")
                if (after := x + 1 + (text[x + 1 : x + 2] == HALF)) < self._columns:
                    parts.append(f"\x1b[{after + 1}G")
            before = whole
        return before

    # -- cells and styles

    def style(self, pen: str) -> Style:
        return self._styles[ord(pen)] or DEFAULT_STYLE

    def whole(self, cell: str) -> str:
        """The characters of one cell."""
        number = ord(cell) - FIRST
        if number < 0:
            return cell
        if number + FIRST >= PICTURE_COLUMNS:
            return " "
        return (self._clusters[number] if number < len(self._clusters) else None) or "\ufffd"

    def select(self, style: Style, before: Style) -> str:
        """What changes one style to another: rendition, link and protection."""
        parts = [sgr.change(before, style)]
        if style.link != before.link:
            parts.append(self._link(self._links.get(style.link)))
        if style.protected != before.protected:
            protect, free = ("\x1bV", "\x1bW") if self._iso else ('\x1b[1"q', '\x1b[0"q')
            parts.append(protect if style.protected else free)
        return "".join(parts)

    def _link(self, link: Hyperlink | None) -> str:
        if link is None:
            return "\x1b]8;;\x1b\\"
        self._links_left -= len(link.uri) + len(link.id)
        if self._links_left < 0:
            return "\x1b]8;;\x1b\\"
        return f"\x1b]8;id={link.id};{link.uri}\x1b\\"


_RENDITIONS: Final = Style._fields.index("link")
"""How many fields of a style an SGR sets."""
_APART: Final = "\x1b[?7h"


def _rendition(style: Style) -> str:
    if style[:_RENDITIONS] == DEFAULT_STYLE[:_RENDITIONS]:
        return "\x1b[m"
    return sgr.sequence(style._replace(link=0, protected=False, strip=None))


def _simple(whole: str, cells: int) -> str:
    """What a terminal without grapheme clusters can show of one, in as many cells."""
    size = 1
    while size < len(whole) and extends(whole[size]) and "\u0300" <= whole[size] < "\u200b":
        size += 1
    shown = whole[:size]
    return shown if cluster_width(whole[0]) == cells else shown + " "


class _State:
    """All but the rows."""

    def __init__(self, screen: Screen, features: frozenset[str] | None, drawing: _Drawing) -> None:
        self._screen, self._drawing = screen, drawing
        self._ours = features is None
        self._features = FEATURES if features is None else features

    def of_normal(self) -> str:
        """What is common to both pages, and what the normal one keeps for itself."""
        screen = self._screen
        hidden = "" if screen.page is screen.alternate else self._page(screen.alternate)
        there_and_back = f"\x1b[?47h{hidden}\x1b[?47l" if hidden else ""
        parts = [*self._outside(), *self._level(), there_and_back, self._page(screen.normal)]
        return "".join(parts)

    def of_shown(self) -> str:
        """The rest, once the page that is shown is drawn."""
        screen = self._screen
        page = self._page(screen.alternate) if screen.page is screen.alternate else ""
        parts = [page, *self._saved(), *self._margins(), *self._modes(), *self._tabs()]
        return "".join([*parts, *self._cursor()])

    def _has(self, feature: str) -> bool:
        return feature in self._features

    def _outside(self) -> Iterator[str]:
        """Titles and colors."""
        screen = self._screen
        for title, icon in screen.title_stack:
            yield f"\x1b]2;{title}\x1b\\\x1b]1;{icon}\x1b\\\x1b[22t"
        if screen.title or screen.title_stack:
            yield f"\x1b]2;{screen.title}\x1b\\"
        if screen.icon_name or screen.title_stack:
            yield f"\x1b]1;{screen.icon_name}\x1b\\"
        if screen.title_modes:
            yield f"\x1b[>{';'.join(map(str, sorted(screen.title_modes)))}t"
        if screen.working_directory:
            yield f"\x1b]7;{screen.working_directory}\x1b\\"
        changed = screen.colors
        for index, color in changed.palette.items():
            yield f"\x1b]4;{index};{colors.describe(color)}\x1b\\"
        for index, color in changed.special.items():
            yield f"\x1b]5;{index};{colors.describe(color)}\x1b\\"
        for number, color in changed.dynamic.items():
            yield f"\x1b]{number};{colors.describe(color)}\x1b\\"

    def _level(self) -> Iterator[str]:
        """DECSCL resets much, so it comes before that."""
        screen = self._screen
        if screen.level != _DEFAULT_LEVEL:
            yield f'\x1b[6{screen.level};1"p'
        if screen.eight_bit:
            yield "\x1b G"

    def _page(self, page: Page) -> str:
        parts = [self._saved_cursor(page.saved)] if page.saved is not None else []
        if self._has("kitty_keyboard"):
            if page.keyboard[0]:
                parts.append(f"\x1b[={page.keyboard[0]}u")
            parts += [f"\x1b[>{flags}u" for flags in page.keyboard[1:]]
        return "".join(parts)

    def _saved_cursor(self, saved: SavedCursor) -> str:
        """What makes a terminal without margins save this cursor."""
        style = self._screen.pens.style(saved.pen)
        select = self._drawing.select
        on, off = ("\x1b[?6h", "\x1b[?6l") if saved.origin else ("", "")
        wrap = restoring.sequence(restoring.WRAP) if saved.wrap and self._ours else ""
        return (
            f"{on}{_goto(saved.y, saved.x)}{wrap}{select(style, DEFAULT_STYLE)}"
            f"{_charsets(saved.charsets)}\x1b7{off}{select(DEFAULT_STYLE, style)}{_ASCII}"
        )

    def _saved(self) -> Iterator[str]:
        """XTPUSHSGR and XTSAVE."""
        screen, select = self._screen, self._drawing.select
        for pen in screen.pen_stack:
            style = screen.pens.style(pen)
            yield f"{select(style, DEFAULT_STYLE)}\x1b[#{{{select(DEFAULT_STYLE, style)}"
        if self._ours:
            for number, on in screen.saved_modes.items():
                yield restoring.sequence(restoring.SAVED, number, int(on))

    def _margins(self) -> Iterator[str]:
        screen = self._screen
        if not screen.full_height:
            yield f"\x1b[{screen.top + 1};{screen.bottom + 1}r"
        if Mode.SIDE_MARGINS in screen.mode and self._has("margins"):
            yield "\x1b[?69h"
            if not screen.full_width:
                yield f"\x1b[{screen.left + 1};{screen.right + 1}s"

    def _modes(self) -> Iterator[str]:
        screen = self._screen
        for mode in Mode:
            on = mode in screen.mode
            if mode not in _LATER and on != (mode in DEFAULT_MODES):
                prefix = "?" if is_private(mode) else ""
                yield f"\x1b[{prefix}{number_of(mode)}{'h' if on else 'l'}"
            elif mode in restoring.MODES and on and self._ours:
                yield restoring.sequence(restoring.MODE, number_of(mode))
        if screen.mouse is not MouseTracking.OFF:
            yield f"\x1b[?{screen.mouse:d}h"
        if screen.mouse_encoding is not MouseEncoding.DEFAULT:
            yield f"\x1b[?{screen.mouse_encoding:d}h"
        steady = Mode.CURSOR_BLINK not in screen.mode
        if (screen.cursor_style, not steady) != screen.default_cursor or not self._ours:
            yield f"\x1b[{_SHAPE_CODES[screen.cursor_style] - (not steady)} q"
        for key, value in screen.key_options.items():
            yield f"\x1b[>{key};{value}m"
        for key, value in screen.key_formats.items():
            yield f"\x1b[>{key};{value}f"
        if screen.exact_rectangles and self._has("rectangles"):
            yield "\x1b[2*x"
        if screen.checksum_extension and self._has("rectangles"):
            yield f"\x1b[{screen.checksum_extension}#y"
        if screen.iso_protection:
            yield "\x1bV\x1bW"

    def _tabs(self) -> Iterator[str]:
        screen = self._screen
        if not screen.standard_tabs:
            yield "\x1b[3g"
            for stop in sorted(screen.tabstops):
                yield f"\x1b[1;{stop + 1}H\x1bH"

    # -- the cursor

    def _cursor(self) -> Iterator[str]:
        """The cursor, last: margins and modes move it."""
        screen = self._screen
        x, y = screen.cursor.x, screen.cursor.y
        sided = not screen.full_width and self._has("margins")
        if Mode.ORIGIN in screen.mode:
            yield "\x1b[?6h"
            y -= screen.top
            x -= screen.left if sided else 0
        style = screen.pens.style(screen.pen)
        yield self._drawing.select(style, DEFAULT_STYLE)
        yield _charsets(screen.charsets)
        if Mode.AUTOWRAP not in screen.mode:
            yield "\x1b[?7l"
        if Mode.INSERT in screen.mode:
            yield "\x1b[4h"
        if Mode.NEW_LINE in screen.mode:
            yield "\x1b[20h"
        if Mode.SYNCHRONIZED in screen.mode and self._has("sync"):
            yield "\x1b[?2026h"
        if printed := self._printed(y, x - screen.cursor.x, style):
            yield printed
        else:
            yield _goto(y, x)
            if screen.wrap_next and self._ours:
                yield restoring.sequence(restoring.WRAP)
        if screen.single_shift is not None:
            yield "\x1bN" if screen.single_shift == 2 else "\x1bO"

    def _printed(self, y: int, offset: int, style: Style) -> str:
        """The cell before the cursor once more, where what comes next depends on it: it may join
        it, be repeated, or have to wrap. "" where nothing does. ``offset`` is what makes a column
        of the screen one that the cursor can be sent to."""
        screen = self._screen
        end = screen.cursor.x + screen.wrap_next
        joins = screen.print_at == (screen.cursor.y, end)
        if not (joins or screen.last or (screen.wrap_next and not self._ours and screen.at_edge())):
            return ""
        text, pens, _ = screen.rows[screen.cursor.y]
        if joins and screen.dropped:
            # It has no room again.
            stays = width(screen.dropped[0]) == 1
            shown = self._drawing.style(pens[end]) if stays else style
            raw = _untranslated(screen.dropped, screen.charsets)
            return self._again(_goto(y, end + offset), raw, shown, style) if raw else ""
        if not 0 < end <= len(text):
            return ""
        start = end - 2 if end > 1 and text[end - 1] == HALF else end - 1
        whole = self._drawing.whole(text[start])
        shown = self._drawing.style(pens[start])
        if shown.strip is not None:
            return ""
        cells = 1 + (text[start + 1 : start + 2] == HALF)
        place = _goto(y, start + offset)
        if screen.last and not joins:
            here = _goto(y, screen.cursor.x + offset)
            if screen.wrap_next:
                here = here + restoring.sequence(restoring.WRAP) if self._ours else ""
            return place + self._marked(whole, cells, shown, style, here)
        raw = _untranslated(whole, screen.charsets)
        if not raw or shown[_RENDITIONS:] != style[_RENDITIONS:]:
            return ""
        if start + cells != end or screen.wrap_away:
            return ""
        if Mode.INSERT in screen.mode and not screen.wrap_next:
            # What printing pushes to the right comes from there.
            if not screen.left <= start <= screen.right:
                return ""
            place += f"\x1b[{cells}P"
        return self._again(place, raw, shown, style)

    def _again(self, place: str, raw: str, shown: Style, style: Style) -> str:
        last, select = self._screen.last, self._drawing.select
        if last and shown != style:
            # The last character came after another color, and joined all the same.
            return f"{place}{select(shown, style)}{raw[:-1]}{select(style, shown)}{raw[-1]}"
        after = _rendition(style) if shown == style and not last else ""
        return f"{place}{select(shown, style)}{raw}{select(style, shown)}{after}"

    def _marked(self, whole: str, cells: int, shown: Style, style: Style, here: str) -> str:
        """A cell whose mark came from elsewhere; nothing but a mark joins like that.

        ``here`` sends the cursor to where it is.
        """
        screen, select = self._screen, self._drawing.select
        base, mark = whole[:-1], whole[-1]
        before, after = "", "\x1b[?7h" if Mode.AUTOWRAP in screen.mode else "\x1b[?7l"
        if Mode.INSERT in screen.mode:
            # It was not inserted, but what makes it wide is.
            grows = base and cluster_width(base) < cells and not screen.wrap_next
            before, after = "\x1b[4l\x1b[P" if grows else "\x1b[4l", "\x1b[4h"
        if screen.charsets != Charsets():
            before, after = f"{before}{_ASCII}", f"{after}{_charsets(screen.charsets)}"
        if base and cluster_width(base) == cells:
            after += here
        return f"{before}{select(shown, style)}{base}{select(style, shown)}{after}{mark}"


_ASCII: Final = "\x1b(B\x1b)B\x1b*B\x1b+B\x0f"


def _charsets(charsets: Charsets) -> str:
    parts = [
        f"\x1b{slot}{name}" for slot, name in zip("()*+", charsets.sets, strict=True) if name != "B"
    ]
    parts.append(("", "\x0e", "\x1bn", "\x1bo")[charsets.left])
    return "".join(parts)


def _untranslated(text: str, charsets: Charsets) -> str:
    """What prints ``text`` in these sets; "" when nothing does."""
    for shift, slot in (("", charsets.left), ("\x1bN", 2), ("\x1bO", 3)):
        # A single shift is for the first character.
        first = _key(text[0], charsets.sets[slot])
        rest = [_key(char, charsets.sets[charsets.left]) for char in text[1:]]
        if first and all(rest):
            return f"{shift}{first}{''.join(rest)}"
    return ""


def _key(char: str, name: str) -> str:
    """The character that is shown as ``char`` in a set; "" for none."""
    table = TABLES.get(name, {})
    if ord(char) not in table:
        return char
    return next((chr(code) for code, shown in table.items() if shown == char), "")


def _goto(y: int, x: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"
