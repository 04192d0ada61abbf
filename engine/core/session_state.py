"""The states of a session and the table of what may follow what.

Owns the table and nothing else; each session owns its state.

    CREATED ──► CONNECTING ──► CONNECTED ──► DISCONNECTED ──► CLOSED
                    ▲                              │
                    └──────── guest returns ───────┘

Any state may go to CLOSED. A state may always be set again to itself, which
changes nothing. CREATED → CONNECTED is the data channel opening before anybody
reported an offer. DISCONNECTED → CONNECTED is a heartbeat
heard again on the same connection.
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

    Raises InvalidTransitionError when the table does not have the pair.
    """
    if old is new:
        return False
    if new not in TRANSITIONS[old]:
        raise InvalidTransitionError(f"A session cannot go from {old} to {new}")
    return True
