"""The relay's limits, and the token bucket for message rates."""

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
    """Engine.IO connections in total that have presented a token."""
    connections_per_address: int = 200
    """The same per IP address; an office behind one router is one address."""
    unproven: int = 400
    unproven_per_address: int = 100
    """Connections that have presented no token yet, in total and per address. They count
    separately: beyond the limit the oldest is ended."""
    anonymous_per_address: int = 20
    """Those of them that any web page can open through its visitors' browsers: a first HTTP
    request without an Origin header. They never displace other connections."""
    sockets: int = 4000
    sockets_per_address: int = 1000
    """TCP connections of any kind. Beyond the limit those that have been idle longest are
    closed."""
    request_seconds: float = 10.0
    """For a TLS handshake, a request's head, a request's body, and between two requests."""
    response_seconds: float = 120.0
    """For a client to read a response."""
    message_bytes: int = 256 * 1024
    """One message: twice what the largest session description needs as JSON."""
    guest_rate: float = 50.0
    guest_burst: float = 200.0
    """Messages of one guest: a session needs an offer and about twenty candidates."""
    agent_rate: float = 1000.0
    agent_burst: float = 4000.0
    """Messages of one agent, for all its sessions."""
    refusals: int = 1000
    """Rate-limited messages after which a connection is ended."""
    pending: int = 64
    """Messages of one connection that may wait for a reply."""
    routes: int = 10_000
    """Sessions with a route; those whose guest has left are closed first."""
    routes_per_guest: int = 256
    authenticate_seconds: float = 10.0
    """From opening a connection to presenting a valid token."""
    ping_seconds: float = 4.0
    """Between pings, and for the answer to one: a silent loss is noticed after both."""
    agent_reply_seconds: float = 30.0
    guest_reply_seconds: float = 1.0
    """Browsers seldom acknowledge a candidate, and the agent must not wait for it."""
    route_seconds: float = 3600.0
    """How long a route outlives its guest's connection: the session continues without us."""


class TokenBucket:
    """Allows ``rate`` messages per second, and ``burst`` at once after a pause."""

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
