"""Admission to running shells, being remembered and being removed: engine.access.admission with
sessions that are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from engine.access.admission import Admission, AfterRemoval
from engine.access.decide import Allow, Approval, Kind, SessionFacts, ShellFacts
from engine.access.guests import Guests
from engine.access.kept_guests import KeptGuests
from engine.access.kept_links import KeptLinks
from engine.core.errors import (
    AccessDeniedError,
    LinkRevokedError,
    LinkSuspendedError,
    PTYClosedError,
    SessionLimitError,
    ShellEndedError,
    TargetNotFoundError,
)
from engine.core.events import ApprovalRequested, EventBus, SessionClosed
from engine.core.model import EndCode, Guest, Role, Share, ShareState, Target, TargetKind
from engine.core.settings import ShareSettings
from engine.wire.signaling import Offer
from tests.engine.until import until

WEB = Target("web", TargetKind.CONTAINER, "web", ref="first")
SHELL = ShellFacts("one", "web", participants=1, participant_limit=3)


@dataclass
class FakeSession:
    """One guest's session, with what its guest was told."""

    id: str
    guest: Guest
    role: Role = Role.CONTROL
    approval: Approval = Approval.NOT_NEEDED
    code: str = "123 456"
    closed: bool = False
    told: list[str] = field(default_factory=list)

    def facts(self) -> SessionFacts:
        return SessionFacts(
            self.id,
            "web",
            Kind.of(self.guest),
            self.guest.share,
            self.role,
            self.approval,
            self.closed,
        )

    def waits_for_approval(self) -> None:
        self.told.append("waiting")

    def admitted(self, role: Role) -> None:
        self.role, self.approval = role, Approval.GIVEN
        self.told.append("allowed")

    def refused(self, reason: str) -> None:
        self.closed = True
        self.told.append("denied")


class Sessions:
    def __init__(self) -> None:
        self.by_id: dict[str, FakeSession] = {}
        self.ends: dict[str, EndCode] = {}

    def add(self, session: FakeSession) -> FakeSession:
        self.by_id[session.id] = session
        return session

    def sessions(self) -> Iterable[FakeSession]:
        return tuple(self.by_id.values())

    def get_session(self, session_id: str) -> FakeSession | None:
        return self.by_id.get(session_id)

    async def close_session(self, session_id: str, reason: str, code: EndCode) -> bool:
        self.end_soon(session_id, reason, code)
        return True

    def end_soon(self, session_id: str, reason: str, code: EndCode) -> None:
        self.ends.setdefault(session_id, code)
        if session_id in self.by_id:
            self.by_id[session_id].closed = True


class Host:
    def __init__(self, folder: Path | None = None) -> None:
        self.sessions = Sessions()
        self.events = EventBus()
        file = KeptGuests(folder) if folder is not None else None
        self.admission = Admission(
            ShareSettings(),
            self.events,
            self.sessions,
            self.find,
            lambda: "http://relay",
            guests=Guests(file),
            kept=KeptLinks(folder) if folder is not None else None,
        )
        self.links = self.admission.links
        self.shell: ShellFacts | None = SHELL
        self.target = WEB

    def find(self, target: str) -> Target:
        if target != WEB.id:
            raise TargetNotFoundError(target)
        return self.target

    def session(self, link: Share, name: str = "s", identity: str = "a" * 64) -> FakeSession:
        guest = Guest("Ada", "192.0.2.7", share=link.id, identity=identity)
        asks = Approval.NEEDED if link.approval else Approval.NOT_NEEDED
        return self.sessions.add(FakeSession(name, guest, link.role, asks))

    async def attach(self, session: FakeSession) -> Allow:
        return await self.admission.attach(session, lambda: self.shell)


@pytest.fixture
def host() -> Host:
    return Host()


async def test_a_join_link_attaches_to_its_shell_with_its_role(host: Host) -> None:
    link = host.links.create("web", Role.VIEW, shell="one")
    assert await host.attach(host.session(link)) == Allow(Role.VIEW)


async def test_attaching_uses_a_single_use_link_and_coming_to_nothing_does_not(host: Host) -> None:
    link = host.links.create("web", single_use=True, shell="one")
    session = host.session(link)
    host.links.use(link.id, session.id)
    host.shell = replace(SHELL, participants=3)
    with pytest.raises(SessionLimitError):
        await host.attach(session)
    host.links.release(session.id)
    assert host.links.find(link.id).state(0) is ShareState.ACTIVE
    host.links.use(link.id, session.id)
    host.shell = SHELL
    await host.attach(session)
    host.links.release(session.id)
    assert host.links.find(link.id).state(0) is ShareState.USED


@pytest.mark.parametrize(
    ("shell", "error"),
    [
        (None, ShellEndedError),
        (replace(SHELL, ended=True), ShellEndedError),
        (replace(SHELL, id="another"), AccessDeniedError),
    ],
)
async def test_nobody_attaches_to_another_shell_or_one_that_is_over(
    host: Host, shell: ShellFacts | None, error: type[Exception]
) -> None:
    session = host.session(host.links.create("web", shell="one"))
    host.shell = shell
    with pytest.raises(error):
        await host.attach(session)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("ended", [False, True])
