"""``webrtc:ice``: a remote candidate for a session, or for one about to be.

Owns applying or holding it. Does not own candidates of our own: those travel
inside the answer. Never raises: every message is answered.
"""

from __future__ import annotations

from typing import Any

from engine.agent.offers import HeldCandidates
from engine.core.errors import HatchwayError
from engine.sessions.manager import WebRTCSessionManager
from engine.transport.sdp import ice_ufrag, parse_candidate
from engine.wire import signaling as wire


class IceHandler:
    """Called with the raw payload; returns the acknowledgement."""

    def __init__(self, manager: WebRTCSessionManager, held: HeldCandidates) -> None:
        self._manager = manager
        self._held = held

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            message = wire.parse(wire.Ice, payload)
            await self._apply(message)
        except HatchwayError as error:
            return wire.failure(wire.ICE, payload, error)
        return wire.success(wire.ICE, message)

    async def _apply(self, message: wire.Ice) -> None:
        session = self._manager.get_session(message.session_id)
        link = session.link_for(ice_ufrag(message.candidate or "")) if session else None
        if link is None:
            # It may have overtaken its offer on the way, or the offer is being applied.
            if message.candidate:
                # What could never be applied is refused now, not when the offer comes.
                parse_candidate(message.candidate)
            self._held.hold(message)
            return
        await link.pc.add_candidate(message.candidate, message.sdp_mid, message.sdp_mline_index)
