"""Output on its way into the emulator, a little at a time.

Owns the queue and the time one slice may take. Does not own when to paint nor
whom to tell: whoever feeds it keeps the queue short by counting ``consumed``.
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
"""Bytes parsed between two looks at the clock: adapted, as some bytes cost a thousand others.
Not more, as those may come after any number of cheap ones."""
SLOW_US, FAST_US = 2000, 500
"""A slice that took longer is halved next time; one that took less is doubled."""
MAX_QUEUE = 8 * 1024 * 1024
"""Bytes that may wait. Beyond it feed() parses at once: whoever ignores flow
control pays with time, and no byte is lost."""


class Feeder(QObject):
    """Hands queued bytes to ``parse`` in time slices.

    ``parse`` returns False when it left some of them undone: then it gets b"" until it is done,
    and only then more. Bytes are queued until they are done.
    """

    progressed = Signal()
    """After every slice."""

    def __init__(self, parse: Callable[[bytes], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parse = parse
        self._taken = 0
        """Bytes parse() has and is not done with."""
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._slice = FIRST_SLICE
        self._consumed = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._pump)
        self._gives_way = self._worked = False

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

    def clear(self) -> None:
        """Drop what waits; it counts as consumed."""
        self._consumed += self._queued
        self._queued = self._taken = 0
        self._queue.clear()
        self._timer.stop()

    def give_way(self) -> None:
        """Let the loop's next turn pass: a frame is to be painted in it, and that takes time."""
        self._gives_way = True

    def take_worked(self) -> bool:
        """Whether there was parsing since this was last asked, and no turn was given away."""
        worked, self._worked = self._worked, False
        return worked

    def _pump(self) -> None:
        if self._gives_way:
            self._gives_way = self._worked = False
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
