"""Who else keeps the machine busy while something is measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import psutil

from benchmarks.neighbours import QUIET, Neighbours, others, quiet

BUSY_SECONDS = 0.3
BUSY = (
    "import sys, time\n"
    f"while time.process_time() < {BUSY_SECONDS}: 0\n"
    "print(flush=True)\n"
    "sys.stdin.read()"
)


def test_a_child_is_no_neighbour_once_it_was_waited_for() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        worked = psutil.Process(child.pid).cpu_times().user
        before = others()
    assert before - others() >= worked / 2


def test_a_share_is_of_one_processor_since_last_asked() -> None:
    work = [100.0, 101.0, 101.0]
    neighbours = Neighbours(lambda: work.pop(0))
    began = time.monotonic()
    while time.monotonic() - began < 0.01:
        pass
    assert 0 < neighbours.share() <= 100 / 0.01
    assert neighbours.share() == 0


def test_quiet_is_waited_for() -> None:
    seen = [150.0, 40.0, QUIET, 0.0]
    assert asyncio.run(quiet(lambda: seen.pop(0))) == QUIET
    assert seen == [0.0]


def test_waiting_for_quiet_ends_and_says_what_there_was() -> None:
    assert asyncio.run(quiet(lambda: 150.0, patience=0.0)) == 150.0
