"""TURN credentials that expire, made from a secret shared with the TURN server.

Owns the scheme of coturn's ``use-auth-secret`` (the TURN REST API draft,
draft-uberti-behave-turn-rest-00). Does not own the TURN server.
"""

from __future__ import annotations

import base64
import hmac
import time
from dataclasses import dataclass, field
from typing import Any

TTL_SECONDS = 3600
"""How long credentials may be used to begin an allocation; one made goes on."""


@dataclass(frozen=True, slots=True)
class Turn:
    """``urls`` are ``stun:``, ``turn:`` and ``turns:`` addresses of one operator's servers.

    ``relay_only`` asks guests to use no other path.
    """

    urls: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    ttl: int = TTL_SECONDS
    relay_only: bool = False

    def servers(self, user: str, now: float | None = None) -> list[dict[str, Any]]:
        """``iceServers`` as RTCPeerConnection takes them, for one peer."""
        stun = [url for url in self.urls if url.startswith("stun")]
        turn = [url for url in self.urls if url.startswith("turn")]
        servers: list[dict[str, Any]] = [{"urls": stun}] if stun else []
        if turn and self.secret:
            username, credential = credentials(self.secret, user, self.ttl, now)
            servers.append({"urls": turn, "username": username, "credential": credential})
        return servers


def credentials(
    secret: str, user: str, ttl: int = TTL_SECONDS, now: float | None = None
) -> tuple[str, str]:
    """Username and password: the expiry in seconds since the epoch, and its HMAC-SHA1."""
    expires = int(time.time() if now is None else now) + ttl
    username = f"{expires}:{user}"
    mac = hmac.new(secret.encode(), username.encode(), "sha1").digest()
    return username, base64.b64encode(mac).decode()
