"""Who may open what, and what a relay that lies can do: nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from engine.access.links import MAX_ENDED, Shares
from engine.access.policy import OWN_SHARE, Policy
from engine.core.errors import (
    AccessDeniedError,
    BadProofError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUnknownError,
    LinkUsedError,
    ReplayedError,
)
from engine.core.events import EventBus
from engine.core.model import Role, Share, ShareState, Target, TargetKind
from engine.wire.proof import prove_offer
from engine.wire.signaling import Offer

PRINT = "AA:BB"
PRIVATE = Target(id="web-1", kind=TargetKind.CONTAINER, name="web-1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A policy with its links and a clock to turn."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.shares = Shares(EventBus(), self.clock)
        self.policy = Policy(self.shares)

    def own(self, session: str = "s") -> Offer:
        proof = prove_offer(self.policy.own_secret, OWN_SHARE, session, PRINT)
        return Offer(session, "web-1", "sdp", "offer", proof=proof)


def by_link(share: Share, session: str = "s", target: str = "web-1") -> Offer:
    proof = prove_offer(share.secret, share.id, session, PRINT)
    return Offer(session, target, "sdp", "offer", proof=proof, guest_name="Ada")


def test_a_guest_may_open_only_what_is_shared() -> None:
    policy = House().policy
    plain = Offer("s", "web-1", "sdp", "offer", guest_name="Ada", guest_address="192.0.2.7")
    with pytest.raises(AccessDeniedError, match="does not share web-1"):
        policy.admit(plain, PRIVATE, PRINT)
    admission = policy.admit(plain, replace(PRIVATE, shared=True), PRINT)
    assert (admission.guest.name, admission.guest.own) == ("Ada", False)
    assert admission.role is Role.CONTROL


def test_this_app_may_open_anything() -> None:
    house = House()
    assert house.policy.admit(house.own(), PRIVATE, PRINT).guest.own


def test_a_proof_for_another_fingerprint_session_or_app_is_refused() -> None:
    house = House()
    with pytest.raises(BadProofError):
        house.policy.admit(house.own(), PRIVATE, "CC:DD")
    moved = msgspec.structs.replace(house.own(), session_id="other")
    with pytest.raises(BadProofError):
        house.policy.admit(moved, PRIVATE, PRINT)
    with pytest.raises(BadProofError):
        house.policy.admit(House().own(), replace(PRIVATE, shared=True), PRINT)


def test_an_offer_works_once() -> None:
    house = House()
    once = house.own()
    house.policy.admit(once, PRIVATE, PRINT)
    with pytest.raises(ReplayedError, match="made before"):
        house.policy.admit(once, PRIVATE, PRINT)
    share = house.shares.create("web-1")
    offer = by_link(share)
    house.policy.admit(offer, PRIVATE, PRINT)
    with pytest.raises(ReplayedError):
        house.policy.admit(offer, PRIVATE, PRINT)


@pytest.mark.parametrize("mac", ["é", "", "\ud800", "0" * 64])
def test_a_proof_of_strange_text_is_refused_not_a_crash(mac: str) -> None:
    house = House()
    good = house.own()
    assert good.proof is not None
    strange = msgspec.structs.replace(good, proof=msgspec.structs.replace(good.proof, mac=mac))
    with pytest.raises(BadProofError):
        house.policy.admit(strange, PRIVATE, PRINT)


def test_a_link_opens_its_target_in_its_role() -> None:
    house = House()
    share = house.shares.create("web-1", Role.VIEW, approval=True)
    admission = house.policy.admit(by_link(share), PRIVATE, PRINT)
    assert (admission.role, admission.approval) == (Role.VIEW, True)
    assert (admission.guest.share, admission.secret) == (share.id, share.secret)
    with pytest.raises(AccessDeniedError, match="another target"):
        house.policy.admit(by_link(share, target="web-2"), PRIVATE, PRINT)


def test_a_link_nobody_made_is_unknown_and_a_wrong_secret_no_proof() -> None:
    house = House()
    share = house.shares.create("web-1")
    with pytest.raises(LinkUnknownError):
        house.policy.admit(by_link(replace(share, id="x" * 16)), PRIVATE, PRINT)
    with pytest.raises(BadProofError):
        house.policy.admit(by_link(replace(share, secret=bytes(16))), PRIVATE, PRINT)


def test_an_expired_link_lets_nobody_in_but_who_is_there() -> None:
    house = House()
    share = house.shares.create("web-1", seconds=60)
    house.clock.now += 59
    house.policy.admit(by_link(share), PRIVATE, PRINT)
    house.clock.now += 1
    with pytest.raises(LinkExpiredError):
        house.policy.admit(by_link(share), PRIVATE, PRINT)
    house.policy.admit(by_link(share), PRIVATE, PRINT, returning=True)


def test_a_link_for_one_use_works_once_unless_that_one_came_to_nothing() -> None:
    house = House()
    share = house.shares.create("web-1", single_use=True)
    house.policy.admit(by_link(share, "s1"), PRIVATE, PRINT)
    with pytest.raises(LinkUsedError):
        house.policy.admit(by_link(share, "s1"), PRIVATE, PRINT)
    house.policy.admit(by_link(share, "s1"), PRIVATE, PRINT, returning=True)
    house.shares.release("another")
    with pytest.raises(LinkUsedError):
        house.policy.admit(by_link(share, "s2"), PRIVATE, PRINT)
    house.shares.release("s1")
    house.policy.admit(by_link(share, "s2"), PRIVATE, PRINT)
    house.shares.began("s2")
    house.shares.release("s2")
    with pytest.raises(LinkUsedError):
        house.policy.admit(by_link(share, "s3"), PRIVATE, PRINT)


def test_each_use_that_came_to_nothing_is_given_back_once() -> None:
    house = House()
    share = house.shares.create("web-1")
    for session_id in ("s1", "s2", "s3"):
        house.policy.admit(by_link(share, session_id), PRIVATE, PRINT)
    house.shares.began("s2")
    for session_id in ("s1", "s2", "s3", "s1"):
        house.shares.release(session_id)
    assert house.shares.find(share.id).uses == 1


def test_a_revoked_link_lets_nobody_in_returning_or_not() -> None:
    house = House()
    share = house.shares.create("web-1")
    house.shares.revoke(share.id)
    for returning in (False, True):
        with pytest.raises(LinkRevokedError):
            house.policy.admit(by_link(share), PRIVATE, PRINT, returning=returning)
    # Somebody without the secret is not told what became of it.
    with pytest.raises(BadProofError):
        house.policy.admit(by_link(replace(share, secret=bytes(16))), PRIVATE, PRINT)
    assert share.secret.hex() not in repr(share)


def test_ended_links_are_listed_for_a_while_and_not_for_ever() -> None:
    house = House()
    for _ in range(MAX_ENDED + 5):
        house.shares.revoke(house.shares.create("web-1").id)
    kept = house.shares.create("web-1")
    assert len(house.shares.list()) == MAX_ENDED + 1
    assert house.shares.active() == (kept,)
    assert house.shares.list()[0].state(house.clock.now) is ShareState.REVOKED
