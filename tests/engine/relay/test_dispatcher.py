"""Messages through a real relay between foreign peers on real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.relay.target_feed import BYTES_PER_SECOND
from tests.engine.relay.peers import agent, answer, foreign, guest, ice, offer, ok, register, relay
from tests.engine.until import until

if TYPE_CHECKING:
    from tests.engine.relay.peers import Foreign


async def test_an_offer_reaches_the_agent_and_its_ack_comes_back_as_ack_and_event() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        reply = await peer.call("webrtc:offer", offer())
        assert reply == answer(offer())
        assert await peer.next("webrtc:answer") == reply
        assert (await host.next("webrtc:offer"))["sdp"] == "v=0\r\n"


async def test_a_guest_that_asks_for_no_ack_gets_the_answer_as_an_event() -> None:
    async with relay() as one, agent(one), guest(one) as peer:
        await peer.sio.emit("webrtc:offer", offer())
        assert (await peer.next("webrtc:answer"))["sdp"] == "v=0 answer"


async def test_a_guest_that_asks_for_no_ack_gets_an_error_as_an_event_too() -> None:
    async with relay() as one, guest(one) as peer:
        await peer.sio.emit("webrtc:offer", offer())
        reply = await peer.next("webrtc:answer")
        assert (reply["status"], reply["code"]) == ("error", "agent_offline")


async def test_the_relay_stamps_who_the_guest_is_over_what_it_claims() -> None:
    async with relay() as one, agent(one) as host, guest(one, name="A\x1b[31mnn\n") as peer:
        claims = {"guest_name": "root", "guest_address": "203.0.113.1"}
        await peer.call("webrtc:offer", offer(**claims))
        seen = await host.next("webrtc:offer")
        assert (seen["guest_name"], seen["guest_address"]) == ("A[31mnn", "127.0.0.1")


async def test_fields_the_relay_does_not_know_are_carried_on() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        await peer.call("webrtc:offer", offer(action="webrtc:offer", future={"a": [1]}))
        assert (await host.next("webrtc:offer"))["future"] == {"a": [1]}


async def test_targets_are_listed_and_pushed_when_they_change() -> None:
    async with relay() as one, guest(one) as peer:
        assert (await peer.call("guest:targets"))["targets"] == []
        async with agent(one, "a1", ("web-1", "db")) as host:
            rows = (await peer.next("guest:targets"))["targets"]
            while not rows:
                rows = (await peer.next("guest:targets"))["targets"]
            assert [(row["agent_name"], row["id"]) for row in rows] == [
                ("Host a1", "db"),
                ("Host a1", "web-1"),
            ]
            await register(host, "a1", ("db",))
            assert len((await peer.next("guest:targets"))["targets"]) == 1
            listed = await peer.call("guest:targets")
            assert listed["status"] == "success"
            assert listed["targets"][0]["kind"] == "container"
        assert (await peer.next("guest:targets"))["targets"] == []


async def test_an_agent_that_changes_its_targets_all_the_time_is_no_multiplier() -> None:
    rows = {n: tuple(f"web-{n}-{m}" for m in range(900)) for n in range(25)}
    async with relay() as one, guest(one) as peer, guest(one), guest(one), agent(one) as host:
        began = time.monotonic()
        for names in rows.values():
            await register(host, "a1", names)
        await until(lambda: _last_target(peer) == "web-24-99", what="the list as it is at last")
        seconds = time.monotonic() - began
        pushed = [payload for event, payload in peer.all if event == "guest:targets"]
        size = len(json.dumps(pushed[-1]))
        # What is pushed to the three, less the first list, which comes at once.
        assert 3 * size * (len(pushed) - 2) <= BYTES_PER_SECOND * seconds


def _last_target(peer: Foreign) -> str:
    rows = [payload["targets"] for event, payload in peer.all if event == "guest:targets"]
    return rows[-1][-1]["id"] if rows and rows[-1] else ""


async def test_an_offer_goes_to_the_agent_that_has_the_device() -> None:
    async with (
        relay() as one,
        agent(one, "a1", ("x",)) as first,
        agent(one, "a2", ("y",)) as second,
        guest(one) as peer,
    ):
        await peer.call("webrtc:offer", offer("s1", "y"))
        await peer.call("webrtc:offer", offer("s2", "x"))
        await peer.call("webrtc:offer", offer("s3", "unlisted", agent_id="a2"))
        assert [p["session_id"] for _, p in second.all] == ["s1", "s3"]
        assert [p["session_id"] for _, p in first.all] == ["s2"]


async def test_among_several_agents_an_unknown_device_is_not_found() -> None:
    async with relay() as one, agent(one, "a1"), agent(one, "a2"), guest(one) as peer:
        reply = await peer.call("webrtc:offer", offer(device_id="nope"))
        assert reply["error"] == "Device nope not found"
        assert (reply["code"], reply["correlation_id"]) == ("target_not_found", "c1")


async def test_a_lone_agent_decides_about_devices_it_does_not_list() -> None:
    async with relay() as one, agent(one, "a1", ()), guest(one) as peer:
        assert (await peer.call("webrtc:offer", offer()))["status"] == "success"


async def test_a_named_agent_that_is_away_is_offline_in_words() -> None:
    async with relay() as one, agent(one, "a1"), guest(one) as peer:
        reply = await peer.call("webrtc:offer", offer(agent_id="a9"))
        assert reply["code"] == "agent_offline"
        assert "a9" in reply["error"]


async def test_a_name_that_several_agents_share_says_nothing_until_one_is_named() -> None:
    async with (
        relay() as one,
        agent(one, "a1") as first,
        agent(one, "a2", ("web-1", "x")) as second,
        guest(one) as peer,
    ):
        reply = await peer.call("webrtc:offer", offer())
        assert (reply["status"], reply["code"]) == ("error", "ambiguous_target")
        assert "agent_id" in reply["error"]
        assert not first.all
        assert not second.all
        assert (await peer.call("webrtc:offer", offer("s2", agent_id="a2")))["status"] == "success"
        assert [payload["session_id"] for _, payload in second.all] == ["s2"]
        # Only one of them shares it any more: the name is enough again.
        await register(first, "a1", ())
        assert (await peer.call("webrtc:offer", offer("s3")))["status"] == "success"
        assert [payload["session_id"] for _, payload in second.all] == ["s2", "s3"]
        assert not first.all


async def test_a_named_agent_that_is_away_is_not_replaced_by_its_namesake() -> None:
    async with relay() as one, guest(one) as peer, agent(one, "a1") as first:
        async with agent(one, "a2"):
            pass
        back = offer("s1", agent_id="a2", resume="token")
        await until(lambda: one.connected == 2)
        assert (await peer.call("webrtc:offer", back))["code"] == "agent_offline"
        assert not first.all


async def test_a_foreign_agent_that_never_registers_gets_offers() -> None:
    async with (
        relay() as one,
        guest(one) as peer,
        foreign(one.url, {"token": one.agent_token}) as host,
    ):
        host.answers["webrtc:offer"] = answer
        assert (await peer.call("webrtc:offer", offer()))["status"] == "success"


async def test_a_newer_connection_of_an_agent_takes_the_place_of_the_older() -> None:
    async with relay() as one, guest(one) as peer, agent(one, "a1") as older:
        async with agent(one, "a1") as newer:
            await peer.call("webrtc:offer", offer())
            assert [name for name, _ in newer.all] == ["webrtc:offer"]
            refused = await register(older, "a1", ("web-1",))
            assert (refused["status"], refused["code"]) == ("error", "access_denied")
        assert (await register(older, "a1", ("web-1",)))["status"] == "success"
        await peer.call("webrtc:offer", offer("s2"))
        assert [p["session_id"] for _, p in older.all] == ["s2"]


async def test_ice_sent_right_behind_the_offer_arrives_behind_it() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        decided = asyncio.Event()

        async def slow(payload: dict[str, Any]) -> dict[str, Any]:
            await decided.wait()
            return answer(payload)

        host.answers["webrtc:offer"] = slow
        await peer.sio.emit("webrtc:offer", offer())
        for number in range(5):
            await peer.sio.emit("webrtc:ice", ice(sdp_mline_index=number))
        await until(lambda: len(host.all) == 6, what="six events before the answer")
        assert [name for name, _ in host.all] == ["webrtc:offer"] + ["webrtc:ice"] * 5
        assert [p["sdp_mline_index"] for _, p in host.all[1:]] == [0, 1, 2, 3, 4]
        decided.set()
        assert (await peer.next("webrtc:answer"))["status"] == "success"


async def test_ice_and_disconnect_go_both_ways_and_replies_are_handed_back() -> None:
    async with relay(guest_reply_seconds=0.05) as one, agent(one) as host, guest(one) as peer:
        await peer.call("webrtc:offer", offer())
        host.answers["webrtc:ice"] = lambda p: {"status": "warning", "error": "Late"}
        reply = await peer.call("webrtc:ice", ice(correlation_id="c7"))
        assert reply == {
            "action": "webrtc:ice",
            "correlation_id": "c7",
            "session_id": "s1",
            "status": "warning",
            "error": "Late",
        }
        # A browser seldom acknowledges: the agent hears that it was handed over.
        assert (await host.call("webrtc:ice", ice(candidate=None)))["status"] == "success"
        assert (await peer.next("webrtc:ice"))["candidate"] is None
        peer.answers["webrtc:ice"] = lambda p: {"status": "error", "error": "No", "code": "x"}
        assert (await host.call("webrtc:ice", ice()))["error"] == "No"
        reply = await host.call("webrtc:disconnect", {"session_id": "s1", "reason": "Kicked"})
        assert reply["status"] == "success"
        assert (await peer.next("webrtc:disconnect"))["reason"] == "Kicked"


async def test_a_guests_disconnect_ends_the_route() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        await peer.call("webrtc:offer", offer())
        first = await peer.call("webrtc:disconnect", {"session_id": "s1", "correlation_id": "c"})
        assert first == {**ok("webrtc:disconnect")({"session_id": "s1", "correlation_id": "c"})}
        again = await peer.call("webrtc:disconnect", {"session_id": "s1"})
        assert (again["status"], again["code"]) == ("warning", "session_not_found")
        assert [name for name, _ in host.all] == ["webrtc:offer", "webrtc:disconnect"]


async def test_another_guest_cannot_touch_a_session() -> None:
    async with relay() as one, agent(one) as host, guest(one) as owner, guest(one) as thief:
        await owner.call("webrtc:offer", offer())
        assert (await thief.call("webrtc:ice", ice()))["code"] == "session_not_found"
        reply = await thief.call("webrtc:disconnect", {"session_id": "s1"})
        assert reply["status"] == "warning"
        host.answers["webrtc:offer"] = lambda p: {"status": "error", "error": "Exists already"}
        assert (await thief.call("webrtc:offer", offer()))["error"] == "Exists already"
        assert (await thief.call("webrtc:ice", ice()))["code"] == "session_not_found"
        assert (await owner.call("webrtc:ice", ice()))["status"] == "success"
        assert [name for name, _ in host.all] == ["webrtc:offer", "webrtc:offer", "webrtc:ice"]
        assert [name for name, _ in owner.all] == ["webrtc:answer"]


async def test_a_returning_guest_gets_the_route_when_the_agent_agrees() -> None:
    async with relay() as one, agent(one) as host, guest(one) as returned:
        async with guest(one) as before:
            await before.call("webrtc:offer", offer())
        decided = asyncio.Event()

        async def slow(payload: dict[str, Any]) -> dict[str, Any]:
            await decided.wait()
            return answer(payload)

        host.answers["webrtc:offer"] = slow
        await returned.sio.emit("webrtc:offer", offer(resume="token"))
        early = asyncio.create_task(returned.call("webrtc:ice", ice()))
        await until(lambda: len(host.all) == 2, what="the second offer")
        assert not early.done()
        decided.set()
        assert (await early)["status"] == "success"
        assert [name for name, _ in host.all][-1] == "webrtc:ice"


async def test_a_disconnect_waits_for_the_offer_to_be_decided() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        decided = asyncio.Event()

        async def refuse(payload: dict[str, Any]) -> dict[str, Any]:
            await decided.wait()
            return {"status": "error", "error": "Somebody else's"}

        host.answers["webrtc:offer"] = refuse
        await peer.sio.emit("webrtc:offer", offer())
        bye = asyncio.create_task(peer.call("webrtc:disconnect", {"session_id": "s1"}))
        await until(lambda: len(host.all) == 1, what="the offer")
        decided.set()
        assert (await bye)["code"] == "session_not_found"
        assert [name for name, _ in host.all] == ["webrtc:offer"]


async def test_peers_leaving_the_relay_end_no_session() -> None:
    async with relay() as one, guest(one) as peer:
        async with agent(one) as host, guest(one) as leaving:
            await leaving.call("webrtc:offer", offer("gone"))
            await peer.call("webrtc:offer", offer("s1"))
            await leaving.sio.disconnect()
            await host.call("heartbeat", {"agent_id": "a1"})
            assert [name for name, _ in host.all] == ["webrtc:offer", "webrtc:offer"]
        reply = await peer.call("webrtc:ice", ice())
        assert reply["code"] == "agent_offline"
        # The same agent on a new connection has its sessions again.
        async with agent(one):
            assert (await peer.call("webrtc:ice", ice()))["status"] == "success"
        assert "webrtc:disconnect" not in [name for name, _ in peer.all]


async def test_an_agent_lost_while_it_thinks_is_offline_at_once() -> None:
    async with relay() as one, guest(one) as peer:
        async with agent(one) as host:
            host.answers["webrtc:offer"] = lambda p: asyncio.Event().wait()
            call = asyncio.create_task(peer.call("webrtc:offer", offer()))
            await host.next("webrtc:offer")
        reply = await call
        assert (reply["status"], reply["code"]) == ("error", "agent_offline")


async def test_an_agent_that_does_not_answer_times_out() -> None:
    async with relay(agent_reply_seconds=0.1) as one, agent(one) as host, guest(one) as peer:
        host.answers["webrtc:offer"] = lambda p: asyncio.Event().wait()
        reply = await peer.call("webrtc:offer", offer())
        assert (reply["code"], reply["correlation_id"]) == ("agent_timeout", "c1")


GARBAGE_ACKS: list[Any] = [
    None,
    7,
    "yes",
    [],
    {},
    {"status": "great"},
    {"status": "success"},
    {"status": "success", "sdp": "v=0", "sdp_type": "offer"},
    {"status": "success", "sdp": 5, "sdp_type": "answer"},
    {"status": "success", "sdp": "v=0", "sdp_type": "answer", "blob": b"\x00"},
]


@pytest.mark.parametrize("garbage", GARBAGE_ACKS, ids=repr)
async def test_a_garbage_ack_is_an_error_to_the_guest(garbage: Any) -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        host.answers["webrtc:offer"] = lambda p: garbage
        reply = await peer.call("webrtc:offer", offer())
        assert (reply["status"], reply["code"]) == ("error", "bad_reply")
        assert (reply["session_id"], reply["correlation_id"]) == ("s1", "c1")


@pytest.mark.parametrize(
    ("fields", "words"),
    [({}, "Refused"), ({"error": 5, "code": 403}, "Refused"), ({"error": "no", "code": []}, "no")],
    ids=str,
)
async def test_an_agents_no_in_its_own_form_reaches_the_guest_in_ours(
    fields: dict[str, Any], words: str
) -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        host.answers["webrtc:offer"] = lambda p: {"status": "error", "more": [1], **fields}
        reply = await peer.call("webrtc:offer", offer(correlation_id={"n": [1]}))
        assert (reply["status"], reply["error"], reply["code"]) == ("error", words, "refused")
        assert (reply["session_id"], reply["correlation_id"]) == ("s1", {"n": [1]})
        assert reply["more"] == [1]


IDS: list[Any] = [None, 7, -1.5, True, "", "x" * 5000, "\x1b[31m\u202e\ud800", [1, [2]], {"a": {}}]


@pytest.mark.parametrize("correlation_id", IDS, ids=lambda one: repr(one)[:20])
async def test_a_correlation_id_of_any_kind_comes_back_on_every_event(correlation_id: Any) -> None:
    extra = {"correlation_id": correlation_id, "requested_at": {"at": 1}, "action": 5}
    async with relay() as one, agent(one) as host, guest(one) as peer:
        for event, payload, status in (
            ("webrtc:offer", offer(**extra), "success"),
            ("webrtc:ice", ice(**extra, sdp_mid=0, sdp_mline_index="0"), "success"),
            ("webrtc:disconnect", {"session_id": "s1", "reason": ["x"], **extra}, "success"),
            ("webrtc:disconnect", {"session_id": "s1", **extra}, "warning"),
            ("webrtc:offer", extra, "error"),
            ("webrtc:ice", extra, "error"),
            ("webrtc:disconnect", extra, "error"),
            ("guest:targets", extra, "success"),
            ("ice:servers", extra, "success"),
            ("no such event", extra, "error"),
        ):
            reply = await peer.call(event, payload)
            assert (reply["status"], reply["action"]) == (status, event), reply
            assert reply["correlation_id"] == correlation_id
        # The agent saw them as they were.
        assert {repr(p["correlation_id"]) for _, p in host.all} == {repr(correlation_id)}
        beat = await host.call("heartbeat", {"agent_id": 5, **extra})
        assert (beat["status"], beat["correlation_id"]) == ("success", correlation_id)


async def test_an_id_too_deep_for_the_library_gets_a_reply_all_the_same() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    async with relay() as one, agent(one), guest(one) as peer:
        reply = await peer.call("webrtc:offer", offer(correlation_id=deep))
        assert (reply["status"], reply["correlation_id"]) == ("error", None)


async def test_a_registration_in_its_own_form_counts_for_what_can_be_read() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        rows = [
            {"id": "db", "state": 5, "more": {}},
            {"id": 7},
            "web-9",
            {"id": "api", "name": None},
        ]
        reply = await host.call(
            "agent:register",
            {"agent_id": "a1", "name": ["x"], "targets": rows, "links": "none", "os": "plan9"},
        )
        assert reply["status"] == "success"
        listed = (await peer.call("guest:targets"))["targets"]
        assert [(row["id"], row["name"], row["agent_name"]) for row in listed] == [
            ("api", "api", "a1"),
            ("db", "db", "a1"),
        ]


def without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


BAD_SHAPES: list[tuple[str, Any, str]] = [
    ("webrtc:offer", None, "object"),
    ("webrtc:offer", "text", "object"),
    ("webrtc:offer", [], "object"),
    *[
        ("webrtc:offer", without(offer(), name), name)
        for name in ("session_id", "device_id", "sdp", "sdp_type")
    ],
    *[
        ("webrtc:offer", offer() | {name: bad}, name)
        for name in ("session_id", "device_id", "sdp", "sdp_type")
        for bad in (None, 5, [], {}, "" if name != "sdp_type" else "answer")
    ],
    ("webrtc:offer", offer("s" * 201), "session_id"),
    ("webrtc:offer", offer(device_id="d" * 1025), "device_id"),
    ("webrtc:offer", offer(sdp="v" * 70_000), "sdp"),
    ("webrtc:offer", offer(proof={"share": 5}), "proof"),
    ("webrtc:offer", offer(extra=b"\x00\x01"), "JSON"),
    ("webrtc:offer", offer(extra=float("nan")), "JSON"),
    ("webrtc:ice", None, "object"),
    ("webrtc:ice", without(ice(), "session_id"), "session_id"),
    ("webrtc:ice", without(ice(), "candidate"), "candidate"),
    ("webrtc:ice", ice(candidate=5), "candidate"),
    ("webrtc:ice", ice(candidate="c" * 2000), "candidate"),
    ("webrtc:disconnect", None, "object"),
    ("webrtc:disconnect", {}, "session_id"),
    ("webrtc:disconnect", {"session_id": 5}, "session_id"),
]


async def test_a_bad_shape_is_a_bad_request_that_names_the_field() -> None:
    async with relay() as one, agent(one) as host, guest(one) as peer:
        for event, payload, word in BAD_SHAPES:
            reply = await peer.call(event, payload)
            assert (reply["status"], reply["code"]) == ("error", "bad_request"), (event, payload)
            assert word in reply["error"], (event, payload, reply)
            assert reply["action"] == event
            if isinstance(payload, dict) and payload.get("correlation_id") == "c1":
                assert reply["correlation_id"] == "c1"
        assert host.all == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["session_id", "device_id", "sdp", "sdp_type", "candidate", "agent_id", "name", "targets"]
)
PAYLOADS = JSON | st.dictionaries(FIELDS, JSON, max_size=6)
EVENTS = st.sampled_from(
    ["webrtc:offer", "webrtc:ice", "webrtc:disconnect", "agent:register", "guest:targets", "x"]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_json_gets_a_reply_and_harms_nobody(data: st.DataObject) -> None:
    batch = data.draw(st.lists(st.tuples(EVENTS, PAYLOADS), min_size=1, max_size=5))

    async def exchange() -> None:
        async with relay(guest_reply_seconds=0.05) as one, agent(one) as host, guest(one) as peer:
            for side in (peer, host):
                for event, payload in batch:
                    reply = await side.call(event, payload)
                    assert reply["status"] in ("success", "warning", "error")
                    assert "Traceback" not in str(reply)
                    assert reply.get("code") != "internal"
            assert (await peer.call("guest:targets"))["status"] == "success"

    asyncio.run(exchange())


@pytest.mark.parametrize(
    "event", ["agent:register", "heartbeat"], ids=["registering", "a heartbeat"]
)
async def test_a_guest_cannot_do_what_agents_do(event: str) -> None:
    async with relay() as one, guest(one) as peer:
        reply = await peer.call(event, {"agent_id": "a1"})
        assert reply["code"] == "access_denied"


async def test_an_agent_cannot_offer_or_list() -> None:
    async with relay() as one, agent(one) as host:
        for event in ("webrtc:offer", "guest:targets"):
            assert (await host.call(event, offer()))["code"] == "access_denied"


async def test_an_agent_reaches_only_its_own_sessions() -> None:
    async with relay() as one, agent(one, "a1"), agent(one, "a2", ()) as other, guest(one) as peer:
        await peer.call("webrtc:offer", offer())
        assert (await other.call("webrtc:ice", ice()))["code"] == "session_not_found"
        assert (await other.call("webrtc:disconnect", {"session_id": "s1"}))["status"] == "warning"
        assert [name for name, _ in peer.all] == ["webrtc:answer"]
