"""The terminal's size follows the viewport's and the font's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from engine.emulator import Terminal
    from gui.terminal.view.appearance import Appearance

SETTLE_MS = 16
"""Resizes that follow one another this closely are one."""


class Fit(QObject):
    """Gives ``terminal`` the columns and rows that fit into ``viewport``."""

    rewrapped = Signal()
    """Another size: rows have other names and texts."""
    fitted = Signal()
    """Done; the size may be as before."""
    resized = Signal(int, int)
    """Columns and rows, when they are others than last reported."""

    def __init__(self, terminal: Terminal, appearance: Appearance, viewport: QWidget) -> None:
        super().__init__(viewport)
        self._terminal = terminal
        self._appearance = appearance
        self._viewport = viewport
        self._reported: tuple[int, int] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self.now)

    def soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def now(self) -> None:
        terminal = self._terminal
        self._appearance.set_ratio(self._viewport.devicePixelRatioF())
        cols, rows = self._appearance.cells.fitting(self._viewport.size())
        if (cols, rows) != (terminal.cols, terminal.rows):
            terminal.resize(rows, cols)
            self.rewrapped.emit()
        self.fitted.emit()
        size = (terminal.cols, terminal.rows)
        if size != self._reported:
            self._reported = size
            self.resized.emit(*size)
