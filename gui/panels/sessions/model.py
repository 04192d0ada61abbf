"""The live sessions as a table, with the text and sort order of each column."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer

from engine.core.model import PathKind
from engine.core.session_state import SessionState
from engine.core.text import shown
from gui.kit import formats
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

    from engine.core.events import (
        CodeKnown,
        IceConnection,
        IcePairSelected,
        PtyConnected,
        SessionClosed,
        SessionCreated,
        SessionIdle,
        SessionStateChanged,
        Traffic,
    )
    from engine.core.model import CandidatePair
    from gui.kit.icons import Icons

Index = QModelIndex | QPersistentModelIndex

SORT_ROLE = Qt.ItemDataRole.UserRole + 1
"""The value a column is sorted by: a number where it shows one."""
ID_ROLE = Qt.ItemDataRole.UserRole + 2
"""The session's id, in every column."""

TICK_MS = 1000
"""Ages and idle times are shown in seconds."""

_NO_PARENT = QModelIndex()


@dataclass(slots=True)
class SessionRow:
    """One session. Times are in seconds since the epoch, rates in bytes per second."""

    session_id: str
    guest: str
    target: str
    created_at: float
    own: bool = False
    address: str = ""
    code: str = ""
    """The short code on the guest's screen; empty until the terminal is connected."""
    state: SessionState = SessionState.CREATED
    ice: str = "new"
    pair: CandidatePair | None = None
    rtt: float | None = None
    rate_in: float = 0.0
    rate_out: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    active_at: float = 0.0
    """Time of the last input or output; 0 before the first measurement."""
    ends_soon: bool = False
    """The engine warned that it closes soon because it is idle."""

    def idle(self, now: float) -> float:
        return max(0.0, now - (self.active_at or self.created_at))

    @property
    def path(self) -> str:
        return self.pair.path.value if self.pair else PathKind.UNKNOWN.value


@dataclass(frozen=True, slots=True)
class Column:
    """``text`` is what is shown, ``key`` the sort key. ``width`` is in pixels."""

    title: str
    text: Callable[[SessionRow, float], str]
    key: Callable[[SessionRow, float], str | float]
    width: int
    numeric: bool = False
    tip: Callable[[SessionRow], str] | None = None


def _words(
    title: str,
    text: Callable[[SessionRow], str],
    width: int,
    tip: Callable[[SessionRow], str] | None = None,
) -> Column:
    """A text column, sorted case-insensitively."""
    return Column(title, lambda r, _: text(r), lambda r, _: text(r).lower(), width, tip=tip)


NO_CODE = "No code: the connection cannot be compared with the guest’s"


def _guest_tip(row: SessionRow) -> str:
    code = f"Code {row.code}, also on the guest’s screen" if row.code else NO_CODE
    code = "" if row.own else code
    return formats.tip(row.address or row.guest, code, f"Session {row.session_id}")


def _pair_tip(row: SessionRow) -> str:
    if row.pair is None:
        return "No path selected yet"
    pair = row.pair
    via = f"Relayed via {pair.via}" if pair.via else ""
    return formats.tip(
        f"{pair.protocol.upper()}  {pair.local} ({pair.local_type})"
        f"  ↔  {pair.remote} ({pair.remote_type})",
        via,
    )


def _path(row: SessionRow) -> str:
    if row.pair is not None and row.pair.via:
        return f"Relayed via {shown(formats.host(row.pair.via))}"
    return row.path.capitalize() or formats.NOTHING


def _last(value: float | None) -> float:
    return float("inf") if value is None else value


COLUMNS: tuple[Column, ...] = (
    _words(
        "Guest",
        lambda r: r.guest,
        130,
        _guest_tip,
    ),
    _words("Target", lambda r: shown(r.target), 150),
    _words("State", lambda r: r.state.value.capitalize(), 110),
    _words("ICE", lambda r: r.ice.capitalize(), 90),
    _words("Path", _path, 126, _pair_tip),
    Column(
        "RTT",
        lambda r, _: formats.latency(r.rtt),
        lambda r, _: _last(r.rtt),
        width=80,
        numeric=True,
        tip=lambda _: "Round-trip time over the data channel",
    ),
    Column(
        "In",
        lambda r, _: formats.rate(r.rate_in),
        lambda r, _: r.rate_in,
        width=90,
        numeric=True,
        tip=lambda r: f"{formats.size(r.bytes_in)} in total",
    ),
    Column(
        "Out",
        lambda r, _: formats.rate(r.rate_out),
        lambda r, _: r.rate_out,
        width=90,
        numeric=True,
        tip=lambda r: f"{formats.size(r.bytes_out)} in total",
    ),
    Column(
        "Age",
        lambda r, now: formats.duration(now - r.created_at),
        lambda r, now: now - r.created_at,
        width=90,
        numeric=True,
        tip=lambda r: f"Since {formats.clock(r.created_at)[:8]}",
    ),
    Column(
        "Idle",
        lambda r, now: formats.duration(r.idle(now)),
        lambda r, now: r.idle(now),
        width=90,
        numeric=True,
        tip=lambda r: (
            "Closes soon: no activity" if r.ends_soon else "Since the last input or output"
        ),
    ),
)
_AT = {column.title: index for index, column in enumerate(COLUMNS)}
_TONES = {
    SessionState.CREATED: Tone.MUTED,
    SessionState.CONNECTING: Tone.ACCENT,
    SessionState.CONNECTED: Tone.OK,
    SessionState.DISCONNECTED: Tone.WARN,
    SessionState.CLOSED: Tone.MUTED,
}


