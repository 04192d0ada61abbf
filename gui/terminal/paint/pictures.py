"""A row's part of pictures.

One to one while a cell is as large as when the picture came, else scaled with the cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.emulator import Piece
    from gui.terminal.paint.grid import Grid

BYTES_PER_PIXEL = 4
FORMAT = QImage.Format.Format_RGBA8888_Premultiplied
"""Pixels are opaque or not there, so that multiplied or not is the same."""


def draw(painter: QPainter, grid: Grid, pieces: Iterable[Piece]) -> None:
    """On a row's pixmap, in device pixels. Dropped pictures leave their cells blank."""
    for piece in pieces:
        bitmap = piece.strip.picture.bitmap
        across, down = piece.strip.picture.cell
        left, top = piece.first * across, piece.strip.row * down
        width = min(piece.cells * across, bitmap.width - left)
        height = min(down, bitmap.height - top)
        if width <= 0 or height <= 0:
            continue
        # Of the strip alone: what is scaled does not run into its neighbours.
        pixels = bitmap.part(left, top, width, height)
        image = QImage(pixels, width, height, width * BYTES_PER_PIXEL, FORMAT)
        scaled = (grid.width, grid.height) != (across, down)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scaled)
        size = width * grid.width / across, height * grid.height / down
        target = QRectF(piece.column * grid.width, 0, *size)
        painter.drawImage(target, image, QRectF(image.rect()))