async def test_a_join_link_never_starts_a_terminal(host: Host, role: Role, ended: bool) -> None:
    session = host.session(host.links.create("web", role, shell="one"))
    if ended:
        host.admission.shell_ended("one")
    with pytest.raises(AccessDeniedError) as caught:
        await host.admission.connect(session, "web")
    assert caught.value.code == "access_denied"


@pytest.mark.parametrize(
    ("then", "error"),
    [
        (lambda host, link: host.links.revoke(link.id), LinkRevokedError),
        (lambda host, link: host.links.suspend_all(), LinkSuspendedError),
        (lambda host, link: host.admission.shell_ended("one"), ShellEndedError),
        (lambda host, link: setattr(host, "shell", None), ShellEndedError),
        (
            lambda host, link: host.admission.guests.remove(host.sessions.by_id["s"].guest),
            AccessDeniedError,
        ),
        (lambda host, link: setattr(host.sessions.by_id["s"], "closed", True), PTYClosedError),
    ],
    ids=["revoked", "suspended", "ended", "gone", "removed", "closed"],
)
async def test_what_changed_while_the_host_decided_counts(
    host: Host, then: Callable[[Host, Share], None], error: type[Exception]
) -> None:
    link = host.links.create("web", approval=True, shell="one")
    session = host.session(link)
    host.admission.approvals.attend()
    attaching = asyncio.create_task(host.attach(session))
    await until(host.admission.approvals.pending)
    then(host, link)
    assert host.admission.answer("s", Role.CONTROL)
    with pytest.raises(error):
        await attaching


async def asked(host: Host, session: FakeSession, role: Role | None, *, remember: bool) -> Allow:
    leave = host.admission.approvals.attend()
    attaching = asyncio.create_task(host.attach(session))
    await until(host.admission.approvals.pending)
    assert host.admission.answer(session.id, role, remember=remember)
    leave()
    return await attaching


async def test_who_is_remembered_is_not_asked_about_and_everybody_else_is(host: Host) -> None:
    link = host.links.create("web", approval=True, shell="one")
    assert await asked(host, host.session(link), Role.VIEW, remember=True) == Allow(Role.VIEW)
    assert host.links.find(link.id).approval
    again = host.session(link, "again")
    assert await host.attach(again) == Allow(Role.VIEW)
    assert again.told == ["allowed"]
    other = host.session(link, "other", "b" * 64)
    with pytest.raises(AccessDeniedError, match="Nobody is at the host"):
        await host.attach(other)
    found = host.admission.guests.find(again.guest, "web")
    assert found is not None
    assert found.compared


async def test_who_is_remembered_gets_no_more_than_the_link_gives(host: Host) -> None:
    types = host.links.create("web", approval=True, shell="one")
    views = host.links.create("web", Role.VIEW, approval=True, shell="one")
    await asked(host, host.session(types), Role.CONTROL, remember=True)
    assert await host.attach(host.session(views, "again")) == Allow(Role.VIEW)


async def test_without_an_identity_the_answer_is_remembered_for_the_link(host: Host) -> None:
    link = host.links.create("web", approval=True, shell="one")
    await asked(host, host.session(link, identity=""), Role.VIEW, remember=True)
    changed = host.links.find(link.id)
    assert (changed.approval, changed.role) == (False, Role.VIEW)
    assert host.admission.guests.remembered() == ()


async def test_the_shield_is_for_who_was_allowed_where_the_code_could_be_compared(
    host: Host,
) -> None:
    asks = host.links.create("web", approval=True, shell="one")
    session = host.session(asks)
    await asked(host, session, Role.VIEW, remember=True)
    await host.attach(host.session(asks, "again"))
    without = host.session(asks, "without", "b" * 64)
    without.code = ""
    await asked(host, without, Role.VIEW, remember=True)
    await host.attach(host.session(asks, "without again", "b" * 64))
    await host.attach(host.session(host.links.create("web", shell="one"), "not asked"))
    shielded = {name: host.admission.is_shielded(name) for name in host.sessions.by_id}
    assert shielded == {
        "s": True,
        "again": True,
        "without": False,
        "without again": False,
        "not asked": False,
    }
    host.events.publish(SessionClosed(session_id="s", reason="Closed"))
    assert not host.admission.is_shielded("s")


@pytest.mark.parametrize("joins", [True, False])
async def test_the_question_says_what_the_guest_wants(host: Host, joins: bool) -> None:
    events: list[object] = []
    host.events.subscribe(events.append)
    link = host.links.create("web", approval=True, shell="one" if joins else "")
    session = host.session(link)
    host.admission.approvals.attend()
    come = host.attach(session) if joins else host.admission.connect(session, "web")
    coming = asyncio.create_task(come)
    await until(host.admission.approvals.pending)
    (question,) = [event for event in events if isinstance(event, ApprovalRequested)]
    assert (question.target, question.shell) == ("web", "one" if joins else "")
    host.admission.answer("s", Role.CONTROL)
    await coming


