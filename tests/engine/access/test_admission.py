"""Links, whole: relay, agent, WebRTC and a shell, from the link's text to its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_setting

from engine.access.admission import parse_request
from engine.core import events as ev
from engine.core.errors import HatchwayError, LinkUnknownError, RemoteError, SettingsError
from engine.core.model import LOCAL_TARGET, Role, ShareState
from engine.core.settings import Settings, ShareSettings
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.wire.proof import Link, parse_link
from tests.engine.hosting import House, house
from tests.engine.until import until


async def refusal(made: House, link: Link) -> RemoteError:
    visitor = made.visitor(link)
    with pytest.raises(RemoteError) as caught:
        await visitor.peer.connect()
    return caught.value


async def test_a_link_opens_a_terminal_and_both_ends_show_one_code() -> None:
    async with house() as made:
        share, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        visitor.peer.send(b"echo $((6*7))\r")
        await visitor.sees(b"42")
        (info,) = made.agent.sessions()
        assert info.code == visitor.peer.code
        assert len(info.code) == 7
        assert (info.guest.share, info.role) == (share.id, Role.CONTROL)
        assert made.agent.admission.links.find(share.id).uses == 1


async def test_who_may_only_watch_types_nothing() -> None:
    async with house() as made:
        _, link = await made.link(Role.VIEW)
        visitor = made.visitor(link)
        await visitor.peer.connect()
        assert visitor.peer.role is Role.VIEW
        visitor.peer.send(b"echo typed-$((6*7))\r")
        await until(lambda: visitor.notices == ["You can view this terminal but not type"])
        assert b"typed" not in visitor.said


async def test_a_revoked_link_ends_its_sessions_at_once() -> None:
    async with house() as made:
        share, link = await made.link()
        visitor = made.visitor(link)
        await visitor.peer.connect()
        await made.agent.admission.revoke(share.id)
        await until(lambda: visitor.end)
        assert visitor.end is not None
        assert "revoked" in visitor.end[0]
        error = await refusal(made, link)
        assert (error.remote_code, "revoked" in str(error)) == ("link_revoked", True)
        assert made.refusals() == ["link_revoked"]


async def test_a_link_for_one_use_works_once() -> None:
    async with house() as made:
        _, link = await made.link(single_use=True)
        await made.visitor(link).peer.connect()
        error = await refusal(made, link)
        assert (error.remote_code, "works only once" in str(error)) == ("link_used", True)
        assert made.refusals() == ["link_used"]


async def test_a_link_nobody_made_is_refused_by_the_relay() -> None:
    async with house() as made:
        _, link = await made.link()
        with pytest.raises(LinkUnknownError, match="does not know this link"):
            await made.visitor(replace(link, id="x" * 16)).peer.connect()


async def test_an_expired_link_says_so() -> None:
    async with house() as made:
        share, link = await made.link(seconds=0.1)
        await until(lambda: share.state(time.time()) is ShareState.EXPIRED)
        error = await refusal(made, link)
        assert (error.remote_code, "expired" in str(error)) == ("link_expired", True)
        assert made.refusals() == ["link_expired"]


async def test_the_host_is_asked_and_may_lower_the_role() -> None:
    async with house() as made:
        share, link = await made.link(approval=True)
        leave = made.agent.admission.approvals.attend()
        visitor = made.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        await until(made.agent.admission.approvals.pending, what="the question")
        (question,) = made.agent.admission.approvals.pending()
        assert (question.target, question.code) == (LOCAL_TARGET, visitor.peer.code)
        await until(lambda: visitor.approvals == ["waiting"])
        assert not connecting.done()
        assert made.agent.admission.answer(question.session_id, Role.VIEW, remember=True)
        await connecting
        assert visitor.approvals == ["waiting", "allowed"]
        assert visitor.peer.role is Role.VIEW
        (info,) = made.agent.sessions()
        assert info.role is Role.VIEW
        # Remembered: the next one is not asked for, and may do no more.
        again = made.visitor(link)
        await again.peer.connect()
        assert (again.approvals, again.peer.role) == ([], Role.VIEW)
        assert not made.agent.admission.links.find(share.id).approval
        leave()


@pytest.mark.parametrize("attended", [True, False])
async def test_a_guest_who_is_denied_learns_it_and_leaves_nothing(attended: bool) -> None:
    async with house() as made:
        _, link = await made.link(approval=True)
        if attended:
            made.agent.admission.approvals.attend()
        visitor = made.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        if attended:
            await until(made.agent.admission.approvals.pending)
            made.agent.admission.answer(visitor.peer.session_id, None)
        with pytest.raises(HatchwayError) as caught:
            await connecting
        assert "host" in str(caught.value)
        assert visitor.approvals == ["waiting", "denied"]
        assert visitor.said == b""
        await until(lambda: not made.agent.sessions())
        kinds = [type(event) for event in made.events]
        assert kinds.count(ev.ApprovalRequested) == kinds.count(ev.ApprovalSettled) == attended
        assert ev.PtyConnected not in kinds


@pytest.mark.parametrize("how", ["denied", "timed out", "left", "nobody there"])
async def test_a_guest_who_was_not_let_in_used_no_link_up(how: str) -> None:
    async with house() as made:
        approvals = made.agent.admission.approvals
        share, link = await made.link(approval=True, single_use=True)
        leave = approvals.attend() if how != "nobody there" else lambda: None
        if how == "timed out":
            approvals.seconds = 0.05
        visitor = made.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        if how in ("denied", "left"):
            await until(approvals.pending)
        if how == "denied":
            made.agent.admission.answer(visitor.peer.session_id, None)
        elif how == "left":
            connecting.cancel()
        (outcome,) = await asyncio.gather(connecting, return_exceptions=True)
        assert isinstance(outcome, HatchwayError | asyncio.CancelledError)
        await until(lambda: not made.agent.sessions())
        assert made.agent.admission.links.find(share.id).uses == 0
        leave()
        # It opens a shell now, once: for somebody who was not just denied.
        approvals.seconds = 60
        approvals.attend()
        again = made.visitor(link, identity="b" * 32)
        connecting = asyncio.create_task(again.peer.connect())
        await until(approvals.pending)
        made.agent.admission.answer(again.peer.session_id, Role.CONTROL)
        await connecting
        assert made.agent.admission.links.find(share.id).uses == 1
        await again.peer.close()
        await until(lambda: not made.agent.sessions())
        assert (await refusal(made, link)).remote_code == "link_used"


async def test_an_offer_that_is_refused_used_no_link_up() -> None:
    def one_session(settings: Settings) -> Settings:
        return replace_setting(settings, session=replace_setting(settings.session, max_shells=1))

    async with house(change=one_session) as made:
        _, other = await made.link()
        share, link = await made.link(single_use=True)
        first = made.visitor(other)
        await first.peer.connect()
        assert (await refusal(made, link)).remote_code == "session_limit"
        assert made.agent.admission.links.find(share.id).uses == 0
        await first.peer.close()
        await until(lambda: not made.agent.sessions())
        await made.visitor(link).peer.connect()


async def test_a_no_that_is_remembered_revokes_the_link() -> None:
    async with house() as made:
        share, link = await made.link(approval=True)
        made.agent.admission.approvals.attend()
        visitor = made.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        await until(made.agent.admission.approvals.pending)
        made.agent.admission.answer(visitor.peer.session_id, None, remember=True)
        with pytest.raises(HatchwayError):
            await connecting
        assert made.agent.admission.links.find(share.id).revoked
        with pytest.raises(RemoteError, match="revoked") as caught:
            await made.visitor(link).peer.connect()
        assert caught.value.remote_code == "link_revoked"


async def test_a_denial_that_revokes_the_link_ends_what_was_opened_with_it() -> None:
    async with house() as made:
        _, link = await made.link(approval=True)
        approvals = made.agent.admission.approvals
        approvals.attend()
        inside, denied = made.visitor(link), made.visitor(link)
        connecting = asyncio.create_task(inside.peer.connect())
        await until(approvals.pending)
        made.agent.admission.answer(inside.peer.session_id, Role.CONTROL)
        await connecting
        connecting = asyncio.create_task(denied.peer.connect())
        await until(approvals.pending)
        made.agent.admission.answer(denied.peer.session_id, None, remember=True)
        with pytest.raises(HatchwayError):
            await connecting
        await until(lambda: inside.peer.end_code == "removed_revoked")
        await until(lambda: not made.agent.sessions())


async def test_a_guest_who_leaves_settles_the_question() -> None:
    async with house() as made:
        _, link = await made.link(approval=True)
        made.agent.admission.approvals.attend()
        visitor = made.visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        await until(made.agent.admission.approvals.pending)
        connecting.cancel()
        await asyncio.wait((connecting,))
        await until(lambda: not made.agent.admission.approvals.pending())
        assert not made.agent.admission.answer(visitor.peer.session_id, Role.CONTROL)
        settled = [event for event in made.events if isinstance(event, ev.ApprovalSettled)]
        assert [event.reason for event in settled] == ["The guest left"]


async def test_unattended_a_policy_may_let_guests_watch() -> None:
    share = ShareSettings(links=(f"{LOCAL_TARGET}=ask",), unattended="view")
    async with house(share=share) as made:
        (share_made,) = made.agent.admission.links.list()
        await until(lambda: made.relay.knows_link(share_made.id))
        visitor = made.visitor(parse_link(made.agent.admission.url(share_made)))
        await visitor.peer.connect()
        assert visitor.peer.role is Role.VIEW


async def test_a_link_guest_is_shown_its_one_target_and_asks_for_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house() as made:
        share, link = await made.link()
        made.agent.set_shared(LOCAL_TARGET, True)
        line = GuestSignaling(RelayAddress(link.base, link=link.id))
        await line.connect()
        rows = (await line.call("guest:targets", {}))["targets"]
        await line.close()
        assert [(row["id"], row["role"], row["approval"]) for row in rows] == [
            (LOCAL_TARGET, "control", False)
        ]
        assert link.secret.hex() not in str(rows)
        truth = GuestSignaling.link_target

        async def another(line: GuestSignaling) -> tuple[str, str]:
            agent_id, _ = await truth(line)
            return agent_id, "another"

        monkeypatch.setattr(GuestSignaling, "link_target", another)
        with pytest.raises(RemoteError) as caught:
            await made.visitor(link).peer.connect()
        assert caught.value.remote_code == "target_not_found"
        assert made.agent.admission.links.find(share.id).uses == 0


@pytest.mark.parametrize("text", ["web", "web=", "=view", "web=king", "*=view", ""])
def test_a_request_that_makes_no_sense_names_the_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"share\.links"):
        parse_request(text)


def test_requests_for_links() -> None:
    assert parse_request("web=view") == ("web", Role.VIEW, False)
    assert parse_request("This computer=ask") == ("This computer", Role.CONTROL, True)
