"""The ICE servers that a relay provides, joined with those of the settings.

What a relay sends is checked like any other input. When servers are requested, and how long
a reply stays valid, is decided in engine.signaling.ice_policy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import msgspec

from engine.core.errors import NoTurnError
from engine.core.settings import IceServer, IceSettings

MAX_SERVERS = 8
"""Servers, and addresses of one, taken from a relay."""
TTL_SECONDS = 3600.0
"""How long credentials are valid when the relay does not say."""
LEAST_SECONDS = 1.0
MOST_SECONDS = 24 * 3600.0
"""Credentials are requested again at half their life, within these limits."""
TURN = ("turn:", "turns:")


class _Server(msgspec.Struct, frozen=True):
    urls: list[str] | str
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class RelayServers:
    """A relay's reply to ``ice:servers``. ``ttl`` is seconds.

    ``relay_only`` is None when the relay did not say: a foreign relay does not know it, and
    an earlier reply of ours stays valid.
    """

    servers: tuple[IceServer, ...] = ()
    relay_only: bool | None = None
    ttl: float = TTL_SECONDS

    @property
    def has_turn(self) -> bool:
        return any(server.urls.startswith(TURN) for server in self.servers)

    def without_turn(self) -> RelayServers:
        """What is left when the credentials have expired."""
        left = tuple(server for server in self.servers if not server.urls.startswith(TURN))
        return replace(self, servers=left)


def relay_only_of(reply: object) -> bool | None:
    """``relay_only`` of a relay's reply; None when it is missing or no boolean."""
    said = reply.get("relay_only") if isinstance(reply, dict) else None
    return said if isinstance(said, bool) else None


def read(reply: object) -> RelayServers:
    """What can be used of a reply; one server that cannot costs only itself."""
    fields = reply if isinstance(reply, dict) else {}
    rows, ttl = fields.get("ice_servers"), fields.get("ttl")
    servers: list[IceServer] = []
    for row in rows[:MAX_SERVERS] if isinstance(rows, list) else []:
        try:
            server = msgspec.convert(row, _Server)
        except msgspec.ValidationError:
            continue
        urls = [server.urls] if isinstance(server.urls, str) else server.urls
        servers += [
            IceServer(urls=url, username=server.username, credential=server.credential)
            for url in map(_lower_scheme, urls[:MAX_SERVERS])
            if url.startswith((*TURN, "stun:")) and _usable(url, server)
        ]
    if not isinstance(ttl, int | float) or isinstance(ttl, bool) or math.isnan(ttl):
        ttl = TTL_SECONDS
    return RelayServers(tuple(servers), relay_only_of(reply), ttl)


def merged(own: IceSettings, provided: RelayServers) -> IceSettings:
    """``own`` and what it takes of the relay's; own servers come first.

    ``from_relay = "off"`` turns the relay's servers off, never its ``relay_only``.
    """
    relay_only = own.relay_only or provided.relay_only is True
    kinds: tuple[str, ...] = ()
    if own.from_relay != "off":
        kinds = (*TURN, "stun:") if relay_only or own.from_relay == "turn" else ("stun:",)
    servers = [server for server in provided.servers if server.urls.startswith(kinds)]
    mine = (msgspec.structs.replace(s, urls=_lower_scheme(s.urls)) for s in own.servers)
    return msgspec.structs.replace(own, servers=(*mine, *servers), relay_only=relay_only)


def require_turn(ice: IceSettings) -> IceSettings:
    """``ice``, if a path can come of it. Raises NoTurnError."""
    if ice.relay_only and not any(server.urls.startswith(TURN) for server in ice.servers):
        raise NoTurnError(
            "Only connections through a TURN server are allowed here, and there is none to use"
            " at the moment"
        )
    return ice


def refresh_after(provided: RelayServers) -> float:
    """Seconds until credentials should be asked for anew: well before they expire."""
    return min(MOST_SECONDS, max(LEAST_SECONDS, provided.ttl / 2))


def _lower_scheme(url: str) -> str:
    scheme, colon, rest = url.partition(":")
    return scheme.lower() + colon + rest


def _usable(url: str, server: _Server) -> bool:
    fits = url.isascii() and url.isprintable() and len(url) <= 512 and " " not in url
    return fits and all(len(text) <= 512 for text in (server.username, server.credential))
