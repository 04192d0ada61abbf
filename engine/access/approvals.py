"""The host's approvals: which guests wait, and what happens when nobody can decide.

Which guests need approval is decided in engine.access.decide.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.access.guests import key
from engine.core.errors import AccessDeniedError, SessionLimitError
from engine.core.events import ApprovalRequested, ApprovalSettled, EventBus
from engine.core.model import Guest, Role

ANSWER_SECONDS = 120.0
"""How long a guest waits for the host's answer before it is denied."""
MAX_WAITING = 32
MAX_WAITING_PER_LINK = 4
"""Guests about whom the host is asked at a time, in all and of one link (or without one)."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 10.0, 600.0
"""After a denial the host is not asked about that guest again for so long: twice as long after
each further one, and forgotten that long after the last."""
MAX_PAUSED = 1000
"""Denied guests that are known; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A guest that waits, by ``session_id``. ``code`` is the short code on the guest's screen.

    ``shell``: the running shell that it wants to join, "" for a new one.
    """

    session_id: str
    target: str
    guest: Guest
    role: Role
    code: str
    shell: str = ""


class Approvals:
    """``unattended`` is the role granted while nobody can decide; None denies."""

    def __init__(
        self,
        events: EventBus,
        unattended: Role | None = None,
        seconds: float = ANSWER_SECONDS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._unattended = unattended
        self.seconds = seconds
        """How long the next guest waits."""
        self._clock = clock
        self._denied: dict[str, tuple[int, float]] = {}
        """By the guest's key (engine.access.guests): how often, and when at last."""
        self._deciders = 0
        self._open: dict[str, tuple[Question, asyncio.Future[Role | None]]] = {}

    def attend(self) -> Callable[[], None]:
        """Register somebody who decides, until the returned function is called."""
        self._deciders += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._deciders -= 1

        return leave

    @property
    def attended(self) -> bool:
        """Whether somebody decides."""
        return self._deciders > 0

    def pending(self) -> tuple[Question, ...]:
        return tuple(question for question, _ in self._open.values())

    def decide(self, session_id: str, role: Role | None) -> bool:
        """Allow as ``role``, or deny with None; False when that guest no longer waits."""
        _, answer = self._open.get(session_id, (None, None))
        if answer is None or answer.done():
            return False
        answer.set_result(role)
        return True

    async def ask(self, question: Question) -> Role:
        """The role the host grants. Raises AccessDeniedError with the reason for the guest, and
        SessionLimitError while too many guests wait.

        Cancelled when the guest leaves; the question is then settled.
        """
        if not self._deciders:
            if self._unattended is None:
                raise AccessDeniedError("Nobody is at the host to approve you")
            return self._unattended
        self._check_may_ask(question.guest)
        answer: asyncio.Future[Role | None] = asyncio.get_running_loop().create_future()
        self._open[question.session_id] = question, answer
        self._events.publish(
            ApprovalRequested(
                session_id=question.session_id,
                target=question.target,
                guest=question.guest,
                role=question.role,
                code=question.code,
                waits_until=time.time() + self.seconds,
                shell=question.shell,
            )
        )
        role, reason = None, "The guest left"
        try:
            async with asyncio.timeout(self.seconds):
                role = await answer
            reason = f"Allowed: {role}" if role else "The host denied the request"
        except TimeoutError:
            reason = "The host did not answer"
        finally:
            del self._open[question.session_id]
            self._events.publish(
                ApprovalSettled(session_id=question.session_id, role=role, reason=reason)
            )
        if role is None:
            if answer.done() and not answer.cancelled():
                self._pause(question.guest)
            raise AccessDeniedError(reason)
        self._denied.pop(key(question.guest), None)
        return role

    def _check_may_ask(self, guest: Guest) -> None:
        """Whoever holds a link could keep asking, and fill the host's screen with questions."""
        count, at = self._denied.get(key(guest), (0, 0.0))
        left = at + _pause_seconds(count) - self._clock() if count else 0.0
        if left > 0:
            words = f"The host denied your request. You can ask again in {math.ceil(left)} s"
            raise AccessDeniedError(words)
        same = sum(waiting.guest.share == guest.share for waiting, _ in self._open.values())
        if same >= MAX_WAITING_PER_LINK or len(self._open) >= MAX_WAITING:
            raise SessionLimitError("Others wait for the host's answer. Try again later")

    def _pause(self, guest: Guest) -> None:
        now = self._clock()
        self._denied = {
            one: (count, at)
            for one, (count, at) in self._denied.items()
            if now < at + MAX_PAUSE_SECONDS + _pause_seconds(count)
        }
        count, _ = self._denied.pop(key(guest), (0, 0.0))
        while len(self._denied) >= MAX_PAUSED:
            del self._denied[next(iter(self._denied))]
        self._denied[key(guest)] = count + 1, now


def _pause_seconds(count: int) -> float:
    """After so many denials in a row."""
    return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(count - 1, 30))
