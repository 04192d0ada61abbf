"""Links, proofs and short codes, from the vectors both languages share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadLinkError, BadRequestError
from engine.transport import sdp
from engine.wire import proof

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "links.json").read_text(encoding="utf-8")
)


def ends(vector: dict[str, Any]) -> tuple[str, str, str]:
    return vector["session_id"], vector["agent_fingerprint"], vector["guest_fingerprint"]


@pytest.mark.parametrize("vector", VECTORS["proofs"], ids=lambda v: str(v["session_id"]))
def test_proofs_are_these_very_bytes(vector: dict[str, Any]) -> None:
    secret = proof.decode_secret(vector["secret"])
    session, agent, guest = ends(vector)
    nonce = vector["nonce"]
    assert secret.hex() == vector["secret_hex"]
    assert proof.message("offer", session, guest, nonce).hex() == vector["offer_message_hex"]
    assert proof.offer_proof(secret, session, guest, nonce) == vector["offer"]
    assert proof.answer_proof(secret, session, agent, guest, nonce) == vector["answer"]
    assert proof.short_code(secret, session, agent, guest) == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["codes"], ids=lambda v: str(v["session_id"]))
def test_codes_without_a_link(vector: dict[str, Any]) -> None:
    nonces = vector["guest_nonce"], vector["agent_nonce"]
    ends_of = vector["session_id"], vector["agent_fingerprint"], vector["guest_fingerprint"]
    assert proof.commitment(vector["guest_nonce"]) == vector["commit"]
    assert proof.committed_code(*ends_of, *nonces) == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["relay_access"], ids=lambda v: str(v["nonce"]))
def test_a_relay_is_proven_to_that_a_link_is_held(vector: dict[str, Any]) -> None:
    secret = proof.decode_secret(vector["secret"])
    assert secret.hex() == vector["secret_hex"]
    assert proof.message("relay access").hex() == vector["access_message_hex"]
    assert proof.message("relay access", vector["nonce"]).hex() == vector["proof_message_hex"]
    assert proof.relay_access(secret) == vector["access"]
    assert proof.access_proof(vector["access"], vector["nonce"]) == vector["proof"]


@pytest.mark.parametrize(
    "vector", VECTORS["links"] + VECTORS["return_links"], ids=lambda v: str(v["url"])[:40]
)
def test_links_are_read_and_written(vector: dict[str, Any]) -> None:
    link = proof.parse_link(vector["url"])
    assert (link.base, link.id, link.secret.hex()) == (
        vector["base"],
        vector["id"],
        vector["secret_hex"],
    )
    assert link.url == vector["url"]
    assert link.token == vector.get("token", "")
    assert not link.token or link.token not in repr(link)
    assert proof.encode_secret(link.secret) not in repr(link)


@pytest.mark.parametrize("vector", VECTORS["changed_links"], ids=lambda v: str(v["url"])[40:])
def test_what_is_added_on_the_way_does_not_damage_a_link(vector: dict[str, Any]) -> None:
    link = proof.parse_link(vector["url"])
    assert (link.base, link.id) == (vector["base"], vector["id"])
    assert (link.secret.hex(), link.token) == (vector["secret_hex"], vector.get("token", ""))


@pytest.mark.parametrize("url", VECTORS["bad_links"] + VECTORS["bad_return_links"])
def test_what_is_no_whole_link_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadLinkError) as caught:
        proof.parse_link(url)
    assert "#" not in url or url not in str(caught.value)


@pytest.mark.parametrize("vector", VECTORS["fingerprints"], ids=lambda v: str(v["sdp"])[8:40])
def test_fingerprints_are_read_from_descriptions(vector: dict[str, Any]) -> None:
    if "error" in vector:
        with pytest.raises(BadRequestError):
            sdp.fingerprint(vector["sdp"])
    else:
        assert sdp.fingerprint(vector["sdp"]) == vector["fingerprint"]


@pytest.mark.parametrize("case", VECTORS["answers"]["cases"], ids=lambda c: str(c["why"]))
def test_only_the_genuine_answer_is_taken(case: dict[str, Any]) -> None:
    vector = VECTORS["proofs"][VECTORS["answers"]["of"]]
    expected = proof.answer_proof(
        proof.decode_secret(vector["secret"]), *ends(vector), vector["nonce"]
    )
    claimed = case["proof"] if isinstance(case["proof"], str) else ""
    assert proof.genuine(expected, claimed) is case["accepted"]


@given(st.text())
def test_any_text_is_a_link_or_refused(text: str) -> None:
    for url in (text, f"https://relay.example/s/{text}", f"https://[{text}"):
        with pytest.raises(BadLinkError):
            proof.parse_link(url)


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_two_lists_of_parts_sign_alike(one: list[str], other: list[str]) -> None:
    assert (proof.message(*one) == proof.message(*other)) is (one == other)
