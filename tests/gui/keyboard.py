"""Keys as the window system sends them: to a window, which gives them to whoever has the focus."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

NONE = Qt.KeyboardModifier.NoModifier


def press(window: QWidget, *keys: str | Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
    """Press and release each key, one after the other, wherever the focus is."""
    handle = window.windowHandle()
    for key in keys:
        QTest.keyClick(handle, key, held)
    QApplication.processEvents()


def activate(window: QWidget) -> None:
    window.show()
    window.activateWindow()
    spin(window.isActiveWindow)


def spin(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Run Qt until ``condition`` holds.

    Not by qtbot.waitUntil: its loops end at once, before any timer, where an earlier test has
    ended the application's own.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        QTest.qWait(5)
