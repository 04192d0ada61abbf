"""Signaling in the agent's process: when it serves, and what it leaves to a relay.

What both ends have in common is in test_guest_end.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.core.errors import (
    HostStoppedError,
    LinkUnknownError,
    RemoteError,
)
from engine.core.settings import IceServer, IceSettings
from engine.signaling.handlers import Handler
from engine.signaling.in_process import InProcessSignaling
from engine.wire.signaling import OFFER


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


async def test_an_event_that_the_agent_does_not_handle_is_refused() -> None:
    agent = serving(Slow())
    guest = agent.guest()
    await guest.connect()
    with pytest.raises(RemoteError) as caught:
        await guest.call("guest:targets", {})
    assert caught.value.remote_code == "bad_request"
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


async def test_it_adds_no_servers_and_opens_no_links() -> None:
    guest = serving(Slow()).guest()
    for own in (IceSettings(), IceSettings(servers=(IceServer("turn:t"),), relay_only=True)):
        assert await guest.ice_settings(own) == own
    with pytest.raises(LinkUnknownError):
        await guest.link_target()
