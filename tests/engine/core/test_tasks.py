"""Loops that die are reported and restarted; no failure of a task goes unnoticed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from engine.core import tasks
from engine.core.events import Event, LoopRestarted
from engine.core.tasks import TaskOwner, start, supervise

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Loop:
    """Work that fails as often as it has ``lifetimes``, each in seconds, and then returns."""

    def __init__(self, clock: Clock, *lifetimes: float) -> None:
        self._clock = clock
        self._lifetimes = list(lifetimes)
        self.runs = 0

    async def __call__(self) -> None:
        self.runs += 1
        if self._lifetimes:
            self._clock.now += self._lifetimes.pop(0)
            raise ValueError(f"death {self.runs}")


async def run(loop: Loop, clock: Clock, publish: Callable[[Event], object]) -> None:
    await supervise("The loop", loop, publish, clock=clock, sleep=clock.sleep)


async def test_a_loop_that_returns_is_not_run_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, events = Clock(), list[Event]()
    loop = Loop(clock)
    await run(loop, clock, events.append)
    assert (loop.runs, clock.pauses, events, caplog.records) == (1, [], [], [])


async def test_a_death_is_logged_published_and_followed_by_another_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, events = Clock(), list[Event]()
    loop = Loop(clock, 5.0)
    await run(loop, clock, events.append)
    assert (loop.runs, clock.pauses) == (2, [tasks.FIRST_PAUSE_SECONDS])
    assert [(e.name, e.problem) for e in events if isinstance(e, LoopRestarted)] == [
        ("The loop", "ValueError: death 1")
    ]
    assert "The loop failed" in caplog.text
    assert "Traceback" in caplog.text
    caplog.clear()


async def test_pauses_grow_to_a_bound_and_a_series_is_published_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, events = Clock(), list[Event]()
    loop = Loop(clock, *[0.0] * 9)
    await run(loop, clock, events.append)
    assert clock.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(events) == 1
    assert len([r for r in caplog.records if r.exc_info]) == 9
    caplog.clear()


async def test_the_longest_pause_can_be_shorter(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    loop = Loop(clock, *[0.0] * 5)
    await supervise("The loop", loop, longest=5.0, clock=clock, sleep=clock.sleep)
    assert clock.pauses == [1, 2, 4, 5, 5]
    clock, events = Clock(), list[Event]()
    loop = Loop(clock, *[0.0] * 3)
    await supervise("The loop", loop, events.append, longest=0.1, clock=clock, sleep=clock.sleep)
    assert (clock.pauses, len(events)) == ([0.1] * 3, 1)
    caplog.clear()


async def test_after_healthy_work_a_death_is_news_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, events = Clock(), list[Event]()
    loop = Loop(clock, 0.0, 0.0, tasks.HEALTHY_SECONDS, 0.0)
    await run(loop, clock, events.append)
    assert clock.pauses == [1, 2, 1, 2]
    assert len(events) == 2
    caplog.clear()


async def test_nothing_is_published_before_it_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, events = Clock(), list[Event]()
    reached = asyncio.Event()

    async def sleep(seconds: float) -> None:
        reached.set()
        await asyncio.Event().wait()

    loop = Loop(clock, 0.0)
    task = start(supervise("The loop", loop, events.append, clock=clock, sleep=sleep), "loop")
    await reached.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (loop.runs, events) == (1, [])
    caplog.clear()


async def test_cancelling_ends_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def loop() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = start(supervise("The loop", loop), "loop")
    await began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert (task.cancelled(), ended.is_set(), caplog.records) == (True, True, [])


async def test_a_cancelled_thing_it_awaits_is_a_death_like_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, events, runs = Clock(), list[Event](), 0

    async def loop() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            other = asyncio.get_running_loop().create_future()
            other.cancel()
            await other

    await supervise("The loop", loop, events.append, clock=clock, sleep=clock.sleep)
    assert (runs, len(events)) == (2, 1)
    caplog.clear()


async def test_what_is_shown_of_an_error_is_short_and_clean(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, events, errors = Clock(), list[Event](), [ValueError("a\n\u202eb" + "c" * 1000)]

    async def loop() -> None:
        if errors:
            raise errors.pop()

    await supervise("The loop", loop, events.append, clock=clock, sleep=clock.sleep)
    (event,) = events
    assert isinstance(event, LoopRestarted)
    assert event.problem.startswith("ValueError: a\\n\\u202eb")
    assert len(event.problem) == tasks.MAX_PROBLEM
    caplog.clear()


async def test_a_task_that_nobody_awaits_is_logged_when_it_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ValueError("nobody looks")

    task = start(fail(), "send a letter")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert "'send a letter' failed" in caplog.text
    assert "nobody looks" in caplog.text
    caplog.clear()


async def test_success_and_cancellation_are_not_failures(caplog: pytest.LogCaptureFixture) -> None:
    async def succeed() -> int:
        return 42

    assert await start(succeed(), "one") == 42
    waiting = start(asyncio.Event().wait(), "two")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert caplog.records == []


async def test_an_owner_ends_its_loops_and_its_work() -> None:
    owner = TaskOwner("tests")
    loop = owner.supervise("The loop", asyncio.Event().wait)
    work = owner.start(asyncio.Event().wait())
    await asyncio.sleep(0)
    await owner.close()
    assert (loop.cancelled(), work.cancelled()) == (True, True)
    await owner.close()


async def test_an_owner_publishes_what_its_loops_died_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_SECONDS", 0.001)
    events: list[Event] = []
    await TaskOwner("tests", events.append).supervise("The loop", Loop(Clock(), 0.0))
    assert [type(event) for event in events] == [LoopRestarted]
    caplog.clear()


async def test_an_owner_can_be_closed_by_a_task_of_its_own() -> None:
    owner = TaskOwner("tests")
    other = owner.start(asyncio.Event().wait())
    closing = owner.start(owner.close())
    await closing
    assert other.cancelled()


async def test_tasks_that_do_not_end_are_reported_and_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CANCEL_SECONDS", 0.01)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    owner = TaskOwner("tests")
    task = owner.start(stubborn())
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR):
        await owner.close()
    assert "tests: 1 tasks did not end" in caplog.text
    caplog.clear()
    release.set()
    await task
