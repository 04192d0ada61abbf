"""The targets as a tree: this computer, then one group per Docker engine.

A row that remains after a change stays selected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt

from engine.core.model import EngineState, TargetKind, TargetState
from gui.kit import problems
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, HEADING_ROLE, NOTE_ROLE
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QObject

    from engine.core.model import DockerStatus, Target
    from gui.kit.icons import Icons

Index = QModelIndex | QPersistentModelIndex

TARGET_ROLE = Qt.ItemDataRole.UserRole + 20
"""The Target of a row, None for a group."""
SEARCH_ROLE = Qt.ItemDataRole.UserRole + 21
"""The text the search field searches."""

_NO_PARENT = QModelIndex()
_CONTAINER_ICONS = {
    TargetState.RUNNING: ("container", Tone.ACCENT),
    TargetState.PAUSED: ("container-paused", Tone.WARN),
    TargetState.STOPPED: ("container-stopped", Tone.MUTED),
}
_CODES = {
    EngineState.ABSENT: "docker_absent",
    EngineState.REFUSED: "docker_refused",
    EngineState.FAILED: "docker_failed",
}


@dataclass(eq=False, slots=True)
class _Node:
    """A row. ``parent`` is None at the top; ``target`` is None for a group."""

    key: str
    number: int = 0
    parent: _Node | None = None
    target: Target | None = None
    children: list[_Node] = field(default_factory=list)


def key(target: Target) -> str:
    """What identifies it for as long as it exists: a container may be renamed, and another one
    may get its name."""
    return target.ref or target.id


def openable(target: Target | None) -> bool:
    """Whether a terminal can be opened in it now."""
    return target is not None and target.state is TargetState.RUNNING


def links_in_words(links: int) -> str:
    return {0: "", 1: "1 link"}.get(links, f"{links} links")


def startable(target: Target) -> bool:
    """Whether it can be started, or unpaused."""
    return target.kind is TargetKind.CONTAINER and target.state is not TargetState.RUNNING


def start_label(target: Target) -> str:
    """What a button calls that."""
    return "Unpause" if target.state is TargetState.PAUSED else "Start"


def why_not(target: Target) -> str:
    """Why no terminal can be opened in it, and what to do; "" when one can."""
    if target.state is TargetState.PAUSED:
        return f"{target.name} is paused. Unpause it to open a terminal."
    if target.state is TargetState.STOPPED:
        return f"{target.name} is not running. Start it to open a terminal."
    return ""


def docker_problem(status: DockerStatus) -> problems.Problem | None:
    """What is wrong with an engine and what to do, or None."""
    code = _CODES.get(status.state)
    if code is None:
        return None
    detail = f"{status.detail.rstrip('.')}. " if status.detail else ""
    return problems.Problem(problems.title(code), detail + problems.next_step(code), code)


class TargetModel(QAbstractItemModel):
    """Two levels deep. set_targets() takes the whole catalog and updates only what changed."""

    def __init__(self, icons: Icons, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._root = _Node("")
        # Indexes carry a number, not a pointer: a stale index finds nothing and does no harm.
        self._nodes: dict[int, _Node] = {}
        self._last_number = 0
        self._statuses: dict[str, DockerStatus] = {}
        self._links: dict[str, int] = {}

    def set_targets(self, targets: Iterable[Target]) -> None:
        top: list[tuple[str, Target | None]] = []
        groups: dict[str, list[Target]] = {name: [] for name in self._statuses}
        for target in targets:
            if target.kind is TargetKind.CONTAINER:
                groups.setdefault(target.engine, []).append(target)
            else:
                top.append((key(target), target))
        # No key of a target contains a colon, so that of a group is never one.
        top += [(f"engine:{name}", None) for name in groups]
        self._merge(self._root, top)
        for node in self._root.children:
            if node.target is None:
                members = groups[node.key.removeprefix("engine:")]
                self._merge(node, [(key(target), target) for target in members])
                # Its note counts the members.
                self._touch(node)

    def set_status(self, status: DockerStatus) -> None:
        """Show an engine's group, even while it has no containers."""
        known = status.engine in self._statuses
        self._statuses[status.engine] = status
        if not known:
            self.set_targets(self.targets())
        node = self._group(status.engine)
        if node is not None:
            self._touch(node)

    def set_links(self, links: dict[str, int]) -> None:
        """How many links open a target or join a terminal in it, by the target's id."""
        before, self._links = self._links, links
        for node in self._root.children:
            for one in (node, *node.children):
                name = "" if one.target is None else one.target.id
                if before.get(name) != links.get(name):
                    self._touch(one)

    def links_of(self, target_id: str) -> int:
        return self._links.get(target_id, 0)

    def targets(self) -> tuple[Target, ...]:
        found: list[Target] = []
        for node in self._root.children:
            found += [n.target for n in (node, *node.children) if n.target is not None]
        return tuple(found)

    def target(self, index: Index) -> Target | None:
        return self._node(index).target

    def index_of(self, target_id: str) -> QModelIndex:
        for node in self._root.children:
            for candidate in (node, *node.children):
                if candidate.target is not None and candidate.target.id == target_id:
                    return self._index(candidate)
        return QModelIndex()

    # -- QAbstractItemModel

    def index(self, row: int, column: int, parent: Index = _NO_PARENT) -> QModelIndex:
        children = self._node(parent).children
        if column != 0 or not 0 <= row < len(children):
            return QModelIndex()
        return self.createIndex(row, column, children[row].number)

    def parent(self, index: Index = _NO_PARENT) -> QModelIndex:  # type: ignore[override]
        # The stubs lack this overload of QObject.parent().
        above = self._node(index).parent
        return QModelIndex() if above is None else self._index(above)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return len(self._node(parent).children)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self._node(index).target is None:
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self._node(index)
        if node.target is None:
            return self._group_data(node, role)
        return self._target_data(node.target, role)

    def _group_data(self, node: _Node, role: int) -> Any:
        name = node.key.removeprefix("engine:")
        if role == Qt.ItemDataRole.DisplayRole:
            return "Docker" if name == "docker" else name
        if role == HEADING_ROLE:
            return True
        if role == NOTE_ROLE:
            running = sum(openable(child.target) for child in node.children)
            return f"{running} running" if node.children else ""
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icons.get("engine", Tone.MUTED)
        if role == Qt.ItemDataRole.ToolTipRole and name in self._statuses:
            status = self._statuses[name]
            version = f"\nDocker {status.version}" if status.version else ""
            return f"{status.url or name}{version}"
        return None

    def _target_data(self, target: Target, role: int) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return target.name
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self._target_data(target, Qt.ItemDataRole.ToolTipRole)
        if role == TARGET_ROLE:
            return target
        if role == SEARCH_ROLE:
            return f"{target.name}\n{target.image}"
        if role == FADED_ROLE:
            return not openable(target)
        if role == DETAIL_ROLE:
            links = links_in_words(self.links_of(target.id))
            return " · ".join(part for part in (_detail(target), links) if part)
        if role == NOTE_ROLE:
            is_open = target.shared or self.links_of(target.id)
            return self._icons.get("share", Tone.ACCENT) if is_open else None
        if role == Qt.ItemDataRole.DecorationRole:
            if target.kind is TargetKind.LOCAL:
                return self._icons.get("computer", Tone.ACCENT)
            return self._icons.get(*_CONTAINER_ICONS[target.state])
        if role == Qt.ItemDataRole.ToolTipRole:
            shared = (
                "Shared: guests can open it without a link or approval" if target.shared else ""
            )
            status = target.status if target.kind is TargetKind.CONTAINER else ""
            links = links_in_words(self.links_of(target.id))
            parts = (target.name, target.image, status, shared, links, why_not(target))
            return "\n".join(part for part in parts if part)
        return None

    def _node(self, index: Index) -> _Node:
        if not index.isValid():
            return self._root
        return self._nodes.get(index.internalId(), self._root)

    def _index(self, node: _Node) -> QModelIndex:
        if node.parent is None:
            return QModelIndex()
        return self.createIndex(node.parent.children.index(node), 0, node.number)

    def _group(self, engine: str) -> _Node | None:
        key = f"engine:{engine}"
        return next((node for node in self._root.children if node.key == key), None)

    def _touch(self, node: _Node) -> None:
        index = self._index(node)
        self.dataChanged.emit(index, index)

    def _merge(self, above: _Node, wanted: list[tuple[str, Target | None]]) -> None:
        """Replace the children of ``above`` with ``wanted``, changing as few rows as possible."""
        keys = {name for name, _ in wanted}
        for row in reversed(range(len(above.children))):
            if above.children[row].key not in keys:
                self._remove(above, row)
        for row, (name, target) in enumerate(wanted):
            if row < len(above.children) and above.children[row].key == name:
                node = above.children[row]
                if node.target is not target and _facts(node.target) != _facts(target):
                    node.target = target
                    self._touch(node)
                continue
            # A row is in another place only after a rename.
            at = next((at for at, other in enumerate(above.children) if other.key == name), -1)
            if at >= 0:
                self._move(above, at, row)
                above.children[row].target = target
                self._touch(above.children[row])
                continue
            self.beginInsertRows(self._index(above), row, row)
            self._last_number += 1
            node = _Node(name, self._last_number, above, target)
            self._nodes[node.number] = node
            above.children.insert(row, node)
            self.endInsertRows()

    def _move(self, above: _Node, at: int, row: int) -> None:
        """Up, to ``row``: what is selected stays so."""
        index = self._index(above)
        self.beginMoveRows(index, at, at, index, row)
        above.children.insert(row, above.children.pop(at))
        self.endMoveRows()

    def _remove(self, above: _Node, row: int) -> None:
        self.beginRemoveRows(self._index(above), row, row)
        node = above.children.pop(row)
        for gone in (node, *node.children):
            self._nodes.pop(gone.number, None)
        self.endRemoveRows()


def _facts(target: Target | None) -> tuple[Any, ...] | None:
    # Labels are not compared by Target.__eq__, but a label can share a target.
    return None if target is None else (target, tuple(sorted(target.labels.items())))


def _detail(target: Target) -> str:
    if target.kind is not TargetKind.CONTAINER:
        return "Shell on this computer"
    if target.state is TargetState.RUNNING:
        return target.image
    return f"{target.state.value.capitalize()} · {target.image}".rstrip(" ·")
