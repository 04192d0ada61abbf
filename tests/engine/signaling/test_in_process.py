"""Calls between an agent and peers in its own process, with handlers of the test."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.core.errors import (
    AccessDeniedError,
    ConnectTimeoutError,
    HostStoppedError,
    LinkUnknownError,
    NoTurnError,
    RemoteError,
)
from engine.core.settings import IceServer, IceSettings
from engine.signaling.handlers import Handler
from engine.signaling.in_process import InProcessSignaling
from engine.wire.signaling import OFFER
from tests.engine.until import until


class Slow:
    """A handler that waits for the test."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.finished = False

    async def __call__(self, payload: object) -> dict[str, Any]:
        self.begun.set()
        await self.go_on.wait()
        self.finished = True
        return {"status": "success"}


def serving(handler: Handler) -> InProcessSignaling:
    agent = InProcessSignaling()
    agent.serve({OFFER: handler})
    return agent


async def test_a_call_gets_the_handlers_reply_and_shares_nothing_with_it() -> None:
    got: list[dict[str, Any]] = []
    replied: dict[str, Any] = {"status": "success", "rows": [1]}

    async def handle(payload: object) -> dict[str, Any]:
        assert isinstance(payload, dict)
        payload["seen"].append("by the agent")
        got.append(payload)
        return replied

    agent = serving(handle)
    guest = agent.guest()
    await guest.connect()
    sent: dict[str, Any] = {"session_id": "s", "seen": []}
    reply = await guest.call(OFFER, sent)
    assert got == [{"session_id": "s", "seen": ["by the agent"]}]
    assert sent["seen"] == []
    reply["rows"].append(2)
    assert replied["rows"] == [1]
    await guest.close()
    await agent.close()


async def test_a_refusal_comes_with_its_code_and_an_unknown_event_is_one() -> None:
    async def refuse(payload: object) -> dict[str, Any]:
        raise AccessDeniedError("Not here")

    agent = serving(refuse)
    guest = agent.guest()
    await guest.connect()
    for event, code in ((OFFER, "access_denied"), ("guest:targets", "bad_request")):
        with pytest.raises(RemoteError) as caught:
            await guest.call(event, {})
        assert caught.value.remote_code == code
    await agent.close()


async def test_nobody_is_reached_before_the_agent_serves_nor_after() -> None:
    agent = InProcessSignaling()
    guest = agent.guest()
    with pytest.raises(HostStoppedError):
        await guest.connect()
    agent.serve({OFFER: Slow()})
    with pytest.raises(HostStoppedError):
        await guest.call(OFFER, {})
    await guest.connect()
    assert guest.is_connected
    await agent.close()
    await agent.close()
    assert not guest.is_connected
    with pytest.raises(HostStoppedError):
        await guest.call(OFFER, {})
    with pytest.raises(HostStoppedError):
        await agent.guest().connect()


async def test_a_handler_finishes_although_its_caller_was_cancelled() -> None:
    slow = Slow()
    agent = serving(slow)
    guest = agent.guest()
    await guest.connect()
    calling = asyncio.create_task(guest.call(OFFER, {}))
    await slow.begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await guest.close()
    slow.go_on.set()
    await until(lambda: slow.finished)
    await agent.close()


async def test_an_agent_that_stops_ends_calls_under_way() -> None:
    slow = Slow()
    agent = serving(slow)
    guest = agent.guest()
    await guest.connect()
    calling = asyncio.create_task(guest.call(OFFER, {}))
    await slow.begun.wait()
    await agent.close()
    with pytest.raises(HostStoppedError):
        await calling
    assert not slow.finished


async def test_a_call_that_takes_too_long_says_so() -> None:
    agent = serving(Slow())
    guest = agent.guest()
    await guest.connect()
    with pytest.raises(ConnectTimeoutError):
        await guest.call(OFFER, {}, seconds=0)
    await agent.close()


async def test_it_adds_no_servers_and_opens_no_links() -> None:
    guest = serving(Slow()).guest()
    own = IceSettings(servers=(IceServer("turn:t"),), relay_only=True)
    assert await guest.ice_settings(own) == own
    with pytest.raises(NoTurnError):
        await guest.ice_settings(IceSettings(relay_only=True))
    with pytest.raises(LinkUnknownError):
        await guest.link_target()
