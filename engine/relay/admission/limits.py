"""The relay's limits, and how often an address may guess a token."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.core.token_bucket import TokenBucket


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
    guess_rate: float = 2.0
    guess_burst: float = 30.0
    """Wrong tokens of one address. Beyond it its tokens are not read for a moment, whether right
    or not; links and keys without a token are not affected."""
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


MAX_SOURCES = 10_000
"""Addresses whose wrong tokens are counted; the one that has guessed least recently is dropped."""


class Guesses:
    """Counts wrong tokens per address; an IPv6 network of /64 counts as one."""

    def __init__(self, make: Callable[[], TokenBucket]) -> None:
        """``make``: a bucket for the guesses of one address."""
        self._make = make
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def allowed(self, address: str) -> bool:
        """Whether a token of this address may be read."""
        bucket = self._buckets.get(_source(address))
        return bucket is None or not bucket.is_empty

    def failed(self, address: str) -> None:
        source = _source(address)
        bucket = self._buckets.pop(source, None)
        self._buckets[source] = bucket or self._make()
        self._buckets[source].take()
        if len(self._buckets) > MAX_SOURCES:
            self._buckets.popitem(last=False)


def _source(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(IPv6Address(int(ip) >> 64 << 64))
    return str(ip)
