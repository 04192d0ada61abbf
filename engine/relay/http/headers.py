"""The headers that every answer of the relay has, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # The path contains a link's id. The secret is in the fragment, which is never sent.
    "Referrer-Policy": "no-referrer",
    # A page that opened a link could otherwise lead the terminal's tab elsewhere.
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page of ours."""
HSTS = "max-age=31536000"
"""Browsers then use https for this name alone for a year."""


def headers_for(
    origins: frozenset[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """For ``Application.on_response_prepare``; ``origins`` are where proxies make us known."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        # Other programs of this machine may serve plain http under its name.
        name = request.url.host or ""
        if not is_loopback(name) and (request.secure or f"https://{request.host}" in origins):
            response.headers.setdefault("Strict-Transport-Security", HSTS)

    return add
