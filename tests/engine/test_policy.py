"""Who may open what, and what a relay that lies can do: nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from engine.errors import AccessDeniedError
from engine.model import Role, Target, TargetKind
from engine.policy import OWN_SHARE, Policy, prove_offer
from engine.wire.signaling import Offer

PRINT = "AA:BB"
PRIVATE = Target(id="web-1", kind=TargetKind.CONTAINER, name="web-1")


def offer(policy: Policy, session: str = "s") -> Offer:
    proof = prove_offer(policy.own_secret, OWN_SHARE, session, PRINT)
    return Offer(session, "web-1", "sdp", "offer", proof=proof)


def test_a_guest_may_open_only_what_is_shared() -> None:
    policy = Policy()
    plain = Offer("s", "web-1", "sdp", "offer", guest_name="Ada", guest_address="192.0.2.7")
    with pytest.raises(AccessDeniedError, match="does not share web-1"):
        policy.admit(plain, PRIVATE, PRINT)
    admission = policy.admit(plain, replace(PRIVATE, shared=True), PRINT)
    assert (admission.guest.name, admission.guest.own) == ("Ada", False)
    assert admission.role is Role.CONTROL


def test_this_app_may_open_anything() -> None:
    policy = Policy()
    assert policy.admit(offer(policy), PRIVATE, PRINT).guest.own


def test_a_proof_for_another_fingerprint_session_or_app_is_refused() -> None:
    policy = Policy()
    with pytest.raises(AccessDeniedError):
        policy.admit(offer(policy), PRIVATE, "CC:DD")
    moved = msgspec.structs.replace(offer(policy), session_id="other")
    with pytest.raises(AccessDeniedError):
        policy.admit(moved, PRIVATE, PRINT)
    with pytest.raises(AccessDeniedError):
        policy.admit(offer(Policy()), replace(PRIVATE, shared=True), PRINT)


def test_an_offer_works_once() -> None:
    policy = Policy()
    once = offer(policy)
    policy.admit(once, PRIVATE, PRINT)
    with pytest.raises(AccessDeniedError, match="used before"):
        policy.admit(once, PRIVATE, PRINT)


def test_a_proof_of_strange_text_is_refused_not_a_crash() -> None:
    policy = Policy()
    good = offer(policy)
    assert good.proof is not None
    strange = msgspec.structs.replace(good, proof=msgspec.structs.replace(good.proof, mac="é"))
    with pytest.raises(AccessDeniedError):
        policy.admit(strange, PRIVATE, PRINT)
