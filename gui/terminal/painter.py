"""Lines to pixels: the font's grid, and pixmaps of rows that are painted once.

Owns measuring and drawing in device pixels, and the cache of painted rows. Does
not own which rows are on screen nor where.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)

from engine.emulator import CursorShape, Style
from gui.terminal import boxes
from gui.terminal.theme import Theme, mix

if TYPE_CHECKING:
    from engine.emulator import Line, Run

FALLBACK_FAMILY = "DejaVu Sans Mono"
CACHE_BYTES = 32 * 1024 * 1024
"""Pixels of painted rows kept per terminal; the least recently used go first. A
screen of 240 by 67 cells takes 10 MB at 100 %. A row in view is drawn anew if
it does not fit: slower, not wrong."""
BYTES_PER_PIXEL = 4

Span = tuple[int, int]
"""Columns start..end-1 of a row."""


def monospace(font: QFont) -> QFont:
    """``font`` if its characters are all equally wide, else one of its size that are."""
    if QFontInfo(font).fixedPitch():
        return QFont(font)
    for family in (
        QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family(),
        FALLBACK_FAMILY,
    ):
        other = QFont(font)
        other.setFamily(family)
        other.setStyleHint(QFont.StyleHint.Monospace)
        if QFontInfo(other).fixedPitch():
            break
    return other


class Grid:
    """A font's cell at one device pixel ratio. Sizes are whole device pixels."""

    def __init__(self, font: QFont, ratio: float) -> None:
        base = monospace(font)
        # Drawn at the device's size, so that every cell starts on a whole pixel.
        if base.pointSizeF() > 0:
            base.setPointSizeF(base.pointSizeF() * ratio)
        else:
            base.setPixelSize(max(1, round(base.pixelSize() * ratio)))
        base.setKerning(False)
        for tag in ("liga", "calt", "clig", "dlig"):
            # A ligature would not keep to the cells.
            base.setFeature(QFont.Tag(tag), 0)
        metrics = QFontMetricsF(base)
        self.ratio = ratio
        self.width = max(1, round(metrics.horizontalAdvance("M")))
        self.height = max(1, math.ceil(metrics.height()))
        self.ascent = round(metrics.ascent())
        self.line = max(1, round(self.height / 16))
        self.underline = min(
            self.ascent + max(1, round(metrics.underlinePos())), self.height - self.line
        )
        self.strike = self.ascent - round(metrics.strikeOutPos())
        self._fonts = {
            (bold, italic): self._variant(base, bold, italic)
            for bold in (False, True)
            for italic in (False, True)
        }
        self._metrics = {key: QFontMetricsF(font) for key, font in self._fonts.items()}
        self._in_font: dict[str, bool] = {}

    def _variant(self, base: QFont, bold: bool, italic: bool) -> QFont:
        font = QFont(base)
        font.setBold(bold)
        font.setItalic(italic)
        spacing = self.width - QFontMetricsF(font).horizontalAdvance("M" * 64) / 64
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, spacing)
        return font

    def font(self, style: Style) -> QFont:
        return self._fonts[style.bold, style.italic]

    def metrics(self, style: Style) -> QFontMetricsF:
        return self._metrics[style.bold, style.italic]

    def has(self, char: str) -> bool:
        """Whether the font itself draws ``char``, so that it keeps to the cells."""
        known = self._in_font.get(char)
        if known is None:
            known = char.isascii() or self._metrics[False, False].inFontUcs4(ord(char))
            self._in_font[char] = known
        return known


