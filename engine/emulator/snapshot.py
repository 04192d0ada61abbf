"""A screen written down as the escape sequences that draw it again.

Owns the writing. Does not own where it is sent. Fed to a fresh terminal of the
same size it restores rows, styles, cursor, title and modes; history is not part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator import sgr
from engine.emulator.cells import DEFAULT_STYLE
from engine.emulator.modes import DEFAULT_PRIVATE, INSERT, CursorShape, MouseTracking, Private
from engine.emulator.modes import private as private_mode

if TYPE_CHECKING:
    from engine.emulator.modal import ModalScreen
    from engine.emulator.page import Page

_SHAPE_CODES = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}
_LATER = (Private.ORIGIN, Private.AUTOWRAP, Private.CURSOR_BLINK)
"""Flags that are not simply set: they change how what follows is drawn, or have their own way."""


def snapshot(screen: ModalScreen) -> str:
    parts: list[str] = []
    if screen.title:
        parts.append(f"\x1b]2;{screen.title}\x1b\\")
    parts += _page(screen.normal, screen)
    if screen.alternate is not None:
        saved = screen.normal.saved
        if saved is not None:
            parts.append(f"{_goto(saved.y, saved.x)}{sgr.sequence(saved.style)}")
        parts.append("\x1b[?1049h\x1b[H")
        parts += _page(screen.alternate, screen)
    parts += _modes(screen)
    parts.append(_cursor(screen))
    return "".join(parts)


def _page(page: Page, screen: ModalScreen) -> list[str]:
    parts: list[str] = []
    joined = False
    style = DEFAULT_STYLE
    for y in range(screen.lines):
        line = page[y].line(screen.columns)
        position = 0 if joined else -1
        for run in line.runs:
            if run.column != position:
                parts.append(_goto(y, run.column))
            if run.style != style:
                style = run.style
                parts.append(sgr.sequence(style))
            parts.append(run.text)
            position = run.column + run.cells
        # A full row that goes on in the next one is written without moving the
        # cursor, so that the new terminal wraps it and knows it too.
        following = page[y + 1].line(screen.columns).runs if y + 1 < screen.lines else ()
        joined = bool(
            line.wrapped and position == screen.columns and following and not following[0].column
        )
    if style != DEFAULT_STYLE:
        parts.append(sgr.sequence(DEFAULT_STYLE))
    return parts


def _modes(screen: ModalScreen) -> list[str]:
    parts: list[str] = []
    if screen.margins:
        parts.append(f"\x1b[{screen.margins.top + 1};{screen.margins.bottom + 1}r")
    for mode in Private:
        if mode in _LATER:
            continue
        on = screen.flag(mode)
        if on != (private_mode(mode) in DEFAULT_PRIVATE):
            parts.append(f"\x1b[?{mode:d}{'h' if on else 'l'}")
    if screen.mouse is not MouseTracking.OFF:
        parts.append(f"\x1b[?{screen.mouse:d}h")
    steady = not screen.flag(Private.CURSOR_BLINK)
    if steady or screen.cursor_style is not CursorShape.BLOCK:
        parts.append(f"\x1b[{_SHAPE_CODES[screen.cursor_style] - (not steady)} q")
    return parts


def _cursor(screen: ModalScreen) -> str:
    """The cursor, last: margins and modes move it."""
    x, y = screen.cursor.x, screen.cursor.y
    parts: list[str] = []
    if screen.flag(Private.ORIGIN):
        parts.append("\x1b[?6h")
        y -= screen.region[0]
    last = screen.page[screen.cursor.y].line(screen.columns).at(screen.columns - 1)
    if x >= screen.columns and last is not None:
        # Drawing the last character again brings back the pending wrap.
        parts += [_goto(y, last.column), sgr.sequence(last.style), last.text]
    else:
        parts.append(_goto(y, x))
    if screen.style != DEFAULT_STYLE or x >= screen.columns:
        parts.append(sgr.sequence(screen.style))
    for slot, charset in zip("()", screen.charsets, strict=True):
        if charset != "B":
            parts.append(f"\x1b{slot}{charset}")
    if screen.charset:
        parts.append("\x0e")
    if not screen.flag(Private.AUTOWRAP):
        parts.append("\x1b[?7l")
    if INSERT in screen.mode:
        parts.append("\x1b[4h")
    return "".join(parts)


def _goto(y: int, x: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"
