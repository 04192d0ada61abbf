"""pyte's ``buffer[y][x]``: rows as pyte's characters, for code written for pyte's screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyte.graphics import FG_AIXTERM, FG_ANSI, FG_BG_256
from pyte.screens import Char, StaticDefaultDict

from engine.emulator.cells.rows import HALF
from engine.emulator.cells.style import DEFAULT_COLOR, TRUECOLOR

if TYPE_CHECKING:
    from engine.emulator.cells.clusters import Clusters
    from engine.emulator.cells.pens import Pens
    from engine.emulator.cells.rows import Row
    from engine.emulator.cells.style import Style

Buffer = dict[int, StaticDefaultDict[int, Char]]
"""Row and column, each from 0; the right half of a wide character is ""."""

_NAMES: Final = [*list(FG_ANSI.values())[:8], *list(FG_AIXTERM.values())[:8]]


def buffer(shown: list[Row], pens: Pens, clusters: Clusters) -> Buffer:
    """The cells of rows. Those that hold nothing are blank, as in pyte, when asked for."""
    found: Buffer = {}
    for y, (text, row_pens, _) in enumerate(shown):
        cells = found[y] = StaticDefaultDict(Char(" "))
        for x, code in enumerate(text):
            data = "" if code == HALF else clusters.whole(code)
            cells[x] = _char(data, pens.style(row_pens[x]))
    return found


def _char(data: str, style: Style) -> Char:
    return Char(
        data,
        fg=_color(style.fg),
        bg=_color(style.bg),
        bold=style.bold,
        italics=style.italic,
        underscore=bool(style.underline),
        strikethrough=style.strike,
        reverse=style.reverse,
        blink=style.blink,
    )


def _color(color: int) -> str:
    """pyte's name of a color: a word, or six hexadecimal digits."""
    if color == DEFAULT_COLOR:
        return "default"
    if color & TRUECOLOR:
        return f"{color & 0xFFFFFF:06x}"
    return _NAMES[color] if color < len(_NAMES) else FG_BG_256[color]
