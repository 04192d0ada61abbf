"""Pictures: what images are to the cells that show them, and how many are stored.

Where a picture is, only the cells know: each says which part of which picture it shows
(mosaic). So whatever moves, overwrites or erases cells does it to pictures, too, and no
list of places is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.emulator.cells.sixel import Allowance, Bitmap

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

MAX_BYTES: Final = 32 * 1024 * 1024
"""Pixels of one terminal's pictures, four bytes each; beyond it the oldest go blank."""
MAX_PICTURES: Final = 4096
"""Pictures at one time, blank ones included: a pen each, at least. Beyond it no more are
taken until it is known which of them no row shows."""
NO_BITMAP: Final = Bitmap(0, 0, ())


class Picture:
    """A bitmap, empty once it was let go.

    ``cell`` is a character cell's width and height in pixels when it came: how much of
    the picture one cell shows. ``columns`` and ``lines`` are its size in such cells.
    """

    __slots__ = ("bitmap", "cell", "columns", "lines")

    def __init__(self, bitmap: Bitmap, cell: tuple[int, int]) -> None:
        self.bitmap = bitmap
        self.cell = cell
        self.columns = -(-bitmap.width // cell[0])
        self.lines = -(-bitmap.height // cell[1])

    @property
    def bytes(self) -> int:
        """What its pixels take at most: equal rows may be one object."""
        return self.bitmap.width * self.bitmap.height * 4


class Strip(NamedTuple):
    """What one row of cells shows of a picture: a cell's height of it. Counted from 0.

    In a pen, the first of the rows whose cells have that pen.
    """

    picture: Picture
    row: int


class Piece(NamedTuple):
    """Neighbouring cells of a line, from ``column`` on, that show a strip from ``first`` on."""

    column: int
    cells: int
    strip: Strip
    first: int
    """The strip's column, in cells, that is seen in the first of them."""


class Pictures:
    """All of one terminal, oldest first."""

    def __init__(self) -> None:
        self._all: list[Picture] = []
        self._blank = 0
        """How many of them, the oldest, were let go."""
        self._bytes = 0
        self.allowance = Allowance()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def near_full(self) -> bool:
        """Time to check whether all are still on some row."""
        return self._bytes > MAX_BYTES // 2 or len(self._all) > MAX_PICTURES // 2

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._all) >= MAX_PICTURES

    def add(self, picture: Picture) -> None:
        self._all.append(picture)
        self._bytes += picture.bytes
        while self._bytes > MAX_BYTES:
            self._let_go(self._all[self._blank])
            self._blank += 1

    def collect(self, used: AbstractSet[Picture]) -> None:
        """Let go of all but these."""
        for picture in self._all[self._blank :]:
            if picture not in used:
                self._let_go(picture)
        self._blank = sum([picture in used for picture in self._all[: self._blank]])
        self._all = [picture for picture in self._all if picture in used]

    def _let_go(self, picture: Picture) -> None:
        self._bytes -= picture.bytes
        picture.bitmap = NO_BITMAP
