"""What a terminal on another host reports, as one value.

The terminal itself, with its returns after a lost connection, is in engine.control.guest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.control.api import Ended, Output
from engine.control.guest import GuestTerminal
from engine.core.model import LinkState, Size


class LinkReports:
    """An engine.control.guest.Guest. ``changed`` gets the terminal's state whenever that has
    changed, once ``follow()`` has said which terminal it is."""

    def __init__(
        self,
        output: Output,
        ended: Ended,
        changed: Callable[[LinkState], None],
        notice: Callable[[str], None],
        sized: Callable[[Size], None],
    ) -> None:
        self.output = output
        self.notice = notice
        self.sized = sized
        self._ended = ended
        self._changed = changed
        self._terminal: GuestTerminal | None = None
        self._state = LinkState()

    def follow(self, terminal: GuestTerminal) -> None:
        self._terminal = terminal

    def connected(self) -> None:
        """It takes input."""
        self._update(approval="allowed" if self._state.approval else "")

    # engine.control.guest.Guest

    def ended(self, reason: str, exit_code: int | None) -> None:
        self._update()
        self._ended(reason, exit_code)

    def approval(self, state: str, code: str) -> None:
        self._update(approval=state)

    def idle(self, seconds: float | None) -> None:
        self._update(idle=seconds)

    def connection(self, *, lost: bool) -> None:
        self._update(lost=lost)

    def changed(self) -> None:
        self._update()

    def _update(self, **facts: Any) -> None:
        terminal = self._terminal
        if terminal is None:
            return
        state = replace(
            self._state,
            target=terminal.target,
            role=terminal.role,
            code=terminal.code,
            participant=terminal.participant,
            people=terminal.people,
            keyboard=terminal.keyboard,
            may_type=terminal.may_type,
            recording=terminal.recording,
            held=terminal.held_input,
            replaced=terminal.replaced,
            **facts,
        )
        if state != self._state:
            self._state = state
            self._changed(state)
