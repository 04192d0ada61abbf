"""The event loops a child can run on: ours, stock qasync, plain asyncio.

Owns making and closing them. Does not own what runs. Stock means stock: nothing
of ours is imported for it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Literal

LoopName = Literal["gui", "qasync", "asyncio"]


def run(name: LoopName, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work()`` to its end on that loop, then end the process.

    The interpreter is not torn down: threads of C++ libraries may still call into it.
    """
    code = 1
    try:
        if name == "asyncio":
            asyncio.run(_finish(work))
        else:
            _run_in_qt(name, work)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if code:
            import traceback

            traceback.print_exc()
        os._exit(code)


async def _finish(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def _run_in_qt(name: LoopName, work: Callable[[], Awaitable[None]]) -> None:
    from PySide6.QtWidgets import QApplication

    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    if name == "gui":
        from gui.loop.factory import create_loop
        from gui.loop.garbage import WindowGarbageCollector

        loop = create_loop(app)
        collector = WindowGarbageCollector(app)
    else:
        import qasync

        loop = qasync.QEventLoop(app)
        collector = None
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_finish(work))
    finally:
        if collector is not None:
            collector.stop()
        gc.collect()
        asyncio.set_event_loop(None)
        loop.close()
