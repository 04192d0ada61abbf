"""A reply to every payload, whatever its handler does."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import AccessDeniedError
from engine.signaling.handlers import reply_to

PAYLOAD = {"session_id": "s", "correlation_id": 7}


async def test_a_handlers_reply_is_passed_on() -> None:
    async def handle(payload: object) -> dict[str, Any]:
        return {"status": "success", "got": payload}

    reply = await reply_to("webrtc:offer", PAYLOAD, handle)
    assert reply == {"status": "success", "got": PAYLOAD}


async def test_a_refusal_becomes_an_error_reply() -> None:
    async def refuse(payload: object) -> dict[str, Any]:
        raise AccessDeniedError("Not shared")

    reply = await reply_to("webrtc:offer", PAYLOAD, refuse)
    assert (reply["status"], reply["code"], reply["error"]) == (
        "error",
        "access_denied",
        "Not shared",
    )
    assert (reply["session_id"], reply["correlation_id"]) == ("s", 7)


async def test_any_failure_is_an_error_to_the_guest_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(payload: object) -> dict[str, Any]:
        raise KeyError("secret detail")

    reply = await reply_to("webrtc:ice", None, fail)
    assert reply["error"] == "Internal error in the agent"
    assert "secret detail" not in str(reply)
    assert "secret detail" in caplog.text
    caplog.clear()
