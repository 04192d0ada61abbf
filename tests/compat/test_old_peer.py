"""The older Python peer, in a process of its own, at a current agent."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.core.model import Role
from engine.core.settings import SessionSettings, Settings
from tests.compat.conftest import ways
from tests.compat.guests import old_guest, sees
from tests.compat.use import use, use_much
from tests.engine.hosting import House, house
from tests.engine.until import until

pytestmark = pytest.mark.takes(15)


@pytest.mark.parametrize("by", ["link", "token"])
async def test_it_types_resizes_returns_and_exits(new_host: House, by: str) -> None:
    async with old_guest() as guest:
        await use(guest, (await ways(new_host))[by])


async def test_it_passes_more_than_the_window_both_ways(new_host: House) -> None:
    async with old_guest() as guest:
        await use_much(guest, (await ways(new_host))["link"])


async def test_it_waits_until_the_host_allows_it(new_host: House) -> None:
    approvals = new_host.agent.admission.approvals
    approvals.attend()
    way = (await ways(new_host, approval=True))["link"]
    async with old_guest() as guest:
        opening = asyncio.create_task(guest.open(way))
        await until(lambda: guest.approvals == ["waiting"])
        (session,) = new_host.agent.manager.sessions()
        assert new_host.agent.admission.answer(session.id, Role.CONTROL)
        await opening
        assert guest.approvals == ["waiting", "allowed"]
        await guest.type("echo typed-$((1+1))\n")
        await sees(guest, "typed-2")


async def test_what_a_viewer_types_is_dropped(new_host: House) -> None:
    async with old_guest() as guest:
        await guest.open((await ways(new_host, role=Role.VIEW))["link"])
        await guest.type("echo typed-$((1+1))\n")
        await until(lambda: guest.notices, what="a notice that it only watches")
        (session,) = new_host.agent.manager.sessions()
        assert session.counter.bytes_in == 0


async def test_it_is_warned_and_ended_when_idle() -> None:
    def soon(settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, session=SessionSettings(timeout=2))

    async with house(change=soon) as host, old_guest() as guest:
        await guest.open((await ways(host))["link"])
        await until(lambda: guest.notices, what="a warning")
        await until(lambda: guest.ends, what="the end")
        # Of the reason and the end of the connection the older peer reports what it handles
        # first, at its own agent too: so the host is asked.
        assert [exit_code for _, exit_code in guest.ends] == [None]
        await until(host.ends)
        assert "without activity" in host.ends()[0]
