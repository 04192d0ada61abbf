"""One look for all terminals: settings, zoom, and the theme that goes with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSettings

from engine.core.settings import UiSettings
from engine.emulator import CursorShape
from gui.kit.style import Mode, Theme
from gui.panels.terminals.look import TerminalLook

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


def test_a_terminal_is_dressed(qtbot: QtBot, theme: Theme, store: QSettings) -> None:
    ui = UiSettings(font_size=13, cursor_shape="bar", visual_bell=False, scrollback=50, contrast=7)
    terminal = TerminalLook(ui, theme, store).make()
    qtbot.addWidget(terminal)
    assert terminal.appearance.font_points == 13
    assert terminal.terminal.cursor_shape is CursorShape.BAR
    terminal.flash.start()
    assert not terminal.flash.on
    assert terminal.theme.contrast == 7
    terminal.terminal.feed(b"x\r\n" * 500)
    assert len(terminal.terminal.scrollback) == 50


def test_the_theme_goes_with_the_windows(theme: Theme, store: QSettings) -> None:
    look = TerminalLook(UiSettings(dark_theme="Moss", light_theme="Gone"), theme, store)
    assert look.terminal_theme.name == "Hatchway Light"
    theme.set_mode(Mode.DARK)
    assert look.terminal_theme.name == "Moss"


def test_zoom_is_kept_until_another_size_is_set(
    qtbot: QtBot, theme: Theme, store: QSettings
) -> None:
    look = TerminalLook(UiSettings(), theme, store)
    with qtbot.waitSignal(look.changed):
        look.zoom(3)
    again = TerminalLook(UiSettings(), theme, store)
    assert again.font.pointSizeF() == UiSettings().font_size + 3
    again.use(UiSettings(cursor_blink=False))
    assert again.font.pointSizeF() == UiSettings().font_size + 3
    again.use(UiSettings(font_size=9))
    assert again.font.pointSizeF() == 9
    look.zoom(100)
    assert look.font.pointSizeF() == 40
