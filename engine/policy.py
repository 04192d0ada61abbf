"""Who may open what: proofs of a shared secret, and what a target admits.

Owns the decision and the proof's form. Does not own asking a person (that comes
to it as a setting) or the relay's tokens: the relay is never trusted with
identity. Everything here is enforced in the engine, whatever a GUI shows.

A proof is ``HMAC-SHA256(secret, kind ‖ session ‖ fingerprints ‖ nonce)``, each
part length-prefixed, so that a relay that swaps a description or a fingerprint
is noticed by both sides before any terminal byte.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from engine.errors import AccessDeniedError
from engine.model import Guest, Role, Target
from engine.wire.signaling import Offer, Proof

OWN_SHARE = "own"
"""The share id of this app's own peers."""
SECRET_BYTES = 16
MAX_REMEMBERED_NONCES = 10_000
"""Nonces kept so that no offer works twice; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to open a session. ``secret`` signs the answer when the offer was signed."""

    guest: Guest
    role: Role
    secret: bytes | None = None


def sign(secret: bytes, kind: str, *parts: str) -> str:
    """The proof as hex. ``kind`` is "offer" or "answer"."""
    mac = hmac.new(secret, digestmod=sha256)
    for part in (kind, *parts):
        data = part.encode()
        mac.update(len(data).to_bytes(4, "big") + data)
    return mac.hexdigest()


def prove_offer(secret: bytes, share: str, session_id: str, fingerprint: str) -> Proof:
    nonce = secrets.token_hex(SECRET_BYTES)
    return Proof(share, nonce, sign(secret, "offer", session_id, fingerprint, nonce))


def answer_proof(
    secret: bytes, session_id: str, agent_fingerprint: str, guest_fingerprint: str, nonce: str
) -> str:
    return sign(secret, "answer", session_id, agent_fingerprint, guest_fingerprint, nonce)


class Policy:
    """Decides offers. Own peers may open anything; guests what is shared."""

    def __init__(self) -> None:
        self.own_secret = secrets.token_bytes(SECRET_BYTES)
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def admit(self, offer: Offer, target: Target, guest_fingerprint: str) -> Admission:
        """Raises AccessDeniedError with words for the guest."""
        if offer.proof is not None:
            self._check(offer.proof, offer.session_id, guest_fingerprint)
            return Admission(Guest(own=True), Role.CONTROL, self.own_secret)
        if not target.shared:
            raise AccessDeniedError(f"The host does not share {target.id}")
        guest = Guest(name=offer.guest_name or "", address=offer.guest_address or "")
        return Admission(guest, Role.CONTROL)

    def _check(self, proof: Proof, session_id: str, fingerprint: str) -> None:
        expected = sign(self.own_secret, "offer", session_id, fingerprint, proof.nonce)
        genuine = proof.share == OWN_SHARE and hmac.compare_digest(
            expected.encode(), proof.mac.encode()
        )
        if not genuine or proof.nonce in self._nonces:
            raise AccessDeniedError("The proof in the offer is wrong or was used before")
        self._nonces[proof.nonce] = None
        if len(self._nonces) > MAX_REMEMBERED_NONCES:
            self._nonces.popitem(last=False)
