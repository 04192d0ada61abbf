"""The session manager: ids, time-outs, the close order, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.access.decide import Usage
from engine.core import events as ev
from engine.core.errors import (
    InvalidTransitionError,
    SessionExistsError,
    SessionNotFoundError,
)
from engine.core.model import Guest
from engine.core.settings import SessionSettings, Settings
from engine.sessions import guest_connection
from engine.sessions import manager as module
from engine.sessions.manager import SessionState, WebRTCSessionManager
from engine.shells.participant import Participant
from tests.engine.sessions.closing import ORDER, Ends
from tests.engine.until import until


@pytest.fixture
async def manager() -> AsyncIterator[WebRTCSessionManager]:
    made = WebRTCSessionManager()
    await made.start()
    yield made
    await made.stop()


def test_the_public_names_are_where_they_always_were() -> None:
    import engine

    assert engine.WebRTCSessionManager is WebRTCSessionManager
    assert engine.SessionState is SessionState
    assert engine.TerminalChannel.__name__ == "TerminalChannel"
    assert engine.PTYBridge is Participant
    assert engine.create_pty_session.__name__ == "create_pty_session"
    assert (module.SESSION_TIMEOUT_SECONDS, module.CLEANUP_INTERVAL_SECONDS) == (300, 60)
    assert SessionSettings().timeout == 300
    assert SessionSettings().cleanup_interval == 60


async def test_an_id_in_use_is_refused(manager: WebRTCSessionManager) -> None:
    manager.create_session("s", "d")
    with pytest.raises(SessionExistsError):
        manager.create_session("s", "other")
    assert manager.require_session("s").device_id == "d"


async def test_an_unknown_id_is_an_error_or_nothing(manager: WebRTCSessionManager) -> None:
    assert manager.get_session("x") is None
    assert await manager.close_session("x") is False
    with pytest.raises(SessionNotFoundError):
        manager.update_session_state("x", SessionState.CONNECTED)


async def test_a_forbidden_transition_changes_nothing(manager: WebRTCSessionManager) -> None:
    manager.create_session("s", "d")
    with pytest.raises(InvalidTransitionError):
        manager.update_session_state("s", SessionState.DISCONNECTED)
    assert manager.require_session("s").state is SessionState.CREATED


async def test_states_and_the_end_are_published(manager: WebRTCSessionManager) -> None:
    manager.create_session("s", "d", guest=Guest("Ada"))
    manager.update_session_state("s", SessionState.CONNECTING)
    manager.update_session_state("s", SessionState.CONNECTING)
    await manager.close_session("s", "enough")
    seen = [type(event) for event in manager.events.history("s")]
    assert seen[0] is ev.SessionCreated
    assert seen.count(ev.SessionStateChanged) == 2
    last = manager.events.history("s")[-1]
    assert isinstance(last, ev.SessionClosed)
    assert last.reason == "enough"


async def test_sessions_are_counted_in_all_and_those_not_open_yet_by_address() -> None:
    settings = Settings(session=SessionSettings(max_shells=3))
    manager = WebRTCSessionManager(settings)
    manager.create_session("1", "d", guest=Guest(address="192.0.2.1"))
    manager.create_session("2", "d", guest=Guest(address="192.0.2.2"))
    manager.create_session("3", "d", guest=Guest(own=True))
    assert manager.usage("192.0.2.1") == Usage(total=3, limit=3, pending=1, pending_limit=16)
    # Guests without an address are not counted together.
    assert manager.usage("").pending == 0
    await manager.stop()


async def test_an_idle_session_times_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    settings = Settings(session=SessionSettings(timeout=0.2, cleanup_interval=60))
    manager = WebRTCSessionManager(settings)
    await manager.start()
    manager.create_session("idle", "d")
    manager.create_session("busy", "d")
    busy = manager.require_session("busy")

    def idle_is_gone() -> bool:
        busy.touch()
        return manager.get_session("idle") is None

    await until(idle_is_gone)
    assert manager.get_session("idle") is None
    assert manager.get_session("busy") is not None
    assert "Session timed out: idle" in caplog.text
    assert "Creating WebRTC session: idle" in caplog.text
    await manager.stop()


async def test_a_guest_that_never_connects_is_given_up() -> None:
    settings = Settings(session=SessionSettings(connect_timeout=0.1))
    manager = WebRTCSessionManager(settings)
    manager.create_session("s", "d")
    await until(lambda: manager.get_session("s") is None)
    last = manager.events.history("s")[-1]
    assert isinstance(last, ev.SessionClosed)
    assert "did not connect" in last.reason
    await manager.stop()


async def connected(monkeypatch: pytest.MonkeyPatch, fault: str = "", how: str = "") -> Ends:
    ends = Ends(fault, how)
    monkeypatch.setattr(guest_connection, "PeerConnection", ends.peer_connection)
    await ends.connect()
    return ends


async def test_a_session_closes_from_the_pty_outwards(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = await connected(monkeypatch)
    assert await ends.manager.close_session("s")
    assert ends.closed == ORDER


async def test_it_can_be_waited_for_until_a_closing_session_is_gone(
    manager: WebRTCSessionManager,
) -> None:
    manager.create_session("closing", "d")
    manager.create_session("open", "d")
    manager.end_soon("closing", "Enough")
    assert manager.get_session("closing") is not None
    await manager.settled("closing")
    assert manager.get_session("closing") is None
    # Nothing to wait for, and nothing is closed.
    await manager.settled("open")
    await manager.settled("nobody")
    assert manager.get_session("open") is not None


@pytest.mark.parametrize("how", ["fail", "hang"])
@pytest.mark.parametrize("fault", ORDER[:-1])
async def test_an_end_that_fails_or_hangs_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, fault: str, how: str
) -> None:
    monkeypatch.setattr(module, "CLOSE_STEP_SECONDS", 0.3)
    ends = await connected(monkeypatch, fault, how)
    async with asyncio.timeout(5):
        assert await ends.manager.close_session("s")
    assert ends.closed == ORDER
    assert ends.manager.get_session("s") is None
    ends.repaired.set()


async def test_closing_twice_at_once_closes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = await connected(monkeypatch)
    manager = ends.manager
    await asyncio.gather(manager.close_session("s", "one"), manager.close_session("s", "two"))
    assert ends.closed == ORDER
    ended = [e for e in manager.events.history("s") if isinstance(e, ev.SessionClosed)]
    assert [event.reason for event in ended] == ["one"]


async def test_stop_closes_every_session_and_may_be_followed_by_start() -> None:
    manager = WebRTCSessionManager()
    await manager.start()
    for number in range(5):
        manager.create_session(str(number), "d")
    await manager.stop()
    assert manager.sessions() == ()
    await manager.start()
    manager.create_session("again", "d")
    await manager.stop()


async def test_a_session_at_rest_is_sampled_once(
    manager: WebRTCSessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    reported: list[tuple[str, int]] = []
    manager.events.subscribe(
        lambda e: (
            reported.append((e.session_id, e.bytes_out)) if isinstance(e, ev.Traffic) else None
        )
    )
    manager.create_session("rests", "d")
    manager.create_session("prints", "d")
    for total in range(1, 6):
        manager.require_session("prints").counter.printed(1)
        await until(lambda total=total: reported[-1:] == [("prints", total)])
    assert [who for who, _ in reported].count("rests") == 1
