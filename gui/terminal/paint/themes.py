"""The built-in terminal themes.

Made in OKLCH, so that the six hues of a theme are equally light; tests check each for WCAG
contrast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QPalette

from gui.terminal.paint.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

DARK = Theme(
    name="Hatchway Dark",
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
    name="Hatchway Light",
    dark=False,
    foreground=0x1C2428,
    background=0xFFFFFF,
    cursor=0x0B7468,
    cursor_text=0xFFFFFF,
    selection=0xBFE3DC,
    palette=(
        *(0x23292F, 0xB3312F, 0x1E7729, 0x7D5E07, 0x1F5FBD, 0x86409B, 0x057176, 0xD3D9DE),
        *(0x5F6872, 0xC83F40, 0x218B30, 0x926E0A, 0x3072D0, 0x9A50B0, 0x11848A, 0xFFFFFF),
    ),
)
_NIGHT_HARBOUR = Theme(
    name="Night Harbour",
    dark=True,
    foreground=0xD8E3EE,
    background=0x0D182D,
    cursor=0xF5B75B,
    cursor_text=0x0D182D,
    selection=0x274064,
    palette=(
        *(0x323D52, 0xF28885, 0x73C076, 0xD0A43A, 0x76ACFC, 0xCD90E0, 0x2CC3CB, 0xBCC5D1),
        *(0x728199, 0xFFB4B1, 0xA1DCA2, 0xE9C67D, 0xAACDFF, 0xE6B6F5, 0x72DEE4, 0xF1F6FA),
    ),
)
_EMBER = Theme(
    name="Ember",
    dark=True,
    foreground=0xE8DCCC,
    background=0x211713,
    cursor=0xFE9C53,
    cursor_text=0x211713,
    selection=0x5A3928,
    palette=(
        *(0x463A35, 0xEF8A81, 0x6EC17F, 0xCBA641, 0x7FAAFA, 0xD08FDA, 0x35C1CE, 0xCDC2B7),
        *(0x927F72, 0xFFB5AD, 0x9CDDA7, 0xE5C87C, 0xB0CBFD, 0xEAB5F2, 0x72DEE8, 0xF9F4EC),
    ),
)
_MOSS = Theme(
    name="Moss",
    dark=True,
    foreground=0xD9E6D6,
    background=0x111E17,
    cursor=0xB7DF6B,
    cursor_text=0x111E17,
    selection=0x294B35,
    palette=(
        *(0x324139, 0xF4918E, 0x7FC581, 0xD4AB4F, 0x80B3FD, 0xD198E3, 0x30C8CF, 0xC0CBBF),
        *(0x76897B, 0xFDBFBC, 0xA8E3A9, 0xEFCC83, 0xB6D3FE, 0xEDBDFC, 0x79E5EB, 0xF2F7F0),
    ),
)
_BLACKBOARD = Theme(
    name="Blackboard (high contrast)",
    dark=True,
    foreground=0xFFFFFF,
    background=0x000000,
    cursor=0xFFFFFF,
    cursor_text=0x000000,
    selection=0x1F4E8C,
    palette=(
        *(0x4A4A4A, 0xFFA09C, 0x7BD77F, 0xEAB532, 0x96C0FD, 0xE69DFC, 0x14D7E0, 0xDCDCDC),
        *(0x9C9C9C, 0xFED2CF, 0xB0F2B1, 0xFED98A, 0xCCE0FD, 0xF3CFFE, 0x7AF4FB, 0xFFFFFF),
    ),
)
_PARCHMENT = Theme(
    name="Parchment",
    dark=False,
    foreground=0x392A1E,
    background=0xF7EFE0,
    cursor=0xA24019,
    cursor_text=0xF7EFE0,
    selection=0xEAD0AD,
    palette=(
        *(0x392A1E, 0x994041, 0x2B7132, 0x7A5B01, 0x3260A3, 0x7C488C, 0x006E73, 0xD8D0C3),
        *(0x6B6157, 0xBC5051, 0x378C3F, 0x977103, 0x3F76C8, 0x9959AC, 0x05888E, 0xFDFAF3),
    ),
)
_FROST = Theme(
    name="Frost",
    dark=False,
    foreground=0x1E2D3C,
    background=0xECF5FB,
    cursor=0x0C60A3,
    cursor_text=0xECF5FB,
    selection=0xB2DBF4,
    palette=(
        *(0x202D3A, 0x99393B, 0x207029, 0x775801, 0x295CA5, 0x7B428C, 0x006B70, 0xCDD5DB),
        *(0x586571, 0xBC484B, 0x2B8A36, 0x936E03, 0x3673CB, 0x9853AD, 0x07858A, 0xF9FCFE),
    ),
)
_WHITEBOARD = Theme(
    name="Whiteboard (high contrast)",
    dark=False,
    foreground=0x000000,
    background=0xFFFFFF,
    cursor=0x000000,
    cursor_text=0xFFFFFF,
    selection=0xA9D0FF,
    palette=(
        *(0x000000, 0x8D1925, 0x005F14, 0x624800, 0x06489C, 0x6D2981, 0x04585C, 0xD0D0D0),
        *(0x555555, 0xAC2531, 0x00751D, 0x7A5B07, 0x105BBE, 0x86379D, 0x066E73, 0xFFFFFF),
    ),
)
THEMES: Sequence[Theme] = (
    *(DARK, _NIGHT_HARBOUR, _EMBER, _MOSS, _BLACKBOARD),
    *(LIGHT, _PARCHMENT, _FROST, _WHITEBOARD),
)
"""All of them, dark ones first."""


def by_name(name: str) -> Theme | None:
    """The theme of that name; None if there is none."""
    return next((theme for theme in THEMES if theme.name == name), None)


def for_palette(palette: QPalette) -> Theme:
    """The built-in theme for a window palette: dark when its base is dark."""
    return DARK if palette.color(QPalette.ColorRole.Base).lightness() < 128 else LIGHT


def default(*, dark: bool) -> Theme:
    return DARK if dark else LIGHT
