"""The visual bell: the view lights up for a moment."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

FLASH_MS = 120


class Flash(QObject):
    """``changed``: it went on or off."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._enabled = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FLASH_MS)
        self._timer.timeout.connect(self.changed)

    @property
    def on(self) -> bool:
        return self._timer.isActive()

    def enable(self, enabled: bool) -> None:
        """Whether the bell is seen at all; at first it is."""
        self._enabled = enabled

    def start(self) -> None:
        if self._enabled:
            self._timer.start()
            self.changed.emit()