class SessionModel(QAbstractTableModel):
    """One row per session in order of creation; a closed session is removed.

    Events of unknown sessions are ignored.
    """

    def __init__(
        self,
        icons: Icons,
        clock: Callable[[], float] = time.time,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._clock = clock
        self._rows: list[SessionRow] = []
        self._shown: dict[str, tuple[str, str]] = {}
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.timeout.connect(self.tick)

    # -- events of the engine

    def created(self, event: SessionCreated) -> None:
        if self._find(event.session_id) is not None:
            return
        at = len(self._rows)
        self.beginInsertRows(_NO_PARENT, at, at)
        guest = event.guest
        self._rows.append(
            SessionRow(
                event.session_id,
                guest.label,
                event.device_id,
                event.at,
                own=guest.own,
                address=guest.address,
            )
        )
        self.endInsertRows()
        self._ticker.start()

    def state_changed(self, event: SessionStateChanged) -> None:
        self._update(event.session_id, ("State", "State"), state=event.new)

    def pty_connected(self, event: PtyConnected) -> None:
        self._update(event.session_id, ("Guest", "Guest"), code=event.code)

    def code_known(self, event: CodeKnown) -> None:
        self._update(event.session_id, ("Guest", "Guest"), code=event.code)

    def ice_changed(self, event: IceConnection) -> None:
        self._update(event.session_id, ("ICE", "ICE"), ice=event.state)

    def pair_selected(self, event: IcePairSelected) -> None:
        self._update(event.session_id, ("Path", "Path"), pair=event.pair)

    def traffic(self, event: Traffic) -> None:
        self._update(
            event.session_id,
            ("RTT", "Idle"),
            rtt=event.rtt,
            rate_in=event.rate_in,
            rate_out=event.rate_out,
            bytes_in=event.bytes_in,
            bytes_out=event.bytes_out,
            active_at=event.at - event.idle,
        )

    def idle(self, event: SessionIdle) -> None:
        ends_soon = event.seconds is not None
        self._update(event.session_id, ("Idle", "Idle"), ends_soon=ends_soon)

    def closed(self, event: SessionClosed) -> None:
        at = self._find(event.session_id)
        if at is None:
            return
        self.beginRemoveRows(_NO_PARENT, at, at)
        del self._rows[at]
        self._shown.pop(event.session_id, None)
        self.endRemoveRows()
        if not self._rows:
            self._ticker.stop()

    # -- for the window

    @property
    def ticking(self) -> bool:
        return self._ticker.isActive()

    def session(self, session_id: str) -> SessionRow | None:
        at = self._find(session_id)
        return None if at is None else self._rows[at]

    def sessions(self) -> tuple[SessionRow, ...]:
        return tuple(self._rows)

    def tick(self) -> None:
        """Update the ages and idle times whose text has changed."""
        now = self._clock()
        first, last = _AT["Age"], _AT["Idle"]
        changed = []
        for at, row in enumerate(self._rows):
            texts = (COLUMNS[first].text(row, now), COLUMNS[last].text(row, now))
            if self._shown.get(row.session_id) != texts:
                self._shown[row.session_id] = texts
                changed.append(at)
        if changed:  # One signal: each costs the view more than a few rows too many.
            self.dataChanged.emit(self.index(changed[0], first), self.index(changed[-1], last))

    # -- QAbstractTableModel

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row, self._clock())
        if role == SORT_ROLE:
            return column.key(row, self._clock())
        if role == ID_ROLE:
            return row.session_id
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip(row) if column.tip else None
        if role == Qt.ItemDataRole.DecorationRole:
            if column.title == "Idle" and row.ends_soon:
                return self._icons.get("clock", Tone.WARN)
            if column.title == "State":
                return self._icons.get("dot", _TONES[row.state])
            if column.title == "Guest":
                return self._icons.get("computer" if row.own else "sessions", Tone.MUTED)
        return None

    def _find(self, session_id: str) -> int | None:
        for at, row in enumerate(self._rows):
            if row.session_id == session_id:
                return at
        return None

    def _update(self, session_id: str, columns: tuple[str, str], **values: Any) -> None:
        """Set fields of a known session, shown in the columns from the first to the second."""
        at = self._find(session_id)
        if at is None:
            return
        row = self._rows[at]
        for name, value in values.items():
            setattr(row, name, value)
        first, last = (self.index(at, _AT[title]) for title in columns)
        self.dataChanged.emit(first, last)


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
