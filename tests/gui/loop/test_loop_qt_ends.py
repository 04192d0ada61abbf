"""The Qt loop from its start to its end: stop and run again, exits, interrupts, failures."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

if sys.platform == "win32":
    pytest.skip("The Qt loop is for POSIX", allow_module_level=True)

from gui.loop.event_loop import QtEventLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[QtEventLoop]:
    loop = QtEventLoop(qapp)
    yield loop
    loop.close()


def test_it_runs_again_after_it_was_stopped(loop: QtEventLoop) -> None:
    ran: list[int] = []
    for number in range(3):
        loop.call_soon(ran.append, number)
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert ran == [0, 1, 2]


def test_nothing_runs_while_the_loop_does_not(loop: QtEventLoop, qapp: QApplication) -> None:
    ran: list[str] = []
    loop.call_soon(ran.append, "soon")
    loop.call_later(0, ran.append, "later")
    qapp.processEvents()
    assert ran == []
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert ran == ["soon", "later"]


def test_the_applications_exit_ends_it(loop: QtEventLoop, qapp: QApplication) -> None:
    loop.call_soon(qapp.exit)
    forever = loop.create_future()
    with pytest.raises(RuntimeError, match="stopped before Future completed"):
        loop.run_until_complete(forever)
    assert not loop.is_running()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_comes_out_of_the_loop(
    loop: QtEventLoop, kind: type[BaseException]
) -> None:
    def end() -> None:
        raise kind

    loop.call_soon(end)
    with pytest.raises(kind):
        loop.run_forever()
    assert loop.run_until_complete(asyncio.sleep(0, 1)) == 1


def test_ctrl_c_is_heard_while_qt_waits(loop: QtEventLoop) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    try:
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
    finally:
        signal.signal(signal.SIGINT, before)
        interrupt.join()


@pytest.mark.parametrize("where", ["slot", "event"])
def test_ctrl_c_in_a_slot_or_an_event_handler_of_qt_ends_it(loop: QtEventLoop, where: str) -> None:
    class Interrupted(QObject):
        def event(self, event: QEvent) -> bool:
            raise KeyboardInterrupt

        def slot(self) -> None:
            raise KeyboardInterrupt

    interrupted = Interrupted()
    if where == "slot":
        QTimer.singleShot(0, interrupted.slot)
    else:
        QCoreApplication.postEvent(interrupted, QEvent(QEvent.Type.User))
    hook = sys.excepthook
    loop.call_later(5, loop.stop)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert sys.excepthook is hook


def test_it_runs_on_the_applications_thread_only(loop: QtEventLoop) -> None:
    told: list[str] = []

    def run() -> None:
        with pytest.raises(RuntimeError) as raised:
            loop.run_forever()
        told.append(str(raised.value))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "thread of the application" in told[0]


def test_a_closed_loop_refuses_and_says_so(qapp: QApplication) -> None:
    loop = QtEventLoop(qapp)
    loop.close()
    loop.close()
    for call in (loop.call_soon, loop.call_soon_threadsafe):
        with pytest.raises(RuntimeError, match="closed"):
            call(print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()


@pytest.mark.parametrize("debug", [False, True])
def test_a_task_that_failed_is_freed_at_once(loop: QtEventLoop, debug: bool) -> None:
    # gc is off in tests: a cycle through the traceback's frames would stay.
    loop.set_debug(debug)
    loop.set_exception_handler(lambda *_: None)

    async def fail() -> None:
        raise ValueError("a task's own")

    async def steps() -> weakref.ref[asyncio.Task[None]]:
        ref = weakref.ref(asyncio.ensure_future(fail()))
        await asyncio.sleep(0)
        return ref

    assert loop.run_until_complete(steps())() is None


def test_it_is_freed_when_it_is_closed(qapp: QApplication) -> None:
    freed = QtEventLoop(qapp)
    freed.run_until_complete(asyncio.sleep(0))
    freed.close()
    gone = weakref.ref(freed)
    del freed
    gc.collect()
    assert gone() is None


def test_debug_mode_tells_of_slow_callbacks_and_wrong_threads(
    loop: QtEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    loop.set_debug(True)
    loop.slow_callback_duration = 0.01
    told: list[str] = []

    def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="Non-thread-safe"):
            loop.call_soon(print)
        told.append("refused")

    async def steps() -> None:
        time.sleep(0.02)  # noqa: ASYNC251 -- what is to be told of
        thread = threading.Thread(target=elsewhere)
        thread.start()
        while thread.is_alive():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    loop.run_until_complete(steps())
    assert told == ["refused"]
    assert any(
        "took 0.0" in record.getMessage() and "steps" in record.getMessage()
        for record in caplog.records
    )
