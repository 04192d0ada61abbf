"""Sixel graphics: the text of a device control string to pixels.

Raster attributes, color registers, repeats, bands. Where a picture goes is in
screen.graphics, how many are stored in pictures. A decoder is fed
in pieces, cut anywhere, and holds no more than the rows done so far and a band of six.
Source: DEC STD 070 chapter 9, VT330/VT340 Programmer Reference Manual chapter 14.
"""

from __future__ import annotations

import colorsys
import re
from typing import Final, NamedTuple

MAX_SIDE: Final = 4096
"""Pixels a picture may be wide or high; what is drawn beyond is not seen."""
MAX_AREA: Final = 4 * 1024 * 1024
"""Pixels of one picture: 16 MiB. Bands that would make it larger are left out."""
REGISTERS: Final = 1024
"""Color registers; higher numbers come round again."""
PIXELS_AT_ONCE: Final = 768 * 1024
"""Pixels made in one go, so that a few bytes cannot hold the loop for long: some four
milliseconds of work. Everything counts for the pixels that would take as long. What is
beyond is left out."""
PICTURE: Final = 8192
"""What it counts for to begin a picture and end it, of whatever size."""
BAND_DRAWN: Final = 1024
"""What a band counts for besides its pixels. A row as the one above has none."""
FLAT: Final = 4
"""So many pixels of a row of one color count for one."""
STRIP: Final = 512
"""What a row of cells of a picture counts for besides the cells: to place it."""
BAND: Final = 6
"""Rows of pixels one sixel is high."""
MAX_COMMAND: Final = 64
"""Characters of a command's numbers; the rest of them means nothing."""
MAX_NUMBER: Final = 1 << 20
"""Greater numbers count as this one: beyond every size there is."""

Rgb = tuple[int, int, int]

_VT340: Final = (
    (0, 0, 0),
    (20, 20, 80),
    (80, 13, 13),
    (20, 80, 20),
    (80, 20, 80),
    (20, 80, 80),
    (80, 80, 20),
    (53, 53, 53),
    (26, 26, 26),
    (33, 33, 60),
    (60, 26, 26),
    (33, 60, 33),
    (60, 33, 60),
    (33, 60, 60),
    (60, 60, 33),
    (80, 80, 80),
)
"""The VT340's sixteen colors, in percent."""
_FIRST_REGISTER: Final = 15
"""The color until one is chosen: light on dark, as libsixel's pictures of one color expect."""
_ASPECTS: Final = {2: 5, 3: 3, 4: 3, 7: 1, 8: 1, 9: 1}
"""Height of a pixel by the first parameter of the string; 2 for all others."""
_MAX_ASPECT: Final = 10
_DEPTH: Final = 4
"""Bytes of a pixel."""
_BLANK, _NO_DATA = "?", 63
"""The data character that sets no pixel; the bits of the others are counted from it."""
_HLS, _RGB = 1, 2
_SPARING: Final = 1
_SLOTS: Final = 255
"""Colors that one band of indexed pixels can hold, besides transparent."""

_NOISE: Final = re.compile("[^!-~]+")
"""Line ends and other controls stand anywhere and mean nothing."""
_TOKEN: Final = re.compile(r'([?-~]+)|(#[\d;]*)|!([\d;]*)([?-~])|(-+|\$)|("[\d;]*)')


class Bitmap(NamedTuple):
    """``rows`` of RGBA, four bytes a pixel, alpha 0 or 255. What they lack is transparent.

    Equal rows may be the same object, and are never put together: neither
    an end nor a copy costs what a whole picture does.
    """

    width: int
    height: int
    rows: tuple[bytes, ...]

    def part(self, left: int, top: int, width: int, height: int) -> bytes:
        """A rectangle within the picture, row by row without gaps."""
        start, size = left * _DEPTH, width * _DEPTH
        rows = self.rows[top : top + height]
        data = b"".join([row[start : start + size].ljust(size, b"\0") for row in rows])
        return data.ljust(size * height, b"\0")

    def drawn(self, top: int, height: int, across: int) -> list[bool]:
        """Of rows top..top+height-1, which cells ``across`` pixels wide have a pixel drawn.

        Empty when none has.
        """
        size = across * _DEPTH
        pixels = 0
        for row in {id(row): row for row in self.rows[top : top + height]}.values():
            pixels |= int.from_bytes(row, "little")
        data = pixels.to_bytes(self.width * _DEPTH if pixels else 0, "little")
        return [bool(data[at : at + size].strip(b"\0")) for at in range(0, len(data), size)]


def percent(value: int) -> int:
    """0..100 to 0..255."""
    return (min(value, 100) * 255 + 50) // 100


def rgb_of_hls(hue: int, lightness: int, saturation: int) -> Rgb:
    """DEC's: hue in degrees with blue at 0, red at 120; the others in percent."""
    color = colorsys.hls_to_rgb(
        ((hue + 240) % 360) / 360, min(lightness, 100) / 100, min(saturation, 100) / 100
    )
    return round(color[0] * 255), round(color[1] * 255), round(color[2] * 255)


