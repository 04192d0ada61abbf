"""The terminal people use: keys, commands, menu and settings on a TerminalView.

Owns how keys become bytes or commands, and joins the parts that deal with the
mouse (pointer), the clipboard, links (hover) and finding (find_bar). Does not
own what is seen (view), nor where ``typed`` goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu

from engine.emulator import CursorShape
from gui.terminal.host import WindowHost
from gui.terminal.input import keys, paste, shortcuts
from gui.terminal.input.keypress import KeyModes, KeyPress
from gui.terminal.input.preedit import Preedit
from gui.terminal.text.selection import Place
from gui.terminal.view.clipboard import Clipboard
from gui.terminal.view.find_bar import FindBar
from gui.terminal.view.hover import Hover
from gui.terminal.view.pointer import Pointer
from gui.terminal.view.view import TerminalView

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from engine.core.settings import UiSettings
    from gui.terminal.paint.theme import Theme

MAX_FIND = 200
"""Characters of a selection that the find bar begins with."""


class TerminalWidget(TerminalView):
    """A whole terminal. What a person types or pastes leaves as ``typed(bytes)``."""

    notified = Signal(str, str)
    """A program's note (OSC 9, 777): title, which may be "", and text."""

    def __init__(self, parent: QWidget | None = None, *, scrollback: int | None = None) -> None:
        super().__init__(parent, scrollback=scrollback)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setFocusProxy(self)
        self.viewport().setMouseTracking(True)
        self.viewport().setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
        self.setAttribute(Qt.WidgetAttribute.WA_KeyCompression, False)
        self.setAccessibleName("Terminal")
        self.host = WindowHost(self.notified.emit)
        self.terminal.host = self.host
        self.clipboard = Clipboard(self, self._send)
        self.hover = Hover(self)
        self.pointer = Pointer(self, self.clipboard, self.hover)
        self.viewport().installEventFilter(self.pointer)
        self.find_bar = FindBar(self.finder, self.viewport())
        self.find_bar.stepped.connect(self.step_match)
        self.find_bar.settled.connect(self._show_first_match)
        self.find_bar.closed.connect(self._close_find)
        self._actions = self._make_actions()
        self._theme_told()

    def apply(self, ui: UiSettings) -> None:
        """What the person set; font and theme apart, which the window knows."""
        self.set_contrast(ui.contrast)
        self.terminal.set_cursor_default(CursorShape(ui.cursor_shape), blink=ui.cursor_blink)
        self.flashes = ui.visual_bell
        self.selection.word_signs = ui.word_signs
        self.clipboard.warns = ui.paste_warning
        self.clipboard.copies_on_select = ui.copy_on_select
        self.host.may_write_clipboard = ui.clipboard_write
        self.host.may_notify = ui.notifications
        self.refresh()

    # -- commands and menu

    def _make_actions(self) -> dict[str, QAction]:
        actions: dict[str, QAction] = {}
        for name, text, shortcut, slot in (
            ("open_link", "&Open Link", None, self._open_link),
            ("copy_link", "Copy &Link Address", None, self._copy_link),
            ("copy", "&Copy", shortcuts.COPY, self.copy),
            ("copy_html", "Copy as &HTML", None, self.copy_html),
            ("paste", "&Paste", shortcuts.PASTE, self.paste),
            ("select_all", "Select &All", shortcuts.SELECT_ALL, self.select_all),
            ("find", "&Find…", shortcuts.FIND, self.open_find),
            ("previous_prompt", "Pre&vious Prompt", shortcuts.PREVIOUS_PROMPT, None),
            ("next_prompt", "&Next Prompt", shortcuts.NEXT_PROMPT, None),
            ("clear", "Clear Sc&rollback", shortcuts.CLEAR_SCROLLBACK, self.clear_scrollback),
            ("reset", "Reset &Terminal", None, self.reset),
        ):
            action = QAction(text, self)
            action.setShortcutVisibleInContextMenu(True)
            if shortcut is not None:
                action.setShortcut(shortcut)
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if slot is not None:
                action.triggered.connect(slot)
            self.addAction(action)
            actions[name] = action
        actions["previous_prompt"].triggered.connect(lambda: self.step_prompt(-1))
        actions["next_prompt"].triggered.connect(lambda: self.step_prompt(1))
        return actions

    def context_menu(self, position: QPoint | None = None) -> QMenu:
        """The right-click menu; the caller opens it, it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        actions, selected = self._actions, self.selection.range is not None
        link = self.hover.link_at(position.toPointF()) if position is not None else None
        self._link_address = link.uri if link is not None else ""
        if link is not None:
            menu.addActions([actions["open_link"], actions["copy_link"]])
            menu.addSeparator()
        for name in ("copy", "copy_html"):
            actions[name].setEnabled(selected)
        actions["paste"].setEnabled(not self.ended)
        has_prompts = bool(self.terminal.prompts())
        for name in ("previous_prompt", "next_prompt"):
            actions[name].setEnabled(has_prompts)
        for group in (
            ("copy", "copy_html", "paste"),
            ("select_all", "find"),
            ("previous_prompt", "next_prompt"),
            ("clear", "reset"),
        ):
            menu.addActions([actions[name] for name in group])
            menu.addSeparator()
        # Once it is closed the shortcuts act again, selection or not.
        menu.aboutToHide.connect(self._enable_actions)
        return menu

    def _enable_actions(self) -> None:
        for action in self._actions.values():
            action.setEnabled(True)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        if not by_key and self.pointer.is_for_program(event.modifiers()):
            return
        here = self.cursor_point() if by_key else event.pos()
        self.context_menu(here).popup(self.viewport().mapToGlobal(here))

    def _open_link(self) -> None:
        self.hover.open(self._link_address)

    def _copy_link(self) -> None:
        QGuiApplication.clipboard().setText(self._link_address)

    # -- selection and clipboard

    def selected_text(self) -> str:
        return self.selection.text()

    def copy(self) -> None:
        """The selection to the clipboard; without one the clipboard stays as it is."""
        self.clipboard.copy()

    def copy_html(self) -> None:
        """The selection to the clipboard with its colours."""
        self.clipboard.copy_html()

    def paste(self) -> None:
        self.clipboard.paste()

    def paste_text(self, text: str) -> None:
        """Send text as a paste, asking first when a shell would run it line by line."""
        self.clipboard.paste_text(text)

    def select_all(self) -> None:
        self.selection.all()
        self.refresh()
        self.clipboard.selected()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.clipboard.takes(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self.clipboard.takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.clipboard.drop(event.mimeData())
        event.acceptProposedAction()

    # -- finding

    def open_find(self) -> None:
        """The find bar, beginning with the selection when that is a piece of a line."""
        text = self.selected_text()
        self.find_bar.open_bar(text if len(text) <= MAX_FIND and "\n" not in text else "")

    def step_match(self, by: int) -> None:
        """Show the next (1) or previous (-1) match."""
        match = self.finder.step(by, Place(self.top + self.terminal.rows, 0))
        if match is not None:
            self.reveal(match.start.line)
        self.refresh()

    def _show_first_match(self) -> None:
        """What was typed has been found: the match nearest above the view's end."""
        if self.finder.current is None and self.finder.count:
            self.step_match(-1)

    def take_focus(self) -> None:
        """Take the keyboard where it was last: in the find bar or in the terminal."""
        (self.find_bar if self.find_bar.typed_into else self).setFocus(
            Qt.FocusReason.OtherFocusReason
        )

    def _close_find(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self.find_bar.isHidden():
            self.find_bar.place()

    def use_theme(self, theme: Theme) -> None:
        super().use_theme(theme)
        self._theme_told()

    def grid_changed(self) -> None:
        super().grid_changed()
        self._theme_told()

    def _theme_told(self) -> None:
        """The parts that lie over the grid, and the answers to programs, follow the theme."""
        theme = self.theme
        self.find_bar.set_theme(theme)
        self.terminal.set_theme(theme.foreground, theme.background, theme.cursor, theme.palette)
        self.host.shown(self.cell_size, self.devicePixelRatioF(), dark=theme.dark)

    # -- keys

    def event(self, event: QEvent) -> bool:
        # A shell needs nearly every key; what the window may have is listed.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and not self.ended
            and not shortcuts.is_for_window(event)
            and not self._commanded(event)
            and keys.encode(KeyPress.of(event), self.key_modes)
        ):
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab is a key of the shell's."""
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.hover.modifiers_changed(event.modifiers())
        points = shortcuts.zoom(event)
        if points is not None:
            self.zoom(points)
        elif self._scrolls(event):
            self._scroll_by_key(event)
        elif shortcuts.is_for_window(event) or not self._tell(event):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self.hover.modifiers_changed(event.modifiers())
        # Told only to programs that asked for it (the kitty protocol).
        if event.isAutoRepeat() or shortcuts.is_for_window(event) or not self._tell(event):
            event.ignore()

    def _scrolls(self, event: QKeyEvent) -> bool:
        """Whether a key scrolls; on the alternate screen there is nothing to scroll."""
        scrolls = shortcuts.pages(event) or shortcuts.ends(event)
        return bool(scrolls) and not self.terminal.alternate_screen

    def _commanded(self, event: QKeyEvent) -> bool:
        """Whether a key jumps to a prompt: where none is marked it is the program's."""
        return bool(shortcuts.prompts(event)) and bool(self.terminal.prompts())

    def _scroll_by_key(self, event: QKeyEvent) -> None:
        if end := shortcuts.ends(event):
            self.scroll_to_top() if end < 0 else self.scroll_to_bottom()
        else:
            self.scroll_lines(shortcuts.pages(event) * max(1, self.terminal.rows - 1))

    def _tell(self, event: QKeyEvent) -> bool:
        """Send what the key sends; False when that is nothing."""
        press = KeyPress.of(event)
        data = keys.encode(press, self.key_modes)
        if not data or self.ended:
            return False
        if event.type() == QEvent.Type.KeyRelease or keys.is_modifier(press):
            self.typed.emit(data)
        else:
            self._send(data)
        return True

    @property
    def key_modes(self) -> KeyModes:
        """What the program set that changes what keys send."""
        terminal = self.terminal
        return KeyModes(
            application_cursor=terminal.application_cursor,
            application_keypad=terminal.application_keypad,
            backspace_is_bs=terminal.backarrow_sends_backspace,
            new_line=terminal.enter_sends_newline,
            alt_sends_escape=terminal.alt_sends_escape,
            modify_other_keys=terminal.modify_other_keys,
            format_other_keys=terminal.format_other_keys,
            kitty=terminal.keyboard,
        )

    def _send(self, data: bytes) -> None:
        """Someone typed: back to the newest line, and out with it."""
        if self.ended:
            return
        self.scroll_to_bottom()
        self.selection.clear()
        self.cursor_typed()
        self.refresh()
        self.typed.emit(data)

    # -- input methods

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self.set_preedit(Preedit() if self.ended else Preedit.of(event))
        if event.commitString():
            self._send(paste.clean(event.commitString()).encode("utf-8", "replace"))
        event.accept()

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        match query:
            case Qt.InputMethodQuery.ImEnabled:
                return not self.ended
            case Qt.InputMethodQuery.ImCursorRectangle:
                return QRectF(self.caret_rect).translated(self.viewport().pos())
            case Qt.InputMethodQuery.ImHints:
                hints = Qt.InputMethodHint
                return hints.ImhNoPredictiveText | hints.ImhNoAutoUppercase
        return super().inputMethodQuery(query)

    def _focus_changed(self, focused: bool) -> None:
        super()._focus_changed(focused)
        if focused:
            self.find_bar.left()
        if self.terminal.focus_reports and not self.ended:
            self.typed.emit(b"\x1b[I" if focused else b"\x1b[O")

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.pointer.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pointer.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.pointer.wheel(event)
        event.accept()
