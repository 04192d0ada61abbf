"""A QR code as a widget: a text, such as a link, for a phone's camera.

Dark on light in every theme, as cameras expect.
"""

from __future__ import annotations

import segno
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

QUIET = 4
"""Modules of light around the code (ISO/IEC 18004, 6.3.8)."""
SIZE = 200
"""Least width and height in pixels: four or more to a module of a link's code."""


def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """Rows of modules, True where dark, without the quiet zone. Raises ValueError if too long."""
    code = segno.make(text, error="m", micro=False)
    return tuple(tuple(bool(module) for module in row) for row in code.matrix)


class QrCode(QWidget):
    """Empty until it is given a text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[bool, ...], ...] = ()
        self.setMinimumSize(SIZE, SIZE)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str, description: str) -> None:
        """``description`` is for screen readers; an empty text shows nothing."""
        self._rows = modules(text) if text else ()
        self.setAccessibleName(description)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(SIZE, SIZE)

    def paintEvent(self, _event: object) -> None:
        if not self._rows:
            return
        count = len(self._rows) + 2 * QUIET
        # Whole pixels, or the edges blur. A scaled screen's own pixels are finer still.
        scale = max(1, min(self.width(), self.height()) // count)
        side = scale * count
        left, top = (self.width() - side) // 2, (self.height() - side) // 2
        painter = QPainter(self)
        painter.fillRect(left, top, side, side, QColor(Qt.GlobalColor.white))
        for y, row in enumerate(self._rows, start=QUIET):
            for x, dark in enumerate(row, start=QUIET):
                if dark:
                    at = QRect(left + x * scale, top + y * scale, scale, scale)
                    painter.fillRect(at, QColor(Qt.GlobalColor.black))
        painter.end()
