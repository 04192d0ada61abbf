"""Rows painted once, at most so many kept, and as wide as there is anything in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QFont, QImage

from engine.emulator import CursorShape, Line, Run, Style, Terminal
from gui.terminal.paint.grid import Grid
from gui.terminal.paint.painter import PASSING_ROWS, WIDTH_STEP, Mark, MarkKind, RowPainter
from gui.terminal.paint.themes import DARK

if TYPE_CHECKING:
    from gui.terminal.widget import TerminalWidget


def test_the_cache_of_painted_rows_is_bounded(
    widget: TerminalWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = widget.appearance.painter
    grid = painter.grid
    row_bytes = 20 * grid.width * grid.height * 4
    monkeypatch.setattr("gui.terminal.paint.painter.CACHE_BYTES", 10 * row_bytes)
    lines = [Line((Run(0, 20, "x" * 20, Style()),)) for _ in range(30)]
    for line in lines:
        painter.row(line, 20)
    before = painter.painted
    for line in lines[-10:]:
        painter.row(line, 20)
    assert painter.painted == before
    painter.row(lines[0], 20)
    assert painter.painted == before + 1


def test_rows_that_pass_by_are_not_kept_until_they_are_seen_again(painter: RowPainter) -> None:
    def show(lines: list[Line]) -> int:
        before = painter.painted
        painter.begin(len(lines))
        for shown in lines:
            painter.row(shown, 20)
        return painter.painted - before

    views = [
        [Line((Run(0, 4, f"{view}{row:3}", Style()),)) for row in range(PASSING_ROWS)]
        for view in range(3)
    ]
    assert [show(view) for view in views] == [PASSING_ROWS] * 3
    assert show(views[0]) == 0, "nobody could know yet that it would pass by"
    show(views[1])
    show(views[2])
    assert show(views[2][1:] + views[0][:1]) <= PASSING_ROWS
    assert show(views[2]) <= 1, "what stays for two views is kept"


def test_nothing_is_left_of_a_row_that_was_let_go(
    painter: RowPainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "\x1b[41;4mMMMM",
        "\x1b[3mff\x1b[42mgg",
        "a b",
        "é─█日👍🏽",
        "\x1b[5;31mx\x1b[m \x1b[9my",
    ]
    wanted = [cells(painter, text).copy() for text in texts]
    monkeypatch.setattr("gui.terminal.paint.painter.CACHE_BYTES", 0)
    assert [cells(painter, text).copy() for text in texts * 2] == wanted * 2


def line(text: str) -> Line:
    terminal = Terminal(40, 2)
    terminal.feed(text.encode())
    return terminal.line(0)


@pytest.fixture
def painter(qapp: object) -> RowPainter:
    return RowPainter(Grid(QFont("DejaVu Sans Mono", 11), 1.0), DARK)


def cells(painter: RowPainter, text: str, *marks: Mark) -> QImage:
    return painter.row(line(text), 40, marks).toImage()


def test_a_row_is_about_as_wide_as_its_text_and_marks(painter: RowPainter) -> None:
    width, step = painter.grid.width, WIDTH_STEP
    assert cells(painter, "abc").width() == step * width
    assert cells(painter, "x" * (step + 1)).width() == 2 * step * width
    assert cells(painter, "abc", Mark(0, step + 1, MarkKind.SELECTED)).width() == 2 * step * width
    assert cells(painter, "abc", Mark(0, 99, MarkKind.SELECTED)).width() == 40 * width


@pytest.mark.parametrize("kind", [MarkKind.SELECTED, MarkKind.MATCH, MarkKind.CURRENT])
def test_a_mark_covers_its_cells_and_no_others(painter: RowPainter, kind: MarkKind) -> None:
    width, height = painter.grid.width, painter.grid.height
    plain, marked = cells(painter, "a b c"), cells(painter, "a b c", Mark(1, 2, kind))
    wanted = {
        MarkKind.SELECTED: DARK.selection,
        MarkKind.MATCH: DARK.match,
        MarkKind.CURRENT: DARK.current_match,
    }[kind]
    colors = {marked.pixel(x, y) & 0xFFFFFF for x in range(width, 2 * width) for y in range(height)}
    assert colors == {wanted}
    assert marked.copy(0, 0, width, height) == plain.copy(0, 0, width, height)
    assert marked.copy(2 * width, 0, width, height) == plain.copy(2 * width, 0, width, height)


def test_a_selected_letter_is_seen(painter: RowPainter) -> None:
    image = cells(painter, "\x1b[30mM", Mark(0, 1, MarkKind.SELECTED))
    assert len({image.pixel(x, y) for x in range(image.width()) for y in range(9)}) > 1


@pytest.mark.parametrize(
    "text", ["😀", "日", "👍🏽", "e\u0301", "\u0301", "ﷺ", "─\u0301", "█\u0301"]
)
def test_any_glyph_keeps_to_its_cells(painter: RowPainter, text: str) -> None:
    image = cells(painter, text + "\x1b[10G|")
    blank = cells(painter, "\x1b[10G|")
    width, height = painter.grid.width, painter.grid.height
    assert image.copy(4 * width, 0, 6 * width, height) == blank.copy(
        4 * width, 0, 6 * width, height
    )


def test_styles_look_different(painter: RowPainter) -> None:
    images = [cells(painter, f"\x1b[{sgr}mMM") for sgr in ("0", "1", "3", "4", "9", "2", "7")]
    for at, image in enumerate(images):
        assert all(image != other for other in images[at + 1 :])


def test_cursor_shapes_differ_and_show_the_character(painter: RowPainter) -> None:
    run = line("M").at(0)
    images = [painter.cursor(run, shape, True).toImage() for shape in CursorShape]
    images.append(painter.cursor(run, CursorShape.BLOCK, False).toImage())
    images.append(painter.cursor(None, CursorShape.BLOCK, True).toImage())
    for at, image in enumerate(images):
        assert all(image != other for other in images[at + 1 :])


@pytest.mark.parametrize("char", ["\ue0b0", "\ue0b2", "\u2588", "\u2593"])
def test_what_touches_its_neighbors_keeps_its_color(char: str) -> None:
    grid = Grid(QFont("monospace", 12), 1.0)
    theme = DARK.with_contrast(4.5)
    painter = RowPainter(grid, theme)
    style = Style(fg=17, bg=52)
    exact, shown, _ = theme.colors(style)
    assert exact != shown
    image = painter.row(Line((Run(0, 1, char, style),)), 20).toImage()
    seen = {image.pixel(x, y) & 0xFFFFFF for x in range(grid.width) for y in range(grid.height)}
    assert shown not in seen
    if char != "\u2593":
        assert exact in seen


def test_letters_from_right_to_left_are_in_the_order_of_their_cells() -> None:
    grid = Grid(QFont("DejaVu Sans Mono", 12), 1.0)
    painter = RowPainter(grid, DARK)
    text = "\u0633\u0644\u0627 \u0645 12(x)"

    def shown(line: Line) -> QImage:
        image = painter.row(line, 20).toImage()
        return image.copy(0, 0, grid.width * len(text), grid.height)

    whole = shown(Line((Run(0, len(text), text, Style()),)))
    apart = shown(Line(tuple(Run(at, 1, char, Style()) for at, char in enumerate(text))))
    assert whole == apart
