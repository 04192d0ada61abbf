"""Offers that return to a session, repeat, race or fail: what may change, and what may not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from engine.agent import offers as module
from engine.core import events as ev
from engine.core.model import Role, Target, TargetKind, TargetState
from engine.core.session_state import SessionState
from engine.core.settings import IceServer, IceSettings
from engine.transport import sdp
from engine.transport.tuning import gathering
from engine.wire.proof import offer_proof
from tests.engine.handlers import Host
from tests.engine.raw_guest import RawGuest
from tests.engine.until import until

SILENT = IceSettings(servers=(IceServer("turn:192.0.2.1:3478", "u", "c"),), relay_only=True)
"""A TURN server that never answers and has to be waited for: gathering takes seconds."""
NOWHERE = IceSettings(relay_only=True)
"""No TURN server, and no other address may be used."""


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    await made.manager.start()
    yield made
    await made.stop()


async def pid(guest: RawGuest) -> bytes:
    """The shell's, as it says now."""
    before = len(guest.output)
    guest.channel.post(b"echo pid=$$=\n")
    await until(lambda: re.search(rb"pid=\d+=", guest.output[before:]), what="the shell's pid")
    return guest.output[guest.output.rindex(b"pid=") :].split(b"=")[1]


async def still_types(guest: RawGuest, shell: bytes) -> None:
    assert await pid(guest) == shell
    assert guest.is_open


BROKEN: dict[str, Any] = {
    "no address": {"ice": NOWHERE},
    "gathering is slow": {"ice": SILENT, "patience": 0.3},
    "bad SDP": {"spoil": "a=ice-ufrag:"},
    "wrong token": {"resume": "wrong"},
    "another device": {"device_id": "elsewhere"},
}


