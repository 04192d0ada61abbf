"""Between Qt and the engine's API: signals, tasks, errors as words, a clean end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.control.commands import CloseSession, Command, CreateLink, KeepOpen, SetShared
from engine.control.queries import Query, Targets
from engine.core import events as ev
from engine.core.errors import HatchwayError, LimitError
from engine.core.model import LOCAL_TARGET, Guest, Size, Target, TargetKind
from gui.control.adapter import EngineAdapter
from tests.engine.control.samples import sample, subclasses
from tests.gui.fake_control import FakeControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gui.conftest import Run

    Settle = Callable[[], None]

CREATED = ev.SessionCreated(session_id="s1", device_id="web-1", guest=Guest("Maria"))
LOCAL = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)


@pytest.fixture
def problems(adapter: EngineAdapter) -> list[tuple[str, str]]:
    """What was shown as a problem: title and text."""
    shown: list[tuple[str, str]] = []
    adapter.problem.connect(lambda *words: shown.append(words))
    return shown


@pytest.mark.parametrize("kind", subclasses(ev.SessionEvent), ids=lambda kind: kind.__name__)
def test_every_event_of_a_session_is_a_signal(
    adapter: EngineAdapter, control: FakeControl, kind: type[ev.SessionEvent]
) -> None:
    heard: list[ev.SessionEvent] = []
    adapter.sessionEvent.connect(heard.append)
    event = sample(kind)
    control.publish(event)
    assert heard == [event]


def test_an_event_of_a_kind_comes_by_its_own_signal(
    adapter: EngineAdapter, control: FakeControl
) -> None:
    heard: list[ev.Event] = []
    for signal in (adapter.sessionCreated, adapter.targetsChanged, adapter.selfTestStage):
        signal.connect(heard.append)
    published = [CREATED, ev.TargetsChanged(targets=(LOCAL,)), sample(ev.SelfTestStage)]
    for event in [*published, ev.SessionNote(session_id="s1", text="x")]:
        control.publish(event)
    assert heard == published


def test_the_targets_are_published_when_the_engine_has_started(control: FakeControl) -> None:
    control.answers[Targets] = (LOCAL,)
    adapter = EngineAdapter()
    heard: list[tuple[Target, ...]] = []
    adapter.targetsChanged.connect(lambda event: heard.append(event.targets))
    adapter.engineReady.connect(lambda: heard.append(()))
    assert adapter.ask(Targets(), "no engine") == "no engine"
    adapter.attach(control)
    assert not adapter.ready
    assert heard == []
    adapter.started()
    assert adapter.ready
    assert heard == [(LOCAL,), ()]


def test_commands_are_carried_out_in_their_order(
    adapter: EngineAdapter, control: FakeControl, settle: Settle
) -> None:
    asked: list[Command[Any]] = [CloseSession("s1"), SetShared("web", True), KeepOpen("s2")]
    for command in asked:
        adapter.do(command)
    settle()
    assert control.commands == asked


def test_a_command_waits_until_the_engine_runs(
    qt_loop: asyncio.AbstractEventLoop, control: FakeControl, settle: Settle
) -> None:
    adapter = EngineAdapter()
    adapter.do(KeepOpen("s1"))
    adapter.attach(control)
    qt_loop.run_until_complete(asyncio.sleep(0))
    assert control.commands == []
    adapter.started()
    settle()
    assert control.commands == [KeepOpen("s1")]


def test_an_error_of_the_engine_is_shown_in_words(
    adapter: EngineAdapter, control: FakeControl, settle: Settle, problems: list[tuple[str, str]]
) -> None:
    control.answers[KeepOpen] = LimitError("Too many")
    adapter.do(KeepOpen("s1"))
    settle()
    ((title, text),) = problems
    assert title == "A limit was reached"
    assert text.startswith("Too many. ")


def test_an_error_nobody_foresaw_is_logged_and_not_quoted(
    adapter: EngineAdapter,
    control: FakeControl,
    settle: Settle,
    problems: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    control.answers[KeepOpen] = KeyError("/secret/path")
    adapter.do(KeepOpen("s1"))
    settle()
    assert "/secret/path" in caplog.text
    assert problems
    assert "/secret/path" not in str(problems)
    caplog.clear()


def test_a_caller_that_handles_its_errors_gets_them(
    adapter: EngineAdapter, control: FakeControl, settle: Settle, problems: list[tuple[str, str]]
) -> None:
    control.answers[CreateLink] = LimitError("Too many")
    failed: list[str] = []
    adapter.run(adapter.perform(CreateLink("web")), lambda problem: failed.append(problem.code))
    settle()
    assert failed == ["limit"]
    assert problems == []


def test_what_waits_for_an_engine_that_cannot_start_fails(
    qt_loop: asyncio.AbstractEventLoop,
    control: FakeControl,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    adapter = EngineAdapter()
    failures: list[None] = []
    texts: list[str] = []
    adapter.startFailed.connect(lambda: failures.append(None))
    adapter.attach(control)
    opening = adapter.open_terminal("web", Size(), lambda _: None, lambda *_: None)
    adapter.run(opening, lambda problem: texts.append(problem.text))
    adapter.start_failed(LimitError("No port is free"))
    settle()
    assert len(failures) == 1
    assert not adapter.ready
    (text,) = texts
    assert text.startswith("The engine could not start")
    assert control.terminals == []


def test_the_window_decides_who_is_let_in_until_it_closes(qt_run: Run) -> None:
    async def steps() -> None:
        control, adapter = FakeControl(), EngineAdapter()
        adapter.attach(control)
        assert control.deciders == 1
        await adapter.close()
        assert control.deciders == 0

    qt_run(steps())


def test_closing_cancels_what_runs_and_lets_clean_up_end(qt_run: Run) -> None:
    async def steps() -> None:
        adapter, control = EngineAdapter(), FakeControl()
        adapter.attach(control)
        adapter.started()
        heard: list[ev.Event] = []
        adapter.sessionEvent.connect(heard.append)
        ends: list[str] = []
        go_on = asyncio.Event()

        async def work(name: str) -> None:
            try:
                await go_on.wait()
                ends.append(f"{name} ended")
            except asyncio.CancelledError:
                ends.append(f"{name} cancelled")
                raise

        adapter.run(work("command"))
        adapter.run(work("clean-up"), finish=True)
        await asyncio.sleep(0)
        # One that never begins leaves nothing behind.
        adapter.run(work("late"))
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        await adapter.close()
        assert ends == ["command cancelled", "clean-up ended"]
        control.publish(CREATED)
        assert heard == []
        assert adapter.run(work("after")) is None
        await adapter.close()

    qt_run(steps())


def test_after_closing_the_engine_is_no_longer_asked(qt_run: Run, control: FakeControl) -> None:
    async def steps() -> None:
        adapter = EngineAdapter()
        adapter.attach(control)
        adapter.started()
        await adapter.close()
        assert not adapter.ready
        assert adapter.ask(Targets(), None) is None
        with pytest.raises(HatchwayError):
            await adapter.perform(KeepOpen("s1"))

    qt_run(steps())


@pytest.mark.parametrize("kind", subclasses(Query), ids=lambda kind: kind.__name__)
def test_the_fake_answers_every_query(kind: type) -> None:
    assert FakeControl().ask(sample(kind)) is not None
