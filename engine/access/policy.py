"""Who may open what: this app, holders of a link, guests of what is shared openly.

Owns the decision. Does not own links (engine.access.links), asking a person
(engine.access.approvals) or the relay's tokens: the relay is never trusted with
identity. Everything here is enforced in the engine, whatever a GUI shows.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from engine.access.links import Nonces, Shares, check_proof
from engine.core.errors import AccessDeniedError
from engine.core.model import Guest, Role, Target
from engine.wire.proof import SECRET_BYTES
from engine.wire.signaling import Offer

OWN_SHARE = "own"
"""The share id of this app's own peers."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to open a session. ``secret`` signs the answer when the offer was signed.

    ``approval``: the host is asked before the terminal starts.
    """

    guest: Guest
    role: Role
    secret: bytes | None = None
    approval: bool = False


class Policy:
    """Decides offers. Own peers may open anything; guests what their link or the host gives."""

    def __init__(self, shares: Shares) -> None:
        self.own_secret = secrets.token_bytes(SECRET_BYTES)
        self._own_nonces = Nonces()
        self._shares = shares

    def admit(
        self, offer: Offer, target: Target, guest_fingerprint: str, *, returning: bool = False
    ) -> Admission:
        """Raises AccessDeniedError or one of its kind, with words for the guest."""
        if offer.proof is None:
            if not target.shared:
                raise AccessDeniedError(f"The host does not share {target.id}")
            return Admission(guest_of(offer), Role.CONTROL)
        if offer.proof.share == OWN_SHARE:
            check_proof(self.own_secret, offer.proof, offer.session_id, guest_fingerprint)
            self._own_nonces.use(offer.proof.nonce)
            return Admission(Guest(own=True), Role.CONTROL, self.own_secret)
        share = self._shares.admit(offer, guest_fingerprint, returning=returning)
        return Admission(guest_of(offer, share.id), share.role, share.secret, share.approval)

    def release(self, offer: Offer) -> None:
        """An admitted offer led to no session: its use of the link is none."""
        if offer.proof is not None:
            self._shares.release(offer.session_id)


def guest_of(offer: Offer, share: str = "") -> Guest:
    """Who asks, by the relay's word and, with a ``share``, by proof of holding it."""
    return Guest(
        name=offer.guest_name or "",
        address=offer.guest_address or "",
        browser=offer.guest_browser or "",
        share=share,
    )
