"""How a style becomes colors, and how they stay readable."""

from __future__ import annotations

import pytest

from engine.emulator import TRUECOLOR, Style
from gui.terminal.paint.theme import contrast, mix, readable
from gui.terminal.paint.themes import DARK


@pytest.mark.parametrize(
    ("color", "rgb"),
    [
        (1, DARK.palette[1]),
        (16, 0x000000),
        (21, 0x0000FF),
        (196, 0xFF0000),
        (231, 0xFFFFFF),
        (232, 0x080808),
        (255, 0xEEEEEE),
        (TRUECOLOR | 0x123456, 0x123456),
        (-1, 0xABCDEF),
    ],
)
def test_colors(color: int, rgb: int) -> None:
    assert DARK.color(color, 0xABCDEF) == rgb


def test_what_styles_do_to_colors() -> None:
    text, back = DARK.foreground, DARK.background
    assert DARK.pair(Style()) == (text, back)
    assert DARK.pair(Style(reverse=True)) == (back, text)
    assert DARK.pair(Style(conceal=True, bg=1)) == (DARK.palette[1], DARK.palette[1])
    assert DARK.pair(Style(faint=True)) == (mix(text, back, 0.45), back)
    assert DARK.reversed().pair(Style()) == (back, text)


def test_what_a_program_changed() -> None:
    changed = DARK.with_changes({1: 0x010203, 200: 0x040506}, background=0x070809)
    assert changed.color(1, 0) == 0x010203
    assert changed.color(200, 0) == 0x040506
    assert changed.color(2, 0) == DARK.palette[2]
    assert (changed.foreground, changed.background) == (DARK.foreground, 0x070809)


def test_text_is_made_readable_and_exact_colors_are_kept() -> None:
    theme = DARK.with_contrast(4.5)
    hard = Style(fg=4, bg=4 + 8)
    assert contrast(*theme.pair(hard)) >= 4.5
    assert theme.exact(hard) == (DARK.palette[4], DARK.palette[12])
    assert theme.pair(Style(fg=TRUECOLOR | 0x101010, bg=0))[0] == 0x101010
    # The same color twice was meant to hide the text.
    assert theme.pair(Style(fg=1, bg=1)) == (DARK.palette[1], DARK.palette[1])


@pytest.mark.parametrize("wanted", [1.0, 3.0, 4.5, 7.0, 21.0])
def test_a_readable_color_is_found_wherever_there_is_one(wanted: float) -> None:
    for gray in range(0, 256, 15):
        background = gray * 0x010101
        text = readable(0x7F3F3F, background, wanted)
        best = max(contrast(0, background), contrast(0xFFFFFF, background))
        assert contrast(text, background) >= min(wanted, best) - 1e-9


def test_contrast_is_wcags() -> None:
    assert contrast(0, 0xFFFFFF) == pytest.approx(21)
    assert contrast(0x777777, 0xFFFFFF) == pytest.approx(4.48, abs=0.01)
