"""Confirmation before closing the window or removing guests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.control.commands import CLOSED_BY_HOST, REMOVED_BY_HOST, CloseSession
from engine.core.model import EndCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.strips import Notice
    from gui.panels.sessions.model import SessionModel, SessionRow
    from gui.panels.terminals.tabs import TerminalTabs


class Closing(QObject):
    """``closed`` is called when the user has confirmed closing the window."""

    def __init__(
        self,
        adapter: EngineAdapter,
        attention: Attention,
        terminals: TerminalTabs,
        sessions: SessionModel,
        closed: Callable[[], None],
    ) -> None:
        super().__init__(attention)
        self._adapter = adapter
        self._attention = attention
        self._terminals = terminals
        self._sessions = sessions
        self._closed = closed
        self.question: Notice | None = None
        """The open question whether to close the window, if any."""
        terminals.changed.connect(self._recount)
        sessions.rowsInserted.connect(self._recount)
        sessions.rowsRemoved.connect(self._recount)

    def running(self) -> tuple[int, int]:
        """Number of own terminals and number of guests."""
        own = sum(tab.connected or tab.connecting for tab in self._terminals.all())
        return own, sum(not row.own for row in self._sessions.sessions())

    def ask(self) -> None:
        """Close the window, asking first while terminals or guests are connected."""
        if self.question is not None:
            self._attention.bring_to_front(self.question)
            return
        if not any(self.running()):
            self._closed()
            return
        self.question = self._attention.ask(
            "Close Hatchway?", self._count(), "Close anyway", self._closed
        )
        self.question.closed.connect(self._answered)

    def end(self, session_ids: Sequence[str], removed: bool) -> None:
        """End sessions. Own tabs close and can be reopened; for guests it asks first."""
        end = (REMOVED_BY_HOST, EndCode.REMOVED) if removed else (CLOSED_BY_HOST, EndCode.CLOSED)
        rows = {row.session_id: row for row in self._sessions.sessions()}
        guests: list[SessionRow] = []
        for session_id in session_ids:
            row, tab = rows.get(session_id), self._terminals.tab_of(session_id)
            if tab is not None:
                self._terminals.close_tab(tab)
            elif row is not None and not row.own:
                guests.append(row)
            elif row is not None:
                self._adapter.do(CloseSession(session_id, *end))
        if guests:

            def remove() -> None:
                for row in guests:
                    self._adapter.do(CloseSession(row.session_id, *end))

            self._attention.ask(
                f"Remove {_people(guests)}?",
                "This also ends the programs running there.",
                "Remove guest" if len(guests) == 1 else "Remove guests",
                remove,
            )

    def _answered(self) -> None:
        self.question = None

    def _recount(self) -> None:
        if self.question is not None:
            self.question.set_text("Close Hatchway?", self._count())

    def _count(self) -> str:
        own, guests = self.running()
        parts = []
        if own:
            parts.append("1 open terminal" if own == 1 else f"{own} open terminals")
        if guests:
            parts.append("1 connected guest" if guests == 1 else f"{guests} connected guests")
        if not parts:
            return "Everything has ended already."
        ends = "ends" if own + guests == 1 else "end"
        return f"{' and '.join(parts)} {ends} when Hatchway closes."


def _people(rows: Sequence[SessionRow]) -> str:
    if len(rows) > 1:
        return f"{len(rows)} guests"
    return f"{rows[0].guest} from {rows[0].target}"
