"""Consent between two real connections: asked, given, refused, lost, and forged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aioice.stun import Class, Message, parse_message
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.tuning import consent
from engine.transport.tuning.consent import Beats, Consent
from tests.engine.transport.tuning.pair import REQUEST, Connection, connected
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.1
"""Seconds between questions in these tests."""


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same proportions in a twentieth of the time."""
    monkeypatch.setattr(consent, "CONSENT_INTERVAL_SECONDS", INTERVAL)
    monkeypatch.setattr(consent, "CONSENT_SECONDS", consent.CONSENT_FAILURES * INTERVAL)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks but the test."""
    monkeypatch.setattr(consent, "CONSENT_INTERVAL_SECONDS", 1000)


def consent_tasks() -> list[asyncio.Task[Any]]:
    tasks = asyncio.all_tasks()
    return [t for t in tasks if getattr(t.get_coro(), "__name__", "") == "query_consent"]


class Wire:
    """In the place of a connection's transport: keeps what it sends, and sends it too."""

    def __init__(self, connection: Connection) -> None:
        protocol: Any = selected(connection).protocol
        self._transport = protocol.transport
        self.sent: list[bytes] = []
        protocol.transport = self

    def sendto(self, data: bytes, address: tuple[Any, ...]) -> None:
        self.sent.append(data)
        self._transport.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def selected(connection: Connection) -> Any:
    """The pair in use."""
    pair = connection.selected()
    assert pair is not None
    return pair


def in_full(connection: Connection) -> list[Message]:
    """Questions that aioice reads and answers from now on."""
    seen: list[Message] = []
    received = connection.request_received

    def watched(message: Message, *rest: Any) -> None:
        seen.append(message)
        received(message, *rest)

    connection.request_received = watched  # type: ignore[method-assign]
    return seen


def put(connection: Connection, data: bytes, address: tuple[Any, ...] | None = None) -> None:
    """As if it had come over the selected pair."""
    pair = selected(connection)
    pair.protocol.datagram_received(data, address or pair.remote_addr)


def question_of(connection: Connection, **changes: Any) -> Message:
    """The one it asks, with other attributes where told; without a signature."""
    message = connection.build_request(selected(connection), nominate=False)
    message.attributes.update({name.replace("_", "-"): changes[name] for name in changes})
    return message


def key_of(connection: Connection) -> bytes:
    return connection.local_password.encode()


def signed(message: Message, key: bytes) -> bytes:
    message.add_message_integrity(key)
    return bytes(message)


def test_consent_is_given_up_after_two_intervals_of_two_seconds() -> None:
    assert (
        consent.CONSENT_FAILURES,
        consent.CONSENT_INTERVAL_SECONDS,
        consent.CONSENT_SECONDS,
    ) == (2, 2, 4)


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_answers_is_asked_again_and_again() -> None:
    async with connected() as (one, other):
        checks = one.asked + other.asked
        await until(lambda: one.asked + other.asked >= checks + 8)
        assert not one.closed.is_set()
        assert one.selected() is not None
    assert not consent_tasks()
    assert not Beats.running()


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_does_not_answer_is_given_up() -> None:
    async with connected(asking=(True, False)) as (one, other):
        loop = asyncio.get_running_loop()
        await until(lambda: one.consent.knows_responses)
        other.answers = False
        began = one.consent.heard_at
        asked = other.asked
        await asyncio.wait_for(one.closed.wait(), 10)
        assert other.asked >= asked + consent.CONSENT_FAILURES
        assert loop.time() - began >= consent.CONSENT_SECONDS * 0.9
        with pytest.raises(ConnectionError):
            one.send_now([b"anybody?"])


@pytest.mark.usefixtures("fast")
async def test_a_peer_that_talks_is_not_asked() -> None:
    async with connected() as (one, other):
        await one.asking.wait()
        asked = other.asked

        def talk() -> None:
            nonlocal talking
            one.heard()
            talking = loop.call_later(INTERVAL / 10, talk)

        loop = asyncio.get_running_loop()
        talking = loop.call_soon(talk)
        other.answers = False  # and being heard is enough
        await until(lambda: one.asked > 20)  # the other side, for its part, asks on
        assert other.asked == asked
        assert not one.closed.is_set()
        talking.cancel()


