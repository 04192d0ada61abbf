"""What one peer may ask of the relay, and the bucket that measures it.

Owns the numbers. Does not own what happens beyond them: the server answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound of a relay. Times are seconds, sizes bytes, rates per second."""

    connections: int = 1000
    """Engine.IO connections in all that have shown a token."""
    connections_per_address: int = 200
    """Of one IP address; an office behind one router is one address."""
    unproven: int = 400
    unproven_per_address: int = 100
    """Connections that have shown no token yet, in all and of one address. They have a place of
    their own: beyond it the one that has waited longest is ended for the newest."""
    anonymous_per_address: int = 20
    """Of those, such as any web page can open in its visitors' names: a first request by HTTP
    that names no origin. They take nobody else's place."""
    sockets: int = 4000
    sockets_per_address: int = 1000
    """TCP connections, whatever they carry. Beyond it those that wait longest for a request
    are closed."""
    request_seconds: float = 10.0
    """A TLS handshake, a request's head, a request's body, and between two requests."""
    response_seconds: float = 120.0
    """For a client to take what it was answered."""
    message_bytes: int = 256 * 1024
    """One message. Twice over what the largest session description needs as JSON."""
    guest_rate: float = 50.0
    guest_burst: float = 200.0
    """Messages of one guest: a connection takes an offer and some twenty candidates."""
    agent_rate: float = 1000.0
    agent_burst: float = 4000.0
    """Messages of one agent, which speaks for all its sessions."""
    refusals: int = 1000
    """Rate-limited messages after which a connection is ended."""
    pending: int = 64
    """Messages of one connection that may wait for somebody's answer."""
    routes: int = 10_000
    """Sessions remembered; those whose guest has gone are forgotten first."""
    routes_per_guest: int = 256
    authenticate_seconds: float = 10.0
    """From opening a connection to showing a valid token."""
    ping_seconds: float = 4.0
    """Between pings, and for the answer to one: what is silently gone is missed after both."""
    agent_reply_seconds: float = 30.0
    guest_reply_seconds: float = 1.0
    """Browsers seldom acknowledge a candidate, and the agent must not wait for it."""
    route_seconds: float = 3600.0
    """How long a route outlives its guest's connection: the session lives on without us."""


class TokenBucket:
    """``rate`` messages a second, and ``burst`` at once after a silence."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self) -> bool:
        """True when one more message is allowed now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
