"""The running shells as a tree: below each its people, with role, path and keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, QTimer

from engine.core.model import KeyboardState, ParticipantKind, PathKind, Role
from engine.core.text import shown
from gui.kit import formats, people
from gui.kit.style import Tone

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from engine.core.model import ParticipantInfo, ShellInfo
    from gui.control.shells import Route, ShellBook
    from gui.kit.icons import Icons

Index = QModelIndex | QPersistentModelIndex

SHELL_ROLE = Qt.ItemDataRole.UserRole + 1
"""The shell's id, in every column of it and of its people."""
PERSON_ROLE = Qt.ItemDataRole.UserRole + 2
"""The participant's id; "" in the rows of shells."""
TICK_MS = 1000
_NO_PARENT = QModelIndex()


@dataclass(slots=True)
class _Entry:
    """A shell's row. ``number`` never changes: it is the internal id of its people's rows."""

    number: int
    shell: ShellInfo


@dataclass(frozen=True, slots=True)
class Column:
    """What is shown in the rows of shells, and in those of people."""

    title: str
    width: int
    of_shell: Callable[[ShellInfo, float], str]
    of_person: Callable[[ShellInfo, ParticipantInfo, Route], str]


def _named(shell: ShellInfo) -> str:
    title, target = people.title(shell), shown(shell.target, people.MAX_NAME)
    return title if title == target else f"{title} · {target}"


def _keyboard(shell: ShellInfo) -> str:
    """Nothing is to be said of one that only the host is in."""
    alone = shell.keyboard is KeyboardState.OPEN and not people.guests(shell)
    return "" if alone else people.keyboard(shell)


def _may(shell: ShellInfo, person: ParticipantInfo) -> str:
    if not person.attached:
        return "Connection lost"
    if person.id in shell.asking:
        return "Asks for the keyboard"
    role = "Types" if person.role is Role.CONTROL else "Views"
    if person.id == shell.holder:
        return f"{role} · has the keyboard"
    return f"{role} · typing now" if person.typing else role


def _path(person: ParticipantInfo, route: Route) -> str:
    if person.kind is ParticipantKind.HOST:
        return "This window"
    if person.kind is ParticipantKind.TTY:
        return "This computer"
    if route.pair is None:
        return formats.NOTHING
    if route.pair.path is PathKind.RELAYED:
        via = shown(formats.host(route.pair.via))
        return f"Relayed via {via}" if via else "Relayed"
    return "Direct"


def _size(shell: ShellInfo) -> str:
    size = f"{shell.size.cols}×{shell.size.rows}"
    return f"{size} pinned" if shell.pinned is not None else size


def _recording(shell: ShellInfo, now: float) -> str:
    since = shell.recording_since
    return "" if since is None else f"● {formats.duration(now - since)}"


COLUMNS: tuple[Column, ...] = (
    Column("Terminal", 280, lambda s, _: _named(s), lambda _, p, __: people.name(p)),
    Column("Keyboard", 210, lambda s, _: _keyboard(s), lambda s, p, _: _may(s, p)),
    Column("Path", 150, lambda _, __: "", lambda _, p, route: _path(p, route)),
    Column(
        "RTT",
        80,
        lambda _, __: "",
        lambda _, p, route: "" if p.kind.is_host else formats.latency(route.rtt),
    ),
    Column("Size", 120, lambda s, _: _size(s), lambda _, __, ___: ""),
    Column("Recording", 100, _recording, lambda _, __, ___: ""),
    Column("Age", 90, lambda s, now: formats.duration(now - s.started_at), lambda _, __, ___: ""),
)
_AT = {column.title: at for at, column in enumerate(COLUMNS)}


