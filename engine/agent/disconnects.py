"""``webrtc:disconnect``: the guest, or the relay on its behalf, leaves a session.

The session decides what ends. Never raises: every message is answered.
"""

from __future__ import annotations

from typing import Any

from engine.core.errors import HatchwayError, SessionNotFoundError
from engine.core.text import shown
from engine.sessions.manager import WebRTCSessionManager
from engine.wire import signaling as wire


class DisconnectHandler:
    """Called with the raw payload; returns the acknowledgement."""

    def __init__(self, manager: WebRTCSessionManager) -> None:
        self._manager = manager

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            message = wire.parse(wire.Disconnect, payload)
        except HatchwayError as error:
            return wire.failure(wire.DISCONNECT, payload, error)
        reason = shown(message.reason or "Disconnected by the guest")
        if await self._manager.disconnect(message.session_id, reason):
            return wire.success(wire.DISCONNECT, message)
        unknown = SessionNotFoundError(f"Session {message.session_id} not found")
        return wire.warning(wire.DISCONNECT, message, error=str(unknown), code=unknown.code)
