"""The built-in themes: enough of them, readable, and different."""

from __future__ import annotations

from itertools import combinations

import pytest
from PySide6.QtGui import QColor, QPalette

from gui.terminal.paint import themes
from gui.terminal.paint.theme import Theme, contrast
from gui.terminal.paint.themes import DARK, LIGHT, THEMES


def test_there_are_dark_and_light_ones() -> None:
    assert sum(theme.dark for theme in THEMES) >= 3
    assert sum(not theme.dark for theme in THEMES) >= 3
    assert len({theme.name for theme in THEMES}) == len(THEMES)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_theme_is_readable(theme: Theme) -> None:
    assert contrast(theme.foreground, theme.background) >= 7
    assert contrast(theme.foreground, theme.selection) >= 4.5
    assert contrast(theme.foreground, theme.match) >= 4.5
    assert contrast(theme.cursor_text, theme.cursor) >= 4.5
    assert contrast(theme.cursor, theme.background) >= 3
    for color in theme.palette[1:7]:
        assert contrast(color, theme.background) >= 4.5
    for color in theme.palette[9:15]:
        assert contrast(color, theme.background) >= 3.5
    # Comments and other things that step back are written in bright black.
    assert contrast(theme.palette[8], theme.background) >= 3.5
    assert (contrast(theme.background, 0xFFFFFF) > contrast(theme.background, 0)) is theme.dark


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_its_hues_differ(theme: Theme) -> None:
    def distance(one: int, other: int) -> float:
        parts = [((one >> s & 255) - (other >> s & 255)) ** 2 for s in (0, 8, 16)]
        return sum(parts) ** 0.5

    for group in (theme.palette[1:7], theme.palette[9:15]):
        for one, other in combinations(group, 2):
            assert distance(one, other) > 35


def test_by_name() -> None:
    assert themes.by_name("Hatchway Dark") is DARK
    assert themes.by_name("nobody's") is None
    assert themes.default(dark=False) is LIGHT


def test_the_theme_follows_the_palette() -> None:
    palette = QPalette(QColor("#202020"))
    palette.setColor(QPalette.ColorRole.Base, QColor("#101010"))
    assert themes.for_palette(palette) is DARK
    palette.setColor(QPalette.ColorRole.Base, QColor("#fefefe"))
    assert themes.for_palette(palette) is LIGHT
