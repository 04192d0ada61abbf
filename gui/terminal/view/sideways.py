"""Which columns are in view of a terminal with more of them than there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollBar

    from gui.terminal.source import Viewed
    from gui.terminal.view.appearance import Appearance

AHEAD = 4
"""A cursor that left the view comes back a fourth of the view away from the edge."""


class Sideways(QObject):
    """Keeps ``bar`` and the terminal's columns in step.

    The cursor is kept in view until one scrolls away from it. ``moved``: other columns are in
    view.
    """

    moved = Signal()

    def __init__(self, viewed: Viewed, appearance: Appearance, bar: QScrollBar) -> None:
        super().__init__(bar)
        self._viewed = viewed
        self._appearance = appearance
        self._bar = bar
        self._following = True
        bar.valueChanged.connect(self._bar_moved)

    def sync(self) -> None:
        """Fit the bar to the terminal's columns, and follow the cursor."""
        bar, columns, following = self._bar, self._viewed.columns, self._following
        # A shorter bar moves by itself; nobody scrolled.
        bar.setRange(0, self._viewed.terminal.cols - columns)
        bar.setPageStep(columns)
        self._following = following
        if self._following and bar.maximum() and self._viewed.terminal.cursor_visible:
            _, column = self._viewed.terminal.cursor()
            if not self._shows(column):
                self.reveal(column)

    def restart(self) -> None:
        """Another terminal is shown, from its first column on."""
        self._following = True
        self._bar.setValue(0)

    def follow(self) -> None:
        """Keep the cursor in view again."""
        self._following = True
        self.sync()

    def by(self, columns: int) -> None:
        """To the right; negative to the left."""
        self._bar.setValue(self._bar.value() + columns)

    def reveal(self, column: int) -> None:
        """Bring a column into view, unless it is in view."""
        left, columns = self._bar.value(), self._viewed.columns
        if column < left:
            self._bar.setValue(column - columns // AHEAD)
        elif column >= left + columns:
            self._bar.setValue(column - columns + columns // AHEAD + 1)

    def _shows(self, column: int) -> bool:
        return self._bar.value() <= column < self._bar.value() + self._viewed.columns

    def _bar_moved(self) -> None:
        terminal = self._viewed.terminal
        self._following = not terminal.cursor_visible or self._shows(terminal.cursor()[1])
        self._appearance.set_left(self._bar.value())
        self.moved.emit()
