"""Signaling payloads: what an offer may say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.wire import signaling

OFFER: dict[str, Any] = {"session_id": "s", "device_id": "web-1", "sdp": "v=0", "sdp_type": "offer"}


def test_an_offer_may_return_and_take_its_session_id_back() -> None:
    offer = signaling.parse(signaling.Offer, {**OFFER, "resume": "token", "again": True})
    assert (offer.resume, offer.again) == ("token", True)


@pytest.mark.parametrize("again", [None, "true", 1, []])
def test_what_is_not_true_does_not_take_a_session_id_back(again: object) -> None:
    offer = signaling.parse(signaling.Offer, {**OFFER, "again": again})
    assert offer.again is False
    assert signaling.parse(signaling.Offer, OFFER).again is False
