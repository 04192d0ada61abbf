"""The running shells and their people, as the engine's events told them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.control.queries import Sessions, Shells
from engine.core.model import CandidatePair

if TYPE_CHECKING:
    from engine.core.events import (
        IcePairSelected,
        SessionClosed,
        SessionCreated,
        ShellChanged,
        ShellEnded,
        ShellStarted,
        Traffic,
    )
    from engine.core.model import ShellInfo
    from gui.control.adapter import EngineAdapter


@dataclass(frozen=True, slots=True)
class Route:
    """How a guest's session is connected. ``rtt``: round trip in seconds, None if unknown.

    ``own``: the session is a tab of this window that is connected as a peer.
    """

    pair: CandidatePair | None = None
    rtt: float | None = None
    own: bool = False


class ShellBook(QObject):
    """Signals carry a shell's id. A shell that has ended is no longer found."""

    started = Signal(str)
    changed = Signal(str)
    ended = Signal(str)
    routesChanged = Signal(str)
    """Path or round trip of somebody in this shell has changed."""

    def __init__(self, adapter: EngineAdapter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._shells: dict[str, ShellInfo] = {}
        self._routes: dict[str, Route] = {}
        self._places: dict[str, str] = {}
        """The shells of sessions."""
        adapter.engineReady.connect(self._load)
        adapter.shellStarted.connect(self._started)
        adapter.shellChanged.connect(self._changed)
        adapter.shellEnded.connect(self._ended)
        adapter.sessionCreated.connect(self._session_created)
        adapter.icePairSelected.connect(self._pair_selected)
        adapter.traffic.connect(self._traffic)
        adapter.sessionClosed.connect(self._session_closed)
        self._load()

    def all(self) -> tuple[ShellInfo, ...]:
        """Oldest first."""
        return tuple(self._shells.values())

    def shell(self, shell_id: str) -> ShellInfo | None:
        return self._shells.get(shell_id)

    def route(self, session_id: str) -> Route:
        return self._routes.get(session_id, Route())

    def is_ours(self, shell: ShellInfo) -> bool:
        """Whether only the host is in it, or it started it."""
        if shell.own:
            return True
        people = shell.participants
        return bool(people) and all(
            one.kind.is_host or self.route(one.session_id).own for one in people
        )

    def _load(self) -> None:
        for session in self._adapter.ask(Sessions(), ()):
            self._routes.setdefault(session.id, Route(own=session.own))
        for shell in self._adapter.ask(Shells(), ()):
            self._take(shell)

    def _take(self, shell: ShellInfo) -> None:
        if shell.exit is not None:
            return
        for one in shell.participants:
            if one.session_id:
                self._places[one.session_id] = shell.id
        known = shell.id in self._shells
        self._shells[shell.id] = shell
        (self.changed if known else self.started).emit(shell.id)

    def _started(self, event: ShellStarted) -> None:
        self._take(event.shell)

    def _changed(self, event: ShellChanged) -> None:
        # One that is published after the end must not bring the shell back.
        if event.shell.id in self._shells:
            self._take(event.shell)

    def _ended(self, event: ShellEnded) -> None:
        if self._shells.pop(event.shell.id, None) is not None:
            self.ended.emit(event.shell.id)

    def _session_created(self, event: SessionCreated) -> None:
        self._routes[event.session_id] = Route(own=event.guest.own)

    def _pair_selected(self, event: IcePairSelected) -> None:
        before = self._routes.get(event.session_id)
        if before is not None:
            self._set_route(event.session_id, Route(event.pair, before.rtt, before.own))

    def _traffic(self, event: Traffic) -> None:
        before = self._routes.get(event.session_id)
        if before is not None and event.rtt != before.rtt:
            self._set_route(event.session_id, Route(before.pair, event.rtt, before.own))

    def _set_route(self, session_id: str, route: Route) -> None:
        self._routes[session_id] = route
        if (shell_id := self._places.get(session_id)) is not None:
            self.routesChanged.emit(shell_id)

    def _session_closed(self, event: SessionClosed) -> None:
        self._routes.pop(event.session_id, None)
        self._places.pop(event.session_id, None)
