"""What a user does with the widget and sees of it: sizes, clicks, drags, the wheel, colors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from gui.terminal.view.cells import PADDING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
CTRL_SHIFT = CTRL | SHIFT
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
LINES = b"".join(b"line %d\r\n" % n for n in range(100)) + b"end"


def sized(widget: TerminalWidget, cols: int, rows: int) -> None:
    """Make the widget fit exactly ``cols`` by ``rows`` cells."""
    width, height = widget.cell_size
    bar = widget.verticalScrollBar().sizeHint().width()
    widget.resize(int(cols * width) + 2 * PADDING + bar + 2, int(rows * height) + 2 * PADDING + 2)


def show(qtbot: QtBot, widget: TerminalWidget, data: bytes | str) -> None:
    """Feed and wait until it has been dealt with."""
    data = data.encode() if isinstance(data, str) else data
    done = 0

    def count(some: int) -> None:
        nonlocal done
        done += some

    widget.rendered.connect(count)
    widget.feed(data)
    qtbot.waitUntil(lambda: done >= len(data))
    widget.rendered.disconnect(count)


def cell(widget: TerminalWidget, row: int, column: float) -> QPoint:
    """The middle of a cell, or with .0 its left edge plus one pixel."""
    rect = widget.appearance.cells.rect(row, 0)
    x = PADDING + column * rect.width()
    return QPoint(int(x) + 1, int(rect.center().y()))


def drag(
    qtbot: QtBot,
    widget: TerminalWidget,
    start: QPoint,
    end: QPoint,
    held: Qt.KeyboardModifier = NONE,
) -> None:
    qtbot.mousePress(widget.viewport(), LEFT, held, pos=start)
    qtbot.mouseMove(widget.viewport(), end)
    move_held(widget, end)
    qtbot.mouseRelease(widget.viewport(), LEFT, pos=end)


def move_held(widget: TerminalWidget, to: QPoint) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(to), QPointF(to), Qt.MouseButton.NoButton, LEFT, NONE
    )
    QCoreApplication.sendEvent(widget.viewport(), event)


def wheel(
    widget: TerminalWidget, angle: int = 0, pixels: int = 0, held: Qt.KeyboardModifier = NONE
) -> None:
    at = QPointF(50, 50)
    event = QWheelEvent(
        at, at, QPoint(0, pixels), QPoint(0, angle), Qt.MouseButton.NoButton, held,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QCoreApplication.sendEvent(widget.viewport(), event)


def colors(widget: TerminalWidget, row: int, column: int, cells: int = 1) -> set[int]:
    """All colors in a cell as it is painted."""
    image = widget.viewport().grab().toImage()
    rect = widget.appearance.cells.rect(row, column, cells).toRect()
    ratio = image.devicePixelRatio()
    return {
        image.pixel(x, y) & 0xFFFFFF
        for x in range(int(rect.left() * ratio), int((rect.right() + 1) * ratio))
        for y in range(int(rect.top() * ratio), int((rect.bottom() + 1) * ratio))
    }
