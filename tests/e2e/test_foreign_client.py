"""A client written only from the protocol page opens a terminal, and gets the right errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.plain_guest import PlainGuest, PlainRelay


async def test_a_terminal_from_offer_to_exit(relay: PlainRelay, shared_container: str) -> None:
    guest = PlainGuest(relay)
    reply = await guest.offer("s-1", shared_container)
    assert {key: reply[key] for key in ("action", "correlation_id", "status", "session_id")} == {
        "action": "webrtc:offer",
        "correlation_id": "c-1",
        "status": "success",
        "session_id": "s-1",
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
    done = await relay.call("webrtc:disconnect", {"session_id": "s-1", "reason": "bye"})
    assert (done["status"], done["session_id"]) == ("success", "s-1")
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
    relay: PlainRelay, shared_container: str, change: dict[str, Any], code: str, words: str
) -> None:
    guest = PlainGuest(relay)
    reply = await guest.offer("s-1", shared_container, **change) if "sdp" in change else (
        await guest.offer(**{"session_id": "s-1", "device_id": shared_container, **change})
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
    relay: PlainRelay, shared_container: str
) -> None:
    guest, thief = PlainGuest(relay), PlainGuest(relay)
    first = await guest.offer("s-1", shared_container)
    await guest.until("pty_connected")
    again = {
        "session_id": "s-1",
        "device_id": shared_container,
        "sdp": guest._pc.localDescription.sdp,
        "sdp_type": "offer",
    }
    assert (await relay.call("webrtc:offer", again))["sdp"] == first["sdp"]
    refused = await thief.offer("s-1", shared_container)
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
