"""Who gets in: agents by key, guests by link; and what is counted, logged and replied."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from engine.access.agent_key import AgentKey, host_of
from engine.core.errors import AgentOfflineError, SettingsError
from engine.core.token_bucket import TokenBucket
from engine.relay import Limits, Options, Relay, read_options
from engine.relay.admission.agents import LocalKeyPins
from engine.relay.admission.auth import PeerRole
from engine.relay.cluster.lookup import PresenceLookup
from engine.relay.cluster.routing import Peer
from engine.relay.dispatcher import Dispatcher
from engine.relay.http.access_log import shown_path
from engine.relay.turn import Turn
from tests.engine.relay.http.test_connections import refused
from tests.engine.relay.peers import agent as token_agent
from tests.engine.relay.peers import foreign, guest, offer, register
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

KEY = AgentKey.make()
LINK = "Yk3vX0c1bTq9aZ2w"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    options = Options(
        agent_keys=frozenset({KEY.public}),
        access_log=str(tmp_path / "access.log"),
        proxies=(ip_network("192.0.2.0/24"),),
    )
    one = Relay("agent-secret", "guest-secret", options)
    await one.start()
    yield one
    await one.stop()


def auth(agent_id: str = "a1", key: AgentKey = KEY, **more: Any) -> dict[str, Any]:
    return {"role": "agent", "agent_id": agent_id, "public_key": key.public, **more}


def keyed(relay: Relay, fields: dict[str, Any], key: AgentKey = KEY) -> AbstractAsyncContextManager:
    return foreign(relay.url, fields, signing=(key, host_of(relay.url)))


async def test_a_listed_key_needs_no_token(relay: Relay) -> None:
    async with keyed(relay, auth()) as agent:
        assert (await register(agent, "a1", ("web-1",)))["status"] == "success"
        async with guest(relay) as peer:
            rows = (await peer.call("guest:targets"))["targets"]
            assert [row["agent_id"] for row in rows] == ["a1"]


async def test_a_key_nobody_listed_needs_a_token(relay: Relay) -> None:
    other = AgentKey.make()
    async with keyed(relay, auth(key=other), other) as agent:
        reply = await register(agent, "a1", ("web-1",))
        assert (reply["code"], "does not know this agent's key" in reply["error"]) == (
            "relay_refused",
            True,
        )
        await until(lambda: not agent.sio.connected, what="the end of the connection")
    async with keyed(relay, auth(key=other, token="agent-secret"), other) as agent:
        assert (await register(agent, "a1", ("web-1",)))["status"] == "success"


async def test_a_key_that_is_only_claimed_opens_nothing(relay: Relay) -> None:
    thief = AgentKey.make()
    async with keyed(relay, auth(), thief) as agent, guest(relay) as peer:
        assert (await register(agent, "a1", ("web-1",)))["code"] == "relay_refused"
        assert (await peer.call("guest:targets"))["targets"] == []
        assert (await peer.call("webrtc:offer", offer()))["code"] == "agent_offline"


async def test_a_challenge_passed_on_by_another_relay_is_no_use(relay: Relay) -> None:
    async with foreign(relay.url, auth(), signing=(KEY, "evil.example")) as agent:
        assert (await register(agent, "a1", ("web-1",)))["code"] == "relay_refused"


async def test_an_id_belongs_to_the_key_that_proved_it_first(relay: Relay) -> None:
    async with keyed(relay, auth()) as agent:
        assert (await register(agent, "a1", ("web-1",)))["status"] == "success"
        assert (await register(agent, "a2", ()))["code"] == "access_denied"
    other = AgentKey.make()
    async with keyed(relay, auth(key=other, token="agent-secret"), other) as thief:
        reply = await register(thief, "a1", ("web-1",))
        assert "another key" in reply["error"]
    # Nor may somebody without any key have it, by connecting or by registering.
    async with foreign(relay.url, {"token": "agent-secret", "role": "agent"}) as thief:
        assert (await register(thief, "a1", ("web-1",)))["code"] == "agent_id_taken"
    async with aiohttp.ClientSession():
        said = await refused(
            relay.url, {"token": "agent-secret", "role": "agent", "agent_id": "a1"}, None,
            "agent_id_taken",
        )  # fmt: skip
        assert "another key" in said


async def test_a_link_guest_gets_its_row_and_a_stranger_nothing(relay: Relay) -> None:
    by_link = {"role": "guest", "link": LINK}
    said = await refused(relay.url, by_link, None, "link_unknown")
    assert LINK not in said
    async with token_agent(relay, "a1", ("web-1", "db")) as agent:
        link = {"id": LINK, "target": "db", "role": "view", "approval": True, "state": "running"}
        rows = [{"id": "web-1"}]
        registration = {"agent_id": "a1", "name": "Host", "targets": rows, "links": [link]}
        assert (await agent.call("agent:register", registration))["status"] == "success"
        async with foreign(relay.url, by_link) as peer:
            assert (await peer.call("guest:targets"))["targets"] == [
                {"agent_id": "a1", "agent_name": "Host", "id": "db", "kind": "", "name": "db",
                 "state": "running", "role": "view", "approval": True}
            ]  # fmt: skip
            # What others may open by the token is not for it.
            for proof in (None, {"share": "own", "nonce": "n", "mac": "m"}):
                reply = await peer.call("webrtc:offer", offer(proof=proof))
                assert reply["code"] == "access_denied"
            # Its offers go to the link's host, and to nobody when it means another one.
            proof = {"share": LINK, "nonce": "n", "mac": "m"}
            reply = await peer.call("webrtc:offer", offer(agent_id="somebody else", proof=proof))
            assert reply["code"] == "agent_offline"
            await peer.call("webrtc:offer", offer("s2", agent_id="a1", proof=proof))
            heard = await agent.next("webrtc:offer")
            assert (heard["session_id"], "guest_browser" in heard) == ("s2", True)


async def test_the_log_has_who_and_how_and_no_secret(relay: Relay, tmp_path: Path) -> None:
    async with token_agent(relay), guest(relay) as peer:
        await peer.call("webrtc:offer", offer(sdp="v=0 secret-sdp"))
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{relay.url}/s/{LINK}?token=guest-secret"),
        ):
            pass
    await refused(relay.url, {"token": "wrong-secret"})
    text = (tmp_path / "access.log").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert {"connected", "offer", "http", "refused"} <= {row["event"] for row in rows}
    (offered,) = [row for row in rows if row["event"] == "offer"]
    assert (offered["session"], offered["status"]) == ("s1", "success")
    assert "secret" not in text
    assert LINK not in text
    assert all(row["address"] == "127.0.0.1" for row in rows)


def test_a_path_is_logged_without_the_links_id() -> None:
    assert shown_path(f"/s/{LINK}") == "/s/Yk3v…"
    assert shown_path(f"/x/s/{LINK}/y") == "/x/s/Yk3v…/y"


async def test_metrics_count_and_are_read_by_those_who_may(relay: Relay) -> None:
    async with token_agent(relay), guest(relay) as peer, aiohttp.ClientSession() as http:
        await peer.call("webrtc:offer", offer())
        async with http.get(f"{relay.url}/metrics") as response:
            text = await response.text()
        assert 'hatchway_relay_connected{role="agent"} 1.0' in text
        assert 'hatchway_relay_messages_total{event="webrtc:offer",outcome="success"} 1.0' in text
        assert "hatchway_relay_redis_up -1.0" in text
        assert "process_resident_memory_bytes" in text
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        async with http.get(f"{relay.url}/metrics", headers=forwarded) as response:
            assert response.status == 403


async def test_with_a_token_metrics_need_it() -> None:
    one = Relay("a", "g", Options(metrics_token="metrics-secret"))
    await one.start()
    try:
        async with aiohttp.ClientSession() as http:
            for token, status in (("", 403), ("wrong", 403), ("metrics-secret", 200)):
                headers = {"Authorization": f"Bearer {token}"}
                async with http.get(f"{one.url}/metrics", headers=headers) as response:
                    assert response.status == status
    finally:
        await one.stop()


async def test_only_a_known_proxy_says_where_a_guest_comes_from(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for proxies, address in (("127.0.0.1/32", "198.51.100.7"), ("192.0.2.0/24", "127.0.0.1")):
        options = Options(proxies=(ip_network(proxies),), access_log=str(log))
        one = Relay("a", "g", options)
        await one.start()
        headers = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}
        async with aiohttp.ClientSession() as http, http.get(one.url, headers=headers):
            pass
        await one.stop()
        assert json.loads(log.read_text().splitlines()[-1])["address"] == address


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        ({"turn": ["http://x"]}, "--turn"),
        ({"turn": ["turn:x"]}, "--turn-secret"),
        ({"turn_only": True}, "--turn-only"),
        ({"redis": "http://x"}, "--redis"),
        ({"proxy": ["x"]}, "--proxy"),
        ({"public_url": "relay.example"}, "--public-url"),
        ({"agent_keys": "/nowhere/keys"}, "--agent-keys"),
    ],
)
def test_options_that_cannot_be_used_are_named(flags: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match=f"^{key}:"):
        read_options(flags, {})


def test_options_from_flags_and_environment(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# hosts\nAAAA  # mine\n\nBBBB\n")
    flags = {
        "turn": ["stun:t.example", "turn:t.example"],
        "agent_keys": str(keys),
        "public_url": "https://relay.example/terminals/",
        "max_connections": 5000,
    }
    made = read_options(flags, {"HATCHWAY_TURN_SECRET": "s", "HATCHWAY_METRICS_TOKEN": "m"})
    assert made.agent_keys == {"AAAA", "BBBB"}
    assert made.allowed_origins == {"https://relay.example"}
    assert (made.turn.secret, made.metrics_token, made.limits.connections) == ("s", "m", 5000)
    assert "'s'" not in repr(made)


async def test_a_registration_that_waited_for_the_proof_does_not_undo_a_later_one() -> None:
    loop = asyncio.get_running_loop()
    peer = Peer(
        sid="one",
        role=PeerRole.AGENT,
        name="",
        address="192.0.2.7",
        bucket=TokenBucket(1, 1),
        gone=loop.create_future(),
        proven=loop.create_future(),
        agent_id="a1",
        claims_key=True,
    )
    dispatcher = Dispatcher(
        NoCalls(), Limits(), lambda: None, PresenceLookup(), LocalKeyPins(), Turn()
    )
    dispatcher.connected(peer)
    first = asyncio.create_task(dispatcher.register(peer, registration("old")))
    await asyncio.sleep(0)
    # The second message is read in the very moment in which the proof arrives.
    peer.proved(KEY.public, TokenBucket(1, 1))
    await dispatcher.register(peer, registration("new"))
    await first
    assert [target.id for target in peer.targets] == ["new"]


class NoCalls:
    """See engine.relay.dispatcher.Calls: a relay whose peers are never called."""

    async def ask(self, peer: Peer, event: str, payload: object, seconds: float) -> object:
        raise AgentOfflineError("Nobody is here")

    def find(self, sid: str) -> Peer | None:
        return None


def registration(target: str) -> dict[str, Any]:
    shown = {"id": target, "kind": "container", "name": target, "state": "running"}
    return {"agent_id": "a1", "name": "one", "targets": [shown]}
