"""The short code of a guest without a link: equal at both ends, and not to be had by a relay."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engine.client.peer import TerminalPeer
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, Size
from engine.relay.calls import SocketCalls
from engine.relay.cluster.routing import Peer
from engine.signaling.guest import RelayAddress
from engine.transport.sdp import fingerprint
from engine.wire import proof
from engine.wire.signaling import OFFER
from tests.engine.hosting import House, house
from tests.engine.raw_guest import RawGuest
from tests.engine.until import until

Fields = dict[str, Any]


@pytest.fixture
async def made() -> AsyncIterator[House]:
    async with house() as made:
        made.agent.set_shared(LOCAL_TARGET, True)
        yield made


def guest(made: House) -> TerminalPeer:
    """One with the relay's token."""
    address = RelayAddress(made.relay.url, made.relay.guest_token, made.agent.agent_id)
    return TerminalPeer(address, LOCAL_TARGET, Size())


def code_of_host(made: House) -> str:
    return made.agent.sessions()[0].code


def lies(
    monkeypatch: pytest.MonkeyPatch,
    offer: Callable[[Fields], Fields] = lambda fields: fields,
    answer: Callable[[Fields], Fields] = lambda fields: fields,
) -> list[Fields]:
    """What a relay does with offers and answers; returns all that it sees of them."""
    honest, seen = SocketCalls.ask, list[Fields]()

    async def ask(
        calls: SocketCalls, peer: Peer, event: str, payload: Any, seconds: float
    ) -> object:
        if event != OFFER:
            return await honest(calls, peer, event, payload, seconds)
        seen.append(payload)
        reply: Any = await honest(calls, peer, event, offer(dict(payload)), seconds)
        seen.append(reply)
        return answer(dict(reply))

    monkeypatch.setattr(SocketCalls, "ask", ask)
    return seen


async def test_both_ends_show_the_same_code_again_and_again(
    made: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = lies(monkeypatch)
    codes = set()
    for _ in range(2):
        peer = guest(made)
        await peer.connect()
        await until(lambda: made.agent.sessions() and code_of_host(made), what="the host's code")
        assert peer.code == code_of_host(made)
        known = [event.code for event in made.events if isinstance(event, ev.CodeKnown)]
        assert known[-1] == peer.code
        codes.add(peer.code)
        await peer.close()
        await until(lambda: not made.agent.sessions())
    assert len(codes) == 2
    # The relay saw what was committed to, and not the nonce.
    commit = seen[0]["commit"]
    texts = [value for fields in seen for value in fields.values() if isinstance(value, str)]
    nonces = [text for text in texts if len(text) == 32]
    assert commit not in {proof.commitment(nonce) for nonce in nonces}


async def test_a_relay_that_commits_for_the_guest_is_found_out(
    made: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would know the host's code in advance."""
    own = proof.commitment("0" * 32)
    lies(monkeypatch, offer=lambda fields: {**fields, "commit": own})
    peer = guest(made)
    await peer.connect()
    await until(made.ends, what="the end")
    assert "committed" in made.ends()[0]
    assert not [event for event in made.events if isinstance(event, ev.CodeKnown)]
    await peer.close()


@pytest.mark.parametrize(
    ("offer", "answer"),
    [(["commit"], []), ([], ["code_nonce"]), (["commit"], ["code_nonce"])],
    ids=["of an older guest", "of an older host", "of both"],
)
async def test_where_one_end_cannot_there_is_no_code(
    made: House, monkeypatch: pytest.MonkeyPatch, offer: list[str], answer: list[str]
) -> None:
    def without(names: list[str]) -> Callable[[Fields], Fields]:
        return lambda fields: {name: fields[name] for name in fields if name not in names}

    lies(monkeypatch, without(offer), without(answer))
    peer = guest(made)
    await peer.connect()
    assert peer.code == code_of_host(made) == ""
    await peer.close()


async def test_a_relay_that_answers_with_a_nonce_of_its_own_is_seen_by_people(
    made: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It chose before the guest's nonce was revealed, so it could not choose the right one."""
    lies(monkeypatch, answer=lambda fields: {**fields, "code_nonce": "0" * 32})
    peer = guest(made)
    await peer.connect()
    await until(lambda: code_of_host(made), what="the host's code")
    assert peer.code
    assert peer.code != code_of_host(made)
    await peer.close()


async def test_a_relay_between_both_learns_the_guests_code_too_late(
    made: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the DTLS of the host, whose code it knows before it must answer the guest."""
    honest, to_host = SocketCalls.ask, RawGuest()
    mine = secrets.token_hex(16)
    known: Fields = {}

    async def ask(
        calls: SocketCalls, peer: Peer, event: str, payload: Any, seconds: float
    ) -> object:
        if event != OFFER:
            return await honest(calls, peer, event, payload, seconds)
        own = await to_host.offer(payload["session_id"], payload["device_id"])
        own |= {"commit": proof.commitment(mine), "agent_id": payload["agent_id"]}
        reply: Any = await honest(calls, peer, event, own, seconds)
        known.update(reply=reply, offer=payload)
        prints = fingerprint(reply["sdp"]), fingerprint(own["sdp"])
        nonces = mine, reply["code_nonce"]
        known["code"] = proof.committed_code(payload["session_id"], *prints, *nonces)
        return reply

    monkeypatch.setattr(SocketCalls, "ask", ask)
    peer = guest(made)
    await peer.reach_relay()
    await peer.negotiate()
    await to_host.take(known["reply"], caps=["mute", "reveal"])
    to_host.say(type="reveal", nonce=mine)
    await until(lambda: code_of_host(made), what="the host's code")
    assert code_of_host(made) == known["code"]
    # All that it has of the guest is what was committed to: no code is shown that it could match.
    assert peer.code == ""
    assert set(known["offer"]) & {"nonce", "code_nonce", "reveal"} == set()
    # It reveals once: a second nonce changes nothing.
    to_host.say(type="reveal", nonce="0" * 32)
    await to_host.asks("echo a-$((1+1))", b"a-2")
    assert code_of_host(made) == known["code"]
    await peer.close()
    await to_host.close()
