"""Garbage with Qt objects in it dies on the window's thread."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from gui.loop.garbage import BUSY_MS, QUIET_POLLS, REST_MS, WindowGarbageCollector


class Cycle:
    """A Qt object in a reference cycle; says in which thread it died."""

    def __init__(self, deaths: list[threading.Thread]) -> None:
        self.qt = QObject()
        self.me = self
        weakref.finalize(self, lambda: deaths.append(threading.current_thread()))


@pytest.fixture
def collector(qapp: QApplication) -> Iterator[WindowGarbageCollector]:
    # The test run itself keeps the collector on one thread in the same way.
    gc.enable()
    made = WindowGarbageCollector()
    yield made
    made.stop()
    gc.disable()


def test_a_worker_that_allocates_collects_nothing(collector: WindowGarbageCollector) -> None:
    deaths: list[threading.Thread] = []
    Cycle(deaths)

    def allocate() -> None:
        kept: list[list[int]] = [[number] for number in range(200_000)]
        assert kept

    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert deaths == []
    kept = [[number] for number in range(5_000)]
    assert collector.poll() is not None
    assert kept
    gc.collect()
    assert deaths == [threading.main_thread()]


def test_stop_gives_the_collector_back(collector: WindowGarbageCollector) -> None:
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled()


def test_it_looks_often_while_there_is_garbage_and_seldom_at_rest(
    collector: WindowGarbageCollector,
) -> None:
    kept = [[number] for number in range(5_000)]
    assert collector.poll() is not None
    assert collector._timer.interval() == BUSY_MS
    assert kept
    while collector.poll() is not None:
        pass
    assert collector._timer.interval() == BUSY_MS, "one lull is no rest"
    for _ in range(QUIET_POLLS):
        collector.poll()
    assert collector._timer.interval() == REST_MS
    assert collector._timer.isActive()
