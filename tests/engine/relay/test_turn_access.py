"""TURN credentials: for agents, for guests with the token, and for who proves to hold a link."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from engine.core.model import Role
from engine.core.settings import IceSettings
from engine.relay import Options, Relay
from engine.relay import turn as turns
from engine.relay.turn import Turn
from tests.engine.hosting import house
from tests.engine.relay.peers import agent, foreign, guest, offer
from tests.engine.relay.processes import AGENT_TOKEN, cloud
from tests.engine.until import until

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.wire.proof import Link
    from tests.engine.relay.peers import Foreign

SECRET = bytes(range(16))
LINK, OLD = "Yk3vX0c1bTq9aZ2w", "Old3X0c1bTq9aZ2w"
STUN_ONLY = [{"urls": ["stun:t.example"]}]
URLS = ("stun:t.example", "turn:t.example")


def message(*parts: str) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def access(secret: bytes = SECRET) -> str:
    return hmac.new(secret, message("relay access"), hashlib.sha256).hexdigest()


def signed(nonce: str, secret: bytes = SECRET) -> dict[str, str]:
    """As written in docs/LINKS.md, without a line of the engine."""
    key = bytes.fromhex(access(secret))
    return {"proof": hmac.new(key, message("relay access", nonce), hashlib.sha256).hexdigest()}


def by_link(url: str, link: str = LINK) -> AbstractAsyncContextManager[Foreign]:
    return foreign(url, {"role": "guest", "link": link})


async def registered(host: Foreign, **rows: str | None) -> None:
    """``rows``: the access of each link, None for a row of a host that knows nothing of it."""
    links = [
        {"id": name, "target": "web-1"} | ({} if given is None else {"access": given})
        for name, given in rows.items()
    ]
    reply = await host.call("agent:register", {"agent_id": "a1", "links": links})
    assert reply["status"] == "success"


def has_turn(reply: Any) -> bool:
    assert reply["status"] == "success", reply
    found = [row for row in reply["ice_servers"] if "turn:t.example" in row["urls"]]
    assert all(row["username"] and row["credential"] for row in found)
    return bool(found)


@pytest.fixture
async def relay() -> Any:
    one = Relay("agent-secret", "guest-secret", Options(turn=Turn(URLS, "turn-secret")))
    await one.start()
    yield one
    await one.stop()


async def test_a_links_id_gives_stun_and_its_secret_turn(relay: Relay) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: access()})
        async with by_link(relay.url) as peer:
            first = await peer.call("ice:servers", {"correlation_id": "c1"})
            assert first["ice_servers"] == STUN_ONLY
            assert (first["relay_only"], first["ttl"]) == (False, 3600)
            assert len(bytes.fromhex(first["nonce"])) == 16
            second = await peer.call("ice:servers", signed(first["nonce"]))
            assert has_turn(second)
            assert "nonce" not in second
            # Nothing of it is shown to guests.
            assert access() not in str(await peer.call("guest:targets"))


async def test_a_nonce_serves_one_attempt_of_one_connection(relay: Relay) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: access()})
        async with by_link(relay.url) as peer, by_link(relay.url) as other:
            nonce = (await peer.call("ice:servers", {}))["nonce"]
            stolen = await other.call("ice:servers", signed(nonce))
            assert (stolen["status"], stolen["code"]) == ("error", "bad_proof")
            assert has_turn(await peer.call("ice:servers", signed(nonce)))
            again = await peer.call("ice:servers", signed(nonce))
            assert again["code"] == "bad_proof"
            # A wrong attempt spends it, and a newer one takes its place.
            nonce = (await peer.call("ice:servers", {}))["nonce"]
            assert (await peer.call("ice:servers", {"proof": "0" * 64}))["code"] == "bad_proof"
            assert (await peer.call("ice:servers", signed(nonce)))["code"] == "bad_proof"
            old = (await peer.call("ice:servers", {}))["nonce"]
            assert (await peer.call("ice:servers", {}))["nonce"] != old
            assert (await peer.call("ice:servers", signed(old)))["code"] == "bad_proof"


@pytest.mark.parametrize("claimed", [1, "", [], {}, True, "\ud800", "f" * 63, "é" * 64], ids=repr)
async def test_anything_else_for_a_proof_is_a_bad_one(relay: Relay, claimed: object) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: access()})
        async with by_link(relay.url) as peer:
            await peer.call("ice:servers", {})
            reply = await peer.call("ice:servers", {"proof": claimed})
            assert (reply["status"], reply["code"]) == ("error", "bad_proof")
            assert "ice_servers" not in reply


async def test_a_proof_with_another_links_secret_is_a_bad_one(relay: Relay) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: access(), OLD: access(bytes(16))})
        async with by_link(relay.url) as peer:
            nonce = (await peer.call("ice:servers", {}))["nonce"]
            reply = await peer.call("ice:servers", signed(nonce, bytes(16)))
            assert reply["code"] == "bad_proof"


async def test_a_nonce_grows_old(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "NONCE_SECONDS", -1.0)
    async with agent(relay) as host:
        await registered(host, **{LINK: access()})
        async with by_link(relay.url) as peer:
            nonce = (await peer.call("ice:servers", {}))["nonce"]
            assert (await peer.call("ice:servers", signed(nonce)))["code"] == "bad_proof"


async def test_null_is_no_access(relay: Relay) -> None:
    async with agent(relay) as host:
        links = [{"id": LINK, "target": "web-1", "access": None}]
        reply = await host.call("agent:register", {"agent_id": "a1", "links": links})
        assert reply["status"] == "success"
        async with by_link(relay.url) as peer:
            assert (await peer.call("ice:servers", {}))["ice_servers"] == STUN_ONLY


@pytest.mark.parametrize("given", [None, "", "f" * 63, "G" * 64, access().upper()], ids=repr)
async def test_a_link_without_access_gives_stun_only(relay: Relay, given: str | None) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: given})
        async with by_link(relay.url) as peer:
            reply = await peer.call("ice:servers", {})
            assert (reply["ice_servers"], reply.get("nonce")) == (STUN_ONLY, None)
            assert "turn" not in str(await peer.call("ice:servers", signed("0" * 32)))


async def test_a_link_that_ends_gives_turn_no_more(relay: Relay) -> None:
    async with agent(relay) as host:
        await registered(host, **{LINK: access()})
        async with by_link(relay.url) as peer:
            nonce = (await peer.call("ice:servers", {}))["nonce"]
            await registered(host, **{LINK: None})
            late = await peer.call("ice:servers", signed(nonce))
            assert (late["ice_servers"], late.get("nonce")) == (STUN_ONLY, None)
            await registered(host)
            assert (await peer.call("ice:servers", {}))["code"] == "link_unknown"


async def test_agents_and_guests_with_the_token_need_no_other_proof(relay: Relay) -> None:
    async with agent(relay) as host, guest(relay) as peer:
        assert has_turn(await host.call("ice:servers", {}))
        assert has_turn(await peer.call("ice:servers", {}))


async def test_relays_share_what_recognizes_a_guest(tmp_path: Path) -> None:
    flags = ("--turn", URLS[0], "--turn", URLS[1], "--turn-secret", "turn-secret")
    async with cloud(tmp_path, 2, *flags) as made:
        auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "a1"}
        async with foreign(made.urls[0], auth) as host:
            await registered(host, **{LINK: access()})
            async with by_link(made.urls[1]) as peer:
                first = await peer.call("ice:servers", {})
                assert first["ice_servers"] == STUN_ONLY
                assert has_turn(await peer.call("ice:servers", signed(first["nonce"])))
                nonce = (await peer.call("ice:servers", {}))["nonce"]
                # Without Redis nobody knows whether the link has ended.
                await made.redis.kill()
                reply = await peer.call("ice:servers", signed(nonce), 20)
                assert (reply["status"], reply["code"]) == ("error", "relay_degraded")


# -- with our host


async def turn_of(url: str, link: Link) -> bool:
    """Whether the holder of ``link`` is given TURN."""
    async with by_link(url, link.id) as peer:
        first = await peer.call("ice:servers", {})
        assert first["ice_servers"] == STUN_ONLY
        if "nonce" not in first:
            return False
        return has_turn(await peer.call("ice:servers", signed(first["nonce"], link.secret)))


OPTIONS = Options(turn=Turn(URLS, "turn-secret"))
DIRECT = IceSettings(from_relay="off")


async def test_our_hosts_links_give_turn_until_they_end() -> None:
    async with house(OPTIONS, ice=DIRECT) as made:
        share, link = await made.link()
        assert await turn_of(made.relay.url, link)
        await made.agent.admission.revoke(share.id)
        assert not await eventually(made.relay.url, link, False)


async def eventually(url: str, link: Link, wanted: bool) -> bool:
    """The answer once the relay knows of the change, or the last one."""
    deadline = time.monotonic() + 15
    found = not wanted
    while found is not wanted and time.monotonic() < deadline:
        found = await turn_of(url, link)
    return found


async def test_a_link_that_expires_gives_turn_no_more_by_itself() -> None:
    async with house(OPTIONS, ice=DIRECT) as made:
        _, link = await made.link(seconds=3.0)
        assert await turn_of(made.relay.url, link)
        assert not await eventually(made.relay.url, link, False)


async def test_a_used_link_gives_turn_as_long_as_its_session_lives() -> None:
    """Its guest may have to come back to it through TURN."""
    async with house(OPTIONS, ice=DIRECT) as made:
        _, link = await made.link(Role.CONTROL, single_use=True)
        visitor = made.visitor(link, DIRECT)
        await visitor.peer.connect()
        assert await eventually(made.relay.url, link, True)
        await visitor.peer.close()
        await until(lambda: not made.agent.sessions(), what="the session's end")
        assert not await eventually(made.relay.url, link, False)


# -- an old page at a relay that allows only TURN


async def test_an_offer_that_can_find_no_path_is_refused_in_words() -> None:
    options = Options(turn=Turn(URLS, "turn-secret", relay_only=True))
    one = Relay("agent-secret", "guest-secret", options)
    await one.start()
    proof = {"share": LINK, "nonce": "n", "mac": "m"}
    try:
        async with agent(one) as host, AsyncExitStack() as stack:
            await registered(host, **{LINK: access()})
            peer = await stack.enter_async_context(by_link(one.url))
            reply = await peer.call("ice:servers", {})
            assert (reply["relay_only"], reply["ice_servers"]) == (True, STUN_ONLY)
            refused = await peer.call("webrtc:offer", offer(proof=proof))
            assert (refused["status"], refused["code"]) == ("error", "no_turn")
            assert "Reload this page" in refused["error"]
            assert "webrtc:offer" not in [name for name, _ in host.all]
            # A TURN server of the guest's own will do.
            sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 9\r\n"
            relayed = await peer.call("webrtc:offer", offer("s2", sdp=sdp, proof=proof))
            assert relayed["status"] == "success"
            nonce = reply["nonce"]
            assert has_turn(await peer.call("ice:servers", signed(nonce)))
            assert (await peer.call("webrtc:offer", offer(proof=proof)))["status"] == "success"
    finally:
        await one.stop()
