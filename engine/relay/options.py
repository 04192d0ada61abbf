"""The options of a relay, from the command line and the environment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.core.errors import SettingsError
from engine.relay.admission.agents import read_keys
from engine.relay.admission.limits import Limits
from engine.relay.turn import TTL_SECONDS, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

FORWARDED = "X-Forwarded-For"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    limits: Limits = field(default_factory=Limits)
    allowed_origins: frozenset[str] = frozenset()
    """Web origins (``https://host``) whose pages may connect, besides the relay's own."""
    redis: str = ""
    """``redis://…`` that this relay shares with others; empty: it runs alone."""
    agent_keys: frozenset[str] = frozenset()
    """Public keys of agents that need no token."""
    turn: Turn = field(default_factory=Turn)
    metrics_token: str = field(default="", repr=False)
    """Bearer token of ``/metrics``; empty: only loopback may read them."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Proxies whose ``X-Forwarded-For`` is trusted."""
    access_log: str = ""
    """A file for the access log, ``-`` for standard output; empty: none."""


def networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """``--proxy`` addresses and networks. Raises SettingsError."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError("--proxy", str(error)) from None


def address_of(request: web.Request, proxies: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """A request's origin: the last address in the chain that is not one of ``proxies``."""
    address = request.remote or ""
    if not proxies:
        return address
    hops = [hop.strip() for hop in request.headers.get(FORWARDED, "").split(",") if hop.strip()]
    while hops and is_within(address, proxies):
        address = hops.pop()
    return address[:64]


def is_within(address: str, nets: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether an address is in one of the networks; False for an invalid address."""
    try:
        return any(ip_address(address) in net for net in nets)
    except ValueError:
        return False


def read_options(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Options:
    """Options from flags; secrets also from the environment. Raises SettingsError."""
    urls = tuple(flags.get("turn", ()))
    secret = flags.get("turn_secret") or environ.get("HATCHWAY_TURN_SECRET", "")
    for url in urls:
        if not url.startswith(("stun:", "stuns:", "turn:", "turns:")):
            raise SettingsError("--turn", f"{url!r} is not a stun: or turn: address")
    if any(url.startswith("turn") for url in urls) and not secret:
        raise SettingsError("--turn-secret", "is required for a turn: address")
    if flags.get("turn_only") and not any(url.startswith("turn") for url in urls):
        raise SettingsError("--turn-only", "needs a --turn address")
    redis_url = flags.get("redis", "")
    if redis_url and not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("--redis", "is not a redis:// URL")
    bounds = {"max_connections": "connections", "max_per_address": "connections_per_address"}
    limits = replace(Limits(), **{to: flags[name] for name, to in bounds.items() if name in flags})
    public = str(flags.get("public_url", "")).rstrip("/")
    return Options(
        limits=limits,
        allowed_origins=frozenset({_origin(public)} if public else ()),
        redis=redis_url,
        agent_keys=read_keys(flags.get("agent_keys", "")),
        turn=Turn(urls, secret, flags.get("turn_ttl", TTL_SECONDS), bool(flags.get("turn_only"))),
        metrics_token=flags.get("metrics_token") or environ.get("HATCHWAY_METRICS_TOKEN", ""),
        proxies=networks(tuple(flags.get("proxy", ()))),
        access_log=flags.get("access_log", ""),
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError("--public-url", f"{url!r} is not an http(s) URL")
    return f"{parts.scheme}://{parts.netloc}"
