"""Links and the proofs made with their secrets, byte by byte, for both ends.

Owns a link's text form, the HMACs of an offer and its answer, and the short code
people compare. Specified in docs/LINKS.md; ``tests/vectors/links.json`` tests Python and
JavaScript.

A signed message is a list of parts, each as four bytes of length (big-endian) and
then UTF-8 text, so that no two lists have the same bytes.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from engine.core.errors import BadLinkError
from engine.wire.signaling import Proof

SECRET_BYTES = 16
"""Random bytes of a link's secret: 128 bits."""
ID_BYTES = 12
"""Random bytes of a link's id, which the relay sees."""
NONCE_BYTES = 16
CODE_DIGITS = 6
CODE_HASH_BYTES = 6
"""Bytes of the HMAC that make a short code; 48 bits are exact in JavaScript."""
NO_SECRET = b"hatchway"
"""The key of a short code without a link: it proves only what people compare, and both ends add a
nonce to it."""
RELAY_ACCESS = "relay access"
"""The kind of proofs that get TURN credentials from a relay; they open nothing else."""
PATH = "/s/"
"""The part of a link's path before its id."""

_ID = re.compile(r"[A-Za-z0-9_-]{16}")
# What follows the #. 22 characters of the secret carry 132 bits: the last four are zero in the one
# canonical form. A sentence's end and what trackers add may follow.
_FRAGMENT = re.compile(
    r"""([A-Za-z0-9_-]{21}[AQgw])(?:\.([A-Za-z0-9_-]{1,200}))?"""
    r"""[.,;:!?'"()\[\]{}<>*|…»”’\s]*(?:[?&].*)?""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Link:
    """A guest's link: the relay, the link's id, and the secret.

    ``base`` is the relay's address without a trailing slash. ``token`` is the resume token of
    a return link, which brings one participant back, and empty for other links.
    """

    base: str
    id: str
    secret: bytes = field(repr=False)
    token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The secret is only in the fragment, which browsers never send to a server."""
        token = f".{self.token}" if self.token else ""
        return f"{self.base}{PATH}{self.id}#{encode_secret(self.secret)}{token}"


def parse_link(url: str) -> Link:
    """What mail, messengers and social networks add to a link does not damage it.

    Raises BadLinkError saying what is wrong, without repeating the link.
    """
    url = url.strip()
    if "#" not in url:
        url = url.replace("%23", "#", 1)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise BadLinkError("This is not a valid URL") from None
    base, marker, link_id = parts.path.rpartition(PATH)
    link_id = link_id.rstrip("/")
    if parts.scheme not in ("http", "https") or not host or not marker:
        raise BadLinkError("This is not a link to a shared terminal")
    if not _ID.fullmatch(link_id):
        raise BadLinkError("The link is incomplete: a part of its address was lost or changed")
    if not parts.fragment:
        raise BadLinkError("The link is incomplete: the part after # was cut off")
    found = _FRAGMENT.fullmatch(unquote(parts.fragment))
    if found is None:
        raise BadLinkError("The link is incomplete: the part after # is damaged")
    base = f"{parts.scheme}://{parts.netloc}{base}"
    return Link(base, link_id, decode_secret(found[1]), found[2] or "")


def encode_secret(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def decode_secret(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def message(*parts: str) -> bytes:
    """The bytes that are signed."""
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def sign(secret: bytes, kind: str, *parts: str) -> str:
    """HMAC-SHA256 as 64 lower-case hex digits. ``kind`` separates the uses of a secret."""
    return hmac.new(secret, message(kind, *parts), sha256).hexdigest()


def genuine(expected: str, claimed: str) -> bool:
    """Whether two proofs are equal, in constant time. ``claimed`` may be any text."""
    return hmac.compare_digest(expected.encode(), claimed.encode("utf-8", "surrogatepass"))


def offer_proof(secret: bytes, session_id: str, guest_fingerprint: str, nonce: str) -> str:
    return sign(secret, "offer", session_id, guest_fingerprint, nonce)


def answer_proof(
    secret: bytes, session_id: str, agent_fingerprint: str, guest_fingerprint: str, nonce: str
) -> str:
    return sign(secret, "answer", session_id, agent_fingerprint, guest_fingerprint, nonce)


def relay_access(secret: bytes) -> str:
    """The digest of a link's secret that a relay gets: it recognizes holders, but opens nothing."""
    return sign(secret, RELAY_ACCESS)


def access_proof(access: str, nonce: str) -> str:
    """A guest's proof to a relay that it holds a link. ``access`` is 64 hex digits."""
    return sign(bytes.fromhex(access), RELAY_ACCESS, nonce)


def prove_offer(secret: bytes, share: str, session_id: str, fingerprint: str) -> Proof:
    """A fresh ``proof`` field for an offer."""
    nonce = secrets.token_hex(NONCE_BYTES)
    return Proof(share, nonce, offer_proof(secret, session_id, fingerprint, nonce))


def commitment(nonce: str) -> str:
    """What an offer without a link says of its nonce, which is revealed over the connection."""
    return sha256(bytes.fromhex(nonce)).hexdigest()


def short_code(
    secret: bytes, session_id: str, agent_fingerprint: str, guest_fingerprint: str
) -> str:
    """Six digits that are equal at both ends unless somebody intercepts, as ``123 456``.

    Keyed with the link's secret, so that a relay cannot search for a matching certificate.
    """
    return _digits(secret, session_id, agent_fingerprint, guest_fingerprint)


def committed_code(
    session_id: str,
    agent_fingerprint: str,
    guest_fingerprint: str,
    guest_nonce: str,
    agent_nonce: str,
) -> str:
    """The short code without a link.

    The guest commits to its nonce before it sees the agent's, and reveals it inside DTLS: a
    relay in between must choose its certificates and nonces before it knows the code.
    """
    ends = agent_fingerprint, guest_fingerprint, guest_nonce, agent_nonce
    return _digits(NO_SECRET, session_id, *ends)


def _digits(key: bytes, *parts: str) -> str:
    mac = hmac.new(key, message("code", *parts), sha256).digest()
    number = int.from_bytes(mac[:CODE_HASH_BYTES], "big") % 10**CODE_DIGITS
    digits = f"{number:0{CODE_DIGITS}d}"
    return f"{digits[:3]} {digits[3:]}"
