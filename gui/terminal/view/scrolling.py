"""A terminal and how far its text is scrolled.

Owns the emulator, the scroll bar and which rows are in view. Does not own what
is painted of them (view), nor the grid (surface).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator import Terminal
from engine.emulator.terminal import SCROLLBACK_LINES
from gui.terminal.text.selection import Place
from gui.terminal.view.surface import Surface

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtWidgets import QWidget


class ScrolledTerminal(Surface):
    """Shows the newest text until scrolled away from it, and then stays where it is."""

    def __init__(self, parent: QWidget | None = None, *, scrollback: int | None = None) -> None:
        super().__init__(parent)
        limit = SCROLLBACK_LINES if scrollback is None else scrollback
        self.terminal = Terminal(reply=self.reply, scrollback=limit)
        self.following, self._top = True, 0
        self.verticalScrollBar().valueChanged.connect(self._scrolled_to)

    def reply(self, data: bytes) -> None:
        """The terminal answers its program. For subclasses."""

    def view_moved(self) -> None:
        """Other rows are in view. For subclasses."""

    def sync_bar(self) -> None:
        """Fit the bar to the history; the text in view stays, or the newest does."""
        terminal, bar = self.terminal, self.verticalScrollBar()
        history = len(terminal.scrollback)
        bar.blockSignals(True)
        bar.setRange(history if terminal.alternate_screen else 0, history)
        bar.setPageStep(terminal.rows)
        if self.following:
            bar.setValue(history)
        else:
            bar.setValue(self._top - (terminal.scrolled - history))
        bar.blockSignals(False)
        self._note_place()

    def _note_place(self) -> None:
        bar, terminal = self.verticalScrollBar(), self.terminal
        self.following = bar.value() >= bar.maximum()
        self._top = terminal.scrolled - len(terminal.scrollback) + bar.value()

    def _scrolled_to(self) -> None:
        self._note_place()
        self.view_moved()

    def scroll_to_bottom(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def scroll_lines(self, lines: int) -> None:
        """Towards the end of the text; negative towards its beginning."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + lines)

    def scroll_to_top(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().minimum())

    def reveal(self, name: int) -> None:
        """Bring the row of that name into view, a few rows from the edge; not if it is."""
        rows = self.terminal.rows
        if not self._top <= name < self._top + rows:
            self._scroll_to(name - rows // 3)

    def step_prompt(self, by: int) -> bool:
        """The previous (-1) or next (1) shell prompt at the top; False if there is none."""
        prompts = self.terminal.prompts()
        if by < 0:
            name = max((p for p in prompts if p < self._top), default=None)
        else:
            name = min((p for p in prompts if p > self._top), default=None)
        if name is None:
            if by > 0:
                self.scroll_to_bottom()
            return False
        self._scroll_to(name)
        return True

    def _scroll_to(self, name: int) -> None:
        """The row of that name at the top of the view, as far as there is text."""
        terminal = self.terminal
        self.verticalScrollBar().setValue(name - (terminal.scrolled - len(terminal.scrollback)))

    @property
    def top(self) -> int:
        """The name of the first row in view."""
        return self._top

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Rows are painted where they belong; pixels are not moved."""

    def place_at(self, position: QPointF) -> Place:
        """The cell at a position in the viewport; the nearest one of the grid outside it."""
        row, column = self.cell_at(position)
        row = min(max(row, 0), self.terminal.rows - 1)
        return Place(self._top + row, min(max(int(column), 0), self.terminal.cols - 1))
