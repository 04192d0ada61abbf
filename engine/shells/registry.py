"""All shells of one agent: starts, watches and ends them.

Owns the registry, the limits, idle and grace times, and the events about shells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.core import events as ev
from engine.core.errors import HostStoppedError, ShellNotFoundError
from engine.core.model import EndCode, ExitStatus, KeyboardState, ShellInfo
from engine.core.settings import Settings
from engine.pty.base import PTY
from engine.shells.idle import IdleWatch, RunningClock, Verdict, warning_seconds
from engine.shells.participant import Participant
from engine.shells.shell import HISTORY_LINES, Shell, ShellLimits

logger = logging.getLogger(__name__)

CHANGE_SECONDS = 0.1
"""Changes of one shell are published together, at most so often."""


class Shells:
    """One per agent, on one loop."""

    def __init__(self, settings: Callable[[], Settings], events: ev.EventBus) -> None:
        """``settings()`` returns those in force."""
        self.clock = RunningClock()
        self._settings = settings
        self._events = events
        self._shells: dict[str, Shell] = {}
        self._watches: dict[str, IdleWatch] = {}
        self._changed: dict[str, asyncio.TimerHandle] = {}
        self._frozen: frozenset[str] = frozenset()
        self._refusing = False

    def all(self) -> tuple[Shell, ...]:
        """Every running shell, oldest first."""
        return tuple(self._shells.values())

    def infos(self) -> tuple[ShellInfo, ...]:
        return tuple(shell.info() for shell in self._shells.values())

    def find(self, shell_id: str) -> Shell | None:
        return self._shells.get(shell_id)

    def require(self, shell_id: str) -> Shell:
        """Raises ShellNotFoundError."""
        shell = self._shells.get(shell_id)
        if shell is None:
            raise ShellNotFoundError
        return shell

    def check_running(self) -> None:
        """Raises HostStoppedError after stop()."""
        if self._refusing:
            raise HostStoppedError

    def add(
        self,
        pty: PTY,
        *,
        shell_id: str = "",
        target: str = "",
        own: bool = False,
        owner: str = "",
        link_id: str = "",
        position: int = 0,
    ) -> Shell:
        """The shell of a PTY that was just opened. ``start()`` it once somebody has joined.

        Raises HostStoppedError after stop(); the PTY is still the caller's then.
        """
        self.check_running()
        settings = self._settings()
        shell = Shell(
            pty,
            shell_id=shell_id,
            target=target,
            own=own,
            owner=owner,
            link_id=link_id,
            limits=ShellLimits(
                settings.terminal.replay_bytes,
                settings.session.resume_window,
                settings.ui.scrollback if own else HISTORY_LINES,
                settings.session.max_participants,
            ),
            position=position,
            clock=lambda: self.clock.now,
            changed=self._publish_soon,
            asked=self._asked,
            ended=self._ended,
        )
        self._shells[shell.id] = shell
        self._watches[shell.id] = IdleWatch(self.clock.now)
        self._events.publish(ev.ShellStarted(shell=shell.info()))
        return shell

    async def end(self, shell_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """An unknown shell is not an error."""
        if (shell := self._shells.get(shell_id)) is not None:
            await shell.finish(reason, code)

    def end_soon(self, shell_id: str, reason: str, code: EndCode = EndCode.CLOSED) -> None:
        """Begin to end it without waiting."""
        if (shell := self._shells.get(shell_id)) is not None:
            shell.finish_soon(reason, code)

    async def stop(self) -> None:
        """End every shell; none can be added from now on."""
        self._refusing = True
        ending = [shell.finish("The host stopped", EndCode.HOST_STOPPED) for shell in self.all()]
        await asyncio.gather(*ending)
        for timer in self._changed.values():
            timer.cancel()
        self._changed.clear()

    # The keyboard of all shells.

    def freeze_guests(self) -> None:
        """Freeze all shells that have guests, and no others."""
        self._frozen |= {
            shell.id
            for shell in self.all()
            if shell.keyboard_state is not KeyboardState.FROZEN and shell.has_guests
        }
        for shell_id in self._frozen:
            if (shell := self._shells.get(shell_id)) is not None:
                shell.freeze()

    @property
    def guests_frozen(self) -> bool:
        """Whether a shell is still frozen by freeze_guests()."""
        shells = (self._shells.get(shell_id) for shell_id in self._frozen)
        return any(one and one.keyboard_state is KeyboardState.FROZEN for one in shells)

    def thaw_guests(self) -> None:
        """Undo freeze_guests(): what was frozen before stays so."""
        frozen, self._frozen = self._frozen, frozenset()
        for shell_id in frozen:
            if (shell := self._shells.get(shell_id)) is not None:
                shell.thaw()

    # Life.

    def check(self) -> None:
        """Once a second or oftener: warn and end what is idle, end what nobody returned to."""
        self.clock.tick()
        for shell in self.all():
            if not shell.own:
                try:
                    self._check(shell)
                except Exception:
                    # A fault of one shell's check costs the others nothing.
                    logger.exception("Shell %s: a regular check failed", shell.id)

    def _check(self, shell: Shell) -> None:
        limits, now = self._settings().session, self.clock.now
        watch = self._watches[shell.id]
        if (since := shell.alone_since) is not None:
            self._warn(shell, watch.touch(now), None)
            if limits.grace and now - since > limits.grace:
                self._end_soon(shell, "Nobody came back to the terminal", EndCode.GRACE)
            return
        if shell.take_activity():
            self._warn(shell, watch.touch(now), None)
        warning = warning_seconds(limits.timeout, limits.timeout_warning)
        match watch.check(now, limits.timeout, warning):
            case Verdict.WARN:
                self._warn(shell, True, warning)
            case Verdict.END:
                logger.info("Session timed out: %s", shell.id)
                reason = f"Session timed out after {limits.timeout:g} s without activity"
                self._end_soon(shell, reason, EndCode.IDLE)

    def keep_open(self, shell_id: str) -> bool:
        """Reset the idle time; False when there is no such shell."""
        shell = self._shells.get(shell_id)
        if shell is None:
            return False
        self._warn(shell, self._watches[shell_id].touch(self.clock.now), None)
        return True

    def idle_seconds(self, shell_id: str) -> float:
        watch = self._watches.get(shell_id)
        return watch.seconds(self.clock.now) if watch is not None else 0.0

    def _warn(self, shell: Shell, changed: bool, seconds: float | None) -> None:
        if not changed:
            return
        shell.warn_idle(seconds)
        for one in shell.participants:
            if one.session_id:
                self._events.publish(ev.SessionIdle(session_id=one.session_id, seconds=seconds))

    def _end_soon(self, shell: Shell, reason: str, code: EndCode) -> None:
        shell.finish_soon(reason, code)

    # From the shells.

    def _asked(self, shell: Shell, participant: Participant) -> None:
        self._events.publish(
            ev.KeyboardAsked(shell_id=shell.id, participant=participant.id, name=participant.name)
        )

    def _ended(self, shell: Shell, status: ExitStatus) -> None:
        self._shells.pop(shell.id, None)
        self._watches.pop(shell.id, None)
        if (timer := self._changed.pop(shell.id, None)) is not None:
            timer.cancel()
        self._events.publish(ev.ShellEnded(shell=shell.info()))

    def _publish_soon(self, shell: Shell) -> None:
        if shell.id in self._shells and shell.id not in self._changed:
            loop = asyncio.get_running_loop()
            self._changed[shell.id] = loop.call_later(CHANGE_SECONDS, self._publish, shell)

    def _publish(self, shell: Shell) -> None:
        self._changed.pop(shell.id, None)
        self._events.publish(ev.ShellChanged(shell=shell.info()))
