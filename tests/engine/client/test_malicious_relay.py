"""A relay that lies: whatever it changes, repeats or leaves out, no terminal opens.

Each lie is refused in words at whichever end can see it, and at the other as
far as the relay lets words through.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.core import events as ev
from engine.core.errors import AgentOfflineError, BadProofError, HatchwayError, RemoteError
from engine.core.model import LOCAL_TARGET
from engine.relay.calls import SocketCalls
from engine.relay.cluster.routing import Peer
from engine.transport import connection as rtc
from engine.wire import proof
from engine.wire import terminal as wire
from engine.wire.signaling import OFFER
from tests.engine.hosting import House, house
from tests.engine.relay.peers import foreign
from tests.engine.until import until

Fields = dict[str, Any]
PRINT = re.compile(r"(a=fingerprint:sha-256 )(\S+)")
OTHER = ":".join(["AB"] * 32)


class Liar:
    """What a relay does between its peers; until ``offer`` or ``answer`` is set, honestly."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offer: Callable[[Fields], Fields] = lambda fields: fields
        self.answer: Callable[[Fields], Fields] = lambda fields: fields
        self.heard: list[tuple[Peer, Fields]] = []
        self.honest: Callable[..., Awaitable[object]]
        """``ask`` as the relay that was heard last has it: without a lie."""
        honest = SocketCalls.ask

        async def ask(
            calls: SocketCalls, peer: Peer, event: str, payload: object, seconds: float
        ) -> object:
            if event != OFFER or not isinstance(payload, dict):
                return await honest(calls, peer, event, payload, seconds)
            self.heard.append((peer, payload))
            self.honest = functools.partial(honest, calls)
            reply = await honest(calls, peer, event, self.offer(dict(payload)), seconds)
            return self.answer(dict(reply)) if isinstance(reply, dict) else reply

        monkeypatch.setattr(SocketCalls, "ask", ask)


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> Liar:
    return Liar(monkeypatch)


def swapped(fields: Fields) -> Fields:
    return (
        {**fields, "sdp": PRINT.sub(rf"\g<1>{OTHER}", fields["sdp"])}
        if fields.get("sdp")
        else {**fields}
    )


def weaker(fields: Fields) -> Fields:
    return {**fields, "sdp": PRINT.sub(f"a=fingerprint:sha-1 {OTHER[:59]}", fields["sdp"])}


def without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def opened(made: House) -> bool:
    return any(isinstance(event, ev.PtyConnected) for event in made.events)


@pytest.mark.parametrize(
    ("lie", "code", "words"),
    [
        (swapped, "bad_proof", "changed on its way"),
        (without("proof"), "access_denied", "does not share"),
        (weaker, "bad_request", "SHA-256"),
        (lambda f: {**f, "proof": {**f["proof"], "mac": "0" * 64}}, "bad_proof", "changed on its"),
        (lambda f: {**f, "proof": {**f["proof"], "share": "own"}}, "bad_proof", "changed"),
        (lambda f: {**f, "device_id": "another"}, "target_not_found", "another"),
    ],
    ids=["fingerprint", "proof left out", "weaker hash", "mac", "posing as the app", "target"],
)  # fmt: skip
async def test_a_changed_offer_is_refused_by_the_host(
    liar: Liar, lie: Callable[[Fields], Fields], code: str, words: str
) -> None:
    async with house() as made:
        _, link = await made.link()
        liar.offer = lie
        visitor = made.visitor(link)
        with pytest.raises(RemoteError, match=words) as caught:
            await visitor.peer.connect()
        assert caught.value.remote_code == code
        (refused,) = [event for event in made.events if isinstance(event, ev.OfferRefused)]
        assert refused.code == code
        assert words in refused.text
        assert made.agent.sessions() == ()
        assert not opened(made)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (swapped, "wrong or missing"),
        (without("proof"), "wrong or missing"),
        (lambda f: {**f, "proof": None}, "wrong or missing"),
        (weaker, "SHA-256"),
    ],
    ids=["fingerprint", "proof left out", "no proof", "weaker hash"],
)
async def test_a_changed_answer_is_refused_by_the_guest_who_tells_the_host(
    liar: Liar, lie: Callable[[Fields], Fields], words: str
) -> None:
    async with house() as made:
        _, link = await made.link()
        liar.answer = lie
        visitor = made.visitor(link)
        with pytest.raises(HatchwayError, match=words):
            await visitor.peer.connect()
        await until(made.ends, what="the host to hear of it")
        assert made.ends()[0].startswith("The guest refused: ")
        assert words in made.ends()[0]
        assert not opened(made)


