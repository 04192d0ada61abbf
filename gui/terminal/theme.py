"""The terminal's colours: two themes of our own, and style to colour.

Owns the sixteen colours, the 216-colour cube and what reverse, faint and
conceal do to a colour. Does not own the window's palette.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtGui import QPalette

from engine.emulator import DEFAULT_COLOUR, TRUECOLOUR, Style

_CUBE = (0, 95, 135, 175, 215, 255)
_FAINT = 0.5
"""How far a faint colour goes towards its background."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``0xRRGGBB``. ``palette`` holds the sixteen ANSI colours."""

    name: str
    dark: bool
    foreground: int
    background: int
    cursor: int
    cursor_text: int
    selection: int
    palette: tuple[int, ...]

    def colour(self, colour: int, default: int) -> int:
        """A Style's colour as ``0xRRGGBB``."""
        if colour == DEFAULT_COLOUR:
            return default
        if colour & TRUECOLOUR:
            return colour & 0xFFFFFF
        if colour < 16:
            return self.palette[colour]
        if colour < 232:
            cube = colour - 16
            red, green, blue = _CUBE[cube // 36], _CUBE[cube // 6 % 6], _CUBE[cube % 6]
            return red << 16 | green << 8 | blue
        grey = 8 + 10 * (colour - 232)
        return grey << 16 | grey << 8 | grey

    def pair(self, style: Style) -> tuple[int, int]:
        """(text, background) of a style."""
        text = self.colour(style.fg, self.foreground)
        background = self.colour(style.bg, self.background)
        if style.reverse:
            text, background = background, text
        if style.conceal:
            return background, background
        if style.faint:
            text = mix(text, background, _FAINT)
        return text, background

    def reversed(self) -> Theme:
        """Foreground and background swapped, as DECSCNM wants the whole screen."""
        return replace(
            self,
            foreground=self.background,
            background=self.foreground,
            cursor=self.cursor_text,
            cursor_text=self.cursor,
        )


def mix(one: int, other: int, share: float) -> int:
    """``one`` moved towards ``other`` by ``share`` (0..1)."""
    mixed = 0
    for shift in (16, 8, 0):
        a, b = one >> shift & 255, other >> shift & 255
        mixed |= round(a + (b - a) * share) << shift
    return mixed


DARK = Theme(
    name="Hatchway dark",
    dark=True,
    foreground=0xD9DFE3,
    background=0x14191D,
    cursor=0x56C2B0,
    cursor_text=0x0D1D1B,
    selection=0x28504D,
    palette=(
        *(0x454F58, 0xF0716B, 0x7FC97A, 0xE3B75C, 0x6CA8F5, 0xC792EA, 0x5CC5C9, 0xC4CAD2),
        *(0x7A858F, 0xFF938C, 0x9FE29A, 0xFAD486, 0x92C3FF, 0xDDB3F8, 0x85E1E4, 0xF4F6F8),
    ),
)
LIGHT = Theme(
    name="Hatchway light",
    dark=False,
    foreground=0x1C2428,
    background=0xFFFFFF,
    cursor=0x0B7468,
    cursor_text=0xFFFFFF,
    selection=0xBFE3DC,
    palette=(
        *(0x23292F, 0xBF2B27, 0x1F7A33, 0x8A6100, 0x1A5FC4, 0x8A3AB9, 0x0F7680, 0x79828B),
        *(0x5F6872, 0xD8423C, 0x2C8F41, 0xA67500, 0x3179DE, 0xA356D1, 0x17909B, 0x9AA2AB),
    ),
)


def for_palette(palette: QPalette) -> Theme:
    """The theme that goes with a window palette: dark when its base is dark."""
    return DARK if palette.color(QPalette.ColorRole.Base).lightness() < 128 else LIGHT


def named(dark: bool) -> Theme:
    return DARK if dark else LIGHT
