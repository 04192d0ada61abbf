"""The bar over a terminal that has ended: why, and one button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gui.terminal.paint.theme import Theme, mix

if TYPE_CHECKING:
    from collections.abc import Callable


class EndedBar(QFrame):
    """A line of text along the bottom of ``parent``, hidden until present()."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("terminalEnded")
        self.label = QLabel()
        # The reason may quote a program or another computer.
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton()
        self.button.clicked.connect(self._pressed)
        self._action: Callable[[], object] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(12)
        layout.addWidget(self.label)
        layout.addWidget(self.button)
        self.hide()

    def present(self, text: str, action_label: str, action: Callable[[], object] | None) -> None:
        """Show a reason; a button when there are a label and an action."""
        self.label.setText(text)
        self._action = action
        self.button.setText(action_label)
        self.button.setVisible(bool(action_label) and action is not None)
        self.show()
        self.place()

    def place(self) -> None:
        """Lie along the bottom of the parent."""
        over = self._over
        height = max(self.sizeHint().height(), self.heightForWidth(over.width()))
        self.setGeometry(0, over.height() - height, over.width(), height)

    def set_theme(self, theme: Theme) -> None:
        back = mix(theme.background, theme.foreground, 0.08)
        edge = mix(theme.background, theme.foreground, 0.2)
        self.setStyleSheet(
            f"#terminalEnded {{ background: #{back:06x}; border-top: 1px solid #{edge:06x}; }}"
            f"#terminalEnded QLabel {{ color: #{theme.foreground:06x}; background: transparent; }}"
        )

    def _pressed(self) -> None:
        if self._action is not None:
            self._action()
