"""The implementation of ``engine.control.api``: commands, queries and events of one Agent.

Owns the Agent, and one map from each command and query to its handler. Importing it imports
the whole engine, which takes half a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from engine.agent.agent import Agent
from engine.control import commands as c
from engine.control import queries as q
from engine.control.api import Ended, Output
from engine.control.guest import GuestTerminal, Screen, identities
from engine.control.link import LinkReports
from engine.control.shell import AttachedShell
from engine.control.terminal import PeerTerminal
from engine.core.errors import HostStoppedError, ShellNotFoundError
from engine.core.events import EventBus, GuestsRestricted, Handler, SelfTestStage, WindowRequested
from engine.core.model import LinkState, ParticipantKind, Restrictions, Role, Share, Size
from engine.core.selftest_report import SelfTestReport, StageResult
from engine.core.settings import Settings
from engine.shells.shell import Shell

Result = TypeVar("Result")


_ToParticipant = c.SetRole | c.TakeKeyboard | c.GrantKeyboard | c.DenyKeyboard


class Control:
    """A ControlApi. One per process."""

    def __init__(
        self,
        settings: Settings,
        events: EventBus | None = None,
        *,
        temporary: str = "",
        window: bool = False,
    ) -> None:
        """``temporary``: why this engine has an agent id for this run only; by default it has
        that of the profile. ``window``: it belongs to a window, which acts on WindowRequested."""
        self._events = events or EventBus()
        self._agent = Agent(settings, self._events, temporary=temporary)
        self._window = window
        self._running = False
        self._guests: set[GuestTerminal] = set()
        self._commands: dict[type[Any], Callable[[Any], Awaitable[Any]]] = {}
        self._locked = False
        self._queries: dict[type[Any], Callable[[Any], Any]] = {}
        self._map_commands()
        self._map_queries()

    async def start(self) -> None:
        await self._agent.start()
        self._running = True

    async def stop(self) -> None:
        self._running = False
        await asyncio.gather(*(guest.close() for guest in self._guests))
        await self._agent.stop()

    async def do(self, command: c.Command[Result]) -> Result:
        handler = self._commands[type(command)]
        self._check_running()
        result: Result = await handler(command)
        return result

    def ask(self, query: q.Query[Result]) -> Result:
        result: Result = self._queries[type(query)](query)
        return result

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        unsubscribe = self._events.subscribe(handler)
        leave = self._agent.admission.approvals.attend() if decides else lambda: None

        def end() -> None:
            unsubscribe()
            leave()

        return end

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> PeerTerminal:
        self._check_running()
        peer = await self._agent.open_terminal(target_id, size, output, ended)
        return PeerTerminal(self._agent, peer, output, ended)

    async def open_link(
        self,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        *,
        name: str = "",
        changed: Callable[[LinkState], None] = lambda state: None,
        notice: Callable[[str], None] = lambda text: None,
        sized: Callable[[Size], None] | None = None,
        colors: Sequence[int] = (),
    ) -> GuestTerminal:
        self._check_running()
        reports = LinkReports(output, ended, changed, notice, sized or (lambda size: None))
        terminal = GuestTerminal(
            url,
            size,
            reports,
            self._agent.settings.ice,
            name=name,
            screen=Screen.ANSWERS if sized is None else Screen.FOLLOWS,
            colors=colors,
            identities=identities(),
        )
        reports.follow(terminal)
        # Kept so that stop() closes it, even when its caller was cancelled.
        self._guests = {other for other in self._guests if not other.is_closed} | {terminal}
        await terminal.connect()
        reports.connected()
        return terminal

    def attach(
        self,
        shell_id: str,
        *,
        role: Role = Role.CONTROL,
        kind: ParticipantKind = ParticipantKind.HOST,
        name: str = "",
        size: Size | None = None,
        output: Output | None = None,
        ended: Ended = lambda reason, exit_code: None,
        refused: Callable[[str], None] = lambda reason: None,
    ) -> AttachedShell:
        self._check_running()
        return AttachedShell(
            self._agent.manager.shells.require(shell_id),
            role=role,
            kind=kind,
            name=name,
            size=size,
            output=output,
            ended=ended,
            refused=refused,
        )

    # The handlers. mypy compares their result types with those of the commands and queries.

    def _map_commands(self) -> None:
        agent = self._agent
        self._on(c.CloseSession, self._close_session)
        self._on(c.KeepOpen, self._keep_open)
        self._on(c.SetGuestTimeout, self._set_guest_timeout)
        self._on(c.SetGrace, self._set_grace)
        self._on(c.SetRecording, self._set_recording)
        self._on(c.SetShared, self._set_shared)
        self._on(c.CreateLink, self._create_link)
        self._on(c.RevokeLink, lambda command: agent.admission.revoke(command.link_id))
        self._on(c.DecideApproval, self._decide_approval)
        self._on(c.StartTarget, lambda command: self._agent.start_target(command.target))
        self._on(c.OpenShell, self._open_shell)
        self._on(c.EndShell, self._end_shell)
        self._on(c.SetRole, self._set_role)
        self._on(c.RemoveGuest, self._remove_guest)
        self._on(c.TakeKeyboard, self._take_keyboard)
        self._on(c.OpenKeyboard, self._open_keyboard)
        self._on(c.GrantKeyboard, self._grant_keyboard)
        self._on(c.DenyKeyboard, self._deny_keyboard)
        self._on(c.Freeze, self._freeze)
        self._on(c.Lock, self._lock)
        self._on(c.PinSize, self._pin_size)
        self._on(c.Record, self._record)
        self._on(c.KeepShell, self._keep_shell)
        self._on(c.ListRecordings, lambda _: asyncio.to_thread(agent.recordings.list))
        self._on(c.DeleteRecording, self._delete_recording)
        self._on(c.EndOrphans, lambda command: agent.ends.end_orphans(kept=command.kept))
        self._on(c.ShowWindow, self._show_window)
        self._on(c.RunSelfTest, self._run_self_test)
        self._on(c.WaitForTargets, lambda command: agent.targets.settled(command.seconds))
        self._on(c.WaitForRelay, lambda command: agent.wait_for_relay(command.seconds))
        self._on(c.WaitUntilRegistered, lambda command: agent.wait_registered(command.seconds))

    def _map_queries(self) -> None:
        agent = self._agent
        self._answer(q.Host, self._host)
        self._answer(q.Targets, lambda _: agent.targets.list())
        self._answer(q.SharedTargets, lambda _: agent.targets.shared())
        self._answer(q.DockerStatuses, lambda _: agent.targets.statuses())
        self._answer(q.Sessions, lambda _: agent.sessions())
        self._answer(q.Shells, lambda _: agent.manager.shells.infos())
        self._answer(q.GuestRestrictions, lambda _: self._restrictions())
        self._answer(q.Orphans, lambda _: agent.ends.orphans())
        self._answer(q.Links, lambda _: agent.admission.links.list())
        self._answer(q.LinkUrl, self._link_url)

    def _on(
        self, kind: type[c.Command[Result]], handler: Callable[[Any], Awaitable[Result]]
    ) -> None:
        self._commands[kind] = handler

    def _answer(self, kind: type[q.Query[Result]], handler: Callable[[Any], Result]) -> None:
        self._queries[kind] = handler

    def _check_running(self) -> None:
        if not self._running:
            raise HostStoppedError("The engine is not running")

    async def _close_session(self, command: c.CloseSession) -> None:
        await self._agent.close_session(command.session_id, command.reason, command.code)

    async def _keep_open(self, command: c.KeepOpen) -> bool:
        return self._agent.keep_open(command.session_id)

    async def _set_guest_timeout(self, command: c.SetGuestTimeout) -> None:
        self._agent.set_guest_timeout(command.seconds)

    async def _set_grace(self, command: c.SetGrace) -> None:
        self._agent.set_grace(command.seconds)

    async def _set_recording(self, command: c.SetRecording) -> None:
        self._agent.set_recording(command.on)

    async def _set_shared(self, command: c.SetShared) -> None:
        self._agent.set_shared(command.target, command.shared)

    def _shell(self, shell_id: str) -> Shell:
        """Raises ShellNotFoundError."""
        return self._agent.manager.shells.require(shell_id)

    def _shell_of(self, command: _ToParticipant) -> Shell:
        """The shell of a command to a participant. Raises ShellNotFoundError when either is
        gone."""
        shell = self._shell(command.shell_id)
        if shell.participant(command.participant) is None:
            raise ShellNotFoundError("This person has left")
        return shell

    async def _open_shell(self, command: c.OpenShell) -> str:
        return await self._agent.open_shell(command.target, command.size, command.command)

    async def _end_shell(self, command: c.EndShell) -> None:
        await self._agent.end_shell(command.shell_id, command.reason, everything=command.everything)

    async def _set_role(self, command: c.SetRole) -> None:
        self._shell_of(command).set_role(command.participant, command.role)

    async def _remove_guest(self, command: c.RemoveGuest) -> None:
        await self._agent.remove_guest(command.shell_id, command.participant, command.then)

    async def _take_keyboard(self, command: c.TakeKeyboard) -> None:
        self._shell_of(command).take_keyboard(command.participant)

    async def _open_keyboard(self, command: c.OpenKeyboard) -> None:
        self._shell(command.shell_id).open_keyboard()

    async def _grant_keyboard(self, command: c.GrantKeyboard) -> None:
        self._shell_of(command).grant_keyboard(command.participant)

    async def _deny_keyboard(self, command: c.DenyKeyboard) -> None:
        self._shell_of(command).deny_keyboard(command.participant)

    async def _freeze(self, command: c.Freeze) -> None:
        shells = self._agent.manager.shells
        if not command.shell_id:
            shells.freeze_guests() if command.on else shells.thaw_guests()
            self._events.publish(GuestsRestricted(restrictions=self._restrictions()))
        elif command.on:
            self._shell(command.shell_id).freeze()
        else:
            self._shell(command.shell_id).thaw()

    async def _lock(self, command: c.Lock) -> None:
        shells, links = self._agent.manager.shells, self._agent.admission.links
        if command.on:
            shells.freeze_guests()
            links.suspend_all()
        else:
            shells.thaw_guests()
            links.resume_all()
        self._locked = command.on
        self._events.publish(GuestsRestricted(restrictions=self._restrictions()))

    def _restrictions(self) -> Restrictions:
        # Kept links are still suspended after a restart.
        locked = self._locked or self._agent.admission.links.suspended
        return Restrictions(self._agent.manager.shells.guests_frozen, locked)

    async def _pin_size(self, command: c.PinSize) -> None:
        self._shell(command.shell_id).pin(command.size)

    async def _record(self, command: c.Record) -> None:
        await self._agent.record(command.shell_id, on=command.on)

    async def _keep_shell(self, command: c.KeepShell) -> bool:
        return self._agent.manager.shells.keep_open(command.shell_id)

    async def _create_link(self, command: c.CreateLink) -> Share:
        admission = self._agent.admission
        if command.kept:
            return await admission.create_kept(
                command.target,
                command.role,
                approval=command.approval,
                seconds=command.seconds,
                single_use=command.single_use,
                by_name=command.by_name,
                record=command.record,
            )
        link = admission.links.create(
            command.target,
            command.role,
            approval=command.approval,
            seconds=command.seconds,
            single_use=command.single_use,
            ref="" if command.by_name or command.shell else admission.ref_of(command.target),
            shell=self._shell(command.shell).id if command.shell else "",
            record=command.record,
        )
        if link.record and link.shell:
            await self._agent.record(link.shell, on=True)
        return link

    async def _decide_approval(self, command: c.DecideApproval) -> bool:
        return self._agent.admission.answer(
            command.session_id, command.role, remember=command.remember
        )

    async def _delete_recording(self, command: c.DeleteRecording) -> None:
        await asyncio.to_thread(self._agent.recordings.delete, command.recording_id)

    async def _show_window(self, command: c.ShowWindow) -> bool:
        if self._window:
            self._events.publish(WindowRequested(link=command.link))
        return self._window

    async def _run_self_test(self, command: c.RunSelfTest) -> SelfTestReport:
        def publish(stage: StageResult) -> None:
            self._events.publish(SelfTestStage(run=command.run, target=command.target, stage=stage))

        return await self._agent.self_test(command.target, publish, relay=command.relay)

    def _host(self, _: q.Host) -> q.HostInfo:
        agent = self._agent
        return q.HostInfo(
            agent.agent_id,
            agent.name,
            agent.relay_info(),
            agent.identity_problem,
            agent.links_problem,
            agent.admission.approvals.attended,
        )

    def _link_url(self, query: q.LinkUrl) -> str:
        admission = self._agent.admission
        return admission.url(admission.links.find(query.link_id))
