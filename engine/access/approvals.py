"""The host's approvals: which guests wait, and what happens when nobody can decide.

Which guests need approval is decided in engine.access.decide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.core.errors import AccessDeniedError
from engine.core.events import ApprovalRequested, ApprovalSettled, EventBus
from engine.core.model import Guest, Role

ANSWER_SECONDS = 120.0
"""How long a guest waits for the host's answer before it is denied."""


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
    ) -> None:
        self._events = events
        self._unattended = unattended
        self.seconds = seconds
        """How long the next guest waits."""
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
        """The role the host grants. Raises AccessDeniedError with the reason for the guest.

        Cancelled when the guest leaves; the question is then settled.
        """
        if not self._deciders:
            if self._unattended is None:
                raise AccessDeniedError("Nobody is at the host to approve you")
            return self._unattended
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
            raise AccessDeniedError(reason)
        return role