class RowPainter:
    """Paints rows with one grid and one theme, each Line once."""

    def __init__(self, grid: Grid, theme: Theme) -> None:
        self.grid = grid
        self.theme = theme
        self.painted = 0
        """Rows painted so far: what a cached row does not add to."""
        self._bytes = 0
        self._cache: OrderedDict[tuple[Line, Span | None, int], QPixmap] = OrderedDict()

    def row(self, line: Line, columns: int, selected: Span | None) -> QPixmap:
        """The row as a pixmap of ``columns`` cells, ``selected`` columns marked."""
        key = (line, selected, columns)
        pixmap = self._cache.get(key)
        if pixmap is None:
            pixmap = self._cache[key] = self._paint(line, columns, selected)
            self.painted += 1
            self._bytes += _size(pixmap)
            while self._bytes > CACHE_BYTES:
                self._bytes -= _size(self._cache.popitem(last=False)[1])
        else:
            self._cache.move_to_end(key)
        return pixmap

    def _paint(self, line: Line, columns: int, selected: Span | None) -> QPixmap:
        grid, theme = self.grid, self.theme
        pixmap = QPixmap(columns * grid.width, grid.height)
        pixmap.fill(QColor.fromRgb(theme.background))
        painter = QPainter(pixmap)
        for run in line.runs:
            background = theme.pair(run.style)[1]
            if background != theme.background:
                painter.fillRect(self._rect(run.column, run.cells), QColor.fromRgb(background))
        if selected is not None:
            start, end = selected
            painter.fillRect(self._rect(start, end - start), QColor.fromRgb(theme.selection))
        for run in line.runs:
            self.text(painter, run, theme.pair(run.style)[0])
        painter.end()
        pixmap.setDevicePixelRatio(grid.ratio)
        return pixmap

    def _rect(self, column: int, cells: int) -> QRect:
        return QRect(column * self.grid.width, 0, cells * self.grid.width, self.grid.height)

    # -- text

    def text(self, painter: QPainter, run: Run, rgb: int) -> None:
        """Draw a run's characters and lines in one colour, at its columns."""
        colour = QColor.fromRgb(rgb)
        painter.setFont(self.grid.font(run.style))
        painter.setPen(colour)
        if run.cluster:
            self._glyph(painter, run.text, run.column, run.cells, run.style)
        elif run.text.isascii():
            self._plain(painter, run.text, run.column)
        else:
            self._mixed(painter, run, colour)
        self._lines(painter, run, colour)

    def _plain(self, painter: QPainter, text: str, column: int) -> None:
        stripped = text.lstrip(" ")
        if stripped:
            column += len(text) - len(stripped)
            painter.drawText(QPointF(column * self.grid.width, self.grid.ascent), stripped)

    def _mixed(self, painter: QPainter, run: Run, colour: QColor) -> None:
        column = run.column
        for kind, group in groupby(run.text, self._kind):
            text = "".join(group)
            if kind == "font":
                self._plain(painter, text, column)
            else:
                for offset, char in enumerate(text):
                    if kind == "box":
                        boxes.draw(painter, char, self._cell(column + offset), colour)
                    else:
                        self._glyph(painter, char, column + offset, 1, run.style)
            column += len(text)

    def _kind(self, char: str) -> str:
        if boxes.covers(char):
            return "box"
        return "font" if self.grid.has(char) else "other"

    def _cell(self, column: int) -> boxes.Cell:
        grid = self.grid
        return boxes.Cell(column * grid.width, 0, grid.width, grid.height, grid.line)

    def _glyph(self, painter: QPainter, text: str, column: int, cells: int, style: Style) -> None:
        """One grapheme, perhaps from another font: centred, made smaller if it does not fit."""
        rect = QRectF(self._rect(column, cells))
        metrics = self.grid.metrics(style)
        # The letter spacing belongs to the grid, not to a glyph that stands alone.
        spacing = painter.font().letterSpacing()
        advance = metrics.horizontalAdvance(text) - spacing
        painter.save()
        painter.setClipRect(rect)
        scale = min(1.0, rect.width() / advance) if advance > 0 else 1.0
        painter.translate(rect.x() + (rect.width() - advance * scale) / 2, self.grid.ascent)
        painter.scale(scale, scale)
        painter.drawText(QPointF(0, 0), text)
        painter.restore()

    def _lines(self, painter: QPainter, run: Run, colour: QColor) -> None:
        style, grid = run.style, self.grid
        if not (style.underline or style.strike):
            return
        left, width = run.column * grid.width, run.cells * grid.width
        if style.strike:
            painter.fillRect(left, grid.strike, width, grid.line, colour)
        if style.underline == 1:
            painter.fillRect(left, grid.underline, width, grid.line, colour)
        elif style.underline == 2:
            lower = min(grid.underline + grid.line, grid.height - grid.line)
            for y in (lower, lower - 2 * grid.line):
                painter.fillRect(left, y, width, grid.line, colour)
        elif style.underline == 3:
            self._curl(painter, left, width, colour)
        elif style.underline:
            dots = Qt.PenStyle.DotLine if style.underline == 4 else Qt.PenStyle.DashLine
            painter.setPen(QPen(colour, grid.line, dots, Qt.PenCapStyle.FlatCap))
            middle = grid.underline + grid.line / 2
            painter.drawLine(QPointF(left, middle), QPointF(left + width, middle))

    def _curl(self, painter: QPainter, left: int, width: int, colour: QColor) -> None:
        grid = self.grid
        height = 1.5 * grid.line
        middle = min(grid.underline + grid.line / 2, grid.height - height - grid.line / 2)
        path = QPainterPath(QPointF(left, middle))
        step = grid.width / 2
        for index in range(round(width / step)):
            start = left + index * step
            peak = middle + (height if index % 2 else -height)
            path.quadTo(start + step / 2, peak, start + step, middle)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, grid.line))
        painter.drawPath(path)
        painter.restore()

    # -- cursor

    def cursor(self, under: Run | None, shape: CursorShape, focused: bool) -> QPixmap:
        """The cursor's cell, with the character ``under`` it (None: a blank)."""
        grid, theme = self.grid, self.theme
        cells = under.cells if under is not None else 1
        style = under.style if under is not None else Style()
        text, background = theme.pair(style)
        colour = QColor.fromRgb(theme.cursor)
        pixmap = QPixmap(cells * grid.width, grid.height)
        solid = focused and shape is CursorShape.BLOCK
        pixmap.fill(QColor.fromRgb(theme.cursor if solid else background))
        painter = QPainter(pixmap)
        if under is not None:
            self.text(painter, under._replace(column=0), theme.cursor_text if solid else text)
        if not focused:
            painter.setPen(QPen(colour, grid.line, j=Qt.PenJoinStyle.MiterJoin))
            half = grid.line / 2
            size = pixmap.size()
            painter.drawRect(
                QRectF(half, half, size.width() - grid.line, size.height() - grid.line)
            )
        elif shape is CursorShape.BAR:
            painter.fillRect(0, 0, max(2, 2 * grid.line), grid.height, colour)
        elif shape is CursorShape.UNDERLINE:
            thick = max(2, 2 * grid.line)
            painter.fillRect(0, grid.height - thick, pixmap.width(), thick, colour)
        painter.end()
        pixmap.setDevicePixelRatio(grid.ratio)
        return pixmap


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * BYTES_PER_PIXEL


def dimmed(theme: Theme) -> QColor:
    """What is laid over the grid of a terminal that has ended."""
    veil = QColor.fromRgb(mix(theme.background, 0x808080, 0.12))
    veil.setAlpha(150)
    return veil
