"""The Qt loop beside Qt: dialogs, slots, timers, clicks under a flood."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QDialog, QPushButton

if sys.platform == "win32":
    pytest.skip("The Qt loop is for POSIX", allow_module_level=True)

from gui.loop import event_loop, wakeups
from gui.loop.event_loop import QtEventLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.gui.conftest import Run


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[QtEventLoop]:
    loop = QtEventLoop(qapp)
    yield loop
    loop.close()


# --- What is whose -----------------------------------------------------------


def test_nothing_of_qasyncs_scheduling_is_left() -> None:
    kept = set()
    for base in qasync.QEventLoop.__mro__:
        if base is asyncio.SelectorEventLoop:
            break
        kept |= {name for name in vars(base) if getattr(QtEventLoop, name) is getattr(base, name)}
    assert {name for name in kept if hasattr(asyncio.SelectorEventLoop, name)} <= {
        name for name in kept if name.startswith("__")
    }
    assert issubclass(QtEventLoop, qasync.QEventLoop)


def test_readers_and_writers_make_no_qt_object(loop: QtEventLoop) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = len(loop._wakeups.children())
        for _ in range(100):
            loop.add_reader(ours, print)
            loop.add_writer(ours, print)
            assert loop.remove_writer(ours)
            assert loop.remove_reader(ours)
        assert len(loop._wakeups.children()) == before


# --- One wake event, one timer ----------------------------------------------


class WakeCounter(QObject):
    """Counts the events of one object that wait in Qt's queue at once, and in all."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.seen = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == wakeups.WAKE:
            self.seen += 1
        return False


def test_a_burst_of_callbacks_posts_one_event(loop: QtEventLoop) -> None:
    counter = WakeCounter(loop._wakeups)
    ran: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: [loop.call_soon_threadsafe(ran.append, n) for n in range(500)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.seen == 0
    loop.stop()
    loop.run_forever()
    assert len(ran) == 2000
    # One at the start, one for each slice's rest.
    assert counter.seen <= 4


def test_cancelled_timers_do_not_pile_up(qt_run: Run) -> None:
    async def steps() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, QtEventLoop)
        for _ in range(20):
            for _ in range(200):
                loop.call_later(3600, print).cancel()
            await asyncio.sleep(0)
        return len(loop._scheduled)

    assert qt_run(steps()) <= event_loop.MANY_TIMERS + 200


def test_a_fired_timer_that_is_cancelled_later_counts_for_nothing(qt_run: Run) -> None:
    async def steps() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, QtEventLoop)
        handles = [loop.call_later(0, int) for _ in range(20)]
        await asyncio.sleep(0.002)
        for handle in handles:
            handle.cancel()
        return loop._timer_cancelled_count

    assert qt_run(steps()) <= 0


def test_short_timers_neither_ring_early_nor_spin(qt_run: Run) -> None:
    async def steps() -> tuple[list[float], float]:
        loop = asyncio.get_running_loop()
        early = []
        busy = time.thread_time()
        for _ in range(50):
            started = loop.time()
            done = loop.create_future()
            loop.call_later(0.0025, done.set_result, None)
            await done
            early.append(loop.time() - started)
        return early, time.thread_time() - busy

    took, busy = qt_run(steps())
    assert min(took) >= 0.0025
    assert busy < sum(took) / 2


def test_a_timer_may_wait_longer_than_qt_can_count(loop: QtEventLoop) -> None:
    late = loop.call_later(10 * 365 * 86400, print)
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    late.cancel()


# --- Qt goes on under a flood -------------------------------------------------


