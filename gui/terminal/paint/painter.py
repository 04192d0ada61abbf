"""Lines to pixmaps, in device pixels. Painted rows and glyphs are cached."""

from __future__ import annotations

import enum
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPixmap

from engine.emulator import DEFAULT_COLOR, CursorShape, Style
from gui.terminal.paint import blocks, boxes, decorations, pictures
from gui.terminal.paint.theme import Theme, mix, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFont

    from engine.emulator import Line, Piece, Run
    from gui.terminal.paint.grid import Grid

CACHE_BYTES = 32 * 1024 * 1024
"""Pixels of painted rows kept per terminal; the least recently used go first. A
screen of 240 by 67 cells takes 10 MB at 100 %. A row in view that does not fit is drawn
each time: slower, not wrong."""
BYTES_PER_PIXEL = 4
WIDTH_STEP = 16
"""A row's pixmap is a multiple of so many cells wide: few widths, so pixmaps can be reused."""
PASSING_ROWS = 16
"""Of at least so many rows three quarters new: the rows are taken to be passing by."""
GLYPH_CACHE = 4096
"""Painted glyphs kept besides those a font draws in runs; all go when it is full."""
MARKED_PICTURE = 0.5
"""How much of a picture is seen where it is selected."""
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
"""Unicode's classes of characters that change the order in which others are shown."""
INK_CACHE = 4096
"""Styles whose colors are remembered; all go when it is full."""


class MarkKind(enum.Enum):
    """What a part of a row is marked as."""

    SELECTED = "selected"
    MATCH = "match"
    CURRENT = "current"
    LINK = "link"


class Mark(NamedTuple):
    """Columns start..end-1 of a row. Later marks lie over earlier ones."""

    start: int
    end: int
    kind: MarkKind


Marks = tuple[Mark, ...]


@dataclass(slots=True)
class _Ink:
    """A style's colors and font, ready to draw with."""

    style: Style
    pen: QColor
    exact: QColor
    """The text's color as asked for, for blocks, of which pictures are made."""
    fill: QBrush | None
    """None: the theme's background, which is there already."""
    font: QFont
    decorated: bool
    plain: bool
    """Letters are all there is to draw, and always."""
    text: int
    background: int


