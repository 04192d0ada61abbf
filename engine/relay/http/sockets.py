"""Limits for TCP connections: their number, and how long each may be idle.

A connection with a running request is left alone, unless the request's body does not arrive.
aiohttp alone waits for ever for the rest of a request's head.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from engine.relay.http.connections import BEGAN
from engine.relay.options import is_within

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from aiohttp import web

    from engine.relay.options import Options

SWEEPS = 10
"""Sweeps within the time that a request's head may take."""
BACKLOG = 128
"""TCP connections that may wait to be accepted."""


async def listen(
    runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None, seconds: float
) -> asyncio.Server:
    """Like aiohttp's TCPSite, but limits a TLS handshake to ``seconds``. Raises OSError."""
    if runner.server is None:
        raise RuntimeError("The runner is not set up")
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().create_server(
            runner.server,
            host,
            port,
            ssl=context,
            backlog=BACKLOG,
            ssl_handshake_timeout=seconds if context else None,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cancelled within, create_server() leaves its sockets open.
        with contextlib.suppress(OSError):
            (await starting).close()
        raise


class Sockets:
    """Sweeps the TCP connections of ``runner``; ``requests`` returns the running requests."""

    def __init__(
        self, runner: web.AppRunner, options: Options, requests: Callable[[], list[web.Request]]
    ) -> None:
        self._runner = runner
        self._limits = options.limits
        self._proxies = options.proxies
        self._requests = requests
        self._since: dict[web.RequestHandler, float] = {}
        """Since when each connection has had no request, on the monotonic clock."""

    async def watch(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._limits.request_seconds / SWEEPS)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        """Close the connections that waited too long, and those beyond the limits."""
        busy = {request.protocol: request for request in self._requests()}
        server = self._runner.server
        handlers = [one for one in server.connections if one.transport] if server else []
        self._since = {one: now if one in busy else self._since.get(one, now) for one in handlers}
        closing = [one for one in handlers if self._is_late(one, busy.get(one), now)]
        idle = sorted((one for one in handlers if one not in busy), key=self._since.__getitem__)
        closing += idle[: max(0, len(handlers) - self._limits.sockets)]
        of_address: dict[str, int] = {}
        for one in handlers:
            address = _address(one)
            of_address[address] = of_address.get(address, 0) + 1
        for one in idle:
            address = _address(one)
            if of_address[address] > self._limits.sockets_per_address and not is_within(
                address, self._proxies
            ):
                of_address[address] -= 1
                closing.append(one)
        for one in dict.fromkeys(closing):
            if one.transport is not None:
                one.transport.abort()

    def _is_late(self, one: web.RequestHandler, request: web.Request | None, now: float) -> bool:
        limits = self._limits
        if request is not None:
            waited = now - request.get(BEGAN, now)
            return request.method == "POST" and waited > limits.request_seconds
        transport = one.transport
        answering = isinstance(transport, asyncio.WriteTransport) and bool(
            transport.get_write_buffer_size()
        )
        most = limits.response_seconds if answering else limits.request_seconds
        return now - self._since[one] > most


def _address(one: web.RequestHandler) -> str:
    name = one.transport.get_extra_info("peername") if one.transport is not None else None
    return str(name[0]) if name else ""