async def failing(host: Host, guest: RawGuest, how: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return by an offer that fails; its error's code."""
    kind = dict(BROKEN[how])
    host.paths(kind.pop("ice", IceSettings()))
    if patience := kind.pop("patience", None):
        monkeypatch.setattr(module, "NEGOTIATION_SECONDS", patience)
    _, offer = await host.back(guest)
    if spoil := kind.pop("spoil", None):
        offer["sdp"] = offer["sdp"].replace(spoil, "a=nothing:")
    reply = await host.offer(offer | kind)
    host.paths(IceSettings())
    monkeypatch.undo()
    assert reply["status"] == "error", reply
    return str(reply["code"])


@pytest.mark.parametrize("how", BROKEN)
async def test_a_return_that_fails_leaves_the_live_session_alone(
    host: Host, how: str, monkeypatch: pytest.MonkeyPatch, short_gathering: None
) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    await failing(host, guest, how, monkeypatch)
    assert host.state is SessionState.CONNECTED
    await still_types(guest, shell)


@pytest.mark.parametrize("how", BROKEN)
async def test_a_return_that_fails_leaves_a_waiting_session_waiting(
    host: Host, how: str, monkeypatch: pytest.MonkeyPatch, short_gathering: None
) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    await guest.close()
    await until(lambda: host.state is SessionState.DISCONNECTED)
    await failing(host, guest, how, monkeypatch)
    assert host.state is SessionState.DISCONNECTED
    again, offer = await host.back(guest)
    await again.take(await host.offer(offer), received=len(guest.output))
    await still_types(again, shell)


async def test_the_grace_time_goes_on_after_a_return_that_failed() -> None:
    host = Host(resume_window=1, grace=1)
    await host.manager.start()
    guest = await host.connected()
    await guest.close()
    await until(lambda: host.state is SessionState.DISCONNECTED)
    host.paths(NOWHERE)
    _, offer = await host.back(guest)
    assert (await host.offer(offer))["code"] == "no_turn"
    await until(lambda: host.manager.get_session("s") is None)
    closed = host.manager.events.history("s")[-1]
    assert isinstance(closed, ev.SessionClosed)
    assert closed.code == "grace"
    await host.stop()


async def test_a_return_that_never_connects_is_given_up_alone() -> None:
    host = Host(connect_timeout=1)
    await host.manager.start()
    guest = await host.connected()
    shell = await pid(guest)
    again, offer = await host.back(guest)
    assert (await host.offer(offer))["status"] == "success"
    await again.close()
    notes = host.manager.events.history
    await until(
        lambda: [e for e in notes("s") if isinstance(e, ev.SessionNote) and "could not" in e.text]
    )
    await still_types(guest, shell)
    await host.stop()


async def test_the_new_connection_takes_over_when_it_opens_and_the_old_one_is_closed(
    host: Host,
) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    again, offer = await host.back(guest)
    reply = await host.offer(offer)
    await still_types(guest, shell)
    await again.take(reply, received=len(guest.output))
    await until(lambda: not guest.is_open)
    await still_types(again, shell)
    assert host.state is SessionState.CONNECTED
    assert len(host.manager.sessions()) == 1


async def test_every_loss_has_a_whole_window() -> None:
    host = Host(resume_window=3, grace=3)
    await host.manager.start()
    guest = await host.connected()
    shell = await pid(guest)
    clock = host.manager.clock
    for _ in range(4):
        # Nearly the whole window passes in each loss; together it is far more than one.
        await guest.close()
        await until(lambda: host.state is SessionState.DISCONNECTED)
        lost_at = clock.now
        await until(lambda lost_at=lost_at: clock.now - lost_at > 1.5)
        again, offer = await host.back(guest)
        guest = await again.take(await host.offer(offer), received=0)
        assert guest.welcome["resumed"]
    await still_types(guest, shell)
    await host.stop()


async def test_a_repeated_offer_gets_the_same_answer_and_one_reply_each(host: Host) -> None:
    guest = host.guest()
    offer = await guest.offer("s", "here", correlation_id="a")
    first, second = await asyncio.gather(
        host.offer(offer), host.offer(offer | {"correlation_id": "b", "guest_address": "other"})
    )
    third = await host.offer(offer | {"correlation_id": "c"})
    assert [reply["correlation_id"] for reply in (first, second, third)] == ["a", "b", "c"]
    assert first["sdp"] == second["sdp"] == third["sdp"]
    await guest.take(third)
    assert (await host.offer(offer))["sdp"] == first["sdp"]
    assert len(host.manager.sessions()) == 1


async def test_an_offer_of_any_characters_is_answered_and_repeated(host: Host) -> None:
    strange = "\ud800 \0\n\u202e'\""
    guest = host.guest()
    offer = await guest.offer(strange, "here", correlation_id="a")
    first = await host.offer(offer)
    assert (first["status"], first["session_id"]) == ("success", strange)
    assert await host.offer(offer) == first


async def test_a_repeated_offer_gets_the_same_error(host: Host) -> None:
    host.paths(NOWHERE)
    guest = host.guest()
    offer = await guest.offer("s", "here")
    first, second = await asyncio.gather(host.offer(offer), host.offer(offer))
    third = await host.offer(offer)
    assert first == second == third
    assert first["code"] == "no_turn"
    assert host.manager.sessions() == ()


async def test_a_caller_that_is_cancelled_takes_the_answer_from_nobody_else(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It answers without the server in the end.
    host.paths(msgspec.structs.replace(SILENT, relay_only=False))
    monkeypatch.setattr(gathering, "SILENT_SECONDS", 0.0)
    guest = host.guest()
    offer = await guest.offer("s", "here")
    first = asyncio.create_task(host.offer(offer))
    await until(lambda: host.manager.get_session("s"))
    second = asyncio.create_task(host.offer(offer))
    await asyncio.sleep(0)
    first.cancel()
    reply = await second
    assert reply["status"] == "success"
    assert first.cancelled()
    await guest.take(reply)


@pytest.mark.parametrize("live", [True, False])
async def test_of_two_returns_at_once_the_newest_wins(host: Host, live: bool) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    if not live:
        await guest.close()
        await until(lambda: host.state is SessionState.DISCONNECTED)
    host.paths(SILENT)
    _, older = await host.back(guest)
    first = asyncio.create_task(host.offer(older))
    repeated = asyncio.create_task(host.offer(older))
    await until(lambda: host.manager.require_session("s").attempt)
    host.paths(IceSettings())
    again, newer = await host.back(guest)
    second = await host.offer(newer)
    lost = await first
    assert (lost["status"], lost["code"]) == ("error", "superseded")
    assert await repeated == lost
    assert await host.offer(older) == lost
    await again.take(second, received=len(guest.output))
    await still_types(again, shell)
    assert len(host.manager.sessions()) == 1


async def test_an_offer_of_a_session_that_is_ended_meanwhile_is_answered(host: Host) -> None:
    host.paths(SILENT)
    offering = asyncio.create_task(host.offer(await host.guest().offer("s", "here")))
    await until(lambda: host.manager.get_session("s"))
    assert await host.manager.close_session("s", "Enough")
    assert (await offering)["status"] == "error"
    assert host.manager.sessions() == ()


async def test_a_disconnect_during_a_return_ends_the_return_alone(host: Host) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    _, offer = await host.back(guest)
    assert (await host.offer(offer))["status"] == "success"
    reply = await host.disconnect({"session_id": "s", "reason": "The guest refused"})
    assert reply["status"] == "success"
    await still_types(guest, shell)


async def test_a_forged_disconnect_ends_no_shell(host: Host) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    assert (await host.disconnect({"session_id": "s"}))["status"] == "success"
    assert host.state is SessionState.DISCONNECTED
    await still_types(guest, shell)
    assert host.state is SessionState.CONNECTED


async def test_a_disconnect_of_a_plain_guest_ends_its_session(host: Host) -> None:
    guest = host.guest("")
    await guest.take(await host.offer(await guest.offer("s", "here")))
    assert (await host.disconnect({"session_id": "s"}))["status"] == "success"
    assert host.manager.get_session("s") is None
    assert (await host.disconnect({"session_id": "s"}))["status"] == "warning"


async def test_a_guest_at_rest_shows_at_once_that_a_disconnect_was_forged(host: Host) -> None:
    guest = await host.connected()
    guest.answers_pings = True
    assert (await host.disconnect({"session_id": "s"}))["status"] == "success"
    assert host.state is SessionState.DISCONNECTED
    await until(lambda: host.state is SessionState.CONNECTED, 2)


async def test_what_a_guest_still_says_while_its_session_closes_is_no_fault(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    guest = host.guest("")
    await guest.take(await host.offer(await guest.offer("s", "here")))
    closing = asyncio.Event()
    host.manager.events.subscribe(
        lambda e: (
            closing.set()
            if isinstance(e, ev.SessionStateChanged) and e.new is SessionState.CLOSED
            else None
        )
    )
    leaving = asyncio.create_task(host.disconnect({"session_id": "s"}))
    await closing.wait()
    while not leaving.done():
        guest.say(type="ping")
        await asyncio.sleep(0.001)
    assert (await leaving)["status"] == "success"
    assert host.manager.get_session("s") is None
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("early", [True, False])
async def test_trickled_candidates_go_to_the_connection_they_belong_to(
    host: Host, named: bool, early: bool
) -> None:
    guest = await host.connected()
    shell = await pid(guest)
    if early and not named:
        await guest.close()
        await until(lambda: host.state is SessionState.DISCONNECTED)
    again, offer = await host.back(guest)
    lines = offer["sdp"].splitlines()
    ufrag = next(x for x in lines if x.startswith("a=ice-ufrag:")).removeprefix("a=ice-ufrag:")
    candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    bare = [x for x in lines if not x.startswith(("a=candidate:", "a=end-of-candidates"))]
    offer["sdp"] = "\r\n".join(bare) + "\r\n"

    async def trickle() -> None:
        for candidate in candidates:
            line = f"{candidate} generation 0 ufrag {ufrag}" if named else candidate
            message = {"session_id": "s", "candidate": line, "sdp_mid": "0", "sdp_mline_index": 0}
            assert (await host.ice(message))["status"] == "success"

    if early:
        await trickle()
    reply = await host.offer(offer)
    if not early:
        await trickle()
    await again.take(reply, received=len(guest.output))
    known = host.manager.require_session("s").pc.remoteDescription.sdp
    assert all(candidate.split()[4] in known for candidate in candidates)
    await still_types(again, shell)


def proven(host: Host, share_id: str, offer: dict[str, Any], nonce: str) -> dict[str, Any]:
    secret = host.links.find(share_id).secret
    mac = offer_proof(secret, offer["session_id"], sdp.fingerprint(offer["sdp"]), nonce)
    return offer | {"proof": {"share": share_id, "nonce": nonce, "mac": mac}}


async def test_an_offer_that_leads_to_no_session_is_no_use_of_its_link() -> None:
    host = Host(max_shells=1)
    await host.manager.start()
    share = host.links.create("here", Role.CONTROL, single_use=True)
    guest = host.guest()
    offer = await guest.offer("s", "here")
    host.target = Target("here", TargetKind.CONTAINER, "here", TargetState.STOPPED)
    reply = await host.offer(proven(host, share.id, offer, "a" * 32))
    assert reply["code"] == "target_not_running"
    assert await host.offer(proven(host, share.id, offer, "a" * 32)) == reply
    host.target = Target("here", TargetKind.LOCAL, "here", TargetState.RUNNING)
    host.manager.create_session("other", "here")
    reply = await host.offer(proven(host, share.id, offer, "b" * 32))
    assert reply["code"] == "session_limit"
    await host.manager.close_session("other")
    assert host.links.find(share.id).uses == 0
    await guest.take(await host.offer(proven(host, share.id, offer, "c" * 32)))
    assert host.links.find(share.id).uses == 1
    await host.stop()


async def test_a_refusal_that_used_up_a_nonce_is_repeated_as_it_was(host: Host) -> None:
    share = host.links.create("here")
    host.links.revoke(share.id)
    offer = proven(host, share.id, await host.guest().offer("s", "here"), "a" * 32)
    first = await host.offer(offer)
    assert first["code"] == "link_revoked"
    assert await host.offer(offer) == first
    # The same proof in another offer is a replay.
    assert (await host.offer(offer | {"cols": 100, "rows": 30}))["code"] == "replayed"


async def test_a_stopping_host_answers_and_leaves_no_session(host: Host) -> None:
    host.paths(SILENT)
    offering = asyncio.create_task(host.offer(await host.guest().offer("s", "here")))
    await until(lambda: host.manager.get_session("s"))
    await host.offer.close()
    assert (await offering)["status"] == "error"
    assert (await host.offer(await host.guest().offer("t", "here")))["status"] == "error"
    await until(lambda: host.manager.sessions() == ())
