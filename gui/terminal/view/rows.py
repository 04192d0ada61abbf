"""The rows in view: what is in them, what is marked, and which of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui.terminal.paint.painter import Mark, MarkKind, Marks

if TYPE_CHECKING:
    from engine.emulator import Line
    from gui.terminal.source import Viewed
    from gui.terminal.text.find import Find
    from gui.terminal.text.links import Link
    from gui.terminal.text.selection import Selection
    from gui.terminal.view.scrolling import Scrolling

_Row = tuple[int, "Line", Marks]
"""A row's name, what is in it, and what is marked of it."""


class Rows:
    """As they were at the last refresh()."""

    def __init__(
        self, viewed: Viewed, scrolling: Scrolling, selection: Selection, finder: Find
    ) -> None:
        self._viewed = viewed
        self._scrolling = scrolling
        self._selection = selection
        self._finder = finder
        self._hovered: Link | None = None
        self._shown: list[_Row] = []
        self._blinking: tuple[int, ...] = ()

    @property
    def shown(self) -> list[_Row]:
        """Name, line and marks of each row, from the top."""
        return self._shown

    @property
    def blinking(self) -> tuple[int, ...]:
        """Which of them have text that blinks, counted from the top."""
        return self._blinking

    def refresh(self) -> list[int]:
        """Look anew; which rows are to be painted, counted from the top."""
        before, shown = self._shown, self._in_view()
        known = len(before)
        changed = [
            row for row, now in enumerate(shown) if row >= known or before[row][1:] != now[1:]
        ]
        self._shown = shown
        self._blinking = tuple(
            row for row, (_, line, _) in enumerate(shown) if any(r.style.blink for r in line.runs)
        )
        return changed

    def hover(self, link: Link | None) -> bool:
        """Underline this link from the next refresh() on; False if nothing changed."""
        if link == self._hovered:
            return False
        self._hovered = link
        return True

    def clear_changed_selection(self) -> None:
        """A selection whose text was overwritten since the last refresh() is cleared."""
        selected = self._selection.range
        if selected is None:
            return
        before = {name: line for name, line, _ in self._shown}
        for name, line, _ in self._in_view():
            old = before.get(name, line)
            if selected[0].line <= name <= selected[1].line and old.runs != line.runs:
                self._selection.clear()
                return

    def _in_view(self) -> list[_Row]:
        terminal = self._viewed.terminal
        first = self._scrolling.first
        rows: list[_Row] = []
        for index in range(first, first + self._viewed.rows):
            name = terminal.scrolled + index
            line = terminal.line(index)
            rows.append((name, line, self._marks(name, line)))
        return rows

    def _marks(self, name: int, line: Line) -> Marks:
        """What is marked of a row; nearly always nothing, and that costs nothing."""
        marks: list[Mark] = []
        if self._finder.active:
            for start, end, current in self._finder.on_row(name):
                marks.append(Mark(start, end, MarkKind.CURRENT if current else MarkKind.MATCH))
        if self._selection.range is not None:
            columns = self._selection.columns(name, line)
            if columns is not None:
                marks.append(Mark(*columns, MarkKind.SELECTED))
        if self._hovered is not None:
            for row, start, end in self._hovered.spans:
                if row == name:
                    marks.append(Mark(start, end, MarkKind.LINK))
        return tuple(marks)
