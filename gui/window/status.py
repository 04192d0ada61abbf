"""The status bar: relay, Docker, number of sessions, each an icon with words.

Owns how those states read. Does not own the states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from engine.control.queries import DockerStatuses
from engine.core.model import EngineState, RelayState
from gui.kit import formats
from gui.kit.style import Tone
from gui.kit.widgets import IconLabel

if TYPE_CHECKING:
    from engine.core.events import DockerStatusChanged, EndsPending, RelayStateChanged
    from engine.core.model import DockerStatus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons

_RELAY = {
    RelayState.STOPPED: ("Relay off", "relay-off", Tone.MUTED),
    RelayState.CONNECTING: ("Relay: connecting…", "relay", Tone.ACCENT),
    RelayState.CONNECTED: ("Relay connected", "relay", Tone.OK),
    RelayState.RECONNECTING: ("Relay lost, reconnecting…", "relay-off", Tone.WARN),
    RelayState.REFUSED: ("Relay refuses this app", "relay-off", Tone.ERROR),
}
_DOCKER = {
    EngineState.CONNECTING: ("Docker: connecting…", Tone.ACCENT),
    EngineState.READY: ("Docker ready", Tone.OK),
    EngineState.ABSENT: ("Docker not running", Tone.WARN),
    EngineState.REFUSED: ("Docker: no permission", Tone.ERROR),
    EngineState.FAILED: ("Docker failed", Tone.ERROR),
}
# The worst engine's state is the one shown when there are several.
_WORST = (
    EngineState.READY,
    EngineState.CONNECTING,
    EngineState.ABSENT,
    EngineState.REFUSED,
    EngineState.FAILED,
)


class Indicator(QWidget):
    """An icon and a word, with the details in the tooltip."""

    def __init__(self, icons: Icons, icon: str, text: str) -> None:
        super().__init__()
        self._icons = icons
        self._icon = IconLabel(16)
        self._text = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 10, 2)
        row.setSpacing(6)
        row.addWidget(self._icon)
        row.addWidget(self._text)
        self.show_state(icon, text, Tone.MUTED)

    @property
    def text(self) -> str:
        return self._text.text()

    def show_state(self, icon: str, text: str, tone: Tone, tip: str = "") -> None:
        self._icons.bind(self._icon, icon, tone)
        self._text.setText(text)
        self.setToolTip(tip)


class StatusBar(QStatusBar):
    """Follows the engine by itself; the number of sessions is told."""

    def __init__(self, adapter: EngineAdapter, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._docker_states: dict[str, DockerStatus] = {}
        self.relay = Indicator(icons, "relay", "Starting…")
        self.docker = Indicator(icons, "engine", "Docker: connecting…")
        self.sessions = Indicator(icons, "sessions", "No sessions")
        self.ends = Indicator(icons, "sessions", "")
        """Closed terminals whose processes take long to end; hidden when there are none."""
        self.ends.hide()
        self.setSizeGripEnabled(False)
        self.addWidget(self.relay)
        self.addWidget(self.docker)
        self.addPermanentWidget(self.ends)
        self.addPermanentWidget(self.sessions)
        adapter.relayStateChanged.connect(self._relay_changed)
        adapter.dockerStatusChanged.connect(self._docker_changed)
        adapter.endsPending.connect(self._ends_pending)
        adapter.engineReady.connect(self._ready)
        adapter.startFailed.connect(self._start_failed)

    def set_sessions(self, count: int) -> None:
        words = {0: "No sessions", 1: "1 session"}.get(count, f"{count} sessions")
        self.sessions.show_state("sessions", words, Tone.ACCENT if count else Tone.MUTED)

    def _ready(self) -> None:
        if not self._adapter.ask(DockerStatuses(), ()):
            self.docker.show_state("engine", "Docker off", Tone.MUTED, "No engine is configured")

    def _start_failed(self) -> None:
        self.relay.show_state("relay-off", "Not running", Tone.ERROR)
        self.docker.show_state("engine", "Docker: not connected", Tone.MUTED)

    def _relay_changed(self, event: RelayStateChanged) -> None:
        text, icon, tone = _RELAY[event.state]
        self.relay.show_state(icon, text, tone, formats.tip(event.url, event.detail))

    def _ends_pending(self, event: EndsPending) -> None:
        terminals = "1 terminal" if event.count == 1 else f"{event.count} terminals"
        self.ends.show_state("sessions", f"Ending {terminals}…", Tone.WARN, event.text)
        self.ends.setVisible(bool(event.count and event.text))

    def _docker_changed(self, event: DockerStatusChanged) -> None:
        self._docker_states[event.status.engine] = event.status
        states = self._docker_states.values()
        worst = max(states, key=lambda status: _WORST.index(status.state))
        text, tone = _DOCKER[worst.state]
        if len(states) > 1 and worst.state is not EngineState.READY:
            text = f"{text} ({worst.engine})"
        tip = formats.tip(
            *(
                f"{s.engine}: {s.state.value} {s.version} {s.url} {s.detail}".rstrip()
                for s in states
            )
        )
        self.docker.show_state("engine", text, tone, tip)
