"""How a relay is run: what the command line says of it.

Owns the shape. Does not own reading flags or what each option does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from engine.errors import SettingsError
from engine.relay.limits import Limits
from engine.relay.turn import Turn

if TYPE_CHECKING:
    from aiohttp import web

LOOPBACK = ("127.0.0.0/8", "::1/128")
FORWARDED = "X-Forwarded-For"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    limits: Limits = field(default_factory=Limits)
    allowed_origins: frozenset[str] = frozenset()
    """Web origins (``https://host``) beside the relay's own whose pages may connect."""
    redis: str = ""
    """``redis://…`` that this relay shares with others; empty: it stands alone."""
    agent_keys: frozenset[str] = frozenset()
    """Public keys of agents that need no token."""
    turn: Turn = field(default_factory=Turn)
    metrics_token: str = field(default="", repr=False)
    """Bearer token of ``/metrics``; empty: served to loopback only."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Proxies whose ``X-Forwarded-For`` is believed."""
    access_log: str = ""
    """A file for one JSON object a line, ``-`` for standard output; empty: none."""


def networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises SettingsError."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError("--proxy", str(error)) from None


def address_of(request: web.Request, proxies: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """Where a request comes from: the last address that no proxy of ours has."""
    address = request.remote or ""
    if not proxies:
        return address
    hops = [hop.strip() for hop in request.headers.get(FORWARDED, "").split(",") if hop.strip()]
    while hops and _within(address, proxies):
        address = hops.pop()
    return address[:64]


def _within(address: str, nets: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        return any(ip_address(address) in net for net in nets)
    except ValueError:
        return False


def is_loopback_address(address: str) -> bool:
    return _within(address, networks(LOOPBACK))
