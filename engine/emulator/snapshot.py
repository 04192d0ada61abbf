"""A terminal written down as the escape sequences that draw it again.

Fed to a fresh terminal of the same size it restores both screens, styles, links, cursor,
margins, tab stops, titles, colors and modes. History is not part of it, and pictures are
left blank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import colors, sgr
from engine.emulator.cells.lines import Lines
from engine.emulator.cells.page import SavedCursor
from engine.emulator.cells.style import DEFAULT_STYLE, Style
from engine.emulator.cells.width import continues
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
    from engine.emulator.cells.charsets import Charsets
    from engine.emulator.cells.page import Page
    from engine.emulator.screen.screen import Screen

_SHAPE_CODES: Final = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}
_LATER: Final = frozenset(
    {Mode.ORIGIN, Mode.AUTOWRAP, Mode.CURSOR_BLINK, Mode.INSERT, Mode.COLUMNS_132}
    | {Mode.SIDE_MARGINS, Mode.SIZE_REPORTS, Mode.SYNCHRONIZED, Mode.NEW_LINE}
)
"""Flags that are not simply set: they change how what follows is drawn, or have their own way."""


def snapshot(screen: Screen) -> str:
    writer = _Writer(screen)
    parts = [*writer.outside(), writer.page(screen.normal)]
    if screen.page is screen.alternate:
        saved = screen.normal.saved
        if saved is not None:
            parts.append(writer.saved(saved))
        parts += ["\x1b[?47h\x1b[m\x1b[H", writer.page(screen.alternate)]
    parts += [writer.saved_here(), *writer.modes(), writer.cursor()]
    return "".join(parts)


class _Writer:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._lines = Lines(screen.pens, screen.clusters)

    def outside(self) -> list[str]:
        """Titles and colors."""
        screen = self._screen
        parts: list[str] = []
        for title, icon in screen.title_stack:
            parts.append(f"\x1b]2;{title}\x1b\\\x1b]1;{icon}\x1b\\\x1b[22t")
        if screen.title or screen.title_stack:
            parts.append(f"\x1b]2;{screen.title}\x1b\\")
        if screen.icon_name or screen.title_stack:
            parts.append(f"\x1b]1;{screen.icon_name}\x1b\\")
        if screen.working_directory:
            parts.append(f"\x1b]7;{screen.working_directory}\x1b\\")
        changed = screen.colors
        for index, color in changed.palette.items():
            parts.append(f"\x1b]4;{index};{colors.describe(color)}\x1b\\")
        for index, color in changed.special.items():
            parts.append(f"\x1b]5;{index};{colors.describe(color)}\x1b\\")
        for number, color in changed.dynamic.items():
            parts.append(f"\x1b]{number};{colors.describe(color)}\x1b\\")
        return parts

    def select(self, style: Style, before: Style) -> str:
        """What changes one style to another: rendition, link and protection."""
        parts = []
        if style._replace(link=0, protected=False) != before._replace(link=0, protected=False):
            parts.append(sgr.sequence(style._replace(link=0, protected=False)))
        if style.link != before.link:
            link = self._screen.links.get(style.link)
            parts.append(f"\x1b]8;id={link.id};{link.uri}\x1b\\" if link else "\x1b]8;;\x1b\\")
        if style.protected != before.protected:
            protect, free = (
                ("\x1bV", "\x1bW")
                if self._screen.iso_protection
                else (
                    '\x1b[1"q',
                    '\x1b[0"q',
                )
            )
            parts.append(protect if style.protected else free)
        return "".join(parts)

    def page(self, page: Page) -> str:
        screen = self._screen
        lines = [self._lines.line(row) for row in page.rows]
        parts: list[str] = []
        joined = False
        style = DEFAULT_STYLE
        before = ""
        for y, line in enumerate(lines):
            position = 0 if joined else -1
            if line.prompt:
                parts.append(f"{_goto(y, 0)}\x1b]133;A\x1b\\")
            for run in line.runs:
                if run.column != position:
                    parts.append(_goto(y, run.column))
                if run.style != style:
                    parts.append(self.select(run.style, style))
                    style = run.style
                if not run.text.isascii():
                    parts.append(_apart(run.text, before, whole=run.cluster))
                else:
                    parts.append(run.text)
                before = run.text
                position = run.column + run.cells
            # A full row that goes on in the next one is written without moving the
            # cursor, so that the new terminal wraps it and knows it too.
            following = lines[y + 1].runs if y + 1 < len(lines) else ()
            joined = bool(
                line.wrapped
                and following
                and (
                    position == screen.columns
                    # A wide character does not fit in the one column left.
                    or (
                        (position == screen.columns - 1 and following[0].cells == 2)
                        and following[0].cluster
                        and following[0].style == DEFAULT_STYLE
                    )
                )
                and not following[0].column
                and not lines[y + 1].prompt
            )
        if style != DEFAULT_STYLE:
            parts.append(self.select(DEFAULT_STYLE, style))
        return "".join(parts)

    def saved(self, saved: SavedCursor) -> str:
        """What makes a fresh terminal save this cursor."""
        style = self._screen.pens.style(saved.pen)
        origin = "\x1b[?6h" if saved.origin else ""
        return (
            f"{origin}{_goto(saved.y, saved.x)}{self.select(style, DEFAULT_STYLE)}"
            f"{_charsets(saved.charsets)}\x1b7{'' if not origin else chr(27) + '[?6l'}"
            f"{self.select(DEFAULT_STYLE, style)}{_ASCII}"
        )

    def saved_here(self) -> str:
        saved = self._screen.page.saved
        return self.saved(saved) if saved is not None else ""

    def modes(self) -> list[str]:
        screen = self._screen
        parts: list[str] = []
        if not screen.full_height:
            parts.append(f"\x1b[{screen.top + 1};{screen.bottom + 1}r")
        if Mode.SIDE_MARGINS in screen.mode:
            parts.append("\x1b[?69h")
            if not screen.full_width:
                parts.append(f"\x1b[{screen.left + 1};{screen.right + 1}s")
        for mode in Mode:
            on = mode in screen.mode
            if mode not in _LATER and on != (mode in DEFAULT_MODES):
                prefix = "?" if is_private(mode) else ""
                parts.append(f"\x1b[{prefix}{number_of(mode)}{'h' if on else 'l'}")
        if screen.mouse is not MouseTracking.OFF:
            parts.append(f"\x1b[?{screen.mouse:d}h")
        if screen.mouse_encoding is not MouseEncoding.DEFAULT:
            parts.append(f"\x1b[?{screen.mouse_encoding:d}h")
        steady = Mode.CURSOR_BLINK not in screen.mode
        if steady or screen.cursor_style is not CursorShape.BLOCK:
            parts.append(f"\x1b[{_SHAPE_CODES[screen.cursor_style] - (not steady)} q")
        parts += [f"\x1b[>{flags}u" for flags in screen.page.keyboard[1:]]
        if screen.page.keyboard[0]:
            parts.insert(0, f"\x1b[={screen.page.keyboard[0]}u")
        parts += [f"\x1b[>{key};{value}m" for key, value in screen.key_options.items()]
        parts += [f"\x1b[>{key};{value}f" for key, value in screen.key_formats.items()]
        if not screen.standard_tabs:
            parts.append("\x1b[3g")
            parts += [f"\x1b[1;{stop + 1}H\x1bH" for stop in sorted(screen.tabstops)]
        return parts

    def cursor(self) -> str:
        """The cursor, last: margins and modes move it."""
        screen = self._screen
        x, y = self._wraps_at(), screen.cursor.y
        style = screen.pens.style(screen.pen)
        parts: list[str] = []
        back = screen.cursor.x < x
        line = self._lines.line(screen.rows[y])
        start = line.cell_start(x)
        under = line.at(x) or line.at(start)
        before = x - start
        if Mode.ORIGIN in screen.mode:
            parts.append("\x1b[?6h")
            y -= screen.top
            x -= screen.left
        if screen.wrap_next:
            # Drawing the last character again brings back the pending wrap.
            text, shown = (under.text, under.style) if under else (" ", DEFAULT_STYLE)
            parts += [_goto(y, x - before), self.select(shown, DEFAULT_STYLE)]
            parts += [text, self.select(style, shown)]
            if back:
                stops = sum(screen.cursor.x <= stop < self._wraps_at() for stop in screen.tabstops)
                parts.append(f"\x1b[{stops + (screen.cursor.x not in screen.tabstops)}Z")
        else:
            parts += [_goto(y, x), self.select(style, DEFAULT_STYLE)]
        parts.append(_charsets(screen.charsets))
        if Mode.AUTOWRAP not in screen.mode:
            parts.append("\x1b[?7l")
        if Mode.INSERT in screen.mode:
            parts.append("\x1b[4h")
        if Mode.NEW_LINE in screen.mode:
            parts.append("\x1b[20h")
        if Mode.SYNCHRONIZED in screen.mode:
            parts.append("\x1b[?2026h")
        return "".join(parts)

    def _wraps_at(self) -> int:
        """The cursor's column, or the one where it came to be about to wrap."""
        screen = self._screen
        x = screen.cursor.x
        if not (screen.wrap_away and screen.wrap_next):
            return x
        return screen.right if x <= screen.right else screen.columns - 1


_ASCII: Final = "\x1b(B\x1b)B\x1b*B\x1b+B\x0f"


def _charsets(charsets: Charsets) -> str:
    parts = [
        f"\x1b{slot}{name}" for slot, name in zip("()*+", charsets.sets, strict=True) if name != "B"
    ]
    parts.append(("", "\x0e", "\x1bn", "\x1bo")[charsets.left])
    return "".join(parts)


_APART: Final = "\x1b[?7h"
"""Sets what is set (autowrap); any sequence but SGR ends a cluster."""


def _apart(text: str, before: str, *, whole: bool) -> str:
    """Text after ``before``, each cell on its own where printing would join two (or one whole)."""
    if whole:
        return _APART + text if before and continues(before, text[0]) else text
    parts: list[str] = []
    for char in text:
        if before and continues(before, char):
            parts.append(_APART)
        parts.append(char)
        before = char
    return "".join(parts)


def _goto(y: int, x: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"
