"""Blinking, with a timer that runs only while something blinks."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication


class Blink(QObject):
    """``on``: in the visible phase."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.on = True
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._turn)

    @property
    def running(self) -> bool:
        return self._timer.isActive()

    def set_running(self, running: bool) -> None:
        """Blink, at the desktop's pace (0 there means never), or stay visible."""
        half_period = QApplication.cursorFlashTime() // 2
        running = running and half_period > 0
        if running and not self.running:
            self._timer.start(half_period)
        elif not running:
            self._timer.stop()
            self._show()

    def restart(self) -> None:
        """Visible for a whole phase from now: it does not blink away while someone types."""
        if self.running:
            self._timer.start()
        self._show()

    def _show(self) -> None:
        if not self.on:
            self._turn()

    def _turn(self) -> None:
        self.on = not self.on
        self.changed.emit()
