"""Own peers reach their agent in the process: agent, in-process signaling and client together.

They need no relay, and the agent decides about them as about anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from engine.agent.agent import Agent
from engine.client.peer import TerminalPeer
from engine.core.errors import (
    ConnectionFailedError,
    HatchwayError,
    HostStoppedError,
    RelayUnreachableError,
    RemoteError,
)
from engine.core.model import LOCAL_TARGET, RelayState, Size
from engine.core.selftest_report import STAGES, SelfTestReport, StageStatus
from engine.core.settings import DockerSettings, RelaySettings, Settings
from engine.signaling.guest import RelayAddress
from engine.signaling.in_process import InProcessSignaling
from engine.wire import signaling as wire
from tests.engine.agent.test_offers import Signaling
from tests.engine.agent.test_stopping import shells
from tests.engine.control.screen import Screen
from tests.engine.hosting import House, house
from tests.engine.until import until

NO_RELAY = RelayAddress("http://127.0.0.1:1")


async def opened(agent: Agent, target: str = LOCAL_TARGET) -> tuple[TerminalPeer, Screen]:
    screen = Screen()
    peer = await agent.open_terminal(target, Size(90, 25), screen.output, screen.ended)
    return peer, screen


async def works(agent: Agent) -> None:
    """A terminal opens, answers, and leaves nothing."""
    peer, screen = await opened(agent)
    (session,) = agent.sessions()
    assert session.own
    peer.send(b"stty size; echo $((6*7))\n")
    await screen.sees(b"25 90")
    await screen.sees(b"42")
    await peer.close()
    await until(lambda: not agent.sessions())


async def relay_state(agent: Agent, state: RelayState) -> None:
    await until(lambda: agent.relay_state.state is state, what=f"relay {state}")


async def without_relay(made: House) -> None:
    await made.relay.stop()
    await relay_state(made.agent, RelayState.RECONNECTING)


@asynccontextmanager
async def at_relay(url: str, token: str = "") -> AsyncIterator[Agent]:
    agent = Agent(
        Settings(docker=DockerSettings(enabled=False), relay=RelaySettings(url=url, token=token))
    )
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop()


async def test_a_terminal_opens_while_the_relay_is_stopped() -> None:
    async with house() as made:
        await without_relay(made)
        await works(made.agent)


async def test_a_terminal_opens_although_the_relay_refuses_this_host() -> None:
    async with house() as made, at_relay(made.relay.url, "wrong") as agent:
        await relay_state(agent, RelayState.REFUSED)
        await works(agent)


async def test_a_terminal_opens_although_no_relay_was_ever_there() -> None:
    async with at_relay(NO_RELAY.url) as agent:
        await relay_state(agent, RelayState.RECONNECTING)
        await works(agent)


async def test_a_lost_terminal_comes_back_while_the_relay_is_stopped() -> None:
    async with house() as made:
        peer, screen = await opened(made.agent)
        peer.send(b"MARK=stored; echo one-$((1+1))\n")
        await screen.sees(b"one-2")
        await without_relay(made)
        assert peer.peer_connection is not None
        await peer.peer_connection.close()
        await until(lambda: screen.ends)
        again = Screen()
        back = made.agent.successor(peer, again.output, again.ended)
        await back.connect()
        assert back.resumed
        back.send(b"echo $MARK-$((2+2))\n")
        await again.sees(b"stored-4")
        await back.close()
        await peer.close()
        await until(lambda: not made.agent.sessions())


async def test_a_refusal_has_the_code_that_a_guest_at_the_relay_gets() -> None:
    async with house() as made:
        with pytest.raises(RemoteError, match="Device nowhere not found") as caught:
            await opened(made.agent, "nowhere")
        assert caught.value.remote_code == "target_not_found"
        assert made.refusals() == ["target_not_found"]
        assert not made.agent.sessions()


@pytest.mark.parametrize(
    ("target", "secret", "code"),
    [
        ("echo", bytes(16), "bad_proof"),
        ("off", None, "target_not_running"),
        ("private", None, "target_not_found"),
    ],
)
async def test_a_peer_of_this_process_is_nobody_without_the_proof(
    target: str, secret: bytes | None, code: str
) -> None:
    host, signaling = Signaling(), InProcessSignaling()
    await host.manager.start()
    signaling.serve({wire.OFFER: host.offer, wire.DISCONNECT: host.disconnect})
    peer = TerminalPeer(NO_RELAY, target, Size(), own_secret=secret, make_end=signaling.guest)
    with pytest.raises(RemoteError) as caught:
        await peer.connect()
    assert caught.value.remote_code == code
    assert host.manager.sessions() == ()
    await signaling.close()
    await host.manager.stop()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 6, 10, 20, 50, 100])
async def test_a_cancelled_terminal_leaves_nothing(turns: int) -> None:
    async with house() as made:
        opening = asyncio.create_task(opened(made.agent))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        if not opening.cancelled():  # it was there before
            peer, _ = opening.result()
            await peer.close()
        await until(lambda: not made.agent.sessions())
        await until(lambda: not shells(), what="no shell is left")


async def test_an_offer_cancelled_once_it_was_made_ends_its_session() -> None:
    async with house() as made:
        opening = asyncio.create_task(opened(made.agent))
        await until(made.agent.sessions)
        opening.cancel()
        await asyncio.wait([opening])
        assert opening.cancelled()
        await until(lambda: not made.agent.sessions())
        assert len(made.ends()) == 1


async def test_a_host_that_stops_closes_its_own_peers() -> None:
    async with house() as made:
        peer, _ = await opened(made.agent)
        await made.agent.stop()
        assert peer.is_closed
        assert shells() == []
        with pytest.raises(HostStoppedError):
            await opened(made.agent)


async def test_a_host_that_stops_ends_an_offer_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asyncio.Event()

    async def for_ever() -> None:
        waiting.set()
        await asyncio.Event().wait()

    async with house() as made:
        monkeypatch.setattr(made.agent.manager, "paths_known", for_ever)
        opening = asyncio.create_task(opened(made.agent))
        await waiting.wait()
        await made.agent.stop()
        with pytest.raises(HatchwayError) as caught:
            await opening
        assert isinstance(caught.value, RemoteError | ConnectionFailedError | HostStoppedError)
        assert not made.agent.sessions()
        assert shells() == []


async def test_a_host_that_stops_while_terminals_open_leaves_no_shell() -> None:
    async with house() as made:
        work = [asyncio.create_task(opened(made.agent)) for _ in range(6)]
        await until(lambda: len(made.agent.sessions()) >= 3)
        await made.agent.stop()
        results = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(one, HatchwayError | tuple) for one in results), results
        assert made.agent.sessions() == ()
        assert shells() == []


async def test_no_terminal_opens_before_the_host_has_started() -> None:
    agent = Agent(Settings(docker=DockerSettings(enabled=False)))
    with pytest.raises(HostStoppedError):
        await opened(agent)
    await agent.stop()


def statuses(report: SelfTestReport) -> dict[str, StageStatus]:
    return {stage.name: stage.status for stage in report.stages}


async def test_the_short_self_test_needs_no_relay_and_says_that_it_left_it_out() -> None:
    async with house() as made:
        await without_relay(made)
        seen: list[str] = []
        report = await made.agent.self_test(
            LOCAL_TARGET, lambda stage: seen.append(stage.name), relay=False
        )
        assert report.passed, report.to_json()
        assert report.failed_stage is None
        assert seen == [name for name in STAGES for _ in range(2)]
        expected = dict.fromkeys(STAGES, StageStatus.PASSED)
        assert statuses(report) == {**expected, "relay_connect": StageStatus.SKIPPED}
        assert "leaves the relay out" in report.stages[0].detail
        assert not made.agent.sessions()
        # The other form goes through the relay, and says so.
        report = await made.agent.self_test(LOCAL_TARGET)
        assert not report.passed
        failed = report.failed_stage
        assert failed is not None
        assert (failed.name, failed.code) == ("relay_connect", RelayUnreachableError.code)


def with_guest_token(settings: Settings) -> Settings:
    relay = msgspec.structs.replace(settings.relay, guest_token="guest-secret")
    return msgspec.structs.replace(settings, relay=relay)


async def test_both_forms_of_the_self_test_pass_at_a_relay() -> None:
    async with house(change=with_guest_token) as made:
        for relay, status in ((True, StageStatus.PASSED), (False, StageStatus.SKIPPED)):
            report = await made.agent.self_test(LOCAL_TARGET, relay=relay)
            assert report.passed, report.to_json()
            assert statuses(report)["relay_connect"] is status
        assert not made.agent.sessions()


async def test_the_short_self_test_of_a_missing_target_fails_where_it_is_missing() -> None:
    async with house() as made:
        report = await made.agent.self_test("nowhere", relay=False)
        assert not report.passed
        failed = report.failed_stage
        assert failed is not None
        assert (failed.name, failed.code) == ("offer_answer", "target_not_found")
