"""A page of rows: the normal screen or the alternate one, with what each keeps for itself.

The rows and the state that switching screens switches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.emulator.cells.charsets import Charsets
from engine.emulator.cells.rows import BLANK, DEFAULT_PEN

if TYPE_CHECKING:
    from engine.emulator.cells.rows import Row


NOWHERE: Final = (-1, -1)
"""A row and a column that are on no screen."""


class SavedCursor(NamedTuple):
    """What DECSC keeps. One per page, as in xterm."""

    x: int = 0
    y: int = 0
    wrap: bool = False
    pen: str = DEFAULT_PEN
    charsets: Charsets = Charsets()
    origin: bool = False


class Page:
    """``rows`` holds exactly as many as the screen has lines."""

    def __init__(self, lines: int) -> None:
        self.rows: list[Row] = [BLANK] * lines
        self.saved: SavedCursor | None = None
        self.keyboard: list[int] = [0]
        """The kitty keyboard protocol's stack of flags; the last one counts."""
