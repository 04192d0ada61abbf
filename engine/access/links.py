"""The links of this host: making, listing, revoking, and who holds one.

Owns every link's facts and secret, in memory: links end with the program. Does
not own what else may be opened (engine.access.policy) or the sessions opened with a
link (the agent ends them when it is revoked).
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from engine.core.errors import (
    AccessDeniedError,
    BadProofError,
    LimitError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUnknownError,
    LinkUsedError,
    ReplayedError,
)
from engine.core.events import EventBus, SharesChanged
from engine.core.model import Role, Share, ShareState
from engine.wire import proof
from engine.wire.signaling import MAX_LINKS, Offer, Proof

MAX_SHARES = 1000
"""Links that may be active at once."""
MAX_ENDED = MAX_LINKS - MAX_SHARES
"""Ended links kept, so that late guests learn what became of theirs."""
MAX_NONCES = 10_000
"""Nonces kept per secret so that no offer works twice; the oldest go first."""


class Nonces:
    """The nonces seen with one secret."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def use(self, nonce: str) -> None:
        """Raises ReplayedError when it was used before."""
        if nonce in self._seen:
            raise ReplayedError("This offer was made before: it cannot be used again")
        self._seen[nonce] = None
        if len(self._seen) > MAX_NONCES:
            self._seen.popitem(last=False)


def check_proof(secret: bytes, claimed: Proof, session_id: str, guest_fingerprint: str) -> None:
    """Raises BadProofError."""
    expected = proof.offer_proof(secret, session_id, guest_fingerprint, claimed.nonce)
    if not proof.genuine(expected, claimed.mac):
        raise BadProofError(
            "The proof in the offer does not fit: the offer was changed on its way to the host,"
            " or the link is damaged"
        )


class Shares:
    """All links of one agent, by id."""

    def __init__(self, events: EventBus, clock: Callable[[], float] = time.time) -> None:
        self._events = events
        self._clock = clock
        self._shares: dict[str, Share] = {}
        self._nonces: dict[str, Nonces] = {}
        self._unbegun: dict[str, str] = {}
        """Session id → link, for uses whose shell has not started: each can be given back."""

    def create(
        self,
        target: str,
        role: Role = Role.CONTROL,
        *,
        approval: bool = False,
        seconds: float | None = None,
        single_use: bool = False,
    ) -> Share:
        """A new link, for ``seconds`` or until it is revoked. Raises LimitError."""
        if len(self.active()) >= MAX_SHARES:
            raise LimitError(f"There are {MAX_SHARES} links already; revoke some first")
        now = self._clock()
        share = Share(
            id=secrets.token_urlsafe(proof.ID_BYTES),
            target=target,
            role=role,
            secret=secrets.token_bytes(proof.SECRET_BYTES),
            created_at=now,
            approval=approval,
            expires_at=None if seconds is None else now + seconds,
            single_use=single_use,
        )
        self._nonces[share.id] = Nonces()
        self._forget_ended()
        self._put(share)
        return share

    def list(self) -> tuple[Share, ...]:
        """Oldest first, ended ones too for a while."""
        return tuple(self._shares.values())

    def active(self) -> tuple[Share, ...]:
        now = self._clock()
        return tuple(s for s in self._shares.values() if s.state(now) is ShareState.ACTIVE)

    def find(self, share_id: str) -> Share:
        """Raises LinkUnknownError."""
        share = self._shares.get(share_id)
        if share is None:
            raise LinkUnknownError("The host knows no such link")
        return share

    def revoke(self, share_id: str) -> None:
        """No session begins with it any more. Raises LinkUnknownError."""
        self._put(replace(self.find(share_id), revoked=True))

    def change(self, share_id: str, *, role: Role | None, approval: bool) -> None:
        """What later guests of the link get. Raises LinkUnknownError."""
        share = self.find(share_id)
        self._put(replace(share, role=role or share.role, approval=approval))

    def admit(self, offer: Offer, guest_fingerprint: str, *, returning: bool) -> Share:
        """The link an offer proves to hold; counts the use of it.

        The use is given back by ``release`` until ``began`` says that the shell runs.
        ``returning``: the session is there already, so a use is no new one.
        Raises BadProofError, ReplayedError, a LinkError, or AccessDeniedError
        when the link is for another target.
        """
        if offer.proof is None:
            raise BadProofError("The offer has no proof")
        share = self.find(offer.proof.share)
        # Only who holds the secret learns what became of the link.
        check_proof(share.secret, offer.proof, offer.session_id, guest_fingerprint)
        self._nonces[share.id].use(offer.proof.nonce)
        if share.revoked:
            raise LinkRevokedError("The host has withdrawn this link")
        if share.target != offer.device_id:
            raise AccessDeniedError("The link is for another target than the offer")
        if returning:
            return share
        match share.state(self._clock()):
            case ShareState.EXPIRED:
                raise LinkExpiredError("This link has expired; ask the host for a new one")
            case ShareState.USED:
                raise LinkUsedError("This link worked once and was used; ask the host for another")
        share = replace(share, uses=share.uses + 1, used_by=offer.session_id)
        self._unbegun[offer.session_id] = share.id
        self._put(share)
        return share

    def began(self, session_id: str) -> None:
        """The shell of that session runs: its use of the link counts for good."""
        self._unbegun.pop(session_id, None)

    def release(self, session_id: str) -> None:
        """That session is over. If its shell never ran, the link has one use more again."""
        share = self._shares.get(self._unbegun.pop(session_id, ""))
        if share is not None:
            used_by = "" if share.used_by == session_id else share.used_by
            self._put(replace(share, uses=share.uses - 1, used_by=used_by))

    def publish(self) -> None:
        """Tell of all links: one of them changed, or what may be done with it did."""
        self._events.publish(SharesChanged(shares=self.list()))

    def _put(self, share: Share) -> None:
        self._shares[share.id] = share
        self.publish()

    def _forget_ended(self) -> None:
        now = self._clock()
        ended = [s.id for s in self._shares.values() if s.state(now) is not ShareState.ACTIVE]
        for share_id in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._shares[share_id], self._nonces[share_id]
