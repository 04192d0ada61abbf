"""The links of this host as a list: what each opens, for whom, and what became of it.

Owns the rows and their words. Does not own the links (engine.access.links) or the view.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from engine.core.model import Role, Share, ShareState
from gui.kit import formats
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

    from gui.kit.icons import Icons

Index = QModelIndex | QPersistentModelIndex

SHARE_ROLE = Qt.ItemDataRole.UserRole + 20
ROLES = {Role.CONTROL: "Guests may type", Role.VIEW: "Guests only watch"}
_STATES = {
    ShareState.USED: "Used",
    ShareState.EXPIRED: "Expired",
    ShareState.REVOKED: "Revoked",
}
_NO_PARENT = QModelIndex()


def detail(share: Share, now: float) -> str:
    """The second line: role, conditions, uses."""
    parts = [ROLES[share.role]]
    if share.approval:
        parts.append("you are asked")
    if share.single_use:
        parts.append("works once")
    if share.expires_at is not None and share.state(now) is ShareState.ACTIVE:
        parts.append(f"{formats.duration(share.expires_at - now)} left")
    if share.uses:
        parts.append("used once" if share.uses == 1 else f"used {share.uses} times")
    return " · ".join(parts)


class LinkModel(QAbstractListModel):
    """Newest first. ``tick()`` when time has passed: links expire by themselves."""

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

    def set_shares(self, shares: tuple[Share, ...]) -> None:
        """``shares`` as the engine lists them. A link never changes its place among others,
        so that what is selected stays so: new ones come at the top, forgotten ones go."""
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
        """Seconds since the epoch, by the clock the rows go by."""
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
            return detail(share, now)
        if role == NOTE_ROLE:
            return _STATES.get(state, "")
        if role == FADED_ROLE:
            return state is not ShareState.ACTIVE
        if role == Qt.ItemDataRole.DecorationRole:
            tone = Tone.ACCENT if state is ShareState.ACTIVE else Tone.MUTED
            return self._icons.get("share", tone)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = (share.target, detail(share, now), _STATES.get(state, ""))
            return ", ".join(word for word in words if word)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"Made at {formats.clock(share.created_at)[:8]}"
        return None