async def flood(seconds: float) -> None:
    """Callbacks that always leave others behind, and a socket that is always readable."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(b"x")
        loop.add_reader(ours, int)
        end = loop.time() + seconds
        spinning = [asyncio.create_task(_spin(end)) for _ in range(20)]
        await asyncio.gather(*spinning)
        loop.remove_reader(ours)


async def _spin(end: float) -> None:
    while time.monotonic() < end:  # noqa: ASYNC110 -- the flood
        await asyncio.sleep(0)


def test_a_slice_ends_in_time_however_much_is_ready(
    loop: QtEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the thread's own time, which other processes cannot take.
    slices: list[float] = []
    run_slice = loop._run_slice

    def measured(end: float) -> None:
        started = time.thread_time()
        run_slice(end)
        slices.append(time.thread_time() - started)

    monkeypatch.setattr(loop, "_run_slice", measured)
    loop.run_until_complete(flood(0.2))
    assert len(slices) > 5
    assert max(slices) < 2 * event_loop.SLICE_SECONDS


@pytest.mark.parametrize("interval", [0, 5])
def test_qts_timers_go_on_under_a_flood(loop: QtEventLoop, interval: int) -> None:
    ticks: list[float] = []
    timer = QTimer(interval=interval, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start()
    loop.run_until_complete(flood(0.3))
    timer.stop()
    assert len(ticks) >= 10


def test_posted_events_are_handled_under_a_flood(loop: QtEventLoop, qtbot: QtBot) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    clicked: list[float] = []
    button.clicked.connect(lambda: clicked.append(time.monotonic()))

    async def steps() -> int:
        flooding = asyncio.create_task(flood(0.3))
        asked = 0
        while not flooding.done():
            asked += 1
            QTimer.singleShot(0, button.click)
            seen = len(clicked)
            while len(clicked) == seen and not flooding.done():  # noqa: ASYNC110
                await asyncio.sleep(0)
        await flooding
        return asked

    asked = loop.run_until_complete(steps())
    assert asked > 10
    assert len(clicked) >= asked - 1


def test_sockets_are_served_while_qt_is_never_done(loop: QtEventLoop) -> None:
    class Restless(QObject):
        def event(self, event: QEvent) -> bool:
            if event.type() == QEvent.Type.User:
                QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))
            return True

    restless = Restless()
    QCoreApplication.postEvent(restless, QEvent(QEvent.Type.User))

    async def steps() -> None:
        reader, writer = await asyncio.open_connection(sock=ours)
        for _ in range(50):
            theirs.send(b"x")
            assert await asyncio.wait_for(reader.readexactly(1), 5) == b"x"
            await asyncio.sleep(0.0001)
        await flood(0.05)
        writer.close()
        await writer.wait_closed()

    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop.run_until_complete(asyncio.wait_for(steps(), 20))
    QCoreApplication.removePostedEvents(restless)


# --- Dialogs and slots --------------------------------------------------------


@pytest.mark.parametrize("opened_by", ["callback", "slot", "first of two"])
def test_work_goes_on_while_a_dialogs_own_loop_runs(
    loop: QtEventLoop, qtbot: QtBot, opened_by: str
) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    told: list[str] = []

    async def background() -> None:
        for _ in range(5):
            await asyncio.sleep(0.001)
            await asyncio.sleep(0)
        await loop.run_in_executor(None, time.sleep, 0)
        told.append("background")
        dialog.accept()

    def show() -> None:
        told.append("shown")
        dialog.exec()
        told.append("closed")
        loop.stop()

    task: asyncio.Task[None] | None = None

    def start() -> None:
        nonlocal task
        task = loop.create_task(background())

    if opened_by == "slot":
        QTimer.singleShot(0, show)
        loop.call_soon(start)
    elif opened_by == "callback":
        # Nothing else is ready, and nothing calls: the timer alone must do.
        loop.call_later(0.02, start)
        loop.call_soon(show)
    else:
        loop.call_soon(show)
        loop.call_soon(start)
    loop.run_forever()
    assert told == ["shown", "background", "closed"]
    assert task is not None
    assert task.done()


def test_callbacks_keep_their_order_around_a_nested_loop(loop: QtEventLoop) -> None:
    ran: list[int] = []
    nested = QEventLoop()

    def enter() -> None:
        ran.append(0)
        nested.exec()

    def leave() -> None:
        ran.append(2)
        loop.call_soon(ran.append, 5)
        loop.call_soon(loop.stop)
        nested.quit()

    for callback in (enter, lambda: ran.append(1), leave):
        loop.call_soon(callback)
    loop.call_soon(ran.append, 3)
    loop.call_soon(ran.append, 4)
    loop.run_forever()
    assert ran == [0, 1, 2, 3, 4, 5]


def test_an_async_slot_runs_as_a_task(loop: QtEventLoop, qtbot: QtBot) -> None:
    done = loop.create_future()

    class Receiver(QObject):
        @qasync.asyncSlot()
        async def slot(self) -> None:
            await asyncio.sleep(0.001)
            done.set_result(asyncio.current_task() is not None)

    receiver = Receiver()
    button = QPushButton()
    qtbot.addWidget(button)
    button.clicked.connect(receiver.slot)
    QTimer.singleShot(0, button.click)
    assert loop.run_until_complete(asyncio.wait_for(done, 5))


def test_wrapped_blocking_work_runs_on_qts_loop(loop: QtEventLoop) -> None:
    async def steps() -> Any:
        return await qasync.asyncWrap(lambda: 42)

    assert loop.run_until_complete(steps()) == 42
