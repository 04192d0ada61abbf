"""Output on its way into the emulator, a little at a time.

The sender keeps the queue short: it counts the consumed bytes that are reported to it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGET_MS = 4
"""Parsing goes on for this long before the loop gets its turn."""
FIRST_SLICE = 2048
MIN_SLICE, MAX_SLICE = 64, 16 * 1024
"""Bytes parsed between two readings of the clock: adapted, as some bytes cost as much as a
thousand others. Not more, as expensive bytes may follow any number of cheap ones."""
SLOW_US, FAST_US = 2000, 500
"""A slice that took longer is halved next time; one that took less is doubled."""
MAX_QUEUE = 8 * 1024 * 1024
"""Bytes that may wait. Beyond it feed() parses at once: a sender that ignores flow control
waits, and no byte is lost."""


class Feeder(QObject):
    """Passes queued bytes to ``parse`` in time slices.

    ``parse`` returns False when it did not finish: then it gets b"" until it has, and only
    then more. Bytes count as queued until they are finished.
    """

    progressed = Signal()
    """After every slice."""

    def __init__(self, parse: Callable[[bytes], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parse = parse
        self._taken = 0
        """Bytes parse() has and has not finished."""
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._slice = FIRST_SLICE
        self._consumed = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._pump)
        self._yields = self._worked = False

    @property
    def queued(self) -> int:
        """Bytes not parsed yet."""
        return self._queued

    def feed(self, data: bytes) -> None:
        if not data:
            return
        self._queue.append(data)
        self._queued += len(data)
        while self._queued > MAX_QUEUE:
            self._step()
        if not self._timer.isActive():
            self._timer.start(0)

    def take_consumed(self) -> int:
        """Bytes parsed since this was last asked."""
        consumed, self._consumed = self._consumed, 0
        return consumed

    def finish(self) -> None:
        """Parse now all that waits."""
        while self._queued:
            self._step()
        self._timer.stop()

    def clear(self) -> None:
        """Drop what waits; it counts as consumed."""
        self._consumed += self._queued
        self._queued = self._taken = 0
        self._queue.clear()
        self._timer.stop()

    def yield_turn(self) -> None:
        """Skip the loop's next turn: a frame is painted in it, and that takes time."""
        self._yields = True

    def take_worked(self) -> bool:
        """Whether there was parsing since this was last asked, and no turn was skipped."""
        worked, self._worked = self._worked, False
        return worked

    def _pump(self) -> None:
        if self._yields:
            self._yields = self._worked = False
            self._timer.start(0)
            return
        clock = QElapsedTimer()
        clock.start()
        while self._queued and clock.elapsed() < BUDGET_MS:
            self._step()
        self._worked = True
        if self._queued:
            self._timer.start(0)
        self.progressed.emit()

    def _step(self) -> None:
        rest = b""
        piece = b""
        if not self._taken:
            chunk = self._queue.popleft()
            piece, rest = chunk[: self._slice], chunk[self._slice :]
            if rest:
                self._queue.appendleft(rest)
            self._taken = len(piece)
        clock = QElapsedTimer()
        clock.start()
        if self._parse(piece):
            self._queued -= self._taken
            self._consumed += self._taken
            self._taken = 0
        took = clock.nsecsElapsed() // 1000
        if took > SLOW_US:
            self._slice = max(MIN_SLICE, self._slice // 2)
        elif took < FAST_US and rest:
            self._slice = min(MAX_SLICE, self._slice * 2)
