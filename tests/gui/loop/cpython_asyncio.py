"""Runs CPython's own tests of asyncio, as installed with it, on the Qt loop.

``python -m tests.gui.loop.cpython_asyncio RESULT.json NAME...``, each a module or a test,
in a process of its own (test_cpython_asyncio.py starts it), as it puts our loop in
asyncio's place.
Writes ``{"ran": count, "failed": [id...], "skipped": {id: reason}}``. Does not own
which failures are right.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import json
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

from gui.loop.event_loop import QtEventLoop

PACKAGE = "test.test_asyncio"
STUCK_SECONDS = 40
"""A test that takes longer ends the process, with its stack on stderr."""

PlainLoop = asyncio.SelectorEventLoop


class LoopUnderTest(QtEventLoop):
    """Ours, made as asyncio's is. Threads get asyncio's own: Qt has but one."""

    def __new__(cls, selector: Any = None) -> Any:
        if selector is not None and not hasattr(selector, "fileno"):
            raise unittest.SkipTest("Qt can only watch a selector that has a descriptor")
        if threading.current_thread() is threading.main_thread():
            return super().__new__(cls)
        return PlainLoop(selector)

    def __init__(self, selector: Any = None) -> None:
        app = QApplication.instance()
        assert app is not None
        super().__init__(app, selector)


class Results(unittest.TextTestResult):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.failed: set[str] = set()
        self.skips: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self.failed.add(short(test))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self.failed.add(short(test))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed.add(short(test))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.skips[short(test)] = reason


def short(test: unittest.TestCase) -> str:
    return test.id().removeprefix(f"{PACKAGE}.")


def use_our_loop() -> None:
    for name in ("SelectorEventLoop", "EventLoop"):
        if hasattr(asyncio, name):
            setattr(asyncio, name, LoopUnderTest)
    policy: Any = asyncio.DefaultEventLoopPolicy
    policy._loop_factory = LoopUnderTest


def main(result: str, names: list[str]) -> None:
    app = QApplication(["asyncio"])
    gc.collect()
    gc.freeze()  # Many tests collect garbage: not Qt's bindings each time.
    use_our_loop()
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames([f"{PACKAGE}.{name}" for name in names])
    runner = unittest.TextTestRunner(resultclass=Results, verbosity=2, warnings="default")
    ran = runner.run(suite)
    assert isinstance(ran, Results)
    Path(result).write_text(
        json.dumps({"ran": ran.testsRun, "failed": sorted(ran.failed), "skipped": ran.skips})
    )
    del app


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