async def test_where_no_code_can_be_compared_a_guest_is_remembered_as_that(host: Host) -> None:
    link = host.links.create("web", approval=True, shell="one")
    session = host.session(link)
    session.code = ""
    await asked(host, session, Role.VIEW, remember=True)
    (remembered,) = host.admission.guests.remembered()
    assert not remembered.compared


@pytest.mark.parametrize(
    ("then", "code", "approval", "revoked"),
    [
        (AfterRemoval.ASK, EndCode.REMOVED_ASKS, True, False),
        (AfterRemoval.REVOKE, EndCode.REMOVED_REVOKED, False, True),
        (AfterRemoval.NOTHING, EndCode.REMOVED, False, False),
    ],
)
async def test_who_is_removed_does_not_come_back(
    host: Host, then: AfterRemoval, code: EndCode, approval: bool, revoked: bool
) -> None:
    link, another = (host.links.create("web", shell="one") for _ in range(2))
    session, other = host.session(link), host.session(link, "other", "b" * 64)
    returns = host.admission.returns
    token = returns.issue("one", "p1", "s", Role.CONTROL, Kind.LINK, link.id)
    others = returns.issue("one", "p2", "other", Role.CONTROL, Kind.LINK, link.id)
    assert await host.admission.remove("s", then)
    assert host.sessions.ends["s"] is code
    changed = host.links.find(link.id)
    assert (changed.approval, changed.revoked) == (approval, revoked)
    # The others go only with their link.
    assert host.sessions.ends.get(other.id) == (EndCode.REMOVED_REVOKED if revoked else None)
    places = [returns.find(one) for one in (token, others)]
    assert [place is None or place.removed for place in places] == [True, revoked]
    with pytest.raises(AccessDeniedError, match="removed you"):
        await host.attach(host.session(another, "again"))
    assert not await host.admission.remove("nobody", then)
    assert session.closed


async def test_a_guest_without_a_link_is_refused_by_its_address_for_a_while(host: Host) -> None:
    plain = Guest("Eve", "192.0.2.9")
    host.sessions.add(FakeSession("s", plain))
    assert await host.admission.remove("s", AfterRemoval.ADDRESS)
    offer = Offer("t", "web", "sdp", "offer", guest_address="192.0.2.9")
    assert host.admission.authenticator.identify(offer, "AA:BB").subject.blocked


async def test_this_app_is_never_removed(host: Host) -> None:
    own = host.sessions.add(FakeSession("s", Guest(own=True)))
    assert not await host.admission.remove("s", AfterRemoval.NOTHING)
    assert not own.closed


async def test_a_removal_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    host = Host(tmp_path)
    await host.admission.remove(host.session(host.links.create("web")).id, AfterRemoval.ASK)
    later = Host(tmp_path)
    await later.admission.restore()
    session = later.session(later.links.create("web", shell="one"))
    with pytest.raises(AccessDeniedError, match="removed you"):
        await later.attach(session)
    for one in (host, later):
        await one.admission.close()


@pytest.mark.parametrize("by_name", [False, True])
async def test_a_kept_link_is_for_a_container_or_by_choice_for_its_name(
    tmp_path: Path, by_name: bool
) -> None:
    host = Host(tmp_path)
    link = await host.admission.create_kept("web", by_name=by_name, record=not by_name)
    with pytest.raises(TargetNotFoundError):
        await host.admission.create_kept("nobody", by_name=by_name)
    await host.admission.close()
    later = Host(tmp_path)
    await later.admission.restore()
    assert later.links.find(link.id) == link
    assert later.links.records(link.id) is not by_name
    later.target = replace(WEB, ref="second")
    session = later.session(link)
    if by_name:
        assert await later.admission.connect(session, "web") == later.target
    else:
        with pytest.raises(TargetNotFoundError):
            await later.admission.connect(session, "web")
    await later.admission.close()


async def test_a_suspended_kept_link_stays_suspended_after_a_restart(tmp_path: Path) -> None:
    host = Host(tmp_path)
    link = await host.admission.create_kept("web")
    host.links.suspend_all()
    await host.admission.close()
    later = Host(tmp_path)
    await later.admission.restore()
    assert later.links.suspended
    with pytest.raises(LinkSuspendedError):
        await later.admission.connect(later.session(link), "web")
    later.links.resume_all()
    await later.admission.connect(later.session(link), "web")
    await later.admission.close()


async def test_a_used_join_link_lets_its_guest_attach(host: Host) -> None:
    link = host.links.create("web", single_use=True, shell="one")
    session = host.session(link)
    host.links.use(link.id, session.id)
    assert host.links.find(link.id).state(0) is ShareState.USED
    assert await host.attach(session) == Allow(Role.CONTROL)
