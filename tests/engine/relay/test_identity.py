"""Nobody acts under a name it has not proven, nor for the session of another."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from engine.access.agent_key import AgentKey, host_of
from engine.relay import Options, Relay
from engine.relay.admission.agents import CHALLENGE_SECONDS
from engine.relay.turn import Turn
from tests.engine.relay.http.test_connections import refused
from tests.engine.relay.peers import agent as token_agent
from tests.engine.relay.peers import answer, foreign, guest, ice, offer, ok, register
from tests.engine.relay.processes import AGENT_TOKEN, GUEST_TOKEN, cloud
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.engine.relay.peers import Foreign

KEY = AgentKey.make()
UNPROVEN = (
    ("ice:servers", {}),
    ("webrtc:ice", ice()),
    ("webrtc:disconnect", {"session_id": "s1"}),
    ("heartbeat", {"agent_id": "a1"}),
    ("webrtc:offer", offer()),
    ("guest:targets", {}),
    ("an event of nobody", {}),
)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    turn = Turn(("stun:t.example", "turn:t.example"), "turn-secret")
    one = Relay("agent-secret", "guest-secret", Options(turn=turn))
    await one.start()
    yield one
    await one.stop()


def claimant(relay: Relay, agent_id: str = "a1", **more: Any) -> AbstractAsyncContextManager:
    """Somebody who says it is an agent with a key, and leaves the challenge unanswered."""
    auth = {"role": "agent", "public_key": "x", "agent_id": agent_id, **more}
    never = asyncio.Event()
    return foreign(relay.url, auth, answers={"agent:challenge": lambda _payload: never.wait()})


@pytest.mark.parametrize("token", [False, True], ids=["without a token", "with the token"])
@pytest.mark.parametrize(("event", "payload"), UNPROVEN, ids=[name for name, _ in UNPROVEN])
async def test_an_unproven_agent_is_served_nothing(
    relay: Relay, event: str, payload: dict[str, Any], token: bool
) -> None:
    more = {"token": "agent-secret"} if token else {}
    async with token_agent(relay) as host, guest(relay) as peer:
        await peer.call("webrtc:offer", offer())
        async with claimant(relay, **more) as thief:
            reply = await thief.call(event, payload)
            assert reply["status"] == "error"
            expected = "unproven"
            if event in ("webrtc:offer", "guest:targets"):
                expected = "access_denied"  # these are for guests, whoever asks
            assert reply["code"] == expected
            assert "turn" not in str(reply.get("ice_servers"))
            # The session goes on, with those whose it is.
            assert (await host.call("webrtc:ice", ice()))["status"] == "success"
            assert (await peer.call("webrtc:ice", ice()))["status"] == "success"
            heard = [name for name, _ in peer.all]
            assert heard == ["webrtc:answer", "webrtc:ice"]
            assert [name for name, _ in host.all] == ["webrtc:offer", "webrtc:ice"]


async def test_who_does_not_prove_its_key_in_time_is_sent_away(relay: Relay) -> None:
    began = time.monotonic()
    async with claimant(relay) as thief:
        reply = await register(thief, "a1", ("web-1",))
        assert (reply["status"], reply["code"]) == ("error", "relay_refused")
        assert (await thief.call("ice:servers", {}))["code"] == "unproven"
        await until(lambda: not thief.sio.connected, what="the end of the connection")
    assert CHALLENGE_SECONDS * 0.9 < time.monotonic() - began < CHALLENGE_SECONDS + 5


async def test_the_waiting_registrations_of_an_unproven_agent_are_bounded(relay: Relay) -> None:
    async with claimant(relay) as thief:
        replies: list[Any] = []
        for _ in range(100):
            await thief.sio.emit(
                "agent:register", {"agent_id": "a1"}, callback=lambda *args: replies.append(*args)
            )
        await until(lambda: len(replies) >= 36, what="refusals")
        assert {reply["code"] for reply in replies[:36]} == {"rate_limited"}


async def test_a_proven_agent_has_turn_and_its_sessions(relay: Relay) -> None:
    auth = {"role": "agent", "public_key": KEY.public, "agent_id": "a1", "token": "agent-secret"}
    signing = (KEY, host_of(relay.url))
    answers = {"webrtc:offer": answer, "webrtc:ice": ok("webrtc:ice")}
    async with foreign(relay.url, auth, signing=signing, answers=answers) as host:
        assert (await register(host, "a1", ("web-1",)))["status"] == "success"
        assert "turn:t.example" in str((await host.call("ice:servers", {}))["ice_servers"])
        async with guest(relay) as peer:
            await peer.call("webrtc:offer", offer())
            assert (await host.call("webrtc:ice", ice()))["status"] == "success"


async def test_the_id_of_a_session_is_not_enough_to_take_it(relay: Relay) -> None:
    async with token_agent(relay) as host, guest(relay) as owner, guest(relay) as thief:
        await owner.call("webrtc:offer", offer())
        thinking, decide = asyncio.Event(), asyncio.Event()

        async def refuse(_payload: Any) -> dict[str, Any]:
            thinking.set()
            await decide.wait()
            return {"status": "error", "error": "Taken", "code": "session_exists"}

        host.answers["webrtc:offer"] = refuse
        stealing = asyncio.create_task(thief.call("webrtc:offer", offer()))
        await thinking.wait()
        # While the host thinks, nothing of the thief passes, and all of the owner's.
        early = asyncio.create_task(thief.call("webrtc:ice", ice(candidate="candidate:thief")))
        ending = asyncio.create_task(thief.call("webrtc:disconnect", {"session_id": "s1"}))
        assert (await owner.call("webrtc:ice", ice()))["status"] == "success"
        decide.set()
        assert (await stealing)["code"] == "session_exists"
        assert (await early)["code"] == "session_not_found"
        assert (await ending)["status"] == "warning"
        assert "thief" not in str(host.all)
        assert "webrtc:disconnect" not in [name for name, _ in host.all]
        assert (await host.call("webrtc:ice", ice()))["status"] == "success"
        assert [name for name, _ in thief.all] == ["webrtc:answer"]


# -- several relays


def keyed(url: str, key: AgentKey, agent_id: str = "a1") -> AbstractAsyncContextManager:
    auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": agent_id, "public_key": key.public}
    return foreign(url, auth, signing=(key, host_of(url)))


GUEST = {"token": GUEST_TOKEN, "role": "guest"}


def serve(host: Foreign) -> None:
    host.answers["webrtc:offer"] = answer
    host.answers["webrtc:ice"] = ok("webrtc:ice")


async def test_a_refused_guest_of_another_relay_takes_no_route_away(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, keyed(made.urls[0], KEY) as host:
        serve(host)
        await register(host, "a1", ("web-1",))
        async with foreign(made.urls[1], GUEST) as owner, foreign(made.urls[0], GUEST) as thief:
            thinking, decide = asyncio.Event(), asyncio.Event()

            async def refuse(payload: Any) -> dict[str, Any]:
                if payload["sdp"] != "thief":
                    return answer(payload)
                thinking.set()
                await decide.wait()
                return {"status": "error", "error": "Taken", "code": "session_exists"}

            host.answers["webrtc:offer"] = refuse
            # The thief is first with an id that it knows will come.
            stealing = asyncio.create_task(thief.call("webrtc:offer", offer(sdp="thief")))
            await thinking.wait()
            assert (await owner.call("webrtc:offer", offer()))["status"] == "success"
            decide.set()
            assert (await stealing)["code"] == "session_exists"
            async with redis.asyncio.Redis(port=made.redis.port) as client:
                assert await client.exists("hatchway:route:s1")
            assert (await thief.call("webrtc:ice", ice()))["code"] == "session_not_found"
            assert (await owner.call("webrtc:ice", ice()))["status"] == "success"


async def test_without_redis_a_session_is_not_thought_to_be_nobodys(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, keyed(made.urls[0], KEY) as host:
        serve(host)
        await register(host, "a1", ("web-1",))
        async with foreign(made.urls[1], GUEST) as owner, foreign(made.urls[0], GUEST) as thief:
            assert (await owner.call("webrtc:offer", offer()))["status"] == "success"
            await made.redis.kill()
            thinking, decide = asyncio.Event(), asyncio.Event()

            async def refuse(_payload: Any) -> dict[str, Any]:
                thinking.set()
                await decide.wait()
                return {"status": "error", "error": "Taken", "code": "session_exists"}

            host.answers["webrtc:offer"] = refuse
            stealing = asyncio.create_task(thief.call("webrtc:offer", offer(agent_id="a1"), 20))
            await asyncio.wait_for(thinking.wait(), 15)
            early = asyncio.create_task(thief.call("webrtc:ice", ice(candidate="candidate:thief")))
            # The relay has read it once it answers what came behind it.
            await thief.call("guest:targets", {}, 20)
            decide.set()
            assert (await stealing)["code"] == "session_exists"
            assert (await early)["code"] == "session_not_found"
            assert "thief" not in str(host.all[1:])


async def test_an_id_stays_its_keys_while_redis_is_away(tmp_path: Path) -> None:
    async with cloud(tmp_path, 1) as made:
        (url,) = made.urls
        async with keyed(url, KEY) as host:
            assert (await register(host, "a1", ("web-1",)))["status"] == "success"
        await made.redis.kill()
        other = AgentKey.make()
        async with keyed(url, other) as thief:
            assert (await register(thief, "a1", ("web-1",)))["code"] == "agent_id_taken"
        bare = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "a1"}
        await refused(url, bare, None, "agent_id_taken")
        # Whom the relay has never seen may come: hosts are not turned away for a Redis.
        async with keyed(url, other, "a2") as host:
            assert (await register(host, "a2", ("web-2",)))["status"] == "success"


async def test_of_two_keys_with_one_id_only_one_stays_once_redis_is_back(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, keyed(made.urls[0], KEY) as host:
        assert (await register(host, "a1", ("web-1",)))["status"] == "success"
        await made.redis.kill()
        # The other relay has never heard of the id, and cannot ask.
        async with keyed(made.urls[1], AgentKey.make()) as thief:
            await until(lambda: thief.all, what="the challenge")
            await register(thief, "a1", ("web-1",))
            # Empty: the first relay claims the id for its key again.
            await made.redis.start()
            await until(
                lambda: not thief.sio.connected or not host.sio.connected,
                what="the end of one of them",
            )
            assert host.sio.connected is not thief.sio.connected


async def test_redis_that_forgets_the_keys_gets_them_again(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, keyed(made.urls[0], KEY) as host:
        assert (await register(host, "a1", ("web-1",)))["status"] == "success"
        async with redis.asyncio.Redis(port=made.redis.port) as client:
            await client.flushall()
            async with asyncio.timeout(15):
                for _ in itertools.count():
                    if await client.exists("hatchway:pin:a1"):
                        break
                    await asyncio.sleep(0.05)
        async with keyed(made.urls[1], AgentKey.make()) as thief:
            assert (await register(thief, "a1", ("web-1",)))["code"] == "agent_id_taken"
