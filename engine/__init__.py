"""The terminal-hosting engine: sessions, signaling, PTYs, relay. Knows no Qt.

The public names below are resolved on first use, because importing the WebRTC
stack costs more than half a second and a window should be on screen by then.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Each is an attribute of the module, by the name after ":" if there is one.
_PUBLIC = {
    "Agent": "engine.agent.agent",
    "Control": "engine.control.control",
    "PTYBridge": "engine.shells.participant:Participant",
    "SessionState": "engine.core.session_state",
    "TerminalChannel": "engine.sessions.terminal_channel",
    "WebRTCSessionManager": "engine.sessions.manager",
    "create_pty_session": "engine.pty.create",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        module, _, attribute = _PUBLIC[name].partition(":")
        return getattr(import_module(module), attribute or name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
