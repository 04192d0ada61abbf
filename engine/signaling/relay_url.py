"""What a relay's URL says of how to reach it: its path, a proxy's password, a proxy on the way.

A user and password in the URL are for a proxy in front of the relay (HTTP Basic). They are sent
to it and to nobody else: links, logs and events have the URL without them. Proxies on our side
come from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, or the system's settings.
"""

from __future__ import annotations

import base64
import logging
import re
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import aiohttp

from engine.core.addresses import is_loopback
from engine.core.errors import ConnectionFailedError

if TYPE_CHECKING:
    import ssl

logger = logging.getLogger(__name__)

SOCKETIO = "socket.io"
_CREDENTIALS = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class RelayUrl:
    """``url`` may be shown. ``authorization`` is an HTTP header's value, or empty."""

    url: str
    socketio_path: str
    authorization: str


def take_apart(url: str) -> RelayUrl:
    parts = urlsplit(url)
    path = f"{parts.path.strip('/')}/{SOCKETIO}".lstrip("/")
    authorization = ""
    if "@" in parts.netloc:
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        encoded = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape"))
        authorization = f"Basic {encoded.decode()}"
    return RelayUrl(without_credentials(url), path, authorization)


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


@dataclass(frozen=True, slots=True)
class Proxy:
    """``url`` may be shown; ``address`` may have a user and password in it."""

    url: str
    address: str


def proxy_for(url: str) -> Proxy | None:
    """The proxy of this machine's environment for connections to ``url``. Never for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(_address(parts)):
        return None
    proxies = urllib.request.getproxies()
    kind = "https" if parts.scheme in ("https", "wss") else "http"
    address = proxies.get(kind) or proxies.get("all")
    if not address:
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    shown = without_credentials(proxy.geturl())
    if proxy.scheme not in ("http", "https") or not proxy.hostname:
        logger.warning("The proxy %s is not used: only http:// and https:// are supported", shown)
        return None
    return Proxy(shown, proxy.geturl())


def http_session(url: str, context: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """For connections to the relay at ``url``, through the proxy that is set for it."""
    proxy = proxy_for(url)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context if context is not None else True),
        proxy=proxy.address if proxy else None,
    )


def naming_proxy(url: str, error: ConnectionFailedError) -> ConnectionFailedError:
    """``error`` of a connection to ``url``; its text names the proxy, if there is one."""
    proxy = proxy_for(url)
    if proxy is None:
        return error
    said = _CREDENTIALS.sub("://", str(error))  # aiohttp's errors have the whole address
    return type(error)(f"{said} (through the proxy {proxy.url})")


def _address(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        return f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return host
