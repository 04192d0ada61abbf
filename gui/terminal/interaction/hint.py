"""A sentence over the terminal for a moment: why what was typed had no effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtWidgets import QLabel

from gui.terminal.paint.theme import mix

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.paint.theme import Theme

SHOWN_MS = 3000
MARGIN = 12
"""From the edges of what it lies over."""


class Hint(QLabel):
    """Lies along the bottom of ``parent`` and takes neither mouse nor focus."""

    def __init__(self, parent: QWidget, milliseconds: int = SHOWN_MS) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("terminalHint")
        # The reason may quote a guest's name.
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def present(self, text: str) -> None:
        """Show it for some seconds from now."""
        self.setText(text)
        self.setAccessibleName(text)
        self.show()
        self.place()
        self.raise_()
        self._timer.start()

    def dismiss(self) -> None:
        self._timer.stop()
        self.hide()

    def place(self) -> None:
        """In the middle of the parent's lower edge."""
        room = max(self._over.width() - 2 * MARGIN, 1)
        self.setWordWrap(False)
        width = min(self.sizeHint().width(), room)
        self.setWordWrap(True)
        height = self.heightForWidth(width)
        left = (self._over.width() - width) // 2
        self.setGeometry(QRect(left, self._over.height() - height - MARGIN, width, height))

    def set_theme(self, theme: Theme) -> None:
        back = mix(theme.background, theme.foreground, 0.14)
        edge = mix(theme.background, theme.foreground, 0.3)
        self.setStyleSheet(
            f"#terminalHint {{ background: #{back:06x}; color: #{theme.foreground:06x};"
            f" border: 1px solid #{edge:06x}; border-radius: 6px; padding: 6px 12px; }}"
        )
