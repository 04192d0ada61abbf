"""One session: what its guest may do follows its role, its approval and its state."""

from __future__ import annotations

import pytest

from engine.access.decide import Approval, Kind, Token
from engine.core import events as ev
from engine.core.errors import AccessDeniedError, PTYClosedError
from engine.core.model import Guest, Role, Size
from engine.core.session_state import SessionState
from engine.sessions import guest_connection
from engine.sessions.manager import WebRTCSessionManager
from engine.shells.participant import Participant
from tests.engine.sessions.closing import Ends
from tests.engine.until import until


async def bridged(monkeypatch: pytest.MonkeyPatch) -> tuple[Ends, Participant]:
    ends = Ends()
    monkeypatch.setattr(guest_connection, "PeerConnection", ends.peer_connection)
    await ends.connect()
    bridge = ends.manager.require_session("s").bridge
    assert bridge is not None
    return ends, bridge


async def test_a_role_that_changes_holds_for_the_next_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, bridge = await bridged(monkeypatch)
    session = ends.manager.require_session("s")
    await bridge.write(b"one")
    session.admitted(Role.VIEW)
    with pytest.raises(AccessDeniedError, match="You can view this terminal but not type"):
        await bridge.write(b"two")
    bridge.resize(Size(100, 30))
    assert bridge.size == Size()
    session.admitted(Role.CONTROL)
    await bridge.write(b"three")
    assert session.counter.bytes_in == 8
    await until(lambda: bridge.size == Size(100, 30), what="the size of who may type again")
    await ends.manager.stop()


async def test_nothing_enters_the_terminal_from_the_moment_a_session_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends, bridge = await bridged(monkeypatch)
    ends.manager.update_session_state("s", SessionState.CLOSED)
    with pytest.raises(PTYClosedError):
        await bridge.write(b"one")
    assert ends.manager.require_session("s").counter.bytes_in == 0
    await ends.manager.stop()


async def test_a_lost_connection_takes_no_permission_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, bridge = await bridged(monkeypatch)
    ends.manager.update_session_state("s", SessionState.DISCONNECTED)
    await bridge.write(b"one")
    await ends.manager.stop()


async def test_what_is_decided_by_is_what_the_session_is() -> None:
    manager = WebRTCSessionManager()
    manager.create_session("own", "d", guest=Guest(own=True))
    manager.create_session("link", "d", guest=Guest(share="x"), role=Role.VIEW, approval=True)
    own, link = (manager.require_session(one).facts() for one in ("own", "link"))
    assert (own.kind, own.target, own.approval) == (Kind.OWN, "d", Approval.NOT_NEEDED)
    assert (link.kind, link.link_id, link.role) == (Kind.LINK, "x", Role.VIEW)
    assert link.approval is Approval.NEEDED
    manager.require_session("link").admitted(Role.CONTROL)
    after = manager.require_session("link").facts()
    assert (after.role, after.approval) == (Role.CONTROL, Approval.GIVEN)
    await manager.stop()


async def test_the_resume_token_is_the_sessions_own() -> None:
    manager = WebRTCSessionManager()
    manager.create_session("s", "d")
    session = manager.require_session("s")
    assert session.check_token(None) is session.check_token("") is Token.ABSENT
    assert session.check_token("guess") is session.check_token("\ud800") is Token.WRONG
    assert session.check_token(session.resume_token) is Token.RIGHT
    await manager.stop()


async def test_mapping_access_gives_the_documented_names_and_no_others() -> None:
    manager = WebRTCSessionManager()
    manager.create_session("s", "d")
    session = manager.require_session("s")
    assert (session["state"], session["device_id"]) == (SessionState.CREATED, "d")
    assert session["last_activity"] == session.last_activity
    for name in ("_state", "touch", "nothing"):
        with pytest.raises(KeyError):
            session[name]
    await manager.stop()


async def test_a_refused_guest_ends_its_session_with_the_reason() -> None:
    manager = WebRTCSessionManager()
    manager.create_session("s", "d", approval=True)
    manager.require_session("s").refused("The host said no")
    await manager.close_session("s")
    assert manager.get_session("s") is None
    ended = [e for e in manager.events.history("s") if isinstance(e, ev.SessionClosed)]
    assert [event.reason for event in ended] == ["The host said no"]
    await manager.stop()
