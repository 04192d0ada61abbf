"""Closing the window, which hides it while it hosts; quitting, and removing guests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.control.commands import CLOSED_BY_HOST, REMOVED_BY_HOST, CloseSession, RemoveGuest
from engine.control.queries import Links
from engine.core.model import EndCode
from gui.kit import people

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QSettings

    from gui.control.adapter import EngineAdapter
    from gui.control.shells import ShellBook
    from gui.kit.attention import Attention
    from gui.kit.strips import Notice
    from gui.panels.sessions.model import SessionModel, SessionRow
    from gui.panels.terminals.tabs import TerminalTabs

HIDES = "window/hides"
"""Whether closing the window hides it, in its settings: set once the user has chosen that."""


class Closing(QObject):
    """``quit_`` and ``hide`` are called when the user has decided on one of them."""

    def __init__(
        self,
        adapter: EngineAdapter,
        attention: Attention,
        terminals: TerminalTabs,
        sessions: SessionModel,
        book: ShellBook,
        store: QSettings,
        quit_: Callable[[], None],
        hide: Callable[[], None],
    ) -> None:
        super().__init__(attention)
        self._adapter = adapter
        self._attention = attention
        self._terminals = terminals
        self._sessions = sessions
        self._book = book
        self._store = store
        self._quit = quit_
        self._hide = hide
        self.question: Notice | None = None
        """The open question, if any."""
        self._detail: Callable[[], str] = self._ends
        terminals.changed.connect(self._recount)
        sessions.rowsInserted.connect(self._recount)
        sessions.rowsRemoved.connect(self._recount)
        for signal in (book.started, book.changed, book.ended):
            signal.connect(lambda _: self._recount())
        adapter.sharesChanged.connect(lambda _: self._recount())

    @property
    def hosts(self) -> bool:
        """Whether there is anything that goes on without the window."""
        return bool(self._book.all() or self._links() or self._elsewhere() or self._guests())

    def close_window(self) -> None:
        """Hide the window while it hosts, after asking once; else quit."""
        if not self.hosts:
            self._quit()
        elif self._store.value(HIDES) is not None:
            self._hide()
        else:
            self._ask(
                "Keep hosting without the window?",
                self._goes_on,
                (
                    ("Cancel", lambda: None, False),
                    ("Quit", self._quit, True),
                    ("Keep hosting", self._hide_from_now_on, False),
                ),
            )

    def ask_to_quit(self) -> None:
        """Quit, asking first while anything would end."""
        if not (self._book.all() or self._elsewhere() or self._guests()):
            self._quit()
            return
        self._ask(
            "Quit Hatchway?",
            self._ends,
            (("Cancel", lambda: None, False), ("Quit", self._quit, True)),
        )

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
                    self._remove(row.session_id, *end)

            self._attention.ask(
                f"Remove {_people(guests)}?",
                "Programs that they started alone end, too."
                + (" They cannot come back." if removed else ""),
                "Remove guest" if len(guests) == 1 else "Remove guests",
                remove,
            )

    def _remove(self, session_id: str, reason: str, code: EndCode) -> None:
        """Of a guest who is in a shell also the identity is refused from now on."""
        if code is EndCode.REMOVED:
            for shell in self._book.all():
                for person in shell.participants:
                    if person.session_id == session_id:
                        self._adapter.do(RemoveGuest(shell.id, person.id))
                        return
        self._adapter.do(CloseSession(session_id, reason, code))

    # -- the question

    def _ask(
        self,
        text: str,
        detail: Callable[[], str],
        answers: Sequence[tuple[str, Callable[[], object], bool]],
    ) -> None:
        if self.question is not None and self._detail == detail:
            self._attention.bring_to_front(self.question)
            return
        if self.question is not None:
            self.question.drop()
        self._detail = detail
        question = self.question = self._attention.choose(text, detail(), answers)
        question.closed.connect(lambda: self._answered(question))

    def _answered(self, question: Notice) -> None:
        if self.question is question:
            self.question = None

    def _recount(self) -> None:
        if self.question is not None:
            self.question.set_text(self.question.words.text(), self._detail())

    def _hide_from_now_on(self) -> None:
        self._store.setValue(HIDES, 1)
        self._hide()

    # -- what there is

    def _links(self) -> int:
        """Those that somebody may still come in by."""
        now = time.time()
        return sum(not share.state(now).is_over for share in self._adapter.ask(Links(), ()))

    def _elsewhere(self) -> int:
        """Tabs whose terminal is no shell of the book: opening, or on another host."""
        tabs = self._terminals.all()
        return sum((tab.connected or tab.connecting) and tab.shell is None for tab in tabs)

    def _guests(self) -> list[str]:
        return [row.guest for row in self._sessions.sessions() if not row.own]

    def _goes_on(self) -> str:
        counts = (
            (len(self._book.all()) + self._elsewhere(), "terminal"),
            (len(self._guests()), "guest"),
            (self._links(), "link"),
        )
        what = people.listed([people.counted(n, word) for n, word in counts if n])
        stay = "stays" if sum(n for n, _ in counts) == 1 else "stay"
        return f"{what} {stay} available. Start Hatchway again to show the window."

    def _ends(self) -> str:
        shells = self._book.all()
        # A tab that is connected as a peer has its shell in the book, too.
        ours = sum(self._book.is_ours(shell) for shell in shells)
        guests = self._guests()
        peers = sum(bool(tab.session_id) and not tab.elsewhere for tab in self._terminals.all())
        others = max(0, self._elsewhere() - peers)
        parts = []
        if ours + others:
            parts.append(f"{ours + others} of yours")
        if theirs := len(shells) - ours:
            parts.append(f"{theirs} of guests")
        number = len(shells) + others
        words = []
        if number:
            ends = "ends" if number == 1 else "end"
            words.append(f"{people.counted(number, 'terminal')} {ends}: {' and '.join(parts)}.")
        if guests:
            words.append(f"Connected: {people.listed(guests)}.")
        return " ".join(words) or "Everything has ended already."


def _people(rows: Sequence[SessionRow]) -> str:
    if len(rows) > 1:
        return f"{len(rows)} guests"
    return f"{rows[0].guest} from {rows[0].target}"
