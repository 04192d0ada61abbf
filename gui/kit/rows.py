"""List rows of two lines: a title with a muted line below, an icon, a note at the right.

A model provides them by the roles named here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QIcon
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from gui.kit.style import Tone

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QStyleOptionViewItem

    from gui.kit.style import Theme

Index = QModelIndex | QPersistentModelIndex

DETAIL_ROLE = Qt.ItemDataRole.UserRole + 1
"""The second line; "" makes the row one line high."""
NOTE_ROLE = Qt.ItemDataRole.UserRole + 2
"""A short text, or a QIcon, at the right edge."""
FADED_ROLE = Qt.ItemDataRole.UserRole + 3
"""True grays the title: the row cannot be used."""
HEADING_ROLE = Qt.ItemDataRole.UserRole + 4
"""True makes the row a heading: smaller, bold, muted."""

_MARGIN = 8
_ICON = 20
_PADDING = 4


class TwoLineDelegate(QStyledItemDelegate):
    """Paints with the theme's current colors."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = QFontMetrics(option.font).height()
        detail = index.data(DETAIL_ROLE)
        lines = line + (QFontMetrics(_small(option.font)).height() + 1 if detail else 0)
        if index.data(HEADING_ROLE):
            return QSize(80, line + 2 * _PADDING + 4)
        return QSize(120, max(lines, _ICON) + 2 * _PADDING)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        style = option.widget.style()
        style.drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        colors = self._theme.colors
        painter.save()
        area = option.rect.adjusted(_MARGIN, _PADDING, -_MARGIN, -_PADDING)
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            spot = QRect(area.left(), area.top(), _ICON, area.height())
            icon.paint(painter, spot, Qt.AlignmentFlag.AlignCenter)
            area.setLeft(area.left() + _ICON + _MARGIN)
        area = self._paint_note(painter, option, index, area)
        heading = bool(index.data(HEADING_ROLE))
        font = QFont(option.font)
        if heading:
            font = _small(font)
            font.setBold(True)
        tone = Tone.MUTED if heading or index.data(FADED_ROLE) else Tone.TEXT
        title = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        detail = str(index.data(DETAIL_ROLE) or "")
        small = _small(option.font)
        first, second = QFontMetrics(font), QFontMetrics(small)
        painter.setFont(font)
        painter.setPen(colors.tone(tone))
        height = first.height() + (second.height() + 1 if detail else 0)
        top = area.top() + (area.height() - height) // 2
        line = QRect(area.left(), top, area.width(), first.height())
        elide = Qt.TextElideMode.ElideRight
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(line, flags, first.elidedText(title, elide, line.width()))
        if detail:
            painter.setFont(small)
            painter.setPen(colors.tone(Tone.MUTED))
            line = QRect(area.left(), line.bottom() + 2, area.width(), second.height())
            painter.drawText(line, flags, second.elidedText(detail, elide, line.width()))
        painter.restore()

    def _paint_note(
        self, painter: QPainter, option: QStyleOptionViewItem, index: Index, area: QRect
    ) -> QRect:
        """Paint the note at the right; returns what remains of ``area``."""
        note = index.data(NOTE_ROLE)
        if isinstance(note, QIcon):
            spot = QRect(area.right() - 16, area.top(), 16, area.height())
            note.paint(painter, spot, Qt.AlignmentFlag.AlignCenter)
            return area.adjusted(0, 0, -16 - _MARGIN, 0)
        if not note:
            return area
        font = _small(option.font)
        width = QFontMetrics(font).horizontalAdvance(str(note)) + 2
        painter.setFont(font)
        painter.setPen(self._theme.colors.tone(Tone.MUTED))
        spot = QRect(area.right() - width, area.top(), width, area.height())
        painter.drawText(
            spot, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), str(note)
        )
        return area.adjusted(0, 0, -width - _MARGIN, 0)


def _small(font: QFont) -> QFont:
    smaller = QFont(font)
    if font.pointSizeF() > 0:
        smaller.setPointSizeF(font.pointSizeF() * 0.9)
    return smaller
