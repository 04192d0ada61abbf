"""The engine's API against a real engine: each command does what it says.

All that passes it is encoded and decoded on its way, or goes over a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from engine.control import commands as c
from engine.control import queries as q
from engine.control.api import ControlApi
from engine.control.control import Control
from engine.core import events as ev
from engine.core.errors import (
    HostStoppedError,
    LinkUnknownError,
    RecordingNotFoundError,
    RecordingRunningError,
    RemoteError,
    ShellNotFoundError,
    TargetNotFoundError,
)
from engine.core.model import (
    LOCAL_TARGET,
    Asked,
    EndCode,
    LinkState,
    OrphansEnded,
    OrphanState,
    Role,
    Share,
    ShareState,
    Size,
    TargetState,
)
from engine.core.selftest_report import STAGES
from engine.core.session_state import SessionState
from engine.core.settings import (
    DockerSettings,
    RecordingSettings,
    RelaySettings,
    SessionSettings,
    Settings,
    ShareSettings,
    TerminalSettings,
)
from engine.relay import Relay
from engine.shells.recorder import RecordingMeta
from engine.shells.recordings import Recordings
from engine.wire.proof import parse_link
from tests.docker_fixtures import ContainerFactory, unique_name
from tests.engine.control.encoded import Encoded
from tests.engine.control.samples import sample, subclasses
from tests.engine.control.screen import Screen
from tests.engine.control.socket.serving import connected, served
from tests.engine.hosting import Visitor
from tests.engine.orphaned import orphaned, records
from tests.engine.until import until

Published = TypeVar("Published", bound=ev.Event)


class Host:
    """A Control that runs, its relay, what it published, and its guests."""

    def __init__(self, relay: Relay, control: ControlApi) -> None:
        self.relay = relay
        self.control = control
        self.events: list[ev.Event] = []
        self.visitors: list[Visitor] = []
        self.control.subscribe(self.events.append)

    async def link(self, **more: Any) -> Share:
        """A link to this computer's shell that the relay knows."""
        share = await self.control.do(c.CreateLink(LOCAL_TARGET, **more))
        await until(lambda: self.relay.knows_link(share.id), what="the link at the relay")
        return share

    def visitor(self, share: Share) -> Visitor:
        """A guest with that link, not connected yet."""
        self.visitors.append(Visitor(parse_link(self.control.ask(q.LinkUrl(share.id)))))
        return self.visitors[-1]

    async def guest(self) -> Visitor:
        """A guest whose terminal is open."""
        visitor = self.visitor(await self.link())
        await visitor.peer.connect()
        return visitor

    def published(self, kind: type[Published]) -> list[Published]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def running(*, over_socket: bool = False, **settings: Any) -> AsyncIterator[Host]:
    relay = Relay("agent-secret", "guest")
    await relay.start()
    control = Control(
        Settings(
            docker=DockerSettings(enabled=False),
            terminal=TerminalSettings(shell="/bin/sh"),
            relay=RelaySettings(url=relay.url, token="agent-secret", guest_token="guest"),
            **settings,
        )
    )
    engine = by_socket(control) if over_socket else encoded(control)
    async with engine as reached:
        host = Host(relay, reached)
        try:
            await reached.start()
            assert await reached.do(c.WaitUntilRegistered(10))
            yield host
        finally:
            await asyncio.gather(*(visitor.peer.close() for visitor in host.visitors))
            await reached.stop()
    await relay.stop()


@asynccontextmanager
async def encoded(control: Control) -> AsyncIterator[ControlApi]:
    yield Encoded(control)


