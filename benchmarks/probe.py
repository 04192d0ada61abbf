"""How a window fares while its loop also carries terminals: timer, frames, clicks.

Owns the sampling inside a Qt process. Does not own the load. All in seconds.
"""

from __future__ import annotations

import threading
import time

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QMainWindow, QPushButton, QTableWidget, QTableWidgetItem, QWidget

TICK = 0.016
"""Of the timer whose slip is measured, and which may ask for a frame each time."""
CLICK_EVERY = 0.023
"""No multiple of TICK: clicks come at any moment of a frame."""
SIZE = (1200, 800)


class Probe(QObject):
    """Between ``start()`` and ``stop()`` the window is clicked as by a user.

    A click is a press and a release, posted by another thread, as window systems do;
    its time ends in the slot of a real button. With ``paint`` the whole window is asked
    to paint at each tick, which is more than any user could make it do.
    """

    _ticked: float
    _painted: float
    _posted: float

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._button = QPushButton("", window)
        self._button.setGeometry(0, 0, 8, 8)
        self._button.show()
        self._button.clicked.connect(self._clicked)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(TICK * 1000))
        self._timer.timeout.connect(self._tick)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reset()
        window.installEventFilter(self)

    def start(self, paint: bool = False) -> None:
        self._reset()
        self._paint = paint
        self._stop.clear()
        self._timer.start()
        self._thread = threading.Thread(target=self._click, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, list[float]]:
        """``slips``: how much later than TICK each tick came; ``frames``: from one
        painting to the next; ``clicks``: from a click to its slot."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._timer.stop()
        self._paint = False
        return {"slips": self._slips, "frames": self._frames, "clicks": self._clicks}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            now = time.perf_counter()
            if self._painted:
                self._frames.append(now - self._painted)
            self._painted = now
        return False

    def _reset(self) -> None:
        self._slips: list[float] = []
        self._frames: list[float] = []
        self._clicks: list[float] = []
        self._ticked = self._painted = self._posted = 0.0
        self._paint = False

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._ticked:
            self._slips.append(max(0.0, now - self._ticked - TICK))
        self._ticked = now
        if self._paint:
            self._window.update()

    def _click(self) -> None:
        at = QPointF(2, 2)
        left = Qt.MouseButton.LeftButton
        none = Qt.MouseButton.NoButton
        kinds = ((QEvent.Type.MouseButtonPress, left), (QEvent.Type.MouseButtonRelease, none))
        while not self._stop.wait(CLICK_EVERY):
            if self._posted:
                continue  # the last one still waits: a user would, too
            events = [
                QMouseEvent(kind, at, at, left, held, Qt.KeyboardModifier.NoModifier)
                for kind, held in kinds
            ]
            self._posted = time.perf_counter()
            for event in events:
                QCoreApplication.postEvent(self._button, event)

    def _clicked(self) -> None:
        if self._posted:
            self._clicks.append(time.perf_counter() - self._posted)
            self._posted = 0.0


def plain_window() -> QMainWindow:
    """A window of the same size with a table in it, for what has no window of its own."""
    window = QMainWindow()
    rows, columns = 30, 6
    table = QTableWidget(rows, columns)
    for row in range(rows):
        for column in range(columns):
            table.setItem(row, column, QTableWidgetItem(f"{row}:{column}"))
    window.setCentralWidget(table)
    window.resize(*SIZE)
    window.show()
    return window