@pytest.mark.usefixtures("fast")
async def test_a_lost_question_is_asked_again_before_it_counts() -> None:
    async with connected() as (one, other):
        dropped: set[bytes] = set()

        def second_only(received: Callable[..., bool]) -> Any:
            def late(data: bytes, *rest: Any) -> bool:
                if data[:2] == REQUEST and data not in dropped:
                    dropped.add(data)
                    return True
                return received(data, *rest)

            return late

        for end in (one, other):
            end.stun_received = second_only(end.stun_received)  # type: ignore[method-assign]
        await until(lambda: len(dropped) >= 8)
        assert not one.closed.is_set()


@pytest.mark.usefixtures("quiet")
async def test_a_question_of_the_peers_is_a_word_and_a_strangers_is_none() -> None:
    async with connected() as (one, other):
        one.consent.heard_at = 0.0
        put(one, bytes(question_of(other)))
        put(one, signed(question_of(other), b"not the key"))
        assert one.consent.heard_at == 0.0
        other.consent.ask()
        await until(lambda: one.consent.heard_at > 0.0)


@pytest.mark.usefixtures("quiet")
async def test_the_same_question_is_answered_as_aioice_would() -> None:
    async with connected() as (one, other):
        put(one, signed(question_of(other), key_of(one)))
        full, wire = in_full(one), Wire(one)
        one.consent.heard_at = 0.0
        question = question_of(other)
        put(one, signed(question, key_of(one)))
        short = parse_message(wire.sent[-1])
        assert not full
        assert one.consent.heard_at > 0.0
        assert short.message_class == Class.RESPONSE
        assert short.transaction_id == question.transaction_id
        assert short.check_message_integrity(key_of(one))
        one.consent.forget()
        put(one, bytes(question))
        assert full
        assert wire.sent[-1] == wire.sent[-2]


HOSTILE: dict[str, Callable[[Connection, Connection], bytes]] = {
    "unsigned": lambda one, other: bytes(question_of(other)),
    "signed with another key": lambda one, other: signed(question_of(other), b"k" * 22),
    "of another priority": lambda one, other: signed(question_of(other, PRIORITY=1), key_of(one)),
    "of another name": lambda one, other: signed(question_of(other, USERNAME="a:b"), key_of(one)),
    "with one attribute more": lambda one, other: signed(
        question_of(other, USE_CANDIDATE=None), key_of(one)
    ),
    "in the other role": lambda one, other: signed(
        question_of(other, ICE_CONTROLLING=1, ICE_CONTROLLED=1), key_of(one)
    ),
    "without its fingerprint": lambda one, other: unmarked(signed(question_of(other), key_of(one))),
}


def unmarked(data: bytes) -> bytes:
    return data[:2] + (len(data) - 28).to_bytes(2) + data[4:-8]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", HOSTILE)
async def test_an_unlike_question_is_read_in_full(kind: str) -> None:
    async with connected() as (one, other):
        put(one, signed(question_of(other), key_of(one)))
        put(one, signed(question_of(other), key_of(one)))
        full = in_full(one)
        put(one, HOSTILE[kind](one, other))
        assert len(full) == 1


@pytest.mark.usefixtures("quiet")
async def test_a_damaged_question_is_answered_by_nobody() -> None:
    async with connected() as (one, other):
        put(one, signed(question_of(other), key_of(one)))
        wire = Wire(one)
        one.consent.heard_at = 0.0
        for at in (-1, -20, 21, 40):  # each spoils the fingerprint at least
            data = bytearray(signed(question_of(other), key_of(one)))
            data[at] ^= 1
            put(one, bytes(data))
        for length in (0, 1, 8, 19, 20, 60, len(data) - 1):
            put(one, bytes(data[:length]))
        assert not wire.sent
        assert one.consent.heard_at == 0.0


@pytest.mark.usefixtures("quiet")
async def test_the_same_question_from_elsewhere_is_read_in_full_and_no_word() -> None:
    async with connected() as (one, other):
        put(one, signed(question_of(other), key_of(one)))
        full = in_full(one)
        one.consent.heard_at = 0.0
        host, port = selected(one).remote_addr
        put(one, signed(question_of(other), key_of(one)), (host, port % 65535 + 1))
        assert len(full) == 1
        assert one.consent.heard_at == 0.0


