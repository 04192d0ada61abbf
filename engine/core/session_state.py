"""The states of a session and the table of allowed transitions.

    CREATED ──► CONNECTING ──► CONNECTED ──► DISCONNECTED ──► CLOSED
                    ▲                              │
                    └──────── guest returns ───────┘

Any state may go to CLOSED. Setting a state again changes nothing. CREATED → CONNECTED
happens when the data channel opens before the offer was reported, DISCONNECTED →
CONNECTED when heartbeats arrive again on the same connection.
"""

from __future__ import annotations

import enum

from engine.core.errors import InvalidTransitionError


class SessionState(enum.StrEnum):
    CREATED = "created"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


_S = SessionState

TRANSITIONS: dict[SessionState, frozenset[SessionState]] = {
    _S.CREATED: frozenset({_S.CONNECTING, _S.CONNECTED, _S.CLOSED}),
    _S.CONNECTING: frozenset({_S.CONNECTED, _S.DISCONNECTED, _S.CLOSED}),
    _S.CONNECTED: frozenset({_S.DISCONNECTED, _S.CLOSED}),
    _S.DISCONNECTED: frozenset({_S.CONNECTING, _S.CONNECTED, _S.CLOSED}),
    _S.CLOSED: frozenset(),
}


def transition(old: SessionState, new: SessionState) -> bool:
    """True when ``old`` changes to ``new``, False when they are the same.

    Raises InvalidTransitionError when the table does not allow it.
    """
    if old is new:
        return False
    if new not in TRANSITIONS[old]:
        raise InvalidTransitionError(f"A session cannot go from {old} to {new}")
    return True
