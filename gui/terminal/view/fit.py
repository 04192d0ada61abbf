"""The size of the terminal and the size of the viewport.

A widget's own terminal gets the size that fits. The terminal of a shell has its own size: then
the view fits it, and the size that would fit here is only reported.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.core.model import MAX_DIMENSION

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.terminal.source import Viewed
    from gui.terminal.view.appearance import Appearance

SETTLE_MS = 16
"""Resizes that follow one another this closely are one."""


class Oversize(enum.Enum):
    """How a shell's terminal is shown that is larger than the viewport."""

    FIT = "fit"
    """In a smaller font, as long as that can be read; then cropped."""
    SCROLL = "scroll"
    """Cropped to what there is room for: one scrolls to the rest."""


class Fit(QObject):
    """Keeps what is ``viewed`` and ``viewport`` in step."""

    rewrapped = Signal()
    """Another size: rows have other names and texts."""
    fitted = Signal()
    """Done; the size may be as before."""
    resized = Signal(int, int)
    """The columns and rows that fit in the font that was set, when they are others than last
    reported."""

    def __init__(self, viewed: Viewed, appearance: Appearance, viewport: QWidget) -> None:
        super().__init__(viewport)
        self._viewed = viewed
        self._appearance = appearance
        self._viewport = viewport
        self._oversize = Oversize.FIT
        self._size = self._terminal_size()
        self._reported: tuple[int, int] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self.now)

    @property
    def oversize(self) -> Oversize:
        return self._oversize

    def set_oversize(self, oversize: Oversize) -> None:
        self._oversize = oversize
        self.soon()

    @property
    def stale(self) -> bool:
        """Whether the terminal has another size than when this was last done."""
        return self._size != self._terminal_size()

    def soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def now(self) -> None:
        self._appearance.set_ratio(self._viewport.devicePixelRatioF())
        cols, rows = self._appearance.chosen.fitting(self._viewport.size())
        room = min(cols, MAX_DIMENSION), min(rows, MAX_DIMENSION)
        if self._viewed.is_own:
            self._fill(*room)
        else:
            self._place()
        if self.stale:
            self._size = self._terminal_size()
            self.rewrapped.emit()
        self.fitted.emit()
        if room != self._reported:
            self._reported = room
            self.resized.emit(*room)

    def _fill(self, cols: int, rows: int) -> None:
        """Give the own terminal the viewport's size."""
        self._appearance.restore()
        self._viewed.crop(None)
        terminal = self._viewed.terminal
        if (cols, rows) != (terminal.cols, terminal.rows):
            terminal.resize(rows, cols)

    def _place(self) -> None:
        """Show a shell's terminal as it is, or what there is room for."""
        terminal, size = self._viewed.terminal, self._viewport.size()
        if self._oversize is Oversize.FIT:
            self._appearance.shrink(terminal.cols, terminal.rows, size)
        else:
            self._appearance.restore()
        self._viewed.crop(self._appearance.cells.fitting(size))

    def _terminal_size(self) -> tuple[int, int]:
        return self._viewed.terminal.cols, self._viewed.terminal.rows
