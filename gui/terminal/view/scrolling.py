"""How far a terminal's text is scrolled: which rows are in view.

A row's name is ``Terminal.scrolled + index``: it stays the same while the row moves up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollBar

    from gui.terminal.source import Viewed


class Scrolling(QObject):
    """Keeps ``bar`` and history in step.

    The newest text is in view until one scrolls away from it; from then on the text in view
    stays. Of a screen with more rows than are in view, the newest text is what the cursor is in.
    ``moved``: other rows are in view because the bar moved.
    """

    moved = Signal()

    def __init__(self, viewed: Viewed, bar: QScrollBar) -> None:
        super().__init__(bar)
        self._viewed = viewed
        self._bar = bar
        self._following, self._top = True, 0
        self._hidden = 0
        """Rows of the screen for which there was no room at the last sync()."""
        self._widths = viewed.terminal.widths
        """At the last sync(): lines that were wrapped anew since then have other names."""
        self._above = 0
        """How many of them are above the view while it follows the cursor."""
        bar.valueChanged.connect(self._bar_moved)

    @property
    def following(self) -> bool:
        """Whether the newest text is in view."""
        return self._following

    @property
    def top(self) -> int:
        """The name of the first row in view."""
        return self._top

    @property
    def first(self) -> int:
        """The index of the first row in view, 0 for the screen's first, negative in history."""
        # History and screen may have another length than the bar, which follows once per frame.
        terminal = self._viewed.terminal
        index = self._bar.value() - len(terminal.scrollback)
        return min(index, terminal.rows - self._viewed.rows)

    def sync(self) -> None:
        """Fit the bar to history and screen."""
        terminal, bar = self._viewed.terminal, self._bar
        history = len(terminal.scrollback)
        self._hidden = terminal.rows - self._viewed.rows
        bar.blockSignals(True)
        lowest = history if terminal.alternate_screen else 0
        bar.setRange(lowest, history + self._hidden)
        bar.setPageStep(self._viewed.rows)
        if self._following:
            self._above = self._above_cursor()
            bar.setValue(history + self._above)
            self._note_top()
        else:
            if terminal.widths == self._widths + 1:
                self._top = terminal.renumbered(self._top)
            bar.setValue(self._top - (terminal.scrolled - history))
            self._note_place()
        self._widths = terminal.widths
        bar.blockSignals(False)

    def restart(self) -> None:
        """Another terminal is shown: its newest text is in view after the next sync()."""
        self._following, self._above = True, 0

    def _above_cursor(self) -> int:
        """How many rows of the screen to scroll away, as before if the cursor stays in view."""
        above = min(self._above, self._hidden)
        if not self._hidden or not self._viewed.terminal.cursor_visible:
            return above
        row, _ = self._viewed.terminal.cursor()
        return min(max(above, row - self._viewed.rows + 1), row)

    def _note_place(self) -> None:
        self._note_top()
        above = self._bar.value() - (self._bar.maximum() - self._hidden)
        self._following = above >= 0 and self._has_cursor(above)
        if self._following:
            self._above = above

    def _note_top(self) -> None:
        terminal = self._viewed.terminal
        self._top = terminal.scrolled - len(terminal.scrollback) + self._bar.value()

    def _has_cursor(self, above: int) -> bool:
        """Whether the cursor is in view below so many rows of the screen, or is nowhere."""
        if not self._hidden or not self._viewed.terminal.cursor_visible:
            return True
        row, _ = self._viewed.terminal.cursor()
        return above <= row < above + self._viewed.rows

    def _bar_moved(self) -> None:
        self._note_place()
        self.moved.emit()

    # -- moving

    def by(self, lines: int) -> None:
        """Towards the end of the text; negative towards its beginning."""
        self._bar.setValue(self._bar.value() + lines)

    def by_pages(self, pages: int) -> None:
        """One row stays in view."""
        self.by(pages * max(1, self._viewed.rows - 1))

    def to_top(self) -> None:
        self._bar.setValue(self._bar.minimum())

    def to_bottom(self) -> None:
        """To the newest text."""
        self._bar.setValue(self._bar.maximum() - self._hidden + self._above_cursor())

    def reveal(self, name: int) -> None:
        """Bring a row into view, a few rows from the edge, unless it is in view."""
        rows = self._viewed.rows
        if not self._top <= name < self._top + rows:
            self._to(name - rows // 3)

    def to_prompt(self, by: int) -> bool:
        """The previous (-1) or next (1) shell prompt at the top; False if there is none."""
        prompts = self._viewed.terminal.prompts()
        if by < 0:
            name = max((p for p in prompts if p < self._top), default=None)
        else:
            name = min((p for p in prompts if p > self._top), default=None)
        if name is None:
            if by > 0:
                self.to_bottom()
            return False
        self._to(name)
        return True

    def _to(self, name: int) -> None:
        """A row at the top of the view, as far as there is text."""
        terminal = self._viewed.terminal
        self._bar.setValue(name - (terminal.scrolled - len(terminal.scrollback)))
