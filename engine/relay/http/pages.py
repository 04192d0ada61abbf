"""The relay's plain HTTP pages: a text about it, ``/healthz`` and ``/metrics``."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine import __version__
from engine.core.addresses import is_loopback
from engine.relay.http.access_log import shown_path
from engine.relay.http.connections import SOCKET_PATH
from engine.relay.http.metrics import CONTENT_TYPE
from engine.relay.options import FORWARDED, address_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.relay.cluster.lookup import PresenceLookup
    from engine.relay.http.access_log import AccessLog
    from engine.relay.http.metrics import Metrics
    from engine.relay.options import Options

_HEADERS = {"Cache-Control": "no-store"}


async def about(_request: web.Request) -> web.Response:
    words = (
        f"Hatchway relay {__version__}\n\n"
        "It connects guests to terminal agents over Socket.IO. Terminals run from peer\n"
        "to peer, encrypted. A token or a link is needed to connect.\n"
    )
    return web.Response(text=words, headers=_HEADERS)


class StatusPages:
    """``/healthz`` for load balancers, ``/metrics`` for Prometheus, and the request log.

    ``bound`` is where the relay listens. A web page can make its visitors' browsers ask
    loopback in its own name (DNS rebinding), so there the name that was asked for counts.
    """

    def __init__(
        self,
        options: Options,
        metrics: Metrics,
        lookup: PresenceLookup,
        log: AccessLog,
        bound: str,
    ) -> None:
        self._bound = bound
        self._options = options
        self._metrics = metrics
        self._lookup = lookup
        self._log = log

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._read_metrics)

    async def _health(self, request: web.Request) -> web.Response:
        """Always 200: without Redis, no other relay would do better than this one."""
        if is_loopback(self._bound) and not self._is_ours(request):
            return web.Response(status=403, text="Forbidden\n", headers=_HEADERS)
        words = "degraded: redis is away\n" if self._lookup.degraded else "ok\n"
        return web.Response(text=words, headers=_HEADERS)

    async def _read_metrics(self, request: web.Request) -> web.Response:
        if not self._may_read(request):
            return web.Response(status=403, text="Forbidden\n", headers=_HEADERS)
        body = self._metrics.text()
        return web.Response(body=body, headers={**_HEADERS, "Content-Type": CONTENT_TYPE})

    def _may_read(self, request: web.Request) -> bool:
        token = self._options.metrics_token
        if not token:
            # Behind a proxy on this machine every request comes from loopback.
            direct = FORWARDED not in request.headers
            named = is_loopback(request.url.host or "")
            return direct and named and is_loopback(request.remote or "")
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogatepass")
        return hmac.compare_digest(shown, f"Bearer {token}".encode())

    def _is_ours(self, request: web.Request) -> bool:
        """Whether the request's Host is this machine, or the name that a proxy serves us by."""
        origins = {f"{scheme}://{request.host}" for scheme in ("http", "https")}
        return is_loopback(request.url.host or "") or bool(origins & self._options.allowed_origins)

    @web.middleware
    async def logged(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        began = time.perf_counter()
        status = 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            if request.path != SOCKET_PATH:
                self._log.write(
                    "http",
                    address=address_of(request, self._options.proxies),
                    method=request.method,
                    path=shown_path(request.path),
                    status=status,
                    ms=round((time.perf_counter() - began) * 1000, 1),
                )
        return response


def loopback_url(scheme: str, address: Any) -> str:
    """The URL at which this computer reaches a listening socket's ``address``."""
    host, port = address[0], address[1]
    # A socket on all addresses is reached on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
