"""What the mouse does: selecting, telling programs, scrolling, following links.

Owns clicks, drags and the wheel. Does not own what is selected (selection), how
programs are told (mouse), nor judging a link (links).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from gui.terminal.input import keys, mouse
from gui.terminal.input.keypress import KeyModes, KeyPress, Modifiers
from gui.terminal.text.selection import Place, Unit

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QWheelEvent

    from gui.terminal.view.clipboard import Clipboard
    from gui.terminal.view.hover import Hover
    from gui.terminal.view.view import TerminalView

AUTO_SCROLL_MS = 40
_MOD = Qt.KeyboardModifier


class Pointer(QObject):
    """The mouse over one view."""

    def __init__(self, view: TerminalView, clipboard: Clipboard, hover: Hover) -> None:
        super().__init__(view)
        self._view = view
        self._clipboard = clipboard
        self._hover = hover
        self._wheel, self._side_wheel = mouse.Wheel(), mouse.Wheel()
        self._reporter = mouse.Reporter(view.terminal)
        self._clicks = 0
        self._click_place: QPointF | None = None
        self._selecting = False
        self._drag_position = QPointF()
        self._click_timer = QTimer(self)
        self._click_timer.setSingleShot(True)
        self._click_timer.timeout.connect(self._forget_clicks)
        self.auto_scroll = QTimer(self)
        self.auto_scroll.setInterval(AUTO_SCROLL_MS)
        self.auto_scroll.timeout.connect(self._drag_on)

    def is_for_program(self, held: Qt.KeyboardModifier) -> bool:
        """Whether the program has the mouse."""
        return not self._view.ended and self._reporter.wanted(held)

    # -- buttons

    def press(self, event: QMouseEvent) -> None:
        if self._report(mouse.Action.PRESS, event):
            return
        held = event.modifiers()
        if event.button() == Qt.MouseButton.LeftButton:
            if held & _MOD.ControlModifier and self._hover.press(event.position()):
                return
            self._press(event.position(), held)
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._clipboard.paste_primary()

    def _press(self, position: QPointF, held: Qt.KeyboardModifier) -> None:
        near = self._click_place is not None and (
            (position - self._click_place).manhattanLength()
            < QGuiApplication.styleHints().startDragDistance()
        )
        extend = bool(held & _MOD.ShiftModifier)
        self._clicks = self._clicks % 3 + 1 if near and not extend else 1
        self._click_place = position
        self._click_timer.start(QGuiApplication.styleHints().mouseDoubleClickInterval())
        self._selecting = True
        self._drag_position = position
        unit = Unit(self._clicks)
        selection = self._view.selection
        if extend:
            selection.extend(self._place(position, Unit.CHARACTER))
        else:
            rectangular = bool(held & _MOD.AltModifier)
            selection.start(self._place(position, unit), unit, rectangular=rectangular)
        self._view.refresh()

    def _forget_clicks(self) -> None:
        self._clicks, self._click_place = 0, None

    def move(self, event: QMouseEvent) -> None:
        if self._report(mouse.Action.MOVE, event):
            self._hover.leave()
            return
        if not self._selecting:
            self._hover.move(event.position(), event.modifiers())
            return
        self._drag_position = event.position()
        outside = self._lines_outside()
        if outside and not self.auto_scroll.isActive():
            self.auto_scroll.start()
        elif not outside:
            self.auto_scroll.stop()
        self._extend()

    def release(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._selecting:
            self._selecting = False
            self.auto_scroll.stop()
            self._view.refresh()
            self._clipboard.selected()
        elif not self._hover.release(event.position()):
            self._report(mouse.Action.RELEASE, event)

    def _extend(self) -> None:
        unit = Unit(max(1, self._clicks))
        self._view.selection.extend(self._place(self._drag_position, unit))
        self._view.refresh()

    def _lines_outside(self) -> int:
        """How far a drag has left the grid, as lines to scroll."""
        row, _ = self._view.cell_at(self._drag_position)
        return min(row, 0) + max(row - self._view.terminal.rows + 1, 0)

    def _drag_on(self) -> None:
        self._view.scroll_lines(self._lines_outside())
        self._extend()

    def _place(self, position: QPointF, unit: Unit) -> Place:
        view = self._view
        row, column = view.cell_at(position)
        row = min(max(row, 0), view.terminal.rows - 1)
        column = min(max(column, 0.0), float(view.terminal.cols))
        # A character is taken once its middle is passed, a word where it is touched.
        boundary = round(column) if unit is Unit.CHARACTER else int(column)
        return Place(view.top + row, boundary)

    # -- telling the program

    def _report(self, action: mouse.Action, event: QMouseEvent) -> bool:
        """Tell the program about the mouse; False when that is not what it is for."""
        if self._selecting or not self.is_for_program(event.modifiers()):
            return False
        held = event.buttons() if action is mouse.Action.MOVE else event.button()
        self._tell(action, mouse.button_of(held), event.position(), event.modifiers())
        return True

    def _tell(
        self,
        action: mouse.Action,
        button: mouse.Button,
        position: QPointF,
        held: Qt.KeyboardModifier,
    ) -> None:
        known = Modifiers.of(held)
        spot = self._spot(position)
        data = self._reporter.report(action, button, spot, alt=known.alt, ctrl=known.ctrl)
        if data:
            self._view.typed.emit(data)

    def _spot(self, position: QPointF) -> mouse.Spot:
        view = self._view
        place = view.place_at(position)
        ratio = view.painter.grid.ratio
        width, height = (
            view.terminal.cols * view.cell_size[0],
            view.terminal.rows * view.cell_size[1],
        )
        x = min(max(position.x() - view.origin, 0), width - 1 / ratio)
        y = min(max(position.y() - view.origin, 0), height - 1 / ratio)
        return mouse.Spot(place.column, place.line - view.top, int(x * ratio), int(y * ratio))

    # -- wheel

    def wheel(self, event: QWheelEvent) -> None:
        held = event.modifiers()
        pixels, angle = event.pixelDelta(), event.angleDelta()
        if held & _MOD.ControlModifier and not self.is_for_program(held):
            if angle.y():
                self._view.zoom(1.0 if angle.y() > 0 else -1.0)
            return
        height = self._view.cell_size[1]
        if lines := self._wheel.lines(pixels.y(), angle.y(), height):
            self._wheel_by(lines, event)
        if (columns := self._side_wheel.lines(pixels.x(), angle.x(), height)) and (
            self.is_for_program(held)
        ):
            left, right = mouse.Button.WHEEL_LEFT, mouse.Button.WHEEL_RIGHT
            self._tell_wheel(left if columns > 0 else right, abs(columns), event)

    def _wheel_by(self, lines: int, event: QWheelEvent) -> None:
        view = self._view
        if self.is_for_program(event.modifiers()):
            up, down = mouse.Button.WHEEL_UP, mouse.Button.WHEEL_DOWN
            self._tell_wheel(up if lines > 0 else down, abs(lines), event)
        elif view.terminal.alternate_screen and view.terminal.alternate_scroll and not view.ended:
            key = Qt.Key.Key_Up if lines > 0 else Qt.Key.Key_Down
            modes = KeyModes(application_cursor=view.terminal.application_cursor)
            view.typed.emit(keys.encode(KeyPress(key), modes) * abs(lines))
        else:
            view.scroll_lines(-lines)

    def _tell_wheel(self, button: mouse.Button, lines: int, event: QWheelEvent) -> None:
        for _ in range(max(1, lines // mouse.WHEEL_LINES)):
            self._tell(mouse.Action.PRESS, button, event.position(), event.modifiers())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The mouse left the view."""
        if event.type() == QEvent.Type.Leave:
            self._hover.leave()
        return False
