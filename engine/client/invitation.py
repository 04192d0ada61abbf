"""What admits a guest: a link, this app's own secret, or only the relay's token.

Owns the guest's half of the proofs (docs/LINKS.md): the fields added to an offer, and the
check of the answer before any of it is used. No I/O.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.access.authentication import OWN_SHARE
from engine.core.errors import BadProofError
from engine.transport import sdp as sdp_text
from engine.wire import proof, signaling

WRONG_ANSWER = (
    "The proof in the answer is wrong or missing: something between you and the host changed"
    " the answer. No connection was opened"
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """``secret`` is None with only a token: then nothing can be proven."""

    share: str = ""
    secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, link: proof.Link | None, own_secret: bytes | None) -> Invitation:
        if link is not None:
            return cls(link.id, link.secret)
        return cls(OWN_SHARE, own_secret) if own_secret is not None else cls()

    def prove(self, session_id: str, sdp: str) -> tuple[dict[str, Any], str]:
        """The fields to add to an offer of ``sdp``; and without a secret the nonce that it commits
        to, to be revealed to the host once connected."""
        if self.secret is None:
            nonce = secrets.token_hex(proof.NONCE_BYTES)
            return {"commit": proof.commitment(nonce)}, nonce
        made = proof.prove_offer(self.secret, self.share, session_id, sdp_text.fingerprint(sdp))
        return {"proof": {"share": made.share, "nonce": made.nonce, "mac": made.mac}}, ""

    def check(self, offer: Mapping[str, Any], answer: Mapping[str, Any], nonce: str) -> str:
        """The short code of a genuine answer to ``offer``, which committed to ``nonce``; empty
        for a host that cannot compare it.

        Raises BadProofError, or BadRequestError for a description without one
        SHA-256 fingerprint.
        """
        session_id, guest = str(offer["session_id"]), sdp_text.fingerprint(str(offer["sdp"]))
        agent = sdp_text.fingerprint(str(answer.get("sdp")))
        if self.secret is not None:
            of_offer = str(offer["proof"]["nonce"])
            expected = proof.answer_proof(self.secret, session_id, agent, guest, of_offer)
            if not proof.genuine(expected, str(answer.get("proof"))):
                raise BadProofError(WRONG_ANSWER)
            return proof.short_code(self.secret, session_id, agent, guest)
        theirs = signaling.parse(signaling.Answer, answer).code_nonce
        return proof.committed_code(session_id, agent, guest, nonce, theirs) if theirs else ""
