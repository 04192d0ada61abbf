"""What the mouse does: selecting, reporting to the program, scrolling, following links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from gui.terminal.input import keys, mouse
from gui.terminal.input.keypress import KeyModes, KeyPress, Modifiers
from gui.terminal.text.selection import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QMouseEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from gui.terminal.interaction.clipboard import Clipboard
    from gui.terminal.interaction.hover import Hover
    from gui.terminal.interaction.places import Places
    from gui.terminal.source import Viewed
    from gui.terminal.text.selection import Selection
    from gui.terminal.view.program import Program
    from gui.terminal.view.scrolling import Scrolling
    from gui.terminal.view.sideways import Sideways

AUTO_SCROLL_MS = 40
_MOD = Qt.KeyboardModifier


class Pointer(QObject):
    """The mouse over ``viewport``; its owner passes the events on.

    ``refresh`` shows a changed selection, ``zoom`` changes the font by so many points.
    """

    def __init__(
        self,
        viewed: Viewed,
        program: Program,
        places: Places,
        scrolling: Scrolling,
        sideways: Sideways,
        selection: Selection,
        clipboard: Clipboard,
        hover: Hover,
        *,
        refresh: Callable[[], None],
        zoom: Callable[[float], object],
        viewport: QWidget,
    ) -> None:
        super().__init__(viewport)
        viewport.installEventFilter(self)
        self._viewed = viewed
        self._program = program
        self._places = places
        self._scrolling = scrolling
        self._sideways = sideways
        self._selection = selection
        self._clipboard = clipboard
        self._hover = hover
        self._refresh = refresh
        self._zoom = zoom
        self._wheel, self._side_wheel = mouse.Wheel(), mouse.Wheel()
        self._reported_wheel = mouse.Wheel(mouse.WHEEL_LINES)
        self._reported_side_wheel = mouse.Wheel(mouse.WHEEL_LINES)
        self._reported = Qt.MouseButton.NoButton
        """Buttons whose press went to the program: their release goes there, too."""
        self._reporter = mouse.Reporter(viewed)
        self._clicks = 0
        self._click_place: QPointF | None = None
        self._selecting = False
        self._drag_position = QPointF()
        self._click_timer = QTimer(self)
        self._click_timer.setSingleShot(True)
        self._click_timer.timeout.connect(self._forget_clicks)
        self._auto_scroll = QTimer(self)
        self._auto_scroll.setInterval(AUTO_SCROLL_MS)
        self._auto_scroll.timeout.connect(self._continue_drag)

    @property
    def auto_scrolling(self) -> bool:
        """Whether a drag beyond the edge scrolls."""
        return self._auto_scroll.isActive()

    def is_for_program(self, held: Qt.KeyboardModifier) -> bool:
        """Whether the program has the mouse."""
        return self._program.accepts and self._reporter.wanted(held)

    # -- buttons

    def press(self, event: QMouseEvent) -> None:
        if self._report(mouse.Action.PRESS, event):
            self._reported |= event.button()
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
        if extend:
            self._selection.extend(self._places.boundary(position, Unit.CHARACTER))
        else:
            rectangular = bool(held & _MOD.AltModifier)
            place = self._places.boundary(position, unit)
            self._selection.start(place, unit, rectangular=rectangular)
        self._refresh()

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
        outside = self._places.lines_outside(self._drag_position) or (
            self._places.columns_outside(self._drag_position)
        )
        if outside and not self.auto_scrolling:
            self._auto_scroll.start()
        elif not outside:
            self._auto_scroll.stop()
        self._extend()

    def release(self, event: QMouseEvent) -> None:
        if self._reported & event.button():
            self._reported &= ~event.button()
            if self._program.accepts:
                self._report_event(mouse.Action.RELEASE, event)
        elif event.button() == Qt.MouseButton.LeftButton and self._selecting:
            self._selecting = False
            self._auto_scroll.stop()
            self._refresh()
            self._clipboard.selected()
        else:
            self._hover.release(event.position())

    def _extend(self) -> None:
        unit = Unit(max(1, self._clicks))
        self._selection.extend(self._places.boundary(self._drag_position, unit))
        self._refresh()

    def _continue_drag(self) -> None:
        self._scrolling.by(self._places.lines_outside(self._drag_position))
        self._sideways.by(self._places.columns_outside(self._drag_position))
        self._extend()

    # -- reporting to the program

    def _report(self, action: mouse.Action, event: QMouseEvent) -> bool:
        """Report to the program what the mouse does; False when the mouse is not the program's."""
        drags = action is mouse.Action.MOVE and bool(self._reported) and self._program.accepts
        if self._selecting or not (drags or self.is_for_program(event.modifiers())):
            return False
        self._report_event(action, event)
        return True

    def _report_event(self, action: mouse.Action, event: QMouseEvent) -> None:
        held = event.buttons() if action is mouse.Action.MOVE else event.button()
        self._send(action, mouse.button_of(held), event.position(), event.modifiers())

    def _send(
        self,
        action: mouse.Action,
        button: mouse.Button,
        position: QPointF,
        held: Qt.KeyboardModifier,
    ) -> None:
        known = Modifiers.of(held)
        spot = self._places.spot(position)
        data = self._reporter.report(action, button, spot, alt=known.alt, ctrl=known.ctrl)
        if data:
            self._program.send(data)

    # -- wheel

    def wheel(self, event: QWheelEvent) -> None:
        held = event.modifiers()
        pixels, angle = event.pixelDelta(), event.angleDelta()
        if held & _MOD.ControlModifier and not self.is_for_program(held):
            if angle.y():
                self._zoom(1.0 if angle.y() > 0 else -1.0)
            return
        height = self._places.row_height
        if self.is_for_program(held):
            if steps := self._reported_wheel.steps(pixels.y(), angle.y(), height):
                up, down = mouse.Button.WHEEL_UP, mouse.Button.WHEEL_DOWN
                self._send_wheel(up if steps > 0 else down, abs(steps), event)
            if steps := self._reported_side_wheel.steps(pixels.x(), angle.x(), height):
                left, right = mouse.Button.WHEEL_LEFT, mouse.Button.WHEEL_RIGHT
                self._send_wheel(left if steps > 0 else right, abs(steps), event)
            return
        if lines := self._wheel.steps(pixels.y(), angle.y(), height):
            self._wheel_by(lines)
        if columns := self._side_wheel.steps(pixels.x(), angle.x(), height):
            self._sideways.by(-columns)

    def _wheel_by(self, lines: int) -> None:
        terminal = self._viewed.terminal
        if terminal.alternate_screen and terminal.alternate_scroll and self._program.accepts:
            key = Qt.Key.Key_Up if lines > 0 else Qt.Key.Key_Down
            modes = KeyModes(application_cursor=terminal.application_cursor)
            self._program.send(keys.encode(KeyPress(key), modes) * abs(lines))
        else:
            self._scrolling.by(-lines)

    def _send_wheel(self, button: mouse.Button, steps: int, event: QWheelEvent) -> None:
        for _ in range(steps):
            self._send(mouse.Action.PRESS, button, event.position(), event.modifiers())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The mouse may have left the viewport."""
        if event.type() == QEvent.Type.Leave:
            self._hover.leave()
        return False
