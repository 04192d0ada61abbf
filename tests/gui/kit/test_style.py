"""Colors people can read, a theme that follows, icons that change with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QAction, QColor

import resources
from gui.kit.icons import app_icon
from gui.kit.style import DARK, LIGHT, Mode, Tone, style_sheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from gui.kit.icons import Icons
    from gui.kit.style import Colors, Theme

COLORED = {"app", "chevron", "chevron-up", "check-dark", "check-light"}
"""Those with colors of their own: the style sheet uses them as they are."""
MONOCHROME = [name for name in resources.icon_names() if name not in COLORED]


def _luminance(color: str) -> float:
    """WCAG 2.1, relative luminance."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    c = QColor(color)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("tone", [tone for tone in Tone if tone is not Tone.ON_ACCENT])
@pytest.mark.parametrize("ground", ["window", "base", "raised"])
def test_every_tone_is_readable(colors: Colors, tone: Tone, ground: str) -> None:
    assert _contrast(colors.tone(tone).name(), getattr(colors, ground)) >= 4.5


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_where_it_is_selected_or_on_a_button(colors: Colors) -> None:
    assert _contrast(colors.text, colors.selection) >= 4.5
    assert _contrast(colors.accent_text, colors.accent) >= 4.5


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_has_no_gap(colors: Colors) -> None:
    assert "$" not in style_sheet(colors)


def test_changing_the_theme_changes_palette_and_icons(
    qtbot: QtBot, qapp: QApplication, theme: Theme, icons: Icons
) -> None:
    action = QAction()
    icons.bind(action, "copy")
    light = action.icon().pixmap(16, 16).toImage()
    with qtbot.waitSignal(theme.changed):
        theme.set_mode(Mode.DARK)
    assert qapp.palette().window().color().name() == DARK.window
    assert action.icon().pixmap(16, 16).toImage() != light


def test_setting_the_same_theme_again_changes_nothing(qtbot: QtBot, theme: Theme) -> None:
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_mode(Mode.LIGHT)


@pytest.mark.parametrize("name", MONOCHROME)
def test_each_icon_draws_something_in_the_wanted_color(
    qapp: QApplication, icons: Icons, name: str
) -> None:
    image = icons.get(name, Tone.ERROR).pixmap(48, 48).toImage()
    wanted = LIGHT.tone(Tone.ERROR)
    solid = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 250
    ]
    assert solid
    for color in solid:
        # Premultiplied alpha rounds.
        assert max(abs(a - b) for a, b in zip(color.getRgb(), wanted.getRgb(), strict=True)) <= 6


def test_the_app_icon_has_all_sizes(qapp: QApplication) -> None:
    sizes = {size.width() for size in app_icon().availableSizes()}
    assert {16, 32, 256} <= sizes


def test_an_unknown_icon_is_an_error(icons: Icons) -> None:
    with pytest.raises(FileNotFoundError):
        icons.get("no-such-icon")
