"""The offer, ICE and disconnect handlers, without a relay between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.authentication import Authenticator
from engine.access.links import Links
from engine.agent.candidates import HeldCandidates, IceHandler
from engine.agent.disconnects import DisconnectHandler
from engine.agent.offers import OfferHandler
from engine.core.errors import TargetNotFoundError
from engine.core.events import Event, OfferRefused
from engine.core.model import Size, Target, TargetKind, TargetState
from engine.core.settings import SessionSettings, Settings
from engine.pty.base import PTY
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.transport import connection as rtc
from tests.engine.pty.echo import EchoPTY

ECHO = Target(id="echo", kind=TargetKind.CONTAINER, name="echo", shared=True)
STOPPED = Target(
    id="off", kind=TargetKind.CONTAINER, name="off", state=TargetState.STOPPED, shared=True
)


class Signaling:
    """The three handlers around one manager whose every terminal is an echo."""

    def __init__(self, **limits: int) -> None:
        settings = Settings(session=SessionSettings(**limits))
        self.manager = WebRTCSessionManager(settings, open_pty=self._open)
        held = HeldCandidates()
        links = Links(self.manager.events)
        self.offer = OfferHandler(self.manager, self._find, Authenticator(links), links, held)
        self.ice = IceHandler(self.manager, held)
        self.disconnect = DisconnectHandler(self.manager)

    async def _open(self, session: Session, device_id: str, size: Size) -> PTY:
        return EchoPTY(size)

    def _find(self, device_id: str) -> Target:
        for target in (ECHO, STOPPED):
            if target.id == device_id:
                return target
        raise TargetNotFoundError(device_id)


@pytest.fixture
async def signaling() -> AsyncIterator[Signaling]:
    made = Signaling()
    await made.manager.start()
    yield made
    await made.manager.stop()


def payload(sdp: str, **extra: Any) -> dict[str, Any]:
    return {"session_id": "s", "device_id": "echo", "sdp": sdp, "sdp_type": "offer", **extra}


async def test_candidates_that_come_before_the_offer_are_held_and_used(
    signaling: Signaling,
) -> None:
    guest = rtc.PeerConnection()
    channel = guest.open_channel()
    sdp = await guest.make_offer()
    lines = sdp.splitlines()
    candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    for candidate in candidates:
        early = {"session_id": "s", "candidate": candidate, "sdp_mid": "0", "sdp_mline_index": 0}
        assert (await signaling.ice(early))["status"] == "success"
    bare = [x for x in lines if not x.startswith(("a=candidate:", "a=end-of-candidates"))]
    reply = await signaling.offer(payload("\r\n".join(bare) + "\r\n"))
    assert reply["status"] == "success", reply
    known = signaling.manager.require_session("s").pc.remoteDescription.sdp
    assert all(candidate.split()[4] in known for candidate in candidates)
    await guest.take_answer(reply["sdp"])
    await channel.opened()
    await guest.close()


async def test_a_stopped_target_is_a_clear_error(signaling: Signaling) -> None:
    guest = rtc.PeerConnection()
    guest.open_channel()
    reply = await signaling.offer(payload(await guest.make_offer(), device_id="off"))
    assert (reply["code"], reply["error"]) == (
        "target_not_running",
        "off is stopped; start it first",
    )
    assert signaling.manager.sessions() == ()
    await guest.close()


async def test_an_offer_that_cannot_be_answered_leaves_no_session(signaling: Signaling) -> None:
    guest = rtc.PeerConnection()
    guest.open_channel()
    sdp = await guest.make_offer()
    broken = sdp.replace("a=ice-ufrag:", "a=ice-nothing:")
    reply = await signaling.offer(payload(broken))
    assert reply["status"] == "error"
    assert signaling.manager.sessions() == ()
    await guest.close()


async def test_limits_on_sessions_in_all_and_on_those_of_an_address_that_are_not_open() -> None:
    signaling = Signaling(max_shells=18)
    guest = rtc.PeerConnection()
    guest.open_channel()
    sdp = await guest.make_offer()

    async def offer(session_id: str, address: str) -> dict[str, Any]:
        return await signaling.offer(payload(sdp, session_id=session_id, guest_address=address))

    first = await asyncio.gather(*(offer(f"{n}", "192.0.2.1") for n in range(16)))
    assert {reply["status"] for reply in first} == {"success"}
    refused = await offer("one more", "192.0.2.1")
    assert (refused["code"], refused["error"]) == (
        "session_limit",
        "16 connections from your address are being opened; try again later",
    )
    for session_id in ("17", "18"):
        assert (await offer(session_id, "192.0.2.2"))["status"] == "success"
    last = await offer("19", "192.0.2.3")
    assert (last["code"], last["error"]) == (
        "session_limit",
        "The host has reached its limit of 18 sessions",
    )
    assert len(signaling.manager.sessions()) == 18
    await signaling.manager.stop()
    await guest.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda c: st.lists(c) | st.dictionaries(st.sampled_from(["session_id", "sdp", "x"]), c),
    max_leaves=6,
)


@given(JSON)
async def test_anything_gets_a_reply_with_every_field(thing: object) -> None:
    signaling = Signaling()
    for handler in (signaling.offer, signaling.ice, signaling.disconnect):
        reply = await handler(thing)
        assert {"action", "correlation_id", "status", "session_id"} <= set(reply)
    await signaling.manager.stop()


async def test_refusals_are_counted_and_reported_now_and_then(
    signaling: Signaling, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    seen = list[OfferRefused]()

    def look(event: Event) -> None:
        if isinstance(event, OfferRefused):
            seen.append(event)

    signaling.manager.events.subscribe(look)
    sent = 0

    async def refused() -> None:
        nonlocal sent
        sent += 1
        reply = await signaling.offer(payload("v=0", session_id=f"s{sent}", device_id="nowhere"))
        assert reply["code"] == "target_not_found"

    for _ in range(200):
        await refused()
    assert len(seen) < 20
    lines = [record for record in caplog.records if "Refused an offer" in record.getMessage()]
    assert len(lines) == len(seen)
    reported = len(seen)

    async with asyncio.timeout(10):
        while len(seen) == reported:
            await refused()
            await asyncio.sleep(0.01)
    assert sum(event.count for event in seen) == sent
    assert f"{seen[-1].count - 1} more" in caplog.text
