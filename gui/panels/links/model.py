"""The links of this host as a list: target, role, conditions and state of each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from engine.core.model import Role, SessionInfo, Share, ShareState, ShellInfo, Target
from engine.core.session_state import SessionState
from engine.core.text import shown
from gui.kit import formats
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PySide6.QtCore import QObject

    from gui.kit.icons import Icons

Index = QModelIndex | QPersistentModelIndex

SHARE_ROLE = Qt.ItemDataRole.UserRole + 20
ROLES = {Role.CONTROL: "Guests can type", Role.VIEW: "Guests can only view"}
_STATES = {
    ShareState.SUSPENDED: "Paused",
    ShareState.SHELL_ENDED: "Terminal has ended",
    ShareState.USED: "Used",
    ShareState.EXPIRED: "Expired",
    ShareState.REVOKED: "Revoked",
}
GONE = "Target is gone"
"""The link is for a container whose name another one has now."""
_NO_PARENT = QModelIndex()


MOST_NAMES = 3
"""Names of people in one row; more are counted."""


def detail(share: Share, now: float, people: Sequence[str] = ()) -> str:
    """The second line: who is in at the moment, role, conditions, uses."""
    parts = [_who(people), ROLES[share.role]] if people else [ROLES[share.role]]
    if share.shell:
        parts.append("joins a running terminal")
    if share.approval:
        parts.append("needs approval")
    if share.single_use:
        parts.append("single use")
    if share.record:
        parts.append("recorded")
    if share.kept:
        parts.append("kept after restart")
    if share.expires_at is not None and not share.state(now).is_over:
        parts.append(f"expires in {formats.duration(share.expires_at - now)}")
    if share.uses:
        parts.append("used once" if share.uses == 1 else f"used {share.uses} times")
    return " · ".join(parts)


def _who(people: Sequence[str]) -> str:
    names, more = people[:MOST_NAMES], len(people) - MOST_NAMES
    text = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    return f"{text} {'is' if len(people) == 1 else 'are'} in"


def people_by_link(
    sessions: Iterable[SessionInfo], shells: Iterable[ShellInfo]
) -> dict[str, tuple[str, ...]]:
    """Who came by which link and is connected, by the link's id: the name that the person gave,
    or what the relay says."""
    names = {one.session_id: one.name for shell in shells for one in shell.participants}
    found: dict[str, tuple[str, ...]] = {}
    for session in sessions:
        if session.guest.share and session.state is SessionState.CONNECTED:
            name = shown(names.get(session.id, "")) or session.guest.label
            found[session.guest.share] = (*found.get(session.guest.share, ()), name)
    return found


class LinkModel(QAbstractListModel):
    """Newest first. Call ``tick()`` regularly: links expire with time."""

    def __init__(
        self,
        icons: Icons,
        clock: Callable[[], float] = time.time,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._clock = clock
        self._shares: tuple[Share, ...] = ()
        self._targets: dict[str, Target] = {}
        self._people: dict[str, tuple[str, ...]] = {}

    def set_targets(self, targets: tuple[Target, ...]) -> None:
        """The targets there are now: a link whose container was replaced says so."""
        self._targets = {target.id: target for target in targets}
        self.tick()

    def set_people(self, people: dict[str, tuple[str, ...]]) -> None:
        """See people_by_link()."""
        if people != self._people:
            self._people = people
            self.tick()

    def set_shares(self, shares: tuple[Share, ...]) -> None:
        """Update the rows from the engine's list, oldest first.

        Links keep their order, so that the selection stays: new ones are added at the top.
        """
        wanted = {share.id: share for share in shares}
        for row in reversed(range(len(self._shares))):
            if self._shares[row].id not in wanted:
                self.beginRemoveRows(_NO_PARENT, row, row)
                self._shares = self._shares[:row] + self._shares[row + 1 :]
                self.endRemoveRows()
        known = {share.id for share in self._shares}
        fresh = tuple(share for share in reversed(shares) if share.id not in known)
        if fresh:
            self.beginInsertRows(_NO_PARENT, 0, len(fresh) - 1)
            self._shares = fresh + self._shares
            self.endInsertRows()
        self._shares = tuple(wanted[share.id] for share in self._shares)
        self.tick()

    def now(self) -> float:
        """Seconds since the epoch, by the model's clock."""
        return self._clock()

    def tick(self) -> None:
        if self._shares:
            self.dataChanged.emit(self.index(0), self.index(len(self._shares) - 1))

    def row_of(self, share_id: str) -> int:
        """-1 when it is not listed."""
        rows = (row for row, share in enumerate(self._shares) if share.id == share_id)
        return next(rows, -1)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shares)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        share, now = self._shares[index.row()], self._clock()
        state = share.state(now)
        if role == Qt.ItemDataRole.DisplayRole:
            return share.target
        if role == SHARE_ROLE:
            return share
        if role == DETAIL_ROLE:
            return detail(share, now, self._people.get(share.id, ()))
        if role == NOTE_ROLE:
            return self._note(share, state)
        if role == FADED_ROLE:
            return bool(self._note(share, state))
        if role == Qt.ItemDataRole.DecorationRole:
            tone = Tone.MUTED if self._note(share, state) else Tone.ACCENT
            return self._icons.get("share", tone)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            people = self._people.get(share.id, ())
            parts = (share.target, detail(share, now, people), self._note(share, state))
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"Created at {formats.clock(share.created_at)[:8]}"
        return None

    def _note(self, share: Share, state: ShareState) -> str:
        """Why the link opens nothing; "" while it does, as far as is known."""
        if state is not ShareState.ACTIVE:
            return _STATES[state]
        target = self._targets.get(share.target)
        return GONE if target is not None and not share.is_for(target) else ""
