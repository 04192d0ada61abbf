"""The terminal-hosting engine: sessions, signaling, PTYs, relay. Knows no Qt.

The public names below are resolved on first use, because importing the WebRTC
stack costs more than half a second and a window should be on screen by then.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Agent": "engine.agent.agent",
    "Control": "engine.control.control",
    "PTYBridge": "engine.shells.participant",
    "SessionState": "engine.core.session_state",
    "TerminalChannel": "engine.sessions.terminal_channel",
    "WebRTCSessionManager": "engine.sessions.manager",
    "create_pty_session": "engine.pty.create",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
