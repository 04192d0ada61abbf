"""Closed terminal tabs: for some time they can be reopened, and their programs keep running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.kit.attention import Attention
    from gui.kit.strips import Notice
    from gui.panels.terminals.tab import TerminalTab

MAX_CLOSED = 8
"""Closed tabs that can be reopened; closing one more ends the oldest."""
MAX_TITLE = 40
"""Characters of a title that are shown."""


@dataclass(slots=True)
class _Closed:
    tab: TerminalTab
    at: int
    """Where it was in the tab bar."""
    notice: Notice = field(init=False)


class ClosedTabs(QObject):
    """``reopen`` gets a tab and its former index back. A tab that is ended here is deleted."""

    changed = Signal()

    def __init__(
        self,
        attention: Attention,
        reopen: Callable[[TerminalTab, int], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._attention = attention
        self._reopen = reopen
        self._closed: list[_Closed] = []

    def __len__(self) -> int:
        return len(self._closed)

    def add(self, tab: TerminalTab, at: int) -> None:
        """Keep a tab that was closed, and offer to undo that."""
        closed = _Closed(tab, at)
        closed.notice = self._attention.undo(
            f"Closed {short(tab.title)}",
            lambda: self._bring_back(closed),
            lambda: self._end(closed),
            now="End now" if tab.connected or tab.connecting else "",
        )
        self._closed.append(closed)
        if len(self._closed) > MAX_CLOSED:
            self._closed[0].notice.finish()
        self.changed.emit()

    @property
    def tabs(self) -> tuple[TerminalTab, ...]:
        return tuple(closed.tab for closed in self._closed)

    def reopen_last(self) -> None:
        if self._closed:
            closed = self._closed[-1]
            closed.notice.drop()
            self._bring_back(closed)

    def end_all(self) -> None:
        for closed in tuple(self._closed):
            closed.notice.finish()

    def _bring_back(self, closed: _Closed) -> None:
        self._closed.remove(closed)
        self._reopen(closed.tab, closed.at)
        self.changed.emit()

    def _end(self, closed: _Closed) -> None:
        self._closed.remove(closed)
        closed.tab.shut()
        closed.tab.deleteLater()
        self.changed.emit()


def short(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
