"""The settings dialog: shows what is set, tries it live, brings what was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontInfo
from PySide6.QtWidgets import QDialogButtonBox

from engine.core.settings import UiSettings
from engine.emulator import CursorShape
from gui.panels.settings.dialog import Hosting, SettingsDialog, changes, swatch
from gui.terminal.paint.grid import families
from gui.terminal.paint.themes import THEMES

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

OTHER = UiSettings(
    font_family="DejaVu Sans Mono",
    font_size=14.5,
    dark_theme="Moss",
    light_theme="Ember",
    contrast=7.0,
    cursor_shape="bar",
    cursor_blink=False,
    scrollback=5000,
    word_signs="-_",
    visual_bell=False,
    paste_warning=False,
    copy_on_select=True,
    clipboard_write=True,
    notifications=True,
    confirm_close=False,
)


@pytest.fixture
def dialog(qtbot: QtBot) -> SettingsDialog:
    dialog = SettingsDialog(UiSettings(), dark=True)
    # The fixture has it longer than a window would.
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_what_is_shown_is_what_is_set(dialog: SettingsDialog) -> None:
    assert dialog.settings() == UiSettings()
    dialog.show_settings(OTHER)
    assert dialog.settings() == OTHER
    # A setting that has no control would be lost in the dialog.
    for field in msgspec.structs.fields(UiSettings):
        assert getattr(OTHER, field.name) != getattr(UiSettings(), field.name), field.name


def test_the_preview_follows(dialog: SettingsDialog) -> None:
    preview = dialog.preview
    assert preview.theme.name == "Hatchway Dark"
    dialog.dark_theme.setCurrentText("Night Harbour")
    assert preview.theme.name == "Night Harbour"
    dialog.light_theme.setCurrentText("Parchment")
    assert preview.theme.name == "Parchment"
    width = preview.cell_size[0]
    dialog.size_box.setValue(20)
    assert preview.cell_size[0] > width
    dialog.shape.setCurrentIndex(dialog.shape.findData("underline"))
    dialog.blink.setChecked(False)
    assert preview.terminal.cursor_shape is CursorShape.UNDERLINE
    assert not preview.terminal.cursor_blink
    dialog.contrast.setCurrentIndex(dialog.contrast.findData(7.0))
    assert preview.theme.contrast == 7.0


def test_the_sample_is_shown(qtbot: QtBot, dialog: SettingsDialog) -> None:
    qtbot.waitUntil(lambda: "git diff" in "\n".join(dialog.preview.terminal.text()))


@pytest.mark.parametrize(
    ("button", "brings"),
    [
        (QDialogButtonBox.StandardButton.Ok, True),
        (QDialogButtonBox.StandardButton.Apply, True),
        (QDialogButtonBox.StandardButton.Cancel, False),
    ],
)
def test_buttons(
    dialog: SettingsDialog, button: QDialogButtonBox.StandardButton, brings: bool
) -> None:
    chosen: list[UiSettings] = []
    dialog.chosen.connect(chosen.append)
    dialog.show_settings(OTHER)
    dialog.buttons.button(button).click()
    assert chosen == ([OTHER] if brings else [])
    assert dialog.isVisible() is (button is QDialogButtonBox.StandardButton.Apply)


def test_defaults_come_back(dialog: SettingsDialog) -> None:
    dialog.show_settings(OTHER)
    dialog.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert dialog.settings() == UiSettings()


def test_a_font_that_is_not_here_is_kept(dialog: SettingsDialog) -> None:
    ui = UiSettings(font_family="Nobody Mono")
    dialog.show_settings(ui)
    assert dialog.settings() == ui
    assert "not installed" in dialog.family.currentText()


@pytest.mark.parametrize(
    "ui",
    [
        UiSettings(dark_theme="Gone", light_theme="Gone, too"),
        UiSettings(font_size=72),
        UiSettings(font_size=12.345),
        UiSettings(contrast=5.5),
        UiSettings(scrollback=1),
        UiSettings(word_signs="-\n\t\x07"),
    ],
)
def test_what_is_not_touched_stays(dialog: SettingsDialog, ui: UiSettings) -> None:
    dialog.show_settings(ui)
    assert dialog.settings() == ui
    dialog.blink.click()
    dialog.buttons.button(QDialogButtonBox.StandardButton.Apply).click()
    assert dialog.settings() == msgspec.structs.replace(ui, cursor_blink=False)


def test_what_is_no_choice_is_shown_as_it_is(dialog: SettingsDialog) -> None:
    dialog.show_settings(UiSettings(dark_theme="Gone", contrast=5.5, font_size=72))
    assert dialog.dark_theme.currentText() == "Gone (not available)"
    assert dialog.preview.theme.name == "Hatchway Dark"
    assert dialog.contrast.currentText() == "At least 5.5:1"
    assert dialog.size_box.value() == 72
    dialog.dark_theme.setCurrentText("Hatchway Dark")
    assert dialog.settings().dark_theme == "Hatchway Dark"


@pytest.mark.parametrize(
    "hosting", [Hosting(0.4, 20), Hosting(90.5, 1e9), Hosting(1e9, 59.9), Hosting(0, 0)]
)
def test_times_that_are_not_touched_stay(qtbot: QtBot, hosting: Hosting) -> None:
    dialog = SettingsDialog(UiSettings(), hosting, dark=True)
    qtbot.addWidget(dialog)
    assert dialog.hosting() == hosting
    # "Never" is shown for nothing else.
    assert (dialog.guest_timeout.text() == "Never") is (hosting.timeout == 0)
    assert (dialog.grace.text() == "Never") is (hosting.grace == 0)
    dialog.recording.click()
    assert dialog.hosting() == replace(hosting, recording=True)


def test_only_monospaced_fonts_are_offered() -> None:
    assert "DejaVu Sans Mono" in families()
    assert all(QFontInfo(QFont(family)).fixedPitch() for family in families())


def test_every_theme_has_a_swatch() -> None:
    seen = {swatch(theme).pixmap(72, 16).toImage().pixel(1, 8) for theme in THEMES}
    assert len(seen) == len({theme.background for theme in THEMES})


def test_changes_are_named_by_their_key() -> None:
    assert changes(UiSettings(), UiSettings()) == {}
    assert changes(UiSettings(), UiSettings(font_size=12)) == {"ui.font_size": 12}


def test_what_becomes_of_guests_terminals_is_chosen_only_when_it_changed(qtbot: QtBot) -> None:
    dialog = SettingsDialog(UiSettings(), Hosting(120, 100, recording=False), dark=True)
    qtbot.addWidget(dialog)
    chosen: list[Hosting] = []
    dialog.hostingChosen.connect(chosen.append)
    apply = dialog.buttons.button(QDialogButtonBox.StandardButton.Apply)
    apply.click()
    # 100 s are no whole number of minutes: not touched, they stay.
    assert chosen == []
    dialog.guest_timeout.setValue(0)
    assert dialog.guest_timeout.text() == "Never"
    apply.click()
    apply.click()
    assert chosen == [Hosting(0, 100, recording=False)]
    dialog.grace.setValue(0)
    assert dialog.grace.text() == "Never"
    dialog.recording.click()
    apply.click()
    assert chosen[1:] == [Hosting(0, 0, recording=True)]
    dialog.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert dialog.hosting() == Hosting(300, 1800, recording=False)
