"""Several relays on one Redis, as processes, and what is left when any of them is killed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
import redis.asyncio

from engine.core.errors import HatchwayError, RemoteError
from tests.engine.hosting import Visitor
from tests.engine.relay.peers import answer, foreign, ice, offer, ok, register
from tests.engine.relay.processes import AGENT_TOKEN, GUEST_TOKEN, Cloud, Host, cloud, host
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.takes(70)

BACK_SECONDS = 10.0
"""After whatever is killed, new sessions begin within this."""
GUEST = {"token": GUEST_TOKEN, "role": "guest"}


async def talk(visitor: Visitor) -> None:
    """The terminal answers."""
    mark = f"m{time.monotonic_ns()}"
    visitor.peer.send(f"printf '%s-' {mark} yes; echo\r".encode())
    await visitor.sees(f"{mark}-yes-".encode())


async def opened_within(made: Cloud, house: Host, relay: int, seconds: float) -> Visitor:
    """A session through that relay, tried as a guest's page does until it works."""
    deadline = time.monotonic() + seconds
    while True:
        visitor = made.visitor(house.share, relay)
        try:
            await visitor.peer.connect()
        except HatchwayError as error:
            await visitor.peer.close()
            if time.monotonic() > deadline:
                raise AssertionError(f"No session within {seconds} s: {error}") from error
            await asyncio.sleep(0.2)
        else:
            return visitor


