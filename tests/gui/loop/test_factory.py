"""The loop under Qt: many callbacks, timers in order, threads, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.gui.conftest import Run

CALLBACKS = 50_000


def test_fifty_thousand_callbacks_run_in_order(qt_run: Run) -> None:
    # PySide6 6.12 on Python 3.11 aborts the process long before that many.
    async def steps() -> list[int]:
        loop = asyncio.get_running_loop()
        ran: list[int] = []
        for number in range(CALLBACKS):
            loop.call_soon(ran.append, number)
        done = loop.create_future()
        loop.call_soon(done.set_result, None)
        await done
        return ran

    assert qt_run(steps()) == list(range(CALLBACKS))


def test_timers_fire_in_order_and_in_time(qt_run: Run) -> None:
    async def steps() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        fired: list[tuple[str, float]] = []
        done = loop.create_future()

        def note(name: str) -> None:
            fired.append((name, loop.time() - started))
            if name == "late":
                done.set_result(None)

        loop.call_later(0.06, note, "late")
        loop.call_later(0.02, note, "early")
        cancelled = loop.call_later(0.03, note, "cancelled")
        cancelled.cancel()
        await done
        return fired

    (first, early), (second, late) = qt_run(steps())
    assert (first, second) == ("early", "late")
    # Qt's ordinary timers keep to within a twentieth, in whole milliseconds.
    assert early >= 0.018
    assert late >= 0.056


def test_work_of_an_executor_comes_back_while_the_loop_runs_on(qt_run: Run) -> None:
    async def steps() -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        release = threading.Event()

        def work() -> str:
            assert release.wait(5)
            return threading.current_thread().name

        future = loop.run_in_executor(None, work)
        turns = 0
        for _ in range(10):
            await asyncio.sleep(0)
            turns += 1
        release.set()
        return await future, turns

    name, turns = qt_run(steps())
    assert name.startswith("hatchway")
    assert turns == 10


def test_a_thread_wakes_the_loop_at_once(qt_run: Run) -> None:
    async def steps() -> float:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set))
        started = time.perf_counter()
        thread.start()
        await asyncio.wait_for(woken.wait(), 5)
        thread.join()
        return time.perf_counter() - started

    assert qt_run(steps()) < 1


@pytest.mark.skipif(sys.platform == "win32", reason="no add_signal_handler there")
def test_a_signal_is_heard_while_qt_waits(qt_run: Run) -> None:
    async def steps() -> None:
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, heard.set)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(heard.wait(), 5)
        loop.remove_signal_handler(signal.SIGTERM)

    qt_run(steps())