class ShellModel(QAbstractItemModel):
    """Follows a ShellBook; shells in the order in which they started."""

    def __init__(
        self,
        icons: Icons,
        book: ShellBook,
        clock: Callable[[], float] = time.time,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._book = book
        self._clock = clock
        self._entries: list[_Entry] = []
        self._rows: dict[str, int] = {}
        """By a shell's id and by its number: a host of hundreds of shells hears of each of them
        every second."""
        self._places: dict[int, int] = {}
        self._made = 0
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.timeout.connect(self.tick)
        for shell in book.all():
            self._started(shell.id)
        book.started.connect(self._started)
        book.changed.connect(self._changed)
        book.ended.connect(self._ended)
        book.routesChanged.connect(self._routes_changed)

    # -- for the panel

    def index_of(self, shell_id: str, person: str = "") -> QModelIndex:
        """Of a shell, or of somebody in it; invalid when there is none."""
        row = self._rows.get(shell_id)
        if row is None or not person:
            return QModelIndex() if row is None else self.index(row, 0)
        ids = [one.id for one in self._entries[row].shell.participants]
        found = person in ids
        return self.index(ids.index(person), 0, self.index(row, 0)) if found else QModelIndex()

    def tick(self) -> None:
        """Times go on."""
        if self._entries:
            last = len(self._entries) - 1
            self.dataChanged.emit(self.index(0, _AT["Recording"]), self.index(last, _AT["Age"]))

    # -- the book's

    def _started(self, shell_id: str) -> None:
        shell = self._book.shell(shell_id)
        if shell is None:
            return
        at = len(self._entries)
        self.beginInsertRows(_NO_PARENT, at, at)
        self._made += 1
        self._entries.append(_Entry(self._made, shell))
        self._rows[shell_id] = self._places[self._made] = at
        self.endInsertRows()
        self._ticker.start()

    def _changed(self, shell_id: str) -> None:
        shell = self._book.shell(shell_id)
        row = self._rows.get(shell_id)
        if shell is None or row is None:
            return
        entry = self._entries[row]
        before = entry.shell.participants
        here = self.index(row, 0)
        ids = {one.id for one in shell.participants}
        # First who has left, then who has come: the others keep their rows, and the selection.
        kept = list(before)
        for at in reversed(range(len(kept))):
            if kept[at].id not in ids:
                self.beginRemoveRows(here, at, at)
                del kept[at]
                entry.shell = _with(entry.shell, kept)
                self.endRemoveRows()
        known = {one.id for one in kept}
        fresh = [one for one in shell.participants if one.id not in known]
        now = {one.id: one for one in shell.participants}
        same = [now[one.id] for one in kept]
        if fresh:
            self.beginInsertRows(here, len(same), len(same) + len(fresh) - 1)
            entry.shell = _with(shell, [*same, *fresh])
            self.endInsertRows()
        entry.shell = _with(shell, [*same, *fresh])
        last = len(COLUMNS) - 1
        self.dataChanged.emit(here, self.index(row, last))
        if entry.shell.participants:
            end = len(entry.shell.participants) - 1
            self.dataChanged.emit(self.index(0, 0, here), self.index(end, last, here))

    def _ended(self, shell_id: str) -> None:
        row = self._rows.get(shell_id)
        if row is None:
            return
        self.beginRemoveRows(_NO_PARENT, row, row)
        del self._entries[row]
        self._rows = {entry.shell.id: at for at, entry in enumerate(self._entries)}
        self._places = {entry.number: at for at, entry in enumerate(self._entries)}
        self.endRemoveRows()
        if not self._entries:
            self._ticker.stop()

    def _routes_changed(self, shell_id: str) -> None:
        row = self._rows.get(shell_id)
        if row is None:
            return
        here, end = self.index(row, 0), len(self._entries[row].shell.participants) - 1
        if end >= 0:
            self.dataChanged.emit(
                self.index(0, _AT["Path"], here), self.index(end, _AT["RTT"], here)
            )

    # -- QAbstractItemModel

    def index(self, row: int, column: int, parent: Index = _NO_PARENT) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        number = self._entries[parent.row()].number if parent.isValid() else 0
        return self.createIndex(row, column, number)

    def parent(self, index: Index = _NO_PARENT) -> QModelIndex:  # type: ignore[override]
        number = index.internalId() if index.isValid() else 0
        if not number:
            return QModelIndex()
        row = self._places.get(number)
        return QModelIndex() if row is None else self.createIndex(row, 0, 0)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        if not parent.isValid():
            return len(self._entries)
        if parent.internalId() or parent.column():
            return 0
        return len(self._entries[parent.row()].shell.participants)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        above = self.parent(index)
        if above.isValid():
            shell = self._entries[above.row()].shell
            return self._of_person(shell, shell.participants[index.row()], index.column(), role)
        return self._of_shell(self._entries[index.row()].shell, index.column(), role)

    def _of_shell(self, shell: ShellInfo, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[column].of_shell(shell, self._clock())
            case int(value) if value == SHELL_ROLE:
                return shell.id
            case int(value) if value == PERSON_ROLE:
                return ""
            case Qt.ItemDataRole.ToolTipRole:
                owner = "Yours" if self._book.is_ours(shell) else "Opened by a guest"
                return formats.tip(
                    shown(shell.title) or shell.target, f"Target {shell.target}", owner
                )
            case Qt.ItemDataRole.ForegroundRole if column == _AT["Recording"]:
                return self._icons.color(Tone.ERROR)
            case Qt.ItemDataRole.DecorationRole if column == 0:
                tone = Tone.ACCENT if people.guests(shell) else Tone.MUTED
                return self._icons.get("terminal", tone)
            case Qt.ItemDataRole.DecorationRole if column == _AT["Keyboard"]:
                if shell.keyboard is KeyboardState.FROZEN:
                    return self._icons.get("snow", Tone.WARN)
                if shell.keyboard is KeyboardState.TAKEN:
                    return self._icons.get("keyboard", Tone.ACCENT)
        return None

    def _of_person(self, shell: ShellInfo, person: ParticipantInfo, column: int, role: int) -> Any:
        route = self._book.route(person.session_id)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[column].of_person(shell, person, route)
            case int(value) if value == SHELL_ROLE:
                return shell.id
            case int(value) if value == PERSON_ROLE:
                return person.id
            case Qt.ItemDataRole.ToolTipRole if not person.kind.is_host:
                return formats.tip(people.name(person), f"Session {person.session_id}")
            case Qt.ItemDataRole.DecorationRole if column == 0:
                if person.typing:
                    return self._icons.get("keyboard", Tone.ACCENT)
                tone = Tone.MUTED if person.attached else Tone.WARN
                return self._icons.get("computer" if person.kind.is_host else "user", tone)
        return None


def _with(shell: ShellInfo, participants: list[ParticipantInfo]) -> ShellInfo:
    return replace(shell, participants=tuple(participants))