@pytest.mark.usefixtures("quiet")
async def test_only_an_answer_that_is_right_is_a_word() -> None:
    async with connected() as (one, other):
        for known in (False, True):  # the first one, and one like it
            assert one.consent.knows_responses == known
            one.consent.heard_at = 0.0
            answers = in_full(other)
            other.answers = False
            wire = Wire(one)
            one.consent.ask()
            asked = parse_message(wire.sent[-1])
            assert not answers
            right = Message(asked.message_method, Class.RESPONSE, asked.transaction_id)
            right.attributes["XOR-MAPPED-ADDRESS"] = selected(other).remote_addr
            for wrong in (
                bytes(right),
                signed(right, b"k" * 22),
                signed(right, key_of(other))[:-1] + b"?",
                signed(right, key_of(other))[:50],
                signed(Message(right.message_method, Class.RESPONSE), key_of(other)),
            ):
                put(one, wrong)
                assert one.consent.heard_at == 0.0
            host, port = selected(one).remote_addr
            put(one, signed(right, key_of(other)), (host, port % 65535 + 1))
            assert one.consent.heard_at == 0.0
            assert one.consent.is_waiting
            put(one, signed(right, key_of(other)))
            assert one.consent.heard_at > 0.0
            assert not one.consent.is_waiting


@pytest.mark.usefixtures("quiet")
async def test_a_refusal_is_no_word_and_nothing_to_ask_again() -> None:
    async with connected() as (one, other):
        one.consent.heard_at = 0.0
        other.answers = False
        wire = Wire(one)
        one.consent.ask()
        refusal = parse_message(wire.sent[-1])
        refusal.message_class = Class.ERROR
        refusal.attributes = {"ERROR-CODE": (401, "Unauthenticated")}
        put(one, bytes(refusal))
        assert one.consent.is_waiting  # anybody can say that
        put(one, signed(refusal, key_of(other)))
        assert not one.consent.is_waiting
        assert one.consent.heard_at == 0.0


@pytest.mark.usefixtures("quiet")
async def test_another_role_begins_anew() -> None:
    async with connected() as (one, other):
        put(one, signed(question_of(other), key_of(one)))
        full = in_full(one)
        question = question_of(other)
        one.switch_role(not one.ice_controlling)
        put(one, signed(question, key_of(one)))
        assert len(full) == 1
        wire = Wire(one)
        one.consent.ask()
        role = "ICE-CONTROLLING" if one.ice_controlling else "ICE-CONTROLLED"
        assert role in parse_message(wire.sent[-1]).attributes


async def test_consent_never_starts_on_a_closed_connection() -> None:
    connection = Connection(ice_controlling=True)
    await connection.close()
    await asyncio.wait_for(connection.query_consent(), consent.CONSENT_INTERVAL_SECONDS / 2)


@given(st.integers(0, 10**9))
def test_the_next_question_comes_after_an_interval_or_a_beat_more_or_less(beat: int) -> None:
    assert abs(consent.next_question(beat) - beat - consent.BEATS) <= 1


@pytest.mark.usefixtures("fast")
async def test_all_are_asked_at_the_same_moments_and_one_that_fails_harms_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Member(Consent):
        def __init__(self, error: Exception | None = None) -> None:
            super().__init__(Connection(ice_controlling=True))
            self.beats: list[tuple[int, float]] = []
            self.error = error

        def beat(self, number: int, now: float) -> None:
            self.beats.append((number, now))
            if self.error is not None:
                raise self.error

    members = [Member(OSError("of this one's")), Member(), Member(OSError("and this one's"))]
    beats = [Beats.join(member) for member in members]
    await until(lambda: all(len(member.beats) >= 3 for member in members))
    for member in members:
        beats[0].leave(member)
    assert members[0].beats == members[1].beats == members[2].beats
    for number, now in members[0].beats:
        assert abs(now * consent.BEATS / INTERVAL - number) <= 0.5 + 1e-6
    assert {record.message for record in caplog.records if record.levelname == "ERROR"} == {
        "A peer could not be sent a consent request"
    }
    caplog.clear()
    assert not Beats.running()
