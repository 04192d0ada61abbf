"""Serves the guests' web page from memory, with its security headers.

The page is built from ``resources/web`` into ``resources/web/dist``. It contains no secret,
so anyone may load it.
"""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

import resources
from engine.relay.http.headers import HEADERS
from engine.relay.http.pages import about

if TYPE_CHECKING:
    from collections.abc import Mapping

DIST = Path(resources.path("web/dist"))
"""Where ``resources/web/build.js`` writes its output."""
NOT_BUILT = "The guests' page was not built. Run scripts/setup.sh app in the checkout.\n"

_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    # xterm.js creates style elements; the page gives them this response's nonce.
    "style-src 'self' 'nonce-{nonce}'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {
    **HEADERS,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    zipped: bytes | None
    content_type: str


class WebPage:
    """Answers ``/``, ``/s/<link id>`` and ``/assets/…``; reads the files once."""

    def __init__(self, dist: Path = DIST) -> None:
        self._page = _text(dist / "index.html")
        self._assets = _read(dist / "assets")

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._home)
        app.router.add_get("/s/{link}", self._link)
        app.router.add_get("/s/{link}/", self._link)
        app.router.add_get("/assets/{name}", self._asset)

    async def _home(self, request: web.Request) -> web.Response:
        # Clients such as curl get the plain text instead.
        if self._page and "text/html" in request.headers.get("Accept", ""):
            return self._html("assets")
        return await about(request)

    async def _link(self, request: web.Request) -> web.Response:
        if not self._page:
            return web.Response(status=503, text=NOT_BUILT, headers=_HEADERS)
        # Any id gets the same page, so the page does not reveal whether a link exists.
        # Some programs add a slash to its path.
        return self._html("../../assets" if request.path.endswith("/") else "../assets")

    async def _asset(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            return web.Response(status=404, text="Not found\n", headers=_HEADERS)
        headers = {
            **_HEADERS,
            "Content-Type": asset.content_type,
            # The name contains a hash of the content.
            "Cache-Control": "public, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
        }
        body = asset.body
        if asset.zipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = asset.zipped
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    def _html(self, assets: str) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_HEADERS,
            "Content-Security-Policy": _POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        text = self._page.replace("%NONCE%", nonce).replace("%ASSETS%", assets)
        return web.Response(text=text, content_type="text/html", headers=headers)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _read(folder: Path) -> Mapping[str, _Asset]:
    files = {path.name: path for path in folder.glob("*")} if folder.is_dir() else {}
    assets = {}
    for name, path in files.items():
        if name.endswith(".gz"):
            continue
        zipped = files.get(f"{name}.gz")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind.endswith("javascript"):
            kind += "; charset=utf-8"
        assets[name] = _Asset(path.read_bytes(), zipped.read_bytes() if zipped else None, kind)
    return assets
