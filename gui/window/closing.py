"""Asking before what ends a terminal of somebody: closing the window, removing guests.

Owns the questions and their words. Does not own ending anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.control.commands import CLOSED_BY_HOST, REMOVED_BY_HOST, CloseSession
from engine.core.model import EndCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.notices import Notice
    from gui.panels.sessions.model import SessionModel, SessionRow
    from gui.panels.terminals.tabs import TerminalTabs


class Closing(QObject):
    """``closed`` is called when the person agreed to close the window."""

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
        """The open question whether to close the window."""
        terminals.changed.connect(self._recount)
        sessions.rowsInserted.connect(self._recount)
        sessions.rowsRemoved.connect(self._recount)

    def running(self) -> tuple[int, int]:
        """How many terminals are open here, and how many guests are in."""
        own = sum(tab.connected or tab.connecting for tab in self._terminals.all())
        return own, sum(not row.own for row in self._sessions.sessions())

    def ask(self) -> None:
        """Close the window, asking first where something still runs."""
        if self.question is not None:
            self._attention.bring(self.question)
            return
        if not any(self.running()):
            self._closed()
            return
        self.question = self._attention.ask(
            "Close Hatchway?", self._count(), "Close anyway", self._closed
        )
        self.question.closed.connect(self._answered)

    def end(self, session_ids: Sequence[str], removed: bool) -> None:
        """End sessions: own tabs close and can be reopened, for guests it asks first."""
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
                "This ends what runs there.",
                "Remove guest" if len(guests) == 1 else "Remove guests",
                remove,
            )

    def _answered(self) -> None:
        self.question = None

    def _recount(self) -> None:
        if self.question is not None:
            self.question.say("Close Hatchway?", self._count())

    def _count(self) -> str:
        own, guests = self.running()
        parts = []
        if own:
            parts.append(
                "1 terminal of yours is open" if own == 1 else f"{own} terminals of yours are open"
            )
        if guests:
            parts.append(
                "1 guest is connected" if guests == 1 else f"{guests} guests are connected"
            )
        if not parts:
            return "Nothing runs any more."
        return f"{', '.join(parts)}. Closing ends {'it' if own + guests == 1 else 'them'}."


def _people(rows: Sequence[SessionRow]) -> str:
    if len(rows) > 1:
        return f"{len(rows)} guests"
    return f"{rows[0].guest} from {rows[0].target}"
