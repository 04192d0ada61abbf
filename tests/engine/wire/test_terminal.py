"""The data channel's codec, from the vectors both languages share, and from anything at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import ProtocolError
from engine.core.model import EndCode, Role
from engine.wire import terminal as wire

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "terminal.json").read_text(encoding="utf-8")
)
GUEST = [(vector, False) for vector in VECTORS["guest"]] + [
    (vector, True) for vector in VECTORS["guest_v1"]
]


@pytest.mark.parametrize(("vector", "v1"), GUEST, ids=lambda value: str(value)[:50])
def test_guest_vector(vector: dict[str, Any], v1: bool) -> None:
    if "error" not in vector:
        decoded = wire.decode_guest(vector["text"], v1=v1)
        seen = json.loads(msgspec.json.encode(decoded))
        assert {**vector["message"], **seen} == vector["message"] | seen
        assert {key: seen[key] for key in vector["message"]} == vector["message"]
        return
    with pytest.raises(ProtocolError) as caught:
        wire.decode_guest(vector["text"], v1=v1)
    assert caught.value.code == vector["error"]
    if "names" in vector:
        assert f"'{vector['names']}'" in str(caught.value)


@pytest.mark.parametrize("vector", VECTORS["agent"], ids=lambda value: str(value)[:50])
def test_agent_vector_goes_both_ways(vector: dict[str, Any]) -> None:
    message = wire.decode_agent(json.dumps(vector["message"]))
    assert message is not None
    assert json.loads(wire.encode(message)) == vector["message"]


def test_every_message_has_a_vector() -> None:
    guest = {json.loads(one["text"])["type"] for one, _ in GUEST if "error" not in one}
    agent = {one["message"]["type"] for one in VECTORS["agent"]}
    assert guest == {kind.__struct_config__.tag for kind in get_args(wire.GuestMessageV1)}
    assert agent == {kind.__struct_config__.tag for kind in get_args(wire.AgentMessage)}


@pytest.mark.parametrize("vector", VECTORS["agent_unknown"], ids=lambda value: str(value)[:50])
def test_a_message_of_a_later_agent_is_no_fault(vector: dict[str, Any]) -> None:
    assert wire.decode_agent(vector["text"]) is None


def test_what_has_a_position_in_the_output_stays_in_order() -> None:
    in_order = {"snapshot", "size", "output", "exit", "pty_disconnected", "error"}
    # Before welcome, a guest does not know what was agreed on.
    late = {
        "ready",
        "welcome",
        "people",
        "keyboard",
        "recording",
        "idle",
        "role",
        "ice_offer",
        "ice_answer",
    }
    for vector in VECTORS["agent"]:
        message = wire.decode_agent(json.dumps(vector["message"]))
        assert message is not None
        kind = vector["message"]["type"]
        assert not (kind in in_order and wire.may_overtake(message)), kind
        assert not (kind in late and not wire.may_overtake(message)), kind


def test_the_most_people_fit_in_the_smallest_message() -> None:
    person = wire.Person("p" * 22, "\N{GRINNING FACE}" * wire.MAX_NAME, Role.CONTROL, "guest", True)
    text = wire.encode(wire.People((person,) * wire.MAX_PEOPLE))
    assert len(text.encode()) <= 65_536
    assert wire.decode_agent(text) == wire.People((person,) * wire.MAX_PEOPLE)


def test_an_exit_without_a_code_is_of_an_older_agent() -> None:
    text = '{"type":"exit","exit_code":1,"reason":"Ended"}'
    assert wire.decode_agent(text) == wire.Exit(1, "Ended", "")


def test_the_codes_of_an_end_are_the_ones_the_page_knows() -> None:
    assert set(EndCode) == {
        "ended",
        "closed",
        "idle",
        "grace",
        "removed",
        "removed_asks",
        "removed_revoked",
        "limit",
        "host_stopped",
        "target_stopped",
    }


@pytest.mark.parametrize("vector", VECTORS["agent_foreign"], ids=lambda value: str(value)[:50])
def test_what_a_foreign_agent_fills_its_own_way_counts_as_absent(vector: dict[str, Any]) -> None:
    seen = msgspec.to_builtins(wire.decode_agent(vector["text"]))
    # A default may be left out.
    left_out = dict.fromkeys(vector["message"].keys() - seen.keys(), "")
    assert seen | left_out == vector["message"]


@pytest.mark.parametrize("vector", VECTORS["agent_bad"], ids=lambda value: str(value)[:50])
def test_a_bad_agent_message_names_its_field(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.decode_agent(vector["text"])
    assert caught.value.code == vector["error"]
    if "names" in vector:
        assert f"'{vector['names']}'" in str(caught.value)


def test_a_message_beyond_the_limit_is_refused() -> None:
    text = json.dumps({"type": "input", "data": "x" * wire.MAX_TEXT_BYTES})
    with pytest.raises(ProtocolError, match="longer than"):
        wire.decode_guest(text, v1=False)


def test_endless_nesting_is_bad_json() -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.decode_guest("[" * 100_000, v1=True)
    assert caught.value.code == "bad_json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(st.text() | JSON.map(json.dumps), st.booleans())
def test_anything_is_a_message_or_a_protocol_error(text: str, v1: bool) -> None:
    code = ""
    try:
        wire.decode_guest(text, v1=v1)
    except ProtocolError as error:
        code = error.code
    assert code in ("", "bad_json", "bad_message", "unknown_type")


@given(st.text())
def test_output_text_arrives_as_it_was_sent(text: str) -> None:
    assert wire.decode_agent(wire.encode(wire.Output(text))) == wire.Output(text)
