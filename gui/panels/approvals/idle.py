"""Guests whose session is about to end because nothing is typed or printed.

Owns the strip of each. Does not own when a session is idle (the engine's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.control.commands import KeepOpen
from engine.core.text import shown
from gui.kit import formats
from gui.kit.notices import ElidedLabel, Strip
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.core.events import SessionClosed, SessionIdle
    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons
    from gui.panels.sessions.model import SessionModel

MAX_NAME = 40


class IdleStrip(Strip):
    """Says when the session ends. ``keep`` is called when the person wants to keep it."""

    def __init__(
        self,
        icons: Icons,
        guest: str,
        target: str,
        seconds: float,
        keep: Callable[[], object],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(icons, "clock", Tone.WARN, clock)
        name = shown(guest, MAX_NAME)
        self.title = ElidedLabel(
            f"The terminal of {name} in {shown(target)}", "stripTitle", keep=30
        )
        self.ends = ElidedLabel("", "", keep=14)
        self.row.addWidget(self.title)
        self.row.addWidget(self.ends)
        self.row.addStretch(1)
        self.button("Keep open", keep, primary=True)
        self.setAccessibleName(f"{self.title.text()} closes soon: no activity")
        self.wait(seconds)

    def tick(self) -> None:
        self.ends.setText(f"closes in {formats.duration(self.left)}, no activity")
        super().tick()


class IdleWarnings(QObject):
    """One strip for each session the engine warns of, until it is kept, used or closed."""

    def __init__(
        self, adapter: EngineAdapter, icons: Icons, attention: Attention, sessions: SessionModel
    ) -> None:
        super().__init__(attention)
        self._adapter = adapter
        self._icons = icons
        self._attention = attention
        self._sessions = sessions
        self._strips: dict[str, IdleStrip] = {}
        adapter.sessionIdle.connect(self._warned)
        adapter.sessionClosed.connect(self._closed)

    def _warned(self, event: SessionIdle) -> None:
        self._drop(event.session_id, "It is in use again.")
        row = self._sessions.session(event.session_id)
        if event.seconds is None or row is None or row.own:
            return
        strip = IdleStrip(
            self._icons,
            row.guest,
            row.target,
            event.seconds,
            lambda: self._keep(event.session_id),
            self._attention.clock,
        )
        self._strips[event.session_id] = strip
        self._attention.add(strip)

    def _keep(self, session_id: str) -> None:
        self._adapter.do(KeepOpen(session_id))
        strip = self._strips.pop(session_id, None)
        if strip is not None:
            self._attention.take(strip)

    def _closed(self, event: SessionClosed) -> None:
        self._drop(event.session_id, event.reason)

    def _drop(self, session_id: str, why: str) -> None:
        strip = self._strips.pop(session_id, None)
        if strip is not None:
            self._attention.void(strip, why)
