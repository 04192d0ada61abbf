"""The find bar: its text field, its buttons, its keys. The search itself is text.find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QToolButton

from gui.terminal.paint.theme import Theme, mix, readable
from gui.terminal.paint.themes import DARK, LIGHT

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.text.find import Find

MARGIN = 10
"""From the upper right corner of what it lies over."""
_WIDTH = 240
_COUNT_WIDTH = 74


class FindBar(QFrame):
    """Lies in the upper right corner of ``parent``, hidden until opened."""

    stepped = Signal(int)
    """To the next (1) or previous (-1) match."""
    settled = Signal()
    """The search for what was typed is done."""
    closed = Signal()

    def __init__(self, find: Find, parent: QWidget) -> None:
        super().__init__(parent)
        self._find = find
        self._over = parent
        self._waiting = False
        self._typed_into = False
        self.setObjectName("terminalFind")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.text = QLineEdit()
        # After a click on the bar or its buttons, keys still go to the text field. Otherwise Qt
        # would focus the first widget behind that takes focus by a click: the shell.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(self.text)
        self.text.setPlaceholderText("Find in the terminal")
        self.text.setAccessibleName("Find in the terminal")
        self.text.setFixedWidth(_WIDTH)
        self.text.textEdited.connect(self.search)
        self.text.installEventFilter(self)
        self.case = self._button("Aa", "Match case", checkable=True)
        self.regex = self._button(".*", "Regular expression", checkable=True)
        self.previous = self._button("↑", "Previous match (Shift+Enter)")
        self.next = self._button("↓", "Next match (Enter)")
        self.close_button = self._button("✕", "Close (Esc)")
        self.count = QLabel()
        self.count.setObjectName("terminalFindCount")
        self.count.setMinimumWidth(_COUNT_WIDTH)
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 6, 6)
        row.setSpacing(3)
        for widget in (self.text, self.case, self.regex, self.count, self.problem):
            row.addWidget(widget)
        for button in (self.previous, self.next, self.close_button):
            row.addWidget(button)
        self.case.toggled.connect(self.search)
        self.regex.toggled.connect(self.search)
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))
        self.close_button.clicked.connect(self.close_bar)
        find.changed.connect(self._show_state)
        self.hide()

    def _button(self, text: str, tip: str, *, checkable: bool = False) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(checkable)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.installEventFilter(self)
        return button

    # -- opening and closing

    def open_bar(self, text: str = "") -> None:
        """Show it, ready to type; a ``text`` is searched for at once."""
        if text:
            self.text.setText(text)
        self.show()
        self.place()
        self.raise_()
        self.text.selectAll()
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search()

    def close_bar(self) -> None:
        if self.isHidden():
            return
        self._waiting = False
        self.hide()
        self._find.look_for("")
        self.closed.emit()

    def place(self) -> None:
        """Stay in the corner."""
        self.adjustSize()
        width = min(self.sizeHint().width(), max(self._over.width() - 2 * MARGIN, 1))
        self.setGeometry(
            self._over.width() - width - MARGIN, MARGIN, width, self.sizeHint().height()
        )

    @property
    def typed_into(self) -> bool:
        """Whether it is open and had focus last, not the terminal behind it."""
        return self._typed_into and not self.isHidden()

    def left(self) -> None:
        """The terminal behind it has focus now."""
        self._typed_into = False

    # -- searching

    def search(self) -> None:
        self._waiting = bool(self.text.text())
        self._find.look_for(
            self.text.text(), case=self.case.isChecked(), as_regex=self.regex.isChecked()
        )

    def _show_state(self) -> None:
        if self.isHidden():
            return
        find = self._find
        self.problem.setText(find.problem)
        self.problem.setVisible(bool(find.problem))
        self.count.setVisible(not find.problem)
        self.count.setText(self._counted())
        for button in (self.previous, self.next):
            button.setEnabled(find.count > 0)
        if self._waiting and not find.searching:
            self._waiting = False
            self.settled.emit()
        self.place()

    def _counted(self) -> str:
        find = self._find
        if not self.text.text():
            return ""
        if not find.count:
            return "Searching…" if find.searching else "No match"
        more = "+" if find.full else "…" if find.searching else ""
        return f"{find.position or '–'} / {find.count}{more}"

    # -- keys

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab stays in the bar: keys typed after leaving it would go to a shell."""
        row = (self.text, self.case, self.regex, self.previous, self.next, self.close_button)
        widgets = [widget for widget in row if widget.isEnabled()]
        at = next((at for at, widget in enumerate(widgets) if widget.hasFocus()), -1)
        widgets[(at + (1 if forward else -1)) % len(widgets)].setFocus(
            Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        )
        return True

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self._typed_into = True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            # The bar's, even where they are shortcuts of the window.
            event.accept()
        return False

    def _key(self, event: QKeyEvent) -> bool:
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key == Qt.Key.Key_Escape:
            self.close_bar()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3) and self.text.hasFocus():
            self.stepped.emit(-1 if shift else 1)
        elif key == Qt.Key.Key_Up and self.text.hasFocus():
            self.stepped.emit(-1)
        elif key == Qt.Key.Key_Down and self.text.hasFocus():
            self.stepped.emit(1)
        else:
            return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # A click beside the buttons must not focus the terminal behind.
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # No key of the bar reaches the terminal behind it.
        event.accept()

    def set_theme(self, theme: Theme) -> None:
        back = mix(theme.background, theme.foreground, 0.07)
        edge = mix(theme.background, theme.foreground, 0.22)
        hover = mix(theme.background, theme.foreground, 0.16)
        muted = readable(mix(theme.foreground, theme.background, 0.35), back, 4.5)
        base = DARK if theme.dark else LIGHT
        error = readable(base.palette[1], back, 4.5)
        text = theme.foreground
        self.setStyleSheet(
            f"#terminalFind {{ background: #{back:06x}; border: 1px solid #{edge:06x};"
            " border-radius: 8px; }"
            f"#terminalFind QLineEdit {{ background: #{theme.background:06x};"
            f" color: #{text:06x}; border: 1px solid #{edge:06x}; border-radius: 5px;"
            f" padding: 3px 7px; selection-background-color: #{theme.selection:06x};"
            f" selection-color: #{text:06x}; }}"
            f"#terminalFind QLineEdit:focus {{ border-color: #{theme.cursor:06x}; }}"
            f"#terminalFind QToolButton {{ color: #{text:06x}; background: transparent;"
            " border: 1px solid transparent; border-radius: 5px; padding: 3px 6px;"
            " min-width: 14px; }"
            f"#terminalFind QToolButton:hover {{ background: #{hover:06x}; }}"
            f"#terminalFind QToolButton:checked {{ background: #{theme.selection:06x}; }}"
            f"#terminalFind QToolButton:focus {{ border-color: #{theme.cursor:06x}; }}"
            f"#terminalFind QToolButton:disabled {{ color: #{muted:06x}; }}"
            f"#terminalFind QLabel {{ color: #{error:06x}; background: transparent; }}"
            f"#terminalFind QLabel#terminalFindCount {{ color: #{muted:06x}; }}"
        )
