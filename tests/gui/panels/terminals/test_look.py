"""One look for all terminals: settings, zoom, and the theme that goes with the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, Qt

from engine.core.settings import UiSettings
from engine.emulator import CursorShape
from gui.kit.style import Mode, Theme
from gui.panels.terminals.look import TerminalLook
from tests.gui.terminal.acts import CTRL, wheel

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


def test_zoom_is_a_difference_that_is_kept_until_another_size_is_set(
    theme: Theme, store: QSettings
) -> None:
    look = TerminalLook(UiSettings(), theme, store)
    look.zoom(3)
    again = TerminalLook(UiSettings(), theme, store)
    assert again.font.pointSizeF() == UiSettings().font_size + 3
    again.use(UiSettings(cursor_blink=False))
    assert again.font.pointSizeF() == UiSettings().font_size + 3
    # The file was changed while the program did not run.
    assert TerminalLook(UiSettings(font_size=20), theme, store).font.pointSizeF() == 23
    again.use(UiSettings(font_size=9))
    assert again.font.pointSizeF() == 9
    assert TerminalLook(UiSettings(), theme, store).font.pointSizeF() == UiSettings().font_size


@pytest.mark.parametrize("size", [4, 72, 96])
def test_every_size_that_can_be_set_is_used(theme: Theme, store: QSettings, size: float) -> None:
    look = TerminalLook(UiSettings(font_size=size), theme, store)
    assert look.font.pointSizeF() == size
    look.zoom(1000)
    assert look.font.pointSizeF() == 96
    look.zoom(-1)
    assert look.font.pointSizeF() == 95
    look.zoom(-1000)
    assert look.font.pointSizeF() == 4
    look.zoom(0)
    assert look.font.pointSizeF() == size


@pytest.mark.parametrize("stored", ["nan", "inf", "huge", "1e9", ""])
def test_a_stored_zoom_that_is_none_is_ignored(theme: Theme, store: QSettings, stored: str) -> None:
    store.setValue("window/zoom", stored)
    assert TerminalLook(UiSettings(), theme, store).font.pointSizeF() == UiSettings().font_size


def test_keys_and_wheel_zoom_every_terminal(qtbot: QtBot, theme: Theme, store: QSettings) -> None:
    look = TerminalLook(UiSettings(), theme, store)
    one, other = look.make(), look.make()
    qtbot.addWidget(other)
    one.show()
    wheel(one, angle=120, held=CTRL)
    qtbot.keyClick(one, Qt.Key.Key_Plus, CTRL)
    assert [t.appearance.font_points for t in (one, other, look.make())] == [13, 13, 13]
    qtbot.keyClick(one, Qt.Key.Key_0, CTRL)
    assert [t.appearance.font_points for t in (one, other)] == [11, 11]
    # One that is gone is no hindrance.
    one.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    look.zoom(2)
    assert other.appearance.font_points == 13
