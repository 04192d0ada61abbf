"""The seam between Qt and the engine: events become signals, calls become tasks.

Owns the subscription, the tasks it starts and turning their errors into the
``problem`` signal. Does not own the agent's life (the application starts and
stops it) or any widget.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.core.errors import HatchwayError
from engine.core.events import (
    ApprovalRequested,
    ApprovalSettled,
    DockerStatusChanged,
    EndsPending,
    IceConnection,
    IcePairSelected,
    PtyConnected,
    RelayStateChanged,
    SessionClosed,
    SessionCreated,
    SessionEvent,
    SessionIdle,
    SessionStateChanged,
    SharesChanged,
    TargetsChanged,
    Traffic,
)
from engine.core.model import EndCode
from gui.kit import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from engine.agent.agent import Agent
    from engine.client.peer import TerminalPeer
    from engine.client.selftest_report import SelfTestReport, StageResult
    from engine.core.events import (
        Event,
        EventBus,
    )
    from engine.core.model import Role, Share, Size

logger = logging.getLogger(__name__)

CLOSED_BY_HOST = "Closed by the host"
KICKED_BY_HOST = "Removed by the host"


class EngineAdapter(QObject):
    """Emits on the loop's thread, in the order the engine published.

    Each signal carries the event itself; ``sessionEvent`` carries every event
    that belongs to a session, the others only theirs.
    """

    sessionEvent = Signal(SessionEvent)
    sessionCreated = Signal(SessionCreated)
    sessionStateChanged = Signal(SessionStateChanged)
    sessionClosed = Signal(SessionClosed)
    sessionIdle = Signal(SessionIdle)
    ptyConnected = Signal(PtyConnected)
    iceConnection = Signal(IceConnection)
    icePairSelected = Signal(IcePairSelected)
    traffic = Signal(Traffic)
    relayStateChanged = Signal(RelayStateChanged)
    targetsChanged = Signal(TargetsChanged)
    dockerStatusChanged = Signal(DockerStatusChanged)
    endsPending = Signal(EndsPending)
    sharesChanged = Signal(SharesChanged)
    approvalRequested = Signal(ApprovalRequested)
    approvalSettled = Signal(ApprovalSettled)
    agentReady = Signal()
    startFailed = Signal()
    """In place of agentReady: the engine does not run and will not."""
    problem = Signal(str, str)
    """Title and text, in words."""

    def __init__(self, events: EventBus) -> None:
        super().__init__()
        self._agent: Agent | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._finishing: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._started = asyncio.Event()
        self._start_error: BaseException | None = None
        self._leave: Callable[[], None] = lambda: None
        self._signals = {
            SessionCreated: self.sessionCreated,
            SessionStateChanged: self.sessionStateChanged,
            SessionClosed: self.sessionClosed,
            SessionIdle: self.sessionIdle,
            PtyConnected: self.ptyConnected,
            IceConnection: self.iceConnection,
            IcePairSelected: self.icePairSelected,
            Traffic: self.traffic,
            RelayStateChanged: self.relayStateChanged,
            TargetsChanged: self.targetsChanged,
            DockerStatusChanged: self.dockerStatusChanged,
            EndsPending: self.endsPending,
            SharesChanged: self.sharesChanged,
            ApprovalRequested: self.approvalRequested,
            ApprovalSettled: self.approvalSettled,
        }
        self._unsubscribe = events.subscribe(self._on_event)

    @property
    def agent(self) -> Agent | None:
        """None until the engine has started."""
        return self._agent

    def attach(self, agent: Agent) -> None:
        """The engine runs now: calls are possible from here on.

        Tells the targets as they are: with no engine configured no event ever does.
        """
        self._agent = agent
        # There is a window now, and somebody before it to decide.
        self._leave = agent.admission.approvals.attend()
        self.targetsChanged.emit(TargetsChanged(targets=agent.targets.list()))
        self._started.set()
        self.agentReady.emit()

    def start_failed(self, error: BaseException) -> None:
        """The engine does not run and will not: say so, now and to whoever waits for it."""
        self._start_error = error
        self._started.set()
        self.startFailed.emit()
        self.report(error)

    def run(
        self,
        work: Coroutine[Any, Any, object],
        failed: Callable[[problems.Problem], None] | None = None,
        *,
        finish: bool = False,
    ) -> asyncio.Task[Any] | None:
        """Run ``work`` as a task owned here until close().

        An error goes to ``failed`` if given, else out through ``problem``. ``finish``
        is for clean-up, bounded in itself: close() awaits it instead of cancelling.
        After close() nothing is started and None comes back.
        """
        if self._closed:
            work.close()
            return None
        task = asyncio.get_event_loop().create_task(self._guarded(work, failed))
        self._tasks.add(task)
        if finish:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
        task.add_done_callback(self._tasks.discard)
        return task

    async def open_terminal(
        self,
        target_id: str,
        size: Size,
        on_output: Callable[[bytes], None],
        on_end: Callable[[str, int | None], None],
    ) -> TerminalPeer:
        """See Agent.open_terminal; waits for the engine to run. Raises HatchwayError."""
        agent = await self._ready()
        return await agent.open_terminal(target_id, size, on_output, on_end)

    async def self_test(
        self, target_id: str, on_stage: Callable[[StageResult], None]
    ) -> SelfTestReport:
        """See Agent.self_test; waits for the engine to run. Raises HatchwayError."""
        agent = await self._ready()
        return await agent.self_test(target_id, on_stage)

    def close_session(
        self, session_id: str, reason: str = CLOSED_BY_HOST, code: EndCode = EndCode.CLOSED
    ) -> None:
        if self._agent is not None:
            self.run(self._agent.close_session(session_id, reason, code))

    def keep_open(self, session_id: str) -> None:
        """See Agent.keep_open. Too late is no error."""
        if self._agent is not None:
            self._agent.keep_open(session_id)

    def set_guest_timeout(self, seconds: float) -> None:
        """See Agent.set_guest_timeout."""
        if self._agent is not None:
            self._agent.set_guest_timeout(seconds)

    def set_shared(self, target_id: str, shared: bool) -> None:
        if self._agent is not None:
            self._agent.set_shared(target_id, shared)

    def links(self) -> tuple[Share, ...]:
        """Every link there is, oldest first."""
        return () if self._agent is None else self._agent.admission.links.list()

    def create_link(
        self,
        target_id: str,
        role: Role,
        *,
        approval: bool = False,
        seconds: float | None = None,
        single_use: bool = False,
    ) -> Share:
        """See Links.create. Raises HatchwayError, also while the engine does not run."""
        if self._agent is None:
            raise HatchwayError("The engine is not running yet")
        return self._agent.admission.links.create(
            target_id, role, approval=approval, seconds=seconds, single_use=single_use
        )

    def link_url(self, share: Share) -> str:
        """The link to hand over; it holds the secret."""
        return "" if self._agent is None else self._agent.admission.url(share)

    def sessions_of_link(self, share_id: str) -> int:
        """How many sessions revoke_link() would end."""
        sessions = () if self._agent is None else self._agent.sessions()
        return sum(session.guest.share == share_id for session in sessions)

    def revoke_link(self, share_id: str) -> None:
        """Withdraw a link and end the sessions it opened."""
        if self._agent is not None:
            self.run(self._agent.admission.revoke(share_id))

    def decide(self, session_id: str, role: Role | None, *, remember: bool = False) -> None:
        """Answer a waiting guest; see Admission.answer. Too late is no error."""
        if self._agent is not None:
            self._agent.admission.answer(session_id, role, remember=remember)

    async def close(self) -> None:
        """Cancel and await every task, let clean-up finish, stop listening. Idempotent."""
        self._closed = True
        self._unsubscribe()
        self._leave()
        while self._tasks:
            tasks = tuple(self._tasks)
            for task in tasks:
                if task not in self._finishing:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
        self._agent = None

    def report(self, error: BaseException) -> None:
        """Show ``error`` as words."""
        told = problems.explain(error)
        self.problem.emit(told.title, told.text)

    async def _ready(self) -> Agent:
        """The engine, as soon as it runs: a terminal may be asked for before that."""
        await self._started.wait()
        if self._agent is None:
            raise HatchwayError("The engine could not start") from self._start_error
        return self._agent

    async def _guarded(
        self,
        work: Coroutine[Any, Any, object],
        failed: Callable[[problems.Problem], None] | None,
    ) -> None:
        try:
            await work
        except Exception as error:
            if isinstance(error, HatchwayError):
                logger.warning("%s: %s", error.code, error)
            else:
                logger.error("A task of the window failed", exc_info=error)
            if failed is None:
                self.report(error)
            else:
                failed(problems.explain(error))

    def _on_event(self, event: Event) -> None:
        signal = self._signals.get(type(event))
        if signal is not None:
            signal.emit(event)
        if isinstance(event, SessionEvent):
            self.sessionEvent.emit(event)
