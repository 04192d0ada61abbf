"""Sessions at rest, from outside: who is warned, who is kept, who ends, and with what word.

Joins the rooms agent, client, relay and sessions.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from engine.client.peer import TerminalPeer
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, EndCode, Size
from engine.core.settings import SessionSettings, Settings
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.transport import sdp
from engine.wire.proof import offer_proof
from engine.wire.signaling import OFFER
from engine.wire.terminal import V1
from tests.engine.hosting import House, Visitor, house
from tests.engine.raw_guest import RawGuest
from tests.engine.until import until


def timeout(seconds: float) -> Callable[[Settings], Settings]:
    def change(settings: Settings) -> Settings:
        session = SessionSettings(timeout=seconds)
        return msgspec.structs.replace(settings, session=session)

    return change


async def guest_of(made: House) -> Visitor:
    _, link = await made.link()
    visitor = made.visitor(link)
    await visitor.peer.connect()
    return visitor


def host_warnings(made: House, session_id: str) -> list[float | None]:
    return [
        event.seconds
        for event in made.events
        if isinstance(event, ev.SessionIdle) and event.session_id == session_id
    ]


async def own(made: House, said: list[bytes]) -> TerminalPeer:
    peer = await made.agent.open_terminal(
        LOCAL_TARGET, Size(), said.append, lambda reason, code: None
    )
    peer.send(b"echo own-$((40+2))\n")
    await until(lambda: b"own-42" in b"".join(said))
    return peer


async def test_an_own_terminal_outlives_guests_that_are_idle() -> None:
    async with house(change=timeout(1.5)) as made:
        said: list[bytes] = []
        peer = await own(made, said)
        first = await guest_of(made)
        await until(lambda: first.end)
        second = await guest_of(made)
        await until(lambda: second.end)
        assert host_warnings(made, peer.session_id) == []
        peer.send(b"echo still-$((40+2))\n")
        await until(lambda: b"still-42" in b"".join(said))
        await peer.close()


async def test_a_guest_is_warned_and_then_ended_with_the_word_idle() -> None:
    async with house(change=timeout(2)) as made:
        visitor = await guest_of(made)
        await until(lambda: visitor.end)
        assert visitor.warnings[-1] == 1.0
        assert visitor.peer.end_code == "idle"
        assert visitor.end is not None
        assert "timed out" in visitor.end[0]
        await until(made.ends)
        closed = next(e for e in made.events if isinstance(e, ev.SessionClosed))
        assert closed.code is EndCode.IDLE
        assert host_warnings(made, visitor.peer.session_id) == visitor.warnings


@pytest.mark.parametrize("who", ["guest", "host"])
async def test_a_silent_program_is_kept_by_either_end_and_ends_without(who: str) -> None:
    async with house(change=timeout(2)) as made:
        visitor = await guest_of(made)
        visitor.peer.send(b"stty -echo; echo go-$((40+2)); sleep 1000\n")
        await visitor.sees(b"go-42")
        # A shell that is slow to start is warned of, too: that is another story.
        before = len(host_warnings(made, visitor.peer.session_id))
        visitor.warnings.clear()
        for times in range(1, 3):
            await until(lambda times=times: visitor.warnings.count(1.0) == times)
            if who == "guest":
                visitor.peer.keep()
            else:
                assert made.agent.keep_open(visitor.peer.session_id)
            await until(lambda times=times: visitor.warnings == [1.0, None] * times)
        assert visitor.end is None
        await until(lambda: visitor.end)
        assert visitor.warnings == [1.0, None, 1.0, None, 1.0]
        assert host_warnings(made, visitor.peer.session_id)[before:] == visitor.warnings
        assert not made.agent.keep_open("nobody")


async def test_output_alone_keeps_a_session() -> None:
    async with house(change=timeout(1.5)) as made:
        busy = await guest_of(made)
        busy.peer.send(b"while :; do echo tick; sleep 0.2; done\n")
        await busy.sees(b"tick\r\ntick")
        busy.warnings.clear()
        idle = await guest_of(made)
        await until(lambda: idle.end)
        another = await guest_of(made)
        await until(lambda: another.end)
        assert busy.end is None
        assert busy.warnings == []


async def test_zero_means_never() -> None:
    async with house(change=timeout(0)) as made:
        silent, busy = await guest_of(made), await guest_of(made)
        busy.peer.send(b"while :; do echo tick; sleep 0.5; done\n")
        # Three seconds by the program's clock: sessions are checked every second.
        await until(lambda: busy.said.count(b"tick") >= 7)
        assert silent.warnings == []
        assert silent.end is None


async def test_a_step_of_the_wall_clock_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(change=timeout(60)) as made:
        silent, busy = await guest_of(made), await guest_of(made)
        busy.peer.send(b"while :; do echo tick; sleep 0.5; done\n")
        await busy.sees(b"tick\r\ntick")
        samples: list[ev.Traffic] = []
        made.agent.events.subscribe(
            lambda e: samples.append(e) if isinstance(e, ev.Traffic) else None
        )
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 10**6)
        ticks = busy.said.count(b"tick") + 6
        # Three seconds by the program's clock: sessions are checked every second.
        await until(lambda: busy.said.count(b"tick") >= ticks)
        assert samples
        assert all(sample.idle < 30 for sample in samples)
        monkeypatch.setattr(time, "time", real)
        assert silent.end is None
        assert silent.warnings == []
        assert silent.notices == []


@asynccontextmanager
async def old_guest(made: House, protocol: str) -> AsyncIterator[RawGuest]:
    """A client that knows no capabilities, in either dialect."""
    share, link = await made.link()
    guest = RawGuest(protocol)
    line = GuestSignaling(RelayAddress(link.base, link=link.id))
    await line.connect()
    offer = await guest.offer("old", LOCAL_TARGET)
    nonce = "ab" * 16
    mac = offer_proof(share.secret, "old", sdp.fingerprint(offer["sdp"]), nonce)
    proof = {"share": share.id, "nonce": nonce, "mac": mac}
    await guest.take(await line.call(OFFER, offer | {"proof": proof}))
    try:
        yield guest
    finally:
        await guest.close()
        await line.close()


async def test_an_older_page_gets_a_notice_and_no_message_it_does_not_know() -> None:
    async with house(change=timeout(2)) as made, old_guest(made, V1) as guest:
        await until(lambda: guest.of("exit"))
        assert guest.of("idle") == []
        assert guest.of("notice")[-1]["text"] == "Idle: this session ends in 1 s"
        assert guest.of("exit")[0]["code"] == "idle"


async def test_a_plain_guest_gets_nothing_beyond_its_dialect_and_the_host_is_warned() -> None:
    async with house(change=timeout(2)) as made, old_guest(made, "") as guest:
        await until(lambda: guest.of("pty_disconnected"))
        kinds = {message["type"] for message in guest.messages}
        assert kinds <= {"ready", "pty_connected", "output", "pty_disconnected"}
        assert host_warnings(made, "old")[-1] == 1.0


async def test_another_timeout_holds_at_once_for_the_guests_there_are() -> None:
    async with house(change=timeout(0)) as made:
        visitor = await guest_of(made)
        made.agent.set_guest_timeout(1.0)
        await until(lambda: host_warnings(made, visitor.peer.session_id))
        made.agent.set_guest_timeout(0)
        assert made.agent.keep_open(visitor.peer.session_id)
        made.agent.set_guest_timeout(0.5)
        await until(lambda: visitor.end is not None)
        assert visitor.end is not None
        assert "without activity" in visitor.end[0]
