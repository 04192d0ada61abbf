"""Who may connect: tokens, roles, origins.

A refusal says what to do about it, and nothing about how close the guess was.
"""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.core.addresses import is_loopback
from engine.core.errors import RateLimitedError, RelayRefusedError, SettingsError
from engine.wire.signaling import MAX_ID_LENGTH, field_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from engine.relay.admission.limits import Guesses

MIN_TOKEN_LENGTH = 12
"""Characters of a token at a relay that others can reach."""
MAX_NAME_LENGTH = 80
"""Characters of a guest's name that are shown to the host."""
BEARER = "bearer "


class PeerRole(enum.StrEnum):
    AGENT = "agent"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A connection's role and what it claims to be. Claims may be shown, but not trusted."""

    role: PeerRole
    name: str
    agent_id: str
    link: str = ""
    """The id of a link, instead of a guest's token. Whether the link exists is not checked here."""
    public_key: str = ""
    """The key that an agent claims, not proven yet."""
    has_token: bool = True


class Authenticator:
    """Compares tokens in constant time. Agents and guests cannot use each other's token."""

    def __init__(self, agent_token: str, guest_token: str, guesses: Guesses) -> None:
        self._tokens = {PeerRole.AGENT: agent_token, PeerRole.GUEST: guest_token}
        self._guesses = guesses

    def check(self, auth: object, headers: Mapping[str, str], address: str) -> Credentials:
        """The credentials in ``auth``, the Socket.IO connect payload, which may be any value.

        Raises RelayRefusedError, and RateLimitedError after many wrong tokens of ``address``.
        """
        fields = auth if isinstance(auth, dict) else {}
        token, bearer = fields.get("token"), _bearer(headers)
        link, key = field_of(fields, "link"), field_of(fields, "public_key")
        if token is None and not bearer:
            # Neither is enough: the link must be registered, the key proven.
            if link and fields.get("role") == PeerRole.GUEST:
                return _credentials(PeerRole.GUEST, fields, link=link, has_token=False)
            if key and fields.get("role") == PeerRole.AGENT:
                return _credentials(PeerRole.AGENT, fields, public_key=key, has_token=False)
        if token is None:
            token = bearer
        if not isinstance(token, str) or not token:
            raise RelayRefusedError("The relay requires a token")
        if not self._guesses.allowed(address):
            raise RateLimitedError("Too many wrong tokens came from your address: wait a moment")
        # Both are compared, whatever the first result, so that the time reveals nothing.
        matching = [role for role, own in self._tokens.items() if _same(token, own)]
        requested = fields.get("role")
        if requested is not None and requested not in tuple(PeerRole):
            raise RelayRefusedError('The role must be "agent" or "guest"')
        granted = [role for role in matching if requested in (None, role)]
        if not granted:
            self._guesses.failed(address)
            raise RelayRefusedError("The relay does not accept this token")
        return _credentials(granted[0], fields, public_key=key or "")


def _bearer(headers: Mapping[str, str]) -> str:
    """The token in the header. Any other scheme is meant for a proxy before us."""
    header = headers.get("Authorization", "")
    return header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""


def check_length(key: str, token: str) -> None:
    """Refuse a token that can be guessed. Raises SettingsError naming ``key``."""
    if len(token) < MIN_TOKEN_LENGTH:
        words = f"needs at least {MIN_TOKEN_LENGTH} characters where others can reach the relay"
        raise SettingsError(key, words)


def _credentials(role: PeerRole, fields: Mapping[str, object], **more: Any) -> Credentials:
    name, agent_id = printable(fields.get("name")), field_of(fields, "agent_id") or ""
    return Credentials(role=role, name=name, agent_id=agent_id, **more)


def _same(one: str, other: str) -> bool:
    # compare_digest refuses text beyond ASCII, and a lone surrogate cannot be encoded.
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )


def printable(text: object, limit: int = MAX_NAME_LENGTH) -> str:
    """Text without control characters and direction marks, at most ``limit`` characters."""
    if not isinstance(text, str):
        return ""
    clean = "".join(char for char in text[:MAX_ID_LENGTH] if char.isprintable())
    return clean.strip()[:limit]


def origin_allowed(origin: str, request: web.Request, bound: str, extra: frozenset[str]) -> bool:
    """Whether a web page of ``origin`` may connect: the relay's own page, or one configured.

    A page that rebinds its name to our address (DNS rebinding) sends equal Origin and Host
    headers, so a relay bound to loopback accepts only loopback names.
    """
    if origin in extra:
        return True
    if origin != f"{request.scheme}://{request.host}":
        return False
    return not is_loopback(bound) or is_loopback(_host(origin))


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
