"""Colors a program changed or asks for: the palette and the dynamic colors.

What OSC 4, 5, 10..19 and 104..119 set, the theme's colors to answer with, and the
reading of color specifications.
Source: xterm ctlseqs, XParseColor(3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPECIALS: Final = 5
"""Colors for bold, underline, blink, reverse and italic: OSC 5, or OSC 4 from 256 on."""
FOREGROUND: Final = 10
BACKGROUND: Final = 11
CURSOR: Final = 12
DYNAMIC: Final = range(10, 20)
"""OSC numbers of foreground, background, cursor, pointer (2), Tektronix (2), highlight,
Tektronix cursor, highlighted text."""
MAX_SPECIFICATION: Final = 64

_HASH: Final = re.compile("#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{9}|[0-9a-fA-F]{12})")
_RGB: Final = re.compile("rgb:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})", re.I)
_RGBI: Final = re.compile(r"rgbi:([0-9.]{1,8})/([0-9.]{1,8})/([0-9.]{1,8})", re.I)
_NAMES: Final = {
    "black": 0x000000,
    "white": 0xFFFFFF,
    "red": 0xFF0000,
    "green": 0x00FF00,
    "blue": 0x0000FF,
    "yellow": 0xFFFF00,
    "magenta": 0xFF00FF,
    "cyan": 0x00FFFF,
    "gray": 0xBEBEBE,
    "grey": 0xBEBEBE,
    "orange": 0xFFA500,
    "brown": 0xA52A2A,
    "pink": 0xFFC0CB,
    "purple": 0xA020F0,
}

_ANSI: Final = (
    *(0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5),
    *(0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF),
)
_LEVELS: Final = (0, 95, 135, 175, 215, 255)


def standard_palette() -> list[int]:
    """xterm's 256 colors, each 0xRRGGBB."""
    cube = [
        red << 16 | green << 8 | blue for red in _LEVELS for green in _LEVELS for blue in _LEVELS
    ]
    return [*_ANSI, *cube, *(0x010101 * (8 + 10 * n) for n in range(24))]


class Colors:
    """Colors are 0xRRGGBB. What a program did not change is the theme's."""

    def __init__(self) -> None:
        self._theme_palette = standard_palette()
        self._theme_dynamic = dict.fromkeys(DYNAMIC, 0xFFFFFF) | {BACKGROUND: 0}
        self.reset()

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        """``palette`` is its first entries, up to 256."""
        self._theme_palette[: len(palette)] = palette
        self._theme_dynamic |= {FOREGROUND: foreground, BACKGROUND: background, CURSOR: cursor}

    def reset(self) -> None:
        """Forget what programs changed."""
        self.palette: dict[int, int] = {}
        self.special: dict[int, int] = {}
        self.dynamic: dict[int, int] = {}

    def palette_color(self, index: int) -> int:
        return self.palette.get(index, self._theme_palette[index])

    def special_color(self, index: int) -> int:
        return self.special.get(index, self._theme_dynamic[FOREGROUND])

    def dynamic_color(self, number: int) -> int:
        return self.dynamic.get(number, self._theme_dynamic[number])


def parse(specification: str) -> int | None:
    """A color of XParseColor's as 0xRRGGBB; None for what is none."""
    text = specification.strip()[:MAX_SPECIFICATION]
    if found := _HASH.fullmatch(text):
        digits = found[1]
        size = len(digits) // 3
        parts = (digits[n * size : (n + 1) * size] for n in range(3))
        # As X: the digits given are the high ones.
        return _join(int((part + "0")[:2], 16) for part in parts)
    if found := _RGB.fullmatch(text):
        return _join(int(part, 16) * 255 // (16 ** len(part) - 1) for part in found.groups())
    if found := _RGBI.fullmatch(text):
        try:
            return _join(_gamma(float(part)) for part in found.groups())
        except ValueError:
            return None
    return _NAMES.get(text.lower().replace(" ", ""))


def describe(color: int) -> str:
    """A color as reports give it, 16 bits a part."""
    return "rgb:" + "/".join(f"{color >> shift & 255:02x}" * 2 for shift in (16, 8, 0))


def _join(parts: Iterable[int]) -> int:
    red, green, blue = parts
    return red << 16 | green << 8 | blue


def _gamma(intensity: float) -> int:
    value = max(0.0, min(intensity, 1.0))
    encoded = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(encoded * 255)
