"""Widgets that show a shell's own screen: several at once, each in its own way."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QAction, QGuiApplication

from engine.core.settings import UiSettings
from engine.emulator import Pixels
from gui.terminal.paint.theme import mix
from gui.terminal.paint.themes import DARK, LIGHT
from gui.terminal.text.selection import Place
from gui.terminal.view.canvas import OUTSIDE
from gui.terminal.view.fit import Oversize
from gui.terminal.widget import TerminalWidget
from tests.gui.terminal.acts import LEFT, LINES, cell, colors, drag, move_held, show, sized, wheel
from tests.gui.terminal.shell import Shell

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

Watching = Callable[..., TerminalWidget]


@pytest.fixture
def watching(qtbot: QtBot) -> Watching:
    """Makes a widget on screen, of so many cells, that shows a shell."""

    def make(
        shell: Shell, cols: int = 60, rows: int = 20, oversize: Oversize = Oversize.FIT
    ) -> TerminalWidget:
        widget = TerminalWidget()
        qtbot.addWidget(widget)
        widget.set_theme(dark=True)
        widget.set_contrast(1)
        widget.set_oversize(oversize)
        sized(widget, cols, rows)
        widget.show_source(shell)
        with qtbot.waitExposed(widget):
            widget.show()
        return widget

    return make


def texts(widget: TerminalWidget) -> list[str]:
    """What was in each row at the last frame."""
    return [line.text for _, line, _ in widget.rows.shown]


def shows(qtbot: QtBot, widget: TerminalWidget, text: str) -> None:
    qtbot.waitUntil(lambda: text in texts(widget))


# -- several widgets on one shell


def test_every_widget_shows_what_the_shell_prints(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(output="before\r\n")
    one, other = watching(shell), watching(shell, 80, 30)
    assert texts(one)[0] == texts(other)[0] == "before"
    shell.print("after")
    for widget in (one, other):
        shows(qtbot, widget, "after")
        assert widget.terminal is shell.terminal


def test_each_has_its_own_place_selection_and_search(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(60, 20, LINES)
    one, other = watching(shell), watching(shell)
    one.scrolling.to_top()
    assert texts(one)[0] == "line 0"
    assert texts(other)[-1] == "end"
    drag(qtbot, one, cell(one, 0, 0), cell(one, 0, 4))
    assert one.selected_text() == "line"
    assert other.selected_text() == ""
    other.finder.look_for("line 9")
    qtbot.waitUntil(lambda: other.finder.count == 11)
    assert not one.finder.active
    shell.print("\r\nmore of line 9")
    qtbot.waitUntil(lambda: other.finder.count == 12)
    assert texts(one)[0] == "line 0"
    assert one.selected_text() == "line"


def test_a_theme_and_a_font_are_one_widgets(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(output="\x1b[?25l\x1b[41m \x1b[m")
    one, other = watching(shell), watching(shell)
    one.set_theme(dark=False)
    one.set_contrast(1)
    one.zoom(2)
    assert colors(one, 0, 0) == {LIGHT.palette[1]}
    assert colors(one, 1, 1) == {LIGHT.background}
    assert colors(other, 0, 0) == {DARK.palette[1]}
    assert other.appearance.font_points == one.appearance.font_points - 2
    shell.print("\x1b]11;?\x07")
    before = shell.answers[:]
    other.set_theme(LIGHT)
    shell.print("\x1b]11;?\x07")
    assert shell.answers == before * 2


def test_colors_that_the_program_sets_are_everybodys(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(output="\x1b[?25l")
    widgets = watching(shell), watching(shell)
    shell.print("\x1b]11;#102030\x07")
    for widget in widgets:
        qtbot.waitUntil(lambda widget=widget: colors(widget, 3, 3) == {0x102030})


def test_the_shell_answers_and_the_widget_does_not(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell()
    widget = watching(shell)
    typed: list[bytes] = []
    widget.typed.connect(typed.append)
    shell.print("\x1b[6n")
    qtbot.keyClicks(widget, "x")
    assert shell.answers == [b"\x1b[1;1R"]
    assert typed == [b"x"]


def test_title_and_bell_reach_every_widget_once(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(output="\x1b]0;vim\x07\x07\x07")
    heard: list[tuple[int, str]] = []
    for number in range(2):
        widget = TerminalWidget()
        qtbot.addWidget(widget)
        widget.titleChanged.connect(lambda title, number=number: heard.append((number, title)))
        widget.bell.connect(lambda number=number: heard.append((number, "bell")))
        widget.show_source(shell)
    # A bell that rang before is nobody's; a hidden widget hears, too.
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert sorted(heard) == [(0, "vim"), (1, "vim")]
    shell.print("\x07")
    qtbot.waitUntil(lambda: len(heard) == 4)
    assert sorted(heard[2:]) == [(0, "bell"), (1, "bell")]


def test_only_the_widget_one_types_in_lets_a_program_write_the_clipboard(
    qtbot: QtBot, watching: Watching
) -> None:
    shell = Shell()
    one, other = watching(shell), watching(shell)
    QGuiApplication.clipboard().setText("before")
    one.apply(UiSettings(clipboard_write=True))
    other.activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)
    shell.print("\x1b]52;c;aGk=\x07")
    assert QGuiApplication.clipboard().text() == "before"
    one.activateWindow()
    one.setFocus()
    qtbot.waitUntil(one.hasFocus)
    one.set_read_only("You view this terminal.")
    shell.print("\x1b]52;c;aGk=\x07")
    assert QGuiApplication.clipboard().text() == "before"
    one.set_read_only("")
    shell.print("\x1b]52;c;aGk=\x07")
    assert QGuiApplication.clipboard().text() == "hi"


def test_notes_reach_those_who_allow_them(watching: Watching) -> None:
    shell = Shell()
    one, other = watching(shell), watching(shell)
    notes: list[str] = []
    for widget in (one, other):
        widget.notified.connect(lambda _, text: notes.append(text))
    one.apply(UiSettings(notifications=True))
    shell.print("\x1b]9;done\x07")
    assert notes == ["done"]


# -- sizes


def test_a_widget_reports_the_size_that_fits_and_changes_nothing(
    qtbot: QtBot, watching: Watching
) -> None:
    shell = Shell(60, 20)
    widget = watching(shell, 50, 15)
    sizes: list[tuple[int, int]] = []
    widget.resized.connect(lambda cols, rows: sizes.append((cols, rows)))
    sized(widget, 70, 30)
    qtbot.waitUntil(lambda: bool(sizes))
    assert sizes == [(70, 30)]
    assert (shell.terminal.cols, shell.terminal.rows) == (60, 20)


def test_a_larger_terminal_is_shown_whole_in_a_smaller_font(watching: Watching) -> None:
    shell = Shell(60, 20, "\x1b[1;1Hfirst\x1b[20;56Hlast!")
    widget = watching(shell, 45, 15)
    assert len(texts(widget)) == 20
    cells, size = widget.appearance.cells, widget.viewport().size()
    assert cells.width < widget.cell_size[0]
    corner = cells.rect(19, 59).bottomRight()
    assert corner.x() <= size.width()
    assert corner.y() <= size.height()
    assert widget.horizontalScrollBar().maximum() == 0


def test_a_font_too_small_to_read_is_not_used_and_the_rest_is_scrolled_to(
    watching: Watching,
) -> None:
    shell = Shell(400, 100, "\x1b[100;400H!")
    widget = watching(shell, 40, 10)
    assert widget.appearance.cells.height >= 9
    assert len(texts(widget)) < 100
    # The cursor is in view.
    assert texts(widget)[-1].endswith("!")
    assert widget.text_cursor.rect.isValid()
    assert widget.viewport().rect().contains(widget.text_cursor.rect.topLeft())


def test_the_font_grows_back_no_further_than_was_set(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(60, 20)
    widget = watching(shell, 45, 15)
    small = widget.appearance.cells.width
    shell.resize(45, 15)
    qtbot.waitUntil(lambda: widget.appearance.cells.width == widget.cell_size[0])
    shell.resize(20, 5)
    qtbot.waitUntil(lambda: len(texts(widget)) == 5)
    assert widget.appearance.cells.width == widget.cell_size[0] > small


def test_a_smaller_terminal_has_a_quiet_space_beside_it(watching: Watching) -> None:
    shell = Shell(30, 10, "\x1b[?25l")
    widget = watching(shell, 60, 20)
    outside = mix(DARK.background, DARK.foreground, OUTSIDE)
    assert colors(widget, 5, 20) == {DARK.background}
    for place in ((5, 45), (15, 20), (15, 45)):
        assert colors(widget, *place) == {outside}


def test_a_terminal_of_just_this_size_has_none(watching: Watching) -> None:
    widget = watching(Shell(60, 20, "\x1b[?25l"), 60, 20)
    image = widget.viewport().grab().toImage()
    corner = image.pixel(image.width() - 1, image.height() - 1) & 0xFFFFFF
    assert corner == DARK.background


def test_scrolling_shows_the_cursor_and_then_what_one_scrolls_to(
    qtbot: QtBot, watching: Watching
) -> None:
    shell = Shell(40, 30, "".join(f"\x1b[{n + 1};1Hrow {n}" for n in range(30)))
    widget = watching(shell, 40, 10, Oversize.SCROLL)
    assert widget.appearance.cells.width == widget.cell_size[0]
    assert texts(widget)[-1] == "row 29"
    shell.print("\x1b[1;1H")
    qtbot.waitUntil(lambda: texts(widget)[0] == "row 0")
    shell.print("\x1b[9;1H")
    shell.print("\x1b[12;1H")
    qtbot.waitUntil(lambda: texts(widget)[-1] == "row 11")
    # Whoever scrolls to something else keeps it in view.
    widget.scrolling.by(18)
    assert texts(widget)[-1] == "row 29"
    shell.print("\x1b[2;1Hnew")
    shell.print("\x1b[30;20Hlast")
    shows(qtbot, widget, "row 29             last")
    assert texts(widget)[0] == "row 20"


def test_a_hidden_cursor_is_not_followed(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(40, 30, "\x1b[?25l\x1b[1;1Htop")
    widget = watching(shell, 40, 10, Oversize.SCROLL)
    shell.print("\x1b[30;1Hbottom\x1b[2;1Hsecond\x1b[30;1H")
    shows(qtbot, widget, "second")
    assert texts(widget)[0] == "top"


def test_columns_follow_the_cursor_and_can_be_scrolled(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(100, 10, "".join(f"\x1b[{n + 1};1H" + "abcdefghij" * 10 for n in range(9)))
    widget = watching(shell, 40, 15, Oversize.SCROLL)
    shell.print("\x1b[10;1H")
    qtbot.waitUntil(lambda: widget.appearance.cells.left == 0)
    shell.print("\x1b[10;90H")
    qtbot.waitUntil(lambda: widget.appearance.cells.left > 0)
    left = widget.appearance.cells.left
    assert left <= 89 < left + 40
    # A click is where the text is.
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 10))
    assert widget.selected_text() == ("abcdefghij" * 3)[left % 10 :][:10]
    widget.horizontalScrollBar().setValue(0)
    shell.print("x")
    shell.print("\x1b[1;1H!\x1b[10;90H")
    qtbot.waitUntil(lambda: texts(widget)[0][0] == "!")
    assert widget.appearance.cells.left == 0
    qtbot.keyClicks(widget, "x")
    assert widget.appearance.cells.left > 0


def test_the_caret_is_where_the_cursor_is_seen(watching: Watching) -> None:
    shell = Shell(100, 10, "\x1b[2;30H")
    widget = watching(shell, 40, 15, Oversize.SCROLL)

    def caret() -> int:
        rect = widget.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
        assert isinstance(rect, QRectF)
        return int(rect.left())

    assert caret() == int(widget.appearance.cells.rect(1, 29).left())
    widget.horizontalScrollBar().setValue(10)
    assert caret() == int(widget.appearance.cells.rect(1, 29).left())
    widget.zoom(4)
    assert caret() == int(widget.appearance.cells.rect(1, 29).left())


def test_a_drag_beyond_the_edge_scrolls_sideways(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(100, 10, "\x1b[?25l" + "abcdefghij" * 10)
    widget = watching(shell, 40, 15, Oversize.SCROLL)
    qtbot.mousePress(widget.viewport(), LEFT, pos=cell(widget, 0, 0))
    move_held(widget, cell(widget, 0, 45))
    qtbot.waitUntil(lambda: widget.appearance.cells.left == 60)
    qtbot.mouseRelease(widget.viewport(), LEFT, pos=cell(widget, 0, 45))
    assert widget.selected_text() == "abcdefghij" * 10
    assert not widget.pointer.auto_scrolling


def test_a_cropped_row_is_painted_within_its_columns(watching: Watching) -> None:
    shell = Shell(80, 10, "\x1b[?25l" + "\x1b[41m \x1b[42m \x1b[m" * 40)
    widget = watching(shell, 40, 10, Oversize.SCROLL)
    red, green = DARK.palette[1], DARK.palette[2]
    assert colors(widget, 0, 0) == {red}
    assert colors(widget, 0, 39) == {green}
    image = widget.viewport().grab().toImage()
    y = int(widget.appearance.cells.rect(0, 0).center().y())
    assert image.pixel(2, y) & 0xFFFFFF == DARK.background
    widget.horizontalScrollBar().setValue(1)
    assert colors(widget, 0, 1) == {green}
    image = widget.viewport().grab().toImage()
    assert image.pixel(2, y) & 0xFFFFFF == DARK.background
    assert image.pixel(image.width() - 1, y) & 0xFFFFFF == DARK.background


def test_a_found_match_beside_the_view_is_shown(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(100, 10, "\x1b[3;90Hneedle\x1b[1;1H")
    widget = watching(shell, 40, 10, Oversize.SCROLL)
    widget.open_find()
    widget.find_bar.text.setText("needle")
    widget.find_bar.search()
    qtbot.waitUntil(lambda: widget.finder.count == 1 and widget.finder.current is not None)
    left = widget.appearance.cells.left
    assert left <= 89 < left + 40


def test_the_mouse_is_reported_where_it_is_on_the_screen(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(80, 30, "\x1b[?1000h\x1b[?1006h\x1b[30;80H")
    widget = watching(shell, 40, 10, Oversize.SCROLL)
    typed: list[bytes] = []
    widget.typed.connect(typed.append)
    cells, first = widget.appearance.cells, widget.scrolling.first
    at = cells.rect(2, cells.left + 3).center().toPoint()
    qtbot.mouseClick(widget.viewport(), LEFT, pos=at)
    spot = f"{cells.left + 4};{first + 3}"
    assert first > 0 < cells.left
    assert typed == [f"\x1b[<0;{spot}M".encode(), f"\x1b[<0;{spot}m".encode()]


def test_pixels_are_those_that_the_program_was_told(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(20, 5, "\x1b[?1000h\x1b[?1016h")
    widget = watching(shell, 40, 10)
    typed: list[bytes] = []
    widget.typed.connect(typed.append)
    size: Pixels = shell.terminal.host.cell
    middle = widget.appearance.cells.rect(2, 3).center().toPoint()
    qtbot.mouseClick(widget.viewport(), LEFT, pos=middle)
    x, y = (int(part) for part in typed[0][4:-1].split(b";")[-2:])
    assert 3 * size.width <= x - 1 < 4 * size.width
    assert 2 * size.height <= y - 1 < 3 * size.height


def test_the_menu_changes_how_a_larger_terminal_is_shown(qtbot: QtBot, watching: Watching) -> None:
    widget = watching(Shell(60, 20), 45, 15)

    def entries() -> dict[str, QAction]:
        menu = widget.context_menu()
        menu.deleteLater()
        return {action.text(): action for action in menu.actions()}

    def is_shrunk() -> bool:
        return widget.appearance.cells.width < widget.appearance.chosen.width

    assert is_shrunk()
    for shrunk in (False, True):
        fit = entries()["&Shrink to Fit"]
        assert fit.isChecked() is not shrunk
        fit.trigger()
        qtbot.waitUntil(lambda shrunk=shrunk: is_shrunk() is shrunk)
    widget.show_source(None)
    assert "&Shrink to Fit" not in entries()


def test_a_size_change_clears_the_selection_and_searches_anew(
    qtbot: QtBot, watching: Watching
) -> None:
    shell = Shell(60, 20, "one needle " * 30)
    widget = watching(shell)
    widget.select_all()
    widget.finder.look_for("needle")
    qtbot.waitUntil(lambda: widget.finder.count == 30 and not widget.finder.searching)
    shell.resize(25, 20)
    qtbot.waitUntil(lambda: widget.selected_text() == "")
    qtbot.waitUntil(lambda: widget.finder.count == 30 and not widget.finder.searching)
    match = widget.finder.step(1, Place(0, 0))
    assert match is not None
    assert match.start == Place(0, 4)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("resize"), st.integers(1, 90), st.integers(1, 40)),
        st.tuples(st.just("print"), st.integers(0, 60), st.integers(0, 200)),
        st.tuples(st.just("clear"), st.just(0), st.just(0)),
        st.tuples(st.just("scroll"), st.integers(-50, 50), st.integers(-50, 50)),
        st.tuples(st.just("paint"), st.just(0), st.just(0)),
        st.tuples(st.just("mouse"), st.integers(-50, 900), st.integers(-50, 700)),
    ),
    max_size=15,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, oversize=st.sampled_from(Oversize))
def test_nothing_that_a_shell_does_between_two_frames_breaks_a_widget(
    qtbot: QtBot, widget: TerminalWidget, steps: list[tuple[str, int, int]], oversize: Oversize
) -> None:
    shell = Shell(output=LINES)
    widget.set_oversize(oversize)
    widget.show_source(shell)
    for what, first, second in steps:
        match what:
            case "resize":
                shell.resize(first, second)
            case "print":
                shell.print("x" * second + "\r\n" * first)
            case "clear":
                shell.print("\x1b[3J\x1b[?1049h" if len(steps) % 2 else "\x1bc")
            case "scroll":
                widget.scrolling.by(first)
                widget.sideways.by(second)
            case "paint":
                widget.viewport().grab()
            case "mouse":
                at = widget.viewport().rect().topLeft()
                at.setX(first)
                at.setY(second)
                drag(qtbot, widget, cell(widget, 0, 0), at)
                widget.selected_text()
    widget.output.frame()
    assert len(texts(widget)) == min(shell.terminal.rows, len(texts(widget)))
    assert texts(widget) == [
        shell.terminal.line(widget.scrolling.first + row).text for row in range(len(texts(widget)))
    ]
    widget.show_source(None)


# -- frames


def test_many_changes_are_one_frame(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell()
    widget = watching(shell)
    frames: list[bool] = []
    widget.output.came.connect(lambda: frames.append(True))
    for _ in range(5000):
        shell.print("y\r\n")
    assert frames == []
    qtbot.waitUntil(lambda: bool(frames))
    assert len(frames) == 1


def test_only_changed_rows_are_painted_in_each(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(60, 20, LINES)
    one, other = watching(shell), watching(shell)
    painted = []
    for widget in (one, other):
        # Rows that were painted once may be passing by; they are kept the second time.
        for _ in range(2):
            widget.viewport().grab()
        painted.append(widget.appearance.painter.painted)
    shell.print("!")
    for widget, before in zip((one, other), painted, strict=True):
        shows(qtbot, widget, "end!")
        widget.viewport().grab()
        assert widget.appearance.painter.painted == before + 1


def test_a_hidden_widget_does_not_make_the_shell_hurry_and_is_up_to_date_when_shown(
    qtbot: QtBot, watching: Watching
) -> None:
    shell = Shell()
    widget = watching(shell)
    widget.finder.look_for("hidden")
    assert shell.watchers == 1
    widget.hide()
    assert (shell.watchers, shell.listeners) == (0, 1)
    shell.print("while hidden")
    widget.show()
    assert shell.watchers == 1
    assert "while hidden" in texts(widget)
    qtbot.waitUntil(lambda: widget.finder.count == 1)


def test_frames_can_be_rarer(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell()
    slow, fast = watching(shell), watching(shell)
    frames: list[TerminalWidget] = []
    for widget in (slow, fast):
        widget.output.came.connect(lambda widget=widget: frames.append(widget))
    slow.set_frame_interval(60_000)
    for count in range(1, 4):
        shell.print("y\r\n")
        qtbot.waitUntil(lambda count=count: len(frames) == count)
    assert frames == [fast] * 3
    slow.set_frame_interval(16)
    qtbot.waitUntil(lambda: frames == [fast, fast, fast, slow])


def test_theme_and_cell_size_are_reported_for_the_shell(watching: Watching) -> None:
    widget = watching(Shell())
    looks: list[tuple[bool, int]] = []
    widget.lookChanged.connect(lambda: looks.append((widget.host.dark, widget.host.cell.width)))
    before = widget.host.cell.width
    widget.set_theme(dark=False)
    widget.zoom(20)
    assert looks[0] == (False, before)
    assert looks[-1][1] > before


# -- swapping


def test_another_shell_is_shown_from_its_newest_text_on(qtbot: QtBot, watching: Watching) -> None:
    first, second = Shell(60, 20, LINES), Shell(30, 8, "second\x1b]0;two\x07")
    widget = watching(first)
    widget.scrolling.to_top()
    widget.select_all()
    with qtbot.waitSignal(widget.titleChanged):
        widget.show_source(second)
    assert texts(widget)[0] == "second"
    assert len(texts(widget)) == 8
    assert widget.selected_text() == ""
    assert (first.watchers, first.listeners) == (0, 0)
    assert widget.source is second
    first.print("no longer shown")
    second.print("\r\nshown")
    shows(qtbot, widget, "shown")


def test_the_own_terminal_comes_back_with_its_text(qtbot: QtBot, widget: TerminalWidget) -> None:
    show(qtbot, widget, "own text")
    shell = Shell(60, 20, "the shell's")
    widget.show_source(shell)
    assert texts(widget)[0] == "the shell's"
    # What is meant for the own terminal goes there.
    show(qtbot, widget, "!")
    widget.show_source(None)
    assert texts(widget)[0] == "own text!"
    assert (widget.terminal.cols, widget.terminal.rows) == (40, 10)
    assert (shell.terminal.cols, shell.terminal.rows) == (60, 20)
    assert shell.watchers == 0


def test_a_shells_screen_is_neither_cleared_nor_reset(watching: Watching) -> None:
    shell = Shell(60, 20, LINES)
    widget = watching(shell)
    widget.clear_scrollback()
    widget.reset()
    widget.clear()
    assert len(shell.terminal.scrollback) == 81
    menu = widget.context_menu()
    enabled = {action.text(): action.isEnabled() for action in menu.actions()}
    assert not enabled["Clear Sc&rollback"]
    assert not enabled["Reset &Terminal"]
    menu.deleteLater()


def test_a_deleted_widget_watches_nothing_and_is_freed(qapp: QApplication) -> None:
    shell = Shell()
    widget = TerminalWidget()
    widget.show_source(shell)
    owner = weakref.ref(widget)
    widget.deleteLater()
    del widget
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert (shell.watchers, shell.listeners) == (0, 0)
    shell.print("x")
    gc.collect()
    assert owner() is None


# -- read only


@pytest.fixture
def read_only(watching: Watching) -> tuple[TerminalWidget, Shell, list[bytes], list[str]]:
    shell = Shell(60, 20, LINES)
    widget = watching(shell)
    widget.set_read_only("You view this terminal.")
    typed: list[bytes] = []
    refused: list[str] = []
    widget.typed.connect(typed.append)
    widget.refused.connect(refused.append)
    return widget, shell, typed, refused


ReadOnly = tuple[TerminalWidget, Shell, list[bytes], list[str]]


def test_keys_and_pastes_are_refused_with_the_reason(qtbot: QtBot, read_only: ReadOnly) -> None:
    widget, _, typed, refused = read_only
    assert widget.read_only == "You view this terminal."
    qtbot.keyClicks(widget, "x")
    widget.clipboard.paste_text("rm -rf /\nrm -rf /\n")
    assert widget.clipboard.question is None
    assert typed == []
    assert refused == ["You view this terminal."] * 2
    assert widget.hint.isVisible()
    assert widget.hint.text() == "You view this terminal."
    qtbot.keyClick(widget, Qt.Key.Key_Shift)
    assert len(refused) == 2
    assert not widget.inputMethodQuery(Qt.InputMethodQuery.ImEnabled)
    widget.set_read_only("")
    assert not widget.hint.isVisible()
    qtbot.keyClicks(widget, "x")
    assert typed == [b"x"]
    assert len(refused) == 2


def test_looking_works(qtbot: QtBot, read_only: ReadOnly) -> None:
    widget, _, typed, refused = read_only
    qtbot.keyClick(widget, Qt.Key.Key_Home, Qt.KeyboardModifier.ShiftModifier)
    assert texts(widget)[0] == "line 0"
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 6))
    widget.clipboard.copy()
    assert QGuiApplication.clipboard().text() == "line 0"
    widget.finder.look_for("line 55")
    qtbot.waitUntil(lambda: widget.finder.count == 1)
    assert typed == []
    assert refused == []


def test_mouse_focus_and_wheel_stay_here(qtbot: QtBot, read_only: ReadOnly) -> None:
    widget, shell, typed, refused = read_only
    shell.print("\x1b[?1003h\x1b[?1006h\x1b[?1004h")
    drag(qtbot, widget, cell(widget, 0, 0), cell(widget, 0, 4))
    assert widget.selected_text() == "line"
    wheel(widget, angle=120)
    shell.print("\x1b[?1049h\x1b[?1007h")
    wheel(widget, angle=120)
    widget.setFocus()
    widget.clearFocus()
    assert typed == []
    assert refused == []


def test_a_read_only_terminal_of_its_own_answers_nothing(
    qtbot: QtBot, widget: TerminalWidget, typed: list[bytes]
) -> None:
    widget.set_read_only("You view this terminal.")
    show(qtbot, widget, "\x1b[6n")
    assert typed == []
    widget.set_read_only("")
    show(qtbot, widget, "\x1b[6n")
    assert typed == [b"\x1b[1;1R"]


def test_the_cursor_shows_that_one_may_not_type(qtbot: QtBot, watching: Watching) -> None:
    shell = Shell(output="\x1b[2 q")
    widget = watching(shell)
    widget.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    assert colors(widget, 0, 0) == {DARK.cursor}
    widget.set_read_only("You view this terminal.")
    assert colors(widget, 0, 0) == {DARK.cursor, DARK.background}
