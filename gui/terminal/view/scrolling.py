"""How far a terminal's text is scrolled: which rows are in view.

A row's name is ``Terminal.scrolled + index``: it stays the same while the row moves up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtWidgets import QScrollBar

    from engine.emulator import Terminal


class Scrolling(QObject):
    """Keeps ``bar`` and history in step.

    The newest text is in view until one scrolls away from it; from then on the text in view
    stays. ``moved``: other rows are in view because the bar moved.
    """

    moved = Signal()

    def __init__(self, terminal: Terminal, bar: QScrollBar) -> None:
        super().__init__(bar)
        self._terminal = terminal
        self._bar = bar
        self._following, self._top = True, 0
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
        # The history may be shorter than the bar, which follows once per frame.
        return min(self._bar.value() - len(self._terminal.scrollback), 0)

    @property
    def below(self) -> int:
        """Rows of text below the view."""
        return self._bar.maximum() - self._bar.value()

    def sync(self) -> None:
        """Fit the bar to the history."""
        terminal, bar = self._terminal, self._bar
        history = len(terminal.scrollback)
        bar.blockSignals(True)
        bar.setRange(history if terminal.alternate_screen else 0, history)
        bar.setPageStep(terminal.rows)
        if self._following:
            bar.setValue(history)
        else:
            bar.setValue(self._top - (terminal.scrolled - history))
        bar.blockSignals(False)
        self._note_place()

    def _note_place(self) -> None:
        bar, terminal = self._bar, self._terminal
        self._following = bar.value() >= bar.maximum()
        self._top = terminal.scrolled - len(terminal.scrollback) + bar.value()

    def _bar_moved(self) -> None:
        self._note_place()
        self.moved.emit()

    # -- moving

    def by(self, lines: int) -> None:
        """Towards the end of the text; negative towards its beginning."""
        self._bar.setValue(self._bar.value() + lines)

    def by_pages(self, pages: int) -> None:
        """One row stays in view."""
        self.by(pages * max(1, self._terminal.rows - 1))

    def to_top(self) -> None:
        self._bar.setValue(self._bar.minimum())

    def to_bottom(self) -> None:
        self._bar.setValue(self._bar.maximum())

    def reveal(self, name: int) -> None:
        """Bring a row into view, a few rows from the edge, unless it is in view."""
        rows = self._terminal.rows
        if not self._top <= name < self._top + rows:
            self._to(name - rows // 3)

    def to_prompt(self, by: int) -> bool:
        """The previous (-1) or next (1) shell prompt at the top; False if there is none."""
        prompts = self._terminal.prompts()
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
        terminal = self._terminal
        self._bar.setValue(name - (terminal.scrolled - len(terminal.scrollback)))
