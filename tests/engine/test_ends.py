"""Why a session ended reaches the guest and the host as a stable word.

Joins the rooms agent, client, relay, sessions and access.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, EndCode
from tests.engine.handlers import Host
from tests.engine.hosting import House, Visitor, house
from tests.engine.impairment import drop
from tests.engine.until import until


async def exits(made: House, visitor: Visitor) -> None:
    visitor.peer.send(b"exit 3\n")


async def is_removed(made: House, visitor: Visitor) -> None:
    await made.agent.close_session(visitor.peer.session_id, "Removed", EndCode.REMOVED)


async def is_closed(made: House, visitor: Visitor) -> None:
    await made.agent.close_session(visitor.peer.session_id)


async def link_is_revoked(made: House, visitor: Visitor) -> None:
    await made.agent.admission.revoke(made.agent.admission.links.list()[0].id)


async def host_stops(made: House, visitor: Visitor) -> None:
    await made.agent.stop()


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (exits, EndCode.ENDED),
        (is_removed, EndCode.REMOVED),
        (is_closed, EndCode.CLOSED),
        (link_is_revoked, EndCode.REMOVED_REVOKED),
        (host_stops, EndCode.HOST_STOPPED),
    ],
)
async def test_the_guest_is_told_the_word_of_the_end(
    end: Callable[[House, Visitor], Awaitable[None]], code: EndCode
) -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        await end(made, visitor)
        await until(lambda: visitor.end)
        assert visitor.peer.end_code == code
        await visitor.peer.close()
        await until(made.ends)
        closed = next(e for e in made.events if isinstance(e, ev.SessionClosed))
        assert closed.code is code


@pytest.mark.parametrize("end", [is_removed, is_closed, link_is_revoked, host_stops])
async def test_the_guest_is_told_the_word_over_a_network_that_loses_it(
    end: Callable[[House, Visitor], Awaitable[None]],
) -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        visitor.peer.send(b"echo qu''iet; exec sleep 600\n")
        await visitor.sees(b"quiet")
        first = 2

        def lost(datagram: bytes) -> bool:
            nonlocal first
            first -= 1
            return first >= 0

        drop(made.agent.manager.require_session(visitor.peer.session_id).pc, lost)
        await end(made, visitor)
        await until(lambda: visitor.end)
        assert first < 0
        assert visitor.peer.end_code
        await visitor.peer.close()


async def test_a_guest_without_a_terminal_yet_is_told_too() -> None:
    async with house() as made:
        leave = made.agent.admission.approvals.attend()
        _, link = await made.link(approval=True)
        visitor = made.visitor(link)
        await visitor.peer.reach_relay()
        await visitor.peer.negotiate()
        await visitor.peer.wait_ice()
        await visitor.peer.wait_channel()
        await until(lambda: visitor.approvals == ["waiting"])
        await made.agent.manager.stop()
        await until(lambda: visitor.peer.end_code)
        assert visitor.peer.end_code == EndCode.HOST_STOPPED
        leave()


async def test_more_input_than_the_limit_ends_with_the_word_limit() -> None:
    host = Host()
    await host.manager.start()
    guest = host.guest()
    await guest.take(await host.offer(await guest.offer("s", "here")))
    await guest.asks("stty raw -echo; echo up-$((40+2)); sleep 1000", b"up-42")
    for _ in range(400):
        guest.channel.post(bytes(16 * 1024))
    await until(lambda: guest.of("exit"))
    assert guest.of("exit")[0]["code"] == "limit"
    await host.stop()


async def test_the_python_peer_ignores_what_only_a_later_agent_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        session = made.agent.manager.require_session(visitor.peer.session_id)
        agents_end = session.channel
        assert agents_end is not None
        raw = agents_end._channel
        raw.post('{"type":"people","people":[{"id":1}]}')
        raw.post('{"type":"notice","text":"after"}')
        await until(lambda: visitor.notices == ["after"])
        assert "people" not in caplog.text
        raw.post('{"type":"notice","text":7}')
        raw.post("{")
        raw.post('{"type":"notice","text":"still"}')
        await until(lambda: visitor.notices == ["after", "still"])
        visitor.peer.send(b"echo on-$((40+2))\n")
        await visitor.sees(b"on-42")
        assert visitor.peer.device_id == LOCAL_TARGET
