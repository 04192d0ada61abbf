"""The terminal people use: keys, mouse, selection, clipboard and menu on a TerminalView.

Owns how a person's acts become bytes or selections. Does not own what is seen
(view), nor where ``typed`` goes.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QClipboard,
    QContextMenuEvent,
    QGuiApplication,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from gui.terminal import keys, mouse, paste, shortcuts
from gui.terminal.keys import Modifiers
from gui.terminal.selection import Place, Unit
from gui.terminal.view import TerminalView

AUTO_SCROLL_MS = 40
_MOD = Qt.KeyboardModifier


class TerminalWidget(TerminalView):
    """A whole terminal. What a person types or pastes leaves as ``typed(bytes)``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setFocusProxy(self)
        self.viewport().setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
        self.setAttribute(Qt.WidgetAttribute.WA_KeyCompression, False)
        self.setAccessibleName("Terminal")
        self.question: QMessageBox | None = None
        """The open question whether several lines shall be pasted."""
        self._wheel = mouse.Wheel()
        self._reporter = mouse.Reporter(self.terminal)
        self._clicks = 0
        self._click_place: QPointF | None = None
        self._selecting = False
        self._drag_position = QPointF()
        self._click_timer = self._single_shot(self._forget_clicks)
        self._auto_scroll = QTimer(self)
        self._auto_scroll.setInterval(AUTO_SCROLL_MS)
        self._auto_scroll.timeout.connect(self._drag_on)
        self._actions = self._make_actions()

    # -- actions

    def _make_actions(self) -> dict[str, QAction]:
        actions: dict[str, QAction] = {}
        for name, text, shortcut, slot in (
            ("copy", "&Copy", shortcuts.COPY, self.copy),
            ("paste", "&Paste", shortcuts.PASTE, self.paste),
            ("select_all", "Select &All", shortcuts.SELECT_ALL, self.select_all),
            ("clear", "Clear Sc&rollback", shortcuts.CLEAR_SCROLLBACK, self.clear_scrollback),
        ):
            action = QAction(text, self)
            action.setShortcut(shortcut)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setShortcutVisibleInContextMenu(True)
            action.triggered.connect(slot)
            self.addAction(action)
            actions[name] = action
        return actions

    def context_menu(self) -> QMenu:
        """The right-click menu; the caller opens it, it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions["copy"].setEnabled(self.selection.range is not None)
        self._actions["paste"].setEnabled(not self.ended)
        menu.addAction(self._actions["copy"])
        menu.addAction(self._actions["paste"])
        menu.addSeparator()
        menu.addAction(self._actions["select_all"])
        menu.addAction(self._actions["clear"])
        # Once it is closed the shortcuts act again, selection or not.
        menu.aboutToHide.connect(self._enable_actions)
        return menu

    def _enable_actions(self) -> None:
        for action in self._actions.values():
            action.setEnabled(True)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._is_for_program(event.modifiers()):
            return
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        here = self.cursor_point() if by_key else event.pos()
        self.context_menu().popup(self.viewport().mapToGlobal(here))

    # -- clipboard

    def selected_text(self) -> str:
        return self.selection.text()

    def copy(self) -> None:
        """The selection to the clipboard; without one the clipboard stays as it is."""
        if text := self.selected_text():
            QGuiApplication.clipboard().setText(text)

    def select_all(self) -> None:
        self.selection.all()
        self._selected()

    def paste(self) -> None:
        self.paste_text(QGuiApplication.clipboard().text())

    def paste_text(self, text: str) -> None:
        """Send text as a paste, asking first when a shell would run it line by line."""
        cleaned = paste.clean(text)
        if not cleaned or self.ended:
            return
        if paste.is_multiline(cleaned) and not self.terminal.bracketed_paste:
            self._ask_to_paste(cleaned)
        else:
            self._send_paste(cleaned)

    def _send_paste(self, cleaned: str) -> None:
        self._send(paste.encode(cleaned, bracketed=self.terminal.bracketed_paste))

    def _ask_to_paste(self, cleaned: str) -> None:
        lines = paste.line_count(cleaned)
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Paste")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"Paste {lines} lines?" if lines > 1 else "Paste a line and press Enter?")
        box.setInformativeText("A shell runs each line as soon as it gets it.")
        accept = box.addButton("Paste", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(accept)
        box.accepted.connect(lambda: self._send_paste(cleaned))
        box.finished.connect(lambda _: self._answered(box))
        if self.question is not None:
            self.question.reject()
        self.question = box
        # open(), not exec(): a nested event loop would stop the engine's coroutines.
        box.open()

    def _answered(self, box: QMessageBox) -> None:
        if self.question is box:
            self.question = None

    # -- keys

    def event(self, event: QEvent) -> bool:
        # A shell needs nearly every key; what the window may have is listed.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and not self.ended
            and not shortcuts.is_for_window(event)
            and self._encoded(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab is a key of the shell's."""
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        points, pages = shortcuts.zoom(event), shortcuts.pages(event)
        if pages:
            self.scroll_lines(pages * max(1, self.terminal.rows - 1))
        elif points is not None:
            self.zoom(points)
        elif (
            not shortcuts.is_for_window(event) and (data := self._encoded(event)) and not self.ended
        ):
            self._send(data)
        else:
            event.ignore()

    def _encoded(self, event: QKeyEvent) -> bytes:
        return keys.encode(
            event.key(),
            event.text(),
            Modifiers.of(event.modifiers()),
            application_cursor=self.terminal.application_cursor,
        )

    def _send(self, data: bytes) -> None:
        """Someone typed: back to the newest line, and out with it."""
        if self.ended:
            return
        self.scroll_to_bottom()
        self.selection.clear()
        self._update_changed()
        self._cursor_blink.restart()
        self.typed.emit(data)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._preedit = "".join(filter(str.isprintable, event.preeditString()))
        if event.commitString():
            self._send(paste.clean(event.commitString()).encode())
        self.viewport().update()
        event.accept()

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        match query:
            case Qt.InputMethodQuery.ImEnabled:
                return not self.ended
            case Qt.InputMethodQuery.ImCursorRectangle:
                corner = self.viewport().pos()
                return QRectF(self._cursor_rect).translated(corner)
            case Qt.InputMethodQuery.ImHints:
                hints = Qt.InputMethodHint
                return hints.ImhNoPredictiveText | hints.ImhNoAutoUppercase
        return super().inputMethodQuery(query)

    def _focus_changed(self, focused: bool) -> None:
        super()._focus_changed(focused)
        if self.terminal.focus_reports and not self.ended:
            self.typed.emit(b"\x1b[I" if focused else b"\x1b[O")

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._report(mouse.Action.PRESS, event):
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._press(event.position(), bool(event.modifiers() & _MOD.ShiftModifier))
        elif event.button() == Qt.MouseButton.MiddleButton:
            clipboard = QGuiApplication.clipboard()
            if clipboard.supportsSelection():
                self.paste_text(clipboard.text(QClipboard.Mode.Selection))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def _press(self, position: QPointF, extend: bool) -> None:
        near = self._click_place is not None and (
            (position - self._click_place).manhattanLength()
            < QGuiApplication.styleHints().startDragDistance()
        )
        self._clicks = self._clicks % 3 + 1 if near else 1
        self._click_place = position
        self._click_timer.start(QGuiApplication.styleHints().mouseDoubleClickInterval())
        self._selecting = True
        self._drag_position = position
        unit = Unit(self._clicks)
        if extend and self._clicks == 1:
            self.selection.extend(self._place(position, Unit.CHARACTER))
        else:
            self.selection.start(self._place(position, unit), unit)
        self._update_changed()

    def _forget_clicks(self) -> None:
        self._clicks, self._click_place = 0, None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._report(mouse.Action.MOVE, event) or not self._selecting:
            return
        self._drag_position = event.position()
        outside = self._lines_outside()
        if outside and not self._auto_scroll.isActive():
            self._auto_scroll.start()
        elif not outside:
            self._auto_scroll.stop()
        self._extend()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._selecting:
            self._selecting = False
            self._auto_scroll.stop()
            self._selected()
        else:
            self._report(mouse.Action.RELEASE, event)

    def _extend(self) -> None:
        unit = Unit(max(1, self._clicks))
        self.selection.extend(self._place(self._drag_position, unit))
        self._update_changed()

    def _selected(self) -> None:
        self._update_changed()
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection() and (text := self.selected_text()):
            clipboard.setText(text, QClipboard.Mode.Selection)

    def _lines_outside(self) -> int:
        """How far a drag has left the grid, as lines to scroll."""
        row, _ = self.cell_at(self._drag_position)
        return min(row, 0) + max(row - self.terminal.rows + 1, 0)

    def _drag_on(self) -> None:
        self.scroll_lines(self._lines_outside())
        self._extend()

    def _place(self, position: QPointF, unit: Unit) -> Place:
        row, column = self.cell_at(position)
        row = min(max(row, 0), self.terminal.rows - 1)
        column = min(max(column, 0.0), float(self.terminal.cols))
        # A character is taken once its middle is passed, a word where it is touched.
        boundary = round(column) if unit is Unit.CHARACTER else int(column)
        return Place(self._top + row, boundary)

    def _is_for_program(self, held: Qt.KeyboardModifier) -> bool:
        return not self.ended and self._reporter.wanted(held)

    def _report(self, action: mouse.Action, event: QMouseEvent) -> bool:
        """Tell the program about the mouse; False when that is not what it is for."""
        if self._selecting or not self._is_for_program(event.modifiers()):
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
        row, column = self.cell_at(position)
        row = min(max(row, 0), self.terminal.rows - 1)
        inside = min(max(int(column), 0), self.terminal.cols - 1)
        known = Modifiers.of(held)
        data = self._reporter.report(action, button, row, inside, alt=known.alt, ctrl=known.ctrl)
        if data:
            self.typed.emit(data)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & _MOD.ControlModifier:
            self.zoom(1.0 if event.angleDelta().y() > 0 else -1.0)
        elif lines := self._wheel.lines(event.pixelDelta(), event.angleDelta(), self.cell_size[1]):
            self._wheel_by(lines, event)
        event.accept()

    def _wheel_by(self, lines: int, event: QWheelEvent) -> None:
        if self._is_for_program(event.modifiers()):
            button = mouse.Button.WHEEL_UP if lines > 0 else mouse.Button.WHEEL_DOWN
            for _ in range(max(1, abs(lines) // mouse.WHEEL_LINES)):
                self._tell(mouse.Action.PRESS, button, event.position(), event.modifiers())
        elif self.terminal.alternate_screen and not self.ended:
            key = Qt.Key.Key_Up if lines > 0 else Qt.Key.Key_Down
            application = self.terminal.application_cursor
            step = keys.encode(key, "", Modifiers(), application_cursor=application)
            self.typed.emit(step * abs(lines))
        else:
            self.scroll_lines(-lines)
