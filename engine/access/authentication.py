"""Authenticates offers: from this app, from a link's holder, or from anybody.

Checks an offer's proof, and that no proof is used twice. The relay is not trusted with
identity: what it reports about a guest is only shown.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from engine.access.decide import Kind, Subject
from engine.access.links import Links
from engine.core.errors import BadProofError, LinkUnknownError, ReplayedError
from engine.core.model import Guest
from engine.wire import proof
from engine.wire.signaling import Offer, Proof

OWN_SHARE = "own"
"""The share id of this app's own peers."""
MAX_NONCES = 10_000
"""Nonces stored per secret, so that no offer works twice; the oldest are dropped first."""


@dataclass(frozen=True, slots=True)
class Offerer:
    """Who made an offer: ``guest`` for display, ``subject`` for decisions.

    ``secret`` signs the answer; None when the offer had no proof.
    """

    subject: Subject
    guest: Guest
    secret: bytes | None = None


class Authenticator:
    """Checks the offers of one agent. ``own_secret`` is for this app's own peers."""

    def __init__(
        self, links: Links, is_refused: Callable[[Guest], bool] = lambda guest: False
    ) -> None:
        """``is_refused``: whether the host removed a guest (Guests.is_refused)."""
        self.own_secret = secrets.token_bytes(proof.SECRET_BYTES)
        self._links = links
        self._is_refused = is_refused
        self._nonces: dict[bytes, Nonces] = {}

    def identify(self, offer: Offer, guest_fingerprint: str) -> Offerer:
        """Who made the offer. Uses up its nonce. Raises BadProofError or ReplayedError.

        Only a holder of a link's secret gets a subject with that link, so that nobody else
        learns its state.
        """
        if offer.proof is None:
            guest = guest_of(offer)
            return Offerer(Subject(blocked=self._is_refused(guest)), guest)
        if offer.proof.share == OWN_SHARE:
            self._check(self.own_secret, offer, offer.proof, guest_fingerprint)
            return Offerer(Subject(Kind.OWN), Guest(own=True), self.own_secret)
        guest = guest_of(offer, offer.proof.share)
        try:
            link = self._links.find(offer.proof.share)
        except LinkUnknownError:
            return Offerer(Subject(Kind.LINK), guest)
        self._check(link.secret, offer, offer.proof, guest_fingerprint)
        facts, blocked = self._links.facts(link.id), self._is_refused(guest)
        return Offerer(Subject(Kind.LINK, facts, blocked=blocked), guest, link.secret)

    def _check(self, secret: bytes, offer: Offer, claimed: Proof, guest_fingerprint: str) -> None:
        expected = proof.offer_proof(secret, offer.session_id, guest_fingerprint, claimed.nonce)
        if not proof.genuine(expected, claimed.mac):
            raise BadProofError(
                "The proof in the offer is invalid: the offer was changed on its way to the host,"
                " or the link is damaged"
            )
        self._nonces_of(secret).use(claimed.nonce)

    def _nonces_of(self, secret: bytes) -> Nonces:
        if secret not in self._nonces:
            live = {self.own_secret, *(link.secret for link in self._links.list())}
            self._nonces = {one: seen for one, seen in self._nonces.items() if one in live}
        return self._nonces.setdefault(secret, Nonces())


class Nonces:
    """The nonces used with one secret."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def use(self, nonce: str) -> None:
        """Raises ReplayedError when it was used before."""
        if nonce in self._seen:
            raise ReplayedError("This offer was already used: it cannot be used again")
        self._seen[nonce] = None
        if len(self._seen) > MAX_NONCES:
            self._seen.popitem(last=False)


def guest_of(offer: Offer, share: str = "") -> Guest:
    """The guest as the relay reports it; with a ``share``, a proven holder of that link."""
    return Guest(
        name=offer.guest_name or "",
        address=offer.guest_address or "",
        browser=offer.guest_browser or "",
        share=share,
    )
