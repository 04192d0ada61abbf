"""The implementation of ``engine.control.api``: commands, queries and events of one Agent.

Owns the Agent, and one map from each command and query to its handler. Importing it imports
the whole engine, which takes half a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from engine.agent.agent import Agent
from engine.control import commands as c
from engine.control import queries as q
from engine.control.api import Ended, Output
from engine.control.terminal import PeerTerminal
from engine.core.errors import HostStoppedError
from engine.core.events import EventBus, Handler, SelfTestStage
from engine.core.model import Share, Size
from engine.core.selftest_report import SelfTestReport, StageResult
from engine.core.settings import Settings

Result = TypeVar("Result")


class Control:
    """A ControlApi. One per process."""

    def __init__(self, settings: Settings, events: EventBus | None = None) -> None:
        self._events = events or EventBus()
        self._agent = Agent(settings, self._events)
        self._running = False
        self._commands: dict[type[Any], Callable[[Any], Awaitable[Any]]] = {}
        self._queries: dict[type[Any], Callable[[Any], Any]] = {}
        self._map_commands()
        self._map_queries()

    async def start(self) -> None:
        await self._agent.start()
        self._running = True

    async def stop(self) -> None:
        self._running = False
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

    # The handlers. mypy compares their result types with those of the commands and queries.

    def _map_commands(self) -> None:
        agent = self._agent
        self._on(c.CloseSession, self._close_session)
        self._on(c.KeepOpen, self._keep_open)
        self._on(c.SetGuestTimeout, self._set_guest_timeout)
        self._on(c.SetShared, self._set_shared)
        self._on(c.CreateLink, self._create_link)
        self._on(c.RevokeLink, lambda command: agent.admission.revoke(command.link_id))
        self._on(c.DecideApproval, self._decide_approval)
        self._on(c.EndOrphans, lambda command: agent.ends.end_orphans(kept=command.kept))
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

    async def _set_shared(self, command: c.SetShared) -> None:
        self._agent.set_shared(command.target, command.shared)

    async def _create_link(self, command: c.CreateLink) -> Share:
        admission = self._agent.admission
        if command.kept:
            return await admission.create_kept(
                command.target,
                command.role,
                approval=command.approval,
                seconds=command.seconds,
                single_use=command.single_use,
            )
        return admission.links.create(
            command.target,
            command.role,
            approval=command.approval,
            seconds=command.seconds,
            single_use=command.single_use,
        )

    async def _decide_approval(self, command: c.DecideApproval) -> bool:
        return self._agent.admission.answer(
            command.session_id, command.role, remember=command.remember
        )

    async def _run_self_test(self, command: c.RunSelfTest) -> SelfTestReport:
        def publish(stage: StageResult) -> None:
            self._events.publish(SelfTestStage(run=command.run, target=command.target, stage=stage))

        return await self._agent.self_test(command.target, publish)

    def _host(self, _: q.Host) -> q.HostInfo:
        agent = self._agent
        return q.HostInfo(
            agent.agent_id,
            agent.name,
            agent.relay_info(),
            agent.identity_problem,
            agent.links_problem,
        )

    def _link_url(self, query: q.LinkUrl) -> str:
        admission = self._agent.admission
        return admission.url(admission.links.find(query.link_id))
