"""A guest who would write into the host's terminal: ids, types, reasons, names, all of it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import Any

from tests.e2e.conftest import ROOT
from tests.e2e.plain_guest import PlainGuest, PlainRelay

FORGED = "2026-01-01 00:00:00,000 INFO    engine.agent.agent: all is well"
WORDS = f"\x1b]0;owned\x07\x1b[2J\x9b31m\r\n{FORGED}\r\n\u202e\u2066\u200b\ud800\x7f\x08"
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+: ")


async def test_nothing_of_it_reaches_the_hosts_terminal_and_log_as_it_is() -> None:
    relay = PlainRelay()
    async with relay.serve() as url:
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine", "--relay", url, "--share", "This computer",
            "--log-level", "DEBUG", cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        # Read all along: a full pipe would stop it.
        output = asyncio.gather(*(_all(pipe) for pipe in (agent.stdout, agent.stderr)))
        try:
            async with asyncio.timeout(20):
                await relay.arrived.wait()
            await _say_everything(relay)
        finally:
            agent.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), 20) == 0
        printed, logged = await output
    text = (printed + logged).decode()
    assert text.count("owned") >= 4, "it was said"
    hidden = {c for c in text if not c.isprintable() and c != "\n"}
    assert not hidden
    lines = logged.decode().splitlines()
    assert [line for line in lines if not RECORD.match(line)] == []
    assert [line for line in lines if line.startswith(FORGED[:30])] == []
    assert max(map(len, lines)) < 2200


async def _say_everything(relay: PlainRelay) -> None:
    guest = PlainGuest(relay)
    own: dict[str, Any] = {
        "guest_name": WORDS, "guest_address": WORDS, "guest_browser": WORDS,
        "correlation_id": {"x": WORDS}, WORDS: WORDS,
    }  # fmt: skip
    for event in ("webrtc:offer", "webrtc:ice", "webrtc:disconnect"):
        for payload in ({}, {"session_id": WORDS}, {"session_id": WORDS, "candidate": WORDS}):
            await relay.call(event, {**payload, **own})
    sdp = (await guest.describe()).sdp
    offer = {"session_id": WORDS, "device_id": WORDS, "sdp": sdp, "sdp_type": "offer"}
    reply = await relay.call("webrtc:offer", offer | own)
    assert reply["code"] == "target_not_found"
    assert reply["error"].isprintable()
    # Without a candidate it waits for some to come: another session is to follow it.
    sdp = sdp.replace("candidate:", WORDS)
    broken = offer | {"session_id": WORDS + "2", "device_id": "This computer", "sdp": sdp}
    await relay.call("webrtc:offer", broken | own)
    await guest.close()
    guest = PlainGuest(relay)
    reply = await guest.offer(WORDS, "This computer", **own)
    assert reply["status"] == "success", reply
    await guest.until("pty_connected")
    words = WORDS.replace("\ud800", "")  # with half a pair it is no JSON
    guest.send(type=words * 100)
    error = await guest.until("error", code="unknown_type")
    assert error["message"].isprintable()
    assert len(error["message"]) < 100
    guest.send(type="connect_pty", container=words)
    await guest.until("error", code="bad_message")
    # In an environment it is no text of theirs at all.
    test = 'case $HATCHWAY_SESSION in *[!0-9a-f]*) ;; *) echo "fi"ne;; esac\n'
    guest.send(type="input", data=test)
    await guest.until_text("fine")
    await relay.call("webrtc:disconnect", {"session_id": WORDS, "reason": WORDS, **own})
    await guest.close()


async def _all(pipe: asyncio.StreamReader | None) -> bytes:
    assert pipe is not None
    return await pipe.read()
