"""The window as programs see it: XTWINOPS, titles and their stack, the bell, the directory.

Host decides what is allowed and says what is true. Source: xterm ctlseqs, "Window
manipulation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.screen.host import Pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

MAX_TITLE: Final = 256
"""Characters of a title; the rest is dropped."""
MAX_DIRECTORY: Final = 1024
"""Characters of OSC 7's URL; a longer one is ignored."""
MAX_TITLES: Final = 10
"""Titles on the stack; pushing more forgets the oldest (as xterm)."""
SET_HEX: Final = 0
QUERY_HEX: Final = 1
"""XTSMTITLE: titles are set and reported in hexadecimal. The other two mean UTF-8."""
_BOTH: Final = 0
_ICON: Final = 1
_TITLE: Final = 2
_LOWEST_LINES: Final = 24
"""CSI number t from here on sets the number of lines (DECSLPP)."""


def operate(screen: Screen, params: Params) -> None:
    """CSI operation ; first ; second t."""
    operation = params.get(0)
    if operation >= _LOWEST_LINES:
        screen.host.resize(operation, screen.columns)
    elif operation in _RESIZES:
        _RESIZES[operation](screen, params)
    elif operation in _REPORTS:
        answer = _REPORTS[operation](screen, params.get(1))
        if answer:
            screen.answer(answer)
    elif operation == 22:
        _push(screen, params.get(1))
    elif operation == 23:
        _pop(screen, params.get(1))
    elif operation in (1, 2, 3, 5, 6, 7, 9, 10):
        screen.host.window(operation, params.get(1), params.get(2))


def _whole(screen: Screen) -> Pixels:
    cell, room = screen.host.cell, screen.host.screen
    return Pixels(room.width // max(cell.width, 1), room.height // max(cell.height, 1))


def _resize_pixels(screen: Screen, params: Params) -> None:
    cell = screen.host.cell
    _resize(
        screen,
        params,
        (max(cell.height, 1), max(cell.width, 1)),
    )


def _resize_cells(screen: Screen, params: Params) -> None:
    _resize(screen, params, (1, 1))


def _resize(screen: Screen, params: Params, unit: tuple[int, int]) -> None:
    """Missing leaves a dimension alone, 0 means as large as the screen allows."""
    whole = _whole(screen)
    wanted = []
    for index, (now, most) in enumerate(
        ((screen.lines, whole.height), (screen.columns, whole.width)), 1
    ):
        size = params.get(index) // unit[index - 1]
        wanted.append((size or most) if params.given(index) else now)
    screen.host.resize(wanted[0], wanted[1])


_RESIZES: Final = {4: _resize_pixels, 8: _resize_cells}


def _text_area(screen: Screen) -> Pixels:
    cell = screen.host.cell
    return Pixels(screen.columns * cell.width, screen.lines * cell.height)


def _label(screen: Screen, letter: str, text: str) -> str:
    if not screen.host.may_read_titles:
        return ""
    shown = text.encode().hex() if QUERY_HEX in screen.title_modes else text
    return f"\x1b]{letter}{shown}\x1b\\"


_REPORTS: dict[int, Callable[[Screen, int], str]] = {
    11: lambda screen, _: f"\x1b[{2 if screen.host.iconified else 1}t",
    13: lambda screen, _: "\x1b[3;{};{}t".format(*screen.host.position),
    14: lambda screen, _: f"\x1b[4;{_text_area(screen).height};{_text_area(screen).width}t",
    15: lambda screen, _: f"\x1b[5;{screen.host.screen.height};{screen.host.screen.width}t",
    16: lambda screen, _: f"\x1b[6;{screen.host.cell.height};{screen.host.cell.width}t",
    18: lambda screen, _: f"\x1b[8;{screen.lines};{screen.columns}t",
    19: lambda screen, _: f"\x1b[9;{_whole(screen).height};{_whole(screen).width}t",
    20: lambda screen, _: _label(screen, "L", screen.icon_name),
    21: lambda screen, _: _label(screen, "l", screen.title),
}


def _push(screen: Screen, which: int) -> None:
    screen.title_stack.append((screen.title, screen.icon_name))
    del screen.title_stack[:-MAX_TITLES]


def _pop(screen: Screen, which: int) -> None:
    if screen.title_stack:
        title, icon = screen.title_stack.pop()
        if which in (_BOTH, _ICON):
            screen.icon_name = icon
        if which in (_BOTH, _TITLE):
            screen.title = title


def set_title(screen: Screen, text: str, *, title: bool, icon: bool) -> None:
    """OSC 0, 1 and 2."""
    if SET_HEX in screen.title_modes:
        try:
            text = bytes.fromhex(text).decode(errors="replace")
        except ValueError:
            return
    if title:
        screen.title = printable(text)
    if icon:
        screen.icon_name = printable(text)


def printable(text: str) -> str:
    """Without anything a window's title bar could trip over, bounded."""
    return "".join(filter(str.isprintable, text[: MAX_TITLE * 4]))[:MAX_TITLE]


def set_directory(screen: Screen, url: str) -> None:
    """OSC 7."""
    if len(url) <= MAX_DIRECTORY:
        screen.working_directory = "".join(filter(str.isprintable, url))


def bell(screen: Screen) -> None:
    """BEL."""
    screen.bells += 1


def set_title_modes(screen: Screen, params: Params) -> None:
    """XTSMTITLE: CSI > modes t."""
    screen.title_modes |= {mode for mode in params.all() if mode <= 3}


def reset_title_modes(screen: Screen, params: Params) -> None:
    """XTRMTITLE: CSI > modes T."""
    screen.title_modes -= set(params.all())


def set_lines(screen: Screen, params: Params) -> None:
    """DECSNLS: CSI lines * |."""
    if params.get(0):
        screen.host.resize(params.get(0), screen.columns)


def set_columns(screen: Screen, params: Params) -> None:
    """DECSCPP: CSI columns $ |."""
    if params.get(0) in (0, 80, 132):
        screen.host.resize(screen.lines, params.get(0) or 80)


CSI: dict[str, Callable[[Screen, Params], None]] = {
    "t": operate,
    ">t": set_title_modes,
    ">T": reset_title_modes,
    "*|": set_lines,
    "$|": set_columns,
}
