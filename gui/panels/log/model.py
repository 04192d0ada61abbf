"""The lines of the ICE log: made from events, bounded, filtered, added in batches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from engine.core.events import (
    IceCandidate,
    IceConnection,
    IceGathering,
    IcePairSelected,
    OfferRefused,
    PeerConnection,
    PtyConnected,
    RelayStateChanged,
    SessionClosed,
    SessionCreated,
    SessionEvent,
    SessionNote,
    SessionStateChanged,
)
from engine.core.model import RelayState
from engine.core.session_state import SessionState
from engine.core.text import shown
from gui.kit import formats
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QObject

    from engine.core.events import Event
    from gui.kit.style import Theme

Index = QModelIndex | QPersistentModelIndex

MAX_LINE = 1000
"""Maximum characters of a line."""
MAX_LINES = 10_000
"""Lines stored; the oldest are dropped first. At most about 3 MB."""
FRAME_MS = 16
"""Lines that arrive within one frame are added to the view together."""

COLUMNS = ("Time", "Session", "Event")
_NO_PARENT = QModelIndex()


@dataclass(frozen=True, slots=True)
class LogLine:
    """``at`` is in seconds since the epoch; ``session_id`` is "" for lines about the relay."""

    at: float
    session_id: str
    text: str
    tone: Tone = Tone.TEXT

    def __str__(self) -> str:
        who = formats.short_id(self.session_id) or "relay"
        return f"{formats.clock(self.at)}  {who:<8}  {self.text}"


_ICE_TONES = {"completed": Tone.OK, "connected": Tone.OK, "failed": Tone.ERROR}
_STATE_TONES = {SessionState.CONNECTED: Tone.OK, SessionState.DISCONNECTED: Tone.WARN}
_RELAY_TONES = {
    RelayState.CONNECTED: Tone.OK,
    RelayState.RECONNECTING: Tone.WARN,
    RelayState.REFUSED: Tone.ERROR,
}


def line_of(event: Event) -> LogLine | None:
    """The line for an event, or None if the log does not show it."""
    text, tone = _words(event)
    if not text:
        return None
    session_id = event.session_id if isinstance(event, SessionEvent) else ""
    # Text from the other side may contain line breaks.
    return LogLine(event.at, session_id, shown(" ".join(text.split()), MAX_LINE), tone)


def _words(event: Event) -> tuple[str, Tone]:
    match event:
        case SessionCreated():
            return f"Session created for {event.device_id} by {event.guest.label}", Tone.ACCENT
        case SessionStateChanged():
            tone = _STATE_TONES.get(event.new, Tone.TEXT)
            return f"Session {event.old.value} → {event.new.value}", tone
        case SessionClosed():
            code = "" if event.exit_code is None else f" (exit code {event.exit_code})"
            return f"Session closed: {event.reason}{code}", Tone.ACCENT
        case PtyConnected():
            return f"Terminal connected to {event.target}", Tone.OK
        case IceGathering():
            return f"ICE gathering {event.state}", Tone.TEXT
        case IceConnection():
            return f"ICE {event.state}", _ICE_TONES.get(event.state, Tone.TEXT)
        case PeerConnection():
            return f"Peer connection {event.state}", _ICE_TONES.get(event.state, Tone.TEXT)
        case IceCandidate():
            line = event.candidate.removeprefix("candidate:") or "end of candidates"
            return f"{event.side.capitalize()} candidate: {line}", Tone.MUTED
        case IcePairSelected():
            pair = event.pair
            return (
                (
                    f"Selected path ({pair.path.value}): {pair.protocol.upper()} "
                    f"{pair.local} ({pair.local_type}) ↔ {pair.remote} ({pair.remote_type})"
                ),
                Tone.OK,
            )
        case OfferRefused():
            more = f" ({event.count - 1} more since the last line)" if event.count > 1 else ""
            who = event.guest.label
            return f"Refused {who} for {event.device_id}: {event.text}{more}", Tone.WARN
        case SessionNote():
            return event.text, Tone.WARN
        case RelayStateChanged():
            detail = f": {event.detail}" if event.detail else ""
            tone = _RELAY_TONES.get(event.state, Tone.TEXT)
            return f"Relay {event.state.value} {event.url}{detail}", tone
        case _:
            return "", Tone.TEXT


class LogModel(QAbstractTableModel):
    """The newest ``limit`` lines that pass the filter, oldest first.

    ``waitingChanged`` carries the number of lines that wait while paused.
    """

    waitingChanged = Signal(int)

    def __init__(self, theme: Theme, limit: int = MAX_LINES, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._limit = limit
        self._lines: list[LogLine] = []
        self._visible: list[LogLine] = []
        self._pending: deque[LogLine] = deque(maxlen=limit)
        self._session: str | None = None
        self._needle = ""
        self._paused = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.flush)

    def add(self, line: LogLine) -> None:
        """Show ``line`` with the next frame."""
        self._pending.append(line)
        if not self._paused:
            if not self._timer.isActive():
                self._timer.start()
        else:
            self.waitingChanged.emit(len(self._pending))

    def flush(self) -> None:
        """Show waiting lines now, unless paused."""
        if self._paused or not self._pending:
            return
        fresh = list(self._pending)
        self._pending.clear()
        surplus = len(self._lines) + len(fresh) - self._limit
        if surplus > 0:
            self._drop(surplus)
        self._lines += fresh
        shown = self._passing(fresh)
        if shown:
            first = len(self._visible)
            self.beginInsertRows(_NO_PARENT, first, first + len(shown) - 1)
            self._visible += shown
            self.endInsertRows()

    def pause(self, paused: bool) -> None:
        """Hold back new lines (at most ``limit``, the oldest are dropped first), or resume."""
        self._paused = paused
        if not paused:
            self.flush()
        self.waitingChanged.emit(len(self._pending))

    def set_filter(self, session_id: str | None, needle: str) -> None:
        """Show only lines of one session (None: all, "": the relay) that contain ``needle``."""
        self._session, self._needle = session_id, needle.strip().lower()
        self.beginResetModel()
        self._visible = self._passing(self._lines)
        self.endResetModel()

    def clear(self) -> list[LogLine]:
        """Remove all lines and return them, for restore()."""
        self.beginResetModel()
        gone, self._lines = self._lines, []
        self._visible = []
        gone += self._pending
        self._pending.clear()
        self.endResetModel()
        self.waitingChanged.emit(0)
        return gone

    def restore(self, lines: list[LogLine]) -> None:
        """Show cleared lines again, before those added since."""
        self.beginResetModel()
        self._lines = [*lines, *self._lines][-self._limit :]
        self._visible = self._passing(self._lines)
        self.endResetModel()

    def lines(self) -> tuple[LogLine, ...]:
        """The shown lines."""
        return tuple(self._visible)

    def line(self, row: int) -> LogLine:
        return self._visible[row]

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._visible)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self._visible[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == 0:
                return formats.clock(line.at)
            if index.column() == 1:
                return formats.short_id(line.session_id) or "relay"
            return line.text
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._theme.colors.tone(line.tone if index.column() == 2 else Tone.MUTED)
        if role == Qt.ItemDataRole.ToolTipRole:
            return formats.tip(line.text if index.column() == 2 else line.session_id)
        return None

    def _passing(self, lines: Iterable[LogLine]) -> list[LogLine]:
        session, needle = self._session, self._needle
        if session is not None:
            lines = [line for line in lines if line.session_id == session]
        if needle:
            lines = [
                line
                for line in lines
                if needle in line.text.lower() or line.session_id.lower().startswith(needle)
            ]
        return list(lines)

    def _drop(self, count: int) -> None:
        """Remove the ``count`` oldest lines."""
        gone = self._passing(self._lines[:count])
        del self._lines[:count]
        if gone:
            # The filter keeps the order, so the oldest lines lead what is shown.
            self.beginRemoveRows(_NO_PARENT, 0, len(gone) - 1)
            del self._visible[: len(gone)]
            self.endRemoveRows()
