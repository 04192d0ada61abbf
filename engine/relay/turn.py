"""TURN credentials that expire, made from a secret shared with the TURN server.

The scheme is that of coturn's ``use-auth-secret`` (the TURN REST API draft,
draft-uberti-behave-turn-rest-00). A guest with a link gets them only after proving that it
holds the link's secret, because the link's id appears in URLs and logs.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadProofError, NoTurnError
from engine.wire import proof

if TYPE_CHECKING:
    from engine.relay.cluster.routing import Peer

TTL_SECONDS = 3600
"""How long credentials can create an allocation; an existing one continues."""
NONCE_SECONDS = 60.0
"""How long a guest with a link may take to sign a nonce."""


@dataclass(frozen=True, slots=True)
class Turn:
    """``urls`` are ``stun:``, ``turn:`` and ``turns:`` addresses of one operator's servers.

    ``relay_only``: peers may connect only through TURN.
    """

    urls: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    ttl: int = TTL_SECONDS
    relay_only: bool = False

    @property
    def has_turn(self) -> bool:
        """Whether there are TURN servers, and not only STUN."""
        return bool(self.secret) and any(url.startswith("turn") for url in self.urls)

    def stun_servers(self) -> list[dict[str, Any]]:
        """The servers that need no credentials, for everybody."""
        stun = [url for url in self.urls if url.startswith("stun")]
        return [{"urls": stun}] if stun else []

    def servers(self, user: str, now: float | None = None) -> list[dict[str, Any]]:
        """``iceServers`` for RTCPeerConnection, with credentials for one peer."""
        turn = [url for url in self.urls if url.startswith("turn")]
        servers = self.stun_servers()
        if turn and self.secret:
            username, credential = credentials(self.secret, user, self.ttl, now)
            servers.append({"urls": turn, "username": username, "credential": credential})
        return servers


_ACCESS = re.compile(r"[0-9a-f]{64}")


def challenge(guest: Peer, access: str) -> str:
    """A nonce for a guest with a link to sign; it replaces an earlier one.

    "" for a link without ``access``, whose proofs cannot be checked.
    """
    if not _ACCESS.fullmatch(access):
        return ""
    nonce = secrets.token_hex(proof.NONCE_BYTES)
    guest.challenged_for_turn(nonce, NONCE_SECONDS)
    return nonce


def check_access(guest: Peer, access: str, claimed: object) -> None:
    """Whether ``claimed`` proves that the guest holds its link. Raises BadProofError.

    Each nonce serves one attempt.
    """
    nonce = guest.take_turn_nonce()
    if not nonce:
        raise BadProofError("The nonce is used or expired: request ice:servers without a proof")
    if not isinstance(claimed, str) or not proof.genuine(
        proof.access_proof(access, nonce), claimed
    ):
        raise BadProofError("The proof is wrong: the link is incomplete or damaged")


def check_path(guest: Peer, turn: Turn, sdp: str) -> None:
    """Refuse an offer that cannot connect. Raises NoTurnError.

    When only TURN is allowed, a guest with a link needs credentials or a relayed candidate.
    """
    if turn.relay_only and guest.link and not guest.has_turn and " typ relay" not in sdp:
        raise NoTurnError(
            "Reload this page: this relay allows connections only through a TURN server, and the"
            " page has not requested one"
        )


def credentials(
    secret: str, user: str, ttl: int = TTL_SECONDS, now: float | None = None
) -> tuple[str, str]:
    """Username and password: the expiry in seconds since the epoch, and its HMAC-SHA1."""
    expires = int(time.time() if now is None else now) + ttl
    username = f"{expires}:{user}"
    mac = hmac.new(secret.encode(), username.encode(), "sha1").digest()
    return username, base64.b64encode(mac).decode()
