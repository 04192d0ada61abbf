"""What is on screen: pixels, how much is painted, and the loop kept alive meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtWidgets import QScrollBar, QWidget

from engine.core.settings import UiSettings
from engine.emulator import Terminal
from gui.terminal.paint.theme import Theme
from gui.terminal.paint.themes import DARK, LIGHT
from gui.terminal.source import Viewed
from gui.terminal.text.find import Find
from gui.terminal.text.selection import Selection
from gui.terminal.view.appearance import Appearance
from gui.terminal.view.canvas import Canvas
from gui.terminal.view.cursor import Cursor
from gui.terminal.view.flash import FLASH_MS, Flash
from gui.terminal.view.program import Program
from gui.terminal.view.rows import Rows
from gui.terminal.view.scrolling import Scrolling
from tests.engine.emulator.inputs import PIECES
from tests.gui.terminal.acts import LINES, colors, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


@pytest.fixture
def dark(widget: TerminalWidget) -> Theme:
    widget.set_theme(dark=True)
    widget.set_contrast(1)
    return DARK


def test_colors_of_cells(qtbot: QtBot, widget: TerminalWidget, dark: Theme) -> None:
    show(
        qtbot,
        widget,
        "█\x1b[31m█\x1b[0m\x1b[42m \x1b[0m\x1b[38;2;1;2;3m█\x1b[0m\x1b[7m \x1b[0m \x1b[38;5;196m█",
    )
    expected = [
        dark.foreground,
        dark.palette[1],
        dark.palette[2],
        0x010203,
        dark.foreground,
        dark.background,
        0xFF0000,
    ]
    assert [colors(widget, 0, column) for column in range(7)] == [{c} for c in expected]


def test_text_is_drawn_in_its_color_on_its_background(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme
) -> None:
    show(qtbot, widget, "\x1b[31;44mM\x1b[8mM")
    assert {dark.palette[1], dark.palette[4]} <= colors(widget, 0, 0)
    assert colors(widget, 0, 1) == {dark.palette[4]}


def test_a_wide_character_takes_two_cells(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme
) -> None:
    show(qtbot, widget, "\x1b[41m日\x1b[0m█")
    back = dark.palette[1]
    assert back in colors(widget, 0, 0)
    assert back in colors(widget, 0, 1)
    assert colors(widget, 0, 2) == {dark.foreground}


def test_vertical_lines_meet_from_row_to_row(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme
) -> None:
    show(qtbot, widget, "│\r\n│\r\n│\r\n")
    image = widget.viewport().grab().toImage()
    top, bottom = widget.appearance.cells.rect(0, 0), widget.appearance.cells.rect(2, 0)
    columns = range(int(top.left()), int(top.right()))
    full = [
        x
        for x in columns
        if all(
            image.pixel(x, y) & 0xFFFFFF == dark.foreground
            for y in range(int(top.top()), int(bottom.bottom()))
        )
    ]
    assert full


def test_the_cursor_is_solid_with_focus_and_hollow_without(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme
) -> None:
    show(qtbot, widget, "\x1b[2 q")
    assert colors(widget, 0, 0) == {dark.cursor}
    widget.clearFocus()
    assert colors(widget, 0, 0) == {dark.cursor, dark.background}
    show(qtbot, widget, "\x1b[?25l")
    assert colors(widget, 0, 0) == {dark.background}


@pytest.mark.parametrize(("shape", "low", "left"), [(4, True, False), (6, False, True)])
def test_cursor_shapes(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme, shape: int, low: bool, left: bool
) -> None:
    show(qtbot, widget, f"\x1b[{shape} q")
    image = widget.viewport().grab().toImage()
    rect = widget.appearance.cells.rect(0, 0).toRect()
    lower_right = image.pixel(rect.right(), rect.bottom()) & 0xFFFFFF
    upper_left = image.pixel(rect.left(), rect.top()) & 0xFFFFFF
    assert (lower_right == dark.cursor) is low
    assert (upper_left == dark.cursor) is left


def test_the_cursor_blinks_only_with_focus(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "\x1b[1 q")
    assert widget.text_cursor.blinking
    widget.clearFocus()
    assert not widget.text_cursor.blinking
    widget.setFocus()
    assert widget.text_cursor.blinking
    show(qtbot, widget, "\x1b[2 q")
    assert not widget.text_cursor.blinking


def test_a_selection_is_marked(qtbot: QtBot, widget: TerminalWidget, dark: Theme) -> None:
    show(qtbot, widget, "  ")
    widget.select_all()
    assert colors(widget, 0, 1) == {dark.selection}


def test_the_whole_screen_reversed(qtbot: QtBot, widget: TerminalWidget, dark: Theme) -> None:
    show(qtbot, widget, "\x1b[?5h\x1b[5;5H")
    assert colors(widget, 1, 1) == {dark.foreground}


def test_an_ended_terminal_is_dimmed(qtbot: QtBot, widget: TerminalWidget, dark: Theme) -> None:
    show(qtbot, widget, "█\x1b[?25l")
    widget.set_ended("Over.")
    (dimmed,) = colors(widget, 0, 0)
    assert QColor.fromRgb(dimmed).lightness() < QColor.fromRgb(dark.foreground).lightness() - 40


def test_the_theme_follows_the_palette_until_one_is_set(widget: TerminalWidget) -> None:
    palette = QPalette()
    for base, expected in (("#ffffff", LIGHT), ("#101010", DARK)):
        palette.setColor(QPalette.ColorRole.Base, QColor(base))
        widget.setPalette(palette)
        assert widget.theme.name == expected.name
    widget.set_theme(LIGHT)
    widget.setPalette(QPalette())
    assert widget.theme.name == LIGHT.name


def test_only_changed_rows_are_painted(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, LINES)
    widget.viewport().grab()
    before = widget.appearance.painter.painted
    show(qtbot, widget, "!")
    widget.viewport().grab()
    assert widget.appearance.painter.painted == before + 1
    show(qtbot, widget, "\r\nnew")
    widget.viewport().grab()
    # The row that scrolled in; what moved up is painted already.
    assert widget.appearance.painter.painted == before + 2


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=PIECES)
def test_any_output_can_be_painted(qtbot: QtBot, widget: TerminalWidget, pieces: bytes) -> None:
    show(qtbot, widget, pieces + b"\x18 ")
    image = QImage(widget.viewport().grab().toImage())
    assert not image.isNull()


def test_the_bell_is_seen_and_can_be_off(qtbot: QtBot, widget: TerminalWidget, dark: Theme) -> None:
    show(qtbot, widget, "\x1b[?25l")
    assert colors(widget, 1, 1) == {dark.background}
    show(qtbot, widget, "\x07")
    assert colors(widget, 1, 1) != {dark.background}
    qtbot.waitUntil(lambda: colors(widget, 1, 1) == {dark.background}, timeout=20 * FLASH_MS)
    widget.apply(UiSettings(visual_bell=False))
    show(qtbot, widget, "\x07")
    assert colors(widget, 1, 1) == {dark.background}


@pytest.fixture
def fast_blinking(qapp: QApplication) -> Iterator[None]:
    before = qapp.cursorFlashTime()
    qapp.setCursorFlashTime(60)
    yield
    qapp.setCursorFlashTime(before)


def test_blinking_text_blinks_and_the_rest_stays(
    qtbot: QtBot, widget: TerminalWidget, dark: Theme, fast_blinking: None
) -> None:
    show(qtbot, widget, "\x1b[2 q\x1b[5mblinks\x1b[m\r\nstays")
    for hidden in (True, False, True):
        qtbot.waitUntil(lambda hidden=hidden: (len(colors(widget, 0, 0)) == 1) is hidden)
        assert len(colors(widget, 1, 0)) > 1


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_rows_meet_without_a_seam_at_any_scale(qtbot: QtBot, ratio: float) -> None:
    terminal = Terminal(40, 10)
    terminal.feed(("\x1b[?25l" + "█" * 40 + ("\r\n" + "█" * 40) * 9).encode())
    viewport = QWidget()
    qtbot.addWidget(viewport)
    appearance = Appearance(QPalette(), ratio)
    appearance.set_theme(DARK)
    viewed = Viewed(terminal)
    scrolling = Scrolling(viewed, QScrollBar(viewport))
    rows = Rows(viewed, scrolling, Selection(viewed), Find(viewed, viewport))
    canvas = Canvas(
        viewed,
        Program(terminal, lambda _: None),
        appearance,
        rows,
        Cursor(viewed, scrolling, appearance, lambda: False),
        Flash(),
        viewport,
    )
    canvas.refresh()
    corner = appearance.cells.rect(10, 0, 41).bottomRight().toPoint()
    viewport.resize(corner.x(), corner.y())
    image = QImage(viewport.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter = QPainter(image)
    canvas.paint(painter, viewport.rect())
    painter.end()
    first, last = appearance.cells.corner(0, 0), appearance.cells.corner(10, 30)
    for x in (first.x(), (first.x() + last.x()) // 2, last.x() - 1):
        for y in range(first.y(), min(last.y(), image.height())):
            assert image.pixel(x, y) & 0xFFFFFF == DARK.foreground, (x, y)
