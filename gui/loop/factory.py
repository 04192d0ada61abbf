"""Create the event loop that runs the engine inside Qt: one loop for widgets, sockets, timers."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import qasync

if TYPE_CHECKING:
    import asyncio

    from PySide6.QtWidgets import QApplication

EXECUTOR_THREADS = 4
"""Threads for blocking calls outside the engine's own executor: imports, name lookups."""


def create_loop(app: QApplication) -> asyncio.AbstractEventLoop:
    """An asyncio loop driven by Qt. The caller sets it as current, runs and closes it.

    Closing it also ends its executor's threads.
    """
    loop: asyncio.AbstractEventLoop
    if sys.platform == "win32":
        loop = qasync.QEventLoop(app)
    else:
        from gui.loop.event_loop import QtEventLoop

        loop = QtEventLoop(app)
    # The default executor of qasync starts ten QThreads on first use.
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=EXECUTOR_THREADS, thread_name_prefix="hatchway")
    )
    return loop