@asynccontextmanager
async def by_socket(control: Control) -> AsyncIterator[ControlApi]:
    """A client of the engine, which runs in a loop of its own."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        async with (
            served(control, Path(folder, "s.sock")) as house,
            connected(house.path) as client,
        ):
            yield client


@pytest.fixture(params=["here", "over a socket"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    async with running(over_socket=request.param == "over a socket") as made:
        yield made


@pytest.fixture
async def host_here() -> AsyncIterator[Host]:
    async with running() as made:
        yield made


async def test_every_command_is_known_and_refused_unless_the_engine_runs() -> None:
    control = Control(Settings(docker=DockerSettings(enabled=False)))

    async def refuses_everything() -> None:
        for kind in subclasses(c.Command):
            with pytest.raises(HostStoppedError):
                await control.do(sample(kind))
        with pytest.raises(HostStoppedError):
            await Screen().open(control)

    await refuses_everything()
    await control.start()
    await control.stop()
    await refuses_everything()


async def test_every_query_is_answered_before_the_engine_runs() -> None:
    control = Control(Settings(docker=DockerSettings(enabled=False)))
    for kind in subclasses(q.Query):
        if kind is not q.LinkUrl:
            control.ask(sample(kind))
    with pytest.raises(LinkUnknownError):
        control.ask(q.LinkUrl("nothing"))


async def test_the_host_its_relay_and_its_targets(host: Host) -> None:
    control = host.control
    assert await control.do(c.WaitForRelay(10))
    assert await control.do(c.WaitForTargets(10))
    me = control.ask(q.Host())
    assert (me.relay.url, me.relay.embedded) == (host.relay.url, False)
    assert (bool(me.agent_id), bool(me.name), me.identity_problem) == (True, True, "")
    assert [target.id for target in control.ask(q.Targets())] == [LOCAL_TARGET]
    assert control.ask(q.DockerStatuses()) == ()


async def test_waiting_for_a_relay_that_is_away_ends_in_time(host: Host) -> None:
    await host.relay.stop()
    await until(
        lambda: any(one.state == "reconnecting" for one in host.published(ev.RelayStateChanged))
    )
    assert not await host.control.do(c.WaitForRelay(0.05))


async def test_a_target_is_shared_and_no_longer(host: Host) -> None:
    control = host.control
    await control.do(c.SetShared(LOCAL_TARGET, True))
    assert control.ask(q.SharedTargets()) == (LOCAL_TARGET,)
    assert [target.shared for target in control.ask(q.Targets())] == [True]
    await control.do(c.SetShared(LOCAL_TARGET, False))
    assert control.ask(q.SharedTargets()) == ()
    assert [target.shared for target in control.ask(q.Targets())] == [False]


async def test_a_container_is_started_and_unpaused(containers: ContainerFactory) -> None:
    name = unique_name("start")
    container = containers(name=name)
    container.stop(timeout=0)
    control = Control(Settings())
    await control.start()
    try:

        def states() -> list[TargetState]:
            return [one.state for one in control.ask(q.Targets()) if one.id == name]

        await until(lambda: states() == [TargetState.STOPPED])
        await control.do(c.StartTarget(name))
        assert states() == [TargetState.RUNNING]
        await control.do(c.StartTarget(name))
        container.pause()
        await until(lambda: states() == [TargetState.PAUSED])
        await control.do(c.StartTarget(name))
        assert states() == [TargetState.RUNNING]
        with pytest.raises(TargetNotFoundError):
            await control.do(c.StartTarget("nothing"))
    finally:
        await control.stop()


async def test_what_a_killed_program_left_is_listed_and_ended(own_configuration: Path) -> None:
    await orphaned(own_configuration, ("", "(sleep 1021 &)"), ("", "(trap '' HUP; sleep 1021 &)"))
    async with running() as host:
        await until(lambda: len(host.control.ask(q.Orphans())) == 2)
        assert {orphan.state for orphan in host.control.ask(q.Orphans())} == {OrphanState.ORPHAN}
        assert host.published(ev.OrphansChanged)[-1].orphans == host.control.ask(q.Orphans())
        result = await host.control.do(c.EndOrphans())
        assert (result.ended, [one.state for one in result.left]) == (1, [OrphanState.KEPT])
        assert host.control.ask(q.Orphans()) == result.left
        assert await host.control.do(c.EndOrphans(kept=True)) == OrphansEnded(1)
        assert host.published(ev.OrphansChanged)[-1].orphans == ()
    assert records(own_configuration) == []


async def test_a_link_is_made_used_and_revoked(host: Host) -> None:
    control = host.control
    share = await host.link(role=Role.VIEW, seconds=60.0, single_use=True)
    assert (share.role, share.single_use, share.approval) == (Role.VIEW, True, False)
    assert share.expires_at == share.created_at + 60
    assert control.ask(q.Links()) == (share,)
    visitor = host.visitor(share)
    await visitor.peer.connect()
    (session,) = control.ask(q.Sessions())
    assert (session.id, session.guest.share) == (visitor.peer.session_id, share.id)
    assert (session.state, session.role) == (SessionState.CONNECTED, Role.VIEW)
    await control.do(c.RevokeLink(share.id))
    await until(lambda: visitor.end)
    assert visitor.peer.end_code == EndCode.REMOVED_REVOKED
    (ended,) = control.ask(q.Links())
    assert ended.state(share.created_at) is ShareState.REVOKED
    assert control.ask(q.Sessions()) == ()
    with pytest.raises(LinkUnknownError):
        await control.do(c.RevokeLink("nothing"))


@pytest.mark.parametrize(("role", "states"), [(Role.VIEW, "allowed"), (None, "denied")])
async def test_a_guest_who_waits_is_let_in_or_denied(
    host: Host, role: Role | None, states: str
) -> None:
    host.control.subscribe(lambda event: None, decides=True)
    visitor = host.visitor(await host.link(approval=True))
    connecting = asyncio.create_task(visitor.peer.connect())
    await until(lambda: host.published(ev.ApprovalRequested))
    (question,) = host.published(ev.ApprovalRequested)
    assert await host.control.do(c.DecideApproval(question.session_id, role))
    await asyncio.wait([connecting], timeout=10)
    assert (connecting.exception() is None) is (role is not None)
    assert visitor.approvals == ["waiting", states]
    assert not await host.control.do(c.DecideApproval(question.session_id, role))


async def test_an_answer_can_be_remembered_for_the_link(host: Host) -> None:
    host.control.subscribe(lambda event: None, decides=True)
    share = await host.link(approval=True)
    visitor = host.visitor(share)
    connecting = asyncio.create_task(visitor.peer.connect())
    await until(lambda: host.published(ev.ApprovalRequested))
    await host.control.do(c.DecideApproval(visitor.peer.session_id, Role.VIEW, remember=True))
    await connecting
    (changed,) = host.control.ask(q.Links())
    assert (changed.approval, changed.role) == (False, Role.VIEW)


async def test_nobody_is_asked_where_no_subscriber_decides() -> None:
    async with running(share=ShareSettings(unattended="view")) as host:
        leave = host.control.subscribe(lambda event: None, decides=True)
        leave()
        visitor = host.visitor(await host.link(approval=True))
        await visitor.peer.connect()
        assert host.published(ev.ApprovalRequested) == []
        assert visitor.peer.role is Role.VIEW


async def test_who_no_longer_subscribes_hears_nothing(host: Host) -> None:
    heard: list[ev.Event] = []
    leave = host.control.subscribe(heard.append)
    await host.control.do(c.SetShared(LOCAL_TARGET, True))
    before = len(heard)
    assert before
    leave()
    await host.control.do(c.SetShared(LOCAL_TARGET, False))
    assert len(heard) == before


async def test_a_session_is_closed_with_a_reason_for_all(host: Host) -> None:
    visitor = await host.guest()
    close = c.CloseSession(visitor.peer.session_id, c.REMOVED_BY_HOST, EndCode.REMOVED)
    await host.control.do(close)
    await until(lambda: visitor.end)
    assert visitor.end == (c.REMOVED_BY_HOST, None)
    (closed,) = host.published(ev.SessionClosed)
    assert (closed.reason, closed.code) == (c.REMOVED_BY_HOST, EndCode.REMOVED)
    await host.control.do(c.CloseSession("nobody"))


async def test_an_idle_guest_is_kept_or_ends_after_the_time_that_is_set() -> None:
    async with running(session=SessionSettings(timeout=0)) as host:
        visitor = await host.guest()
        session_id = visitor.peer.session_id
        assert not await host.control.do(c.KeepOpen("nobody"))
        await host.control.do(c.SetGuestTimeout(1.0))

        def warnings() -> list[float | None]:
            return [event.seconds for event in host.published(ev.SessionIdle)]

        await until(warnings)
        assert await host.control.do(c.KeepOpen(session_id))
        await until(lambda: None in warnings())
        await until(lambda: visitor.end)
        assert visitor.peer.end_code == EndCode.IDLE


async def test_a_shell_that_everyone_has_left_ends_after_the_time_that_is_set() -> None:
    async with running(session=SessionSettings(grace=0)) as host:
        visitor = await host.guest()
        (shell,) = host.control.ask(q.Shells())
        await host.control.do(c.SetGrace(0.5))
        pc = visitor.peer.peer_connection
        assert pc is not None
        await pc.close()
        await until(lambda: host.published(ev.ShellEnded), what="the end of the shell")
        (ended,) = host.published(ev.ShellEnded)
        assert ended.shell.id == shell.id
        assert ended.shell.exit is not None
        assert ended.shell.exit.code == EndCode.GRACE


async def test_shells_are_recorded_from_the_moment_that_is_set(host: Host) -> None:
    before = await host.control.do(c.OpenShell(LOCAL_TARGET))
    await host.control.do(c.SetRecording(True))
    after = await host.control.do(c.OpenShell(LOCAL_TARGET))
    await host.control.do(c.SetRecording(False))
    last = await host.control.do(c.OpenShell(LOCAL_TARGET))
    records = {one.id: one.recording_since is not None for one in host.control.ask(q.Shells())}
    assert records == {before: False, after: True, last: False}


@pytest.mark.parametrize("kept", [False, True])
async def test_what_a_link_that_records_opens_is_recorded(host: Host, kept: bool) -> None:
    for record in (True, False):
        share = await host.link(kept=kept, record=record)
        assert (share.kept, share.record) == (kept, record)
        await host.visitor(share).peer.connect()
    first, second = sorted(host.control.ask(q.Shells()), key=lambda shell: shell.started_at)
    assert first.recording_since is not None
    assert second.recording_since is None


async def test_a_link_that_records_starts_recording_the_shell_that_it_joins(host: Host) -> None:
    def recorded() -> dict[str, float | None]:
        return {one.id: one.recording_since for one in host.control.ask(q.Shells())}

    joined = await host.control.do(c.OpenShell(LOCAL_TARGET))
    other = await host.control.do(c.OpenShell(LOCAL_TARGET))
    await host.link(shell=joined)
    assert recorded() == {joined: None, other: None}
    await host.link(shell=joined, record=True)
    first = recorded()
    assert first[joined] is not None
    assert first[other] is None
    # Another one leaves the recording as it is.
    await host.link(shell=joined, record=True)
    assert recorded() == first
    assert len(await host.control.do(c.ListRecordings())) == 1


async def test_the_self_test_reports_and_publishes_each_stage_of_its_run(host: Host) -> None:
    report = await host.control.do(c.RunSelfTest("nowhere", "first"))
    assert report.failed_stage is not None
    assert report.failed_stage.code == "target_not_found"
    host.events.clear()
    report = await host.control.do(c.RunSelfTest(LOCAL_TARGET, "second"))
    assert report.passed, report.to_json()
    stages = host.published(ev.SelfTestStage)
    assert {(stage.run, stage.target) for stage in stages} == {("second", LOCAL_TARGET)}
    # Each begins and ends.
    assert [stage.stage.name for stage in stages] == [name for name in STAGES for _ in range(2)]
    assert tuple(stage.stage for stage in stages)[1::2] == report.stages


async def test_recordings_are_listed_and_deleted(host: Host) -> None:
    control = host.control
    assert await control.do(c.ListRecordings()) == ()
    recorder = Recordings.of_profile(RecordingSettings()).start(
        RecordingMeta("web", shell="s1"), Size(), "screen"
    )
    await until(lambda: recorder.path.exists() and recorder.path.stat().st_size)
    (info,) = await control.do(c.ListRecordings())
    assert (info.target, info.shell, info.running) == ("web", "s1", True)
    with pytest.raises(RecordingRunningError):
        await control.do(c.DeleteRecording(info.id))
    await recorder.close()
    await control.do(c.DeleteRecording(info.id))
    assert await control.do(c.ListRecordings()) == ()
    with pytest.raises(RecordingNotFoundError):
        await control.do(c.DeleteRecording(info.id))


async def test_bytes_go_through_the_handle(host_here: Host) -> None:
    host = host_here
    screen = Screen()
    handle = await screen.open(host.control)
    handle.send(b"stty size; echo $((6*7))\n")
    await screen.sees(b"25 90")
    await screen.sees(b"42")
    handle.resize(Size(70, 20))
    handle.send(b"stty size\n")
    await screen.sees(b"20 70")
    handle.send(b"exit 3\n")
    await until(lambda: screen.ends)
    assert [code for _, code in screen.ends] == [3]
    assert not handle.is_closed
    await handle.close()
    assert handle.is_closed
    await until(lambda: not host.control.ask(q.Sessions()))


async def test_a_target_that_is_not_there_is_an_error_by_its_code(host_here: Host) -> None:
    host = host_here
    with pytest.raises(RemoteError) as caught:
        await host.control.open_terminal("nowhere", Size(), lambda _: None, lambda *_: None)
    assert caught.value.remote_code == "target_not_found"


async def test_a_link_of_another_host_says_all_that_is_known_of_its_terminal(
    host_here: Host,
) -> None:
    host = host_here
    control = host.control
    shell_id = await control.do(c.OpenShell(LOCAL_TARGET))
    share = await host.link(role=Role.VIEW, shell=shell_id)
    states: list[LinkState] = []
    sizes: list[Size] = []
    screen = Screen()
    terminal = await control.open_link(
        control.ask(q.LinkUrl(share.id)),
        Size(100, 30),
        screen.output,
        screen.ended,
        name="Eve",
        changed=states.append,
        sized=sizes.append,
    )
    await until(lambda: states and states[-1].people)
    state = states[-1]
    assert (state.target, state.role, state.may_type) == (LOCAL_TARGET, Role.VIEW, False)
    assert state.code == terminal.code
    assert [(one.id, one.name) for one in state.people] == [(state.participant, "Eve")]
    assert (state.approval, state.lost, state.held, state.replaced) == ("", False, b"", False)
    # A viewer has no say in the size.
    assert sizes == [Size()]
    assert terminal.mutes
    assert terminal.ask_keyboard(True)
    await until(lambda: states[-1].keyboard and states[-1].keyboard.asked is Asked.WAITING)
    await control.do(c.GrantKeyboard(shell_id, state.participant))
    await until(lambda: states[-1].may_type)
    assert states[-1].role is Role.CONTROL
    terminal.send(b"echo by-$((1+1))\n")
    await screen.sees(b"by-2")
    await control.do(c.Record(shell_id, on=True))
    await until(lambda: states[-1].recording)
    await control.do(c.EndShell(shell_id, "Over"))
    await until(lambda: screen.ends == [("Over", None)])
    await terminal.close()


async def test_links_that_are_open_end_with_the_engine() -> None:
    async with running() as host, running() as other:
        share = await host.link()
        screen = Screen()
        terminal = await other.control.open_link(
            host.control.ask(q.LinkUrl(share.id)), Size(), screen.output, screen.ended
        )
        assert not terminal.mutes
        await other.control.stop()
        assert terminal.is_closed
        await until(lambda: not host.control.ask(q.Sessions()))
        with pytest.raises(HostStoppedError):
            await other.control.open_link("", Size(), screen.output, screen.ended)


async def test_shells_over_a_socket(host: Host) -> None:
    """As the command line does it: the window paints instead."""
    control = host.control
    shell_id = await control.do(c.OpenShell(LOCAL_TARGET, Size(90, 25)))
    said = bytearray()
    ends: list[tuple[str, int | None]] = []

    def output(data: bytes) -> None:
        said.extend(data)
        handle.rendered(len(data))

    handle = control.attach(
        shell_id,
        size=Size(90, 25),
        output=output,
        ended=lambda *end: ends.append(end),
    )
    (shell,) = control.ask(q.Shells())
    assert [one.id for one in shell.participants] == [handle.participant]
    handle.send(b"stty size; echo $((6*7))\n")
    await until(lambda: b"25 90" in said and b"42" in said)
    seen = bytearray()
    watcher = control.attach(shell_id, role=Role.VIEW, output=seen.extend)
    # It begins with the screen.
    await until(lambda: seen.startswith(b"\x1bc") and b"25 90" in seen)
    assert len(control.ask(q.Shells())[0].participants) == 2
    watcher.detach()
    await until(lambda: len(control.ask(q.Shells())[0].participants) == 1)
    handle.send(b"exit 3\n")
    await until(lambda: ends)
    assert ends[0][1] == 3
    await until(lambda: host.published(ev.ShellEnded))
    with pytest.raises(ShellNotFoundError):
        control.attach(shell_id, output=output)


@pytest.mark.parametrize("everything", [False, True])
async def test_the_end_of_a_shell_may_include_what_asked_to_keep_running(
    host: Host, everything: bool, tmp_path: Path
) -> None:
    control, note = host.control, tmp_path / "pid"
    shell_id = await control.do(c.OpenShell(LOCAL_TARGET))
    handle = control.attach(shell_id, output=lambda data: None)
    handle.send(f"nohup sleep 1077 >/dev/null 2>&1 & echo $! > {note}.new\n".encode())
    handle.send(f"mv {note}.new {note}\n".encode())
    await until(note.exists, what="the job")
    job = psutil.Process(int(note.read_text()))
    try:
        # nohup acts a moment after its process is there.
        await until(lambda: job.name() == "sleep", what="nohup")
        await control.do(c.EndShell(shell_id, everything=everything))
        if everything:
            await until(lambda: not job.is_running(), what="the end of the job")
        else:
            assert job.is_running()
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            job.kill()
