"""``webrtc:ice``: applies a remote candidate, or holds it until its offer comes.

Our own candidates are in the answer. Never raises: every message is answered.
"""

from __future__ import annotations

from typing import Any

from engine.core.errors import HatchwayError
from engine.sessions.guest_connection import EarlyCandidate
from engine.sessions.manager import WebRTCSessionManager
from engine.transport.connection import MAX_CANDIDATES
from engine.transport.sdp import ice_ufrag, parse_candidate
from engine.wire import signaling as wire


class HeldCandidates:
    """Candidates that came before their offer was applied.

    Bounded: MAX_SESSIONS sessions, MAX_PER_SESSION each; the oldest session is dropped first.
    """

    MAX_SESSIONS = 256
    MAX_PER_SESSION = MAX_CANDIDATES

    def __init__(self) -> None:
        self._held: dict[str, list[EarlyCandidate]] = {}

    def hold(self, message: wire.Ice) -> None:
        waiting = self._held.setdefault(message.session_id, [])
        if len(waiting) < self.MAX_PER_SESSION:
            waiting.append((message.candidate, message.sdp_mid, message.sdp_mline_index))
        while len(self._held) > self.MAX_SESSIONS:
            del self._held[next(iter(self._held))]

    def release(self, session_id: str, ufrag: str = "") -> list[EarlyCandidate]:
        """The held candidates for the offer with this ICE user fragment. Those with another one
        belong to another connection of the session and are dropped."""
        held = self._held.pop(session_id, [])
        return [one for one in held if not ufrag or ice_ufrag(one[0] or "") in ("", ufrag)]


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
        ufrag = ice_ufrag(message.candidate or "")
        connection = session.connection_for(ufrag) if session else None
        if connection is None:
            # It overtook its offer, or the offer is being applied.
            if message.candidate:
                # An invalid candidate is refused now, not when the offer comes.
                parse_candidate(message.candidate)
            self._held.hold(message)
            return
        await connection.pc.add_candidate(
            message.candidate, message.sdp_mid, message.sdp_mline_index
        )