class RowPainter:
    """Paints rows with one grid and one theme, each Line once."""

    def __init__(self, grid: Grid, theme: Theme) -> None:
        self.grid = grid
        self.theme = theme
        self.painted = 0
        """Rows painted so far: what a cached row does not add to."""
        self._background = QColor.fromRgb(theme.background)
        self._bytes = 0
        # Keyed by identity; the Line is kept beside its pixmap, so no other takes its place.
        self._rows: OrderedDict[tuple[int, Marks, int, bool], tuple[Line, QPixmap]] = OrderedDict()
        self._spare: dict[int, QPixmap] = {}
        """Dropped pixmaps, the last of each width: fresh memory costs more than painting over."""
        self._before = 0
        """Rows painted when the present view was begun."""
        self._passing = False
        self._passed: dict[int, Line] = {}
        self._passing_now: dict[int, Line] = {}
        """Lines painted and not kept, in the view before and in this one, by their identity."""
        self._inks: dict[Style, _Ink] = {}
        self._known: dict[int, _Ink] = {}
        """Inks by the identity of their style: most cells share few objects, and a
        style takes longer to hash than its letters to draw."""
        self._glyphs: dict[tuple[str, int, int, bool, bool], QPixmap] = {}
        self._rects: dict[str, tuple[QRect, ...]] = {}
        self._kinds: dict[str, str] = {}

    def begin(self, rows: int) -> None:
        """A view of so many rows is painted next.

        While most of them are new each time, as under a flood, only rows seen twice are kept:
        one small piece of memory painted over and over stays in the processor's cache, and a
        whole screen of it does not.
        """
        if rows < PASSING_ROWS:
            return
        self._passing = (self.painted - self._before) * 4 >= rows * 3
        self._before = self.painted
        self._passed, self._passing_now = self._passing_now, {}

    def row(self, line: Line, columns: int, marks: Marks = (), *, blinked: bool = False) -> QPixmap:
        """The row as a pixmap, about as wide as there is anything in it, at most ``columns`` cells.

        To be drawn on device pixels, and at once: a later row may be painted over
        it. Right of it there is background. ``blinked``: blinking text is hidden.
        """
        key = (id(line), marks, columns, blinked)
        known = self._rows.get(key)
        if known is not None:
            self._rows.move_to_end(key)
            return known[1]
        cells = max((line.width, 1, *(mark.end for mark in marks)))
        cells = min(-(-cells // WIDTH_STEP) * WIDTH_STEP, columns)
        pixmap = self._paint(line, cells, marks, blinked)
        self.painted += 1
        if self._passing and id(line) not in self._passed:
            self._passing_now[id(line)] = line
            self._spare[pixmap.width()] = pixmap
            return pixmap
        self._rows[key] = (line, pixmap)
        self._bytes += _size(pixmap)
        while self._bytes > CACHE_BYTES:
            gone = self._rows.popitem(last=False)[1][1]
            self._bytes -= _size(gone)
            self._spare[gone.width()] = gone
        return pixmap

    def _paint(self, line: Line, columns: int, marks: Marks, blinked: bool) -> QPixmap:
        grid = self.grid
        width, height = grid.width, grid.height
        pixmap = self._spare.pop(columns * width, None) or QPixmap(columns * width, height)
        pixmap.fill(self._background)
        painter = QPainter(pixmap)
        try:
            known = self._known
            inks = [(run, known.get(id(run.style)) or self._ink(run.style)) for run in line.runs]
            # All backgrounds first: a slanted letter reaches over the end of its run.
            for run, ink in inks:
                if ink.fill is not None:
                    painter.fillRect(run.column * width, 0, run.cells * width, height, ink.fill)
            if line.pieces:
                pictures.draw(painter, grid, line.pieces)
            self._letters(painter, inks, blinked)
            for mark in marks:
                self._mark(painter, inks, mark, columns, line.pieces)
        finally:
            painter.end()
        return pixmap

    def _letters(self, painter: QPainter, inks: Sequence[tuple[Run, _Ink]], blinked: bool) -> None:
        """All text. What nearly all is, is drawn here: a call each would cost as much again."""
        draw, set_pen, set_font = painter.drawText, painter.setPen, painter.setFont
        width, ascent = self.grid.width, self.grid.ascent
        # Setting one costs as much as a letter, and neighbours often share it.
        pen: QColor | None = None
        font: QFont | None = None
        for run, ink in inks:
            column, _, text, _, cluster = run
            if ink.plain and not cluster and text.isascii():
                if not text.isspace():
                    if ink.font is not font:
                        font = ink.font
                        set_font(font)
                    if ink.pen is not pen:
                        pen = ink.pen
                        set_pen(pen)
                    draw(column * width, ascent, text)
            elif not (blinked and run.style.blink):
                self._text(painter, run, ink)
                pen = font = None

    def _mark(
        self,
        painter: QPainter,
        inks: Sequence[tuple[Run, _Ink]],
        mark: Mark,
        columns: int,
        pieces: Sequence[Piece],
    ) -> None:
        start, end, kind = mark
        end = min(end, columns)
        if kind is MarkKind.LINK:
            ink = next((ink for run, ink in inks if run.column + run.cells > start), None)
            rgb = ink.text if ink is not None else self.theme.foreground
            decorations.underline(painter, self.grid, start, end - start, 1, QColor.fromRgb(rgb))
            return
        theme = self.theme
        back, contrast = {
            MarkKind.SELECTED: (theme.selection, max(theme.contrast, 3.0)),
            MarkKind.MATCH: (theme.match, max(theme.contrast, 3.0)),
            MarkKind.CURRENT: (theme.current_match, 4.5),
        }[kind]
        rect = self._rect(start, end - start)
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, QColor.fromRgb(back))
        if pieces:
            painter.setOpacity(MARKED_PICTURE)
            pictures.draw(painter, self.grid, pieces)
            painter.setOpacity(1)
        for run, ink in inks:
            if run.column < end and run.column + run.cells > start and not run.style.conceal:
                text = QColor.fromRgb(readable(ink.text, back, contrast))
                self._text(painter, run, replace(ink, pen=text, exact=text))
        painter.restore()

    def _rect(self, column: int, cells: int) -> QRect:
        return QRect(column * self.grid.width, 0, cells * self.grid.width, self.grid.height)

    def _ink(self, style: Style) -> _Ink:
        ink = self._inks.get(style)
        if ink is None:
            if len(self._inks) >= INK_CACHE:
                self._inks.clear()
            ink = self._inks[style] = self._mix(style)
        if len(self._known) >= INK_CACHE:
            self._known.clear()
        # It holds this very object, whose identity so stays its own.
        known = self._known[id(style)] = replace(ink, style=style)
        return known

    def _mix(self, style: Style) -> _Ink:
        theme = self.theme
        exact, text, background = theme.colors(style)
        decorated = bool(style.underline or style.strike or style.overline)
        return _Ink(
            style=style,
            pen=QColor.fromRgb(text),
            exact=QColor.fromRgb(exact),
            fill=None if background == theme.background else QBrush(QColor.fromRgb(background)),
            font=self.grid.font(style),
            decorated=decorated,
            plain=not (decorated or style.blink),
            text=text,
            background=background,
        )

    # -- text

    def _text(self, painter: QPainter, run: Run, ink: _Ink) -> None:
        """Draw a run's characters and lines, at its columns."""
        column, cells, text, _, cluster = run
        if cluster:
            self._glyph(painter, text, column, cells, ink)
        elif text.isascii():
            if not text.isspace():
                self._plain(painter, text, column, ink)
        else:
            self._mixed(painter, run, ink)
        if ink.decorated:
            self._decorate(painter, run, ink)

    def _plain(self, painter: QPainter, text: str, column: int, ink: _Ink) -> None:
        painter.setFont(ink.font)
        painter.setPen(ink.pen)
        painter.drawText(column * self.grid.width, self.grid.ascent, text)

    def _mixed(self, painter: QPainter, run: Run, ink: _Ink) -> None:
        column = run.column
        for kind, group in groupby(run.text, self._kind):
            text = "".join(group)
            if kind == "font":
                self._plain(painter, text, column, ink)
            elif kind == "block":
                self._blocks(painter, text, column, ink.exact)
            elif kind == "touching":
                self._repeated(painter, text, column, replace(ink, pen=ink.exact))
            else:
                self._repeated(painter, text, column, ink)
            column += len(text)

    def _kind(self, char: str) -> str:
        kind = self._kinds.get(char)
        if kind is None:
            if len(self._kinds) >= GLYPH_CACHE:
                self._kinds.clear()
            kind = self._kinds[char] = self._find_kind(char)
        return kind

    def _find_kind(self, char: str) -> str:
        if blocks.rects(char, self.grid.cell()):
            return "block"
        if blocks.touches(char):
            return "touching"
        if boxes.covers(char) or blocks.covers(char):
            return "drawn"
        if unicodedata.bidirectional(char) in _RIGHT_TO_LEFT:
            # In a run it would be put in another order than its cells are in.
            return "other"
        return "font" if self.grid.has(char) else "other"

    def _blocks(self, painter: QPainter, text: str, column: int, color: QColor) -> None:
        width = self.grid.width
        for char in text:
            rects = self._rects.get(char)
            if rects is None:
                rects = self._rects[char] = blocks.rects(char, self.grid.cell())
            for rect in rects:
                painter.fillRect(rect.translated(column * width, 0), color)
            column += 1

    def _repeated(self, painter: QPainter, text: str, column: int, ink: _Ink) -> None:
        for char, group in groupby(text):
            count = len(list(group))
            if count == 1:
                self._glyph(painter, char, column, 1, ink)
            else:
                painter.drawTiledPixmap(self._rect(column, count), self._painted(char, 1, ink))
            column += count

    def _glyph(self, painter: QPainter, text: str, column: int, cells: int, ink: _Ink) -> None:
        """One grapheme that is no plain text of the font's."""
        painter.drawPixmap(column * self.grid.width, 0, self._painted(text, cells, ink))

    def _painted(self, text: str, cells: int, ink: _Ink) -> QPixmap:
        style = ink.style
        key = (text, cells, ink.pen.rgb(), style.bold, style.italic)
        pixmap = self._glyphs.get(key)
        if pixmap is None:
            if len(self._glyphs) >= GLYPH_CACHE:
                self._glyphs.clear()
            pixmap = self._glyphs[key] = self._paint_glyph(text, cells, ink)
        return pixmap

    def _paint_glyph(self, text: str, cells: int, ink: _Ink) -> QPixmap:
        cell = self.grid.cell(cells)
        pixmap = QPixmap(cell.width, cell.height)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        if boxes.covers(text):
            boxes.draw(painter, text, cell, ink.pen)
        elif blocks.covers(text):
            blocks.draw(painter, text, cell, ink.pen)
        else:
            self._fit_glyph(painter, text, cell.width, ink)
        painter.end()
        return pixmap

    def _fit_glyph(self, painter: QPainter, text: str, width: int, ink: _Ink) -> None:
        """Perhaps of another font: centered, and made smaller where it does not fit."""
        font = self.grid.shaped(ink.style)
        metrics = QFontMetricsF(font)
        advance = metrics.horizontalAdvance(text)
        # A mark alone has no width: it goes where its letter would be.
        advance = advance if advance > 0 else width
        scale = min(1.0, width / advance)
        painter.setFont(font)
        painter.setPen(ink.pen)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rise = self.grid.ascent - (1 - scale) * (self.grid.ascent - self.grid.height / 2)
        painter.translate((width - advance * scale) / 2, rise)
        painter.scale(scale, scale)
        painter.drawText(QPointF(0, 0), text)

    def _decorate(self, painter: QPainter, run: Run, ink: _Ink) -> None:
        style, grid, color = run.style, self.grid, ink.pen
        if style.strike:
            decorations.bar(painter, grid, run.column, run.cells, grid.strike, color)
        if style.overline:
            decorations.bar(painter, grid, run.column, run.cells, 0, color)
        if style.underline:
            if style.underline_color != DEFAULT_COLOR:
                color = QColor.fromRgb(self.theme.color(style.underline_color, ink.text))
            decorations.underline(painter, grid, run.column, run.cells, style.underline, color)

    # -- cursor

    def cursor(self, under: Run | None, shape: CursorShape, focused: bool) -> QPixmap:
        """The cursor's cell, on device pixels, with the character ``under`` it (None: a blank)."""
        grid, theme = self.grid, self.theme
        cells = under.cells if under is not None else 1
        ink = self._ink(under.style if under is not None else Style())
        color = QColor.fromRgb(theme.cursor)
        pixmap = QPixmap(cells * grid.width, grid.height)
        solid = focused and shape is CursorShape.BLOCK
        pixmap.fill(QColor.fromRgb(theme.cursor if solid else ink.background))
        painter = QPainter(pixmap)
        if under is not None and not under.style.conceal:
            if solid:
                text = QColor.fromRgb(theme.cursor_text)
                ink = replace(ink, pen=text, exact=text)
            self._text(painter, under._replace(column=0), ink)
        if not focused:
            painter.setPen(QPen(color, grid.line, j=Qt.PenJoinStyle.MiterJoin))
            half = grid.line / 2
            size = pixmap.size()
            painter.drawRect(
                QRectF(half, half, size.width() - grid.line, size.height() - grid.line)
            )
        elif shape is CursorShape.BAR:
            painter.fillRect(0, 0, max(2, 2 * grid.line), grid.height, color)
        elif shape is CursorShape.UNDERLINE:
            thick = max(2, 2 * grid.line)
            painter.fillRect(0, grid.height - thick, pixmap.width(), thick, color)
        painter.end()
        return pixmap


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * BYTES_PER_PIXEL


def dimmed(theme: Theme) -> QColor:
    """The veil over a terminal that has ended."""
    veil = QColor.fromRgb(mix(theme.background, 0x808080, 0.12))
    veil.setAlpha(150)
    return veil
