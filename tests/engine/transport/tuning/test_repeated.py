"""The pattern of a STUN message, against what aioice makes of the same."""

from __future__ import annotations

import pytest
from aioice.stun import Class, Message, Method, parse_message
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.tuning.repeated import Repeated

KEY = b"p" * 22
IDS = st.binary(min_size=12, max_size=12)
ADDRESSES = st.tuples(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), st.integers(1, 65535)
)


def signed(kind: Class, transaction_id: bytes, **attributes: object) -> Message:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    message = Message(Method.BINDING, kind, transaction_id, named)
    message.add_message_integrity(KEY)
    return message


def question(transaction_id: bytes) -> Message:
    return signed(
        Class.REQUEST, transaction_id, USERNAME="abcd:efg", PRIORITY=7, ICE_CONTROLLED=2**63
    )


@given(IDS, IDS)
def test_a_question_is_as_aioice_makes_it(one: bytes, other: bytes) -> None:
    pattern = Repeated(question(one), KEY)
    assert pattern.with_id(other) == bytes(question(other))
    assert pattern.is_this(bytes(question(other)))
    read = parse_message(pattern.with_id(other))
    assert read.check_message_integrity(KEY)
    assert Repeated(read, KEY).with_id(one) == bytes(question(one))


@given(IDS, IDS, ADDRESSES)
def test_an_answer_names_the_same_address_in_each_transaction(
    one: bytes, other: bytes, address: tuple[str, int]
) -> None:
    pattern = Repeated(signed(Class.RESPONSE, one, XOR_MAPPED_ADDRESS=address), KEY)
    repeated = signed(Class.RESPONSE, other, XOR_MAPPED_ADDRESS=address)
    assert pattern.with_id(other) == bytes(repeated)
    assert parse_message(pattern.with_id(other)).attributes["XOR-MAPPED-ADDRESS"] == address


@given(IDS, st.integers(0), st.integers(1, 255))
def test_one_wrong_bit_and_it_is_another(transaction_id: bytes, at: int, change: int) -> None:
    pattern = Repeated(question(bytes(12)), KEY)
    data = bytearray(bytes(question(transaction_id)))
    data[at % len(data)] ^= change
    assert not pattern.is_this(bytes(data))


@given(IDS, st.binary(max_size=120), st.integers(0, 200))
def test_another_length_and_it_is_another(transaction_id: bytes, more: bytes, cut: int) -> None:
    pattern = Repeated(question(bytes(12)), KEY)
    data = bytes(question(transaction_id))
    changed = data[:cut] + more
    assert pattern.is_this(changed) == (changed == data)


def test_a_message_of_another_key_is_another() -> None:
    assert not Repeated(question(bytes(12)), b"q" * 22).is_this(bytes(question(bytes(12))))


def test_a_message_without_integrity_is_no_pattern() -> None:
    with pytest.raises(ValueError, match="INTEGRITY"):
        Repeated(Message(Method.BINDING, Class.REQUEST), KEY)


@pytest.mark.parametrize("name", ["\0 \0\x14\0\x02" + "x" * at for at in (0, 1, 8, 30)])
def test_what_looks_like_an_address_and_is_none_is_read_in_full(name: str) -> None:
    """Whoever knows the key can make a pattern that fits nothing, and no more than that."""
    pattern = Repeated(signed(Class.REQUEST, bytes(12), USERNAME=name), KEY)
    second = bytes(signed(Class.REQUEST, b"another, now", USERNAME=name))
    assert not pattern.is_this(second)
    assert not pattern.is_this(second[:-1] + b"?")