async def health(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/healthz") as response:
        assert response.status == 200
        return await response.text()


async def test_a_guest_at_one_relay_reaches_a_host_at_another(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, host(made.urls[:1]) as house:
        visitor = made.visitor(house.share, 1)
        await visitor.peer.connect()
        await talk(visitor)
        await visitor.peer.close()


async def test_candidates_and_disconnects_cross_relays_both_ways(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made:
        agent_auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "f1"}
        async with foreign(made.urls[0], agent_auth) as agent, foreign(made.urls[1], GUEST) as peer:
            agent.answers["webrtc:offer"] = answer
            agent.answers["webrtc:ice"] = ok("webrtc:ice")
            agent.answers["webrtc:disconnect"] = ok("webrtc:disconnect")
            await register(agent, "f1", ("web-1",))
            rows = (await peer.call("guest:targets"))["targets"]
            assert [(row["agent_id"], row["id"]) for row in rows] == [("f1", "web-1")]
            # By the device alone, as a guest of another make asks.
            assert (await peer.call("webrtc:offer", offer()))["sdp"] == "v=0 answer"
            assert (await peer.call("webrtc:ice", ice()))["status"] == "success"
            assert (await agent.next("webrtc:ice"))["session_id"] == "s1"
            assert (await agent.call("webrtc:ice", ice()))["status"] == "success"
            assert (await peer.next("webrtc:ice"))["candidate"] == ice()["candidate"]
            # A guest of a third place has no part in it, nor in taking it.
            async with foreign(made.urls[0], GUEST) as other:
                assert (await other.call("webrtc:ice", ice()))["code"] == "session_not_found"
                agent.answers["webrtc:offer"] = lambda payload: {
                    "status": "error", "error": "no", "code": "session_exists"
                }  # fmt: skip
                assert (await other.call("webrtc:offer", offer()))["code"] == "session_exists"
                assert (await other.call("webrtc:ice", ice()))["code"] == "session_not_found"
            gone = {"session_id": "s1"}
            assert (await agent.call("webrtc:disconnect", gone))["status"] == "success"
            assert (await peer.next("webrtc:disconnect"))["session_id"] == "s1"
            assert (await agent.call("webrtc:disconnect", gone))["status"] == "warning"


async def test_a_name_shared_at_two_relays_needs_the_hosts_id(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made:
        auth = {"token": AGENT_TOKEN, "role": "agent"}
        async with (
            foreign(made.urls[0], auth | {"agent_id": "f1"}) as one,
            foreign(made.urls[1], auth | {"agent_id": "f2"}) as two,
            foreign(made.urls[0], GUEST) as peer,
        ):
            for agent, agent_id in ((one, "f1"), (two, "f2")):
                agent.answers["webrtc:offer"] = answer
                await register(agent, agent_id, ("web-1",))
            assert (await peer.call("webrtc:offer", offer()))["code"] == "ambiguous_target"
            for session, agent_id, agent in (("s1", "f1", one), ("s2", "f2", two)):
                reply = await peer.call("webrtc:offer", offer(session, agent_id=agent_id))
                assert reply["status"] == "success"
                assert (await agent.next("webrtc:offer"))["session_id"] == session
            # One of them shares it no longer: the name is enough, and means the other.
            await register(one, "f1", ())
            assert (await peer.call("webrtc:offer", offer("s3")))["status"] == "success"
            assert (await two.next("webrtc:offer"))["session_id"] == "s3"


@pytest.mark.parametrize("victim", [0, 1], ids=["the host's", "the guest's"])
async def test_a_relay_that_is_killed_costs_no_session_and_seconds_to_begin_one(
    tmp_path: Path, victim: int
) -> None:
    async with cloud(tmp_path) as made, host(made.urls) as house:
        visitor = made.visitor(house.share, 1)
        await visitor.peer.connect()
        await made.relays[victim].kill()
        began = time.monotonic()
        await talk(visitor)
        again = await opened_within(made, house, 1 - victim, BACK_SECONDS)
        await talk(again)
        assert time.monotonic() - began < BACK_SECONDS
        await talk(visitor)
        for one in (visitor, again):
            await one.peer.close()
        await until(lambda: not house.agent.sessions())


async def test_a_relay_killed_while_an_offer_is_on_its_way(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made:
        agent_auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "f1"}
        async with foreign(made.urls[0], agent_auth) as agent, foreign(made.urls[1], GUEST) as peer:
            thinking = asyncio.Event()

            async def think(_payload: object) -> None:
                thinking.set()
                await asyncio.Event().wait()

            agent.answers["webrtc:offer"] = think
            await register(agent, "f1", ("web-1",))
            asking = asyncio.create_task(peer.call("webrtc:offer", offer(agent_id="f1"), 20))
            await asyncio.wait_for(thinking.wait(), 10)
            began = time.monotonic()
            await made.relays[0].kill()
            reply = await asking
            assert (reply["code"], reply["status"]) == ("agent_offline", "error")
            assert "relay of the agent was lost" in reply["error"]
            assert time.monotonic() - began < BACK_SECONDS


async def test_a_relay_that_falls_silent_is_left(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, host(made.urls) as house:
        made.relays[0].pause()
        began = time.monotonic()
        visitor = await opened_within(made, house, 1, 15.0)
        assert time.monotonic() - began < 15.0
        await talk(visitor)
        await visitor.peer.close()
        made.relays[0].resume()


async def test_without_redis_peers_of_one_relay_meet_and_others_are_told(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, host(made.urls[:1]) as house:
        visitor = made.visitor(house.share, 1)
        await visitor.peer.connect()
        late = made.visitor(house.share, 1)
        await late.peer.reach_relay()
        assert await health(made.urls[0]) == "ok\n"
        await made.redis.kill()
        await talk(visitor)
        near = await opened_within(made, house, 0, BACK_SECONDS)
        await talk(near)
        with pytest.raises(RemoteError) as caught:
            await late.peer.negotiate()
        assert caught.value.remote_code == "relay_degraded"
        assert "try again soon" in str(caught.value)
        for url in made.urls:
            assert await health(url) == "degraded: redis is away\n"
        # It comes back empty: nothing it knew is needed.
        await made.redis.start()
        began = time.monotonic()
        far = await opened_within(made, house, 1, BACK_SECONDS)
        assert time.monotonic() - began < BACK_SECONDS
        await talk(far)
        assert await health(made.urls[1]) == "ok\n"
        await talk(visitor)
        for one in (visitor, late, near, far):
            await one.peer.close()
        assert [state.state for state in house.states][-1] == "connected"


async def test_redis_that_forgets_between_two_questions_is_told_again_at_once(
    tmp_path: Path,
) -> None:
    async with cloud(tmp_path) as made, host(made.urls[:1]) as house:
        visitor = await opened_within(made, house, 1, BACK_SECONDS)
        await visitor.peer.close()
        async with redis.asyncio.Redis(port=made.redis.port) as client:
            await client.flushall()
        again = await opened_within(made, house, 1, 4.0)
        await talk(again)
        await again.peer.close()


async def test_redis_killed_while_an_offer_is_on_its_way(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made:
        agent_auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "f1"}
        async with foreign(made.urls[0], agent_auth) as agent, foreign(made.urls[1], GUEST) as peer:
            go, thinking = asyncio.Event(), asyncio.Event()

            async def think(payload: dict[str, object]) -> dict[str, object]:
                thinking.set()
                await go.wait()
                return answer(payload)

            agent.answers["webrtc:offer"] = think
            await register(agent, "f1", ("web-1",))
            asking = asyncio.create_task(peer.call("webrtc:offer", offer(agent_id="f1"), 20))
            await asyncio.wait_for(thinking.wait(), 10)
            began = time.monotonic()
            await made.redis.kill()
            go.set()
            assert (await asking)["code"] == "relay_degraded"
            assert time.monotonic() - began < BACK_SECONDS


async def test_an_agent_that_moves_is_found_where_it_is(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made:
        auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "f1"}
        async with foreign(made.urls[0], auth) as old, foreign(made.urls[0], GUEST) as peer:
            old.answers["webrtc:offer"] = lambda payload: {**answer(payload), "sdp": "old"}
            await register(old, "f1", ("web-1",))
            assert (await peer.call("webrtc:offer", offer("s1", agent_id="f1")))["sdp"] == "old"
            async with foreign(made.urls[1], auth) as new:
                new.answers["webrtc:offer"] = lambda payload: {**answer(payload), "sdp": "new"}
                await register(new, "f1", ("web-1",))
                # The old connection is still there, and not meant any more.
                assert (await peer.call("webrtc:offer", offer("s2", agent_id="f1")))["sdp"] == "new"


async def test_an_agent_id_belongs_to_its_first_key_at_every_relay(tmp_path: Path) -> None:
    async with cloud(tmp_path) as made, host(made.urls[:1], "mine"):
        auth = {"token": AGENT_TOKEN, "role": "agent", "agent_id": "thief"}
        async with foreign(made.urls[1], auth) as thief:
            reply = await register(thief, "mine", ("web-1",))
            assert reply["code"] == "agent_id_taken"
