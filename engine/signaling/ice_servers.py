"""The ICE servers a relay hands out, joined with those of the settings.

Owns which of them are used, and doubt: what a relay sends is checked like any
input. Does not own when they are asked for.
"""

from __future__ import annotations

import msgspec

from engine.settings import IceServer, IceSettings

MAX_SERVERS = 8
"""Servers, and addresses of one, taken from a relay."""
LEAST_SECONDS = 60.0
"""Credentials are asked for anew at half their life, but no sooner than this."""


class _Server(msgspec.Struct, frozen=True):
    urls: list[str] | str
    username: str = ""
    credential: str = ""


class HandedOut(msgspec.Struct, frozen=True):
    """A relay's reply to ``ice:servers``. ``ttl`` is seconds."""

    ice_servers: list[_Server] = []
    relay_only: bool = False
    ttl: float = 3600.0


def read(reply: object) -> HandedOut:
    """An empty one for a reply that cannot be used: the settings then stand alone."""
    try:
        return msgspec.convert(reply, HandedOut)
    except msgspec.ValidationError:
        return HandedOut()


def merged(own: IceSettings, handed: HandedOut) -> IceSettings:
    """``own`` and what it takes of the relay's; own servers come first."""
    relay_only = own.relay_only or (handed.relay_only and own.from_relay != "off")
    wanted = "turn" if relay_only else own.from_relay
    if wanted == "off":
        return own
    kinds = ("turn:", "turns:", "stun:") if wanted == "turn" else ("stun:",)
    servers = list(own.servers)
    for server in handed.ice_servers[:MAX_SERVERS]:
        urls = [server.urls] if isinstance(server.urls, str) else server.urls
        servers += [
            IceServer(url, server.username, server.credential)
            for url in urls[:MAX_SERVERS]
            if url.startswith(kinds) and _usable(url, server)
        ]
    return msgspec.structs.replace(own, servers=tuple(servers), relay_only=relay_only)


def refresh_after(handed: HandedOut) -> float:
    """Seconds until credentials should be asked for anew."""
    return max(LEAST_SECONDS, handed.ttl / 2)


def _usable(url: str, server: _Server) -> bool:
    fits = url.isascii() and url.isprintable() and len(url) <= 512 and " " not in url
    return fits and all(len(text) <= 512 for text in (server.username, server.credential))
