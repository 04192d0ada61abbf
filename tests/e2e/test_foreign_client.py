"""A client written only from the protocol page opens a terminal, and gets the right errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import pytest_asyncio

from tests.docker_fixtures import unique_name
from tests.e2e.conftest import foreign_relay
from tests.e2e.plain_guest import PlainGuest, PlainRelay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docker.models.containers import Container

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def shared_container(busybox: Container) -> str:
    return str(busybox.name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(shared_container: str) -> AsyncIterator[PlainRelay]:
    """One host for all: nothing here changes it, and each session has an id of its own."""
    async with foreign_relay(shared_container) as made:
        yield made


@pytest.fixture
def session_id() -> str:
    return unique_name("session")


async def test_a_terminal_from_offer_to_exit(
    relay: PlainRelay, shared_container: str, session_id: str
) -> None:
    guest = PlainGuest(relay)
    reply = await guest.offer(session_id, shared_container)
    assert {key: reply[key] for key in ("action", "correlation_id", "status", "session_id")} == {
        "action": "webrtc:offer",
        "correlation_id": "c-1",
        "status": "success",
        "session_id": session_id,
    }
    await guest.until("ready")
    assert (await guest.until("pty_connected"))["container"] == shared_container
    guest.send(type="input", data="echo $((6*7))\n")
    await guest.until_text("42")
    guest.send(type="resize", cols=121, rows=41)
    guest.send(type="input", data="stty size\n")
    await guest.until_text("41 121")
    guest.send(type="ping")
    await guest.until("pong")
    for text, code in (
        ('{"type":"nope"}', "unknown_type"),
        ("{", "bad_json"),
        ("[]", "bad_message"),
    ):
        guest.say(text)
        await guest.until("error", code=code)
    guest.send(type="input", data="exit 7\n")
    assert (await guest.until("pty_disconnected"))["exit_code"] == 7
    guest.send(type="connect_pty", container=shared_container, cols=80, rows=24)
    await guest.until("pty_connected")
    guest.send(type="input", data="echo again-$((1+1))\n")
    await guest.until_text("again-2")
    done = await relay.call("webrtc:disconnect", {"session_id": session_id, "reason": "bye"})
    assert (done["status"], done["session_id"]) == ("success", session_id)
    await guest.close()


async def test_a_flood_is_quiet_soon_after_ctrl_c(
    relay: PlainRelay, shared_container: str, session_id: str
) -> None:
    guest = PlainGuest(relay)
    await guest.offer(session_id, shared_container)
    await guest.until("pty_connected")
    guest.send(type="input", data="yes\n")
    await guest.until_text("y\r\n" * 300_000)
    before = len(guest.text)
    guest.send(type="input", data="\x03")
    guest.send(type="input", data="echo qui''et-$((1+1))\n")
    await guest.until_text("quiet-2")
    # What is in flight is bounded: 256 KiB, and what a program may have printed meanwhile.
    assert len(guest.text) - before < 1_000_000
    await guest.close()


class OddGuest(PlainGuest):
    """Fills every field that is its own business in its own way."""

    EXTRA: ClassVar[dict[str, Any]] = {
        "action": 7, "requested_at": {"seconds": 1}, "cols": "wide", "rows": -3, "resume": [],
        "guest_name": {"first": "x"}, "agent_id": 5, "trace": [None, {"a": [1.5]}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "correlation_id",
    [7, {"request": [1, {"deep": None}]}, ["a", 2]],
    ids=["number", "object", "list"],
)
async def test_a_cloud_with_ids_of_its_own_kind_opens_types_resizes_and_exits(
    relay: PlainRelay, shared_container: str, session_id: str, correlation_id: Any
) -> None:
    guest, own = OddGuest(relay), {**OddGuest.EXTRA, "correlation_id": correlation_id}
    reply = await guest.offer(session_id, shared_container, **own)
    assert (reply["status"], reply["correlation_id"]) == ("success", correlation_id)
    await guest.until("pty_connected")
    end = {"session_id": session_id, "candidate": None, "sdp_mid": 0, "sdp_mline_index": "0", **own}
    done = await relay.call("webrtc:ice", end)
    assert (done["status"], done["correlation_id"]) == ("success", correlation_id)
    guest.send(type="resize", cols=121.0, rows=41.0, id=correlation_id)
    guest.send(type="input", data="stty size\n", at={"seconds": 1})
    await guest.until_text("41 121")
    guest.send(type="input", data="exit 7\n")
    assert (await guest.until("pty_disconnected"))["exit_code"] == 7
    done = await relay.call("webrtc:disconnect", {"session_id": session_id, "reason": 5, **own})
    assert (done["status"], done["correlation_id"]) == ("success", correlation_id)
    await guest.close()


IDS: list[Any] = [
    0, -1, 1.5, 10**30, True, False, "", "x" * 100_000, "\x1b[31m\n\u202e\ud800",
    [], {}, [[1, 2], {"a": None}], {"id": {"id": [1]}},
]  # fmt: skip


async def test_a_correlation_id_of_any_kind_comes_back_in_errors_too(relay: PlainRelay) -> None:
    for correlation_id in IDS:
        own = {"correlation_id": correlation_id, **OddGuest.EXTRA}
        for event, payload, status, code in (
            ("webrtc:offer", {"session_id": "s"}, "error", "bad_request"),
            ("webrtc:ice", {"session_id": "s"}, "error", "bad_request"),
            ("webrtc:disconnect", {}, "error", "bad_request"),
            ("webrtc:disconnect", {"session_id": "nobody"}, "warning", "session_not_found"),
        ):
            reply = await relay.call(event, payload | own)
            assert (reply["status"], reply["code"]) == (status, code)
            assert (reply["action"], reply["correlation_id"]) == (event, correlation_id)
    for payload in ({"session_id": "s"}, {"session_id": "s", "correlation_id": None}):
        reply = await relay.call("webrtc:offer", payload)
        assert (reply["correlation_id"], reply["session_id"]) == (None, "s")


async def test_an_id_too_deep_to_be_sent_back_gets_a_reply_all_the_same(relay: PlainRelay) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    reply = await relay.call("webrtc:disconnect", {"session_id": "s", "correlation_id": deep})
    assert (reply["status"], reply["correlation_id"]) == ("warning", None)


async def test_a_device_of_any_name_that_is_not_there_is_not_found(relay: PlainRelay) -> None:
    guest = PlainGuest(relay)
    sdp = (await guest.describe()).sdp
    for name in ("no where", "über-ci/✂", "../../etc", "'; drop", "<b>x</b>", "%s%d{}", "x" * 900):
        offer = {"session_id": "s-odd", "device_id": name, "sdp": sdp, "sdp_type": "offer"}
        reply = await relay.call("webrtc:offer", offer)
        assert (reply["code"], reply["error"]) == ("target_not_found", f"Device {name} not found")
    for name in ("a\x1b[2Jb", "a\nb", "a\u202eb", "a\ud800b", "a\x00b"):
        offer = {"session_id": "s-odd", "device_id": name, "sdp": sdp, "sdp_type": "offer"}
        reply = await relay.call("webrtc:offer", offer)
        assert reply["code"] == "target_not_found"
        assert reply["error"].isprintable()
    await guest.close()


async def test_a_proof_that_cannot_be_read_is_refused_and_not_taken_for_none(
    relay: PlainRelay, shared_container: str, session_id: str
) -> None:
    guest = PlainGuest(relay)
    reply = await guest.offer(session_id, shared_container, proof={"share": "x"})
    assert (reply["status"], reply["code"]) == ("error", "bad_request")
    assert "'proof" in reply["error"]
    await guest.close()


async def test_a_session_id_of_any_text_opens_a_terminal(
    relay: PlainRelay, shared_container: str
) -> None:
    guest = PlainGuest(relay)
    name = "s\x1b]0;x\x07\n\u202e\ud800\U0001f600 =" + "x" * 100
    reply = await guest.offer(name, shared_container)
    assert (reply["status"], reply["session_id"]) == ("success", name)
    await guest.until("pty_connected")
    guest.send(type="input", data="echo $((6*7))\n")
    await guest.until_text("42")
    assert (await relay.call("webrtc:disconnect", {"session_id": name}))["status"] == "success"
    await guest.close()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"device_id": "nowhere"}, "target_not_found", "Device nowhere not found"),
        ({"device_id": "This computer"}, "access_denied", "does not share"),
        ({"session_id": None}, "bad_request", "session_id"),
        ({"sdp_type": "answer"}, "bad_request", "sdp_type"),
        ({"sdp": ""}, "bad_request", "sdp"),
        ({"sdp": "v=0"}, "bad_request", "sdp"),
    ],
    ids=str,
)
async def test_an_unusable_offer_gets_the_right_error(
    relay: PlainRelay,
    shared_container: str,
    session_id: str,
    change: dict[str, Any],
    code: str,
    words: str,
) -> None:
    guest = PlainGuest(relay)
    reply = await guest.offer(session_id, shared_container, **change) if "sdp" in change else (
        await guest.offer(**{"session_id": session_id, "device_id": shared_container, **change})
    )  # fmt: skip
    assert (reply["status"], reply["code"], reply["correlation_id"]) == ("error", code, "c-1")
    assert words in reply["error"]
    await guest.close()


@pytest.mark.parametrize("missing", ["session_id", "device_id", "sdp", "sdp_type"])
async def test_a_missing_field_is_named(relay: PlainRelay, missing: str) -> None:
    payload = {"session_id": "s", "device_id": "d", "sdp": "x", "sdp_type": "offer"}
    del payload[missing]
    reply = await relay.call("webrtc:offer", payload)
    assert (reply["status"], reply["code"]) == ("error", "bad_request")
    assert reply["error"] == f"Field '{missing}' is missing"
    assert reply["correlation_id"] is None


async def test_unknown_sessions_and_early_candidates(relay: PlainRelay) -> None:
    unknown = await relay.call("webrtc:disconnect", {"session_id": "x"})
    assert unknown["status"] == "warning"
    line = "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"
    early = {"session_id": "later", "candidate": line, "sdp_mid": "0", "sdp_mline_index": 0}
    assert (await relay.call("webrtc:ice", early))["status"] == "success"
    end = {"session_id": "later", "candidate": None}
    assert (await relay.call("webrtc:ice", end))["status"] == "success"
    bad = await relay.call("webrtc:ice", {"session_id": "later", "candidate": "nonsense"})
    assert (bad["status"], bad["code"]) == ("error", "bad_request")


async def test_a_session_id_in_use_is_refused_and_the_same_offer_again_is_not(
    relay: PlainRelay, shared_container: str, session_id: str
) -> None:
    guest, thief = PlainGuest(relay), PlainGuest(relay)
    first = await guest.offer(session_id, shared_container)
    await guest.until("pty_connected")
    again = {
        "session_id": session_id,
        "device_id": shared_container,
        "sdp": guest._pc.localDescription.sdp,
        "sdp_type": "offer",
    }
    assert (await relay.call("webrtc:offer", again))["sdp"] == first["sdp"]
    refused = await thief.offer(session_id, shared_container)
    assert (refused["status"], refused["code"]) == ("error", "session_exists")
    guest.send(type="input", data="echo $((40+2))\n")
    await guest.until_text("42")
    await guest.close()
    await thief.close()


async def test_the_heartbeat_has_every_field(relay: PlainRelay) -> None:
    async with asyncio.timeout(10):
        await relay.beaten.wait()
    assert set(relay.heartbeats[0]) == {
        "agent_id", "cpu_usage", "memory_usage", "memory_total", "disk_usage", "disk_total",
        "uptime", "status", "timestamp",
    }  # fmt: skip