async def test_openly_shared_or_not_a_link_never_goes_on_without_proofs(liar: Liar) -> None:
    """The downgrade: strip the proof, and let the host take the guest for one of the token's."""
    async with house() as made:
        made.agent.set_shared(LOCAL_TARGET, True)
        _, link = await made.link()
        liar.offer = without("proof")
        visitor = made.visitor(link)
        with pytest.raises(BadProofError, match="wrong or missing"):
            await visitor.peer.connect()
        await until(made.ends)
        assert "The guest refused" in made.ends()[0]
        assert not opened(made)


async def test_a_relay_that_answers_in_the_hosts_place_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house() as made:
        _, link = await made.link()
        between = rtc.PeerConnection()
        guests = {}

        async def ask(
            calls: SocketCalls, peer: Peer, event: str, payload: Any, seconds: float
        ) -> object:
            if event != OFFER:
                return {"status": "success"}
            guests.update(payload)
            sdp = await between.answer_offer(payload["sdp"])
            # All it has: the offer's proof, and the shape of an answer.
            return {"status": "success", "sdp": sdp, "sdp_type": "answer",
                    "proof": payload["proof"]["mac"]}  # fmt: skip

        monkeypatch.setattr(SocketCalls, "ask", ask)
        visitor = made.visitor(link)
        with pytest.raises(BadProofError, match="wrong or missing"):
            await visitor.peer.connect()
        assert visitor.said == b""
        await between.close()


async def test_an_offer_made_before_is_refused_when_it_comes_again(liar: Liar) -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        await visitor.peer.close()
        await until(lambda: not made.agent.sessions())
        peer, recorded = liar.heard[0]
        reply = await liar.honest(peer, OFFER, recorded, 10)
        assert isinstance(reply, dict)
        assert (reply["status"], reply["code"]) == ("error", "replayed")
        assert "already used" in reply["error"]
        assert made.refusals() == ["replayed"]
        # Under another session id the proof no longer fits.
        reply = await liar.honest(peer, OFFER, {**recorded, "session_id": "x"}, 10)
        assert isinstance(reply, dict)
        assert reply["code"] == "bad_proof"


async def test_who_knows_a_links_id_but_not_its_secret_opens_nothing() -> None:
    """The relay and its operator know every id: a link seen in its log is no link."""
    async with house() as made:
        _, link = await made.link()
        forged = proof.Link(link.base, link.id, bytes(16))
        visitor = made.visitor(forged)
        with pytest.raises(RemoteError, match="changed on its way") as caught:
            await visitor.peer.connect()
        assert caught.value.remote_code == "bad_proof"
        assert made.refusals() == ["bad_proof"]


async def test_the_dialect_is_agreed_on_out_of_the_relays_reach(liar: Liar) -> None:
    """Nothing in a session description says hatchway.v1: there is nothing to leave out."""
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        assert wire.V1 not in str(liar.heard)
        session = made.agent.manager.sessions()[0]
        assert session.channel is not None
        assert session.channel.is_v1
        # Nor does the relay ever see the secret.
        assert proof.encode_secret(link.secret) not in str(liar.heard)
        assert link.secret.hex() not in str(liar.heard)


async def test_the_token_for_coming_back_goes_to_no_other_host() -> None:
    async with house() as made:
        share, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        await made.agent.stop()
        auth = {"token": "agent-secret", "role": "agent", "agent_id": "impostor"}
        async with foreign(made.relay.url, auth) as impostor:
            row = {"id": share.id, "target": share.target, "state": "running"}
            own = {"agent_id": "impostor", "targets": [], "links": [row]}
            assert (await impostor.call("agent:register", own))["status"] == "success"
            back = visitor.peer.successor(lambda _: None, lambda *_: None)
            with pytest.raises(AgentOfflineError):
                await back.connect()
            assert not impostor.all
