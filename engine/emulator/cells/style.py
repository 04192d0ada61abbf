"""The public form of a cell's style: everything a program can choose for a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from engine.emulator.cells.pictures import Strip

DEFAULT_COLOR: Final = -1
"""The theme's foreground or background."""
TRUECOLOR: Final = 1 << 24
"""Set in a color that is ``0xRRGGBB``; without it 0..255 index the palette."""


class Style(NamedTuple):
    """How a cell looks. Colors are DEFAULT_COLOR, 0..255, or TRUECOLOR | 0xRRGGBB.

    ``underline`` is 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    """

    fg: int = DEFAULT_COLOR
    bg: int = DEFAULT_COLOR
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: int = 0
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False
    overline: bool = False
    underline_color: int = DEFAULT_COLOR
    link: int = 0
    """The hyperlink the cell belongs to, for Terminal.hyperlink(); 0 is none."""
    protected: bool = False
    """DECSCA or SPA: selective erasing leaves the cell alone."""
    strip: Strip | None = None
    """Where the cell is one of a picture: the row of cells of it. None in every Run."""


DEFAULT_STYLE: Final = Style()


class Hyperlink(NamedTuple):
    """What OSC 8 named. Cells of one link share the number, neighbours or not."""

    uri: str
    id: str = ""