_PALETTE: tuple[Rgb, ...] = tuple((percent(r), percent(g), percent(b)) for r, g, b in _VT340)
_REGISTERS: Final = [_PALETTE[n % len(_PALETTE)] for n in range(REGISTERS)]
"""Until a picture sets them."""
_CHARACTERS: Final = [chr(_NO_DATA + bits) for bits in range(1 << BAND)]
"""The data characters, by the bits they set."""


class Allowance:
    """Pixels that may be made until it is refilled: shared by all pictures of a terminal."""

    def __init__(self) -> None:
        self._left = PIXELS_AT_ONCE

    def refill(self) -> None:
        self._left = PIXELS_AT_ONCE

    def take(self, pixels: int) -> bool:
        """Whether there are so many left, which are then taken."""
        if pixels > self._left:
            return False
        self._left -= pixels
        return True


class Decoder:
    """``feed()`` the characters after ``DCS parameters q``, then ``finish()``.

    Pixels nothing was drawn on stay transparent: the cell's own background is what is
    seen there. Where the background mode (the second parameter) is 1, cells in which
    nothing was drawn are to stay as they were (``sparing``). The third parameter, the
    grid size, means nothing (as xterm).
    """

    def __init__(self, parameters: str = "", allowance: Allowance | None = None) -> None:
        self._allowance = allowance or Allowance()
        first, background = (*_numbers(parameters), 0)[:2]
        self._aspect = _ASPECTS.get(first, 2)
        self.sparing = background == _SPARING
        self._registers: list[Rgb] = _REGISTERS.copy()
        self._tail = ""
        """A command that may go on in the next piece."""
        self._color: Rgb = self._registers[_FIRST_REGISTER]
        self._slot = 0
        """What stands for the color in the band; 0 while that is not decided."""
        self._slots: dict[Rgb, int] = {}
        self._band = tuple([bytearray(MAX_SIDE) for _ in range(BAND)])
        columns: list[tuple[bytearray, ...]] = [()]
        for row in self._band:
            columns += [(*rows, row) for rows in columns]
        self._columns = dict(zip(_CHARACTERS, columns, strict=True))
        """The rows of the band a data character sets a pixel in."""
        self._x = 0
        self._band_width = 0
        """Columns of the band that were drawn, holes and all."""
        self._lowest = _BLANK
        """The greatest data character in the band: its highest bit is the lowest row drawn."""
        self._limit = MAX_SIDE
        """Columns the present band may have; 0 when no more bands fit."""
        self._rows: list[bytes] = []
        self._under: list[bytes] = []
        """The band as drawn in earlier colors, when there were too many for one go."""
        self._width = self._height = 0
        """Of the picture so far, declared or drawn."""

    @property
    def held(self) -> int:
        """Characters held from one piece to the next."""
        return len(self._tail)

    def feed(self, text: str) -> None:
        """The next characters. Never raises; what means nothing is skipped."""
        text = self._tail + _NOISE.sub("", text)
        # What the piece ends with may go on in the next one.
        whole = text.rstrip("0123456789;")
        if whole[-1:] in ("#", "!", '"'):
            self._tail = text[len(whole) - 1 :][: MAX_COMMAND + 1]
            text = whole[:-1]
        else:
            self._tail = ""
        for data, color, count, repeated, move, raster in _TOKEN.findall(text):
            if data:
                self._draw(data)
            elif repeated:
                self._repeat(repeated, (_numbers(count)[0] or 1) if count else 1)
            elif color:
                self._select(color[1:])
            elif move:
                if move != "$":
                    self._next_bands(len(move))
                self._x = 0
            elif raster:
                self._declare(raster[1:])

    def finish(self) -> Bitmap | None:
        """The picture; None when nothing was drawn or declared."""
        tail, self._tail = self._tail, ""
        if tail[:1] == '"':
            self._declare(tail[1:])
        if self._band_width:
            self._end_band()
        if not self._width or not self._height:
            return None
        return Bitmap(self._width, self._height, tuple(self._rows[: self._height]))

    # -- commands

    def _select(self, numbers: str) -> None:
        if ";" in numbers:
            values = _numbers(numbers)
            register = values[0] % REGISTERS
            if len(values) >= 5:
                self._set_register(register, *values[1:5])
        else:
            register = int(numbers[:8] or 0) % REGISTERS
        self._color = self._registers[register]
        self._slot = self._slots.get(self._color, 0)

    def _set_register(self, register: int, kind: int, *values: int) -> None:
        first, second, third = values
        if kind == _HLS:
            self._registers[register] = rgb_of_hls(first, second, third)
        elif kind == _RGB:
            self._registers[register] = percent(first), percent(second), percent(third)

    def _declare(self, numbers: str) -> None:
        """Raster attributes: shape of a pixel and size. Too late once there are pixels."""
        if self._rows or self._band_width:
            return
        across, down = 1, 1
        values = [*_numbers(numbers), 0, 0, 0, 0]
        if values[0] and values[1]:
            down, across = values[:2]
            self._aspect = max(1, min(round(down / across), _MAX_ASPECT))
        width = min(values[2], MAX_SIDE)
        height = min(values[3] * self._aspect, MAX_SIDE)
        if width and height:
            self._width, self._height = width, min(height, MAX_AREA // width)
        self._limit = self._room()

    # -- pixels

    def _new_slot(self) -> int:
        """The number in the band is the color's own, not the register's: registers change."""
        if len(self._slots) >= _SLOTS:
            self._under = self._painted()
            if not self._under:
                self._limit = 0
            self._clear_band()
        self._slot = self._slots[self._color] = len(self._slots) + 1
        return self._slot

    def _draw(self, data: str) -> None:
        slot = self._slot or self._new_slot()
        x = self._x
        if x + len(data) > self._limit:
            data = data[: max(self._limit - x, 0)]
            if not data:
                return
        columns = self._columns
        for char in data:
            for row in columns[char]:
                row[x] = slot
            x += 1
        self._x = x
        if x > self._band_width:
            self._band_width = x
        lowest = max(data)
        if lowest > self._lowest:
            self._lowest = lowest

    def _repeat(self, char: str, count: int) -> None:
        x = self._x
        end = self._x = max(min(x + count, self._limit), x)
        if end > self._band_width:
            self._band_width = end
        if char == _BLANK or end == x:
            return
        pixels = bytes((self._slot or self._new_slot(),)) * (end - x)
        for row in self._columns[char]:
            row[x:end] = pixels
        if char > self._lowest:
            self._lowest = char

    # -- bands

    def _room(self) -> int:
        """How wide the next band may be: 0 if the picture would become too large."""
        height = max(len(self._rows) + BAND * self._aspect, self._height)
        width = min(MAX_AREA // height, MAX_SIDE)
        return width if len(self._rows) < MAX_SIDE and width >= self._width else 0

    def _next_bands(self, count: int) -> None:
        """End this band, and go past others in which nothing is drawn: they cost nothing."""
        if self._limit and self._band_width:
            self._end_band(whole=True)
            count -= 1
        if self._limit and count:
            self._rows += [b""] * min(count * BAND * self._aspect, MAX_SIDE - len(self._rows))
            self._limit = self._room()

    def _end_band(self, *, whole: bool = False) -> None:
        """Put the band below the rows done; the last one only as far as it was drawn."""
        rows = self._painted()
        if not rows:
            self._limit = 0
            return
        drawn = (ord(self._lowest) - _NO_DATA).bit_length()
        if drawn:
            bottom = min(len(self._rows) + drawn * self._aspect, MAX_SIDE)
            self._height = max(self._height, bottom)
        for row in rows if whole else rows[:drawn]:
            self._rows += [row] * self._aspect
        del self._rows[MAX_SIDE:]
        self._width = max(self._width, self._band_width)
        self._under = []
        self._clear_band()
        self._band_width, self._lowest = 0, _BLANK
        self._limit = self._room()

    def _clear_band(self) -> None:
        blank = bytes(self._band_width)
        for row in self._band:
            row[: len(blank)] = blank
        self._slots.clear()
        self._slot = 0

    def _painted(self) -> list[bytes]:
        """The band's rows as RGBA, over what was drawn of it in other colors.

        Empty when that is more than may be made in one go.
        """
        width = self._band_width
        band = [bytes(row[:width]) for row in self._band]
        # Many rows are as the one above, or of one color.
        work = BAND_DRAWN + (2 * BAND * width if self._under else 0)
        above = b""
        for row in band:
            if row != above:
                work += width if row != row[:1] * width else width // FLAT
                above = row
        if not self._allowance.take(work):
            return []
        colors = [b"\0\0\0\0", *[bytes((*color, 255)) for color in self._slots]]
        channels: list[bytes] = []
        rows: list[bytes] = []
        above = b""
        for row in band:
            if row == above and rows:
                rows.append(rows[-1])
            elif row == row[:1] * width:
                rows.append(colors[row[0]] * width if row else b"")
            else:
                channels = channels or [bytes(n).ljust(256) for n in zip(*colors, strict=True)]
                rgba = bytearray(width * _DEPTH)
                for number, channel in enumerate(channels):
                    rgba[number::_DEPTH] = row.translate(channel)
                rows.append(bytes(rgba))
            above = row
        if self._under:
            rows = [_over(top, below) for top, below in zip(rows, self._under, strict=True)]
        return rows


def _over(top: bytes, below: bytes) -> bytes:
    """One row of RGBA drawn on another, which may be shorter."""
    mask = bytearray(len(top))
    for channel in range(_DEPTH):
        mask[channel::_DEPTH] = top[3::_DEPTH]
    kept = int.from_bytes(below, "little") & ~int.from_bytes(mask, "little")
    return (kept | int.from_bytes(top, "little")).to_bytes(len(top), "little")


def _numbers(text: str) -> list[int]:
    """Numbers between semicolons, at least one; missing ones are 0."""
    return [
        min(int(part[:8]), MAX_NUMBER) if part.isdecimal() else 0
        for part in text[:MAX_COMMAND].split(";")
    ]
