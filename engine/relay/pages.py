"""The little the relay says over plain HTTP.

Owns the pages and their headers. Does not own any secret: anyone may read them.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from engine import __version__

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


async def about(_request: web.Request) -> web.Response:
    words = (
        f"Hatchway relay {__version__}\n\n"
        "It introduces guests to terminal agents over Socket.IO. Terminals themselves go\n"
        "from peer to peer, encrypted. Connecting takes a token.\n"
    )
    return web.Response(text=words, headers=_HEADERS)


async def healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n", headers=_HEADERS)


def loopback_url(scheme: str, address: Any) -> str:
    """A listening socket's address as one to connect to from this computer."""
    host, port = address[0], address[1]
    # What listens everywhere is reached on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
