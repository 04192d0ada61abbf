"""The Qt side of the engine's API: events become signals, commands become tasks.

Errors of these tasks become the ``problem`` signal. gui.app.application starts and stops the
engine.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from engine.control.queries import Targets
from engine.core.errors import HatchwayError
from engine.core.events import (
    ApprovalRequested,
    ApprovalSettled,
    CodeKnown,
    DockerStatusChanged,
    EndsPending,
    GuestsRestricted,
    IceConnection,
    IcePairSelected,
    KeyboardAsked,
    LoopRestarted,
    OrphansChanged,
    PtyConnected,
    RecordingProblem,
    RelayStateChanged,
    SelfTestStage,
    SessionClosed,
    SessionCreated,
    SessionEvent,
    SessionIdle,
    SessionStateChanged,
    SharesChanged,
    ShellChanged,
    ShellEnded,
    ShellStarted,
    TargetsChanged,
    Traffic,
    WindowRequested,
)
from gui.kit import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from engine.control.api import (
        ControlApi,
        Ended,
        LinkTerminal,
        Output,
        ShellHandle,
        TerminalHandle,
    )
    from engine.control.commands import Command
    from engine.control.queries import Query
    from engine.core.events import Event
    from engine.core.model import LinkState, Role, Size

Result = TypeVar("Result")
Otherwise = TypeVar("Otherwise")

logger = logging.getLogger(__name__)


class EngineAdapter(QObject):
    """Emits on the loop's thread, in the order the engine published.

    Each signal carries the event; ``sessionEvent`` carries every event of a session.
    """

    sessionEvent = Signal(SessionEvent)
    sessionCreated = Signal(SessionCreated)
    sessionStateChanged = Signal(SessionStateChanged)
    sessionClosed = Signal(SessionClosed)
    codeKnown = Signal(CodeKnown)
    sessionIdle = Signal(SessionIdle)
    ptyConnected = Signal(PtyConnected)
    iceConnection = Signal(IceConnection)
    icePairSelected = Signal(IcePairSelected)
    traffic = Signal(Traffic)
    relayStateChanged = Signal(RelayStateChanged)
    targetsChanged = Signal(TargetsChanged)
    dockerStatusChanged = Signal(DockerStatusChanged)
    endsPending = Signal(EndsPending)
    orphansChanged = Signal(OrphansChanged)
    loopRestarted = Signal(LoopRestarted)
    sharesChanged = Signal(SharesChanged)
    approvalRequested = Signal(ApprovalRequested)
    approvalSettled = Signal(ApprovalSettled)
    selfTestStage = Signal(SelfTestStage)
    windowRequested = Signal(WindowRequested)
    shellStarted = Signal(ShellStarted)
    shellChanged = Signal(ShellChanged)
    shellEnded = Signal(ShellEnded)
    keyboardAsked = Signal(KeyboardAsked)
    guestsRestricted = Signal(GuestsRestricted)
    recordingProblem = Signal(RecordingProblem)
    engineReady = Signal()
    startFailed = Signal()
    """Emitted instead of engineReady when the engine could not start."""
    problem = Signal(str, str)
    """Title and text of an error message."""

    def __init__(self) -> None:
        super().__init__()
        self._control: ControlApi | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._finishing: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._settled = asyncio.Event()
        """Set when the engine runs or failed to start."""
        self._running = False
        self._start_error: BaseException | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._signals = {
            SessionCreated: self.sessionCreated,
            SessionStateChanged: self.sessionStateChanged,
            SessionClosed: self.sessionClosed,
            CodeKnown: self.codeKnown,
            SessionIdle: self.sessionIdle,
            PtyConnected: self.ptyConnected,
            IceConnection: self.iceConnection,
            IcePairSelected: self.icePairSelected,
            Traffic: self.traffic,
            RelayStateChanged: self.relayStateChanged,
            TargetsChanged: self.targetsChanged,
            DockerStatusChanged: self.dockerStatusChanged,
            EndsPending: self.endsPending,
            OrphansChanged: self.orphansChanged,
            LoopRestarted: self.loopRestarted,
            SharesChanged: self.sharesChanged,
            ApprovalRequested: self.approvalRequested,
            ApprovalSettled: self.approvalSettled,
            SelfTestStage: self.selfTestStage,
            WindowRequested: self.windowRequested,
            ShellStarted: self.shellStarted,
            ShellChanged: self.shellChanged,
            ShellEnded: self.shellEnded,
            KeyboardAsked: self.keyboardAsked,
            GuestsRestricted: self.guestsRestricted,
            RecordingProblem: self.recordingProblem,
        }

    @property
    def ready(self) -> bool:
        """Whether the engine has started."""
        return self._running

    def attach(self, control: ControlApi) -> None:
        """Subscribe to an engine that has not started yet. The window decides its approvals."""
        self._control = control
        self._unsubscribe = control.subscribe(self._on_event, decides=True)

    def started(self) -> None:
        """The engine runs: start to execute commands, those that wait included.

        Also publishes the targets: without a Docker engine no event would.
        """
        self._running = True
        self.targetsChanged.emit(TargetsChanged(targets=self.ask(Targets(), ())))
        self._settled.set()
        self.engineReady.emit()

    def start_failed(self, error: BaseException) -> None:
        """The engine could not start: report it, and fail the commands that wait."""
        self._start_error = error
        self._settled.set()
        self.startFailed.emit()
        self.report(error)

    def run(
        self,
        work: Coroutine[Any, Any, object],
        failed: Callable[[problems.Problem], None] | None = None,
        *,
        finish: bool = False,
    ) -> asyncio.Task[Any] | None:
        """Run ``work`` as a task that close() cancels and awaits.

        An error is passed to ``failed`` if given, else emitted as ``problem``. ``finish`` is for
        clean-up with its own time limit: close() awaits it instead of cancelling. After close()
        nothing is started; returns None.
        """
        if self._closed:
            work.close()
            return None
        task = asyncio.get_event_loop().create_task(self._guarded(work, failed))
        # If cancelled before it began, Python would warn that it was never awaited.
        task.add_done_callback(lambda _: work.close())
        self._tasks.add(task)
        if finish:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
        task.add_done_callback(self._tasks.discard)
        return task

    def ask(self, query: Query[Result], otherwise: Otherwise) -> Result | Otherwise:
        """The engine's answer, or ``otherwise`` while there is no engine."""
        return otherwise if self._control is None else self._control.ask(query)

    def do(self, command: Command[Any]) -> None:
        """Run a command whose result does not matter, as a task; errors become ``problem``."""
        self.run(self.perform(command))

    async def perform(self, command: Command[Result]) -> Result:
        """The command's result. Waits for the engine to run. Raises HatchwayError."""
        control = await self._engine()
        return await control.do(command)

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> TerminalHandle:
        """See ControlApi.open_terminal; waits for the engine to run. Raises HatchwayError."""
        control = await self._engine()
        return await control.open_terminal(target_id, size, output, ended)

    async def open_link(
        self,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        *,
        name: str,
        changed: Callable[[LinkState], None],
        notice: Callable[[str], None],
        sized: Callable[[Size], None],
        colors: Sequence[int],
    ) -> LinkTerminal:
        """See ControlApi.open_link; waits for the engine to run. Raises HatchwayError."""
        control = await self._engine()
        return await control.open_link(
            url,
            size,
            output,
            ended,
            name=name,
            changed=changed,
            notice=notice,
            sized=sized,
            colors=colors,
        )

    async def enter_shell(
        self,
        shell_id: str,
        role: Role,
        size: Size | None,
        ended: Ended,
        refused: Callable[[str], None],
    ) -> ShellHandle:
        """See ControlApi.attach; to paint the shell's screen. Waits for the engine to run.
        Raises HatchwayError."""
        control = await self._engine()
        return control.attach(shell_id, role=role, size=size, ended=ended, refused=refused)

    async def close(self) -> None:
        """Cancel and await every task, let clean-up finish, stop listening. Idempotent."""
        self._closed = True
        self._unsubscribe()
        while self._tasks:
            tasks = tuple(self._tasks)
            for task in tasks:
                if task not in self._finishing:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
        self._running = False
        self._control = None

    def report(self, error: BaseException) -> None:
        """Emit ``error`` as ``problem``."""
        words = problems.explain(error)
        self.problem.emit(words.title, words.text)

    async def _engine(self) -> ControlApi:
        """Wait until the engine runs and return it. Raises HatchwayError if it could not start."""
        await self._settled.wait()
        if self._control is None or not self._running:
            raise HatchwayError("The engine could not start") from self._start_error
        return self._control

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
