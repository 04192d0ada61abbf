"""Who makes an offer, and what a relay that lies can do: nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from engine.access.authentication import OWN_SHARE, Authenticator
from engine.access.decide import Kind, Subject
from engine.access.links import Links
from engine.core.errors import BadProofError, ReplayedError
from engine.core.events import EventBus
from engine.core.model import Guest, Role, Share, ShareState
from engine.wire.proof import prove_offer
from engine.wire.signaling import Offer

PRINT = "AA:BB"


class House:
    """An authenticator with its links."""

    def __init__(self) -> None:
        self.links = Links(EventBus())
        self.authenticator = Authenticator(self.links)

    def own(self, session: str = "s") -> Offer:
        proof = prove_offer(self.authenticator.own_secret, OWN_SHARE, session, PRINT)
        return Offer(session, "web-1", "sdp", "offer", proof=proof)


def by_link(share: Share, session: str = "s") -> Offer:
    proof = prove_offer(share.secret, share.id, session, PRINT)
    return Offer(session, "web-1", "sdp", "offer", proof=proof, guest_name="Ada")


def test_without_a_proof_anybody_is_a_guest_by_the_relays_word() -> None:
    plain = Offer("s", "web-1", "sdp", "offer", guest_name="Ada", guest_address="192.0.2.7")
    offerer = House().authenticator.identify(plain, PRINT)
    assert offerer.subject == Subject(Kind.GUEST)
    assert offerer.guest == Guest("Ada", "192.0.2.7")
    assert offerer.secret is None


def test_this_app_is_known_by_its_own_secret() -> None:
    house = House()
    offerer = house.authenticator.identify(house.own(), PRINT)
    assert offerer.subject == Subject(Kind.OWN)
    assert offerer.guest == Guest(own=True)
    assert offerer.secret == house.authenticator.own_secret


def test_the_holder_of_a_link_comes_with_what_the_link_is_now() -> None:
    house = House()
    share = house.links.create("web-1", Role.VIEW, approval=True)
    offerer = house.authenticator.identify(by_link(share), PRINT)
    link = offerer.subject.link
    assert link is not None
    assert (offerer.subject.kind, link.id, link.target) == (Kind.LINK, share.id, "web-1")
    assert (link.role, link.approval, link.state) == (Role.VIEW, True, ShareState.ACTIVE)
    assert (offerer.guest.name, offerer.guest.share) == ("Ada", share.id)
    assert offerer.secret == share.secret


def test_a_proof_for_another_fingerprint_session_or_app_is_refused() -> None:
    house = House()
    with pytest.raises(BadProofError):
        house.authenticator.identify(house.own(), "CC:DD")
    moved = msgspec.structs.replace(house.own(), session_id="other")
    with pytest.raises(BadProofError):
        house.authenticator.identify(moved, PRINT)
    with pytest.raises(BadProofError):
        house.authenticator.identify(House().own(), PRINT)


def test_an_offer_works_once() -> None:
    house = House()
    once = house.own()
    house.authenticator.identify(once, PRINT)
    with pytest.raises(ReplayedError, match="already used"):
        house.authenticator.identify(once, PRINT)
    offer = by_link(house.links.create("web-1"))
    house.authenticator.identify(offer, PRINT)
    # Another link's first offer takes no nonce away.
    house.authenticator.identify(by_link(house.links.create("web-1")), PRINT)
    with pytest.raises(ReplayedError):
        house.authenticator.identify(offer, PRINT)


@pytest.mark.parametrize("mac", ["é", "", "\ud800", "0" * 64])
def test_a_proof_of_strange_text_is_refused_not_a_crash(mac: str) -> None:
    house = House()
    good = house.own()
    assert good.proof is not None
    strange = msgspec.structs.replace(good, proof=msgspec.structs.replace(good.proof, mac=mac))
    with pytest.raises(BadProofError):
        house.authenticator.identify(strange, PRINT)


def test_a_link_nobody_made_is_unknown() -> None:
    house = House()
    share = replace(house.links.create("web-1"), id="x" * 16)
    offerer = house.authenticator.identify(by_link(share), PRINT)
    assert (offerer.subject, offerer.secret) == (Subject(Kind.LINK), None)


def test_nobody_without_the_secret_learns_what_became_of_a_link() -> None:
    house = House()
    share = house.links.create("web-1")
    house.links.revoke(share.id)
    with pytest.raises(BadProofError):
        house.authenticator.identify(by_link(replace(share, secret=bytes(16))), PRINT)
    link = house.authenticator.identify(by_link(share), PRINT).subject.link
    assert link is not None
    assert link.state is ShareState.REVOKED
    assert share.secret.hex() not in repr(share)
