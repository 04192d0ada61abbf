"""What a terminal's theme is, and how a cell's style becomes colors.

The sixteen colors, the 216-color cube, reverse, faint and conceal, and text that stays
readable on any background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.emulator import DEFAULT_COLOR, TRUECOLOR, Style

if TYPE_CHECKING:
    from collections.abc import Mapping

_CUBE = (0, 95, 135, 175, 215, 255)
_FAINT = 0.45
"""How far a faint color is mixed with its background."""
_FAINT_CONTRAST = 0.6
"""The share of the wanted contrast that faint text gets: it is meant to be less visible."""
_ON_COLOR = 6.0
"""The least contrast on a colored background, for which a theme's hues are not made."""
_MATCH = 0.35
"""How much of the theme's yellow is behind what the find bar found."""
_HALVINGS = 5
"""How exactly the nearest readable color on the way to black or white is found."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors as ``0xRRGGBB``. ``palette`` holds the sixteen ANSI colors.

    ``contrast`` is the least contrast ratio (WCAG, 1..21) text of a palette
    color has with its background; 1 leaves every color as it was asked for.
    """

    name: str
    dark: bool
    foreground: int
    background: int
    cursor: int
    cursor_text: int
    selection: int
    palette: tuple[int, ...]
    contrast: float = 1.0
    changed: tuple[tuple[int, int], ...] = ()
    """Palette entries a program set, 0..255 to ``0xRRGGBB``."""

    def color(self, color: int, default: int) -> int:
        """A Style's color as ``0xRRGGBB``."""
        if color == DEFAULT_COLOR:
            return default
        if color & TRUECOLOR:
            return color & 0xFFFFFF
        if self.changed:
            for index, rgb in self.changed:
                if index == color:
                    return rgb
        if color < 16:
            return self.palette[color]
        if color < 232:
            cube = color - 16
            red, green, blue = _CUBE[cube // 36], _CUBE[cube // 6 % 6], _CUBE[cube % 6]
            return red << 16 | green << 8 | blue
        gray = 8 + 10 * (color - 232)
        return gray << 16 | gray << 8 | gray

    def exact(self, style: Style) -> tuple[int, int]:
        """(text, background) of a style, as the program asked: for pictures made of blocks."""
        text = self.color(style.fg, self.foreground)
        background = self.color(style.bg, self.background)
        if style.reverse:
            text, background = background, text
        if style.conceal:
            return background, background
        if style.faint:
            text = mix(text, background, _FAINT)
        return text, background

    def pair(self, style: Style) -> tuple[int, int]:
        """(text, background) of a style, the text readable. Truecolor text stays exact."""
        return self.colors(style)[1:]

    def colors(self, style: Style) -> tuple[int, int, int]:
        """The text as asked for, the text readable, and the background of a style."""
        text, background = self.exact(style)
        foreground = style.bg if style.reverse else style.fg
        if style.conceal or (foreground != DEFAULT_COLOR and foreground & TRUECOLOR):
            return text, text, background
        wanted = self.contrast
        if wanted > 1 and background != self.background:
            wanted = max(wanted, _ON_COLOR)
        if style.faint:
            wanted *= _FAINT_CONTRAST
        return text, readable(text, background, wanted), background

    @property
    def match(self) -> int:
        """The background of what was found."""
        return mix(self.background, self.palette[3], _MATCH)

    @property
    def current_match(self) -> int:
        """The background of the current match."""
        return self.palette[3]

    def reversed(self) -> Theme:
        """Foreground and background swapped, as DECSCNM wants the whole screen."""
        return replace(
            self,
            foreground=self.background,
            background=self.foreground,
            cursor=self.cursor_text,
            cursor_text=self.cursor,
        )

    def with_contrast(self, contrast: float) -> Theme:
        return replace(self, contrast=contrast)

    def with_changes(
        self,
        palette: Mapping[int, int],
        foreground: int | None = None,
        background: int | None = None,
        cursor: int | None = None,
    ) -> Theme:
        """What a program changed over this theme (OSC 4, 10, 11, 12); None: nothing."""
        return replace(
            self,
            changed=tuple(sorted(palette.items())),
            foreground=self.foreground if foreground is None else foreground,
            background=self.background if background is None else background,
            cursor=self.cursor if cursor is None else cursor,
        )


def mix(one: int, other: int, share: float) -> int:
    """``one`` moved towards ``other`` by ``share`` (0..1)."""
    red, green, blue = one >> 16, one >> 8 & 255, one & 255
    red += round(((other >> 16) - red) * share)
    green += round(((other >> 8 & 255) - green) * share)
    blue += round(((other & 255) - blue) * share)
    return red << 16 | green << 8 | blue


_LINEAR = tuple(
    c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    for c in (value / 255 for value in range(256))
)
"""An sRGB component as linear light."""


def luminance(rgb: int) -> float:
    """Relative luminance, 0 black to 1 white. Source: WCAG 2.2."""
    red, green, blue = _LINEAR[rgb >> 16], _LINEAR[rgb >> 8 & 255], _LINEAR[rgb & 255]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: int, other: int) -> float:
    """Contrast ratio of two colors, 1..21. Source: WCAG 2.2."""
    return _ratio(luminance(one), luminance(other))


def _ratio(one: float, other: float) -> float:
    return (one + 0.05) / (other + 0.05) if one > other else (other + 0.05) / (one + 0.05)


@lru_cache(maxsize=4096)
def readable(text: int, background: int, wanted: float) -> int:
    """``text``, moved towards white or black as little as ``wanted`` contrast needs.

    Text of its own background's color stays: it was hidden on purpose.
    """
    back, front = luminance(background), luminance(text)
    if text == background or _ratio(front, back) >= wanted:
        return text
    # Away from the background if that can do, else the other way.
    for end in (0xFFFFFF, 0) if front >= back else (0, 0xFFFFFF):
        if _ratio(luminance(end), back) >= wanted:
            return _nearest(text, end, back, wanted)
    return max(0xFFFFFF, 0, key=lambda end: _ratio(luminance(end), back))


def _nearest(text: int, end: int, back: float, wanted: float) -> int:
    """The color nearest to ``text`` on the way to ``end`` that has the wanted contrast."""
    enough, low, high = end, 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        moved = mix(text, end, middle)
        if _ratio(luminance(moved), back) >= wanted:
            enough, high = moved, middle
        else:
            low = middle
    return enough
