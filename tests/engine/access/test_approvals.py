"""How often, and about how many guests, the host is asked."""

from __future__ import annotations

import asyncio

import pytest

from engine.access import approvals
from engine.access.approvals import Approvals, Question
from engine.core.errors import AccessDeniedError, SessionLimitError
from engine.core.events import ApprovalRequested, EventBus
from engine.core.model import Guest, Role
from tests.engine.until import until


class Desk:
    """Approvals that somebody attends to, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        events = EventBus()
        self.approvals = Approvals(events, clock=lambda: self.now)
        self.approvals.attend()
        self.asked: list[str] = []
        events.subscribe(self._look)
        self._count = 0
        self.tasks: list[asyncio.Task[Role]] = []

    def _look(self, event: object) -> None:
        if isinstance(event, ApprovalRequested):
            self.asked.append(event.session_id)

    def comes(self, identity: str, share: str = "link") -> asyncio.Task[Role]:
        self._count += 1
        guest = Guest("Ada", "192.0.2.7", share=share, identity=identity)
        question = Question(f"s{self._count}", "web", guest, Role.CONTROL, "123 456")
        task = asyncio.ensure_future(self.approvals.ask(question))
        self.tasks.append(task)
        return task

    async def answers(self, role: Role | None) -> None:
        """The question that came last."""
        await until(lambda: self.approvals.pending())
        self.approvals.decide(self.asked[-1], role)
        await asyncio.wait([self.tasks[-1]])

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_denied_guest_cannot_ask_again_at_once_and_waits_longer_each_time() -> None:
    desk = Desk()
    for wait in (10, 20, 40):
        denied = desk.comes("a")
        await desk.answers(None)
        with pytest.raises(AccessDeniedError, match="The host denied"):
            await denied
        before = len(desk.asked)
        with pytest.raises(AccessDeniedError, match=rf"again in {wait} s"):
            await desk.comes("a")
        desk.now += wait - 1
        with pytest.raises(AccessDeniedError, match="again in 1 s"):
            await desk.comes("a")
        assert len(desk.asked) == before
        desk.now += 1
    # Somebody else of the same link is asked about, and who was let in starts anew.
    other = desk.comes("b")
    await desk.answers(Role.VIEW)
    assert await other is Role.VIEW
    allowed = desk.comes("a")
    await desk.answers(Role.CONTROL)
    assert await allowed is Role.CONTROL
    again = desk.comes("a")
    await desk.answers(None)
    with pytest.raises(AccessDeniedError, match="again in 10 s"):
        await desk.comes("a")
    with pytest.raises(AccessDeniedError):
        await again
    await desk.close()


async def test_the_longest_pause_is_bounded_and_denials_are_forgotten() -> None:
    desk = Desk()
    for _ in range(12):
        denied = desk.comes("a")
        await desk.answers(None)
        with pytest.raises(AccessDeniedError):
            await denied
        desk.now += approvals.MAX_PAUSE_SECONDS
    desk.now += approvals.MAX_PAUSE_SECONDS
    # The oldest are forgotten when another is denied.
    other = desk.comes("b")
    await desk.answers(None)
    with pytest.raises(AccessDeniedError):
        await other
    first = desk.comes("a")
    await desk.answers(None)
    with pytest.raises(AccessDeniedError):
        await first
    with pytest.raises(AccessDeniedError, match="again in 10 s"):
        await desk.comes("a")
    await desk.close()


async def test_a_guest_who_left_or_got_no_answer_was_not_denied() -> None:
    desk = Desk()
    left = desk.comes("a")
    await until(lambda: desk.approvals.pending())
    left.cancel()
    await asyncio.wait([left])
    desk.approvals.seconds = 0.01
    with pytest.raises(AccessDeniedError, match="did not answer"):
        await desk.comes("a")
    desk.approvals.seconds = 10.0
    allowed = desk.comes("a")
    await desk.answers(Role.VIEW)
    assert await allowed is Role.VIEW
    await desk.close()


async def test_one_link_asks_about_a_few_guests_at_a_time_and_all_about_some_more() -> None:
    desk = Desk()
    most = approvals.MAX_WAITING_PER_LINK
    for number in range(most):
        desk.comes(f"guest {number}")
    await until(lambda: len(desk.asked) == most)
    with pytest.raises(SessionLimitError, match="wait for the host"):
        await desk.comes("one more")
    for number in range(most, approvals.MAX_WAITING):
        desk.comes(f"guest {number}", share=f"link {number}")
    await until(lambda: len(desk.asked) == approvals.MAX_WAITING)
    with pytest.raises(SessionLimitError):
        await desk.comes("one more", share="another link")
    await desk.answers(Role.VIEW)
    waits = desk.comes("one more", share="another link")
    await until(lambda: len(desk.asked) == approvals.MAX_WAITING + 1)
    assert not waits.done()
    await desk.close()
