"""Painting a terminal: rows, cursor, the veil over one that has ended, the bell's flash.

Only what changed is painted anew. What a row looks like is the painter's, when a frame is
due is the output's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtGui import QColor, QPainter, QRegion

from gui.terminal.paint.blink import Blink
from gui.terminal.paint.painter import dimmed
from gui.terminal.paint.theme import mix

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.input.preedit import Preedit
    from gui.terminal.source import Viewed
    from gui.terminal.text.links import Link
    from gui.terminal.view.appearance import Appearance
    from gui.terminal.view.cursor import Cursor
    from gui.terminal.view.flash import Flash
    from gui.terminal.view.program import Program
    from gui.terminal.view.rows import Rows

FLASH_ALPHA = 28
"""How much of the foreground is laid over the view while the bell is seen, of 255."""
OUTSIDE, EDGE = 0.06, 0.2
"""How much of the foreground is in the color beside a smaller terminal, and at its edge."""


class Canvas(QObject):
    """Shows on ``viewport`` what the terminal holds whenever refresh() is called.

    ``caretMoved``: where text goes next is elsewhere.
    """

    caretMoved = Signal()

    def __init__(
        self,
        viewed: Viewed,
        program: Program,
        appearance: Appearance,
        rows: Rows,
        cursor: Cursor,
        flash: Flash,
        viewport: QWidget,
    ) -> None:
        super().__init__(viewport)
        self._viewed = viewed
        self._program = program
        self._appearance = appearance
        self._rows = rows
        self._cursor = cursor
        self._flash = flash
        self._viewport = viewport
        self._text_blink = Blink(self)
        self._text_blink.changed.connect(self._update_blinking)
        cursor.turned.connect(self.update_cursor)
        flash.changed.connect(self.update_all)

    # -- what changed

    def refresh(self) -> None:
        """Paint the rows that changed, and the cursor if it did."""
        cells, width = self._appearance.cells, self._viewport.width()
        region = QRegion()
        for row in self._rows.refresh():
            region += cells.band(row, width)
        before = self._cursor.rect
        if self._cursor.refresh():
            region += before
            region += self._cursor.rect
            self.caretMoved.emit()
        if not region.isEmpty():
            self._viewport.update(region)

    def sync_blink(self) -> None:
        """Let blink what is to blink now: focus, end, output and settings change it."""
        self._cursor.sync_blink()
        self._text_blink.set_running(
            bool(self._rows.blinking) and self._viewport.isVisible() and not self._program.ended
        )

    def hover(self, link: Link | None) -> None:
        """Underline this link while the mouse is over it."""
        if self._rows.hover(link):
            self.refresh()

    def compose(self, preedit: Preedit) -> None:
        """Show what an input method composes; an empty one ends it."""
        self._cursor.compose(preedit)
        self.update_all()
        self.caretMoved.emit()

    def update_all(self) -> None:
        self._viewport.update()

    def update_cursor(self) -> None:
        self._viewport.update(self._cursor.rect)

    def _update_blinking(self) -> None:
        cells, width = self._appearance.cells, self._viewport.width()
        for row in self._rows.blinking:
            self._viewport.update(cells.band(row, width))

    # -- painting

    def paint(self, painter: QPainter, area: QRect) -> None:
        """What lies in ``area`` of the viewport, onto whatever ``painter`` paints on."""
        rows, cells = self._appearance.painter, self._appearance.cells
        first, last = cells.rows_of(area)
        last = min(last, len(self._rows.shown))
        rows.begin(last - first)
        painter.save()
        # Whole device pixels from here on: rows meet without a seam at any scale.
        painter.scale(1 / cells.ratio, 1 / cells.ratio)
        sheet = device = cells.device_rect(area)
        if not self._viewed.is_own:
            sheet = self._sheet() & device
            self._paint_outside(painter, device)
        if not sheet.isEmpty():
            self._paint_rows(painter, sheet, first, last)
        self._cursor.paint(painter)
        painter.restore()
        if self._program.ended:
            painter.fillRect(area, dimmed(rows.theme))
        if self._flash.on:
            color = QColor.fromRgb(rows.theme.foreground)
            color.setAlpha(FLASH_ALPHA)
            painter.fillRect(area, color)

    def _sheet(self) -> QRect:
        """The terminal with the space around it, in device pixels.

        It leaves something of the viewport where a shell's terminal is smaller.
        """
        cells, viewed = self._appearance.cells, self._viewed
        whole = cells.device_rect(self._viewport.rect())
        size = cells.fitting(self._viewport.size())
        end = cells.corner(viewed.rows, cells.left + viewed.columns)
        start = cells.corner(0, cells.left)
        # What is less than a cell is no difference in size.
        if viewed.columns < size[0]:
            whole.setWidth(end.x() + start.x())
        if viewed.rows < size[1]:
            whole.setHeight(end.y() + start.y())
        return whole

    def _paint_outside(self, painter: QPainter, area: QRect) -> None:
        """Beside a terminal that is smaller than the viewport; in device pixels."""
        theme, line = self._appearance.painter.theme, self._appearance.painter.grid.line
        quiet = QColor.fromRgb(mix(theme.background, theme.foreground, OUTSIDE))
        edge = QColor.fromRgb(mix(theme.background, theme.foreground, EDGE))
        sheet = self._sheet()
        width, height = sheet.width(), sheet.height()
        end = area.left() + area.width(), area.top() + area.height()
        for rect, color in (
            (QRect(width, 0, end[0] - width, end[1]), quiet),
            (QRect(0, height, width, end[1] - height), quiet),
            (QRect(width, 0, line, height), edge),
            (QRect(0, height, width + line, line), edge),
        ):
            painter.fillRect(rect & area, color)

    def _paint_rows(self, painter: QPainter, area: QRect, first: int, last: int) -> None:
        """Rows first..last-1, and background where there are none; in device pixels.

        No pixel is painted twice: a screen is many megabytes of them.
        """
        rows, cells = self._appearance.painter, self._appearance.cells
        background = QColor.fromRgb(rows.theme.background)
        columns, height = self._viewed.terminal.cols, rows.grid.height
        origin = cells.corner(0, cells.left).x()
        left, right = area.left(), area.left() + area.width()
        # The rows' own part of the area is filled row by row, right of their pixmaps.
        top, bottom = origin + first * height, origin + max(first, last) * height
        above, below = top - area.top(), area.top() + area.height() - bottom
        painter.fillRect(left, area.top(), right - left, max(above, 0), background)
        painter.fillRect(left, top, max(origin - left, 0), bottom - top, background)
        painter.fillRect(left, bottom, right - left, max(below, 0), background)
        draw, fill, pixmap_of = painter.drawPixmap, painter.fillRect, rows.row
        shown = self._rows.shown
        hidden = () if self._text_blink.on else self._rows.blinking
        # Of a row that is wider than the view, a part is drawn.
        cut, room = cells.left * rows.grid.width, self._viewed.columns * rows.grid.width
        cropped = self._viewed.columns < columns
        # Rows of one width have one piece of background right of them.
        edge, since, y = origin, top, top
        for row in range(first, last):
            _, line, marks = shown[row]
            start = origin
            if line.runs or marks:
                pixmap = pixmap_of(line, columns, marks, blinked=row in hidden)
                width = pixmap.width()
                if cropped:
                    width = max(0, min(width - cut, room))
                    draw(origin, y, pixmap, cut, 0, width, height)
                else:
                    draw(origin, y, pixmap)
                start += width
            if start != edge:
                fill(edge, since, max(right - edge, 0), y - since, background)
                edge, since = start, y
            y += height
        fill(edge, since, max(right - edge, 0), y - since, background)
