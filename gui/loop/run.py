"""The event loop that runs the engine inside Qt.

Owns choosing and configuring it: one loop for widgets, sockets and timers.
Does not own what runs on it. Everything else asks here, so that another
implementation can take its place.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import qasync

if TYPE_CHECKING:
    import asyncio

    from PySide6.QtWidgets import QApplication

EXECUTOR_THREADS = 4
"""Threads for what blocks outside the engine's own executor: imports, name look-ups."""


def create_loop(app: QApplication) -> asyncio.AbstractEventLoop:
    """An asyncio loop driven by Qt's. The caller makes it current, runs and closes it.

    Closing it also ends its executor's threads.
    """
    loop: asyncio.AbstractEventLoop
    if sys.platform == "win32":
        loop = qasync.QEventLoop(app)
    else:
        from gui.loop.event_loop import QtEventLoop

        loop = QtEventLoop(app)
    # The default of qasync starts ten QThreads at once, on first use.
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=EXECUTOR_THREADS, thread_name_prefix="hatchway")
    )
    return loop
